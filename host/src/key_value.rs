//! `spin:key-value`: a store in a SQLite file, with the table that Spin uses for its own.
//!
//! A value that is set is on the disk when `set` returns. Stores are small and seldom used (signing keys), so one
//! connection serves all.

use crate::guest::Guest;
use crate::guest::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore, Store as StoreResource};
use rusqlite::OptionalExtension as _;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::component::{Accessor, FutureReader, HasSelf, Resource, StreamReader};

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
        connection.execute_batch(
            "PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS spin_key_value (
                 store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key)
             );",
        )?;
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

    async fn get(self, key: String) -> Result<Option<Vec<u8>>, Error> {
        self.run(move |connection, label| {
            connection
                .prepare_cached("SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2")?
                .query_row([label, &key], |row| row.get(0))
                .optional()
        })
        .await
    }
}

fn store<T: Send>(accessor: &Accessor<T, HasSelf<Guest>>, store: &Resource<Store>) -> wasmtime::Result<Store> {
    accessor.with(|mut access| Ok(access.get().table.get(store)?.clone()))
}

impl Host for Guest {}

impl HostStore for Guest {
    fn drop(&mut self, store: Resource<StoreResource>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostStoreWithStore<T> for HasSelf<Guest> {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> wasmtime::Result<Result<Resource<StoreResource>, Error>> {
        accessor.with(|mut access| {
            let guest = access.get();
            Ok(match guest.grants.stores.get(&label) {
                None => Err(Error::AccessDenied),
                Some(None) => Err(Error::NoSuchStore),
                Some(Some(store)) => guest.table.push(store.clone()).map_err(|_| Error::StoreTableFull),
            })
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        handle: Resource<StoreResource>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        Ok(store(accessor, &handle)?.get(key).await)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        handle: Resource<StoreResource>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let set = move |connection: &rusqlite::Connection, label: &str| {
            connection
                .prepare_cached(
                    "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
                     ON CONFLICT (store, key) DO UPDATE SET value = excluded.value",
                )?
                .execute((label, &key, &value))
                .map(drop)
        };
        Ok(store(accessor, &handle)?.run(set).await)
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        handle: Resource<StoreResource>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let delete = move |connection: &rusqlite::Connection, label: &str| {
            connection
                .prepare_cached("DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2")?
                .execute([label, &key])
                .map(drop)
        };
        Ok(store(accessor, &handle)?.run(delete).await)
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        handle: Resource<StoreResource>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        Ok(store(accessor, &handle)?.get(key).await.map(|value| value.is_some()))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        handle: Resource<StoreResource>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let list = |connection: &rusqlite::Connection, label: &str| {
            connection
                .prepare_cached("SELECT key FROM spin_key_value WHERE store = ?1 ORDER BY key")?
                .query_map([label], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<String>>>()
        };
        let (keys, end) = match store(accessor, &handle)?.run(list).await {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let end = FutureReader::new(&mut access, std::future::ready(wasmtime::error::Ok(end)))?;
            Ok((keys, end))
        })
    }
}
