//! What a request has removed comes back: within 30 days, once, to who manages the account that owns it.

use std::collections::BTreeMap;

use accord_tests::accounts::path;
use accord_tests::portal::{BINDINGS, MEMBERS};
use accord_tests::{Accord, Answer, answer};
use reqwest::Method;
use serde_json::{Value, json};

/// The path that brings back what the request of an answer has removed.
fn undo(answer: &Answer) -> String {
    format!("/api/undo/{}", answer.header("x-request-id").expect("each answer has one"))
}

/// Whatever a sync of the portal brings, row by row, but for versions.
fn brought(accord: &Accord) -> Vec<String> {
    let tables =
        ["account_identities", "person_identities", "user_bindings", "memberships", "grants", "addresses", "people"];
    let mut lines = Vec::new();
    for table in tables {
        let columns =
            accord.store().lines(&format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')"));
        lines.extend(
            accord
                .store()
                .lines(&format!("SELECT '{table} ' || {} FROM {table} ORDER BY 1", columns.join(" || ',' || "))),
        );
    }
    let accounts = "SELECT 'accounts ' || id || account_key || name || coalesce(registration_id, '') || created_at || descendants FROM accounts ORDER BY 1";
    lines.extend(accord.store().lines(accounts));
    lines
}

#[tokio::test]
async fn a_mass_removal_comes_back_row_by_row() {
    let accord = Accord::start().await;
    let (one, other) = (accord.connector("One", "portal:write").await, accord.connector("Other", "portal:write").await);
    let admin = accord.admin().await;
    let all = |name: &str| -> Value {
        let entry = |n: usize| (format!("a{n:04}"), json!({ "name": format!("{name} {n}"), "id": n.to_string() }));
        (0..1000).map(entry).collect::<BTreeMap<_, _>>().into_iter().collect()
    };
    let users: Value = (0..1000).map(|n| (format!("u{n}"), json!({ "email": format!("u{n}@example.com") }))).collect();
    assert_eq!(accord.patch_accounts(&one, &all("Account")).await.status, 200);
    assert_eq!(accord.patch_users(&one, &users).await.status, 200);
    for account in 0..5 {
        let bound: Value = (account * 200..account * 200 + 200).map(|n| format!("u{n}")).collect();
        assert_eq!(accord.bind(&one, &format!("a000{account}"), &bound).await.status, 200);
    }
    // The other one knows some of them by another name.
    let some: Value =
        (0..10).map(|n| (format!("x{n}"), json!({ "name": format!("Other {n}"), "id": n.to_string() }))).collect();
    assert_eq!(accord.patch_accounts(&other, &some).await.status, 200);
    let before = brought(&accord);
    let nothing: Value = (0..1000).map(|n| (format!("u{n}"), Value::Null)).collect();
    let people = accord.patch_users(&one, &nothing).await;
    let nothing: Value = (0..1000).map(|n| (format!("a{n:04}"), Value::Null)).collect();
    let accounts = accord.patch_accounts(&one, &nothing).await;
    assert_eq!((people.status, accounts.status), (200, 200));
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts"), 11);
    assert_eq!(accord.store().lines(BINDINGS)[0], "Other 0 | 0 | other/x0");
    for removal in [&accounts, &people] {
        let done = accord.post(&admin, &undo(removal), &json!({})).await;
        assert_eq!((done.status, done.text("message").as_str()), (200, "Brought back"), "{done}");
    }
    assert_eq!(brought(&accord), before);
    assert_eq!(accord.store().contradictions(), [""; 0]);
    // What is brought back is not there to be brought back again, and the next sync changes nothing.
    assert_eq!(accord.post(&admin, &undo(&accounts), &json!({})).await.status, 404);
    let notes = accord.store().number("SELECT count(*) FROM audit");
    assert_eq!(accord.patch_accounts(&one, &all("Account")).await.status, 200);
    assert_eq!(accord.store().number("SELECT count(*) FROM audit"), notes);
}

#[tokio::test]
async fn what_goes_comes_back_to_who_manages_the_owner_and_to_nobody_else() {
    let accord = Accord::start().await;
    let (token, admin) = (accord.token().await, accord.admin().await);
    let operator = accord.store().number("SELECT id FROM accounts WHERE owner_id IS NULL");
    accord.patch_accounts(&token, &json!({ "a": { "name": "Acme", "id": "1" } })).await;
    accord.patch_users(&token, &json!({ "u": { "email": "u@example.com" } })).await;
    accord.bind(&token, "a", &json!(["u"])).await;
    let removal = accord.patch_accounts(&token, &json!({ "a": null })).await;
    let (stranger, manager) = (accord.person("Stranger").await, accord.person("Manager").await);
    accord.join(operator, manager.id, "manage").await;
    for (status, token) in [(403, &token), (404, &stranger.token)] {
        let refused = accord.post(token, &undo(&removal), &json!({})).await;
        assert_eq!(refused.status, status, "{refused}");
    }
    for unknown in ["894ea43c-b8a6-4195-9a9c-82c07d9cc33a", "x", "%FF"] {
        assert_eq!(accord.post(&admin, &format!("/api/undo/{unknown}"), &json!({})).await.status, 404, "{unknown}");
    }
    // Where the connector has brought the account anew, nothing comes back, and the answer says why.
    accord.patch_accounts(&token, &json!({ "a": { "name": "Acme", "id": "1" } })).await;
    let refused = accord.post(&manager.token, &undo(&removal), &json!({})).await;
    assert_eq!((refused.status, refused.text("code").as_str()), (409, "TAKEN_SINCE"), "{refused}");
    assert!(refused.text("detail").contains("an external id means another account"), "{refused}");
    accord.patch_accounts(&token, &json!({ "a": null })).await;
    assert_eq!(accord.post(&manager.token, &undo(&removal), &json!({})).await.status, 200);
    assert!(accord.store().lines(MEMBERS).contains(&"1 | u@example.com | user".to_owned()));
    // An account that somebody deleted comes back to the owners of the one above.
    let boss = accord.person("Boss").await;
    let deleted = accord.delete(&boss.token, &path(boss.account)).await;
    assert_eq!(accord.post(&manager.token, &undo(&deleted), &json!({})).await.status, 403);
    assert_eq!(accord.post(&admin, &undo(&deleted), &json!({})).await.status, 200);
    assert_eq!(accord.get(&boss.token, &path(boss.account)).await.text("name"), "Boss");
    let told = "SELECT detail ->> 'request' FROM audit WHERE action = 'brought back' ORDER BY id";
    let ids = [&removal, &deleted].map(|answer| answer.header("x-request-id").unwrap_or_default().to_owned());
    assert_eq!(accord.store().lines(told), ids);
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn a_connector_that_was_disconnected_or_deleted_comes_back_without_its_secret() {
    let accord = Accord::start().await;
    let (other, admin) = (accord.connector("Other", "portal:write").await, accord.admin().await);
    let made = accord.make_connector(&admin, &json!({ "name": "Office", "scopes": ["portal:write"] })).await;
    let (here, mut secret) = (format!("/api/connectors/{}", made.id), made.secret.clone());
    let token = accord.token_of(&made.client_id, &secret).await;
    let said = json!({ "a": { "name": "Acme", "id": "1" }, "b": { "name": "Beta", "id": "2" } });
    assert_eq!(accord.patch_accounts(&token, &said).await.status, 200);
    assert_eq!(accord.patch_users(&token, &json!({ "u": { "email": "u@example.com" } })).await.status, 200);
    assert_eq!(accord.bind(&token, "a", &json!(["u"])).await.status, 200);
    let theirs = json!({ "x": { "name": "ACME", "id": "1" } });
    assert_eq!(accord.patch_accounts(&other, &theirs).await.status, 200);
    let acme = accord.store().number("SELECT id FROM accounts WHERE registration_id = '1'");
    let before = brought(&accord);
    for deletes in [false, true] {
        let gone = if deletes {
            accord.delete(&admin, &here).await
        } else {
            accord.post(&admin, &format!("{here}/disconnect"), &json!({})).await
        };
        assert_eq!(gone.status, 200, "{gone}");
        assert_eq!(accord.get(&admin, &path(acme)).await.text("name"), "ACME");
        let back = accord.post(&admin, &undo(&gone), &json!({})).await;
        assert_eq!((back.status, back.text("message").as_str()), (200, "Brought back"), "{back}");
        assert_eq!(accord.get(&admin, &path(acme)).await.text("name"), "Acme");
        for line in &before {
            assert!(brought(&accord).contains(line), "deletes {deletes}: {line}");
        }
        // Whoever has had the secret has none any more; with a new one the connector goes on where it was.
        let form = [("grant_type", "client_credentials"), ("client_id", &made.client_id), ("client_secret", &secret)];
        assert_eq!(answer(accord.request(Method::POST, "/oauth/token").form(&form)).await.status, 401);
        secret = accord.post(&admin, &format!("{here}/secret"), &json!({})).await.text("clientSecret");
        let token = accord.token_of(&made.client_id, &secret).await;
        let notes = accord.store().number("SELECT count(*) FROM audit");
        assert_eq!(accord.patch_accounts(&token, &said).await.status, 200);
        assert_eq!(accord.bind(&token, "a", &json!(["u"])).await.status, 200);
        assert_eq!(accord.store().number("SELECT count(*) FROM audit"), notes);
        assert_eq!(accord.store().contradictions(), [""; 0]);
    }
}
