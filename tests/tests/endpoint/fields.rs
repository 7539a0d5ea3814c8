//! The fields of a record: what they take, what clears them, and what has to be unique.

use std::time::Duration;

use accord_tests::ADMIN_EMAIL;
use accord_tests::endpoint::{Endpoint, field, full, with};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn every_input_field_is_stored_and_every_output_field_answered() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.post(&full()).await;
    assert_snapshot!(made, @r#"
    200
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "CreatedOn": "[time]",
      "DateFormatId": {
        "ExternalId": "DD.MM.YYYY",
        "Id": "DD.MM.YYYY",
        "Name": "31.12.2024",
        "Type": "DateFormat"
      },
      "Email": "Jane.Smith@Example.com",
      "EmailVerified": false,
      "ExternalId": "[uuid]",
      "FirstName": "Jane",
      "Id": "[uuid]",
      "Is_Active": true,
      "LanguageId": {
        "ExternalId": "fi-FI",
        "Id": "fi-FI",
        "Name": "Finnish (Finland)",
        "Type": "Language"
      },
      "LastName": "Smith",
      "ModifiedOn": "[time]",
      "Name": "Jane Smith",
      "NotifyByEmail": true,
      "NotifyBySMS": true,
      "Phone": "+358401234567",
      "PhoneVerified": true,
      "TenantId": {
        "ExternalId": null,
        "Id": 1,
        "Name": "Operator",
        "Type": "Tenant"
      },
      "TimezoneId": {
        "ExternalId": "FLE Standard Time",
        "Id": "FLE Standard Time",
        "Name": "Northern and eastern Europe: Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius",
        "Type": "Timezone"
      },
      "Username": "jane.smith"
    }
    "#);
    assert_eq!(made.json().as_object().map(serde_json::Map::len), Some(19));
    // What was stored is what is answered again.
    assert_eq!(endpoint.record(&json!({ "Id": made.json()["Id"] })).await, made.json());
}

#[tokio::test]
async fn dates_have_the_form_of_the_document() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&json!({ "Username": "jane" })).await;
    endpoint.accord.advance(Duration::from_secs(2)).await;
    let changed = endpoint.record(&json!({ "Username": "jane", "Name": "Jane" })).await;
    // To the second, in which the last millisecond still counts as that second.
    let time = |name: &str| format!("strftime('%Y-%m-%dT%H:%M:%SZ', {name} / 1000, 'unixepoch')");
    let times = format!("SELECT {}, {} FROM users WHERE username = 'jane'", time("created_at"), time("updated_at"));
    let [created, modified] = [&made["CreatedOn"], &changed["ModifiedOn"]].map(|time| time.as_str().expect("a time"));
    assert_eq!(endpoint.accord.store().lines(&times), [format!("{created} | {modified}")]);
    assert_eq!((&changed["CreatedOn"], &made["ModifiedOn"]), (&json!(created), &json!(created)));
    assert!(created < modified);
}

#[tokio::test]
async fn absent_keeps_and_null_and_blank_clear_every_field() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&full()).await;
    let keep = |record: &Value| with(record, &json!({ "ModifiedOn": null }));
    for name in full().as_object().expect("an object").keys() {
        for blank in [json!(null), json!(""), json!(" \t ")] {
            let cleared = endpoint.record(&with(&json!({ "Id": made["Id"] }), &field(name, blank))).await;
            let empty = if full()[name].is_boolean() { json!(false) } else { json!(null) };
            let mut expected = with(&made, &field(name, empty));
            if name == "Phone" {
                expected["PhoneVerified"] = json!(false);
            }
            assert_eq!(keep(&cleared), keep(&expected), "{name}");
            // And back: everything else was kept.
            assert_eq!(keep(&endpoint.record(&with(&full(), &json!({ "Id": made["Id"] }))).await), keep(&made));
        }
    }
}

#[tokio::test]
async fn a_changed_phone_or_email_is_no_longer_verified_unless_the_request_says_so() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&full()).await;
    endpoint.accord.store().execute("UPDATE users SET email_verified = 1", ());
    let change = async |body: Value| {
        let record = endpoint.record(&with(&json!({ "Id": made["Id"] }), &body)).await;
        [record["PhoneVerified"].clone(), record["EmailVerified"].clone()]
    };
    assert_eq!(change(json!({ "Name": "J" })).await, [true, true]);
    assert_eq!(change(json!({ "Phone": "+358-40-1234567", "Email": "jane.smith@example.com" })).await, [true, true]);
    assert_eq!(change(json!({ "Phone": "+358407654321", "PhoneVerified": true })).await, [true, true]);
    assert_eq!(change(json!({ "Phone": "+358401111111" })).await, [false, true]);
    assert_eq!(change(json!({ "Email": "other@example.com" })).await, [false, false]);
    // Only the answer has this one: nobody vouches for a mailbox by saying so.
    assert_eq!(change(json!({ "EmailVerified": true })).await, [false, false]);
}

#[tokio::test]
async fn phone_email_username_and_external_id_are_unique_in_the_system_and_every_one_taken_is_told() {
    let endpoint = Endpoint::start().await;
    let other = endpoint.other_tenant().await;
    let made = endpoint.record(&full()).await;
    let clash = json!({
        "Phone": "00358 401234567",
        "Email": "jane.smith@EXAMPLE.com",
        "Username": "JANE.SMITH",
        "ExternalId": full()["ExternalId"],
    });
    let mine = endpoint.record(&json!({ "Username": "other" })).await;
    assert_snapshot!(endpoint.patch(&with(&clash, &json!({ "Id": mine["Id"] }))).await, @r#"
    400
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "Email is taken already",
        "ExternalId is taken already",
        "Phone is taken already",
        "Username is taken already"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 400,
      "Title": "Bad Request",
      "Type": "/Errors/Bad Input"
    }
    "#);
    // Among all users, whoever owns them.
    let answer = endpoint.send(Method::POST, &other, &clash).await;
    assert_eq!((answer.status, answer.json()["Errors"].as_array().map(Vec::len)), (400, Some(4)));
    // One's own values are one's own.
    assert_eq!(endpoint.record(&with(&clash, &json!({ "Id": made["Id"] }))).await["Id"], made["Id"]);
    // A new record is refused as well, and not turned into an update.
    assert_eq!(endpoint.errors(&json!({ "Email": "jane.smith@example.com" })).await, ["Email is taken already"]);
    assert_eq!(endpoint.users(), 2);
}

#[tokio::test]
async fn several_faults_are_several_errors() {
    let endpoint = Endpoint::start().await;
    let body = json!({
        "Id": 7,
        "Name": "x".repeat(256),
        "FirstName": ["Jane"],
        "LastName": "a\u{0}b",
        "Phone": "0401234567",
        "PhoneVerified": "yes",
        "Email": "jane",
        "TimezoneId": {},
        "Is_Active": 1,
    });
    assert_snapshot!(endpoint.patch(&body).await, @r#"
    400
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "Email is not an e-mail address",
        "FirstName must be a string, not an array",
        "Id must be a string, not a number",
        "Is_Active must be a boolean, not a number",
        "LastName must not have control characters",
        "Name must have at most 255 characters",
        "Phone must be an international number: + and the country code first",
        "PhoneVerified must be true or false, not \"yes\"",
        "TimezoneId must have an Id, an ExternalId or a Name"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 400,
      "Title": "Bad Request",
      "Type": "/Errors/Bad Input"
    }
    "#);
    assert_eq!(endpoint.users(), 0);
}

#[tokio::test]
async fn the_last_way_to_sign_in_is_not_cleared() {
    let endpoint = Endpoint::start().await;
    let id = endpoint.record(&json!({ "Username": "jane" })).await["Id"].clone();
    let refused = endpoint.errors(&json!({ "Id": id, "Username": null })).await;
    assert_eq!(refused, ["Username cannot be cleared: there is no other way to sign in"]);
    for other in [json!({ "Email": "jane@example.com" }), json!({ "ExternalId": "guid-1" })] {
        endpoint.record(&with(&json!({ "Id": id, "Username": "jane" }), &other)).await;
        assert_eq!(endpoint.record(&json!({ "Id": id, "Username": "" })).await["Username"], Value::Null);
        endpoint.record(&json!({ "Id": id, "Username": "jane", "Email": null, "ExternalId": null })).await;
    }
}

#[tokio::test]
async fn the_only_active_owner_of_an_account_stays_active() {
    let endpoint = Endpoint::start().await;
    let admin = json!({ "Username": ADMIN_EMAIL, "Is_Active": false });
    let refused = endpoint.errors(&admin).await;
    assert_eq!(refused, ["Is_Active cannot be cleared: nobody else is an active owner of the organisation"]);
    // With a second one, the first may go.
    let second = endpoint.record(&json!({ "Username": "second", "Is_Active": true })).await;
    let (store, operator) = (endpoint.accord.store(), second["TenantId"]["Id"].as_i64().expect("an id"));
    let second = store.number("SELECT id FROM users WHERE username = 'second'");
    endpoint.accord.join(operator, second, "owner").await;
    assert_eq!(endpoint.record(&admin).await["Is_Active"], false);
}
