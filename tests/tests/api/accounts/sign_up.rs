//! Sign-up.

use accord_tests::accounts::PASSWORD;
use accord_tests::{Accord, Options, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn two_simultaneous_sign_ups_of_one_address_make_one_user() {
    let accord = Accord::start().await;
    accord.token().await;
    let (one, other) = futures::join!(accord.sign_up("a@example.com", "One"), accord.sign_up("A@Example.com", "Two"));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let refused = if one.status == 409 { one } else { other };
    assert_snapshot!("user_already_exists", refused);
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts WHERE name IN ('One', 'Two')"), 1);
}

#[tokio::test]
async fn sign_ups_from_one_address_are_limited() {
    let accord = Accord::start_with(Options::default().variable("signup_limit", &2)).await;
    for n in 0..2 {
        assert_eq!(accord.sign_up(&format!("p{n}@example.org"), &format!("Account {n}")).await.status, 201);
    }
    let refused = accord.sign_up("p3@example.org", "Account 3").await;
    assert_eq!(refused.status, 429, "{refused}");
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn sign_ups_that_are_refused_count_as_well() {
    let accord = Accord::start_with(Options::default().variable("signup_limit", &4)).await;
    let sign_up = async |email: &str, key: &str, name: &str| {
        let body = json!({ "email": email, "password": PASSWORD, "accountName": name });
        let request = accord.request(Method::POST, "/api/accounts/signup").header("idempotency-key", key);
        answer(request.json(&body)).await.status
    };
    accord.token().await;
    let statuses = [
        sign_up("a@example.com", "one", "A").await,
        sign_up("a@example.com", "one", "A").await,
        sign_up("a@example.com", "one", "B").await,
        sign_up("a@example.com", "two", "C").await,
        sign_up("b@example.com", "three", "D").await,
    ];
    assert_eq!(statuses, [201, 201, 422, 409, 429]);
}
