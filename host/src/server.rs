//! A running application: the server that accepts connections, in front of the components.

mod answer;
mod body;
mod connections;
mod dispatch;
mod exporter;

use crate::app::bundle;
use crate::app::manifest::Manifest;
use crate::app::runtime_config::Storage;
use crate::clock::Clock;
use crate::config::{Clients, Config};
use crate::engine::instances::Instances;
use crate::engine::{self, cache};
use crate::files;
use crate::log;
use crate::metrics::{Metrics, One};
use crate::routes::Router;
use crate::server::connections::{Addresses, Entrance, Timed};
use crate::server::dispatch::{Dispatcher, Service};
use crate::server::exporter::Exporter;
use crate::spin::guest::{Grants, Guest};
use anyhow::{Context as _, Result};
use futures::future::OptionFuture;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use wasmtime::component::Linker;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// A client of HTTP/2 that is silent is asked this often whether it is still there.
const PING: Duration = Duration::from_secs(30);
/// Requests at a time on one connection of HTTP/2.
const MAX_STREAMS: u32 = 64;
/// A client whose connection is one too many has this long to read so.
const REFUSAL: Duration = Duration::from_secs(1);
/// Requests in progress have this long to end when the server is told to stop.
const GRACE: Duration = Duration::from_secs(20);

/// The variable of a manifest that says where clients reach the application. Nobody need set it who listens elsewhere than
/// at its default: it is where the server listens.
const PUBLIC_URL: &str = "public_url";

/// A running application.
pub struct Server {
    /// The wall clock that its components see.
    pub clock: Arc<Clock>,
    addr: SocketAddr,
    metrics_addr: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts an application whose components are built.
    ///
    /// # Errors
    ///
    /// If the manifest cannot be run as it stands, or the address is in use. The error is one line.
    pub async fn start(config: Config) -> Result<Self> {
        let listener = bind(config.listen).await?;
        let addr = listener.local_addr()?;
        let for_metrics = match config.metrics_listen {
            Some(addr) => Some(bind(addr).await?),
            None => None,
        };
        let metrics_addr = for_metrics.as_ref().map(TcpListener::local_addr).transpose()?;
        let (clock, ask_ready) = (config.clock.clone(), config.ask_ready);
        let (dispatcher, exporter) = tokio::task::spawn_blocking(move || load(&config, addr)).await??;
        if ask_ready {
            let ready = dispatcher.ask_ready().await;
            if ready.is_err() {
                dispatcher.close().await;
            }
            ready?;
        }
        let (stop, stopped) = watch::channel(false);
        let telling = for_metrics.map(|listener| exporter.serve(listener, stopped.clone()));
        let served = serve(Arc::new(dispatcher), listener, stopped);
        let task = tokio::spawn(async move {
            tokio::join!(served, OptionFuture::from(telling));
        });
        Ok(Self { clock, addr, metrics_addr, stop, task })
    }

    /// Where the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where the server tells what it counts, if it does.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr
    }

    /// The address as a URL without a slash at its end: one at which this machine reaches the server.
    pub fn url(&self) -> String {
        format!("http://{}", reachable(self.addr))
    }

    /// Stops accepting requests, lets those in progress end, and closes the databases.
    pub async fn shutdown(self) {
        // Neither fails but when the server is gone.
        _ = self.stop.send(true);
        _ = self.task.await;
    }
}

async fn bind(addr: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| format!("cannot listen on {addr}"))
}

/// Where a server is reached that listens at `addr`: on the loopback interface, if it listens on all.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        addr.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    addr
}

/// Reads all that the configuration names and makes an application of it, which is served at `addr`. Blocks.
fn load(config: &Config, addr: SocketAddr) -> Result<(Dispatcher, Exporter)> {
    let manifest = Manifest::of(config.manifest.as_deref())?;
    let authority = reachable(addr).to_string();
    let mut variables = config.variables.clone();
    if manifest.variables.contains_key(PUBLIC_URL) {
        variables.entry(PUBLIC_URL.to_owned()).or_insert_with(|| format!("http://{authority}"));
    }
    let values = manifest.resolve(&variables)?;
    let state_dir = manifest.root.join(&config.state_dir);
    let lock = files::lock(&state_dir)?;
    let metrics = Arc::new(Metrics::new(&manifest.name));
    let storage = Storage::open(&state_dir, config, &metrics)?;

    let share = (config.limits.max_instances / manifest.components.len().max(1)).max(1);
    let engine = engine::engine(&config.limits, share * manifest.components.len())?;
    let mut linker = Linker::new(&engine);
    Guest::add_to_linker(&mut linker)?;

    let caches = [manifest.root.join("target/accord-cache"), state_dir.join("cache")];
    let load = &|name: &str, source: &Path| -> Result<ServicePre<Guest>> {
        let component = match (&config.manifest, bundle::find(name)) {
            (None, Some(compiled)) => cache::load_compiled(&engine, compiled.digest, compiled.code, &caches[1]),
            _ => cache::load(&engine, source, &caches, || {
                if !config.quiet {
                    log::say(format_args!("compiling the component {name}, which takes some seconds once"));
                }
            }),
        }?;
        let prepared = linker.instantiate_pre(&component).and_then(ServicePre::new);
        prepared.map_err(|error| anyhow::anyhow!("the component {name} cannot run here: {error:#}"))
    };
    let services = std::thread::scope(|scope| {
        let loading = manifest.components.iter().map(|(name, component)| {
            let source = manifest.root.join(&component.source);
            scope.spawn(move || load(name, &source))
        });
        // All of them start before the first is waited for.
        let loading: Vec<_> = loading.collect();
        loading.into_iter().map(|thread| thread.join().expect("loading does not panic")).collect::<Result<Vec<_>>>()
    })?;
    cache::give_memory_back();
    let services = services.into_iter().zip(&manifest.components).map(|(service, (name, component))| {
        let name: Arc<str> = name.as_str().into();
        let grants = Grants {
            component: name.clone(),
            variables: component.variables(&values),
            databases: storage.databases(&component.sqlite_databases),
            stores: storage.stores(&component.key_value_stores),
            outbound: Arc::new(component.outbound_hosts(&values)?),
            environment: component.environment.clone().into_iter().collect(),
            clock: config.clock.clone(),
        };
        let (grants, counted) = (Arc::new(grants), metrics.component(&name));
        let instances = Instances::new(service, grants, config.limits.clone(), share, counted);
        Ok(Service { name, instances })
    });
    let services = services.collect::<Result<Vec<_>>>()?;

    let place = |name: &str| manifest.components.keys().position(|key| key == name);
    let routes = manifest.triggers.iter().filter_map(|trigger| Some((&*trigger.route, place(&trigger.component)?)));
    let authority = authority.parse().with_context(|| format!("{authority} is no address"))?;
    let dispatcher = Dispatcher {
        router: Router::new(routes),
        services,
        clients: config.clients.clone(),
        authority,
        quiet: config.quiet,
        _lock: lock,
        bodies: body::Room::default(),
        answers: answer::Room::default(),
        metrics: metrics.clone(),
    };
    Ok((dispatcher, Exporter { metrics, databases: storage.database_files() }))
}

/// Accepts connections until `stop` says so or its sender is gone, then lets the requests in progress end.
async fn serve(dispatcher: Arc<Dispatcher>, listener: TcpListener, stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let clients: Clients = dispatcher.clients.clone();
    let mut entrance = Entrance::new(listener, clients.connections, stop);
    let addresses = Arc::<Addresses>::default();
    let counted = dispatcher.metrics.connections.clone();
    let mut http = Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(clients.timeout);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(clients.timeout)
        .max_concurrent_streams(MAX_STREAMS);
    while let Some((stream, client, permit)) = entrance.next().await {
        counted.accepted.inc();
        let Some(of_address) = addresses.count(client.ip(), clients.connections_per_address) else {
            counted.refused.inc();
            tokio::spawn(async move {
                connections::refuse(stream, REFUSAL).await;
                drop(permit);
            });
            continue;
        };
        // Without it small responses wait for the client's acknowledgement. To fail costs only that.
        _ = stream.set_nodelay(true);
        let dispatcher = dispatcher.clone();
        let service = service_fn(move |request| {
            let dispatcher = dispatcher.clone();
            async move { Ok::<_, Infallible>(dispatcher.respond(request, client).await) }
        });
        let (stream, open) = (Timed::new(stream, &clients), One::of(&counted.open));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service).into_owned());
        tokio::spawn(async move {
            // An error here is the client's: it went away, kept silent or spoke no HTTP.
            _ = connection.await;
            drop((permit, of_address, open));
        });
    }
    drop(entrance);
    _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    dispatcher.close().await;
}
