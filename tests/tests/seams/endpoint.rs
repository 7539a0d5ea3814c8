//! Whom the endpoint API makes is the same for the other APIs.

use accord_tests::accounts::{ACCEPT, PASSWORD, path};
use accord_tests::endpoint::{Endpoint, RECORD, full};
use accord_tests::{Accord, Answer, Relay};
use serde_json::{Value, json};

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

/// Sends a record by a connector.
async fn patch(accord: &Accord, token: &str, body: &Value) -> Answer {
    accord.patch(token, RECORD, body).await
}

/// A connector of an account that writes records: its access token.
async fn writer(accord: &Accord, token: &str, account: i64) -> String {
    let scopes = ["AccessUser:Create", "AccessUser:Update"];
    let made = json!({ "name": "Writer", "accountId": account, "scopes": scopes });
    let made = accord.make_connector(token, &made).await;
    accord.token_of(&made.client_id, &made.secret).await
}

/// Whose connector could change how somebody signs in who is somebody elsewhere would take over what they are there.
#[tokio::test]
async fn how_somebody_signs_in_who_is_invited_or_a_member_elsewhere_is_not_changed_here() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let attacker = accord.person("Attacker").await;
    let victim_of = accord.person("Victim").await;
    let token = writer(&accord, &attacker.token, attacker.account).await;
    let made = json!({ "Username": "jane", "Email": "jane@example.com", "Phone": "+358401234567", "Is_Active": true });
    let id = patch(&accord, &token, &made).await.json()["Id"].clone();
    assert_eq!(
        patch(&accord, &token, &json!({ "Id": id, "Phone": "+358401234568" })).await.status,
        200,
        "so far its own"
    );

    let invited = json!({ "email": "jane@example.com", "roles": ["admin"] });
    let users = format!("{}/users", path(victim_of.account));
    let jane = accord.post(&victim_of.token, &users, &invited).await;
    assert_eq!(jane.status, 201, "{jane}");
    let ways = [
        json!({ "Email": "attacker@example.com" }),
        json!({ "Email": null }),
        json!({ "Username": "mallory" }),
        json!({ "ExternalId": "mallory" }),
        json!({ "Phone": "+358409999999" }),
        json!({ "Is_Active": false }),
    ];
    let refuse = async |when: &str| {
        for way in &ways {
            let mut body = way.clone();
            body["Id"] = id.clone();
            let refused = patch(&accord, &token, &body).await;
            assert_eq!(refused.status, 400, "{when}: {way}: {refused}");
            let field = way.as_object().expect("an object").keys().next().expect("a field");
            assert_eq!(refused.json()["Errors"], json!([format!("{field} can only be changed by the person")]));
        }
        let named = patch(&accord, &token, &json!({ "Id": id, "Name": format!("Jane, {when}") })).await;
        assert_eq!(named.status, 200, "what it says of the person else it may change: {named}");
    };
    refuse("invited").await;
    let accepted = json!({ "token": relay.token_for("jane@example.com", 1).await, "password": PASSWORD });
    assert_eq!(accord.submit(ACCEPT, &accepted).await.status, 200);
    refuse("a member").await;
    let account = victim_of.account.to_string();
    assert_eq!(accord.sign_in("jane@example.com", PASSWORD, Some(&account)).await.status, 200);
}

#[tokio::test]
async fn a_connector_of_a_manager_does_not_change_how_an_owner_signs_in() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let manager = accord.person("Home of the manager").await;
    accord.join(owner.account, manager.id, "manage").await;
    let id = accord.store().lines(&format!("SELECT uuid FROM users WHERE id = {}", owner.id)).remove(0);
    let change = json!({ "Id": id, "Email": "mine@example.com" });
    let weak = writer(&accord, &manager.token, owner.account).await;
    let refused = patch(&accord, &weak, &change).await;
    assert_eq!(refused.status, 400, "{refused}");
    let own = writer(&accord, &owner.token, owner.account).await;
    assert_eq!(patch(&accord, &own, &change).await.status, 200, "an owner's own connector holds as much");
}
