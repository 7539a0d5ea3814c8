//! Who may make and change which record.

use accord_tests::endpoint::{Endpoint, RECORD, field, full, with};
use accord_tests::{CLIENT_ID, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_token_without_a_scope_of_this_api_gets_the_documents_403() {
    let endpoint = Endpoint::start().await;
    let token = endpoint.accord.connector("portal", "portal:write accounts:manage").await;
    assert_snapshot!(endpoint.send(Method::PATCH, &token, &json!({})).await, @r#"
    403
    content-type: application/json
    requestkey: [uuid]
    www-authenticate: Bearer realm="accord", error="insufficient_scope", scope="AccessUser:Create"
    x-request-id: [uuid]

    {
      "Errors": [
        "The user does not have access to execute operation"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 403,
      "Title": "Bad Request",
      "Type": "/Errors/Permission"
    }
    "#);
    assert_eq!(endpoint.send(Method::POST, &token, &json!({})).await.status, 403);
    assert_eq!(endpoint.records(), 0);
}

#[tokio::test]
async fn create_makes_and_does_not_update_and_update_the_reverse() {
    let endpoint = Endpoint::start().await;
    for family in ["AccessUser", "AccessManager"] {
        let create = endpoint.accord.connector(&format!("{family}-c"), &format!("{family}:Create")).await;
        let update = endpoint.accord.connector(&format!("{family}-u"), &format!("{family}:Update")).await;
        let body = json!({ "Username": family, "Name": "before" });
        let (patch, post) = (Method::PATCH, Method::POST);
        assert_eq!(endpoint.send(patch.clone(), &update, &body).await.status, 403, "it would make one");
        assert_eq!(endpoint.send(post.clone(), &update, &body).await.status, 403);
        assert_eq!(endpoint.send(post.clone(), &create, &body).await.status, 200);
        let body = json!({ "Username": family, "Name": "after" });
        assert_eq!(endpoint.send(patch.clone(), &create, &body).await.status, 403, "it would update one");
        let made = endpoint.record(&json!({ "Username": family })).await;
        assert_eq!(made["Name"], "before");
        let by_id = json!({ "Id": made["Id"], "Name": "after" });
        assert_eq!(endpoint.send(patch.clone(), &create, &by_id).await.status, 403);
        assert_eq!(endpoint.send(patch.clone(), &update, &by_id).await.status, 200);
        assert_eq!(endpoint.send(patch, &create, &json!({ "Username": format!("{family} 2") })).await.status, 200);
        assert_eq!(endpoint.send(post, &update, &json!({ "Username": family })).await.status, 403);
    }
}

#[tokio::test]
async fn without_a_good_token_the_answer_is_the_documents_401() {
    let endpoint = Endpoint::start().await;
    assert_snapshot!(answer(endpoint.accord.request(Method::PATCH, RECORD).json(&json!({}))).await, @r#"
    401
    content-type: application/json
    requestkey: [uuid]
    www-authenticate: Bearer realm="accord"
    x-request-id: [uuid]

    {
      "Errors": [
        "The session Id or OAuth token used has expired or is invalid."
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 401,
      "Title": "Unauthorized",
      "Type": "/Errors/Unauthorized"
    }
    "#);
    assert_snapshot!(endpoint.send(Method::POST, "not.a.token", &json!({})).await, @r#"
    401
    content-type: application/json
    requestkey: [uuid]
    www-authenticate: Bearer realm="accord", error="invalid_token", error_description="the access token is invalid, expired or revoked"
    x-request-id: [uuid]

    {
      "Errors": [
        "The session Id or OAuth token used has expired or is invalid."
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 401,
      "Title": "Unauthorized",
      "Type": "/Errors/Unauthorized"
    }
    "#);
}

#[tokio::test]
async fn a_record_of_another_owner_is_404_by_its_id_and_unknown_by_its_names() {
    let endpoint = Endpoint::start().await;
    let other = endpoint.other_tenant().await;
    let made = endpoint.record(&full()).await;
    let stolen = |pointer: &str| with(&field(pointer, made[pointer].clone()), &json!({ "Name": "stolen" }));
    assert_eq!(endpoint.send(Method::PATCH, &other, &stolen("Id")).await.status, 404);
    for pointer in ["Username", "ExternalId"] {
        let own = endpoint.send(Method::PATCH, &other, &stolen(pointer)).await;
        assert_eq!(own.status, 200, "{pointer}: {own}");
        assert_ne!(own.json()["Id"], made["Id"], "{pointer}: the other owner has a record of its own");
    }
    assert_eq!(endpoint.record(&json!({ "Id": made["Id"] })).await, made);
}

#[tokio::test]
async fn a_connector_that_was_disconnected_is_401_at_once() {
    let endpoint = Endpoint::start().await;
    endpoint.record(&json!({})).await;
    endpoint.accord.store().execute("UPDATE connectors SET status = 'inactive' WHERE client_id = ?", [CLIENT_ID]);
    assert_eq!(endpoint.patch(&json!({})).await.status, 401);
}
