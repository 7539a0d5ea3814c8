//! The database of the directory, seen from outside.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Params, Row};

/// The database of the directory.
pub struct Store(Connection);

impl Store {
    pub(crate) fn open(file: &Path) -> Self {
        let store = Connection::open(file).expect("the store opens");
        store.busy_timeout(Duration::from_secs(10)).expect("a timeout can be set");
        Self(store)
    }

    /// Runs a statement.
    pub fn execute(&self, sql: &str, parameters: impl Params) -> usize {
        self.0.execute(sql, parameters).expect("the statement runs")
    }

    /// Whether the database refuses a statement.
    pub fn refuses(&self, sql: &str) -> bool {
        self.0.execute(sql, []).is_err()
    }

    /// A number.
    pub fn number(&self, sql: &str) -> i64 {
        self.0.query_row(sql, [], |row| row.get(0)).expect("the query answers with a number")
    }

    /// Rows of text, a line each, with a bar between the columns.
    pub fn lines(&self, sql: &str) -> Vec<String> {
        let mut statement = self.0.prepare(sql).expect("the query is valid");
        let columns = statement.column_count();
        let line = |row: &Row<'_>| -> rusqlite::Result<String> {
            let column = |index| row.get::<_, Option<String>>(index).map(|text| text.unwrap_or_else(|| "-".to_owned()));
            Ok((0..columns).map(column).collect::<rusqlite::Result<Vec<_>>>()?.join(" | "))
        };
        let lines = statement.query_map([], line).expect("the query runs");
        lines.collect::<rusqlite::Result<_>>().expect("the columns are text")
    }

    /// All rows of all tables but these, a line each.
    pub fn dump(&self, without: &[&str]) -> Vec<String> {
        let tables = self
            .lines("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name");
        let rows = tables.iter().filter(|table| !without.contains(&table.as_str())).flat_map(|table| {
            let columns = self.lines(&format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')"));
            self.lines(&format!("SELECT '{table}', {} FROM {table} ORDER BY 2, 3", columns.join(", ")))
        });
        rows.collect()
    }

    /// What SQLite would do for a statement, a line per step.
    pub fn plan(&self, sql: &str) -> Vec<String> {
        let mut statement = self.0.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("the statement is valid");
        let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(nothing), |row| row.get(3)).expect("it explains");
        steps.collect::<rusqlite::Result<_>>().expect("a plan is text")
    }

    /// Has the accounts count again what they own, after a test has moved or made some by itself.
    pub fn recount(&self) {
        self.execute(
            "UPDATE accounts SET descendants = (
                 WITH RECURSIVE owned(id) AS (
                     SELECT o.id FROM accounts o WHERE o.owner_id = accounts.id
                     UNION ALL SELECT o.id FROM owned JOIN accounts o ON o.owner_id = owned.id)
                 SELECT count(*) FROM owned)",
            (),
        );
    }
}
