//! The fields of a record: what they take, what clears them, and what has to be unique.

use std::time::Duration;

use accord_tests::accounts::PASSWORD;
use accord_tests::endpoint::{Endpoint, RECORD, field, full, with};
use accord_tests::{Accord, Options, Relay};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_national_number_is_taken_where_a_region_is_set() {
    let accord = Accord::start_with(Options::default().variable("default_region", &"FI")).await;
    let token = accord.token().await;
    let made = accord.post(&token, RECORD, &json!({ "Username": "w", "Phone": "040 123 4567 ext. 5" })).await;
    assert_eq!((made.status, made.text("Phone").as_str()), (200, "+358401234567;ext=5"), "{made}");
    let again = accord.post(&token, RECORD, &json!({ "Username": "v", "Phone": "+358 (0)40 1234567 x5" })).await;
    assert_eq!(again.status, 400, "it is the same number");
}

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
    let times = format!("SELECT {}, {} FROM records WHERE username = 'jane'", time("created_at"), time("updated_at"));
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
async fn a_changed_phone_is_no_longer_verified_unless_the_request_says_so_and_an_address_once_its_person_came_by_it() {
    let relay = Relay::start().await;
    let endpoint = Endpoint::of(Accord::start_with(relay.options()).await).await;
    let made = endpoint.record(&full()).await;
    // Whom an active record has given an address gets the first password as everybody does who has none.
    let accord = &endpoint.accord;
    let address = "Jane.Smith@Example.com";
    assert_eq!(accord.submit("/api/accounts/password/forgot", &json!({ "email": address })).await.status, 200);
    let reset = json!({ "token": relay.token_for(address, 1).await, "password": PASSWORD });
    assert_eq!(accord.submit("/api/accounts/password/reset", &reset).await.status, 200);
    assert_eq!(endpoint.record(&json!({ "Id": made["Id"] })).await["EmailVerified"], false, "nobody has entered yet");
    assert_eq!(accord.sign_in(address, PASSWORD, None).await.status, 200);
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
async fn phone_email_username_and_external_id_are_unique_in_the_organisation_and_every_one_taken_is_told() {
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
    // What another organisation has is its own, and nobody learns of it.
    let answer = endpoint.send(Method::POST, &other, &clash).await;
    assert_eq!(answer.status, 200, "{answer}");
    assert_ne!(answer.json()["Id"], made["Id"]);
    // One's own values are one's own.
    assert_eq!(endpoint.record(&with(&clash, &json!({ "Id": made["Id"] }))).await["Id"], made["Id"]);
    // A new record is refused as well, and not turned into an update.
    assert_eq!(endpoint.errors(&json!({ "Email": "jane.smith@example.com" })).await, ["Email is taken already"]);
    assert_eq!(endpoint.records(), 3);
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
        "Phone must be an international number: + and the country code first, as +358401234567",
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
    assert_eq!(endpoint.records(), 0);
}
