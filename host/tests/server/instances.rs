//! How instances are made, shared and ended.

use crate::{Probe, ok};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_used_again_until_its_requests_are_spent() {
    let probe = Probe::with_limits(|limits| limits.max_requests_per_instance = 3).await;
    for expected in ["0", "1", "2", "0", "1"] {
        assert_eq!(probe.get("/count").await, ok(expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_instance_ends() {
    let probe = Probe::with_limits(|limits| limits.idle_timeout = Duration::from_millis(500)).await;
    assert_eq!(probe.get("/count").await, ok("0"));
    assert_eq!(probe.get("/count").await, ok("1"));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(probe.get("/count").await, ok("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_what_the_instances_take_wait_their_turn() {
    for (instances, concurrent) in [(1, 1), (2, 16), (6, 2)] {
        let probe = Probe::with_limits(|limits| {
            limits.max_instances = instances;
            limits.max_concurrent_per_instance = concurrent;
            limits.max_requests_per_instance = 10;
        })
        .await;
        let paths = (0..200).map(|number| if number % 2 == 0 { "/values" } else { "/poor/count" });
        let all = futures::future::join_all(paths.map(|path| probe.get(path))).await;
        assert_eq!(all.iter().filter(|(status, _)| *status != 200).count(), 0, "{instances}, {concurrent}: {all:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_costs_one_answer() {
    let probe = Probe::with_limits(|limits| limits.memory = 16 << 20).await;
    assert_eq!(probe.get("/count").await, ok("0"));
    for path in ["/panic", "/fill"] {
        assert_eq!(probe.get(path).await, (500, String::new()), "{path}");
        assert_eq!(probe.get("/count").await, ok("0"), "a new instance");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_that_never_end_are_ended_and_do_not_stop_the_others() {
    let probe = Probe::with_limits(|limits| limits.request_timeout = Duration::from_secs(4)).await;
    let started = Instant::now();
    let endless = futures::future::join_all((0..4).map(|_| probe.get("/loop")));
    let others = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for _ in 0..5 {
            assert_eq!(probe.get("/poor/count").await.0, 200);
        }
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    };
    let (ended, ()) = tokio::join!(endless, others);
    assert!(ended.iter().all(|answer| *answer == (504, String::new())), "{ended:?}");
    assert_eq!(probe.get("/count").await, ok("0"));
}

/// Requests that never end come in numbers, after one that looks like them.
async fn others_are_served_beside(first: &'static str, path: &'static str, body: &'static str) {
    let probe = Probe::with_limits(|limits| {
        limits.max_instances = 8;
        limits.max_concurrent_per_instance = 1;
        limits.request_timeout = Duration::from_secs(4);
    })
    .await;
    let started = Instant::now();
    let ask = async |path, after| {
        tokio::time::sleep(after).await;
        probe.client.post(probe.server.url() + path).body(body).send().await.unwrap().status().as_u16()
    };
    let first = ask(first, Duration::ZERO);
    let more = futures::future::join_all((0..8).map(|_| ask(path, Duration::from_millis(500))));
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..5 {
            assert_eq!(probe.get("/count").await.0, 200);
        }
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    };
    let (first, more, ()) = tokio::join!(first, more, others);
    assert!([200, 504].contains(&first), "{first}");
    assert!(more.iter().all(|status| [503, 504].contains(status)), "{more:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_like_one_that_computes_leaves_instances_to_the_others() {
    others_are_served_beside("/loop", "/loop", "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_like_one_whose_query_is_long_leaves_instances_to_the_others() {
    let endless = "PRAGMA journal_mode = WAL\n\
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    for path in ["/sql", "/sql-blocking"] {
        others_are_served_beside(path, path, endless).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_like_one_whose_answer_is_large_leaves_instances_to_the_others() {
    others_are_served_beside("/large?once", "/large?more", "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_like_one_that_computes_stands_back_from_the_start_but_not_with_the_turn_to_write() {
    let statements = ["PRAGMA journal_mode = WAL", "SELECT 1", "BEGIN IMMEDIATE", "SELECT 2", "COMMIT"];
    let seen: Arc<Mutex<Vec<(String, bool)>>> = Arc::default();
    let probe = Probe::start(|config| {
        let seen = seen.clone();
        config.statement_observer = Some(Arc::new(move |statement: &accord::Statement<'_>| {
            let stands_back = std::thread::current().name() == Some("accord-background");
            seen.lock().unwrap().push((statement.sql.to_owned(), stands_back));
            None
        }));
    })
    .await;
    for _ in 0..2 {
        seen.lock().unwrap().clear();
        let request = probe.client.post(probe.server.url() + "/sql-and-compute").body(statements.join("\n"));
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    // `BEGIN` itself is where it leaves.
    let where_known = |sql: &str| seen.iter().find(|(seen, _)| seen == sql).map(|(_, stands_back)| *stands_back);
    assert_eq!(["SELECT 1", "SELECT 2"].map(where_known), [Some(true), Some(false)], "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_occupies_an_instance_has_one_of_its_own() {
    let probe = Probe::with_limits(|limits| limits.max_instances = 16).await;
    let bulk = async || {
        let request = probe.client.post(probe.server.url() + "/count").body(vec![b'a'; 1 << 20]);
        request.send().await.unwrap().text().await.unwrap()
    };
    for expected in ["0", "1", "2"] {
        assert_eq!(bulk().await, expected);
        assert_eq!(probe.get("/count").await, ok(expected));
    }
}
