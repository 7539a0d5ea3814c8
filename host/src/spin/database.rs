//! SQLite databases in files: connections that are lent, and statements that run on them.
//!
//! # Connections
//!
//! Spin opens a SQLite connection for each `open`. Opening one costs more than most statements, and closing the last
//! one of a database in WAL mode writes the log back, so this host keeps connections and lends them out. A connection
//! that comes back in the middle of a transaction is rolled back first. What a component sets by PRAGMA stays with the
//! connection for its next borrower; that is no harm as long as all of an application's components set the same.
//!
//! # Threads
//!
//! A statement that waits, for the write lock or for the disk at a commit, must not hold up the requests that share its
//! thread, so statements run on threads that may block. To hand a statement over costs two to three times as much as a
//! short query itself, though. So a query of a database in WAL mode, where readers do not wait, begins on the thread it is
//! on, and begins again on another if it turns out to be long.
//!
//! # Writers
//!
//! SQLite has one writer at a time, and makes the others ask again and again, with pauses, in no order. Here those that
//! belong to this process stand in a queue. A transaction that begins by `BEGIN EXCLUSIVE`, which in WAL mode is the same as
//! `IMMEDIATE`, says that it writes much: of those only one at a time stands in the queue, and the others wait beside it. So
//! a short write waits for one long one at most.

use crate::metrics::{DatabaseMetrics, One};
use crate::spin::bindings::spin::sqlite::sqlite::{Error, QueryResult, RowResult, Value};
use rusqlite::TransactionState;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of values in one result, as in Spin.
const MAX_RESULT_BYTES: usize = 128 << 20;
/// Idle connections that are kept per database.
const MAX_IDLE: usize = 64;
/// Prepared statements that are kept per connection.
const STATEMENT_CACHE: usize = 128;
/// Steps of SQLite's machine after which a query is long: about a millisecond.
const BRIEF: i32 = 20_000;
/// How long a writer stands in the queue.
const MAX_QUEUE: Duration = Duration::from_secs(5);
/// How long one that writes much waits to stand in it. With the time in the queue that is less than a request may take.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// What SQLite says of a lock that another connection has (`SQLITE_BUSY`).
const BUSY: &str = "database is locked";

/// A statement that a component is about to run, as an observer sees it.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// Its text, with placeholders for values.
    pub sql: &'a str,
    /// The connection that it runs on. Each time that a component opens one, it has a number that no other of this process
    /// has.
    pub connection: u64,
    /// Whether the connection holds the database's write lock when the statement begins. It does from the end of `BEGIN
    /// IMMEDIATE`, or of the first write in a transaction that began otherwise, to the end of the transaction. So this is
    /// true of a `COMMIT`, and false of `BEGIN IMMEDIATE` itself and of a write outside a transaction, which has the lock to
    /// itself.
    pub locked: bool,
}

/// Called with each statement before it runs. What it returns, the component gets as SQLite's error, and the statement does
/// not run.
pub type StatementObserver = Arc<dyn Fn(&Statement<'_>) -> Option<String> + Send + Sync>;

/// The databases granted to a component, by label. One that is granted but not defined is `None`.
pub(crate) type Databases = BTreeMap<String, Option<Arc<Database>>>;

/// A database file and the connections to it that nobody uses right now.
pub(crate) struct Database {
    path: PathBuf,
    idle: Mutex<Vec<Session>>,
    /// One permit: the turn to write.
    writer: Arc<Semaphore>,
    /// One permit: the turn of those that write much to stand in the queue.
    exclusive: Arc<Semaphore>,
    observer: Option<StatementObserver>,
    /// How far away it is to seem.
    distance: Duration,
    metrics: DatabaseMetrics,
}

/// A turn to write, until it is dropped.
struct Turn {
    _writer: Option<OwnedSemaphorePermit>,
    _exclusive: Option<OwnedSemaphorePermit>,
}

/// A connection, and what the host knows of it.
struct Session {
    sqlite: rusqlite::Connection,
    /// Set while a query runs on a thread that must not be held up. Cleared when the query took too long and was ended.
    brief: Arc<AtomicBool>,
    /// Whether the database is in WAL mode. It does not leave it while connections are open.
    wal: Cell<bool>,
}

impl Database {
    pub fn new(
        path: PathBuf,
        observer: Option<StatementObserver>,
        distance: Duration,
        metrics: DatabaseMetrics,
    ) -> Self {
        Self {
            path,
            idle: Mutex::default(),
            writer: Arc::new(Semaphore::new(1)),
            exclusive: Arc::new(Semaphore::new(1)),
            observer,
            distance,
            metrics,
        }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an idle connection, or opens one.
    pub async fn lease(self: Arc<Self>) -> Result<Lease, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let idle = self.idle().pop();
        let session = if let Some(session) = idle {
            self.metrics.idle.dec();
            session
        } else {
            let database = self.clone();
            blocking(move || Session::open(&database.path).map_err(io)).await?
        };
        Ok(Lease(Arc::new(Loan {
            number: COUNT.fetch_add(1, Ordering::Relaxed),
            _lent: One::of(&self.metrics.lent),
            database: self,
            interrupt: session.sqlite.get_interrupt_handle(),
            session: Mutex::new(Some(session)),
            turn: Mutex::default(),
            locked: AtomicBool::new(false),
        })))
    }

    /// Waits for a turn to write. Who has waited for too long has none, asks SQLite, and gets the error that components know.
    async fn turn(&self, exclusive: bool) -> Turn {
        let (_waiting, since) = (One::of(&self.metrics.writers), Instant::now());
        let wait = async |semaphore: &Arc<Semaphore>, longest| {
            tokio::time::timeout(longest, semaphore.clone().acquire_owned()).await.ok().and_then(Result::ok)
        };
        let exclusive = if exclusive { wait(&self.exclusive, MAX_WAIT).await } else { None };
        let turn = Turn { _writer: wait(&self.writer, MAX_QUEUE).await, _exclusive: exclusive };
        self.metrics.waits.observe(since.elapsed().as_secs_f64());
        turn
    }

    fn take_back(&self, session: Session) {
        // Two requests must never meet inside one transaction.
        if !session.sqlite.is_autocommit() && session.sqlite.execute_batch("ROLLBACK").is_err() {
            return;
        }
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push(session);
            self.metrics.idle.inc();
        }
    }
}

impl Session {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let mut sqlite = rusqlite::Connection::open(path)?;
        sqlite.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        // A statement is planned once, and not again for each value that it is given.
        sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let brief = Arc::new(AtomicBool::new(false));
        let end = brief.clone();
        sqlite.progress_handler(BRIEF, Some(move || end.swap(false, Ordering::Relaxed)))?;
        Ok(Self { sqlite, brief, wal: Cell::new(false) })
    }

    /// Runs one statement to its end. May block.
    fn run(&self, statement: &str, parameters: &[Value]) -> Result<QueryResult, Error> {
        let result = query(&self.sqlite, statement, parameters);
        if !self.wal.get() {
            let mode = self.sqlite.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
            self.wal.set(mode.is_ok_and(|mode| mode == "wal"));
        }
        result
    }

    /// Runs a query to its end if it is short and need not wait.
    fn run_briefly(&self, statement: &str, parameters: &[Value]) -> Option<Result<QueryResult, Error>> {
        let read_only = || self.sqlite.prepare_cached(statement).is_ok_and(|prepared| prepared.readonly());
        if !self.wal.get() || !["SELECT", "WITH"].contains(&&*first_word(statement)) || !read_only() {
            return None;
        }
        self.brief.store(true, Ordering::Relaxed);
        let result = query(&self.sqlite, statement, parameters);
        self.brief.swap(false, Ordering::Relaxed).then_some(result)
    }
}

/// A connection that an instance has open: the resource `connection`.
pub struct Lease(Arc<Loan>);

impl Lease {
    pub(super) fn loan(&self) -> Arc<Loan> {
        self.0.clone()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A statement that still runs has an `Arc` of its own. Nobody waits for its result any more.
        if Arc::strong_count(&self.0) > 1 {
            self.0.interrupt.interrupt();
        }
    }
}

/// What a lease is of. A statement that runs keeps it, also when the lease is gone.
pub(super) struct Loan {
    number: u64,
    _lent: One,
    database: Arc<Database>,
    interrupt: rusqlite::InterruptHandle,
    /// `None` only while it is given back.
    session: Mutex<Option<Session>>,
    /// The turn to write, from the first statement that needs it to the end of its transaction.
    turn: Mutex<Option<Turn>>,
    /// Whether the last statement left the connection with the write lock.
    locked: AtomicBool,
}

impl Drop for Loan {
    fn drop(&mut self) {
        let session = self.session.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(session) = session {
            self.database.take_back(session);
        }
    }
}

impl Loan {
    pub fn with<T>(&self, work: impl FnOnce(&rusqlite::Connection) -> T) -> Result<T, Error> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.as_ref().map(|session| work(&session.sqlite)).ok_or(Error::InvalidConnection)
    }

    fn turn(&self) -> MutexGuard<'_, Option<Turn>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one statement to its end.
    pub async fn execute(self: Arc<Self>, statement: String, parameters: Vec<Value>) -> Result<QueryResult, Error> {
        if let Some(observer) = &self.database.observer {
            let locked = self.locked.load(Ordering::Relaxed);
            if let Some(error) = observer(&Statement { sql: &statement, connection: self.number, locked }) {
                return Err(Error::Io(error));
            }
        }
        if !self.database.distance.is_zero() {
            tokio::time::sleep(self.database.distance).await;
        }
        // If another statement has the connection, this one waits on a thread that may.
        if let Ok(session) = self.session.try_lock()
            && let Some(result) = session.as_ref().and_then(|session| session.run_briefly(&statement, &parameters))
        {
            return result;
        }
        if writes(&statement) && self.turn().is_none() {
            let turn = self.database.turn(begins(&statement).as_deref() == Some("EXCLUSIVE")).await;
            *self.turn() = Some(turn);
        }
        blocking(move || {
            let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
            let session = session.as_ref().ok_or(Error::InvalidConnection)?;
            let result = session.run(&statement, &parameters);
            if session.sqlite.is_autocommit() {
                *self.turn() = None;
            }
            let state = session.sqlite.transaction_state(rusqlite::DEFAULT_NAME);
            self.locked.store(matches!(state, Ok(TransactionState::Write)), Ordering::Relaxed);
            if matches!(&result, Err(Error::Io(message)) if message.contains(BUSY)) {
                self.database.metrics.busy.inc();
            }
            result
        })
        .await
    }
}

fn first_word(statement: &str) -> String {
    let letters = statement.trim_start().bytes().take_while(u8::is_ascii_alphabetic);
    letters.map(|letter| char::from(letter.to_ascii_uppercase())).collect()
}

/// Whether a statement takes the write lock. To be wrong costs time, no more: the lock is SQLite's.
fn writes(statement: &str) -> bool {
    match &*first_word(statement) {
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "WITH" | "CREATE" | "DROP" | "ALTER" => true,
        _ => matches!(begins(statement).as_deref(), Some("IMMEDIATE" | "EXCLUSIVE")),
    }
}

/// How a statement begins a transaction, if it does.
fn begins(statement: &str) -> Option<String> {
    (first_word(statement) == "BEGIN").then(|| first_word(&statement.trim_start()[5..]))
}

fn query(connection: &rusqlite::Connection, statement: &str, parameters: &[Value]) -> Result<QueryResult, Error> {
    let mut prepared = connection.prepare_cached(statement).map_err(io)?;
    let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut rows = prepared.query(rusqlite::params_from_iter(parameters.iter().map(Parameter))).map_err(io)?;
    let mut result = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next().map_err(io)? {
        let values = (0..columns.len()).map(|column| value(row.get_ref(column).map_err(io)?));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        bytes += values.iter().map(size).sum::<usize>();
        if bytes > MAX_RESULT_BYTES {
            return Err(Error::Io(format!("query result exceeds limit of {MAX_RESULT_BYTES} bytes")));
        }
        result.push(RowResult { values });
    }
    Ok(QueryResult { columns, rows: result })
}

/// A parameter, bound without copying it.
struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Integer(integer) => ValueRef::Integer(*integer),
            Value::Real(real) => ValueRef::Real(*real),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(blob) => ValueRef::Blob(blob),
            Value::Null => ValueRef::Null,
        }))
    }
}

fn value(value: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => match str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => return Err(Error::Io("a text in the result is not UTF-8".to_owned())),
        },
        ValueRef::Blob(blob) => Value::Blob(blob.to_vec()),
    })
}

fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Text(text) => text.len(),
            Value::Blob(blob) => blob.len(),
            _ => 0,
        }
}

/// The text of SQLite's message: components look for phrases such as `UNIQUE constraint failed` in it.
#[expect(clippy::needless_pass_by_value, reason = "it is used with map_err")]
fn io(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(Error::Io(panic.to_string())))
}
