//! Which record a request means, and whether it makes or changes it.

use std::time::Duration;

use accord_tests::Answer;
use accord_tests::endpoint::{Endpoint, full, with};
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn without_id_username_and_external_id_a_new_record_has_the_defaults_of_the_document() {
    let endpoint = Endpoint::start().await;
    assert_snapshot!(endpoint.patch(&json!({})).await, @r#"
    200
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "CreatedOn": "[time]",
      "DateFormatId": null,
      "Email": null,
      "EmailVerified": false,
      "ExternalId": null,
      "FirstName": null,
      "Id": "[uuid]",
      "Is_Active": false,
      "LanguageId": null,
      "LastName": null,
      "ModifiedOn": "[time]",
      "Name": null,
      "NotifyByEmail": false,
      "NotifyBySMS": false,
      "Phone": null,
      "PhoneVerified": false,
      "TenantId": {
        "ExternalId": null,
        "Id": 1,
        "Name": "Operator",
        "Type": "Tenant"
      },
      "TimezoneId": null,
      "Username": null
    }
    "#);
    endpoint.record(&json!({ "Id": "", "Username": null, "ExternalId": " " })).await;
    assert_eq!(endpoint.records(), 2, "and each request makes another one");
}

#[tokio::test]
async fn an_id_updates_its_record_and_stays_what_it_is() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&full()).await;
    let id = made["Id"].as_str().expect("an id");
    let body = json!({ "Id": id.to_uppercase(), "Username": "jane", "ExternalId": "guid-2", "LastName": "Doe" });
    let updated = endpoint.record(&body).await;
    let expected = with(&made, &json!({ "Username": "jane", "ExternalId": "guid-2", "LastName": "Doe" }));
    assert_eq!(with(&updated, &json!({ "ModifiedOn": made["ModifiedOn"] })), expected);
    assert_eq!(endpoint.records(), 1);
}

#[tokio::test]
async fn an_id_that_matches_nothing_is_404_and_makes_nothing() {
    let endpoint = Endpoint::start().await;
    endpoint.record(&full()).await;
    let unknown = json!({ "Id": "894ea43c-b8a6-4195-9a9c-82c07d9cc33a", "Username": "jane.smith" });
    assert_snapshot!(endpoint.patch(&unknown).await, @r#"
    404
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "there is no such account"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 404,
      "Title": "Not Found",
      "Type": "/Errors/Not Found"
    }
    "#);
    for id in ["17", "x'; --", "\u{0}"] {
        assert_eq!(endpoint.patch(&json!({ "Id": id })).await.status, 404, "{id:?}");
        assert_eq!(endpoint.post(&json!({ "Id": id })).await.status, 400, "{id:?}");
    }
    assert_eq!(endpoint.records(), 1);
}

#[tokio::test]
async fn a_username_updates_the_record_it_matches_in_any_case() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&json!({ "Username": "Jürgen", "Name": "before" })).await;
    let updated = endpoint.record(&json!({ "Username": " JÜRGEN ", "Name": "after" })).await;
    assert_eq!((&updated["Id"], &updated["Name"]), (&made["Id"], &json!("after")));
    assert_eq!(updated["Username"], "JÜRGEN");
    assert_eq!(endpoint.records(), 1);
}

#[tokio::test]
async fn an_external_id_updates_the_record_it_matches() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&json!({ "ExternalId": "guid-1" })).await;
    let updated = endpoint.record(&json!({ "ExternalId": "guid-1", "Username": "jane" })).await;
    assert_eq!((&updated["Id"], &updated["Username"]), (&made["Id"], &json!("jane")));
    assert_ne!(endpoint.record(&json!({ "ExternalId": "GUID-1" })).await["Id"], made["Id"], "it compares exactly");
}

#[tokio::test]
async fn a_username_and_an_external_id_of_one_record_update_it() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&json!({ "Username": "jane", "ExternalId": "guid-1" })).await;
    let both = json!({ "Username": "jane", "ExternalId": "guid-1", "FirstName": "Jane" });
    assert_eq!(endpoint.record(&both).await["Id"], made["Id"]);
    // One that matches is enough, and the other is then what the record gets.
    let updated = endpoint.record(&json!({ "Username": "jane", "ExternalId": "guid-2" })).await;
    assert_eq!((&updated["Id"], &updated["ExternalId"]), (&made["Id"], &json!("guid-2")));
    assert_eq!(endpoint.records(), 1);
}

#[tokio::test]
async fn a_username_and_an_external_id_of_two_records_are_refused() {
    let endpoint = Endpoint::start().await;
    endpoint.record(&json!({ "Username": "jane" })).await;
    endpoint.record(&json!({ "ExternalId": "guid-1" })).await;
    let both = json!({ "Username": "jane", "ExternalId": "guid-1", "Name": "changed" });
    assert_snapshot!(endpoint.patch(&both).await, @r#"
    400
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "There are multiple rows in the database for the same value"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 400,
      "Title": "Bad Request",
      "Type": "/Errors/Bad Input"
    }
    "#);
    assert_eq!(endpoint.accord.store().number("SELECT count(*) FROM records WHERE name = 'changed'"), 0);
}

#[tokio::test]
async fn a_username_that_matches_nothing_makes_a_record() {
    let endpoint = Endpoint::start().await;
    let one = endpoint.record(&json!({ "Username": "one", "ExternalId": "guid-1" })).await;
    let two = endpoint.record(&json!({ "Username": "two", "ExternalId": "guid-2" })).await;
    assert_ne!(one["Id"], two["Id"]);
}

#[tokio::test]
async fn post_makes_records_and_changes_none() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.post(&json!({ "Username": "jane", "ExternalId": "guid-1" })).await.json();
    assert_snapshot!(endpoint.post(&json!({ "Username": "JANE", "ExternalId": "guid-1", "Name": "x" })).await, @r#"
    400
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "ExternalId is taken already",
        "Username is taken already"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 400,
      "Title": "Bad Request",
      "Type": "/Errors/Bad Input"
    }
    "#);
    let answer = endpoint.post(&json!({ "Id": made["Id"], "Name": "x" })).await;
    assert_eq!((answer.status, &answer.json()["Errors"]), (400, &json!(["Id is taken already"])));
    assert_eq!(endpoint.accord.store().number("SELECT count(*) FROM records WHERE name = 'x'"), 0);
}

#[tokio::test]
async fn the_answer_sent_back_changes_nothing() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&full()).await;
    let audit = || endpoint.accord.store().number("SELECT count(*) FROM audit WHERE api = 'endpoint'");
    let before = audit();
    endpoint.accord.advance(Duration::from_secs(2)).await;
    assert_eq!(endpoint.record(&made).await, made, "not even the time of the last change");
    assert_eq!(audit(), before);
}

#[tokio::test]
async fn each_change_is_in_the_audit_and_counts_as_a_success_of_the_connector() {
    let endpoint = Endpoint::start().await;
    endpoint.accord.store().execute("UPDATE connectors SET failures = 3", ());
    let made = endpoint.patch(&json!({ "Username": "jane", "Email": "jane@example.com" })).await;
    let changed = endpoint.patch(&json!({ "Username": "jane", "Email": null, "Is_Active": true })).await;
    endpoint.errors(&json!({ "Username": "jane", "Email": "x" })).await;
    let key = |answer: &Answer| answer.header("requestkey").expect("a request key").to_owned();
    let audit = "SELECT a.actor = 'connector:' || c.id, a.action, a.subject, a.detail, a.request_id
          FROM audit a JOIN connectors c ON c.client_id = 'bootstrap' WHERE a.api = 'endpoint' ORDER BY a.id";
    let audit = audit.replace("a.actor = ", "CASE a.actor WHEN ").replace("c.id,", "c.id THEN 'the connector' END,");
    assert_eq!(
        endpoint.accord.store().lines(&audit),
        [
            format!(
                r#"the connector | created | records | {{"after":{{"email":"jane@example.com","username":"jane"}},"before":{{"email":null,"username":null}}}} | {}"#,
                key(&made)
            ),
            format!(
                r#"the connector | updated | records | {{"after":{{"email":null,"is_active":true}},"before":{{"email":"jane@example.com","is_active":null}}}} | {}"#,
                key(&changed)
            ),
        ]
    );
    let noted = "SELECT count(*) FROM connectors WHERE failures = 1 AND last_success_at > 0";
    assert_eq!(endpoint.accord.store().number(noted), 1, "the successes ended the row, and the refusal begins another");
}
