//! Verification of an address by the link that was mailed to it.

use accord_tests::{Accord, Relay};
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn an_address_is_verified_by_its_link() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.person("Acme").await;
    let verified =
        || accord.store().number("SELECT count(*) FROM users WHERE email_verified = 1 AND origin = 'accounts'");
    assert_eq!(verified(), 0);
    let token = relay.token_for(&person.email, 1).await;
    assert_snapshot!("verified", accord.submit("/api/accounts/email/verify", &json!({ "token": token })).await);
    assert_eq!(verified(), 1);
    assert_eq!(accord.submit("/api/accounts/email/verify", &json!({ "token": token })).await.status, 400);
}
