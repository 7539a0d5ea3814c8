//! The schema: its releases, and the rules that the database keeps by itself.

use std::time::Duration;

use accord_tests::{Accord, Options, answer};
use insta::assert_snapshot;
use reqwest::Method;

#[tokio::test]
async fn a_database_of_a_newer_release_is_a_clear_error() {
    let mut options = Options::default();
    options.limits.max_requests_per_instance = 1;
    let accord = Accord::start_with(options).await;
    accord.token().await;
    accord.store().execute("INSERT INTO migrations (version, applied_at) VALUES (9999, 0)", ());
    // On Spin an instance ends after a second without requests.
    accord.advance(Duration::from_secs(3)).await;
    assert_snapshot!(answer(accord.request(Method::GET, "/.well-known/jwks.json")).await, @r#"
    503
    cache-control: no-store
    content-type: application/json
    retry-after: 60
    x-request-id: [uuid]

    {
      "error": "temporarily_unavailable",
      "error_description": "the database was made by a newer release"
    }
    "#);
}

#[tokio::test]
async fn the_database_refuses_what_the_code_might_forget() {
    let accord = Accord::start().await;
    accord.token().await;
    let store = accord.store();
    for (rule, sql) in [
        (
            "one operator",
            "INSERT INTO accounts (account_key, name, name_key, origin, created_at, updated_at) VALUES ('k', 'n', 'n', 'portal', 0, 0)",
        ),
        ("known states", "UPDATE accounts SET status = 'asleep'"),
        ("typed columns", "UPDATE accounts SET created_at = 'yesterday'"),
        ("known roles", "UPDATE grants SET role = 'king'"),
        (
            "no members of nothing",
            "INSERT INTO memberships (account_id, person_id, status, created_at, updated_at) VALUES (99, 99, 'portal', 0, 0)",
        ),
        ("no owner that is gone", "DELETE FROM packages"),
    ] {
        assert!(store.refuses(sql), "{rule}");
    }
}
