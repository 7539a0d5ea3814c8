//! `accord mail`, with stores that the test makes.

use crate::{MANIFEST, accord, application, assert_fails};
use rusqlite::Connection;

#[test]
fn the_mails_that_wait_are_shown_the_oldest_first() {
    let directory = application(MANIFEST);
    let state = directory.path().canonicalize().unwrap().join(".accord");
    let missing = format!("{}/sqlite_db.db is not there: it is made by the first `accord up`", state.display());
    assert_fails(&accord(&directory.path().canonicalize().unwrap(), &["mail"]), &missing);
    std::fs::create_dir(&state).unwrap();
    let store = Connection::open(state.join("sqlite_db.db")).unwrap();
    store
        .execute_batch("CREATE TABLE outbox (id INTEGER PRIMARY KEY, recipient TEXT, subject TEXT, text TEXT)")
        .unwrap();
    let shown = || {
        let output = accord(directory.path(), &["mail"]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(shown(), "No mail waits.\n");
    let mails = "INSERT INTO outbox (recipient, subject, text) VALUES
        ('a@example.com', 'One', 'Hello' || char(10)), ('b@example.com', 'Two', 'https://x/#token=y')";
    store.execute_batch(mails).unwrap();
    let expected =
        "To: a@example.com\nSubject: One\n\nHello\n\nTo: b@example.com\nSubject: Two\n\nhttps://x/#token=y\n\n";
    assert_eq!(shown(), expected);
}

#[test]
fn what_is_no_store_of_an_accord_is_one_line() {
    let directory = application(MANIFEST);
    let state = directory.path().canonicalize().unwrap().join(".accord");
    std::fs::create_dir(&state).unwrap();
    Connection::open(state.join("sqlite_db.db")).unwrap().execute_batch("CREATE TABLE other (id INTEGER)").unwrap();
    let output = accord(&directory.path().canonicalize().unwrap(), &["mail"]);
    let error = String::from_utf8(output.stderr).unwrap();
    let expected = format!("accord: {}/sqlite_db.db cannot be read: no such table: outbox", state.display());
    assert!(error.starts_with(&expected) && error.lines().count() == 1, "{error}");
}
