//! Who may do what: every operation by every kind of caller.

use accord_tests::accounts::{member, path};
use accord_tests::{Accord, CLIENT_ID, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

/// What each caller gets, per operation. The account has an owner beside the callers.
#[tokio::test]
async fn who_may_do_what() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let mut callers: Vec<(&str, String)> = vec![("nobody", "no-token".to_owned())];
    let mut members = Vec::new();
    for role in ["owner", "admin", "manage", "user", "viewer"] {
        let person = accord.person(&format!("Home of {role}")).await;
        accord.join(owner.account, person.id, role).await;
        members.push((role, person.id));
        callers.push((role, person.token));
    }
    let stranger = accord.person("Strange").await;
    callers.push(("stranger", stranger.token));
    callers.push(("operator", accord.admin().await));
    callers.push(("accounts:manage", accord.connector("managing", "accounts:manage").await));
    callers.push(("accounts:read", accord.connector("reading", "accounts:read").await));
    callers.push(("portal:write", accord.connector("pushing", "portal:write").await));

    let names = callers.iter().map(|(name, _)| (*name).to_owned());
    let mut rows: Vec<Vec<String>> = vec![std::iter::once("operation".to_owned()).chain(names).collect()];
    let mut number = 0;
    for operation in [
        "create",
        "list",
        "get",
        "get by name",
        "update",
        "invite",
        "add",
        "roles",
        "resend",
        "remove",
        "grant owner",
        "delete",
    ] {
        let mut row = vec![operation.to_owned()];
        for (_, token) in &callers {
            number += 1;
            // A member to work on, fresh for every caller.
            let account = owner.account;
            let invited = json!({ "email": format!("m{number}@example.com"), "roles": ["user"] });
            let users = format!("{}/users", path(account));
            let subject = accord.post(&owner.token, &users, &invited).await.number("id");
            let roles = json!({ "roles": ["user"] });
            let answer = match operation {
                "create" => accord.post(token, "/api/accounts", &json!({ "name": format!("New {number}") })).await,
                "list" => accord.get(token, "/api/accounts").await,
                "get" => accord.get(token, &path(account)).await,
                "get by name" => accord.get(token, "/api/accounts/ACME").await,
                "update" => accord.put(token, &path(account), &json!({ "description": "x" })).await,
                "invite" => {
                    let invited = json!({ "email": format!("n{number}@example.com"), "roles": ["user"] });
                    accord.post(token, &users, &invited).await
                }
                "add" => {
                    accord.delete(&owner.token, &member(account, subject)).await;
                    accord.post(token, &member(account, subject), &roles).await
                }
                "roles" => accord.put(token, &member(account, subject), &roles).await,
                "resend" => {
                    let path = format!("{}/invite", member(account, subject));
                    answer(accord.request_as(token, Method::PUT, &path)).await
                }
                "remove" => accord.delete(token, &member(account, subject)).await,
                "grant owner" => accord.put(token, &member(account, subject), &json!({ "roles": ["owner"] })).await,
                _ => {
                    // An account of its own, in which the caller is what it is in the first.
                    let name = format!("Doomed {number}");
                    let made = accord.post(&owner.token, "/api/accounts", &json!({ "name": name })).await;
                    let doomed = made.number("id");
                    for (role, person) in &members {
                        accord.join(doomed, *person, role).await;
                    }
                    accord.delete(token, &path(doomed)).await
                }
            };
            row.push(answer.status.to_string());
        }
        rows.push(row);
    }
    let table: Vec<_> = rows.iter().map(|row| row.join(" | ")).collect();
    assert_snapshot!("who_may_do_what", table.join("\n"));
}

#[tokio::test]
async fn a_connectors_token_is_a_role_and_a_users_token_is_no_connector() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let refused = accord.patch_accounts(&person.token, &json!({ "a": null })).await;
    assert_eq!(refused.status, 403, "{refused}");
    let bootstrap = accord.token().await;
    assert_eq!(accord.get(&bootstrap, &path(person.account)).await.status, 200, "{CLIENT_ID} is the operator's");
}
