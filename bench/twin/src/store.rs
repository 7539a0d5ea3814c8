//! Connections to the store: kept and lent, as Accord's host does.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Result;
use axum::http::StatusCode;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::Value as Json;
use uuid::Uuid;

/// Prepared statements that are kept per connection, as by Accord's host.
const STATEMENTS: usize = 128;

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
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }
}

/// Calls `work` on a thread that may wait, as for the turn to write. What fails otherwise than by a status is the server's fault.
pub async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<Result<T, StatusCode>> + Send + 'static,
) -> Result<T, StatusCode> {
    let done = tokio::task::spawn_blocking(work).await;
    done.ok().and_then(Result::ok).unwrap_or(Err(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Who changes something: what the rows of the audit have in common.
pub struct Author {
    /// When it is.
    pub at: i64,
    /// `user:` or `connector:`, and the id.
    pub actor: String,
    /// The name of the API.
    pub api: &'static str,
    /// The id of the request.
    pub request: String,
}

impl Author {
    /// Somebody who makes a change now, in a request of its own.
    pub fn now(actor: String, api: &'static str) -> Self {
        Self { at: now(), actor, api, request: Uuid::new_v4().to_string() }
    }

    /// Notes a change in the audit.
    pub fn note(
        &self,
        connection: &Connection,
        action: &str,
        subject: &str,
        id: i64,
        detail: &Json,
    ) -> rusqlite::Result<()> {
        let account = (subject == "accounts").then_some(id);
        connection
            .prepare_cached(
                "INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id, account_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute((
                self.at,
                &self.actor,
                self.api,
                action,
                subject,
                id,
                detail.to_string(),
                &self.request,
                account,
            ))?;
        Ok(())
    }
}

/// The current time in milliseconds since the Unix epoch.
pub fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    elapsed.map_or(0, |elapsed| elapsed.as_millis().try_into().unwrap_or(i64::MAX))
}
