//! A raw connection to the database.
//!
//! # Which calls may wait
//!
//! The synchronous call of the interface costs less than the asynchronous one, but while it runs no other request of
//! the instance moves. It is therefore taken for what cannot wait for another request: reads (in WAL mode nothing blocks
//! a reader) and short statements of a transaction that already holds the write lock. What may wait for the lock, for the
//! disk, or takes long is asynchronous. A synchronous wait for the lock would be fatal: the request that holds it on the
//! same instance could not go on to give it back.

use std::sync::Arc;

use anyhow::anyhow;
use spin_sdk::sqlite::Value;
// The SDK's own `Connection` offers the asynchronous calls only; the bindings below it have both.
#[cfg(not(test))]
use spin_sdk::sqlite::wit::sqlite as spin;

use crate::error::{Error, Result};
#[cfg(test)]
use crate::store::native as spin;
use crate::store::row::Row;

/// What every connection is told once. A database that is not an SQLite file (libSQL) refuses some of these and has its
/// own ways to be durable, so a refusal is no error.
const PRAGMAS: [&str; 5] = [
    // Five seconds to wait for the write lock, then `Error::Unavailable`. First, for the switch to WAL may wait too.
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_mode = WAL",
    // An acknowledged write survives a power cut.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    // A recursive query has tables in between. On file each has a page cache of its own, which costs more than the query.
    "PRAGMA temp_store = MEMORY",
];

/// A raw connection.
pub struct Sqlite(spin::Connection);

impl Sqlite {
    /// Opens the database and tells the connection what it is to know.
    pub async fn open() -> Result<Self> {
        let raw = spin::Connection::open_async("default".to_owned()).await.map_err(failure)?;
        for pragma in PRAGMAS {
            // See `PRAGMAS`: a refusal is no error.
            let _ = raw.execute(pragma, &[]);
        }
        Ok(Self(raw))
    }

    /// Runs a statement that does not wait, and returns its rows.
    pub fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>> {
        let result = self.0.execute(sql, parameters).map_err(failure)?;
        let columns = Arc::from(result.columns);
        Ok(result.rows.into_iter().map(|row| Row::new(&columns, row.values)).collect())
    }

    /// Runs a statement that may wait or take long, and returns its rows.
    pub async fn execute(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
        let (columns, rows, finished) = self.0.execute_async(sql.to_owned(), parameters).await.map_err(failure)?;
        let rows = rows.collect().await;
        finished.await.map_err(failure)?;
        let columns = Arc::from(columns);
        Ok(rows.into_iter().map(|row| Row::new(&columns, row.values)).collect())
    }
}

/// Spin gives SQLite's errors as text. What a caller can act on is told apart here and nowhere else.
fn failure(error: spin::Error) -> Error {
    match error {
        spin::Error::Io(text) if text.contains("database is locked") => {
            Error::Unavailable { retry_after: 1, reason: "the directory is busy" }
        }
        spin::Error::Io(text) => match text.split_once("UNIQUE constraint failed: ") {
            Some((_, columns)) => Error::Duplicate { columns: columns.to_owned() },
            None => Error::Internal(anyhow!("SQLite: {text}")),
        },
        other => Error::Internal(anyhow!("SQLite: {other:?}")),
    }
}
