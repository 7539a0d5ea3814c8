//! Connections to the store: kept and lent, as Accord's host does.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Result;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// The store.
pub struct Store {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// Writers stand in a queue instead of asking SQLite again and again.
    writer: Mutex<()>,
}

impl Store {
    /// The store in this file.
    pub fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default(), writer: Mutex::default() }
    }

    /// Calls `work` with a connection of its own.
    pub fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = kept.map_or_else(|| self.open(), Ok)?;
        let done = work(&connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        done
    }

    /// Calls `work` within a transaction.
    pub fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.with(|connection| {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            let done = work(connection);
            connection.execute_batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
            done
        })
    }

    /// With the pragmas of Accord, and two settings without which SQLite does several times the work of a short read.
    fn open(&self) -> Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.execute_batch(
            "PRAGMA busy_timeout = 5000;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             -- The tables that a recursive query makes for itself: else each is a file of its own, in a cache of its own.
             PRAGMA temp_store = MEMORY",
        )?;
        // Else a statement is planned anew for each value that a partial index might be chosen by.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(connection)
    }
}

/// The current time in milliseconds since the Unix epoch.
pub fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    elapsed.map_or(0, |elapsed| elapsed.as_millis().try_into().unwrap_or(i64::MAX))
}
