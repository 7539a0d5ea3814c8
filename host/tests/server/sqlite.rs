//! `spin:sqlite`, and who observes it.

use crate::{Probe, ok, refused};
use accord::Statement;
use std::sync::{Arc, Mutex};

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_has_what_accord_needs() {
    let probe = Probe::start(|_| ()).await;
    let expected =
        r#"a,b [Value::Integer(-1), Value::Real(0.5), Value::Text("ü"), Value::Blob([0, 255]), Value::Null]"#;
    assert_eq!(probe.get("/values").await, ok(expected));
    for (statements, expected) in [
        (&["PRAGMA journal_mode = WAL"][..], "wal"),
        (&["CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT"], ""),
        (&["INSERT INTO t (name) SELECT value FROM json_each('[\"a\", \"b\"]') RETURNING id"], "1;2"),
        (&["INSERT INTO t (name) VALUES ('a') ON CONFLICT (name) DO UPDATE SET name = 'c' RETURNING id, name"], "1,c"),
        (&["SELECT name, row_number() OVER (ORDER BY name DESC) FROM t"], "c,1;b,2"),
        (&["SELECT count(*) FROM t -- and no more"], "2"),
    ] {
        assert_eq!(probe.sql(statements).await.as_deref(), Ok(expected), "{statements:?}");
    }
    for (statement, message) in [
        ("INSERT INTO t (name) VALUES ('b')", "UNIQUE constraint failed: t.name"),
        ("INSERT INTO t (id) VALUES ('x')", "datatype mismatch"),
        ("SELECT * FROM missing", "no such table: missing"),
        ("SELECT 1; SELECT 2", "Multiple statements provided"),
    ] {
        let error = probe.sql(&[statement]).await.unwrap_err();
        assert!(error.starts_with("Error::Io(") && error.contains(message), "{error}");
    }
    assert_eq!(
        probe.get("/insert?two").await,
        refused(r#"Error::Io("table t has 2 columns but 1 values were supplied")"#)
    );
    assert_eq!(probe.sql(&["DROP TABLE t", "CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await.as_deref(), Ok(""));
    assert_eq!(probe.get("/insert?two").await, ok("2 2"));
    assert_eq!(probe.get("/exhaust").await, ok(r#"256 Error::Io("too many connections opened")"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_query_is_run_whole() {
    let probe = Probe::start(|_| ()).await;
    probe.sql(&["PRAGMA journal_mode = WAL"]).await.unwrap();
    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT sum(i) FROM n";
    for _ in 0..3 {
        assert_eq!(probe.sql(&[long]).await.as_deref(), Ok("45000150000"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_left_open_is_rolled_back() {
    let probe = Probe::start(|_| ()).await;
    probe.sql(&["PRAGMA journal_mode = WAL", "CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await.unwrap();
    probe.sql(&["BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)"]).await.unwrap();
    assert_eq!(probe.sql(&["BEGIN IMMEDIATE", "SELECT count(*) FROM t", "COMMIT"]).await.as_deref(), Ok(""));
    assert_eq!(probe.sql(&["SELECT count(*) FROM t"]).await.as_deref(), Ok("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_take_turns_and_none_is_lost() {
    let probe = Probe::start(|_| ()).await;
    probe.sql(&["PRAGMA journal_mode = WAL", "CREATE TABLE t (n INTEGER)", "INSERT INTO t VALUES (0)"]).await.unwrap();
    let increment = ["BEGIN IMMEDIATE", "SELECT n FROM t", "UPDATE t SET n = n + 1", "COMMIT"];
    let all = futures::future::join_all((0..60).map(|_| probe.sql(&increment))).await;
    assert_eq!(all.iter().filter(|result| result.is_err()).count(), 0, "{all:?}");
    assert_eq!(probe.sql(&["SELECT n FROM t"]).await.as_deref(), Ok("60"));
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_come_to_their_turn_in_the_order_in_which_they_ask() {
    const WRITERS: usize = 16;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let observer = Arc::new(move |statement: &Statement<'_>| {
        // Who writes much is passed by all others, and is not looked at here.
        if statement.sql != "BEGIN EXCLUSIVE" && ["BEGIN", "UPDAT"].contains(&&statement.sql[..5]) {
            sink.lock().unwrap().push((statement.connection, statement.sql.starts_with("BEGIN IMMEDIATE")));
        }
        None
    });
    let probe = Probe::start(|config| config.statement_observer = Some(observer)).await;
    probe.sql(&["PRAGMA journal_mode = WAL", "CREATE TABLE t (n INTEGER)", "INSERT INTO t VALUES (0)"]).await.unwrap();
    let short = ["BEGIN IMMEDIATE", "UPDATE t SET n = n + 1", "COMMIT"];
    let work =
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200000) SELECT count(*) FROM c";
    let long = ["BEGIN EXCLUSIVE", "UPDATE t SET n = n + 1000", work, "COMMIT"];
    let again = async |statements: &[&str], times: usize| {
        for _ in 0..times {
            assert_eq!(probe.sql(statements).await.as_deref(), Ok(""));
        }
    };
    let writers = futures::future::join_all((0..WRITERS).map(|_| again(&short, 10)));
    futures::future::join(writers, again(&long, 5)).await;
    assert_eq!(probe.sql(&["SELECT n FROM t"]).await.as_deref(), Ok("5160"));
    let seen = seen.lock().unwrap();
    for (asked, (connection, _)) in seen.iter().enumerate().filter(|(_, (_, begins))| *begins) {
        let before = seen[asked..].iter().filter(|(_, begins)| !begins).take_while(|(other, _)| other != connection);
        // Each of the others once, and once more where they came to the queue in another order than to the observer.
        assert!(before.clone().count() <= 2 * WRITERS, "{} were before one that had asked", before.count());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_write_waits_for_one_long_one_at_most() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let sink = order.clone();
    let observer = Arc::new(move |statement: &Statement<'_>| {
        if statement.sql.starts_with("UPDATE t SET") {
            sink.lock().unwrap().push(statement.sql.to_owned());
        }
        None
    });
    let probe = Probe::start(|config| config.statement_observer = Some(observer)).await;
    probe.sql(&["PRAGMA journal_mode = WAL", "CREATE TABLE t (n INTEGER)", "INSERT INTO t VALUES (0)"]).await.unwrap();
    // A second of work, more or less.
    let work =
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000000) SELECT count(*) FROM c";
    let long = ["BEGIN EXCLUSIVE", "UPDATE t SET n = n + 100", work, "COMMIT"];
    let long_ones = futures::future::join_all((0..3).map(|_| probe.sql(&long)));
    let short_one = async {
        // All three wait or write by now.
        while order.lock().unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        probe.sql(&["BEGIN IMMEDIATE", "UPDATE t SET n = n + 1", "COMMIT"]).await
    };
    let (long_ones, short_one) = futures::future::join(long_ones, short_one).await;
    assert!(long_ones.iter().chain([&short_one]).all(Result::is_ok), "{long_ones:?} {short_one:?}");
    assert_eq!(order.lock().unwrap()[1], "UPDATE t SET n = n + 1", "{order:?}");
    assert_eq!(probe.sql(&["SELECT n FROM t"]).await.as_deref(), Ok("301"));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_shown_to_the_observer() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let observer = Arc::new(move |statement: &Statement<'_>| {
        sink.lock().unwrap().push((statement.sql.to_owned(), statement.connection, statement.locked));
        None
    });
    let probe = Probe::start(|config| config.statement_observer = Some(observer)).await;
    let seen = || std::mem::take(&mut *seen.lock().unwrap());
    probe.sql(&["PRAGMA journal_mode = WAL", "CREATE TABLE t (n INTEGER)"]).await.unwrap();
    let before = seen()[0].1;

    let (free, locked) = (false, true);
    for statements in [
        &[("SELECT n FROM t", free), ("INSERT INTO t VALUES (1)", free), ("SELECT n FROM t", free)][..],
        &[("BEGIN IMMEDIATE", free), ("SELECT n FROM t", locked), ("COMMIT", locked), ("SELECT n FROM t", free)],
        &[("BEGIN", free), ("SELECT n FROM t", free), ("DELETE FROM t", free), ("ROLLBACK", locked)],
        &[("BEGIN IMMEDIATE", free), ("UPDATE t SET n = 2", locked)],
        &[("SELECT 'after a transaction that was left open'", free)],
    ] {
        let sql: Vec<_> = statements.iter().map(|(sql, _)| *sql).collect();
        probe.sql(&sql).await.unwrap();
        let seen = seen();
        let shown: Vec<_> = seen.iter().map(|(sql, _, locked)| (&**sql, *locked)).collect();
        assert_eq!(shown, statements);
        let connection = seen[0].1;
        assert!(connection > before && seen.iter().all(|(_, other, _)| *other == connection), "{seen:?}");
    }
}
