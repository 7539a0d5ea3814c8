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
/// Prepared statements that are kept per connection: all that a component has, at some 12 kB each.
const STATEMENT_CACHE: usize = 128;
/// Steps of SQLite's machine after which a statement is long: about a millisecond.
const BRIEF: i32 = 20_000;
/// How long a query in the background sleeps after each such number of steps: as short as can be, for it is waited for.
const BREATH: Duration = Duration::from_micros(1);
/// Bytes of parameters that a short write may have.
pub(super) const SMALL: usize = 16 << 10;

/// What a connection may be told of how it reads and writes, and another one can be told as well.
const SETTINGS: [&str; 9] = [
    "busy_timeout",
    "cache_size",
    "foreign_keys",
    "ignore_check_constraints",
    "query_only",
    "recursive_triggers",
    "secure_delete",
    "synchronous",
    "temp_store",
];

/// What is the database's, or changes nothing of a connection.
const OF_ALL: [&str; 2] = ["journal_mode", "wal_checkpoint"];

/// What SQLite says of a lock that another connection has (`SQLITE_BUSY`).
const BUSY: &str = "database is locked";

/// What SQLite tells of a connection's last write.
#[derive(Clone, Copy)]
pub(super) struct Made {
    pub changes: u64,
    pub last_id: i64,
}

impl Made {
    pub fn by(session: &Session) -> Self {
        Self { changes: session.sqlite.changes(), last_id: session.sqlite.last_insert_rowid() }
    }

    /// The same for whoever had made something else before: only who inserts has another last id.
    pub fn after(self, before: Self, inserts: bool) -> Self {
        Self { last_id: if inserts { self.last_id } else { before.last_id }, ..self }
    }
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
    /// How long SQLite waits for a lock by itself, as the component has told it.
    patience: Cell<Duration>,
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
        Ok(Self { sqlite, brief, wal: Cell::new(false), is_special: Cell::new(false), patience: Cell::default(), log })
    }

    /// Opens another one, which reads and writes as this one does.
    pub fn like(other: &Self, path: &Path) -> rusqlite::Result<Self> {
        let session = Self::open(path)?;
        for setting in SETTINGS {
            let value: i64 = other.sqlite.pragma_query_value(None, setting, |row| row.get(0))?;
            session.sqlite.pragma(None, setting, value, |_| Ok(()))?;
        }
        session.wal.set(other.wal.get());
        session.patience.set(other.patience.get());
        Ok(session)
    }

    /// Runs one statement to its end. May block.
    pub fn run(&self, statement: &str, parameters: &[Value]) -> Result<QueryResult, Error> {
        let result = query(&self.sqlite, statement, parameters);
        if self.has_become_special(statement) {
            self.is_special.set(true);
        }
        if !self.wal.get() || first_word(statement) == "PRAGMA" {
            let mode = self.sqlite.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
            self.wal.set(mode.is_ok_and(|mode| mode == "wal"));
            let patience = self.sqlite.pragma_query_value(None, "busy_timeout", |row| row.get::<_, u32>(0));
            self.patience.set(patience.map_or(Duration::ZERO, |ms| Duration::from_millis(ms.into())));
        }
        result
    }

    /// Whether the tables of a statement are as it wants them, as far as this connection knows.
    pub fn knows(&self, statement: &str) -> bool {
        self.sqlite.prepare_cached(statement).is_ok()
    }

    /// Whether another one would answer the same: it is in no transaction, and has nothing of its own.
    pub fn is_like_others(&self) -> bool {
        self.wal.get() && !self.is_special.get() && self.sqlite.is_autocommit()
    }

    /// Whether a statement may have given it what others do not have: tables or databases of its own, or a setting that is not copied.
    fn has_become_special(&self, statement: &str) -> bool {
        match &*first_word(statement) {
            "CREATE" => {
                let temporary = "SELECT EXISTS (SELECT * FROM temp.sqlite_schema)";
                self.sqlite.query_row(temporary, [], |row| row.get(0)).unwrap_or(true)
            }
            "ATTACH" => true,
            "PRAGMA" => {
                let name = statement.trim_start()[6..].trim_start();
                let name =
                    name.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next().unwrap_or(name);
                !SETTINGS.iter().chain(&OF_ALL).any(|known| known.eq_ignore_ascii_case(name))
            }
            _ => false,
        }
    }

    /// Whether a statement is a query, and changes nothing.
    pub fn reads(&self, statement: &str) -> bool {
        may_read(statement) && self.sqlite.prepare_cached(statement).is_ok_and(|prepared| prepared.readonly())
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
    pub fn run_in_turn(&self, statement: &str, parameters: &[Value]) -> Option<Result<QueryResult, Error>> {
        if !self.wal.get() {
            return None;
        }
        if begins(statement).is_some() {
            // Ours is the turn of this process. Another process may have the lock all the same.
            self.sqlite.busy_timeout(Duration::ZERO).ok()?;
            let result = query(&self.sqlite, statement, parameters);
            self.sqlite.busy_timeout(self.patience.get()).ok()?;
            return (!is_busy(&result)).then_some(result);
        }
        let is_short = self.has_lock() && self.is_short(statement, parameters);
        is_short.then(|| query(&self.sqlite, statement, parameters))
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

fn first_word(statement: &str) -> String {
    let letters = statement.trim_start().bytes().take_while(u8::is_ascii_alphabetic);
    letters.map(|letter| char::from(letter.to_ascii_uppercase())).collect()
}

/// Whether a statement can be a query.
pub(super) fn may_read(statement: &str) -> bool {
    ["SELECT", "WITH"].contains(&&*first_word(statement))
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

/// Whether a statement may insert a row.
pub(super) fn inserts(statement: &str) -> bool {
    ["INSERT", "REPLACE", "WITH"].contains(&&*first_word(statement))
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
