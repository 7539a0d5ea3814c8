//! Whom the endpoint API makes is the same for the other APIs.

use accord_tests::accounts::PASSWORD;
use accord_tests::endpoint::{Endpoint, full};
use accord_tests::{Accord, Relay};
use serde_json::json;

#[tokio::test]
async fn the_user_made_here_is_the_one_that_the_portal_binds_by_email() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&full()).await;
    let body = json!({ "user_001": { "email": "JANE.smith@example.com" } });
    assert_eq!(endpoint.accord.patch_users(&endpoint.token, &body).await.status, 200);
    let bound = "SELECT i.external_id, u.uuid FROM user_identities i JOIN users u ON u.id = i.user_id";
    let id = made["Id"].as_str().expect("an id");
    assert_eq!(endpoint.accord.store().lines(bound), [format!("user_001 | {id}")]);
    assert_eq!(endpoint.users(), 1);
    // Unbound again, the user stays: another API made it.
    endpoint.accord.patch_users(&endpoint.token, &json!({ "user_001": null })).await;
    assert_eq!(endpoint.record(&json!({ "Username": "jane.smith" })).await["Id"], id);
}

#[tokio::test]
async fn the_user_that_the_portal_made_is_changed_here() {
    let endpoint = Endpoint::start().await;
    let body = json!({ "user_001": { "email": "jane@example.com" } });
    endpoint.accord.patch_users(&endpoint.token, &body).await;
    let uuid = endpoint.accord.store().lines("SELECT uuid FROM users WHERE origin = 'portal'").remove(0);
    let record = endpoint.record(&json!({ "Id": uuid, "Username": "jane", "Is_Active": true })).await;
    assert_eq!((&record["Email"], &record["Username"]), (&json!("jane@example.com"), &json!("jane")));
    assert_eq!(endpoint.errors(&json!({ "Email": "jane@example.com" })).await, ["Email is taken already"]);
}

#[tokio::test]
async fn a_user_made_here_signs_in_where_the_accounts_api_lets_users_in() {
    let relay = Relay::start().await;
    let endpoint = Endpoint::of(Accord::start_with(relay.options()).await).await;
    let Endpoint { accord, token } = &endpoint;
    let made = endpoint.record(&json!({ "Username": "jane", "Email": "jane@example.com", "Is_Active": true })).await;
    // The portal binds the same user to an account by the address.
    accord.patch_accounts(token, &json!({ "a": { "name": "Acme", "id": "1" } })).await;
    accord.patch_users(token, &json!({ "u": { "email": "Jane@Example.com" } })).await;
    accord.bind(token, "1", &json!(["u"])).await;
    // A password comes by the way of all who have forgotten theirs.
    let forgot = json!({ "email": "jane@example.com" });
    assert_eq!(accord.submit("/api/accounts/password/forgot", &forgot).await.status, 200);
    let reset = json!({ "token": relay.token_for("jane@example.com", 1).await, "password": PASSWORD });
    assert_eq!(accord.submit("/api/accounts/password/reset", &reset).await.status, 200);
    for name in ["jane", "jane@example.com"] {
        let signed_in = accord.sign_in(name, PASSWORD, None).await;
        assert_eq!(signed_in.status, 200, "{name}: {signed_in}");
    }
    // No longer active, no longer let in.
    endpoint.record(&json!({ "Id": made["Id"], "Is_Active": false })).await;
    assert_eq!(accord.sign_in("jane", PASSWORD, None).await.status, 400);
}
