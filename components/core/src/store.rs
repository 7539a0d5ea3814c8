//! The directory's database: connections, transactions and rows over Spin's SQLite interface.
//!
//! # Connections
//!
//! Spin opens a real SQLite connection per `open`, and one instance of a component serves up to 16 requests at the same
//! time. So an instance keeps its connections: [`Connection::lease`] takes an idle one or opens one, and dropping it
//! gives it back. Two requests never hold one connection at the same time, hence never meet in one transaction.
//!
//! # Which calls may wait
//!
//! The synchronous call of the interface costs less than the asynchronous one, but while it runs no other request of
//! the instance moves. It is therefore taken for what cannot wait for another request: reads (in WAL mode nothing blocks
//! a reader) and short statements of a transaction that already holds the write lock. What may wait for the lock
//! ([`Transaction::begin`], [`Connection::execute`]), for the disk ([`Transaction::commit`]) or takes long
//! ([`Transaction::batch`]) is asynchronous. A synchronous wait for the lock would be fatal: the request that holds it
//! on the same instance could not go on to give it back.
//!
//! # Time
//!
//! The store counts in milliseconds since the Unix epoch, see [`now`].

use std::cell::{Cell, RefCell};
use std::time::SystemTime;

use anyhow::anyhow;
pub use spin_sdk::sqlite::Value;
// The SDK's own `Connection` offers the asynchronous calls only; the bindings below it have both.
use spin_sdk::sqlite::wit::sqlite as spin;

use crate::error::{Error, Result};
use crate::migration;

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

thread_local! {
    static IDLE: RefCell<Vec<spin::Connection>> = const { RefCell::new(Vec::new()) };
    static MIGRATED: Cell<bool> = const { Cell::new(false) };
}

/// The current time in milliseconds since the Unix epoch.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_millis().try_into().unwrap_or(i64::MAX))
}

/// A connection to the directory, leased to one request. Dropping it gives it back.
pub struct Connection {
    /// `None` only after [`Connection::discard`].
    raw: Option<spin::Connection>,
}

impl Connection {
    /// Takes an idle connection or opens one. The first of an instance brings the database to the schema of this
    /// release.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the database stays locked, [`Error::Internal`] if it cannot be opened or is newer than
    /// this release.
    pub async fn lease() -> Result<Self> {
        if let Some(raw) = IDLE.with_borrow_mut(Vec::pop) {
            return Ok(Self { raw: Some(raw) });
        }
        let raw = spin::Connection::open_async("default".to_owned()).await.map_err(failure)?;
        for pragma in PRAGMAS {
            // See `PRAGMAS`: a refusal is no error.
            let _ = raw.execute(pragma, &[]);
        }
        let connection = Self { raw: Some(raw) };
        if !MIGRATED.get() {
            migration::migrate(&connection).await?;
            MIGRATED.set(true);
        }
        Ok(connection)
    }

    /// Runs a statement that only reads and returns its rows.
    pub fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>> {
        let result = self.raw()?.execute(sql, parameters).map_err(failure)?;
        Ok(result.rows.into_iter().map(Row::from).collect())
    }

    /// Runs a statement that only reads and returns its first row, if there is one.
    pub fn query_first(&self, sql: &str, parameters: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(sql, parameters)?.into_iter().next())
    }

    /// Runs a single writing statement as a transaction of its own and returns the rows of its `RETURNING` clause.
    pub async fn execute(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
        let (_, rows, finished) = self.raw()?.execute_async(sql.to_owned(), parameters).await.map_err(failure)?;
        let rows = rows.collect().await;
        finished.await.map_err(failure)?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    fn raw(&self) -> Result<&spin::Connection> {
        self.raw.as_ref().ok_or_else(|| Error::Internal(anyhow!("the connection was given up")))
    }

    /// Closes the connection instead of giving it back: nobody knows in what state it is.
    fn discard(&mut self) {
        self.raw = None;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            IDLE.with_borrow_mut(|idle| idle.push(raw));
        }
    }
}

/// A write transaction on a connection of its own. Dropped without [`Transaction::commit`], it is rolled back.
pub struct Transaction {
    connection: Connection,
    open: bool,
}

impl Transaction {
    /// Waits for the write lock and takes it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when others hold the lock for too long.
    pub async fn begin() -> Result<Self> {
        Self::begin_on(Connection::lease().await?).await
    }

    /// As [`Transaction::begin`], on a connection that the caller already has.
    pub async fn begin_on(connection: Connection) -> Result<Self> {
        connection.execute("BEGIN IMMEDIATE", Vec::new()).await?;
        Ok(Self { connection, open: true })
    }

    /// The connection, for what reads within the transaction.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs a short statement and returns its rows: those of a `SELECT` or of a `RETURNING` clause.
    pub fn run(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>> {
        self.connection.query(sql, parameters)
    }

    /// Runs a short statement and returns its first row, if there is one.
    pub fn run_first(&self, sql: &str, parameters: &[Value]) -> Result<Option<Row>> {
        self.connection.query_first(sql, parameters)
    }

    /// Runs a statement that goes over many rows, while other requests of the instance go on.
    pub async fn batch(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
        self.connection.execute(sql, parameters).await
    }

    /// Makes the changes durable, all of them.
    pub async fn commit(mut self) -> Result<()> {
        // An error here (a full disk, say) leaves the transaction open or closed; `drop` finds out.
        self.connection.execute("COMMIT", Vec::new()).await?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // Synchronous, for the lock is ours and a rollback waits for nobody.
        if self.open && self.connection.query("ROLLBACK", &[]).is_err() {
            self.connection.discard();
        }
    }
}

/// One row of an answer. Columns are taken by their position, each at most once.
#[derive(Debug)]
pub struct Row(Vec<Value>);

impl From<spin::RowResult> for Row {
    fn from(row: spin::RowResult) -> Self {
        Self(row.values)
    }
}

impl Row {
    /// Takes the value of the column at `index`.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if there is no such column or it has another type: a mistake in the statement.
    pub fn take<T: FromValue>(&mut self, index: usize) -> Result<T> {
        let value = self.0.get_mut(index).map(|value| std::mem::replace(value, Value::Null));
        value
            .and_then(T::from_value)
            .ok_or_else(|| Error::Internal(anyhow!("column {index} is not a {}", std::any::type_name::<T>())))
    }
}

/// A Rust type that a column's value can be taken as.
pub trait FromValue: Sized {
    /// The value as this type, or `None` if it is of another.
    fn from_value(value: Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Integer(integer) => Some(integer),
            _ => None,
        }
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).map(|integer| integer != 0)
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
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
