//! The audit: who changed what.

use accord_tests::accounts::{PASSWORD, member, path};
use accord_tests::{Accord, Options, skipped_on_spin};
use insta::assert_snapshot;
use reqwest::Url;
use serde_json::{Value, json};

async fn events(accord: &Accord, token: &str, list: &str) -> Vec<Value> {
    let listed = accord.get(token, list).await;
    assert_eq!(listed.status, 200, "{listed}");
    listed.json()["value"].as_array().expect("events").clone()
}

/// The session of the README, and what comes after it in the life of an account.
#[tokio::test]
async fn the_audit_tells_the_whole_story_of_the_readme() {
    let accord = Accord::start().await;
    let connector = accord.token().await;
    let acme = json!({ "account_123": { "name": "Acme Ltd.", "id": "123456-8" } });
    assert_eq!(accord.patch_accounts(&connector, &acme).await.status, 200);
    let jane = json!({ "user_001": { "email": "jane@example.com" } });
    assert_eq!(accord.patch_users(&connector, &jane).await.status, 200);
    assert_eq!(accord.bind(&connector, "123456-8", &json!(["user_001"])).await.status, 200);
    let sam = json!({ "email": "sam@example.com", "password": "seven green kettles", "accountName": "Kettles" });
    let kettles = accord.submit("/api/accounts/signup", &sam).await.number("accountId");
    let token = accord.user_token("sam@example.com", "seven green kettles", None).await;
    let overseas = accord.post(&token, "/api/accounts", &json!({ "name": "Kettles Overseas" })).await.number("id");
    let renamed = json!({ "acme": { "name": "Acme Oy", "id": "123456-8" } });
    assert_eq!(accord.patch_accounts(&connector, &renamed).await.status, 200);
    let change = json!({ "description": "Abroad", "status": "inactive" });
    let admin = accord.admin().await;
    assert_eq!(accord.put(&admin, &path(overseas), &change).await.status, 200);

    let told = "?$orderby=id&$select=api,actor,actorEmail,action,subject,accountId,before,after,detail";
    let mut story = Vec::new();
    for (who, token, list) in [
        ("the operator", &admin, format!("/api/audit{told}")),
        ("Sam", &token, format!("/api/audit{told}")),
        ("Sam, of Kettles", &token, format!("{}/audit{told}", path(kettles))),
    ] {
        story.push(who.to_owned());
        story.extend(events(&accord, token, &list).await.iter().map(ToString::to_string));
    }
    assert_snapshot!("story", story.join("\n"));
    // Nothing secret is ever in it.
    let whole = accord.store().lines("SELECT coalesce(detail, '') FROM audit").join("\n");
    for secret in ["argon2", "seven green kettles", "$"] {
        assert!(!whole.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn each_event_names_its_request_and_whoever_the_caller_may_see() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let changed = accord.put(&owner.token, &path(owner.account), &json!({ "description": "New" })).await;
    let admin = accord.admin().await;
    assert_eq!(accord.put(&admin, &path(owner.account), &json!({ "description": "Newer" })).await.status, 200);
    let list = format!("{}/audit?$filter=action%20eq%20'updated'", path(owner.account));
    let told = events(&accord, &owner.token, &list).await;
    assert_eq!(told.len(), 2);
    let (newest, oldest) = (&told[0], &told[1]);
    assert_eq!(oldest["requestId"], changed.header("x-request-id").expect("an id"));
    assert_eq!((&oldest["actorUserId"], &oldest["actorEmail"]), (&json!(owner.id), &json!(owner.email)));
    assert_eq!(
        (&oldest["before"], &oldest["after"]),
        (&json!({ "description": null }), &json!({ "description": "New" }))
    );
    // The operator's people are nobody that the account may see.
    let told = (&newest["actor"], &newest["actorUserId"], &newest["actorEmail"]);
    assert_eq!(told, (&json!("user"), &json!(null), &json!(null)));
    let by_operator = events(&accord, &admin, &list).await;
    assert!(by_operator[0]["actorUserId"].is_i64());
    let one = format!("/api/audit/{}", newest["id"]);
    assert_eq!(accord.get(&owner.token, &one).await.json(), *newest);
    let stranger = accord.person("Stranger").await;
    let unseen = accord.get(&stranger.token, &one).await;
    assert_eq!(unseen, accord.get(&stranger.token, "/api/audit/999999").await);
    assert_eq!(unseen.status, 404);
    // Connectors do not read it, whatever their scopes.
    let connector = accord.token().await;
    for path in ["/api/audit", &one, &list] {
        assert_eq!(accord.get(&connector, path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn the_audit_of_an_account_has_that_of_what_it_owns_and_tells_of_what_was_deleted() {
    let accord = Accord::start().await;
    let owner = accord.person("Reseller").await;
    accord.store().execute("UPDATE accounts SET type = 'reseller' WHERE id = ?", [owner.account]);
    let made = accord.post(&owner.token, "/api/accounts", &json!({ "name": "Customer" })).await.number("id");
    let list = format!("{}/audit", path(owner.account));
    let below = events(&accord, &owner.token, &list).await;
    assert!(below.iter().any(|event| event["accountId"] == json!(made) && event["action"] == "created"), "{below:?}");
    assert_eq!(accord.delete(&owner.token, &path(made)).await.status, 200);
    let deleted = events(&accord, &owner.token, &format!("{list}?$filter=action%20eq%20'deleted'")).await;
    assert_eq!(deleted[0]["before"], json!({ "name": "Customer" }));
    assert_eq!(deleted[0]["accountId"], json!(owner.account));
}

#[tokio::test]
async fn a_member_is_told_by_the_id_by_which_the_account_knows_it() {
    let accord = Accord::start().await;
    let (owner, person) = (accord.person("Acme").await, accord.person("Elsewhere").await);
    let told = accord.invite(&owner, &person.email).await;
    let list = format!("{}/audit?$filter=subject%20eq%20'member'%20and%20action%20eq%20'granted'", path(owner.account));
    let granted = events(&accord, &owner.token, &list).await;
    assert_eq!(granted[0]["userId"], json!(told));
    accord.user_token(&person.email, PASSWORD, Some(owner.account)).await;
    assert_eq!(events(&accord, &owner.token, &list).await[0]["userId"], json!(person.id));
    assert_eq!(accord.get(&owner.token, &member(owner.account, person.id)).await.status, 200);
}

#[tokio::test]
async fn the_audit_is_kept_for_as_long_as_the_operator_has_set() {
    if skipped_on_spin("nobody sets its clock") {
        return;
    }
    let accord = Accord::start_with(Options::default().variable("audit_days", &30)).await;
    let owner = accord.person("Acme").await;
    let before = accord.store().number("SELECT count(*) FROM audit");
    accord.advance(std::time::Duration::from_hours(29 * 24)).await;
    let token = accord.user_token(&owner.email, PASSWORD, Some(owner.account)).await;
    assert!(!events(&accord, &token, "/api/audit").await.is_empty());
    assert!(accord.store().number("SELECT count(*) FROM audit") >= before);
    accord.advance(std::time::Duration::from_hours(2 * 24)).await;
    let token = accord.user_token(&owner.email, PASSWORD, Some(owner.account)).await;
    assert!(events(&accord, &token, "/api/audit").await.is_empty(), "what is older is not told");
    // The answer before has it forgotten.
    events(&accord, &token, "/api/audit").await;
    assert_eq!(accord.store().number("SELECT count(*) FROM audit"), 0);
}

#[tokio::test]
async fn a_question_that_costs_much_is_asked_of_an_account_where_there_are_many_events() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    let id = accord.post(&admin, "/api/accounts", &json!({ "name": "Acme" })).await.number("id");
    let many = "INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id, account_id)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
         SELECT 1, 'connector:1', 'portal', 'created', 'accounts', 1, NULL, 'r', 1 FROM n";
    accord.store().execute(many, ());
    let events = async |filter: &str| {
        let url = Url::parse_with_params(&accord.url("/api/audit"), [("$filter", filter)]).expect("an address");
        accord.get(&admin, &format!("/api/audit?{}", url.query().expect("there is a filter"))).await
    };
    let mine = "actorEmail eq 'admin@example.com'";
    assert_eq!(events(mine).await.status, 400, "of all events");
    let of_one = events(&format!("{mine} and accountId eq {id}")).await;
    assert_eq!(of_one.status, 200, "{of_one}");
    let found = of_one.json()["value"].as_array().cloned().unwrap_or_default();
    assert!(!found.is_empty() && found.iter().all(|event| event["accountId"] == id), "{of_one}");
}
