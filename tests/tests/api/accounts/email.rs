//! Verification of an address by the link that was mailed to it.

use accord_tests::accounts::PASSWORD;
use accord_tests::{Accord, Relay};
use insta::assert_snapshot;
use serde_json::json;

const VERIFY: &str = "/api/accounts/email/verify";

#[tokio::test]
async fn an_address_is_verified_by_its_link_and_the_password_of_the_sign_up() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.confined("Acme").await;
    let verified = async || accord.get(&person.token, "/api/me").await.json()["emailVerified"].clone();
    assert_eq!(verified().await, false);
    let token = relay.token_for(&person.email, 1).await;
    assert_snapshot!("link_alone", accord.submit(VERIFY, &json!({ "token": token })).await);
    let wrong = json!({ "token": token, "password": "not the password" });
    assert_eq!(accord.submit(VERIFY, &wrong).await.status, 400);
    assert_eq!(verified().await, false);
    let right = json!({ "token": token, "password": PASSWORD });
    assert_snapshot!("verified", accord.submit(VERIFY, &right).await);
    assert_eq!(verified().await, true);
    assert_eq!(accord.submit(VERIFY, &right).await.status, 400, "a link works once");
}

#[tokio::test]
async fn who_is_signed_in_verifies_by_the_link_alone_and_nobody_elses() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let (person, other) = (accord.confined("Acme").await, accord.confined("Other").await);
    let link = json!({ "token": relay.token_for(&person.email, 1).await });
    assert_eq!(accord.post(&other.token, VERIFY, &link).await.status, 400);
    assert_eq!(accord.post(&person.token, VERIFY, &link).await.status, 200);
}

#[tokio::test]
async fn the_link_is_mailed_again_to_who_shows_the_password() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.confined("Acme").await;
    let again = json!({ "email": person.email, "password": PASSWORD });
    assert_eq!(accord.post(&person.token, "/api/me/email", &again).await.status, 200);
    let (first, second) = (relay.token_for(&person.email, 1).await, relay.token_for(&person.email, 2).await);
    assert_ne!(first, second);
    // Neither ends the other.
    assert_eq!(accord.post(&person.token, VERIFY, &json!({ "token": first })).await.status, 200);
}
