//! What a fault costs, and what it does not: a component that panics, loops or takes its time on request.

use std::collections::HashSet;
use std::time::Duration;

use accord_tests::{Accord, Options, answer, skipped_on_spin};
use futures::future::join_all;
use reqwest::Method;

fn faults() -> Options {
    Options { manifest: "tests/faults/spin.toml", ..Options::default() }
}

async fn status(accord: &Accord, method: Method, path: &str) -> u16 {
    answer(accord.request(method, path)).await.status
}

#[tokio::test]
async fn a_panic_costs_its_request_and_the_next_is_served() {
    let accord = Accord::start_with(faults()).await;
    for _ in 0..3 {
        assert_eq!(status(&accord, Method::POST, "/panic").await, 500);
        assert_eq!(status(&accord, Method::GET, "/instance").await, 200);
    }
}

#[tokio::test]
async fn a_loop_ends_by_the_timeout_and_others_are_served_meanwhile() {
    if skipped_on_spin("it has no request timeout unless it is told one") {
        return;
    }
    let mut options = faults();
    options.limits.request_timeout = Duration::from_secs(2);
    let accord = Accord::start_with(options).await;
    let looping = status(&accord, Method::POST, "/loop");
    let others = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        join_all((0..20).map(|_| status(&accord, Method::GET, "/instance"))).await
    };
    let (looping, others) = tokio::join!(looping, others);
    assert_eq!(looping, 504);
    assert_eq!(others, [200; 20]);
    assert_eq!(status(&accord, Method::GET, "/instance").await, 200);
}

#[tokio::test]
async fn a_request_that_waits_too_long_ends_by_the_timeout() {
    if skipped_on_spin("it has no request timeout unless it is told one") {
        return;
    }
    let mut options = faults();
    options.limits.request_timeout = Duration::from_secs(1);
    let accord = Accord::start_with(options).await;
    assert_eq!(status(&accord, Method::POST, "/sleep/20000").await, 504);
    assert_eq!(status(&accord, Method::GET, "/instance").await, 200);
}

#[tokio::test]
async fn two_hundred_requests_beyond_the_pool_wait_their_turn_and_all_get_an_answer() {
    let mut options = faults();
    options.limits.max_instances = 2;
    options.limits.max_concurrent_per_instance = 4;
    let accord = Accord::start_with(options).await;
    let answers = join_all((0..208).map(|_| status(&accord, Method::POST, "/sleep/20"))).await;
    assert_eq!(answers, [200; 208]);
}

#[tokio::test]
async fn requests_that_share_an_instance_never_meet_in_one_transaction() {
    let mut options = faults();
    options.limits.max_instances = 1;
    let accord = Accord::start_with(options).await;
    assert_eq!(status(&accord, Method::POST, "/transactions").await, 200);
    let mut instances = HashSet::new();
    for round in 0..4 {
        let outcomes = ["commit", "fail", "commit", "refused"].into_iter().cycle().take(16);
        let sent = outcomes.enumerate().map(|(n, outcome)| {
            let request = accord.request(Method::POST, &format!("/transactions/{round}-{n}-{outcome}/{outcome}"));
            async move { (outcome, answer(request).await) }
        });
        let answers = join_all(sent).await;
        for (outcome, answer) in &answers {
            let expected = match *outcome {
                "commit" => 200,
                "fail" => 409,
                _ => 500,
            };
            assert_eq!(answer.status, expected, "{outcome}: {}", answer.body);
        }
        let committed = answers.into_iter().filter(|(outcome, _)| *outcome == "commit");
        instances.extend(committed.map(|(_, answer)| answer.body));
    }
    if !skipped_on_spin("it decides itself how many instances serve") {
        assert_eq!(instances.len(), 1, "they share an instance");
    }
    let store = accord.store();
    let whole = "SELECT count(*) FROM (SELECT id FROM halves WHERE id LIKE '%commit' GROUP BY id HAVING count(*) = 2)";
    assert_eq!(store.number(whole), 32, "every acknowledged row is there");
    assert_eq!(store.number("SELECT count(*) FROM halves WHERE id NOT LIKE '%commit'"), 0, "none of a failed one is");
    assert_eq!(store.number("SELECT count(*) FROM halves"), 64);
}

#[tokio::test]
async fn a_panic_in_the_middle_of_a_transaction_leaves_nothing_behind() {
    let mut options = faults();
    options.limits.max_instances = 1;
    let accord = Accord::start_with(options).await;
    assert_eq!(status(&accord, Method::POST, "/transactions").await, 200);
    assert_eq!(status(&accord, Method::POST, "/transactions/half/panic").await, 500);
    // The lock is free again, and what was written is gone.
    assert_eq!(status(&accord, Method::POST, "/transactions/whole/commit").await, 200);
    assert_eq!(accord.store().lines("SELECT DISTINCT id FROM halves"), ["whole"]);
}
