//! Where databases and key-value stores are kept: in the state directory, or where a runtime configuration says.
//!
//! The configuration is Spin's `runtime-config.toml`, of which only the type `spin` (a file on this machine) is for this
//! host. An application that needs libSQL or Redis runs on Spin itself.

use crate::app::toml_file;
use crate::backup::Kept;
use crate::config::Config;
use crate::files::{private_directory, private_file};
use crate::metrics::Metrics;
use crate::spin::database::{Database, Databases};
use crate::spin::store::{Store, Stores};
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuntimeConfig {
    #[serde(default)]
    sqlite_database: BTreeMap<String, Backend>,
    #[serde(default)]
    key_value_store: BTreeMap<String, Backend>,
}

#[derive(Deserialize)]
struct Backend {
    r#type: String,
    path: Option<PathBuf>,
}

/// All databases and stores, by label.
pub(crate) struct Storage {
    databases: BTreeMap<String, Arc<Database>>,
    stores: BTreeMap<String, Store>,
}

impl Storage {
    /// Opens what the runtime configuration names, and the label `default` of both kinds in `state_dir` if it does not.
    pub fn open(state_dir: &Path, config: &Config, metrics: &Metrics) -> Result<Self> {
        private_directory(state_dir)?;
        let (databases, stores) = paths_of_both(state_dir, config.runtime_config.as_deref())?;
        for path in databases.values().chain(stores.values()) {
            // SQLite gives its journals the same rights.
            private_file(path)?;
        }
        let open = |(label, path): (String, PathBuf)| {
            let store = Store::open(&path, &label);
            Ok((label, store.with_context(|| format!("cannot open the key-value store {}", path.display()))?))
        };
        let database = |(label, path): (String, PathBuf)| {
            let observer = config.statement_observer.clone();
            let database = Database::new(path, observer, config.distance, metrics.database(&label));
            (label, Arc::new(database))
        };
        Ok(Self {
            databases: databases.into_iter().map(database).collect(),
            stores: stores.into_iter().map(open).collect::<Result<_>>()?,
        })
    }

    /// The databases for a component that is granted `labels`.
    pub fn databases(&self, labels: &BTreeSet<String>) -> Databases {
        labels.iter().map(|label| (label.clone(), self.databases.get(label).cloned())).collect()
    }

    /// The file of each database, by its label.
    pub fn database_files(&self) -> BTreeMap<String, PathBuf> {
        self.databases.iter().map(|(label, database)| (label.clone(), database.path().to_owned())).collect()
    }

    /// The key-value stores for a component that is granted `labels`.
    pub fn stores(&self, labels: &BTreeSet<String>) -> Stores {
        labels.iter().map(|label| (label.clone(), self.stores.get(label).cloned())).collect()
    }
}

/// The files of the labels `default`: what an Accord keeps.
pub(crate) fn kept(state_dir: &Path, runtime_config: Option<&Path>) -> Result<Kept> {
    let (mut databases, mut stores) = paths_of_both(state_dir, runtime_config)?;
    // There is always one.
    let default = |paths: &mut Paths| paths.remove("default").unwrap_or_default();
    Ok(Kept { database: default(&mut databases), key_value: default(&mut stores) })
}

type Paths = BTreeMap<String, PathBuf>;

/// The files of databases and of key-value stores.
fn paths_of_both(state_dir: &Path, runtime_config: Option<&Path>) -> Result<(Paths, Paths)> {
    let config = runtime_config.map(toml_file::read).transpose()?.unwrap_or_default();
    let RuntimeConfig { sqlite_database, key_value_store } = config;
    let databases = paths(sqlite_database, runtime_config, state_dir, "sqlite_db.db")?;
    Ok((databases, paths(key_value_store, runtime_config, state_dir, "sqlite_key_value.db")?))
}

/// The file of each label. Paths are relative to the configuration's directory.
fn paths(
    backends: BTreeMap<String, Backend>,
    runtime_config: Option<&Path>,
    state_dir: &Path,
    default: &str,
) -> Result<Paths> {
    let mut paths = BTreeMap::from([("default".to_owned(), state_dir.join(default))]);
    for (label, Backend { r#type, path }) in backends {
        let file = runtime_config.unwrap_or(Path::new(""));
        if r#type != "spin" {
            bail!(
                "{}: `{label}` has the type `{}`, but this host is for one machine and knows only `spin`, a file: \
                 use Spin itself",
                file.display(),
                r#type
            );
        }
        if let Some(path) = path {
            paths.insert(label, file.parent().unwrap_or(Path::new("")).join(path));
        } else if label != "default" {
            bail!("{}: `{label}` has no path", file.display());
        }
    }
    Ok(paths)
}
