//! A connection to SQLite, and how a statement runs on it: to its end, or only as far as it is short.

use crate::background;
use crate::spin::bindings::spin::sqlite::sqlite::{Error, QueryResult, RowResult, Value};
use crate::spin::values::{Parameter, io, total_size, value};
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::{StatementStatus, TransactionState};
use std::cell::Cell;
use std::ffi::c_int;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// Bytes of values in one result, as in Spin.
const MAX_RESULT_BYTES: usize = 128 << 20;
/// Prepared statements that are kept per connection: all that the components of an application use often, at some 12 kB each.
const STATEMENT_CACHE: usize = 256;
/// Steps of SQLite's machine after which a statement is long: about a millisecond.
const BRIEF: i32 = 20_000;
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

/// Their values.
pub(super) type Settings = [i64; SETTINGS.len()];

/// What is the database's, or changes nothing of a connection.
const OF_ALL: [&str; 2] = ["journal_mode", "wal_checkpoint"];

/// What SQLite says of a lock that another connection has (`SQLITE_BUSY`).
const BUSY: &str = "database is locked";

/// What SQLite tells of a connection's last write.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Made {
    pub changes: u64,
    pub last_id: i64,
}

/// A connection, and what the host knows of it.
pub(super) struct Session {
    pub sqlite: rusqlite::Connection,
    /// Set while a query runs on a thread that must not be held up. Cleared when the query took too long and was ended.
    brief: Arc<AtomicBool>,
    /// Whether the database is in WAL mode. It does not leave it while connections are open.
    pub wal: Cell<bool>,
    /// Whether a component has told it or made in it what others do not have.
    is_special: Cell<bool>,
    /// What it does unless it is told otherwise.
    defaults: Settings,
    /// What it was told, if it was.
    settings: Cell<Option<Settings>>,
    /// Pages of the log at the last commit of this connection.
    pub log: Arc<AtomicU32>,
}

impl Session {
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let mut sqlite = rusqlite::Connection::open(path)?;
        sqlite.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        // A statement is planned once, and not again for each value that it is given.
        sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let brief = Arc::new(AtomicBool::new(false));
        let end = brief.clone();
        sqlite.progress_handler(
            BRIEF,
            Some(move || {
                background::breathe(BREATH);
                end.swap(false, Ordering::Relaxed)
            }),
        )?;
        let log = Arc::new(AtomicU32::new(0));
        let noted = log.clone();
        // In place of SQLite's own, which writes the log back.
        sqlite.wal_hook(Some(move |_: &mut Wal, pages: c_int| {
            noted.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        let mut defaults = Settings::default();
        for (value, setting) in defaults.iter_mut().zip(SETTINGS) {
            *value = sqlite.pragma_query_value(None, setting, |row| row.get(0))?;
        }
        Ok(Self {
            brief,
            wal: Cell::new(is_in_wal_mode(&sqlite)),
            is_special: Cell::new(false),
            defaults,
            settings: Cell::default(),
            sqlite,
            log,
        })
    }

    /// What it was told of how it reads and writes, if it was.
    pub fn settings(&self) -> Option<Settings> {
        self.settings.get()
    }

    /// Has it read and write as whoever wants it has told, or as it does unless it is told otherwise.
    pub fn set(&self, settings: Option<&Settings>) -> rusqlite::Result<()> {
        let told = self.settings.replace(settings.copied()).unwrap_or(self.defaults);
        let wanted = settings.unwrap_or(&self.defaults);
        for ((setting, told), wanted) in SETTINGS.iter().zip(told).zip(wanted) {
            if told != *wanted {
                self.sqlite.pragma(None, setting, wanted, |_| Ok(()))?;
            }
        }
        Ok(())
    }

    /// Ends its transaction, if it is in one. Whether another component may have it then.
    pub fn ends_transaction(&self) -> bool {
        (self.sqlite.is_autocommit() || self.sqlite.execute_batch("ROLLBACK").is_ok()) && self.is_like_others()
    }

    /// Runs one statement to its end, and notes what that has made. May block.
    pub fn run(&self, statement: &str, parameters: &[Value], made: &mut Made) -> Result<QueryResult, Error> {
        let result = self.query(statement, parameters, made);
        match &*first_word(statement) {
            "PRAGMA" => self.notes_pragma(statement),
            "CREATE" => {
                let temporary = "SELECT EXISTS (SELECT * FROM temp.sqlite_schema)";
                let has_own = self.sqlite.query_row(temporary, [], |row| row.get(0));
                self.is_special.set(self.is_special.get() || has_own.unwrap_or(true));
            }
            "ATTACH" => self.is_special.set(true),
            _ => {}
        }
        result
    }

    /// Notes what a PRAGMA may have changed.
    fn notes_pragma(&self, statement: &str) {
        let name = statement.trim_start()[6..].trim_start();
        let name = name.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next().unwrap_or(name);
        if let Some(place) = SETTINGS.iter().position(|setting| setting.eq_ignore_ascii_case(name)) {
            let mut settings = self.settings.get().unwrap_or(self.defaults);
            if let Ok(value) = self.sqlite.pragma_query_value(None, SETTINGS[place], |row| row.get(0)) {
                settings[place] = value;
            }
            self.settings.set(Some(settings));
        } else if OF_ALL.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            self.wal.set(is_in_wal_mode(&self.sqlite));
        } else {
            self.is_special.set(true);
        }
    }

    /// Runs one statement. SQLite's last id is that of whoever runs it, before and after.
    fn query(&self, statement: &str, parameters: &[Value], made: &mut Made) -> Result<QueryResult, Error> {
        if !changes_rows(statement) || self.reads(statement) {
            return query(&self.sqlite, statement, parameters);
        }
        #[expect(unsafe_code, reason = "rusqlite has no safe way to set it")]
        // SAFETY: the handle is of a connection that is open, and the call stores a number in it.
        unsafe {
            rusqlite::ffi::sqlite3_set_last_insert_rowid(self.sqlite.handle(), made.last_id);
        }
        let result = query(&self.sqlite, statement, parameters)?;
        *made = Made { changes: self.sqlite.changes(), last_id: self.sqlite.last_insert_rowid() };
        Ok(result)
    }

    /// Whether the tables of a statement are as it wants them, as far as this connection knows.
    pub fn knows(&self, statement: &str) -> bool {
        self.sqlite.prepare_cached(statement).is_ok()
    }

    /// Whether another one would answer the same: it is in no transaction, and has nothing of its own.
    pub fn is_like_others(&self) -> bool {
        self.wal.get() && !self.is_special.get() && self.sqlite.is_autocommit()
    }

    /// Whether a statement is a query, and changes nothing.
    pub fn reads(&self, statement: &str) -> bool {
        ["SELECT", "WITH"].contains(&&*first_word(statement))
            && self.sqlite.prepare_cached(statement).is_ok_and(|prepared| prepared.readonly())
    }

    /// Runs a query to its end if it is short and need not wait.
    pub fn run_briefly(&self, statement: &str, parameters: &[Value]) -> Option<Result<QueryResult, Error>> {
        if !self.wal.get() || !self.reads(statement) {
            return None;
        }
        self.brief.store(true, Ordering::Relaxed);
        let result = query(&self.sqlite, statement, parameters);
        self.brief.swap(false, Ordering::Relaxed).then_some(result)
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
        if begins(statement).is_some() {
            // Ours is the turn of this process. Another process may have the lock all the same.
            self.sqlite.busy_timeout(Duration::ZERO).ok()?;
            let result = query(&self.sqlite, statement, parameters);
            self.sqlite.busy_timeout(self.patience()).ok()?;
            return (!is_busy(&result)).then_some(result);
        }
        let is_short = self.has_lock() && self.is_short(statement, parameters);
        is_short.then(|| self.query(statement, parameters, made))
    }

    /// How long SQLite waits for a lock by itself.
    fn patience(&self) -> Duration {
        let told = self.settings.get().unwrap_or(self.defaults)[BUSY_TIMEOUT];
        Duration::from_millis(told.unsigned_abs())
    }

    /// Whether a statement changes rows in a short time, as far as can be known: it did when this connection last ran it, and its parameters
    /// are small. What a `DELETE` takes with it nothing bounds.
    pub fn is_short(&self, statement: &str, parameters: &[Value]) -> bool {
        ["INSERT", "UPDATE", "WITH"].contains(&&*first_word(statement))
            && total_size(parameters) <= SMALL
            && self.sqlite.prepare_cached(statement).is_ok_and(|prepared| {
                // What it took last. Nothing, if it never ran.
                (1..BRIEF).contains(&prepared.get_status(StatementStatus::VmStep))
            })
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

fn first_word(statement: &str) -> String {
    let letters = statement.trim_start().bytes().take_while(u8::is_ascii_alphabetic);
    letters.map(|letter| char::from(letter.to_ascii_uppercase())).collect()
}

/// Whether a statement takes the write lock. To be wrong costs time, no more: the lock is SQLite's.
pub(super) fn writes(statement: &str) -> bool {
    match &*first_word(statement) {
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "WITH" | "CREATE" | "DROP" | "ALTER" => true,
        _ => matches!(begins(statement).as_deref(), Some("IMMEDIATE" | "EXCLUSIVE")),
    }
}

/// Whether a statement changes rows, and nothing else.
pub(super) fn changes_rows(statement: &str) -> bool {
    ["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"].contains(&&*first_word(statement))
}

/// How a statement begins a transaction, if it does.
pub(super) fn begins(statement: &str) -> Option<String> {
    (first_word(statement) == "BEGIN").then(|| first_word(&statement.trim_start()[5..]))
}

fn query(connection: &rusqlite::Connection, statement: &str, parameters: &[Value]) -> Result<QueryResult, Error> {
    let mut prepared = connection.prepare_cached(statement).map_err(io)?;
    // From here on its steps are counted anew.
    prepared.reset_status(StatementStatus::VmStep);
    let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut rows = prepared.query(rusqlite::params_from_iter(parameters.iter().map(Parameter))).map_err(io)?;
    let mut result = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next().map_err(io)? {
        let values = (0..columns.len()).map(|column| value(row.get_ref(column).map_err(io)?));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        bytes += total_size(&values);
        if bytes > MAX_RESULT_BYTES {
            return Err(Error::Io(format!("query result exceeds limit of {MAX_RESULT_BYTES} bytes")));
        }
        result.push(RowResult { values });
    }
    Ok(QueryResult { columns, rows: result })
}
