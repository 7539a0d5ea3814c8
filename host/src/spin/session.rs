//! A connection to SQLite, and how a statement runs on it: to its end, or only as far as it is short.

use crate::background;
use crate::spin::bindings::spin::sqlite::sqlite::{Error, QueryResult, RowResult, Value};
use crate::spin::sql;
use crate::spin::values::{Parameter, io, total_size, value};
use rusqlite::config::DbConfig;
use rusqlite::ffi;
use rusqlite::hooks::Wal;
use rusqlite::{CachedStatement, StatementStatus, TransactionState};
use std::cell::Cell;
use std::ffi::c_int;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Bytes of values in one result, as in Spin.
const MAX_RESULT_BYTES: usize = 128 << 20;
/// Prepared statements that are kept per connection: all that the components of an application use often, at some 12 kB each.
const STATEMENT_CACHE: usize = 256;
/// Pages that a connection keeps, in KiB, unless it is told otherwise. SQLite's own 2,000 are fewer than a body of a hundred accounts looks
/// at among a million, and there are few connections.
const CACHE: i64 = 8000;
/// After so many steps of SQLite's machine, each time, it is seen whether a query has run for long.
const STEPS: i32 = 20_000;
/// It has, after so many times: about a millisecond.
const TIMES: u32 = 3;
/// How long a query in the background sleeps after each such number of steps: as short as can be, for it is waited for.
const BREATH: Duration = Duration::from_micros(1);
/// Bytes of parameters that a short write may have.
pub(super) const SMALL: usize = 16 << 10;

/// What a connection may be told of how it reads and writes, and another one can be told as well.
const SETTINGS: [&str; 8] = [
    "busy_timeout",
    "cache_size",
    "foreign_keys",
    "ignore_check_constraints",
    "query_only",
    "recursive_triggers",
    "synchronous",
    "temp_store",
];
/// Where the first of these is, in milliseconds.
const BUSY_TIMEOUT: usize = 0;

type Values = [i64; SETTINGS.len()];

/// What a connection was told of these, if it was.
#[derive(Clone, Copy, Default)]
pub(super) struct Settings(Option<Values>);

/// What is the database's, or changes nothing of a connection.
const OF_ALL: [&str; 10] = [
    "application_id",
    "foreign_key_check",
    "index_list",
    "integrity_check",
    "optimize",
    "page_count",
    "quick_check",
    "table_info",
    "user_version",
    "wal_checkpoint",
];

/// What SQLite says of a lock that another connection has (`SQLITE_BUSY`).
const BUSY: &str = "database is locked";

/// What SQLite tells of a connection's last write.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Made {
    pub changes: u64,
    pub last_id: i64,
}

/// Why a statement has failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: Error,
    /// Whether it has left in a transaction what it leaves alone.
    pub is_as_alone: bool,
}

impl From<rusqlite::Error> for Failure {
    /// Alone a statement that fails is undone. In a transaction SQLite undoes it if it has seen before that it may fail, and that is sure
    /// for the errors of these constraints only: a text in a column of numbers leaves the rows before it.
    fn from(error: rusqlite::Error) -> Self {
        const UNDONE: [c_int; 7] = [
            ffi::SQLITE_CONSTRAINT_CHECK,
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY,
            ffi::SQLITE_CONSTRAINT_NOTNULL,
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
            ffi::SQLITE_CONSTRAINT_ROWID,
            ffi::SQLITE_CONSTRAINT_TRIGGER,
            ffi::SQLITE_CONSTRAINT_UNIQUE,
        ];
        let is_as_alone = error.sqlite_error().is_some_and(|error| UNDONE.contains(&error.extended_code));
        Self { error: io(error), is_as_alone }
    }
}

impl From<Error> for Failure {
    /// It has run, and the host has refused its rows.
    fn from(error: Error) -> Self {
        Self { error, is_as_alone: true }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// A connection, and what the host knows of it.
pub(super) struct Session {
    pub sqlite: rusqlite::Connection,
    /// How often it is yet to be seen that a query runs before it is ended, on a thread that must not be held up. 0 on any other.
    times_left: Arc<AtomicU32>,
    /// Whether the database is in WAL mode. It does not leave it while other connections are open.
    wal: Cell<bool>,
    /// Whether a component has told it or made in it what others do not have.
    is_special: Cell<bool>,
    /// What it does unless it is told otherwise.
    defaults: Values,
    settings: Cell<Settings>,
    /// Whether it has let go of its pages since it was used.
    pub is_cool: Cell<bool>,
    /// Pages of the log at the last commit of this connection.
    pub log: Arc<AtomicU32>,
}

impl Session {
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let mut sqlite = rusqlite::Connection::open(path)?;
        sqlite.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        // A statement is planned once, and not again for each value that it is given.
        sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let times_left = Arc::new(AtomicU32::new(0));
        let left = times_left.clone();
        sqlite.progress_handler(
            STEPS,
            Some(move || {
                background::breathe(BREATH);
                let times = left.load(Ordering::Relaxed);
                left.store(times.saturating_sub(1), Ordering::Relaxed);
                times == 1
            }),
        )?;
        let log = Arc::new(AtomicU32::new(0));
        let noted = log.clone();
        // In place of SQLite's own, which writes the log back.
        sqlite.wal_hook(Some(move |_: &mut Wal, pages: c_int| {
            noted.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        sqlite.pragma_update(None, "cache_size", -CACHE)?;
        let mut defaults = Values::default();
        for (value, setting) in defaults.iter_mut().zip(SETTINGS) {
            *value = sqlite.pragma_query_value(None, setting, |row| row.get(0))?;
        }
        Ok(Self {
            times_left,
            wal: Cell::new(is_in_wal_mode(&sqlite)),
            is_special: Cell::new(false),
            defaults,
            settings: Cell::default(),
            is_cool: Cell::new(false),
            sqlite,
            log,
        })
    }

    /// How it reads and writes.
    fn values(&self, settings: Settings) -> Values {
        settings.0.unwrap_or(self.defaults)
    }

    /// Whether it reads and writes as such settings have it.
    pub fn is_set(&self, settings: Settings) -> bool {
        self.values(self.settings()) == self.values(settings)
    }

    pub fn settings(&self) -> Settings {
        self.settings.get()
    }

    /// Has it read and write as whoever wants it has told, or as it does unless it is told otherwise.
    pub fn set(&self, settings: Settings) -> rusqlite::Result<()> {
        let told = self.settings.replace(settings);
        for ((setting, told), wanted) in SETTINGS.iter().zip(self.values(told)).zip(self.values(settings)) {
            if told != wanted {
                self.sqlite.pragma(None, setting, wanted, |_| Ok(()))?;
            }
        }
        Ok(())
    }

    /// Lets go of the pages that it has read.
    pub fn cool(&self) {
        self.is_cool.set(true);
        _ = self.sqlite.execute_batch("PRAGMA shrink_memory");
    }

    /// Ends its transaction, if it is in one. Whether another component may have it then.
    pub fn ends_transaction(&self) -> bool {
        (self.sqlite.is_autocommit() || self.sqlite.execute_batch("ROLLBACK").is_ok()) && self.is_like_others()
    }

    /// Runs one statement to its end, and notes what that has made. May block.
    pub fn run(&self, statement: &str, parameters: &[Value], made: &mut Made) -> Result<QueryResult, Failure> {
        let result = self.query(statement, parameters, made);
        if let Some(name) = sql::pragma(statement) {
            self.notes_pragma(name);
        } else if sql::makes(statement) {
            let temporary = "SELECT EXISTS (SELECT * FROM temp.sqlite_schema)";
            let has_own = self.sqlite.query_row(temporary, [], |row| row.get(0));
            self.is_special.set(self.is_special.get() || has_own.unwrap_or(true));
        } else if !sql::leaves_no_trace(statement) {
            self.is_special.set(true);
        }
        if !self.wal.get() {
            self.wal.set(is_in_wal_mode(&self.sqlite));
        }
        result
    }

    /// Notes what a PRAGMA may have changed.
    fn notes_pragma(&self, name: &str) {
        if let Some(place) = SETTINGS.iter().position(|setting| setting.eq_ignore_ascii_case(name)) {
            let mut values = self.values(self.settings());
            if let Ok(value) = self.sqlite.pragma_query_value(None, SETTINGS[place], |row| row.get(0)) {
                values[place] = value;
            }
            self.settings.set(Settings(Some(values)));
        } else if name.eq_ignore_ascii_case("journal_mode") {
            self.wal.set(is_in_wal_mode(&self.sqlite));
        } else if !OF_ALL.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            self.is_special.set(true);
        }
    }

    /// Runs one statement. SQLite's last id is that of whoever runs it, before and after.
    fn query(&self, statement: &str, parameters: &[Value], made: &mut Made) -> Result<QueryResult, Failure> {
        if !sql::changes_rows(statement) || self.reads(statement) {
            return query(self.prepare(statement)?, parameters);
        }
        #[expect(unsafe_code, reason = "rusqlite has no safe way to set it")]
        // SAFETY: the handle is of a connection that is open, and the call stores a number in it.
        unsafe {
            ffi::sqlite3_set_last_insert_rowid(self.sqlite.handle(), made.last_id);
        }
        let result = query(self.prepare(statement)?, parameters)?;
        *made = Made { changes: self.sqlite.changes(), last_id: self.sqlite.last_insert_rowid() };
        Ok(result)
    }

    /// Plans a statement, unless it has been. A PRAGMA takes effect then, also where it is explained or follows another statement.
    fn prepare(&self, statement: &str) -> rusqlite::Result<CachedStatement<'_>> {
        if !sql::is_one(statement) {
            self.is_special.set(true);
        }
        self.sqlite.prepare_cached(statement)
    }

    /// Whether the tables of a statement are as it wants them, as far as this connection knows.
    pub fn knows(&self, statement: &str) -> bool {
        self.prepare(statement).is_ok()
    }

    /// Whether another one would answer the same: it is in no transaction, and has nothing of its own.
    pub fn is_like_others(&self) -> bool {
        self.wal.get() && !self.is_special.get() && self.sqlite.is_autocommit()
    }

    /// Whether a statement is a query, and changes nothing.
    pub fn reads(&self, statement: &str) -> bool {
        sql::may_read(statement) && self.prepare(statement).is_ok_and(|prepared| prepared.readonly())
    }

    /// Runs a query (see [`Self::reads`]) to its end if it is short and need not wait.
    pub fn run_briefly(&self, statement: &str, parameters: &[Value]) -> Option<Result<QueryResult, Error>> {
        if !self.wal.get() {
            return None;
        }
        self.times_left.store(TIMES, Ordering::Relaxed);
        let result = self.prepare(statement).map_err(Failure::from).and_then(|prepared| query(prepared, parameters));
        let is_over = self.times_left.swap(0, Ordering::Relaxed) == 0;
        (!is_over).then_some(result.map_err(Error::from))
    }

    /// Runs a statement of whoever has the turn to write, to its end, if it is short as far as can be known and need not wait.
    pub fn run_in_turn(
        &self,
        statement: &str,
        parameters: &[Value],
        made: &mut Made,
    ) -> Option<Result<QueryResult, Error>> {
        if !self.wal.get() {
            return None;
        }
        if sql::begins(statement).is_some() {
            // Ours is the turn of this process. Another process may have the lock all the same.
            self.sqlite.busy_timeout(Duration::ZERO).ok()?;
            let mut nothing = Made::default();
            let result = self.query(statement, parameters, &mut nothing).map_err(Error::from);
            self.sqlite.busy_timeout(self.patience()).ok()?;
            return (!is_busy(&result)).then_some(result);
        }
        let is_short = self.has_lock() && self.is_short(statement, parameters);
        is_short.then(|| self.query(statement, parameters, made).map_err(Error::from))
    }

    /// How long SQLite waits for a lock by itself.
    fn patience(&self) -> Duration {
        let told = self.values(self.settings())[BUSY_TIMEOUT];
        Duration::from_millis(told.unsigned_abs())
    }

    /// Whether a statement changes rows in a short time, as far as can be known: it did when this connection last ran it, and its parameters
    /// are small.
    pub fn is_short(&self, statement: &str, parameters: &[Value]) -> bool {
        sql::may_change_few_rows(statement)
            && total_size(parameters) <= SMALL
            && self.prepare(statement).is_ok_and(|prepared| {
                // What it took last. Nothing, if it never ran.
                (1..STEPS * TIMES.cast_signed()).contains(&prepared.get_status(StatementStatus::VmStep))
            })
    }

    /// Whether a key is broken that has to be mended before the commit.
    pub fn owes(&self) -> bool {
        let (mut now, mut highest) = (0, 0);
        #[expect(unsafe_code, reason = "rusqlite has no safe way to ask for it")]
        // SAFETY: the handle is of a connection that is open, and the call writes to the two numbers.
        unsafe {
            let what = ffi::SQLITE_DBSTATUS_DEFERRED_FKS;
            ffi::sqlite3_db_status(self.sqlite.handle(), what, &raw mut now, &raw mut highest, 0);
        }
        now != 0
    }

    /// Whether a transaction is open that has the write lock.
    pub fn has_lock(&self) -> bool {
        matches!(self.sqlite.transaction_state(rusqlite::DEFAULT_NAME), Ok(TransactionState::Write))
    }
}

/// Whether a statement found the database locked.
pub(super) fn is_busy<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Io(message)) if message.contains(BUSY))
}

fn is_in_wal_mode(connection: &rusqlite::Connection) -> bool {
    connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0)).is_ok_and(|mode| mode == "wal")
}

fn query(mut prepared: CachedStatement<'_>, parameters: &[Value]) -> Result<QueryResult, Failure> {
    // From here on its steps are counted anew.
    prepared.reset_status(StatementStatus::VmStep);
    let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut rows = prepared.query(rusqlite::params_from_iter(parameters.iter().map(Parameter)))?;
    let mut result = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let values = (0..columns.len()).map(|column| value(row.get_ref(column).map_err(io)?));
        let values = values.collect::<Result<Vec<_>, Error>>()?;
        bytes += total_size(&values);
        if bytes > MAX_RESULT_BYTES {
            let message = format!("query result exceeds limit of {MAX_RESULT_BYTES} bytes");
            return Err(Error::Io(message).into());
        }
        result.push(RowResult { values });
    }
    Ok(QueryResult { columns, rows: result })
}
