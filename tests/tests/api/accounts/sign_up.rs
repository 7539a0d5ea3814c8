//! Sign-up.

use accord_tests::accounts::PASSWORD;
use accord_tests::{Accord, Options, Relay, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn an_address_that_nobody_has_proved_signs_up_as_often_as_it_is_named_and_one_that_is_proved_does_not() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    accord.token().await;
    let (one, other) = futures::join!(accord.sign_up("a@example.com", "One"), accord.sign_up("A@Example.com", "Two"));
    assert_eq!([one.status, other.status], [201, 201]);
    let person = accord.person("Three").await;
    assert_snapshot!("user_already_exists", accord.sign_up(&person.email.to_uppercase(), "Four").await);
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts WHERE name = 'Four'"), 0);
    // Whoever has it is told, and nobody else. The first mail is the one of the sign-up.
    let told = relay.mails_to(&person.email, 2).await.remove(1);
    assert_eq!(told["subject"], "You have signed up already");
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
        sign_up("b@example.com", "two", "A").await,
        sign_up("b@example.com", "three", "D").await,
    ];
    assert_eq!(statuses, [201, 201, 422, 409, 429]);
}
