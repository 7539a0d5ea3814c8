//! `accord export` and `accord import`: of an Accord that runs, or of a state directory that nobody serves, which is served for as
//! long as it takes, to nobody else.

use crate::cli::application::{Application, Prepared};
use crate::client::Place;
use crate::server::Server;
use crate::transfer::{self, Caller};
use anyhow::{Context as _, Result};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct Transfer {
    /// Lines of JSON, one a row. The hashes of all passwords are in it: it is as secret as these
    file: PathBuf,
    /// Where an Accord runs, as `http://127.0.0.1:3000` [default: the state directory, which nobody may serve]
    #[arg(long)]
    url: Option<String>,
    /// The address of an owner of the operator account, whose password is in `ACCORD_PASSWORD` [default: the administrator of the first
    /// start]
    #[arg(long, value_name = "ADDRESS")]
    user: Option<String>,
    #[command(flatten)]
    application: Application,
}

/// What is done with an Accord.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Export,
    Import,
}

pub(super) fn export(transfer: &Transfer) -> Result<()> {
    let lines = transfer.run(What::Export)?;
    println!("{}: {lines} lines. The hashes of all passwords are in it: keep it secret.", transfer.file.display());
    Ok(())
}

pub(super) fn import(transfer: &Transfer) -> Result<()> {
    let lines = transfer.run(What::Import)?;
    println!(
        "{lines} lines were brought in. Whoever signed in where they come from does so here: the first start's credentials are void."
    );
    Ok(())
}

impl Transfer {
    fn run(&self, what: What) -> Result<u64> {
        let Prepared { config, .. } = self.application.prepare()?;
        let (name, password) = if let Some(user) = &self.user {
            let password = std::env::var("ACCORD_PASSWORD");
            (user.clone(), password.context("ACCORD_PASSWORD is missing: the password of --user")?)
        } else {
            let of = |name: &str| config.variables.get(name).cloned().with_context(|| format!("{name} is missing"));
            (of("admin_email")?, of("admin_password")?)
        };
        let runtime = tokio::runtime::Runtime::new()?;
        let caller = |url: &str| Ok::<_, anyhow::Error>(Caller { place: Place::parse(url)?, name, password });
        if let Some(url) = &self.url {
            return runtime.block_on(run(&caller(url)?, what, url, &self.file));
        }
        self.application.build(&config)?;
        let from = std::path::absolute(&config.state_dir)?.display().to_string();
        runtime.block_on(async {
            let server = Server::start(config).await.context("give --url for an Accord that runs")?;
            let done = run(&caller(&server.url())?, what, &from, &self.file).await;
            server.shutdown().await;
            done
        })
    }
}

async fn run(caller: &Caller, what: What, from: &str, file: &Path) -> Result<u64> {
    match what {
        What::Export => transfer::export(caller, from, file).await.context("not exported"),
        What::Import => transfer::import(caller, file).await.context("not imported"),
    }
}
