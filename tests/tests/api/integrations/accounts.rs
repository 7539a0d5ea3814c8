//! The portal's accounts: what a connector calls which account.

use accord_tests::portal::{ACCOUNTS, BINDINGS};
use accord_tests::{Accord, Answer, CLIENT_ID, answer};
use futures::future::join_all;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn the_documents_example_of_accounts_answers_200_and_nothing() {
    let accord = Accord::start().await;
    let body = json!({ "account_123": { "name": "Acme Ltd.", "id": "123456-8" } });
    let answer = accord.patch_accounts(&accord.token().await, &body).await;
    assert_snapshot!(answer, @r"
    200
    x-request-id: [uuid]
    ");
    assert_eq!(accord.store().lines(BINDINGS), ["Acme Ltd. | 123456-8 | bootstrap/account_123"]);
}

#[tokio::test]
async fn a_second_connector_with_the_same_registration_id_lands_on_the_same_account() {
    let accord = Accord::start().await;
    let other = accord.connector("crm", "portal:write").await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "account_123": { "name": "Acme Ltd.", "id": "123456-8" } })).await;
    let answer = accord.patch_accounts(&other, &json!({ "K-77": { "name": "Acme", "id": "123456-8" } })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        accord.store().lines(BINDINGS),
        ["Acme Ltd. | 123456-8 | bootstrap/account_123", "Acme Ltd. | 123456-8 | crm/K-77"]
    );
}

#[tokio::test]
async fn connectors_with_the_same_external_id_never_touch_each_others_account() {
    let accord = Accord::start().await;
    let (one, two) = (accord.token().await, accord.connector("crm", "portal:write").await);
    accord.patch_accounts(&one, &json!({ "A": { "name": "One", "id": "1" } })).await;
    accord.patch_accounts(&two, &json!({ "A": { "name": "Two", "id": "2" } })).await;
    accord.patch_accounts(&two, &json!({ "A": { "name": "Two Ltd." } })).await;
    accord.patch_accounts(&one, &json!({ "A": null })).await;
    assert_eq!(accord.store().lines(BINDINGS), ["Two Ltd. | 2 | crm/A"]);
    // And users alike.
    accord.patch_users(&one, &json!({ "u": { "email": "one@example.com" } })).await;
    accord.patch_users(&two, &json!({ "u": { "email": "two@example.com" } })).await;
    accord.patch_users(&one, &json!({ "u": null })).await;
    let users = "SELECT lower(c.name), i.external_id, d.address FROM person_identities i
          JOIN connectors c ON c.id = i.connector_id JOIN addresses d ON d.person_id = i.person_id";
    assert_eq!(accord.store().lines(users), ["crm | u | two@example.com"]);
}

#[tokio::test]
async fn one_bad_entry_among_ten_thousand_changes_nothing_and_is_named() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let mut body: serde_json::Map<String, Value> = (0..9_999)
        .map(|n| (format!("ext_{n:05}"), json!({ "name": format!("Company {n}"), "id": format!("{n:06}-1") })))
        .collect();
    body.insert("the_bad_one".to_owned(), json!({ "name": 7, "id": "000000-2" }));
    assert_snapshot!(accord.patch_accounts(&token, &Value::Object(body.clone())).await, @r#"
    400
    content-type: application/problem+json
    x-request-id: [uuid]

    {
      "detail": "one value is not valid",
      "errors": {
        "the_bad_one": "name must be a string, not a number"
      },
      "status": 400,
      "title": "Bad Request",
      "type": "about:blank"
    }
    "#);
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts WHERE owner_id IS NOT NULL"), 0);

    body.insert("the_bad_one".to_owned(), json!({ "name": "Company 9999", "id": "000000-2" }));
    assert_eq!(accord.patch_accounts(&token, &Value::Object(body)).await.status, 200);
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts WHERE owner_id IS NOT NULL"), 10_000);
}

#[tokio::test]
async fn an_entry_that_only_the_directory_can_refuse_is_named_and_changes_nothing() {
    let accord = Accord::start().await;
    let body = json!({
        "good": { "name": "Good", "id": "1" },
        "nameless": { "id": "2" },
        "without id": { "name": "New" },
        "not there": null,
    });
    assert_snapshot!(accord.patch_accounts(&accord.token().await, &body).await, @r#"
    400
    content-type: application/problem+json
    x-request-id: [uuid]

    {
      "detail": "2 values are not valid",
      "errors": {
        "nameless": "name is required for a new account",
        "without id": "id is required for a new account"
      },
      "status": 400,
      "title": "Bad Request",
      "type": "about:blank"
    }
    "#);
    assert!(accord.store().lines(BINDINGS).is_empty());
}

#[tokio::test]
async fn of_many_bad_entries_the_first_hundred_are_listed_and_the_rest_counted() {
    let accord = Accord::start().await;
    let body: serde_json::Map<String, Value> = (0..250).map(|n| (format!("{n:03}"), json!("bad"))).collect();
    let problem = accord.patch_accounts(&accord.token().await, &Value::Object(body)).await.json();
    assert_eq!(problem["errors"].as_object().map(serde_json::Map::len), Some(100));
    assert_eq!(problem["moreErrors"], 150);
}

#[tokio::test]
async fn thirty_two_patches_of_one_new_account_at_once_make_one_account() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let body = json!({ "account_123": { "name": "Acme Ltd.", "id": "123456-8" } });
    let answers = join_all((0..32).map(|_| accord.patch_accounts(&token, &body))).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200; 32]);
    assert_eq!(accord.store().lines(BINDINGS), ["Acme Ltd. | 123456-8 | bootstrap/account_123"]);
}

#[tokio::test]
async fn the_same_body_twice_changes_nothing() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let body = json!({ "a": { "name": "A", "id": "1" }, "b": { "name": "B", "id": "2" }, "c": null });
    accord.patch_accounts(&token, &body).await;
    let state = "SELECT name, CAST(version AS TEXT), CAST(updated_at AS TEXT) FROM accounts
          UNION ALL SELECT 'audit', CAST(count(*) AS TEXT), '' FROM audit";
    let before = accord.store().lines(state);
    assert_eq!(accord.patch_accounts(&token, &body).await.status, 200);
    assert_eq!(accord.store().lines(state), before);
}

#[tokio::test]
async fn a_name_may_be_left_out_and_changed_for_an_identity_that_exists() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "a": { "name": "Old", "id": "1" } })).await;
    assert_eq!(accord.patch_accounts(&token, &json!({ "a": { "id": "1" } })).await.status, 200);
    assert_eq!(accord.store().lines(BINDINGS), ["Old | 1 | bootstrap/a"]);
    assert_eq!(accord.patch_accounts(&token, &json!({ "a": { "name": "New" } })).await.status, 200);
    assert_eq!(accord.store().lines(BINDINGS), ["New | 1 | bootstrap/a"]);
}

#[tokio::test]
async fn an_external_id_sent_with_another_id_moves_to_that_account() {
    let accord = Accord::start().await;
    let other = accord.connector("crm", "portal:write").await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" }, "b": { "name": "B", "id": "2" } })).await;
    accord.patch_accounts(&other, &json!({ "held": { "name": "A", "id": "1" } })).await;
    // To an account that exists, to a new one by another name, to a new one with the name taken along.
    accord.patch_accounts(&token, &json!({ "a": { "name": "B", "id": "2" } })).await;
    assert_eq!(accord.store().lines(BINDINGS), ["A | 1 | crm/held", "B | 2 | bootstrap/a", "B | 2 | bootstrap/b"]);
    accord.patch_accounts(&token, &json!({ "a": { "name": "C", "id": "3" }, "b": { "id": "4" } })).await;
    assert_eq!(accord.store().lines(BINDINGS), ["A | 1 | crm/held", "B | 4 | bootstrap/b", "C | 3 | bootstrap/a"]);
}

#[tokio::test]
async fn entries_of_one_new_account_share_it_and_the_one_that_sorts_first_names_it() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    // Sent as text, for the order of the keys is the point.
    let body = r#"{"z":{"name":"Z","id":"1"},"a":{"name":"A","id":"1"}}"#;
    let request = accord.request_as(&token, Method::PATCH, ACCOUNTS);
    let answer = answer(request.header("content-type", "application/json").body(body)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(accord.store().lines(BINDINGS), ["A | 1 | bootstrap/a", "A | 1 | bootstrap/z"]);
}

#[tokio::test]
async fn null_unbinds_and_the_account_goes_with_the_last_connector_that_held_it() {
    let accord = Accord::start().await;
    let other = accord.connector("crm", "portal:write").await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await;
    accord.patch_accounts(&other, &json!({ "x": { "name": "A", "id": "1" } })).await;
    accord.patch_accounts(&token, &json!({ "a": null })).await;
    assert_eq!(accord.store().lines(BINDINGS), ["A | 1 | crm/x"]);
    accord.patch_accounts(&other, &json!({ "x": null })).await;
    assert!(accord.store().lines(BINDINGS).is_empty());
}

#[tokio::test]
async fn an_account_that_another_api_holds_members_in_stays() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await;
    let store = accord.store();
    let account = store.number("SELECT id FROM accounts WHERE registration_id = '1'");
    accord.join(account, store.number("SELECT id FROM people"), "user").await;
    accord.patch_accounts(&token, &json!({ "a": null })).await;
    assert_eq!(accord.store().lines(BINDINGS), ["A | 1 | -"]);
}

#[tokio::test]
async fn an_account_that_another_api_made_is_reused_and_stays() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let made = json!({ "name": "Made elsewhere", "subdomain": "elsewhere" });
    assert_eq!(accord.administer(&accord.operator().await, &made).await.status, 200);
    // No other API gives an account a registration id.
    accord.store().execute("UPDATE accounts SET registration_id = '1' WHERE subdomain = 'elsewhere'", ());
    accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await;
    // Whoever made it named it, and comes before connectors.
    assert_eq!(accord.store().lines(BINDINGS), ["Made elsewhere | 1 | bootstrap/a"]);
    accord.patch_accounts(&token, &json!({ "a": null })).await;
    assert_eq!(accord.store().lines(BINDINGS), ["Made elsewhere | 1 | -"]);
}

#[tokio::test]
async fn one_hundred_thousand_entries_fit() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let body: serde_json::Map<String, Value> = (0..100_000)
        .map(|n| (format!("e{n}"), json!({ "name": format!("Company {n}"), "id": n.to_string() })))
        .collect();
    assert_eq!(accord.patch_accounts(&token, &Value::Object(body)).await.status, 200);
    assert_eq!(accord.store().number("SELECT count(*) FROM account_identities"), 100_000);
}

#[tokio::test]
async fn text_is_trimmed_composed_and_bounded() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let body = json!({ " a ": { "name": "  Cafe\u{301} Oy ", "id": " 1 " } });
    assert_eq!(accord.patch_accounts(&token, &body).await.status, 200);
    assert_eq!(accord.store().lines(BINDINGS), ["Café Oy | 1 | bootstrap/a"]);
    let long = json!({ "a": { "name": "x".repeat(256), "id": "1" } });
    assert_eq!(
        accord.patch_accounts(&token, &long).await.json()["errors"]["a"],
        "name must have at most 255 characters"
    );
}

#[tokio::test]
async fn each_change_is_audited_with_the_request_that_made_it() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let made = accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await;
    let gone = accord.patch_accounts(&token, &json!({ "a": null })).await;
    let connector = format!("SELECT id FROM connectors WHERE client_id = '{CLIENT_ID}'");
    let actor = format!("connector:{}", accord.store().number(&connector));
    let line = |answer: &Answer, action: &str| {
        format!("{actor} | portal | {action} | accounts | {}", answer.header("x-request-id").unwrap_or_default())
    };
    assert_eq!(
        accord
            .store()
            .lines("SELECT actor, api, action, subject, request_id FROM audit WHERE actor <> 'system' ORDER BY id"),
        [line(&made, "created"), line(&made, "bound"), line(&gone, "unbound"), line(&gone, "deleted")]
    );
}
