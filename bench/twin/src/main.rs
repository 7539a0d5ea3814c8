//! Some of Accord's operations natively, without WebAssembly: what this machine could do.
//!
//! It works on a copy of Accord's own store, with the same pragmas, asks it the same of whoever calls, writes the same rows, and
//! takes and issues the same tokens. What it leaves out is everything else that Accord does: other operations, other cases
//! of these, problem details, limits.

mod change;
mod read;
mod record;
mod store;
mod token;
mod upsert;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::routing::{get, patch, post};
use clap::{Args, Parser, Subcommand};

use crate::store::Store;
use crate::token::Tokens;

/// Some of Accord's operations natively
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers `GET` and `PUT /api/accounts/{id}`, `PATCH /api/integrations/v1/accounts`,
    /// `PATCH /Endpoint/rest/api/v1/Account` and `POST /oauth/token` of a client
    Serve(Serve),
    /// Inserts what a portal PATCH of new accounts inserts, and prints the milliseconds that it took
    Insert(Insert),
}

#[derive(Args)]
struct Serve {
    /// The store, made by Accord
    #[arg(long)]
    store: PathBuf,
    /// The key-value store beside it, which has the keys that sign
    #[arg(long)]
    keys: PathBuf,
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
}

#[derive(Args)]
struct Insert {
    /// The store, made by Accord
    #[arg(long)]
    store: PathBuf,
    /// How many accounts
    #[arg(long)]
    rows: usize,
    /// What external ids and registration ids begin with
    #[arg(long)]
    prefix: String,
}

/// What the handlers share.
struct App {
    store: Store,
    tokens: Tokens,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Serve(arguments) => serve(&arguments),
        Command::Insert(Insert { store, rows, prefix }) => {
            println!("{:.3}", upsert::insert(&Store::new(store), rows, &prefix)?.as_secs_f64() * 1000.0);
            Ok(())
        }
    }
}

#[tokio::main]
async fn serve(arguments: &Serve) -> Result<()> {
    let store = Store::new(arguments.store.clone());
    let tokens = store.with(|connection| Tokens::load(connection, &arguments.keys))?;
    let router = Router::new()
        .route("/api/accounts/{id}", get(read::account).put(change::account))
        .route("/api/integrations/v1/accounts", patch(upsert::accounts))
        .route("/Endpoint/rest/api/v1/Account", patch(record::account))
        .route("/oauth/token", post(token::token))
        .with_state(Arc::new(App { store, tokens }));
    axum::serve(tokio::net::TcpListener::bind(arguments.listen).await?, router).await?;
    Ok(())
}
