//! Connection health: that it is true.

use accord_tests::endpoint::RECORD;
use accord_tests::portal::ACCOUNTS;
use accord_tests::{Accord, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn ten_failed_writes_in_a_row_are_told_and_refuse_no_valid_write() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let admin = accord.admin().await;
    let body = json!({ "name": "CRM", "scopes": ["portal:write", "AccessUser:Create", "AccessUser:Update"] });
    let crm = accord.make_connector(&admin, &body).await;
    let token = accord.token_of(&crm.client_id, &crm.secret).await;
    let good = json!({ "a": { "name": "A", "id": "1" } });
    let health = async || {
        let connections = accord.connections(&operator, "").await;
        let rows = connections.json()["connections"].as_array().expect("rows").clone();
        let row = rows.into_iter().nth(1).expect("the second connector");
        (row["last_sync_error_count"].clone(), row["in_error_state"].clone(), row["last_sync_error_message"].clone())
    };
    assert_eq!(health().await, (Value::Null, json!(false), Value::Null));
    let fail = async |times: usize| {
        for time in 0..times {
            // Refused by both APIs, and for another reason each time.
            let refused = match time % 4 {
                0 => accord.patch_accounts(&token, &json!({ "a": 1 })).await,
                1 => accord.bind(&token, "nowhere", &json!(["u"])).await,
                2 => accord.patch(&token, RECORD, &json!({ "Email": "?" })).await,
                _ => answer(accord.request_as(&token, Method::PATCH, ACCOUNTS).body("{")).await,
            };
            assert!((400..=415).contains(&refused.status), "{refused}");
        }
    };
    fail(9).await;
    assert_eq!(
        health().await,
        (json!("9"), json!(false), json!("portal: one value is not valid; a must be an object or null, not a number"))
    );
    assert_eq!(accord.patch_accounts(&token, &good).await.status, 200);
    assert_eq!(health().await.0, json!("0"), "a success ends the row");

    fail(10).await;
    assert_eq!(health().await, (json!("10"), json!(true), json!("portal: account not found")));
    assert_eq!(accord.patch_accounts(&token, &good).await.status, 200, "the portal takes a valid write");
    let told =
        |count: &str, in_error_state: bool| (json!(count), json!(in_error_state), json!("portal: account not found"));
    assert_eq!(health().await, told("0", false), "and it ends the error state");
    fail(11).await;
    assert_eq!(health().await.1, json!(true));
    let user = json!({ "Username": "jane" });
    assert_eq!(accord.patch(&token, RECORD, &user).await.status, 200, "so does the endpoint API");
    assert_eq!((health().await.0, health().await.1), (json!("0"), json!(false)));

    fail(10).await;
    let rotated = accord.post(&admin, &format!("/api/connectors/{}/secret", crm.id), &json!({})).await;
    assert_eq!(rotated.status, 200);
    assert_eq!((health().await.0, health().await.1), (json!("0"), json!(false)), "a new secret is a new beginning");
    let token = accord.token_of(&crm.client_id, &rotated.text("clientSecret")).await;
    for _ in 0..10 {
        assert_eq!(accord.patch_accounts(&token, &json!([])).await.status, 400);
    }
    assert_eq!(health().await.1, json!(true));
    let resume = format!("/api/connectors/{}/resume", crm.id);
    assert_snapshot!("resumed", accord.post(&admin, &resume, &json!({})).await);
    assert_eq!((health().await.0, health().await.1), (json!("0"), json!(false)));
    let stranger = accord.person("Strange").await;
    assert_eq!(accord.post(&stranger.token, &resume, &json!({})).await.status, 404);
}

#[tokio::test]
async fn connections_are_filtered_by_status() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let admin = accord.admin().await;
    let gone = accord.make_connector(&admin, &json!({ "name": "gone", "integration": "gone" })).await.id;
    accord.make_connector(&admin, &json!({ "name": "new", "integration": "new" })).await;
    assert_eq!(accord.post(&admin, &format!("/api/connectors/{gone}/disconnect"), &json!({})).await.status, 200);
    for (filter, expected) in [
        ("", vec!["", "gone", "new"]),
        ("&statuses=ACTIVE", vec![""]),
        ("&statuses=PENDING,INACTIVE", vec!["gone", "new"]),
        ("&statuses=inactive", vec!["gone"]),
    ] {
        let shown = accord.connections(&operator, filter).await;
        assert_eq!(shown.column("connections", "integration"), expected, "{filter}");
        assert_eq!(shown.json()["count"], expected.len(), "{filter}");
    }
    let disconnected = accord.connections(&operator, "&statuses=INACTIVE").await;
    assert_eq!(disconnected.column("connections", "active"), ["false"]);
    assert_snapshot!("unknown_status", accord.connections(&operator, "&statuses=ASLEEP").await);
}
