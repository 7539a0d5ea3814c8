//! Invitations: they are mailed, accepted, sent again, and end.

use std::time::Duration;

use accord_tests::accounts::{ACCEPT, PASSWORD, member, path};
use accord_tests::{Accord, Answer, Relay, answer, skipped_on_spin};
use futures::future::join_all;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn an_invitation_is_mailed_and_its_link_works_once() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let owner = accord.person("Acme & <Sons>").await;
    let jane = accord.invite(&owner, "jane@example.com").await;
    let mail = relay.mails_to("jane@example.com", 1).await.remove(0);
    assert_snapshot!("invitation", Answer { status: 200, headers: Vec::new(), body: mail.to_string() });
    let token = relay.token_for("jane@example.com", 1).await;

    // Until it is accepted, the role is no role and nobody can sign in.
    assert_eq!(accord.sign_in("jane@example.com", PASSWORD, None).await.status, 400);
    let weak = accord.submit(ACCEPT, &json!({ "token": token, "password": "123456789012" })).await;
    assert_snapshot!("weak_password", weak);
    let accept = json!({ "token": token, "password": PASSWORD });
    let accepts = (0..5).map(|_| accord.submit(ACCEPT, &accept));
    let mut statuses: Vec<_> = join_all(accepts).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400]);
    assert_snapshot!("invitation_used", accord.submit(ACCEPT, &accept).await);

    let token = accord.user_token("jane@example.com", PASSWORD, None).await;
    let renamed = accord.put(&token, &path(owner.account), &json!({ "description": "x" })).await;
    assert_eq!(renamed.status, 200, "{renamed}");
    let again = format!("{}/invite", member(owner.account, jane));
    let again = answer(accord.request_as(&owner.token, Method::PUT, &again)).await;
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("NOT_INVITED")));
}

#[tokio::test]
async fn an_invitation_sent_again_ends_the_one_before_and_a_late_one_has_expired() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let mut owner = accord.person("Acme").await;
    let jane = accord.invite(&owner, "jane@example.com").await;
    let first = relay.token_for("jane@example.com", 1).await;
    let again = format!("{}/invite", member(owner.account, jane));
    assert_eq!(answer(accord.request_as(&owner.token, Method::PUT, &again)).await.status, 200);
    let second = relay.token_for("jane@example.com", 2).await;
    assert_eq!(accord.submit(ACCEPT, &json!({ "token": first, "password": PASSWORD })).await.status, 400);
    if !skipped_on_spin("an invitation is good for seven days") {
        accord.advance(Duration::from_hours(7 * 24)).await;
        assert_eq!(accord.submit(ACCEPT, &json!({ "token": second, "password": PASSWORD })).await.status, 400);
        owner.token = accord.user_token(&owner.email, PASSWORD, None).await;
    }
    // Setting the status does not stand in for an acceptance.
    assert_eq!(
        accord.put(&owner.token, &member(owner.account, jane), &json!({ "status": "active" })).await.status,
        200
    );
    let status = "SELECT m.status FROM memberships m JOIN addresses d ON d.person_id = m.person_id
                   WHERE d.key = 'jane@example.com'";
    assert_eq!(accord.store().lines(status), ["invited"]);
    assert_eq!(answer(accord.request_as(&owner.token, Method::PUT, &again)).await.status, 200);
    let third = relay.token_for("jane@example.com", 3).await;
    assert_eq!(accord.submit(ACCEPT, &json!({ "token": third, "password": PASSWORD })).await.status, 200);
    // Who is removed takes the invitation along.
    let joe = accord.invite(&owner, "joe@example.com").await;
    let token = relay.token_for("joe@example.com", 1).await;
    let removed = accord.delete(&owner.token, &member(owner.account, joe)).await;
    assert_eq!(removed.status, 200);
    assert_eq!(accord.submit(ACCEPT, &json!({ "token": token, "password": PASSWORD })).await.status, 400);
}

#[tokio::test]
async fn who_has_proved_the_address_accepts_by_the_password_or_by_signing_in_to_the_account() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let (owner, other) = (accord.person("Acme").await, accord.person("Other").await);
    let stranger = accord.person("Strange").await;
    accord.invite(&owner, &stranger.email).await;
    // The first mail verifies the address of the sign-up.
    let token = relay.token_for(&stranger.email, 2).await;
    assert_eq!(accord.sign_in(&stranger.email, PASSWORD, None).await.status, 200, "an offer is nothing to choose");
    let wrong = accord.submit(ACCEPT, &json!({ "token": token, "password": "not the password" })).await;
    assert_snapshot!("not_proved", wrong);
    assert_eq!(accord.submit(ACCEPT, &json!({ "token": token, "password": PASSWORD })).await.status, 200);
    assert_eq!(accord.sign_in(&stranger.email, PASSWORD, None).await.json()["error"], "account_selection_required");

    accord.invite(&other, &stranger.email).await;
    assert_eq!(accord.get(&stranger.token, &path(other.account)).await.status, 404);
    accord.user_token(&stranger.email, PASSWORD, Some(other.account)).await;
    assert_eq!(accord.get(&stranger.token, &path(other.account)).await.status, 200);
}

#[tokio::test]
async fn a_user_is_added_by_whoever_sees_the_user_and_is_unknown_to_everybody_else() {
    let accord = Accord::start().await;
    let (owner, other) = (accord.person("Acme").await, accord.person("Other").await);
    let roles = json!({ "roles": ["user"] });
    let unseen = accord.post(&owner.token, &member(owner.account, other.id), &roles).await;
    assert_snapshot!("user_not_found", unseen);
    let nobody = accord.post(&owner.token, &member(owner.account, 999_999), &roles).await;
    assert_eq!(nobody, unseen);
    let admin = accord.admin().await;
    assert_eq!(accord.post(&admin, &member(owner.account, other.id), &roles).await.status, 200);
    assert_eq!(accord.get(&other.token, &path(owner.account)).await.status, 200);
}

#[tokio::test]
async fn an_invitation_does_not_tell_whether_there_is_somebody_of_the_address() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let known = accord.person("Other").await;
    let newest = accord.invite(&owner, "unknown@example.com").await;
    let told = accord.invite(&owner, &known.email).await;
    assert_eq!(told, newest + 1, "each is told as somebody new");
    let roles = json!({ "roles": ["viewer"] });
    assert_eq!(
        accord.put(&owner.token, &member(owner.account, told), &roles).await.status,
        200,
        "and known by that id"
    );
    accord.user_token(&known.email, PASSWORD, Some(owner.account)).await;
    let removed = accord.delete(&owner.token, &member(owner.account, told)).await;
    assert_eq!(removed.status, 200, "{removed}");
    assert_eq!(accord.get(&known.token, &path(owner.account)).await.status, 404);
}

#[tokio::test]
async fn mails_from_one_account_to_one_address_are_limited() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let jane = accord.invite(&owner, "jane@example.com").await;
    let again = format!("{}/invite", member(owner.account, jane));
    for _ in 0..4 {
        assert_eq!(answer(accord.request_as(&owner.token, Method::PUT, &again)).await.status, 200);
    }
    let refused = answer(accord.request_as(&owner.token, Method::PUT, &again)).await;
    assert_eq!(refused.status, 429, "{refused}");
    assert!(refused.header("retry-after").is_some());
    accord.invite(&accord.person("Other").await, "jane@example.com").await;
}
