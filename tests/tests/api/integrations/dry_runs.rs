//! What a body would change, told without changing it; and the guard against bodies that unbind too much.

use accord_tests::portal::{ACCOUNTS, BINDINGS, USERS, users_of};
use accord_tests::{Accord, Answer};
use insta::assert_snapshot;
use serde_json::{Value, json};

async fn try_out(accord: &Accord, token: &str, path: &str, body: &Value) -> Answer {
    accord.patch(token, &format!("{path}?dryRun=true"), body).await
}

/// Everything but what a token leaves behind.
fn everything(accord: &Accord) -> Vec<String> {
    accord.store().dump(&["refresh_tokens", "sign_in_failures", "revoked_tokens"])
}

#[tokio::test]
async fn a_dry_run_tells_what_a_body_changes_and_changes_nothing() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let accounts =
        json!({ "a": { "name": "A", "id": "1" }, "b": { "name": "B", "id": "2" }, "c": { "name": "C", "id": "3" } });
    accord.patch_accounts(&token, &accounts).await;
    let users = json!({ "u": { "email": "u@example.com" }, "v": { "email": "v@example.com" } });
    accord.patch_users(&token, &users).await;
    accord.bind(&token, "1", &json!(["u"])).await;
    let before = everything(&accord);

    let body = json!({ "a": { "name": "A" }, "b": { "name": "B Ltd." }, "c": null, "d": { "name": "D", "id": "4" } });
    assert_snapshot!(try_out(&accord, &token, ACCOUNTS, &body).await, @r#"
    200
    content-type: application/json
    x-request-id: [uuid]

    {
      "bound": [
        "d"
      ],
      "changed": [
        "b"
      ],
      "unbound": [
        "c"
      ]
    }
    "#);
    let users = json!({ "u": { "email": "other@example.com" }, "v": null, "w": { "email": "v@example.com" } });
    let told = try_out(&accord, &token, USERS, &users).await.json();
    assert_eq!(told, json!({ "bound": ["w"], "changed": ["u"], "unbound": ["v"] }));
    let told = try_out(&accord, &token, &users_of("1"), &json!(["u", "w"])).await.json();
    assert_eq!(told, json!({ "bound": ["w"], "changed": [], "unbound": [] }));
    assert_eq!(everything(&accord), before);

    // The run does it, and answers nothing.
    assert_eq!(accord.patch_accounts(&token, &body).await.body, "");
    assert_eq!(
        accord.store().lines(BINDINGS),
        ["A | 1 | bootstrap/a", "B Ltd. | 2 | bootstrap/b", "D | 4 | bootstrap/d"]
    );
    let told = try_out(&accord, &token, ACCOUNTS, &body).await.json();
    assert_eq!(told, json!({ "bound": [], "changed": [], "unbound": [] }));
}

#[tokio::test]
async fn a_dry_run_does_not_tell_made_from_found_nor_what_others_say() {
    let accord = Accord::start().await;
    let (one, two) = (accord.token().await, accord.connector("crm", "portal:write").await);
    accord.patch_accounts(&one, &json!({ "a": { "name": "Theirs", "id": "1" } })).await;
    let found = try_out(&accord, &two, ACCOUNTS, &json!({ "x": { "name": "Theirs", "id": "1" } })).await;
    let named = try_out(&accord, &two, ACCOUNTS, &json!({ "x": { "name": "Ours", "id": "1" } })).await;
    let made = try_out(&accord, &two, ACCOUNTS, &json!({ "x": { "name": "Ours", "id": "9" } })).await;
    assert_eq!((found.body.as_str(), named.body.as_str()), (made.body.as_str(), made.body.as_str()));
    // Nor whether two addresses are one person's.
    let owner = accord.person("Acme").await;
    accord.patch_users(&two, &json!({ "u": { "email": owner.email } })).await;
    let told = try_out(&accord, &two, USERS, &json!({ "u": { "email": "nobody@example.com" } })).await;
    assert_eq!(told.json()["changed"], json!(["u"]));
}

#[tokio::test]
async fn a_body_that_is_refused_is_refused_by_a_dry_run_alike_and_not_noted() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let body = json!({ "good": { "name": "Good", "id": "1" }, "bad": { "name": "Bad" }, "worse": 7 });
    let dry = try_out(&accord, &token, ACCOUNTS, &body).await;
    assert_eq!(accord.store().number("SELECT failures FROM connectors"), 0);
    let run = accord.patch_accounts(&token, &body).await;
    assert_eq!((dry.status, dry.json()), (run.status, run.json()));
    assert_eq!(accord.store().number("SELECT failures FROM connectors"), 1);
    assert_snapshot!(accord.patch(&token, &format!("{ACCOUNTS}?dryRun=perhaps"), &json!({})).await, @r#"
    400
    content-type: application/problem+json
    x-request-id: [uuid]

    {
      "detail": "one value is not valid",
      "errors": {
        "dryRun": "must be true or false"
      },
      "status": 400,
      "title": "Bad Request",
      "type": "about:blank"
    }
    "#);
}

#[tokio::test]
async fn a_guard_refuses_a_body_that_unbinds_too_much_unless_the_number_is_confirmed() {
    let accord = Accord::start().await;
    let (token, admin) = (accord.token().await, accord.admin().await);
    let all: serde_json::Map<String, Value> =
        (0..20).map(|n| (format!("e{n}"), json!({ "name": format!("Company {n}"), "id": n.to_string() }))).collect();
    accord.patch_accounts(&token, &Value::Object(all)).await;
    let id = accord.store().number("SELECT id FROM connectors");
    let connector = format!("/api/connectors/{id}");
    for wrong in [json!(101), json!(-1), json!("10"), json!(0.5)] {
        assert_eq!(accord.put(&admin, &connector, &json!({ "unbindGuard": wrong })).await.status, 400, "{wrong}");
    }
    let guarded = accord.put(&admin, &connector, &json!({ "unbindGuard": 10 })).await;
    assert_eq!((guarded.status, &guarded.json()["unbindGuard"]), (200, &json!(10)));
    let nulls = json!({ "e1": null, "e2": null, "e3": null, "not there": null });
    assert_snapshot!(accord.patch_accounts(&token, &nulls).await, @r#"
    409
    content-type: application/problem+json
    x-request-id: [uuid]

    {
      "detail": "3 of 20 external ids would be unbound, which is more than 10 %: say how many with unbind=3",
      "status": 409,
      "title": "Conflict",
      "type": "about:blank",
      "unbinds": 3
    }
    "#);
    assert_eq!(accord.patch(&token, &format!("{ACCOUNTS}?unbind=2"), &nulls).await.status, 409);
    assert_eq!(try_out(&accord, &token, ACCOUNTS, &nulls).await.json()["unbound"], json!(["e1", "e2", "e3"]));
    assert_eq!(accord.store().number("SELECT count(*) FROM account_identities"), 20);
    assert_eq!(accord.patch(&token, &format!("{ACCOUNTS}?unbind=3"), &nulls).await.status, 200);
    assert_eq!(accord.patch_accounts(&token, &json!({ "e4": null })).await.status, 200);
    assert_eq!(accord.store().number("SELECT count(*) FROM account_identities"), 16);
    // What stays is kept, and null takes the guard away.
    let other = accord.put(&admin, &connector, &json!({ "name": "Renamed" })).await;
    assert_eq!(other.json()["unbindGuard"], json!(10));
    assert_eq!(
        accord.put(&admin, &connector, &json!({ "unbindGuard": null })).await.json()["unbindGuard"],
        Value::Null
    );
    let rest: serde_json::Map<String, Value> = (0..20).map(|n| (format!("e{n}"), Value::Null)).collect();
    assert_eq!(accord.patch_accounts(&token, &Value::Object(rest)).await.status, 200);
    // People alike.
    let users: serde_json::Map<String, Value> =
        (0..4).map(|n| (format!("u{n}"), json!({ "email": format!("u{n}@example.com") }))).collect();
    accord.patch_users(&token, &Value::Object(users)).await;
    accord.put(&admin, &connector, &json!({ "unbindGuard": 0 })).await;
    let refused = accord.patch_users(&token, &json!({ "u1": null })).await;
    assert_eq!((refused.status, &refused.json()["unbinds"]), (409, &json!(1)));
}
