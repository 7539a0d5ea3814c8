//! The first start: what the first request makes of the operator's settings.

use std::collections::HashSet;

use accord_tests::oauth::TOKEN;
use accord_tests::{Accord, CLIENT_ID, CLIENT_SECRET, Options, answer};
use futures::future::join_all;
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn first_requests_at_once_make_one_operator_and_one_key() {
    let accord = Accord::start().await;
    let tokens = join_all((0..24).map(|_| accord.token())).await;
    let key_ids: HashSet<_> = tokens.iter().map(|token| token.split('.').next()).collect();
    assert_eq!(key_ids.len(), 1);
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts"), 1);
    assert_eq!(accord.store().number("SELECT count(*) FROM signing_keys"), 1);
}

#[tokio::test]
async fn no_secret_is_stored_as_it_is() {
    let accord = Accord::start().await;
    accord.token().await;
    let store = accord.store();
    for text in store.lines("SELECT secret_hash FROM connectors UNION ALL SELECT password_hash FROM people") {
        assert!(text.starts_with("$sha256$") || text.starts_with("$argon2id$"), "{text}");
        assert!(!text.contains(CLIENT_SECRET));
    }
}

#[tokio::test]
async fn a_short_chosen_client_secret_works_and_is_kept_as_argon2id() {
    let mut options = Options::default();
    options.variables.push(("bootstrap_client_secret", "short".to_owned()));
    let accord = Accord::start_with(options).await;
    accord.token_of(CLIENT_ID, "short").await;
    assert!(accord.store().lines("SELECT secret_hash FROM connectors")[0].starts_with("$argon2id$"));
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_is_503_and_not_a_500() {
    for (name, value) in
        [("signing_algorithm", "none"), ("access_token_lifetime", "an hour"), ("admin_email", "nobody")]
    {
        let mut options = Options::default();
        options.variables.push((name, value.to_owned()));
        let accord = Accord::start_with(options).await;
        let form = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        let answer = answer(accord.request(Method::POST, TOKEN).form(&form)).await;
        assert_eq!(
            (answer.status, answer.json()["error"].clone()),
            (503, Value::from("temporarily_unavailable")),
            "{name}"
        );
    }
}
