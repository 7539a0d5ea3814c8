//! What the host keeps for one instance of a component, and the interfaces that the component imports.

use crate::key_value::Stores;
use crate::outbound::{AllowedHosts, Outbound};
use crate::sqlite::Databases;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use wasmtime::component::{Accessor, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

wasmtime::component::bindgen!({
    path: "wit",
    world: "accord:host/capabilities",
    imports: {
        "spin:sqlite/sqlite.[static]connection.open": async,
        "spin:sqlite/sqlite.[method]connection.execute": async,
        "spin:sqlite/sqlite": trappable,
        "spin:key-value/key-value": trappable,
    },
    with: {
        "spin:sqlite/sqlite.connection": crate::sqlite::Lease,
        "spin:key-value/key-value.store": crate::key_value::Store,
    },
});

/// What the manifest grants to a component.
pub(crate) struct Grants {
    pub component: Arc<str>,
    pub variables: BTreeMap<String, String>,
    pub databases: Databases,
    pub stores: Stores,
    pub outbound: Arc<AllowedHosts>,
    pub environment: Vec<(String, String)>,
}

/// What the host keeps for one instance.
pub(crate) struct Guest {
    pub grants: Arc<Grants>,
    pub table: ResourceTable,
    pub open_connections: usize,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
}

impl Guest {
    pub fn new(grants: Arc<Grants>) -> Self {
        let output = Output { component: grants.component.clone() };
        // No files, no network but the client of wasi:http, and no environment but the manifest's.
        let wasi = WasiCtx::builder().stdout(output.clone()).stderr(output).envs(&grants.environment).build();
        let outbound = Outbound { component: grants.component.clone(), allowed: grants.outbound.clone() };
        Self { table: ResourceTable::new(), open_connections: 0, wasi, http: WasiHttpCtx::new(), outbound, grants }
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

impl spin::variables::variables::Host for Guest {}

impl<T: Send> spin::variables::variables::HostWithStore<T> for HasSelf<Guest> {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, spin::variables::variables::Error> {
        use spin::variables::variables::Error;
        crate::manifest::check_variable_name(&name).map_err(Error::InvalidName)?;
        let grants = accessor.with(|mut access| access.get().grants.clone());
        let undefined = || Error::Undefined(format!("no variable for {:?}.{name:?}", grants.component));
        grants.variables.get(&name).cloned().ok_or_else(undefined)
    }
}

/// A component's standard output and error: lines on the host's standard error, each with the component's name.
#[derive(Clone)]
struct Output {
    component: Arc<str>,
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(Lines { component: self.component.clone(), line: Vec::new() })
    }
}

/// Gathers a line, then writes it at once, so that lines of different instances do not run into each other.
struct Lines {
    component: Arc<str>,
    line: Vec<u8>,
}

impl Lines {
    /// A line longer than this is written in pieces.
    const LONGEST: usize = 8 * 1024;

    fn flush_line(&mut self) {
        if !self.line.is_empty() {
            let line = format!("[{}] {}\n", self.component, String::from_utf8_lossy(&self.line));
            self.line.clear();
            // There is nowhere to report that standard error is gone.
            _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}

impl tokio::io::AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        for &byte in bytes {
            if byte == b'\n' || self.line.len() == Self::LONGEST {
                self.flush_line();
            }
            if byte != b'\n' {
                self.line.push(byte);
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.flush_line();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush_line();
    }
}
