//! The portal's user lists: who is bound to an account, known already or not.

use accord_tests::Accord;
use accord_tests::portal::MEMBERS;
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn the_documents_example_of_users_answers_200_and_nothing() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "account_123": { "name": "Acme Ltd.", "id": "123456-8" } })).await;
    let body = json!(["user_001", "user_002"]);
    assert_snapshot!(accord.bind(&token, "123456-8", &body).await, @r"
    200
    x-request-id: [uuid]
    ");
}

#[tokio::test]
async fn a_user_becomes_a_member_as_soon_as_the_user_is_known() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" }, "b": { "name": "B", "id": "2" } })).await;
    accord.bind(&token, "1", &json!(["u1", "u2"])).await;
    accord.bind(&token, "2", &json!(["u1"])).await;
    assert!(accord.store().lines(MEMBERS).is_empty());
    let known = accord.patch_users(&token, &json!({ "u1": { "email": "One@Example.com" } })).await;
    assert_snapshot!(known, @r"
    200
    x-request-id: [uuid]
    ");
    assert_eq!(accord.store().lines(MEMBERS), ["1 | One@Example.com | user", "2 | One@Example.com | user"]);
    // A user that is known already is a member at once.
    accord.patch_users(&token, &json!({ "u3": { "email": "three@example.com" } })).await;
    accord.bind(&token, "1", &json!(["u3"])).await;
    assert_eq!(
        accord.store().lines(MEMBERS),
        ["1 | One@Example.com | user", "1 | three@example.com | user", "2 | One@Example.com | user"]
    );
}

#[tokio::test]
async fn the_external_account_id_names_the_account_too() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "ext / 1": { "name": "A", "id": "1" } })).await;
    accord.patch_users(&token, &json!({ "u": { "email": "u@example.com" } })).await;
    let answer = accord.bind(&token, "ext%20%2F%201", &json!(["u"])).await;
    assert_eq!(answer.status, 200);
    assert_eq!(accord.store().lines(MEMBERS), ["1 | u@example.com | user"]);
}

#[tokio::test]
async fn an_unbound_user_loses_what_the_portal_gave_and_nothing_else() {
    let accord = Accord::start().await;
    let other = accord.connector("crm", "portal:write").await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" }, "b": { "name": "B", "id": "2" } })).await;
    accord.patch_accounts(&other, &json!({ "x": { "name": "B", "id": "2" } })).await;
    accord.patch_users(&token, &json!({ "u": { "email": "u@example.com" } })).await;
    accord.patch_users(&other, &json!({ "v": { "email": "u@example.com" } })).await;
    for account in ["1", "2"] {
        accord.bind(&token, account, &json!(["u"])).await;
    }
    accord.bind(&other, "2", &json!(["v"])).await;
    assert_eq!(accord.store().lines(MEMBERS), ["1 | u@example.com | user", "2 | u@example.com | user"]);
    // The other connector still binds the user to the second account.
    accord.patch_users(&token, &json!({ "u": null })).await;
    assert_eq!(accord.store().lines(MEMBERS), ["2 | u@example.com | user"]);
    // With the last identity the user goes, whom nobody but the portal knew.
    accord.patch_users(&other, &json!({ "v": null })).await;
    assert_eq!(accord.store().lines("SELECT address FROM addresses"), ["admin@example.com"]);
    // An external id that is given to another person opens nothing that it opened before.
    accord.patch_users(&token, &json!({ "u": { "email": "new@example.com" } })).await;
    assert!(accord.store().lines(MEMBERS).is_empty());
}

#[tokio::test]
async fn an_unknown_account_is_404() {
    let accord = Accord::start().await;
    assert_snapshot!(accord.bind(&accord.token().await, "nobody", &json!(["u"])).await, @r#"
    404
    content-type: application/problem+json
    x-request-id: [uuid]

    {
      "detail": "account not found",
      "status": 404,
      "title": "Not Found",
      "type": "about:blank"
    }
    "#);
}

#[tokio::test]
async fn an_account_that_only_another_connector_brought_is_as_unknown_as_one_that_is_not_there() {
    let accord = Accord::start().await;
    let other = accord.connector("crm", "portal:write").await;
    accord.patch_accounts(&accord.token().await, &json!({ "a": { "name": "A", "id": "1" } })).await;
    let theirs = accord.bind(&other, "1", &json!(["u"])).await;
    let nobodys = accord.bind(&other, "2", &json!(["u"])).await;
    assert_eq!(theirs, nobodys);
    assert_eq!(theirs.status, 404);
}

#[tokio::test]
async fn a_path_that_names_nothing_is_an_unknown_account() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    for account in ["%FF", "%00", "%20", "%", "%zz", &"x".repeat(256)] {
        let answer = accord.bind(&token, account, &json!(["u"])).await;
        let content_type = answer.header("content-type");
        assert_eq!((answer.status, content_type), (404, Some("application/problem+json")), "{account}");
    }
}
