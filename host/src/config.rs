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
    /// Do not log requests, nor say what takes long.
    pub quiet: bool,
    /// The wall clock that components see.
    pub clock: Arc<Clock>,
    /// Called with each SQL statement before it runs.
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
            clock: Arc::default(),
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
