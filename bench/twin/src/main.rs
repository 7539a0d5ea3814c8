//! Accord's read and upsert of accounts natively, without WebAssembly: what this machine could do.
//!
//! It works on a copy of Accord's own store, with the same statements, pragmas and answers, and takes the tokens that
//! Accord issues. What it leaves out is everything else that Accord does: other operations, problem details, limits.

mod read;
mod store;
mod token;
mod upsert;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::routing::{get, patch};
use clap::{Args, Parser, Subcommand};

use crate::store::Store;
use crate::token::Tokens;

/// Accord's read and upsert of accounts natively
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers `GET /api/accounts/{id}` and `PATCH /api/integrations/v1/accounts`
    Serve(Serve),
    /// Inserts what a portal PATCH of new accounts inserts, and prints the milliseconds that it took
    Insert(Insert),
}

#[derive(Args)]
struct Serve {
    /// The store, made by Accord
    #[arg(long)]
    store: PathBuf,
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
    let tokens = store.with(Tokens::load)?;
    let router = Router::new()
        .route("/api/accounts/{id}", get(read::account))
        .route("/api/integrations/v1/accounts", patch(upsert::accounts))
        .with_state(Arc::new(App { store, tokens }));
    axum::serve(tokio::net::TcpListener::bind(arguments.listen).await?, router).await?;
    Ok(())
}
