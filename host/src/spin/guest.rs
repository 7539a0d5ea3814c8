//! What the host keeps for one instance of a component, and the interfaces that the component imports.

use crate::clock::Clock;
use crate::log::Level;
use crate::spin::bindings::Capabilities;
use crate::spin::database::Databases;
use crate::spin::loan::Loan;
use crate::spin::outbound::{AllowedHosts, Outbound};
use crate::spin::output::Output;
use crate::spin::store::Stores;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, UNIX_EPOCH};
use wasmtime::component::{GuestTaskId, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// What a component is given: what the manifest grants it, and the clock.
pub(crate) struct Grants {
    pub component: Arc<str>,
    pub variables: BTreeMap<String, String>,
    pub databases: Databases,
    pub stores: Stores,
    pub outbound: Arc<AllowedHosts>,
    pub environment: Vec<(String, String)>,
    pub clock: Arc<Clock>,
}

/// Called for a request that takes long, with its task if that is known.
pub(crate) type TakesLong = Box<dyn Fn(Option<GuestTaskId>) + Send + Sync>;

/// What the host keeps for one instance.
pub(crate) struct Guest {
    pub grants: Arc<Grants>,
    pub table: ResourceTable,
    pub open_connections: usize,
    /// The connections to databases that are open.
    pub loans: Vec<Weak<Loan>>,
    /// Told that one of its requests takes long, for its query does, and which, if that is known.
    pub takes_long: Option<TakesLong>,
    /// How often it was asked for something, and has asked the database: who computes does neither.
    pub calls: u64,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
}

impl Guest {
    pub fn new(grants: Arc<Grants>) -> Self {
        let output = |level| Output { component: grants.component.clone(), level };
        // No files, no network but the client of wasi:http, and no environment but the manifest's.
        let wasi = WasiCtx::builder()
            .stdout(output(Level::Info))
            .stderr(output(Level::Error))
            .envs(&grants.environment)
            .wall_clock(WallClock(grants.clock.clone()))
            .build();
        let outbound = Outbound { component: grants.component.clone(), allowed: grants.outbound.clone() };
        Self {
            table: ResourceTable::new(),
            open_connections: 0,
            loans: Vec::new(),
            takes_long: None,
            calls: 0,
            wasi,
            http: WasiHttpCtx::new(),
            outbound,
            grants,
        }
    }

    /// Whether others wait for it to write, or will: it has the turn, or asks for it.
    pub fn writes(&self) -> bool {
        self.loans.iter().filter_map(Weak::upgrade).any(|loan| loan.writes())
    }

    /// Lets components import WASI 0.3, the parts of WASI 0.2 that Rust's standard library uses, and Spin's interfaces.
    pub fn add_to_linker(linker: &mut Linker<Self>) -> wasmtime::Result<()> {
        wasmtime_wasi::p2::add_to_linker_async(linker)?;
        wasmtime_wasi::p3::add_to_linker(linker)?;
        wasmtime_wasi_http::p3::add_to_linker(linker)?;
        Capabilities::add_to_linker::<_, HasSelf<Self>>(linker, |guest| guest)
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound, table: &mut self.table, ctx: &mut self.http }
    }
}

/// The clock as WASI 0.2 and 0.3 read it: the time since 1970.
struct WallClock(Arc<Clock>);

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        // A system whose clock stands before 1970 is at its beginning.
        self.0.now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}
