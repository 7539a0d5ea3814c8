//! The command line: `accord up` and `accord build`, with the options of `spin up` and `spin build` that apply, and
//! `accord token` and `accord mail`.

use crate::app::build::build;
use crate::app::credentials::Credentials;
use crate::app::manifest::Manifest;
use crate::app::toml_file;
use crate::config::Config;
use crate::log;
use crate::mail;
use crate::server::Server;
use crate::token;
use anyhow::{Context as _, Result, bail};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// One account directory behind four published account APIs, on one machine.
///
/// `accord up` builds what is out of date, keeps its data in `.accord`, and serves port 3000 of this machine. The first start
/// makes an administrator and a connector. What they sign in with is in `.accord/credentials.toml`, readable by you alone,
/// and `accord token` gets a token with it. `accord` is a host for Spin applications: it runs the `spin.toml` here, without
/// Spin.
#[derive(Parser)]
#[command(name = "accord", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Builds what is out of date and runs the application
    Up(Up),
    /// Builds the components that are out of date
    Build(From),
    /// Prints an access token for the connector of the first start
    Token(Token),
    /// Prints the mails that wait in the outbox, with the secrets in their links
    Mail(Mail),
}

#[derive(Args)]
struct From {
    /// The manifest, or the directory that holds its `spin.toml` [default: here or above]
    #[arg(short, long = "from", value_name = "FILE")]
    manifest: Option<PathBuf>,
}

#[derive(Args)]
struct State {
    /// Where data is kept, relative to the manifest
    #[arg(long, value_name = "DIRECTORY", default_value = ".accord")]
    state_dir: PathBuf,
}

#[derive(Args)]
struct Token {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    state: State,
    /// Where Accord is reached
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    url: String,
}

#[derive(Args)]
struct Mail {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    state: State,
}

#[derive(Args)]
struct Up {
    #[command(flatten)]
    from: From,
    /// Where to listen; `:PORT` is on this machine only
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3000", value_parser = listen)]
    listen: SocketAddr,
    #[command(flatten)]
    state: State,
    /// The value of an application variable; `@FILE` reads many from a TOML file
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// Where databases and key-value stores are, as in Spin
    #[arg(long, value_name = "FILE")]
    runtime_config_file: Option<PathBuf>,
    /// Run the components as they are
    #[arg(long)]
    no_build: bool,
    /// Do not log requests
    #[arg(short, long)]
    quiet: bool,
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
}

/// Does what the arguments of the process say. An error is one line on standard error.
pub fn cli() -> ExitCode {
    match run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = format!("{error:#}").lines().map(str::trim).collect::<Vec<_>>().join(" ");
            log::say(line);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let mut command = Cli::command().mut_subcommand("up", |up| up.after_help(variables()));
    let parsed = command.try_get_matches_from_mut(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        // Help and version.
        Err(message) if !message.use_stderr() => return Ok(message.print()?),
        Err(error) => {
            let text = error.to_string();
            // What follows the first paragraph is advice.
            let line = text.split("\n\n").next().unwrap_or_default();
            bail!("{} (see `accord --help`)", line.strip_prefix("error: ").unwrap_or(line));
        }
    };
    match cli.command {
        None => Ok(command.print_long_help()?),
        Some(Command::Build(from)) => build(&find(from.manifest)?),
        Some(Command::Up(up)) => self::up(up),
        Some(Command::Token(Token { from, state, url })) => {
            let root = Manifest::read(&find(from.manifest)?)?.root;
            println!("{}", token::issue(&root.join(state.state_dir), &url)?);
            Ok(())
        }
        Some(Command::Mail(Mail { from, state })) => {
            let root = Manifest::read(&find(from.manifest)?)?.root;
            print!("{}", mail::waiting(&root.join(state.state_dir))?);
            Ok(())
        }
    }
}

/// The variables of the manifest that is here or above, for the help.
fn variables() -> String {
    let Ok(manifest) = find(None).and_then(|path| Manifest::read(&path)) else { return String::new() };
    let mut text = format!("Variables ({} says what they mean):\n", manifest.path.display());
    for (name, variable) in &manifest.variables {
        // Writing to a string does not fail.
        _ = match variable.default.as_deref() {
            None => writeln!(text, "  {name}"),
            Some(default) => writeln!(text, "  {name} [default: {default}]"),
        };
    }
    text
}

/// The address of `127.0.0.1:3000`, `localhost:3000` or `:3000`.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let text = if text.starts_with(':') { format!("{}{text}", Ipv4Addr::LOCALHOST) } else { text.to_owned() };
    let addresses: Vec<_> = text.to_socket_addrs().map_err(|error| error.to_string())?.collect();
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    first.copied().ok_or_else(|| "there is no such host".to_owned())
}

/// The manifest to use: the given one, else `spin.toml` here or in the nearest directory above.
fn find(given: Option<PathBuf>) -> Result<PathBuf> {
    match given {
        Some(directory) if directory.is_dir() => Ok(directory.join("spin.toml")),
        Some(file) => Ok(file),
        None => {
            let here = std::env::current_dir()?;
            let found = here.ancestors().map(|directory| directory.join("spin.toml")).find(|file| file.is_file());
            let found = found.context("there is no spin.toml here or above: name one with --from")?;
            Ok(found.strip_prefix(&here).map(Path::to_owned).unwrap_or(found))
        }
    }
}

fn up(up: Up) -> Result<()> {
    let path = find(up.from.manifest)?;
    let manifest = Manifest::read(&path)?;
    let state_dir = manifest.root.join(&up.state.state_dir);

    let mut variables = from_environment(&manifest);
    let given = from_arguments(&up.variables)?;
    for argument in &up.variables {
        let name = argument.split_once('=').map_or("", |(name, _)| name);
        if !argument.starts_with('@') && manifest.variables.get(name).is_some_and(|variable| variable.secret) {
            log::say(format_args!(
                "the list of processes shows {name} to everybody: give it by SPIN_VARIABLE_{} or by --variable @FILE",
                name.to_uppercase()
            ));
        }
    }
    variables.extend(given);
    let credentials = Credentials::complete(&mut variables, &manifest, &state_dir)?;
    // What can be told before a build that may take minutes is told before it.
    manifest.resolve(&variables)?;
    std::net::TcpListener::bind(up.listen).map(drop).with_context(|| format!("cannot listen on {}", up.listen))?;
    if !up.no_build {
        build(&path)?;
    }

    let mut config = Config::new(path, &state_dir);
    config.listen = up.listen;
    config.variables = variables;
    config.runtime_config = up.runtime_config_file;
    config.quiet = up.quiet;
    config.ask_ready = true;
    config.limits.request_timeout = Duration::from_secs(up.request_timeout);
    config.limits.max_instances = up.max_instances.into();
    config.clients.connections = usize::try_from(up.max_connections)?;
    config.clients.connections_per_address = usize::try_from(up.max_connections_per_address)?;
    config.clients.timeout = Duration::from_secs(up.client_timeout);
    config.clients.rate = up.client_rate;

    let runtime = tokio::runtime::Runtime::new()?;
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

/// `SPIN_VARIABLE_<NAME>` for each of the manifest's variables, as Spin reads them.
fn from_environment(manifest: &Manifest) -> BTreeMap<String, String> {
    let value = |name: &String| std::env::var(format!("SPIN_VARIABLE_{}", name.to_uppercase())).ok();
    manifest.variables.keys().filter_map(|name| Some((name.clone(), value(name)?))).collect()
}

fn from_arguments(arguments: &[String]) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for argument in arguments {
        if let Some(file) = argument.strip_prefix('@') {
            variables.extend(toml_file::read::<BTreeMap<String, String>>(Path::new(file))?);
        } else {
            // The value is not repeated: it may be a secret.
            let (name, value) = argument.split_once('=').context("--variable needs the form name=value")?;
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(variables)
}

fn greet(server: &Server, manifest: &Manifest, credentials: Option<&Credentials>) -> Result<()> {
    let url = server.url();
    println!("Serving {url}");
    for trigger in &manifest.triggers {
        println!("  {}: {url}{}", trigger.component, trigger.route);
    }
    if let Some(credentials) = credentials {
        credentials.write_postman(&url)?;
        println!("\n{}", credentials.session(&url));
    }
    Ok(())
}
