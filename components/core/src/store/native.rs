//! SQLite in place of Spin's interface, for unit tests: they run natively, where nobody implements the interface.
//!
//! It has the calls that the store makes of the bindings, with their values and their errors. A test runs on a thread of
//! its own, and so has a database and idle connections of its own. Two connections at the same time are two, so that
//! transactions and the write lock work as they do in a component. Nothing waits here for another request: an asynchronous
//! call is ready when it returns, and [`run`] polls a test once.
#![expect(clippy::needless_pass_by_value, reason = "the calls are those of the bindings")]

use std::cell::Cell;
use std::future::{Ready, ready};
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use rusqlite::types::{ToSqlOutput, Value as Column};
use spin_sdk::sqlite::Value;
pub(super) use spin_sdk::sqlite::wit::sqlite::Error;
use spin_sdk::sqlite::wit::sqlite::{QueryResult, RowResult};
use tempfile::TempDir;

thread_local! {
    /// Where the database is: SQLite keeps files of its own beside it.
    static DIRECTORY: TempDir = TempDir::new().expect("there is a place for temporary files");

    /// See [`interrupt`].
    static COMES: Cell<Option<(usize, Visit)>> = const { Cell::new(None) };
}

/// As [`spin_sdk::time::sleep`], for nobody: natively there is no other request to wait for.
pub(super) fn sleep(_: std::time::Duration) -> Ready<()> {
    ready(())
}

/// Runs a test to its end.
pub(crate) fn run(test: impl Future<Output = crate::Result<()>>) {
    crate::setting::set("encryption_key", "");
    match pin!(test).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done.expect("the test runs to its end"),
        Poll::Pending => panic!("natively nothing waits"),
    }
}

/// Has a test look at the database, or fill it, by itself.
pub(crate) fn with_database<T>(test: impl FnOnce(&rusqlite::Connection) -> T) -> T {
    let path = DIRECTORY.with(|directory| directory.path().join("accord.db"));
    test(&rusqlite::Connection::open(path).expect("the database opens"))
}

/// What comes in between.
type Visit = Box<dyn FnOnce()>;

/// Has a test begin with a database that is like the one in a file.
pub(crate) fn begin_with(file: &Path) {
    std::fs::copy(file, DIRECTORY.with(|directory| directory.path().join("accord.db")))
        .expect("the database is copied");
}

/// Has something happen before one of the statements that follow, after so many of them, outside of transactions: there nobody comes in
/// between.
pub(crate) fn interrupt(after: usize, comes: impl FnOnce() + 'static) {
    COMES.set(Some((after, Box::new(comes))));
}

/// What [`interrupt`] has come, if its time is there.
fn comes() -> Option<Visit> {
    match COMES.take()? {
        (0, comes) => Some(comes),
        (after, comes) => {
            COMES.set(Some((after - 1, comes)));
            None
        }
    }
}

/// A connection, with the calls of the bindings' connection.
pub(super) struct Connection(rusqlite::Connection);

/// The columns of an answer, its rows, and how it ends.
type Streamed = (Vec<String>, Rows, Ready<Result<(), Error>>);

impl Connection {
    pub(super) fn open_async(_database: String) -> Ready<Result<Self, Error>> {
        let path = DIRECTORY.with(|directory| directory.path().join("accord.db"));
        ready(rusqlite::Connection::open(path).map(Self).map_err(failed))
    }

    pub(super) fn execute(&self, sql: &str, parameters: &[Value]) -> Result<QueryResult, Error> {
        self.answer(sql, parameters).map_err(failed)
    }

    pub(super) fn execute_async(&self, sql: String, parameters: Vec<Value>) -> Ready<Result<Streamed, Error>> {
        let answer = self.answer(&sql, &parameters).map_err(failed);
        ready(answer.map(|answer| (answer.columns, Rows(answer.rows), ready(Ok(())))))
    }

    fn answer(&self, sql: &str, parameters: &[Value]) -> rusqlite::Result<QueryResult> {
        if self.0.is_autocommit()
            && let Some(comes) = comes()
        {
            comes();
        }
        let mut statement = self.0.prepare_cached(sql)?;
        let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
        let mut found = statement.query(rusqlite::params_from_iter(parameters.iter().map(Bound)))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let values = (0..columns.len()).map(|index| row.get(index).map(value));
            rows.push(RowResult { values: values.collect::<rusqlite::Result<_>>()? });
        }
        Ok(QueryResult { columns, rows })
    }
}

/// The stream of rows.
pub(super) struct Rows(Vec<RowResult>);

impl Rows {
    pub(super) fn collect(self) -> Ready<Vec<RowResult>> {
        ready(self.0)
    }
}

/// A parameter of a statement.
struct Bound<'a>(&'a Value);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(Column::Null),
            Value::Integer(integer) => ToSqlOutput::from(*integer),
            Value::Real(real) => ToSqlOutput::from(*real),
            Value::Text(text) => ToSqlOutput::from(text.as_str()),
            Value::Blob(blob) => ToSqlOutput::from(blob.as_slice()),
        })
    }
}

fn value(column: Column) -> Value {
    match column {
        Column::Null => Value::Null,
        Column::Integer(integer) => Value::Integer(integer),
        Column::Real(real) => Value::Real(real),
        Column::Text(text) => Value::Text(text),
        Column::Blob(blob) => Value::Blob(blob),
    }
}

/// As Spin tells SQLite's errors.
fn failed(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}
