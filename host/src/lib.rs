//! Accord's host: runs a Spin application on one machine, without Spin.
//!
//! It reads the same `spin.toml`, routes as Spin does, and gives the components the interfaces that they import with
//! Spin's rules and error values: `wasi:http`, `spin:sqlite`, `spin:key-value`, `spin:variables`, and requests to the
//! hosts that the manifest grants. It has no feature that Spin lacks, so that an application which runs here runs there.
//!
//! The binary is [`cli`]. Tests start servers of their own:
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let manifest = std::path::Path::new("spin.toml");
//! accord::build(manifest)?;
//! let server = accord::Server::start(accord::Config::new(manifest, ".accord")).await?;
//! println!("{}", server.url());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod build;
mod cli;
mod credentials;
mod engine;
mod files;
mod guest;
mod instances;
mod key_value;
mod manifest;
mod outbound;
mod routes;
mod runtime_config;
mod server;
mod sqlite;

pub use crate::build::build;
pub use crate::cli::cli;
use crate::guest::{Grants, Guest};
use crate::instances::Instances;
use crate::manifest::Manifest;
use crate::routes::Router;
use crate::runtime_config::Storage;
use crate::server::{App, Service};
pub use crate::sqlite::StatementObserver;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use wasmtime::component::Linker;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// What to run, and how.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The `spin.toml` to run.
    pub manifest: PathBuf,
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where data is kept. A relative path is relative to the manifest's directory.
    pub state_dir: PathBuf,
    /// Values of application variables. They go before the manifest's defaults.
    pub variables: BTreeMap<String, String>,
    /// A runtime configuration as Spin has it, that says where databases and stores are.
    pub runtime_config: Option<PathBuf>,
    /// Bounds on what components may use.
    pub limits: Limits,
    /// Do not log requests.
    pub quiet: bool,
    /// Called with the text of each SQL statement before it runs.
    pub statement_observer: Option<StatementObserver>,
}

impl Config {
    /// Runs `manifest` on a free port of the loopback interface with data in `state_dir`, and logs no requests.
    pub fn new(manifest: impl Into<PathBuf>, state_dir: impl Into<PathBuf>) -> Self {
        Self {
            manifest: manifest.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            state_dir: state_dir.into(),
            variables: BTreeMap::new(),
            runtime_config: None,
            limits: Limits::default(),
            quiet: true,
            statement_observer: None,
        }
    }
}

/// Bounds on what components may use.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Instances at a time. Every component has an equal share, and at least one.
    pub max_instances: usize,
    /// Requests that an instance serves at a time. Spin's default is 16, and so is this.
    pub max_concurrent_per_instance: usize,
    /// Requests after which an instance ends. Spin's default is 128; this is more, for what an instance remembers is dear: a
    /// password that it has verified has taken some 50 ms.
    pub max_requests_per_instance: usize,
    /// An instance without requests ends after this time. Spin's default is one second. Ten keep the verified tokens and
    /// keys that an instance remembers through a pause in the traffic, and cost a few megabytes.
    pub idle_timeout: Duration,
    /// A request that takes longer ends with `504`: 30 seconds.
    pub request_timeout: Duration,
    /// Bytes of memory that an instance may have: 256 MiB.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_instances: 64,
            max_concurrent_per_instance: 16,
            max_requests_per_instance: 1024,
            idle_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            memory: 256 << 20,
        }
    }
}

/// A running application.
pub struct Server {
    addr: SocketAddr,
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
        let listener = tokio::net::TcpListener::bind(config.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
        let addr = listener.local_addr()?;
        let app = tokio::task::spawn_blocking(move || load(&config)).await??;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(server::serve(Arc::new(app), listener, stopped));
        Ok(Self { addr, stop, task })
    }

    /// Where the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address as a URL without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops accepting requests, lets those in progress end, and closes the databases.
    pub async fn shutdown(self) {
        // Neither fails but when the server is gone.
        _ = self.stop.send(true);
        _ = self.task.await;
    }
}

/// Reads all that the configuration names and makes an application of it. Blocks.
fn load(config: &Config) -> Result<App> {
    let manifest = Manifest::read(&config.manifest)?;
    let values = manifest.resolve(&config.variables)?;
    let state_dir = manifest.root.join(&config.state_dir);
    let storage = Storage::open(&state_dir, config.runtime_config.as_deref(), config.statement_observer.as_ref())?;

    let share = (config.limits.max_instances / manifest.components.len().max(1)).max(1);
    let engine = engine::engine(&config.limits, share * manifest.components.len())?;
    let mut linker = Linker::new(&engine);
    Guest::add_to_linker(&mut linker)?;

    let caches = [manifest.root.join("target/accord-cache"), state_dir.join("cache")];
    let load = &|name: &str, source: &Path| -> Result<ServicePre<Guest>> {
        let component = engine::load(&engine, source, &caches)?;
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
    let services = services.into_iter().zip(&manifest.components).map(|(service, (name, component))| {
        let name: Arc<str> = name.as_str().into();
        let grants = Grants {
            component: name.clone(),
            variables: component.variables(&values),
            databases: storage.databases(&component.sqlite_databases),
            stores: storage.stores(&component.key_value_stores),
            outbound: Arc::new(component.outbound_hosts(&values)?),
            environment: component.environment.clone().into_iter().collect(),
        };
        let instances = Instances::new(service, Arc::new(grants), config.limits.clone(), share);
        Ok(Service { name, instances })
    });
    let services = services.collect::<Result<Vec<_>>>()?;

    let place = |name: &str| manifest.components.keys().position(|key| key == name);
    let routes = manifest.triggers.iter().filter_map(|trigger| Some((&*trigger.route, place(&trigger.component)?)));
    Ok(App { router: Router::new(routes), services, quiet: config.quiet })
}
