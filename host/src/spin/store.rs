//! A key-value store in a SQLite file, with the table that Spin uses for its own.
//!
//! A value that is set is on the disk when `set` returns. Stores are small and seldom used (signing keys), so one
//! connection serves all.

use crate::spin::bindings::spin::key_value::key_value::Error;
use rusqlite::OptionalExtension as _;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The table of a store.
pub(crate) const TABLE: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key)
);";

/// The stores granted to a component, by label. One that is granted but not defined is `None`.
pub(crate) type Stores = BTreeMap<String, Option<Store>>;

/// A store that a component has open: the resource `store`.
#[derive(Clone)]
pub struct Store {
    label: Arc<str>,
    connection: Arc<Mutex<rusqlite::Connection>>,
}

impl Store {
    /// Opens the store `label` in the file at `path`.
    pub fn open(path: &Path, label: &str) -> rusqlite::Result<Self> {
        let connection = rusqlite::Connection::open(path)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(TABLE)?;
        Ok(Self { label: label.into(), connection: Arc::new(Mutex::new(connection)) })
    }

    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&rusqlite::Connection, &str) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        tokio::task::spawn_blocking(move || {
            let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&connection, &self.label).map_err(|error| Error::Other(error.to_string()))
        })
        .await
        .unwrap_or_else(|panic| Err(Error::Other(panic.to_string())))
    }

    pub(super) async fn get(self, key: String) -> Result<Option<Vec<u8>>, Error> {
        self.run(move |connection, label| {
            connection
                .prepare_cached("SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2")?
                .query_row([label, &key], |row| row.get(0))
                .optional()
        })
        .await
    }

    pub(super) async fn set(self, key: String, value: Vec<u8>) -> Result<(), Error> {
        self.run(move |connection, label| {
            connection
                .prepare_cached(
                    "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
                     ON CONFLICT (store, key) DO UPDATE SET value = excluded.value",
                )?
                .execute((label, &key, &value))
                .map(drop)
        })
        .await
    }

    pub(super) async fn delete(self, key: String) -> Result<(), Error> {
        self.run(move |connection, label| {
            connection
                .prepare_cached("DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2")?
                .execute([label, &key])
                .map(drop)
        })
        .await
    }

    pub(super) async fn keys(self) -> Result<Vec<String>, Error> {
        self.run(|connection, label| {
            connection
                .prepare_cached("SELECT key FROM spin_key_value WHERE store = ?1 ORDER BY key")?
                .query_map([label], |row| row.get(0))?
                .collect()
        })
        .await
    }
}
