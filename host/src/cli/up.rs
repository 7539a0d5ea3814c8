//! `accord up`: builds what is out of date, and serves.

use crate::app::credentials::Credentials;
use crate::app::manifest::Manifest;
use crate::background;
use crate::cli::application::{Application, Prepared};
use crate::log;
use crate::server::Server;
use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Args)]
pub(super) struct Up {
    #[command(flatten)]
    application: Application,
    /// Where to listen; `:PORT` is on this machine only
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3000", value_parser = listen)]
    listen: SocketAddr,
    /// Do not log requests
    #[arg(short, long)]
    quiet: bool,
    /// How lines of the log look
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Where to tell Prometheus what is counted, at /metrics; `:PORT` is on this machine only [default: nowhere]
    #[arg(long, value_name = "HOST:PORT", value_parser = listen)]
    metrics_listen: Option<SocketAddr>,
    /// Seconds that a request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    request_timeout: u64,
    /// Instances of all components together
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    max_instances: u16,
    /// Connections at a time
    #[arg(long, value_name = "COUNT", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
    /// Connections at a time from one address; 0 for no limit, where only a proxy can connect
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    max_connections_per_address: u32,
    /// Seconds that a client may keep silent
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    client_timeout: u64,
    /// Bytes per second that a client has to send at least
    #[arg(long, value_name = "BYTES", default_value_t = 8192, value_parser = clap::value_parser!(u64).range(1..))]
    client_rate: u64,
    /// Milliseconds that databases are to seem away, to measure by: so much longer takes each statement
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    distance: u64,
}

/// The address of `127.0.0.1:3000`, `localhost:3000` or `:3000`.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let text = if text.starts_with(':') { format!("{}{text}", Ipv4Addr::LOCALHOST) } else { text.to_owned() };
    let addresses: Vec<_> = text.to_socket_addrs().map_err(|error| error.to_string())?.collect();
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    first.copied().ok_or_else(|| "there is no such host".to_owned())
}

/// How lines of the log look.
#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    /// `TIME LEVEL COMPONENT REQUEST-ID MESSAGE`
    Text,
    /// An object a line
    Json,
}

pub(super) fn up(up: &Up) -> Result<()> {
    if matches!(up.log_format, LogFormat::Json) {
        log::use_json();
    }
    let Prepared { mut config, manifest, credentials } = up.application.prepare()?;
    // What can be told before a build that may take minutes is told before it.
    std::net::TcpListener::bind(up.listen).map(drop).with_context(|| format!("cannot listen on {}", up.listen))?;
    up.application.build(&config)?;

    config.listen = up.listen;
    config.metrics_listen = up.metrics_listen;
    config.quiet = up.quiet;
    config.limits.request_timeout = Duration::from_secs(up.request_timeout);
    config.limits.max_instances = up.max_instances.into();
    config.clients.connections = usize::try_from(up.max_connections)?;
    config.clients.connections_per_address = usize::try_from(up.max_connections_per_address)?;
    config.clients.timeout = Duration::from_secs(up.client_timeout);
    config.clients.rate = up.client_rate;
    config.distance = Duration::from_millis(up.distance);

    let runtime = background::foreground()?;
    let served = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // Taken and passed over: a server outlives the terminal that it was started from.
        let _hangup = signal(SignalKind::hangup())?;
        let server = Server::start(config).await?;
        greet(&server, &manifest, credentials.as_ref())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // Who asks twice does not want to wait.
        tokio::select! {
            () = server.shutdown() => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    });
    // A statement that still runs must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

fn greet(server: &Server, manifest: &Manifest, credentials: Option<&Credentials>) -> Result<()> {
    let url = server.url();
    let metrics = server.metrics_addr().map(|addr| format!("http://{addr}/metrics"));
    if log::is_json() {
        log::say(format_args!("serving {url}"));
        if let Some(metrics) = metrics {
            log::say(format_args!("metrics are at {metrics}"));
        }
        if let Some(credentials) = credentials {
            credentials.write_postman(&url)?;
            log::say(format_args!("the first credentials are in {}", credentials.file().display()));
        }
        return Ok(());
    }
    println!("Serving {url}");
    if let Some(metrics) = metrics {
        println!("Metrics are at {metrics}");
    }
    for trigger in &manifest.triggers {
        println!("  {}: {url}{}", trigger.component, trigger.route);
    }
    if let Some(credentials) = credentials {
        credentials.write_postman(&url)?;
        println!("\n{}", credentials.session(&url));
    }
    Ok(())
}
