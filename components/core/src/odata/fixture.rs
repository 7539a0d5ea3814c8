//! Records on a real SQLite, for the tests of each option.

use proptest::prelude::*;
use rusqlite::types::Value as Stored;
use rusqlite::{Connection, params_from_iter};

use super::{Field, Sql};
use crate::store::Value;

pub(super) static FIELDS: [Field; 5] = [
    Field::number("id", "t.id"),
    Field::text("name", "t.name"),
    Field::text("description", "t.description"),
    Field::text("status", "t.status"),
    Field::time("createdAt", "t.created_at"),
];

/// Noon of 2 June 2026.
const NOON: i64 = 1_780_401_600_000;
const DAY: i64 = 24 * 60 * 60 * 1000;

pub(super) type Record = (i64, &'static str, Option<&'static str>, &'static str, i64);

pub(super) const RECORDS: [Record; 10] = [
    (1, "Acme", Some("Main account"), "active", NOON - 2 * DAY),
    (2, "acme", None, "active", NOON - DAY),
    (3, "Acme Corporation", Some(""), "inactive", NOON),
    (4, "O'Neil & Sons", Some("it's \"quoted\""), "active", NOON + 1),
    (5, "100% Pure_Oil", Some("50% off"), "active", NOON + DAY),
    (6, "100 Pure Oil", Some("a\\b"), "inactive", NOON + 2 * DAY),
    (7, "'; DROP TABLE accounts; --", None, "active", NOON + 3 * DAY),
    (8, "ÄHTÄRI Oy", Some("Straße in Ähtäri"), "active", NOON + 4 * DAY),
    (9, "ähtäri oy", Some("ΣΊΣΥΦΟΣ"), "inactive", NOON + 5 * DAY),
    (10, "", Some("nameless"), "active", NOON + 6 * DAY),
];

pub(super) fn database() -> Connection {
    let database = Connection::open_in_memory().expect("a database");
    database
        .execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, description TEXT, status TEXT, created_at INTEGER) STRICT")
        .expect("a table");
    for record in RECORDS {
        database.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", record).expect("a row");
    }
    database
}

fn stored(value: &Value) -> Stored {
    match value {
        Value::Integer(integer) => Stored::Integer(*integer),
        Value::Real(real) => Stored::Real(*real),
        Value::Text(text) => Stored::Text(text.clone()),
        Value::Blob(blob) => Stored::Blob(blob.clone()),
        Value::Null => Stored::Null,
    }
}

pub(super) fn ids(database: &Connection, condition: &Sql, order: &str) -> Vec<i64> {
    let statement = format!("SELECT t.id FROM t WHERE {} ORDER BY {order}", condition.text);
    let mut statement = database.prepare(&statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    let parameters = params_from_iter(condition.parameters.iter().map(stored));
    let rows = statement.query_map(parameters, |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("ids")
}

/// Any texts, and those that an option could be.
pub(super) fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,60}", "[a-z'(), 0-9-]{0,60}"]
}
