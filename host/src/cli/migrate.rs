//! `accord migrate`: brings the database to the schema of this release, or shows on a copy what that would do.
//!
//! The schema is the application's and the host knows nothing of it: the components are started and asked whether they are
//! ready, which has them migrate what they find.

use crate::app::runtime_config;
use crate::backup::{self, Kept};
use crate::cli::application::{Application, Prepared};
use crate::config::Config;
use crate::files;
use crate::server::Server;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Instant;

#[derive(Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    application: Application,
    /// Show on a copy what would happen, also while the database is served
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn migrate(migrate: &Migrate) -> Result<()> {
    let Prepared { mut config, .. } = migrate.application.prepare()?;
    migrate.application.build(&config)?;
    let kept = runtime_config::kept(&config.state_dir, config.runtime_config.as_deref())?;
    if !kept.database.exists() {
        bail!("{} is not there: it is made by the first `accord up`", kept.database.display());
    }
    if !migrate.dry_run {
        let before = State::read(&kept.database)?;
        run(config, &kept.database)?.tell(&before, "Migrated");
        return Ok(());
    }
    // Where the database is there is most likely room for a copy, and nobody else looks.
    files::private_directory(&config.state_dir)?;
    let copy = tempfile::Builder::new().prefix(".accord-migrate-").tempdir_in(&config.state_dir)?;
    copy.path().clone_into(&mut config.state_dir);
    config.runtime_config = None;
    let copied = runtime_config::kept(copy.path(), None)?;
    clone(&kept, &copied).context("cannot copy what is kept")?;
    let before = State::read(&copied.database)?;
    run(config, &copied.database)?.tell(&before, "On a copy this release would migrate");
    Ok(())
}

fn clone(from: &Kept, to: &Kept) -> rusqlite::Result<()> {
    backup::copy(&from.database, &to.database)?;
    if from.key_value.exists() { backup::copy(&from.key_value, &to.key_value) } else { Ok(()) }
}

/// Has the application migrate its database, and reads how that is then.
fn run(config: Config, database: &Path) -> Result<State> {
    let started = Instant::now();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        Server::start(config).await?.shutdown().await;
        anyhow::Ok(())
    })?;
    let state = State::read(database)?;
    Ok(State { took: started.elapsed().as_secs_f64(), ..state })
}

/// How far a database is.
struct State {
    /// The last file of the schema that was applied.
    version: i64,
    /// How many rows were ambiguous to a migration, and why.
    ambiguous: Vec<(String, i64)>,
    /// Seconds that it took to come there.
    took: f64,
}

impl State {
    fn read(database: &Path) -> Result<Self> {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let unreadable = || format!("{} is no database of an Accord", database.display());
        let version = connection.query_row("SELECT coalesce(max(version), 0) FROM migrations", (), |row| row.get(0));
        let mut statement = connection
            .prepare(
                "SELECT coalesce(detail ->> 'reason', ''), count(*) FROM audit WHERE action = 'migrated'
                  GROUP BY 1 ORDER BY 1",
            )
            .with_context(unreadable)?;
        let ambiguous = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>();
        let (version, ambiguous) = (version.with_context(unreadable)?, ambiguous.with_context(unreadable)?);
        Ok(Self { version, ambiguous, took: 0.0 })
    }

    fn tell(&self, before: &Self, done: &str) {
        if self.version == before.version {
            println!("Nothing to do: the database has the schema of this release ({}).", self.version);
            return;
        }
        println!("{done} the schema from {} to {}, in {:.1} seconds.", before.version, self.version, self.took);
        let known =
            |reason: &String| before.ambiguous.iter().find(|(known, _)| known == reason).map_or(0, |known| known.1);
        for (reason, count) in &self.ambiguous {
            let count = count - known(reason);
            if count > 0 {
                println!("  {count} in the audit as `migrated`: {reason}");
            }
        }
    }
}
