//! What was acknowledged stays, whatever ends the server.

use std::collections::HashSet;
use std::time::Duration;

use accord_tests::portal::ACCOUNTS;
use accord_tests::{Accord, Options, skipped_on_spin};
use futures::stream::{self, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn every_acknowledged_patch_survives_kill_9_and_none_is_half_there() {
    let mut accord = Accord::start_with(Options { process: true, ..Options::default() }).await;
    let token = accord.token().await;
    let entries = |batch: usize| -> Value {
        (0..50)
            .map(|n| {
                (format!("{batch}/{n}"), json!({ "name": format!("Company {batch}"), "id": format!("{batch}-{n}") }))
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let mut acknowledged: Vec<usize> = Vec::new();
    for round in 0..3 {
        let requests: Vec<_> = (round * 1000..)
            .take(400)
            .map(|batch| {
                let request = accord.request_as(&token, Method::PATCH, ACCOUNTS).json(&entries(batch));
                async move { request.send().await.is_ok_and(|response| response.status() == 200).then_some(batch) }
            })
            .collect();
        let stream = tokio::spawn(stream::iter(requests).buffer_unordered(8).collect::<Vec<_>>());
        tokio::time::sleep(Duration::from_millis(300)).await;
        accord.kill_and_restart().await;
        acknowledged.extend(stream.await.expect("the requests end").into_iter().flatten());
    }
    assert!(!acknowledged.is_empty(), "some were acknowledged");
    let store = accord.store();
    let halves = "SELECT count(*) FROM (SELECT name, count(*) AS n FROM accounts WHERE owner_id IS NOT NULL GROUP BY name HAVING n <> 50)";
    assert_eq!(store.number(halves), 0, "none is half there");
    let there: HashSet<String> =
        store.lines("SELECT DISTINCT name FROM accounts WHERE owner_id IS NOT NULL").into_iter().collect();
    for batch in &acknowledged {
        assert!(there.contains(&format!("Company {batch}")), "batch {batch} was acknowledged");
    }
    assert_eq!(store.lines("PRAGMA integrity_check"), ["ok"]);
    assert_eq!(accord.patch_accounts(&token, &entries(9999)).await.status, 200, "the token is still good");
}

#[tokio::test]
async fn a_terminal_that_closes_does_not_end_the_server() {
    if skipped_on_spin("Spin decides for itself what a signal does") {
        return;
    }
    let accord = Accord::start_with(Options { process: true, ..Options::default() }).await;
    let token = accord.token().await;
    accord.hang_up();
    assert_eq!(accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await.status, 200);
}
