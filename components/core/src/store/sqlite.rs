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
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use spin_sdk::sqlite::Value;
// The SDK's own `Connection` offers the asynchronous calls only; the bindings below it have both.
#[cfg(not(test))]
use spin_sdk::sqlite::wit::sqlite as spin;

use crate::error::{Error, Result};
use crate::log;
#[cfg(test)]
use crate::store::native as spin;
use crate::store::row::Row;

/// What every connection is told once. A database that is not an SQLite file (libSQL) refuses some of these and has its
/// own ways to be durable, so a refusal is no error.
const PRAGMAS: [&str; 5] = [
    // What SQLite waits for the write lock by itself. The long waiting is done by [`crate::store::patience`]. First, for the
    // switch to WAL may wait too.
    "PRAGMA busy_timeout = 50",
    "PRAGMA journal_mode = WAL",
    // An acknowledged write survives a power cut.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    // A recursive query has tables in between. On file each has a page cache of its own, which costs more than the query.
    "PRAGMA temp_store = MEMORY",
];

/// What SQLite says when the file cannot be used: the disk is full or broken, the file is read-only, damaged, no database or
/// not there (the texts of `sqlite3_errstr`).
const MESSAGES: [&str; 9] = [
    "database or disk is full",
    "attempt to write a readonly database",
    "disk I/O error",
    "database disk image is malformed",
    "file is not a database",
    "unable to open database file",
    "locking protocol",
    "out of memory",
    "access permission denied",
];

/// A raw connection.
pub struct Sqlite {
    raw: spin::Connection,
    /// Whether it has told that the database cannot be used. Then it is not used again: a connection to libSQL is good for
    /// nothing once the server has forgotten it.
    broken: AtomicBool,
}

impl Sqlite {
    /// Opens the database and tells the connection what it is to know.
    pub async fn open() -> Result<Self> {
        let raw = spin::Connection::open_async("default".to_owned()).await.map_err(failure)?;
        for pragma in PRAGMAS {
            // See `PRAGMAS`: a refusal is no error.
            let _ = raw.execute(pragma, &[]);
        }
        Ok(Self { raw, broken: AtomicBool::new(false) })
    }

    /// Whether it should be closed rather than used again.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// See [`failure`].
    fn failed(&self, error: spin::Error) -> Error {
        let error = failure(error);
        self.broken.fetch_or(matches!(error, Error::Unavailable { reason: OUT_OF_ORDER, .. }), Ordering::Relaxed);
        error
    }

    /// Runs a statement that does not wait, and returns its rows.
    pub fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>> {
        let result = self.raw.execute(sql, parameters).map_err(|error| self.failed(error))?;
        let columns = Arc::from(result.columns);
        Ok(result.rows.into_iter().map(|row| Row::new(&columns, row.values)).collect())
    }

    /// Runs a statement that may wait or take long, and returns its rows.
    pub async fn execute(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
        let answer = self.raw.execute_async(sql.to_owned(), parameters).await;
        let (columns, rows, finished) = answer.map_err(|error| self.failed(error))?;
        let rows = rows.collect().await;
        finished.await.map_err(|error| self.failed(error))?;
        let columns = Arc::from(columns);
        Ok(rows.into_iter().map(|row| Row::new(&columns, row.values)).collect())
    }
}

const IN_USE: &str = "the directory is busy";

const OUT_OF_ORDER: &str = "the directory is out of order";

/// The write lock is somebody else's.
pub(super) const BUSY: Error = Error::Unavailable { retry_after: 1, reason: IN_USE };

/// What the triggers of an import say to everybody else who writes.
pub(crate) const IMPORTING: &str = "an import is under way";

/// The directory is being brought in, and nobody may use a part of it.
pub(crate) const UNDER_WAY: Error = Error::Unavailable { retry_after: 60, reason: IMPORTING };

/// What the trigger of a premise says, see [`crate::store::draft`].
const CHANGED: &str = "what was read has changed";

/// What was planned is not to be done any more.
const STALE: Error = Error::Unavailable { retry_after: 1, reason: CHANGED };

/// What a plan cannot write, see [`crate::store::Edit::plan`].
pub(super) const UNPLANNED: Error = Error::Unavailable { retry_after: 1, reason: BY_ITSELF };

const BY_ITSELF: &str = "what is written by itself is no part of a plan";

const AWAY: Error = Error::Unavailable { retry_after: 5, reason: OUT_OF_ORDER };

/// Whether it is [`BUSY`].
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(error, Error::Unavailable { reason: IN_USE, .. })
}

/// Whether it is [`UNPLANNED`].
pub(super) fn is_unplanned(error: &Error) -> bool {
    matches!(error, Error::Unavailable { reason: BY_ITSELF, .. })
}

/// Whether it is [`STALE`].
pub(super) fn is_stale(error: &Error) -> bool {
    matches!(error, Error::Unavailable { reason: CHANGED, .. })
}

/// Spin gives SQLite's errors as text. What a caller can act on is told apart here and nowhere else.
fn failure(error: spin::Error) -> Error {
    match error {
        spin::Error::Io(text) if text.contains("database is locked") => BUSY,
        spin::Error::Io(text) if text.contains(IMPORTING) => UNDER_WAY,
        spin::Error::Io(text) if text.contains(CHANGED) => STALE,
        spin::Error::Io(text) => match text.split_once("UNIQUE constraint failed: ") {
            Some((_, after)) => Error::Duplicate { columns: columns(after) },
            None if is_away(&text) => away(&text),
            None => Error::Internal(anyhow!("SQLite: {text}")),
        },
        other => Error::Internal(anyhow!("SQLite: {other:?}")),
    }
}

/// The columns that a message names. libSQL's goes on after them.
fn columns(text: &str) -> String {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "_., ".contains(c))).unwrap_or(text.len());
    text[..end].trim_end().to_owned()
}

/// Whether a message says that the database cannot be used, and not that a statement is wrong. libSQL's errors come as
/// ``Hrana: `…` `` (its protocol): those of a statement quote SQLite or name a code of SQL, and all others are of the way to
/// the server, or of a stream that the server has given up.
fn is_away(text: &str) -> bool {
    MESSAGES.iter().any(|message| text.contains(message))
        || text.starts_with("Hrana: ") && !["SQLite error", "SQLITE_", "SQL_"].iter().any(|sign| text.contains(sign))
}

/// Tells the log why the directory cannot be used, and gives the error for the caller.
pub fn away(why: &str) -> Error {
    log::error(None, format_args!("the directory cannot be used: {why}"));
    AWAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_their_texts() {
        let told = |text: &str| format!("{:?}", failure(spin::Error::Io(text.to_owned())));
        for busy in [
            "database is locked",
            "Hrana: `stream error: `Error { message: \"SQLite error: database is locked\", code: \"SQLITE_BUSY\" }``",
        ] {
            assert_eq!(told(busy), format!("{BUSY:?}"), "{busy}");
        }
        for away in [
            "database or disk is full",
            "Error code 10: disk I/O error",
            "file is not a database",
            "Hrana: `http error: `error trying to connect: tcp connect error: Connection refused (os error 111)``",
            "Hrana: `api error: `status=502 Bad Gateway, body=```",
            "Hrana: `stream closed: `connection reset by peer``",
            "Hrana: `stream error: `Error { message: \"The stream has expired due to inactivity\", code: \"STREAM_EXPIRED\" }``",
            "Hrana: `stream error: `Error { message: \"SQLite error: database or disk is full\", code: \"SQLITE_FULL\" }``",
        ] {
            assert_eq!(told(away), format!("{AWAY:?}"), "{away}");
        }
        for duplicate in [
            "UNIQUE constraint failed: accounts.name_key",
            "Hrana: `stream error: `Error { message: \"SQLite error: UNIQUE constraint failed: accounts.name_key\", code: \"SQLITE_CONSTRAINT\" }``",
        ] {
            assert_eq!(told(duplicate), r#"Duplicate { columns: "accounts.name_key" }"#, "{duplicate}");
        }
        for ours in [
            "near \"SELEKT\": syntax error",
            "CHECK constraint failed: x",
            "Hrana: `stream error: `Error { message: \"SQL string could not be parsed\", code: \"SQL_PARSE_ERROR\" }``",
            "Hrana: `stream error: `Error { message: \"SQLite error: no such table: x\", code: \"SQLITE_UNKNOWN\" }``",
        ] {
            assert!(told(ours).starts_with("Internal"), "{ours}");
        }
    }
}
