//! Accord's host: runs a Spin application on one machine, without Spin.
//!
//! It reads the same `spin.toml`, routes as Spin does, and gives the components the interfaces that they import with
//! Spin's rules and error values: `wasi:http`, `spin:sqlite`, `spin:key-value`, `spin:variables`, and requests to the
//! hosts that the manifest grants. An application that runs here runs on Spin: what this host has and Spin lacks
//! (a [`Clock`] that a test can set, a view of the SQL statements) is for tests, and no component can ask for it.
//!
//! # Rooms
//!
//! Each room knows only those above it in this list.
//!
//! - `background`, `clock`, `log`, `metrics`, `files` and `routes` know nothing of the others; nor does `mail`, which reads what waits.
//! - `spin` has the interfaces that components import.
//! - `backup` copies what is kept, and puts it back.
//! - `app` has what the application's developer writes (the manifest, the runtime configuration), builds the components
//!   and makes the first credentials.
//! - `config` is what a server is started with.
//! - `engine` compiles components and keeps their instances.
//! - `server` accepts requests and hands them to instances.
//! - `client` sends requests to a running Accord: `token` asks it for a token, `health` whether it is ready.
//! - `cli` is the command line.
//!
//! Within `spin` the generated bindings name the types behind the interfaces' resources, and those use the bindings'
//! values and errors: the only circle.
//!
//! # Use
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

mod app;
mod background;
mod backup;
mod cli;
mod client;
mod clock;
mod config;
mod engine;
mod files;
mod health;
mod log;
mod mail;
mod metrics;
mod routes;
mod server;
mod spin;
mod token;
mod transfer;

pub use crate::app::build::build;
pub use crate::cli::cli;
pub use crate::clock::Clock;
pub use crate::config::{Clients, Config, Limits};
pub use crate::server::Server;
pub use crate::spin::database::{Statement, StatementObserver};
