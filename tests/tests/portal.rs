//! The portal's integration API (seed 000).

use accord_tests::{ACCOUNTS, Accord, CLIENT_ID, Options, USERS, answer};
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

/// Accounts with their external ids: name | registration id | connector/external id.
const BINDINGS: &str = "SELECT a.name, a.registration_id, c.client_id || '/' || i.external_id
      FROM accounts a LEFT JOIN account_identities i ON i.account_id = a.id LEFT JOIN connectors c ON c.id = i.connector_id
     WHERE a.owner_id IS NOT NULL ORDER BY 1, 2, 3";

/// Members: registration id of the account | e-mail address of the user | role.
const MEMBERS: &str = "SELECT a.registration_id, u.email, r.role
      FROM memberships m JOIN accounts a ON a.id = m.account_id JOIN users u ON u.id = m.user_id
      JOIN membership_roles r ON r.account_id = m.account_id AND r.user_id = m.user_id
     WHERE a.owner_id IS NOT NULL ORDER BY 1, 2, 3";

fn members_of(account: &str) -> String {
    format!("{ACCOUNTS}/{account}/users")
}

#[tokio::test]
async fn the_seeds_example_of_accounts_answers_200_and_nothing() {
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
async fn the_seeds_example_of_users_answers_200_and_nothing() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "account_123": { "name": "Acme Ltd.", "id": "123456-8" } })).await;
    let body = json!(["user_001", "user_002"]);
    assert_snapshot!(answer(accord.patch(&members_of("123456-8"), &token, &body)).await, @r"
    200
    x-request-id: [uuid]
    ");
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
        ["Acme | 123456-8 | bootstrap/account_123", "Acme | 123456-8 | crm/K-77"]
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
    accord.patch(USERS, &one, &json!({ "u": { "email": "one@example.com" } })).send().await.expect("an answer");
    accord.patch(USERS, &two, &json!({ "u": { "email": "two@example.com" } })).send().await.expect("an answer");
    accord.patch(USERS, &one, &json!({ "u": null })).send().await.expect("an answer");
    let users = "SELECT c.client_id, i.external_id, u.email FROM user_identities i
          JOIN connectors c ON c.id = i.connector_id JOIN users u ON u.id = i.user_id";
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
async fn entries_of_one_account_share_it_and_the_last_name_counts() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    // Sent as text, for the order of the keys is the point.
    let body = r#"{"z":{"name":"First","id":"1"},"a":{"name":"Last","id":"1"}}"#;
    let request = accord.request(Method::PATCH, ACCOUNTS).bearer_auth(token);
    let answer = answer(request.header("content-type", "application/json").body(body)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(accord.store().lines(BINDINGS), ["Last | 1 | bootstrap/a", "Last | 1 | bootstrap/z"]);
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
    accord.store().execute(
        "INSERT INTO memberships (account_id, user_id, origin, created_at, updated_at)
         SELECT a.id, u.id, 'accounts', 0, 0 FROM accounts a, users u WHERE a.registration_id = '1'",
        (),
    );
    accord.patch_accounts(&token, &json!({ "a": null })).await;
    assert_eq!(accord.store().lines(BINDINGS), ["A | 1 | -"]);
}

#[tokio::test]
async fn an_account_that_another_api_made_is_reused_and_stays() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    accord.store().execute(
        "INSERT INTO accounts (owner_id, account_key, registration_id, name, name_key, origin, created_at, updated_at)
         SELECT id, 'a-key', '1', 'Made elsewhere', 'made elsewhere', 'administration', 0, 0 FROM accounts",
        (),
    );
    accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await;
    assert_eq!(accord.store().lines(BINDINGS), ["A | 1 | bootstrap/a"]);
    accord.patch_accounts(&token, &json!({ "a": null })).await;
    assert_eq!(accord.store().lines(BINDINGS), ["A | 1 | -"]);
}

#[tokio::test]
async fn a_user_becomes_a_member_as_soon_as_the_user_is_known() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" }, "b": { "name": "B", "id": "2" } })).await;
    answer(accord.patch(&members_of("1"), &token, &json!(["u1", "u2"]))).await;
    answer(accord.patch(&members_of("2"), &token, &json!(["u1"]))).await;
    assert!(accord.store().lines(MEMBERS).is_empty());
    let known = answer(accord.patch(USERS, &token, &json!({ "u1": { "email": "One@Example.com" } }))).await;
    assert_snapshot!(known, @r"
    200
    x-request-id: [uuid]
    ");
    assert_eq!(accord.store().lines(MEMBERS), ["1 | One@Example.com | user", "2 | One@Example.com | user"]);
    // A user that is known already is a member at once.
    answer(accord.patch(USERS, &token, &json!({ "u3": { "email": "three@example.com" } }))).await;
    answer(accord.patch(&members_of("1"), &token, &json!(["u3"]))).await;
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
    answer(accord.patch(USERS, &token, &json!({ "u": { "email": "u@example.com" } }))).await;
    let answer = answer(accord.patch(&members_of("ext%20%2F%201"), &token, &json!(["u"]))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(accord.store().lines(MEMBERS), ["1 | u@example.com | user"]);
}

#[tokio::test]
async fn identities_with_one_address_are_one_user() {
    let accord = Accord::start().await;
    let other = accord.connector("crm", "portal:write").await;
    let token = accord.token().await;
    let body = json!({ "u1": { "email": "jane@example.com" }, "u2": { "email": "JANE@example.com" } });
    assert_eq!(answer(accord.patch(USERS, &token, &body)).await.status, 200);
    answer(accord.patch(USERS, &other, &json!({ "x": { "email": "Jane@Example.COM" } }))).await;
    let users = "SELECT count(DISTINCT user_id) FROM user_identities";
    assert_eq!(accord.store().number(users), 1);
    assert_eq!(accord.store().number("SELECT count(*) FROM user_identities"), 3);
}

#[tokio::test]
async fn an_unbound_user_loses_what_the_portal_gave_and_nothing_else() {
    let accord = Accord::start().await;
    let other = accord.connector("crm", "portal:write").await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" }, "b": { "name": "B", "id": "2" } })).await;
    accord.patch_accounts(&other, &json!({ "x": { "name": "B", "id": "2" } })).await;
    answer(accord.patch(USERS, &token, &json!({ "u": { "email": "u@example.com" } }))).await;
    answer(accord.patch(USERS, &other, &json!({ "v": { "email": "u@example.com" } }))).await;
    for account in ["1", "2"] {
        answer(accord.patch(&members_of(account), &token, &json!(["u"]))).await;
    }
    answer(accord.patch(&members_of("2"), &other, &json!(["v"]))).await;
    assert_eq!(accord.store().lines(MEMBERS), ["1 | u@example.com | user", "2 | u@example.com | user"]);
    // The other connector still binds the user to the second account.
    answer(accord.patch(USERS, &token, &json!({ "u": null }))).await;
    assert_eq!(accord.store().lines(MEMBERS), ["2 | u@example.com | user"]);
    // With the last identity the user goes, whom nobody but the portal knew.
    answer(accord.patch(USERS, &other, &json!({ "v": null }))).await;
    assert_eq!(accord.store().lines("SELECT email FROM users"), ["admin@example.com"]);
    // An external id that is given to another person opens nothing that it opened before.
    answer(accord.patch(USERS, &token, &json!({ "u": { "email": "new@example.com" } }))).await;
    assert!(accord.store().lines(MEMBERS).is_empty());
}

#[tokio::test]
async fn a_user_who_moves_to_another_address_takes_the_bindings_along() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await;
    answer(accord.patch(USERS, &token, &json!({ "u": { "email": "old@example.com" } }))).await;
    answer(accord.patch(&members_of("1"), &token, &json!(["u"]))).await;
    answer(accord.patch(USERS, &token, &json!({ "u": { "email": "new@example.com" } }))).await;
    assert_eq!(accord.store().lines(MEMBERS), ["1 | new@example.com | user"]);
}

#[tokio::test]
async fn bad_users_are_named_and_change_nothing() {
    let accord = Accord::start().await;
    let body = json!({ "u1": { "email": "u1@example.com" }, "u2": { "email": "nonsense" }, "u3": {}, "u4": ["x"] });
    assert_snapshot!(answer(accord.patch(USERS, &accord.token().await, &body)).await, @r#"
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
    assert_eq!(accord.store().lines("SELECT email FROM users"), ["admin@example.com"]);
}

#[tokio::test]
async fn an_unknown_account_is_404() {
    let accord = Accord::start().await;
    let request = accord.patch(&members_of("nobody"), &accord.token().await, &json!(["u"]));
    assert_snapshot!(answer(request).await, @r#"
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
    let theirs = answer(accord.patch(&members_of("1"), &other, &json!(["u"]))).await;
    let nobodys = answer(accord.patch(&members_of("2"), &other, &json!(["u"]))).await;
    assert_eq!(theirs.to_string(), nobodys.to_string());
    assert_eq!(theirs.status, 404);
}

#[tokio::test]
async fn a_path_that_names_nothing_is_an_unknown_account() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    for account in ["%FF", "%00", "%20", "%", "%zz", &"x".repeat(256)] {
        let answer = answer(accord.patch(&members_of(account), &token, &json!(["u"]))).await;
        let content_type = answer.header("content-type");
        assert_eq!((answer.status, content_type), (404, Some("application/problem+json")), "{account}");
    }
}

#[tokio::test]
async fn the_api_is_write_only() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    for path in [ACCOUNTS, USERS, "/api/integrations/v1/accounts/1/users"] {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = answer(accord.request(method.clone(), path).bearer_auth(&token)).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("PATCH")), "{method} {path}");
        }
    }
    assert_snapshot!(answer(accord.request(Method::GET, ACCOUNTS)).await, @r#"
    405
    allow: PATCH
    content-type: application/problem+json
    x-request-id: [uuid]

    {
      "detail": "this API takes PATCH only",
      "status": 405,
      "title": "Method Not Allowed",
      "type": "about:blank"
    }
    "#);
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_too() {
    let accord = Accord::start().await;
    assert_snapshot!(answer(accord.request(Method::PATCH, "/api/integrations/v1/items")).await, @r#"
    404
    content-type: application/problem+json
    x-request-id: [uuid]

    {
      "detail": "path not found",
      "status": 404,
      "title": "Not Found",
      "type": "about:blank"
    }
    "#);
}

#[tokio::test]
async fn a_token_without_the_scope_is_403() {
    let accord = Accord::start().await;
    let token = accord.connector("reader", "accounts:read AccessUser:Create").await;
    assert_snapshot!(accord.patch_accounts(&token, &json!({})).await, @r#"
    403
    content-type: application/problem+json
    www-authenticate: Bearer realm="accord", error="insufficient_scope", scope="portal:write"
    x-request-id: [uuid]

    {
      "detail": "this needs portal:write",
      "status": 403,
      "title": "Forbidden",
      "type": "about:blank"
    }
    "#);
}

#[tokio::test]
async fn bad_bodies_get_their_4xx_and_the_next_request_works() {
    const JSON: &str = "application/json";
    let accord = Accord::start().await;
    let token = accord.token().await;
    let send = async |content_type: &'static str, body: Vec<u8>| {
        let request = accord.request(Method::PATCH, ACCOUNTS).bearer_auth(&token);
        let answer = answer(request.header("content-type", content_type).body(body)).await;
        let good = accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await;
        assert_eq!(good.status, 200, "the next request works");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status);
        format!("{} {}", answer.status, problem["detail"].as_str().unwrap_or_default())
    };
    let mut told = Vec::new();
    for (content_type, body) in [
        (JSON, Vec::new()),
        (JSON, b"not JSON".to_vec()),
        (JSON, b"{\"a\":{\"name\":\"A\",\"id\":\"1\"}".to_vec()),
        (JSON, b"{\"a\":null,\"a\":null}".to_vec()),
        (JSON, b"{\"a\":{\"name\":\"A\",\"name\":\"B\",\"id\":\"1\"}}".to_vec()),
        (JSON, b"[]".to_vec()),
        (JSON, b"\"text\"".to_vec()),
        (JSON, b"{\"a\":\"\xff\"}".to_vec()),
        (JSON, b"{\"a\":{\"name\":\"A\\u0000B\",\"id\":\"1\"}}".to_vec()),
        (JSON, "[".repeat(1 << 20).into_bytes()),
        (JSON, format!("{{\"a\":{}1{}}}", "{\"b\":".repeat(1 << 17), "}".repeat(1 << 17)).into_bytes()),
        (JSON, vec![b' '; 10 * 1024 * 1024 + 1]),
        (
            JSON,
            format!("{{{}}}", (0..100_001).map(|n| format!("\"{n}\":null")).collect::<Vec<_>>().join(",")).into_bytes(),
        ),
        ("text/plain", b"{}".to_vec()),
        ("application/x-www-form-urlencoded", b"a=b".to_vec()),
    ] {
        told.push(send(content_type, body).await);
    }
    assert_snapshot!(told.join("\n"), @r#"
    400 the body is not valid JSON: EOF while parsing a value at line 1 column 0
    400 the body is not valid JSON: expected ident at line 1 column 2
    400 the body is not valid JSON: EOF while parsing an object at line 1 column 26
    400 the body is not valid JSON: the key "a" is there twice at line 1 column 19
    400 the body is not valid JSON: the key "name" is there twice at line 1 column 37
    400 the body must be an object of external ids, not an array
    400 the body must be an object of external ids, not a string
    400 the body is not valid JSON: invalid unicode code point at line 1 column 7
    400 one value is not valid
    400 the body is not valid JSON: recursion limit exceeded at line 1 column 128
    400 the body is not valid JSON: recursion limit exceeded at line 1 column 636
    413 the body may have at most 10485760 bytes
    413 the body may have at most 100000 entries
    415 the body must be application/json
    415 the body must be application/json
    "#);
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    let accord = Accord::start().await;
    let chunks = stream::iter((0..12).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 20])));
    let request = accord.request(Method::PATCH, ACCOUNTS).bearer_auth(accord.token().await);
    let request = request.header("content-type", "application/json").body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(answer(request).await.status, 413);
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
    let actor = format!(
        "connector:{}",
        accord.store().number(&format!("SELECT id FROM connectors WHERE client_id = '{CLIENT_ID}'"))
    );
    let line = |answer: &accord_tests::Answer, action: &str| {
        format!("{actor} | portal | {action} | accounts | {}", answer.header("x-request-id").unwrap_or_default())
    };
    assert_eq!(
        accord
            .store()
            .lines("SELECT actor, api, action, subject, request_id FROM audit WHERE actor <> 'system' ORDER BY id"),
        [line(&made, "created"), line(&made, "bound"), line(&gone, "unbound"), line(&gone, "deleted")]
    );
}

#[tokio::test]
async fn every_acknowledged_patch_survives_kill_9_and_none_is_half_there() {
    let mut accord = Accord::start_with(Options { process: true, ..Options::default() }).await;
    let token = accord.token().await;
    let entries = |batch: usize| -> Value {
        (0..50)
            .map(|n| {
                (format!("{batch}/{n}"), json!({ "name": format!("Company {batch}"), "id": format!("{batch}-{n}") }))
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let mut acknowledged: Vec<usize> = Vec::new();
    for round in 0..3 {
        let requests: Vec<_> = (round * 1000..)
            .take(400)
            .map(|batch| {
                let request = accord.patch(ACCOUNTS, &token, &entries(batch));
                async move { request.send().await.is_ok_and(|response| response.status() == 200).then_some(batch) }
            })
            .collect();
        let stream = tokio::spawn(stream::iter(requests).buffer_unordered(8).collect::<Vec<_>>());
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        accord.kill_and_restart().await;
        acknowledged.extend(stream.await.expect("the requests end").into_iter().flatten());
    }
    assert!(!acknowledged.is_empty(), "some were acknowledged");
    let store = accord.store();
    let halves = "SELECT count(*) FROM (SELECT name, count(*) AS n FROM accounts WHERE owner_id IS NOT NULL GROUP BY name HAVING n <> 50)";
    assert_eq!(store.number(halves), 0, "none is half there");
    let there: std::collections::HashSet<String> =
        store.lines("SELECT DISTINCT name FROM accounts WHERE owner_id IS NOT NULL").into_iter().collect();
    for batch in &acknowledged {
        assert!(there.contains(&format!("Company {batch}")), "batch {batch} was acknowledged");
    }
    assert_eq!(store.lines("PRAGMA integrity_check"), ["ok"]);
    assert_eq!(accord.patch_accounts(&token, &entries(9999)).await.status, 200, "the token is still good");
}
