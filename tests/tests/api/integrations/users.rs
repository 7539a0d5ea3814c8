//! The portal's users: what a connector calls whom.

use accord_tests::Accord;
use accord_tests::portal::MEMBERS;
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn identities_with_one_address_are_one_user() {
    let accord = Accord::start().await;
    let other = accord.connector("crm", "portal:write").await;
    let token = accord.token().await;
    let body = json!({ "u1": { "email": "jane@example.com" }, "u2": { "email": "JANE@example.com" } });
    assert_eq!(accord.patch_users(&token, &body).await.status, 200);
    accord.patch_users(&other, &json!({ "x": { "email": "Jane@Example.COM" } })).await;
    let users = "SELECT count(DISTINCT person_id) FROM person_identities";
    assert_eq!(accord.store().number(users), 1);
    assert_eq!(accord.store().number("SELECT count(*) FROM person_identities"), 3);
}

#[tokio::test]
async fn a_user_who_moves_to_another_address_takes_the_bindings_along() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await;
    accord.patch_users(&token, &json!({ "u": { "email": "old@example.com" } })).await;
    accord.bind(&token, "1", &json!(["u"])).await;
    accord.patch_users(&token, &json!({ "u": { "email": "new@example.com" } })).await;
    assert_eq!(accord.store().lines(MEMBERS), ["1 | new@example.com | user"]);
}

#[tokio::test]
async fn bad_users_are_named_and_change_nothing() {
    let accord = Accord::start().await;
    let body = json!({ "u1": { "email": "u1@example.com" }, "u2": { "email": "nonsense" }, "u3": {}, "u4": ["x"] });
    assert_snapshot!(accord.patch_users(&accord.token().await, &body).await, @r#"
    400
    content-type: application/problem+json
    x-request-id: [uuid]

    {
      "detail": "3 values are not valid",
      "errors": {
        "u2": "email is not an e-mail address",
        "u3": "email is required",
        "u4": "must be an object or null, not an array"
      },
      "status": 400,
      "title": "Bad Request",
      "type": "about:blank"
    }
    "#);
    assert_eq!(accord.store().lines("SELECT address FROM addresses"), ["admin@example.com"]);
}
