//! A directory that version 0.1 has written through its four doors: `tests/fixtures/0.1/make` makes it.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde::Deserialize;

use crate::root;

/// What worked in version 0.1.
#[derive(Deserialize)]
pub struct Worked {
    /// What people had in hand.
    pub secrets: Secrets,
    /// Who signed in by what.
    pub signs_in: Vec<SignIn>,
}

/// Refresh tokens, and the secrets of links that nobody has followed.
#[derive(Deserialize)]
pub struct Secrets {
    /// A refresh token of Anna, who has an account of her own.
    pub anna: String,
    /// One of Jane, whom two connectors brought.
    pub jane: String,
    /// Bert's invitation to Anna's account.
    pub invitation: String,
    /// Of the address of Ulla, who has proved none.
    pub verification: String,
}

/// A sign-in, and what it came to.
#[derive(Deserialize)]
pub struct SignIn {
    /// A username or an address.
    pub name: String,
    /// Whose it was.
    pub person: i64,
    /// The password.
    pub password: String,
    /// The status without an account.
    pub status: u16,
    /// The error, unless that was 200.
    pub error: Option<String>,
    /// The account that it led to without one.
    pub account: Option<i64>,
    /// The accounts that it led to by their names.
    pub into: Vec<String>,
}

fn fixture(name: &str) -> String {
    fs::read_to_string(root().join("tests/fixtures/0.1").join(name)).expect("the fixture is there")
}

/// What worked in version 0.1.
pub fn worked() -> Worked {
    serde_json::from_str(&fixture("worked.json")).expect("it is what `make` wrote")
}

/// Puts the directory that version 0.1 has written into a state directory, in place of what is there.
pub fn restore(state: &Path) {
    for file in ["sqlite_db.db", "sqlite_db.db-wal", "sqlite_db.db-shm"] {
        let _ = fs::remove_file(state.join(file));
    }
    let store = Connection::open(state.join("sqlite_db.db")).expect("a database");
    // Tables come by their names: those that they refer to may come later.
    store.pragma_update(None, "foreign_keys", false).expect("a setting");
    store.execute_batch(&fixture("directory.sql")).expect("a directory of 0.1");
}
