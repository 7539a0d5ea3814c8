//! The members of an account and its invitations, as they are read.

use accord_tests::accounts::{PASSWORD, member, path};
use accord_tests::{Accord, skipped_on_spin};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// The addresses and the statuses of a list of members.
async fn members(accord: &Accord, token: &str, account: i64, query: &str) -> Vec<String> {
    let listed = accord.get(token, &format!("{}/users{query}", path(account))).await;
    assert_eq!(listed.status, 200, "{listed}");
    let shown =
        |one: &Value| format!("{} {}", one["email"].as_str().unwrap_or("-"), one["status"].as_str().expect("a status"));
    let mut members: Vec<_> = listed.json()["value"].as_array().expect("members").iter().map(shown).collect();
    members.sort();
    members
}

#[tokio::test]
async fn a_member_says_who_it_is_what_it_may_do_and_how_it_came() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    accord.invite(&owner, "guest@example.com").await;
    let one = accord.get(&owner.token, &member(owner.account, owner.id)).await;
    let list = accord.get(&owner.token, &format!("{}/users?$count=true", path(owner.account))).await;
    let invited = "?$filter=status%20eq%20'invited'&$select=email,firstName,status,roles,rank,doors,enteredAt";
    let invited = accord.get(&owner.token, &format!("{}/users{invited}", path(owner.account))).await;
    let invitations = "?$select=email,roles,createdAt,expiresAt";
    let invitations = accord.get(&owner.token, &format!("{}/invitations{invitations}", path(owner.account))).await;
    assert_snapshot!("members", format!("{one}\n{list}\n{invited}\n{invitations}").replace(&owner.email, "[owner]"));
}

#[tokio::test]
async fn who_has_a_role_sees_who_has_entered_and_who_manages_sees_all() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let (viewer, gone, left) = (accord.person("V").await, accord.person("G").await, accord.person("L").await);
    for (person, role) in [(&viewer, "viewer"), (&gone, "user"), (&left, "user")] {
        accord.join(owner.account, person.id, role).await;
        accord.user_token(&person.email, PASSWORD, Some(owner.account)).await;
    }
    accord.invite(&owner, "guest@example.com").await;
    assert_eq!(accord.delete(&owner.token, &member(owner.account, gone.id)).await.status, 200);
    assert_eq!(accord.delete(&left.token, &format!("/api/me/accounts/{}", owner.account)).await.status, 200);
    let entered = {
        let mut entered = [format!("{} active", owner.email), format!("{} active", viewer.email)];
        entered.sort();
        entered
    };
    let every = "?$filter=status%20ne%20null";
    for (token, query) in [(&owner.token, ""), (&viewer.token, ""), (&viewer.token, every)] {
        assert_eq!(members(&accord, token, owner.account, query).await, entered, "{query}");
    }
    let all = members(&accord, &owner.token, owner.account, every).await;
    assert_eq!(all.len(), 5);
    for one in [format!("{} removed", gone.email), "guest@example.com invited".to_owned()] {
        assert!(all.contains(&one), "{one}: {all:?}");
    }
    // Who has left is known by what the account had been told, and by nothing else.
    let refused = members(&accord, &owner.token, owner.account, "?$filter=status%20eq%20'refused'").await;
    assert_eq!(refused, ["- refused"]);
    // Nobody else sees anything, and the account looks as if it were not there.
    let stranger = accord.person("Elsewhere").await;
    for list in [
        "users",
        "invitations",
        "identities",
        "records",
        "audit",
        "sources",
        "disagreements",
        "names",
        "joined",
        "precedence",
    ] {
        let here = accord.get(&stranger.token, &format!("{}/{list}", path(owner.account))).await;
        let nowhere = accord.get(&stranger.token, &format!("{}/{list}", path(999_999))).await;
        assert_eq!(here, nowhere);
        assert_eq!((here.status, &here.json()["code"]), (404, &json!("ACCOUNT_NOT_FOUND")));
    }
    for list in
        ["invitations", "identities", "records", "audit", "sources", "disagreements", "names", "joined", "precedence"]
    {
        assert_eq!(accord.get(&viewer.token, &format!("{}/{list}", path(owner.account))).await.status, 403, "{list}");
    }
}

#[tokio::test]
async fn a_list_of_members_does_not_tell_whether_somebody_exists() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let known = accord.person("Elsewhere").await;
    // Each address is bound by a connector, and invited.
    let connector = accord.token().await;
    assert_eq!(accord.patch_accounts(&connector, &json!({ "a": { "name": "A", "id": "1" } })).await.status, 200);
    let users = json!({ "known": { "email": known.email }, "new": { "email": "nobody@example.com" } });
    assert_eq!(accord.patch_users(&connector, &users).await.status, 200);
    assert_eq!(accord.bind(&connector, "1", &json!(["known", "new"])).await.status, 200);
    let admin = accord.admin().await;
    let bound = accord.store().number("SELECT account_id FROM account_identities");
    let told = accord.get(&admin, &format!("{}/users?$filter=status%20ne%20null", path(bound))).await.json();
    let told = told["value"].as_array().expect("members").clone();
    assert_eq!(told.len(), 2);
    for one in &told {
        let told = (&one["status"], &one["email"], &one["name"], &one["roles"], &one["doors"]);
        assert_eq!(told, (&json!("invited"), &json!(null), &json!(null), &json!(["user"]), &json!(["portal"])));
        let id = one["id"].as_i64().expect("an id");
        assert!((1 << 52..1 << 53).contains(&id), "an id of its own, exact in JSON: {id}");
        assert_eq!(accord.get(&admin, &member(bound, id)).await.json(), *one);
        // By it the member is changed and removed.
        assert_eq!(accord.put(&admin, &member(bound, id), &json!({ "roles": ["viewer"] })).await.status, 200);
    }
    // The id of somebody who exists, guessed, is that of nobody.
    for guessed in [known.id, 999_999] {
        assert_eq!(accord.get(&admin, &member(bound, guessed)).await.status, 404);
        assert_eq!(accord.put(&admin, &member(bound, guessed), &json!({ "roles": ["user"] })).await.status, 404);
    }
    for (address, number) in [(known.email.as_str(), 1), ("stranger@example.com", 2)] {
        let id = accord.invite(&owner, address).await;
        let invited = accord.get(&owner.token, &member(owner.account, id)).await.json();
        let told = (&invited["status"], &invited["email"], &invited["name"], &invited["id"]);
        assert_eq!(told, (&json!("invited"), &json!(address), &json!(null), &json!(id)), "{number}");
    }
    // Who comes is known by its own id from then on, and the one that was told leads on.
    let id = told.iter().map(|one| one["id"].as_i64().expect("an id"));
    accord.user_token(&known.email, PASSWORD, Some(bound)).await;
    let mut came = Vec::new();
    for id in id {
        came.push(accord.get(&admin, &member(bound, id)).await.json()["id"].as_i64().expect("an id"));
    }
    assert!(came.contains(&known.id), "{came:?}");
}

#[tokio::test]
async fn an_invitation_that_is_taken_back_works_no_more_and_can_be_given_again() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let id = accord.invite(&owner, "guest@example.com").await;
    let one = format!("{}/invitations/{id}", path(owner.account));
    let shown = accord.get(&owner.token, &one).await;
    assert_eq!((shown.status, shown.text("email")), (200, "guest@example.com".to_owned()));
    assert_eq!(accord.delete(&owner.token, &one).await.status, 200);
    for again in [accord.get(&owner.token, &one).await, accord.delete(&owner.token, &one).await] {
        assert_eq!((again.status, &again.json()["code"]), (404, &json!("USER_NOT_FOUND")), "{again}");
    }
    let mail = accord.store().lines("SELECT text FROM outbox WHERE recipient = 'guest@example.com'").remove(0);
    let token = mail.split_once("#token=").expect("a link").1.trim();
    let body = json!({ "token": token, "password": PASSWORD });
    assert_eq!(accord.submit(accord_tests::accounts::ACCEPT, &body).await.status, 400);
    accord.invite(&owner, "guest@example.com").await;
    // Who has come is no invitation any more.
    let came = accord.person("Elsewhere").await;
    accord.join(owner.account, came.id, "user").await;
    accord.user_token(&came.email, PASSWORD, Some(owner.account)).await;
    let came = format!("{}/invitations/{}", path(owner.account), came.id);
    assert_eq!(accord.delete(&owner.token, &came).await.json()["code"], "NOT_INVITED");
}

#[tokio::test]
async fn an_expired_invitation_is_listed_still() {
    if skipped_on_spin("nobody sets its clock") {
        return;
    }
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    accord.invite(&owner, "guest@example.com").await;
    accord.advance(std::time::Duration::from_hours(8 * 24)).await;
    let token = accord.user_token(&owner.email, PASSWORD, Some(owner.account)).await;
    let listed = accord.get(&token, &format!("{}/invitations", path(owner.account))).await.json();
    assert_eq!(listed["value"][0]["email"], "guest@example.com");
}
