//! Connections that an instance keeps, and transactions.
//!
//! Spin opens a real SQLite connection per `open`, and one instance of a component serves up to 16 requests at the same
//! time. So an instance keeps its connections: [`Connection::lease`] takes an idle one or opens one, and dropping it
//! gives it back. Two requests never hold one connection at the same time, hence never meet in one transaction.

use std::cell::{Cell, RefCell};
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;

use crate::error::{Error, Result};
use crate::store::look::{self, Look};
use crate::store::row::Row;
use crate::store::sqlite::{Sqlite, UNPLANNED};
use crate::store::still::Writing;
use crate::store::{Value, along, migration, patience};

thread_local! {
    static IDLE: RefCell<Vec<Sqlite>> = const { RefCell::new(Vec::new()) };
    static MIGRATED: Cell<bool> = const { Cell::new(false) };
}

/// A connection to the directory, leased to one request. Dropping it gives it back.
pub struct Connection {
    /// `None` only after [`Connection::discard`].
    raw: Option<Sqlite>,
    /// What was read, of one that a plan is made by: it only reads.
    looks: Option<Mutex<Looks>>,
}

/// What was read, as far as it can be asked for again.
#[derive(Default)]
struct Looks {
    looks: Vec<Look>,
    /// Whether something was read that cannot.
    are_not_all: bool,
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
            return Ok(Self { raw: Some(raw), looks: None });
        }
        let raw = Sqlite::open().await?;
        if !MIGRATED.get() {
            migration::migrate(&raw).await?;
            MIGRATED.set(true);
        }
        Ok(Self { raw: Some(raw), looks: None })
    }

    /// Runs a statement that only reads and returns its rows.
    pub fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>> {
        let raw = self.raw()?;
        if let Some(along) = along::unasked()? {
            along.alone(|sql, parameters| raw.query(sql, parameters))?;
        }
        self.look(sql, parameters, || raw.query(sql, parameters))
    }

    /// Reads, and keeps what was read for a plan, if there is one: that writes nothing.
    fn look(&self, sql: &str, parameters: &[Value], read: impl FnOnce() -> Result<Vec<Row>>) -> Result<Vec<Row>> {
        let Some(looks) = &self.looks else { return read() };
        if !look::only_reads(sql) {
            return Err(UNPLANNED);
        }
        let rows = read()?;
        let mut looks = looks.lock().unwrap_or_else(PoisonError::into_inner);
        match Look::of(sql, parameters, &rows) {
            Some(look) => looks.looks.push(look),
            None => looks.are_not_all = true,
        }
        Ok(rows)
    }

    /// Runs a statement that only reads and returns its first row, if there is one. What is to be asked along is asked with it.
    pub fn query_first(&self, sql: &str, parameters: &[Value]) -> Result<Option<Row>> {
        let raw = self.raw()?;
        let Some(along) = along::unasked()? else {
            return Ok(self.look(sql, parameters, || raw.query(sql, parameters))?.into_iter().next());
        };
        let (both, parameters) = along.with(sql, parameters);
        along.answered(raw.query(&both, &parameters))
    }

    /// Runs a query that always gives a row, and returns it.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if there is none.
    pub fn query_one(&self, sql: &str, parameters: &[Value]) -> Result<Row> {
        self.query_first(sql, parameters)?.ok_or_else(|| Error::Internal(anyhow!("a statement gave no row")))
    }

    /// Runs a statement that reads many rows, while other requests of the instance go on.
    pub async fn read(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
        let raw = self.raw()?;
        if self.looks.is_some() {
            return self.query(sql, &parameters);
        }
        if let Some(along) = along::unasked()? {
            along.alone(|sql, parameters| raw.query(sql, parameters))?;
        }
        raw.execute(sql, parameters).await
    }

    /// Runs a single writing statement as a transaction of its own and returns the rows of its `RETURNING` clause.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when others hold the write lock for too long.
    pub async fn execute(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
        along::refuse_to_write()?;
        if self.looks.is_some() {
            return Err(UNPLANNED);
        }
        patience::execute(self.raw()?, sql, parameters).await
    }

    fn raw(&self) -> Result<&Sqlite> {
        self.raw.as_ref().ok_or_else(|| Error::Internal(anyhow!("the connection was given up")))
    }

    /// Closes the connection instead of giving it back: nobody knows in what state it is.
    fn discard(&mut self) {
        self.raw = None;
    }
}

/// Makes sure that the database can be read now, and has the schema of this release.
///
/// # Errors
///
/// [`Error::Unavailable`] otherwise.
pub fn check(connection: &Connection) -> Result<()> {
    migration::check(connection.raw()?)
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(raw) = self.raw.take() else { return };
        IDLE.with_borrow_mut(|idle| {
            if raw.is_broken() {
                // What broke it broke the others.
                idle.clear();
            } else {
                idle.push(raw);
            }
        });
    }
}

/// A write transaction on a connection of its own. Dropped without [`Transaction::commit`], it is rolled back.
pub struct Transaction {
    connection: Connection,
    open: bool,
    /// None of a plan.
    _writing: Option<Writing>,
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
        let writing = Writing::begin();
        connection.execute("BEGIN IMMEDIATE", Vec::new()).await?;
        Ok(Self { connection, open: true, _writing: Some(writing) })
    }

    /// What looks like a transaction and is none: it only reads, and keeps what it has read, see [`Transaction::looked`].
    pub(super) async fn look() -> Result<Self> {
        along::refuse_to_write()?;
        let mut connection = Connection::lease().await?;
        connection.looks = Some(Mutex::default());
        Ok(Self { connection, open: false, _writing: None })
    }

    /// Whether it only reads, see [`Transaction::look`].
    pub(super) fn only_looks(&self) -> bool {
        self.connection.looks.is_some()
    }

    /// Takes what was read so far, if all of it can be asked again. From then on its connection is like any other.
    pub(super) fn looked(&mut self) -> Option<Vec<Look>> {
        let looks = self.connection.looks.take()?.into_inner().unwrap_or_else(PoisonError::into_inner);
        (!looks.are_not_all).then_some(looks.looks)
    }

    /// As [`Transaction::begin`], for one that writes so much that others would have to wait for it: it lets these go first. In
    /// WAL mode `EXCLUSIVE` is no other lock than `IMMEDIATE`; it tells a host that keeps a queue of writers.
    pub async fn begin_long() -> Result<Self> {
        along::refuse_to_write()?;
        let connection = Connection::lease().await?;
        let writing = Writing::begin();
        patience::begin_long(connection.raw()?).await?;
        Ok(Self { connection, open: true, _writing: Some(writing) })
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

    /// Runs a short statement that gives exactly one row: an insert that returns it, or a query that always answers.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if there is none.
    pub fn run_one(&self, sql: &str, parameters: &[Value]) -> Result<Row> {
        self.connection.query_one(sql, parameters)
    }

    /// Runs a statement that goes over many rows, while other requests of the instance go on.
    pub async fn batch(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
        if self.only_looks() {
            return self.connection.query(sql, &parameters);
        }
        self.connection.raw()?.execute(sql, parameters).await
    }

    /// Makes the changes durable, all of them.
    pub async fn commit(mut self) -> Result<()> {
        if !self.open {
            return Err(UNPLANNED);
        }
        // An error here (a full disk, say) leaves the transaction open or closed; `drop` finds out.
        self.connection.raw()?.execute("COMMIT", Vec::new()).await?;
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
