//! The endpoint API (seed 001).

use std::collections::HashSet;

use accord_tests::{Accord, Answer, CLIENT_ID, PASSWORD, Relay, USERS, answer};
use futures::future::join_all;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

const ACCOUNT: &str = "/Endpoint/rest/api/v1/Account";

/// An Accord and a client of it.
struct Endpoint {
    accord: Accord,
    token: String,
}

impl Endpoint {
    async fn start() -> Self {
        Self::of(Accord::start().await).await
    }

    async fn of(accord: Accord) -> Self {
        let token = accord.token().await;
        Self { accord, token }
    }

    async fn patch(&self, body: &Value) -> Answer {
        self.send(Method::PATCH, &self.token, body).await
    }

    async fn post(&self, body: &Value) -> Answer {
        self.send(Method::POST, &self.token, body).await
    }

    async fn send(&self, method: Method, token: &str, body: &Value) -> Answer {
        answer(self.accord.request(method, ACCOUNT).bearer_auth(token).json(body)).await
    }

    /// The record of a `PATCH` that must succeed.
    async fn record(&self, body: &Value) -> Value {
        let answer = self.patch(body).await;
        assert_eq!(answer.status, 200, "{body}: {answer}");
        answer.json()
    }

    /// The errors of a `PATCH` that must be refused as bad input.
    async fn errors(&self, body: &Value) -> Vec<String> {
        let answer = self.patch(body).await;
        assert_eq!(answer.status, 400, "{body}: {answer}");
        serde_json::from_value(answer.json()["Errors"].clone()).expect("a list of strings")
    }

    /// Users beside the admin of the first start.
    fn users(&self) -> i64 {
        self.accord.store().number("SELECT count(*) FROM users WHERE origin <> 'operator'")
    }

    /// A token of a client of another account, which the operator account owns.
    async fn other_tenant(&self) -> String {
        let token = self.accord.connector("other", "AccessUser:Create AccessUser:Update").await;
        let store = self.accord.store();
        store.execute(
            "INSERT INTO accounts (owner_id, account_key, registration_id, name, name_key, origin, created_at, updated_at)
             SELECT id, 'other', '123456-8', 'Acme Ltd.', 'acme ltd.', 'accounts', 0, 0 FROM accounts",
            (),
        );
        store.execute(
            "UPDATE connectors SET account_id = (SELECT id FROM accounts WHERE account_key = 'other')
              WHERE client_id = 'other'",
            (),
        );
        token
    }
}

/// Every input field with a value.
fn full() -> Value {
    json!({
        "Name": "Jane Smith",
        "FirstName": "Jane",
        "LastName": "Smith",
        "Phone": "+358 40 123 4567",
        "PhoneVerified": true,
        "Email": "Jane.Smith@Example.com",
        "LanguageId": "fi-FI",
        "TimezoneId": "FLE Standard Time",
        "DateFormatId": "DD.MM.YYYY",
        "Username": "jane.smith",
        "ExternalId": "3ad64ab3-bd04-46c5-b1d7-c0b34be9e5b5",
        "NotifyByEmail": true,
        "NotifyBySMS": true,
        "Is_Active": true,
    })
}

/// `{name: value}` for a name that is not known beforehand.
fn field(name: &str, value: impl Into<Value>) -> Value {
    Value::Object([(name.to_owned(), value.into())].into_iter().collect())
}

/// One object of all the fields of several.
fn with(one: &Value, other: &Value) -> Value {
    let fields = [one, other].map(|value| value.as_object().expect("an object").clone());
    Value::Object(fields.into_iter().flatten().collect())
}

// ---------------------------------------------------------------------------------------------------------------------
// The description's sentences

#[tokio::test]
async fn without_id_username_and_external_id_a_new_record_has_the_defaults_of_the_seed() {
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
    assert_eq!(endpoint.users(), 2, "and each request makes another one");
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
async fn dates_have_the_form_of_the_seed() {
    let endpoint = Endpoint::start().await;
    let record = endpoint.record(&json!({ "Username": "jane" })).await;
    endpoint.accord.store().execute("UPDATE users SET created_at = 1734523199999", ());
    assert_eq!(endpoint.record(&json!({ "Id": record["Id"] })).await["CreatedOn"], "2024-12-18T11:59:59Z");
    assert_eq!(record["ModifiedOn"].as_str().map(str::len), Some("1900-01-01T12:00:00Z".len()));
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
    assert_eq!(endpoint.users(), 1);
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
        assert_eq!(endpoint.post(&json!({ "Id": id })).await.status, 404, "{id:?}");
    }
    assert_eq!(endpoint.users(), 1);
}

#[tokio::test]
async fn a_username_updates_the_record_it_matches_in_any_case() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&json!({ "Username": "Jürgen", "Name": "before" })).await;
    let updated = endpoint.record(&json!({ "Username": " JÜRGEN ", "Name": "after" })).await;
    assert_eq!((&updated["Id"], &updated["Name"]), (&made["Id"], &json!("after")));
    assert_eq!(updated["Username"], "JÜRGEN");
    assert_eq!(endpoint.users(), 1);
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
    assert_eq!(endpoint.users(), 1);
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
    assert_eq!(endpoint.accord.store().number("SELECT count(*) FROM users WHERE name = 'changed'"), 0);
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
    assert_eq!(endpoint.accord.store().number("SELECT count(*) FROM users WHERE name = 'x'"), 0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Fields

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
async fn every_value_of_the_enumerations_is_taken_in_any_case_and_answered_as_an_object() {
    let endpoint = Endpoint::start().await;
    let id = endpoint.record(&json!({})).await["Id"].clone();
    let mut answers = Vec::new();
    for (name, values) in enumerations() {
        for value in values {
            for spelling in [value.clone(), value.to_uppercase(), value.to_lowercase()] {
                let body = with(&json!({ "Id": id }), &field(name, spelling));
                assert_eq!(endpoint.record(&body).await[name]["Id"], json!(value));
            }
            // The object as it was answered is understood, and so are its other members alone.
            let record = endpoint.record(&json!({ "Id": id })).await;
            let object = record[name].clone();
            let by_name = json!({ "Name": object["Name"] });
            for reference in [object.clone(), by_name, json!({ "ExternalId": object["ExternalId"] })] {
                let body = with(&json!({ "Id": id }), &field(name, reference));
                assert_eq!(endpoint.record(&body).await, record);
            }
            answers.push(format!("{name}: {object}"));
        }
    }
    assert_eq!(answers.len(), 19 + 89 + 7);
    insta::assert_snapshot!("enumerations", answers.join("\n"));
}

/// The valid values as the seed lists them.
fn enumerations() -> [(&'static str, Vec<String>); 3] {
    let values = |list: &str| serde_json::from_str(list).expect("a list of strings");
    [("LanguageId", values(LANGUAGES)), ("TimezoneId", values(TIME_ZONES)), ("DateFormatId", values(DATE_FORMATS))]
}

#[tokio::test]
async fn a_value_outside_an_enumeration_is_refused_with_its_name() {
    let endpoint = Endpoint::start().await;
    let body = json!({
        "LanguageId": "tlh",
        "TimezoneId": { "Id": "Mars Standard Time" },
        "DateFormatId": { "Name": "tomorrow" },
    });
    assert_snapshot!(endpoint.patch(&body).await, @r#"
    400
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "DateFormatId must be a valid DateFormat, not \"tomorrow\"",
        "LanguageId must be a valid Language, not \"tlh\"",
        "TimezoneId must be a valid Timezone, not \"Mars Standard Time\""
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
async fn the_tenant_can_only_be_the_clients_own_account() {
    let endpoint = Endpoint::start().await;
    let other = endpoint.other_tenant().await;
    let made = endpoint.send(Method::PATCH, &other, &json!({ "Username": "jane" })).await.json();
    assert_snapshot!(made["TenantId"], @r#"{"ExternalId":"123456-8","Id":2,"Name":"Acme Ltd.","Type":"Tenant"}"#);
    for tenant in [
        json!(null),
        made["TenantId"]["Id"].clone(),
        json!(made["TenantId"]["Id"].to_string()),
        made["TenantId"].clone(),
        json!({ "ExternalId": "123456-8" }),
        json!({ "Name": "ACME LTD." }),
    ] {
        let answer = endpoint.send(Method::PATCH, &other, &json!({ "Username": "jane", "TenantId": tenant })).await;
        assert_eq!((answer.status, answer.json()), (200, made.clone()), "{tenant}");
    }
    for tenant in
        [json!(1), json!("1"), json!({ "Id": 1 }), json!({ "ExternalId": "x" }), json!({ "Name": "Operator" })]
    {
        let answer = endpoint.send(Method::PATCH, &other, &json!({ "Username": "jane", "TenantId": tenant })).await;
        assert_eq!(answer.status, 400, "{tenant}");
        assert_eq!(answer.json()["Errors"], json!(["TenantId must be the one that the client belongs to"]));
    }
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
    let admin = json!({ "Username": accord_tests::ADMIN_EMAIL, "Is_Active": false });
    let refused = endpoint.errors(&admin).await;
    assert_eq!(refused, ["Is_Active cannot be cleared: nobody else is an active owner of the organisation"]);
    // With a second one, the first may go.
    let second = endpoint.record(&json!({ "Username": "second", "Is_Active": true })).await;
    let (store, uuid) = (endpoint.accord.store(), second["Id"].as_str().expect("an id"));
    for statement in [
        "INSERT INTO memberships (account_id, user_id, origin, created_at, updated_at)
         SELECT account_id, id, 'accounts', 0, 0 FROM users WHERE uuid = ?",
        "INSERT INTO membership_roles (account_id, user_id, role) SELECT account_id, id, 'owner' FROM users WHERE uuid = ?",
    ] {
        store.execute(statement, [uuid]);
    }
    assert_eq!(endpoint.record(&admin).await["Is_Active"], false);
}

#[tokio::test]
async fn the_answer_sent_back_changes_nothing() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&full()).await;
    endpoint.accord.store().execute("UPDATE users SET updated_at = 0 WHERE origin = 'endpoint'", ());
    let again = endpoint.record(&made).await;
    assert_eq!(again["ModifiedOn"], "1970-01-01T00:00:00Z");
    assert_eq!(endpoint.accord.store().number("SELECT count(*) FROM audit WHERE api = 'endpoint'"), 1);
}

// ---------------------------------------------------------------------------------------------------------------------
// Who may

#[tokio::test]
async fn a_token_without_a_scope_of_this_api_gets_the_seeds_403() {
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
    assert_eq!(endpoint.users(), 0);
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
async fn without_a_good_token_the_answer_is_the_seeds_401() {
    let endpoint = Endpoint::start().await;
    assert_snapshot!(answer(endpoint.accord.request(Method::PATCH, ACCOUNT).json(&json!({}))).await, @r#"
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
async fn a_user_of_another_owner_is_404() {
    let endpoint = Endpoint::start().await;
    let other = endpoint.other_tenant().await;
    let made = endpoint.record(&full()).await;
    for pointer in ["Id", "Username", "ExternalId"] {
        let body = with(&field(pointer, made[pointer].clone()), &json!({ "Name": "stolen" }));
        assert_eq!(endpoint.send(Method::PATCH, &other, &body).await.status, 404, "{pointer}");
    }
    assert_eq!(endpoint.record(&json!({ "Id": made["Id"] })).await, made);
}

// ---------------------------------------------------------------------------------------------------------------------
// One directory

#[tokio::test]
async fn the_user_made_here_is_the_one_that_the_portal_binds_by_email() {
    let endpoint = Endpoint::start().await;
    let made = endpoint.record(&full()).await;
    let body = json!({ "user_001": { "email": "JANE.smith@example.com" } });
    assert_eq!(answer(endpoint.accord.patch(USERS, &endpoint.token, &body)).await.status, 200);
    let bound = "SELECT i.external_id, u.uuid FROM user_identities i JOIN users u ON u.id = i.user_id";
    let id = made["Id"].as_str().expect("an id");
    assert_eq!(endpoint.accord.store().lines(bound), [format!("user_001 | {id}")]);
    assert_eq!(endpoint.users(), 1);
    // Unbound again, the user stays: another API made it.
    answer(endpoint.accord.patch(USERS, &endpoint.token, &json!({ "user_001": null }))).await;
    assert_eq!(endpoint.record(&json!({ "Username": "jane.smith" })).await["Id"], id);
}

#[tokio::test]
async fn the_user_that_the_portal_made_is_changed_here() {
    let endpoint = Endpoint::start().await;
    let body = json!({ "user_001": { "email": "jane@example.com" } });
    answer(endpoint.accord.patch(USERS, &endpoint.token, &body)).await;
    let uuid = endpoint.accord.store().lines("SELECT uuid FROM users WHERE origin = 'portal'").remove(0);
    let record = endpoint.record(&json!({ "Id": uuid, "Username": "jane", "Is_Active": true })).await;
    assert_eq!((&record["Email"], &record["Username"]), (&json!("jane@example.com"), &json!("jane")));
    assert_eq!(endpoint.errors(&json!({ "Email": "jane@example.com" })).await, ["Email is taken already"]);
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
            format!(r#"the connector | created | users | {{"fields":["email","username"]}} | {}"#, key(&made)),
            format!(r#"the connector | updated | users | {{"fields":["email","is_active"]}} | {}"#, key(&changed)),
        ]
    );
    let noted = "SELECT count(*) FROM connectors WHERE failures = 1 AND last_success_at > 0";
    assert_eq!(endpoint.accord.store().number(noted), 1, "the successes ended the row, and the refusal begins another");
}

// ---------------------------------------------------------------------------------------------------------------------
// Many at once

#[tokio::test]
async fn sixty_four_patches_with_one_new_username_make_one_user() {
    let endpoint = Endpoint::start().await;
    let bodies: Vec<_> = (0..64).map(|n| json!({ "Username": "jane", "Name": format!("Jane {n}") })).collect();
    let answers = join_all(bodies.iter().map(|body| endpoint.patch(body))).await;
    let ids: HashSet<_> = answers.iter().map(|answer| answer.json()["Id"].to_string()).collect();
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!((ids.len(), endpoint.users()), (1, 1));
}

#[tokio::test]
async fn sixty_four_patches_with_one_external_id_and_different_usernames_make_one_user() {
    let endpoint = Endpoint::start().await;
    let bodies: Vec<_> = (0..64).map(|n| json!({ "ExternalId": "guid-1", "Username": format!("jane {n}") })).collect();
    let answers = join_all(bodies.iter().map(|body| endpoint.patch(body))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.contains(&200) && statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
    let users = endpoint.accord.store().lines("SELECT username FROM users WHERE external_id = 'guid-1'");
    assert_eq!((users.len(), endpoint.users()), (1, 1));
    // The first made the user, each further one renamed it, and the last name counts.
    assert!(users[0].starts_with("jane "), "{users:?}");
}

#[tokio::test]
async fn of_sixty_four_posts_with_one_external_id_one_makes_a_user_and_the_others_are_400() {
    let endpoint = Endpoint::start().await;
    let bodies: Vec<_> = (0..64).map(|n| json!({ "ExternalId": "guid-1", "Username": format!("jane {n}") })).collect();
    let answers = join_all(bodies.iter().map(|body| endpoint.post(body))).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 400).count();
    assert_eq!((made, refused, endpoint.users()), (1, 63, 1));
}

#[tokio::test]
async fn patches_that_want_one_phone_for_different_users_give_it_to_one() {
    let endpoint = Endpoint::start().await;
    let bodies: Vec<_> = (0..16).map(|n| json!({ "Username": format!("u{n}"), "Phone": "+358401234567" })).collect();
    let answers = join_all(bodies.iter().map(|body| endpoint.patch(body))).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 400).count();
    assert_eq!((made, refused, endpoint.users()), (1, 15, 1));
}

// ---------------------------------------------------------------------------------------------------------------------
// Errors

#[tokio::test]
async fn each_answer_has_a_fresh_request_key_in_its_headers_and_in_its_error() {
    let endpoint = Endpoint::start().await;
    let mut keys = HashSet::new();
    for body in [json!({}), json!({}), json!({ "Id": "x" }), json!([]), json!({ "Name": 1 })] {
        let answer = endpoint.patch(&body).await;
        let key = answer.header("requestkey").expect("a request key");
        assert_eq!(answer.header("x-request-id"), Some(key));
        if answer.status != 200 {
            assert_eq!(answer.json()["RequestKey"], key);
        }
        assert_eq!(key.len(), 36);
        assert!(keys.insert(key.to_owned()), "{key} is there twice");
    }
}

#[tokio::test]
async fn a_body_that_is_no_record_is_the_seeds_400() {
    let endpoint = Endpoint::start().await;
    let send = async |body: &'static str| {
        let request = endpoint.accord.request(Method::PATCH, ACCOUNT).bearer_auth(&endpoint.token);
        answer(request.header("content-type", "application/json").body(body)).await
    };
    assert_snapshot!(send(r#"{"Name":"#).await, @r#"
    400
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "The user has provided input that the browser is unable to convert.",
        "the body is not valid JSON: EOF while parsing a value at line 1 column 8"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 400,
      "Title": "Bad Request",
      "Type": "/Errors/Bad Input"
    }
    "#);
    assert_snapshot!(send(r#"["Name"]"#).await, @r#"
    400
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "The user has provided input that the browser is unable to convert.",
        "The value does not match the specified entity structure: it must be an object, not an array"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 400,
      "Title": "Bad Request",
      "Type": "/Errors/Bad Input"
    }
    "#);
    assert_snapshot!(send(r#"{"Name":"a","Name":"b"}"#).await.json()["Errors"], @r#"["The user has provided input that the browser is unable to convert.","the body is not valid JSON: the key \"Name\" is there twice at line 1 column 23"]"#);
    for body in ["", "null", "7", "\"x\"", "\u{feff}{}"] {
        assert_eq!(send(body).await.status, 400, "{body:?}");
    }
    assert_eq!(endpoint.users(), 0);
}

#[tokio::test]
async fn what_http_refuses_has_the_seeds_shape() {
    let endpoint = Endpoint::start().await;
    let request = |method, path: &str| endpoint.accord.request(method, path).bearer_auth(&endpoint.token);
    assert_snapshot!(answer(request(Method::PATCH, "/Endpoint/rest/api/v1/Acount")).await, @r#"
    404
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "path not found"
      ],
      "Instance": "/Endpoint/rest/api/v1/Acount",
      "RequestKey": "[uuid]",
      "StatusCode": 404,
      "Title": "Not Found",
      "Type": "/Errors/Not Found"
    }
    "#);
    assert_snapshot!(answer(request(Method::GET, ACCOUNT)).await, @r#"
    405
    allow: PATCH,POST
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "the method is not allowed here"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 405,
      "Title": "Method Not Allowed",
      "Type": "/Errors/Method Not Allowed"
    }
    "#);
    assert_snapshot!(answer(request(Method::PATCH, ACCOUNT).body("{}")).await, @r#"
    415
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "the body must be application/json"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 415,
      "Title": "Unsupported Media Type",
      "Type": "/Errors/Unsupported Media Type"
    }
    "#);
    let large = json!({ "Name": "x".repeat(64 * 1024) });
    assert_snapshot!(endpoint.patch(&large).await, @r#"
    413
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "the body may have at most 65536 bytes"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 413,
      "Title": "Payload Too Large",
      "Type": "/Errors/Payload Too Large"
    }
    "#);
    assert_eq!(answer(request(Method::DELETE, ACCOUNT)).await.status, 405);
    assert_eq!(endpoint.users(), 0);
}

#[tokio::test]
async fn what_goes_wrong_inside_is_the_seeds_500_and_nothing_is_half_written() {
    let endpoint = Endpoint::start().await;
    // The audit comes after the user in the transaction.
    endpoint.accord.store().execute("ALTER TABLE audit RENAME TO gone", ());
    assert_snapshot!(endpoint.patch(&full()).await, @r#"
    500
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "An internal server error is an error on the web server you're trying to access."
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 500,
      "Title": "Internal Server Error",
      "Type": "/Errors/Internal Server Error"
    }
    "#);
    assert_eq!(endpoint.users(), 0);
    endpoint.accord.store().execute("ALTER TABLE gone RENAME TO audit", ());
    endpoint.record(&full()).await;
}

#[tokio::test]
async fn a_directory_that_stays_locked_is_503_and_says_when_to_come_back() {
    let endpoint = Endpoint::start().await;
    let store = endpoint.accord.store();
    store.execute("BEGIN IMMEDIATE", ());
    assert_snapshot!(endpoint.patch(&full()).await, @r#"
    503
    content-type: application/json
    requestkey: [uuid]
    retry-after: 1
    x-request-id: [uuid]

    {
      "Errors": [
        "the directory is busy"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 503,
      "Title": "Service Unavailable",
      "Type": "/Errors/Service Unavailable"
    }
    "#);
    store.execute("ROLLBACK", ());
    endpoint.record(&full()).await;
}

#[tokio::test]
async fn a_client_that_was_disconnected_is_401_at_once() {
    let endpoint = Endpoint::start().await;
    endpoint.record(&json!({})).await;
    endpoint.accord.store().execute("UPDATE connectors SET status = 'inactive' WHERE client_id = ?", [CLIENT_ID]);
    assert_eq!(endpoint.patch(&json!({})).await.status, 401);
}

// ---------------------------------------------------------------------------------------------------------------------
// The seed's lists, verbatim

const LANGUAGES: &str = r#"[
    "ar-ae", "bn-IN", "zh-CN", "da-dk", "en-US", "fo-fo", "fi-FI", "fr-FR", "de-DE", "hi-IN", "ja-JP", "ko-KR",
    "ms-MY", "pt-PT", "ru-RU", "es-ES", "sv-se", "tr-TR", "ur-IN"
]"#;

const TIME_ZONES: &str = r#"[
    "Afghanistan Standard Time", "Alaskan Standard Time", "Arab Standard Time", "Arabian Standard Time",
    "Arabic Standard Time", "Argentina Standard Time", "Atlantic Standard Time", "AUS Central Standard Time",
    "AUS Eastern Standard Time", "Azerbaijan Standard Time", "Azores Standard Time", "Canada Central Standard Time",
    "Cape Verde Standard Time", "Caucasus Standard Time", "Cen. Australia Standard Time",
    "Central America Standard Time", "Central Asia Standard Time", "Central Brazilian Standard Time",
    "Central Europe Standard Time", "Central European Standard Time", "Central Pacific Standard Time",
    "Central Standard Time", "Central Standard Time (Mexico)", "China Standard Time", "Dateline Standard Time",
    "E. Africa Standard Time", "E. Australia Standard Time", "E. Europe Standard Time",
    "E. South America Standard Time", "Eastern Standard Time", "Egypt Standard Time", "Ekaterinburg Standard Time",
    "Fiji Standard Time", "FLE Standard Time", "Georgian Standard Time", "GMT Standard Time",
    "Greenland Standard Time", "Greenwich Standard Time", "GTB Standard Time", "Hawaiian Standard Time",
    "India Standard Time", "Iran Standard Time", "Israel Standard Time", "Jordan Standard Time",
    "Korea Standard Time", "Mauritius Standard Time", "Mid-Atlantic Standard Time", "Middle East Standard Time",
    "Montevideo Standard Time", "Morocco Standard Time", "Mountain Standard Time",
    "Mountain Standard Time (Mexico)", "Myanmar Standard Time", "N. Central Asia Standard Time",
    "Namibia Standard Time", "Nepal Standard Time", "New Zealand Standard Time", "Newfoundland Standard Time",
    "North Asia East Standard Time", "North Asia Standard Time", "Pacific SA Standard Time",
    "Pacific Standard Time", "Pacific Standard Time (Mexico)", "Pakistan Standard Time", "Romance Standard Time",
    "Russian Standard Time", "SA Eastern Standard Time", "SA Pacific Standard Time", "SA Western Standard Time",
    "Samoa Standard Time", "SE Asia Standard Time", "Singapore Standard Time", "South Africa Standard Time",
    "Sri Lanka Standard Time", "Taipei Standard Time", "Tasmania Standard Time", "Tokyo Standard Time",
    "Tonga Standard Time", "US Eastern Standard Time", "US Mountain Standard Time", "UTC",
    "Venezuela Standard Time", "Vladivostok Standard Time", "W. Australia Standard Time",
    "W. Central Africa Standard Time", "W. Europe Standard Time", "West Asia Standard Time",
    "West Pacific Standard Time", "Yakutsk Standard Time"
]"#;

const DATE_FORMATS: &str = r#"[
    "DD-MM-YYYY", "DD/MM/YYYY", "DD.MM.YYYY", "MM-DD-YYYY", "MM/DD/YYYY", "YYYY-MM-DD", "YYYY/MM/DD"
]"#;

#[tokio::test]
async fn a_user_made_here_signs_in_where_the_accounts_api_lets_users_in() {
    let relay = Relay::start().await;
    let endpoint = Endpoint::of(Accord::start_with(relay.options()).await).await;
    let Endpoint { accord, token } = &endpoint;
    let made = endpoint.record(&json!({ "Username": "jane", "Email": "jane@example.com", "Is_Active": true })).await;
    // The portal binds the same user to an account by the address.
    accord.patch_accounts(token, &json!({ "a": { "name": "Acme", "id": "1" } })).await;
    answer(accord.patch(USERS, token, &json!({ "u": { "email": "Jane@Example.com" } }))).await;
    answer(accord.patch("/api/integrations/v1/accounts/1/users", token, &json!(["u"]))).await;
    // A password comes by the way of all who have forgotten theirs.
    let forgot = accord.request(Method::POST, "/api/accounts/password/forgot");
    assert_eq!(answer(forgot.json(&json!({ "email": "jane@example.com" }))).await.status, 200);
    let reset = json!({ "token": relay.token_for("jane@example.com", 1).await, "password": PASSWORD });
    let reset = accord.request(Method::POST, "/api/accounts/password/reset").json(&reset);
    assert_eq!(answer(reset).await.status, 200);
    for name in ["jane", "jane@example.com"] {
        let signed_in = accord.sign_in(name, PASSWORD, None).await;
        assert_eq!(signed_in.status, 200, "{name}: {signed_in}");
    }
    // No longer active, no longer let in.
    endpoint.record(&json!({ "Id": made["Id"], "Is_Active": false })).await;
    assert_eq!(accord.sign_in("jane", PASSWORD, None).await.status, 400);
}
