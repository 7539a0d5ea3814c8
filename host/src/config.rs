//! What a server is started with.

use crate::clock::Clock;
use crate::spin::database::StatementObserver;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What to run, and how.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The `spin.toml` to run. `None` is the application that is part of this program, which only a release has.
    pub manifest: Option<PathBuf>,
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where to tell Prometheus what is counted, at `/metrics`: nowhere by default. It is for whoever operates the server,
    /// asks for no credentials, and must not be where strangers reach it.
    pub metrics_listen: Option<SocketAddr>,
    /// Where data is kept. A relative path is relative to the manifest's directory.
    pub state_dir: PathBuf,
    /// Values of application variables. They go before the manifest's defaults.
    pub variables: BTreeMap<String, String>,
    /// A runtime configuration as Spin has it, that says where databases and stores are.
    pub runtime_config: Option<PathBuf>,
    /// Bounds on what components may use.
    pub limits: Limits,
    /// Bounds on what clients may use.
    pub clients: Clients,
    /// Ask the application at `/health/ready`, if it has a route there, whether it can do its work, before the first request is
    /// accepted. If it cannot, the server does not start.
    pub ask_ready: bool,
    /// Do not log requests, nor say what takes long.
    pub quiet: bool,
    /// The wall clock that components see.
    pub clock: Arc<Clock>,
    /// Called with each SQL statement before it runs, and may have it fail.
    pub statement_observer: Option<StatementObserver>,
    /// How far away databases are to seem: so much longer takes each statement, as one that crosses a network.
    pub distance: Duration,
}

impl Config {
    /// Runs `manifest` on a free port of the loopback interface with data in `state_dir`, and logs no requests.
    pub fn new(manifest: impl Into<PathBuf>, state_dir: impl Into<PathBuf>) -> Self {
        Self::of(Some(manifest.into()), state_dir)
    }

    /// As [`Config::new`], with the application that is part of this program if there is no `manifest`.
    pub(crate) fn of(manifest: Option<PathBuf>, state_dir: impl Into<PathBuf>) -> Self {
        Self {
            manifest,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            metrics_listen: None,
            state_dir: state_dir.into(),
            variables: BTreeMap::new(),
            runtime_config: None,
            limits: Limits::default(),
            clients: Clients::default(),
            ask_ready: false,
            quiet: true,
            clock: Arc::default(),
            statement_observer: None,
            distance: Duration::ZERO,
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

/// Bounds on what clients may use, so that those that are slow or silent keep out nobody else.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Clients {
    /// Connections at a time: 4096. Further ones wait to be accepted.
    pub connections: usize,
    /// Connections at a time from one address, or one network of 64 bits with IPv6: 256. A further one gets `429`. 0 is no
    /// limit: for a server that only a proxy can reach.
    pub connections_per_address: usize,
    /// How long a client may keep silent before it has sent a request's head, in addition to what `rate` allows for the body,
    /// and while it does not read its answer: 10 seconds. Then its connection is closed; a body that stays out gets `408`.
    pub timeout: Duration,
    /// Bytes per second that a body has to come with at least: 8192. One that is slower gets `408`.
    pub rate: u64,
}

impl Default for Clients {
    fn default() -> Self {
        Self { connections: 4096, connections_per_address: 256, timeout: Duration::from_secs(10), rate: 8192 }
    }
}
