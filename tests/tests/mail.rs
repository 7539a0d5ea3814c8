//! What goes by mail: invitations, verified addresses and new passwords; and the mail itself.

use accord_tests::{Accord, Answer, Options, PASSWORD, Person, Relay, answer};
use futures::future::join_all;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

const ACCEPT: &str = "/api/accounts/invitations/accept";

async fn send(accord: &Accord, path: &str, body: Value) -> Answer {
    answer(accord.request(Method::POST, path).json(&body)).await
}

/// Invites `email` to the person's account and returns the user's id.
async fn invite(accord: &Accord, person: &Person, email: &str) -> i64 {
    let body = json!({ "email": email, "roles": ["manage"] });
    let invited = accord.post(&person.token, &format!("/api/accounts/{}/users", person.account), &body).await;
    assert_eq!(invited.status, 201, "{invited}");
    invited.json()["id"].as_i64().expect("an id")
}

#[tokio::test]
async fn an_invitation_is_mailed_and_its_link_works_once() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let owner = accord.person("Acme & <Sons>").await;
    let jane = invite(&accord, &owner, "jane@example.com").await;
    let mail = relay.mails_to("jane@example.com", 1).await.remove(0);
    assert_snapshot!("invitation", Answer { status: 200, headers: Vec::new(), body: mail.to_string() });
    let token = relay.token_for("jane@example.com", 1).await;

    // Until it is accepted, the role is no role and nobody can sign in.
    assert_eq!(accord.sign_in("jane@example.com", PASSWORD, None).await.status, 400);
    let weak = send(&accord, ACCEPT, json!({ "token": token, "password": "123456789012" })).await;
    assert_snapshot!("weak_password", weak);
    let accepts = (0..5).map(|_| send(&accord, ACCEPT, json!({ "token": token, "password": PASSWORD })));
    let mut statuses: Vec<_> = join_all(accepts).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400]);
    assert_snapshot!("invitation_used", send(&accord, ACCEPT, json!({ "token": token, "password": PASSWORD })).await);

    let token = accord.user_token("jane@example.com", PASSWORD, None).await;
    let renamed = accord.put(&token, &format!("/api/accounts/{}", owner.account), &json!({ "description": "x" })).await;
    assert_eq!(renamed.status, 200, "{renamed}");
    let again = format!("/api/accounts/{}/users/{jane}/invite", owner.account);
    let again = answer(accord.as_user(Method::PUT, &again, &owner.token)).await;
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("NOT_INVITED")));
}

#[tokio::test]
async fn an_invitation_sent_again_ends_the_one_before_and_a_late_one_has_expired() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let owner = accord.person("Acme").await;
    let jane = invite(&accord, &owner, "jane@example.com").await;
    let first = relay.token_for("jane@example.com", 1).await;
    let again = format!("/api/accounts/{}/users/{jane}/invite", owner.account);
    assert_eq!(answer(accord.as_user(Method::PUT, &again, &owner.token)).await.status, 200);
    let second = relay.token_for("jane@example.com", 2).await;
    assert_eq!(send(&accord, ACCEPT, json!({ "token": first, "password": PASSWORD })).await.status, 400);
    let week = 7 * 24 * 60 * 60 * 1000;
    accord.store().execute("UPDATE one_time_tokens SET expires_at = expires_at - ?", [week]);
    assert_eq!(send(&accord, ACCEPT, json!({ "token": second, "password": PASSWORD })).await.status, 400);
    // Setting the status does not stand in for an acceptance.
    let member = format!("/api/accounts/{}/users/{jane}", owner.account);
    assert_eq!(accord.put(&owner.token, &member, &json!({ "status": "active" })).await.status, 200);
    let status = "SELECT status FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'jane@example.com'";
    assert_eq!(accord.store().lines(status), ["invited"]);
    assert_eq!(answer(accord.as_user(Method::PUT, &again, &owner.token)).await.status, 200);
    let third = relay.token_for("jane@example.com", 3).await;
    assert_eq!(send(&accord, ACCEPT, json!({ "token": third, "password": PASSWORD })).await.status, 200);
    // Who is removed takes the invitation along.
    let joe = invite(&accord, &owner, "joe@example.com").await;
    let token = relay.token_for("joe@example.com", 1).await;
    let removed = accord.delete(&owner.token, &format!("/api/accounts/{}/users/{joe}", owner.account)).await;
    assert_eq!(removed.status, 200);
    assert_eq!(send(&accord, ACCEPT, json!({ "token": token, "password": PASSWORD })).await.status, 400);
}

#[tokio::test]
async fn a_stranger_is_asked_and_proves_the_password() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let owner = accord.person("Acme").await;
    let stranger = accord.person("Strange").await;
    let path = format!("/api/accounts/{}/users/{}", owner.account, stranger.id);
    assert_eq!(accord.post(&owner.token, &path, &json!({ "roles": ["user"] })).await.status, 200);
    assert_eq!(accord.sign_in(&stranger.email, PASSWORD, None).await.status, 200, "there is no account to choose yet");
    // The first mail verifies the address of the sign-up.
    let token = relay.token_for(&stranger.email, 2).await;
    let wrong = send(&accord, ACCEPT, json!({ "token": token, "password": "not the password" })).await;
    assert_snapshot!("not_proved", wrong);
    assert_eq!(send(&accord, ACCEPT, json!({ "token": token, "password": PASSWORD })).await.status, 200);
    assert_eq!(accord.sign_in(&stranger.email, PASSWORD, None).await.json()["error"], "account_selection_required");
    // Whom the caller sees is added at once.
    let other = accord.person("Other").await;
    let admin = accord.admin().await;
    let path = format!("/api/accounts/{}/users/{}", owner.account, other.id);
    assert_eq!(accord.post(&admin, &path, &json!({ "roles": ["user"] })).await.status, 200);
    assert_eq!(accord.get(&other.token, &format!("/api/accounts/{}", owner.account)).await.status, 200);
    let nobody = format!("/api/accounts/{}/users/999999", owner.account);
    assert_snapshot!("user_not_found", accord.post(&owner.token, &nobody, &json!({ "roles": ["user"] })).await);
}

#[tokio::test]
async fn an_address_is_verified_by_its_link() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.person("Acme").await;
    let verified =
        || accord.store().number("SELECT count(*) FROM users WHERE email_verified = 1 AND origin = 'accounts'");
    assert_eq!(verified(), 0);
    let token = relay.token_for(&person.email, 1).await;
    assert_snapshot!("verified", send(&accord, "/api/accounts/email/verify", json!({ "token": token })).await);
    assert_eq!(verified(), 1);
    assert_eq!(send(&accord, "/api/accounts/email/verify", json!({ "token": token })).await.status, 400);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_every_session_ends() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.person("Acme").await;
    let forgot = "/api/accounts/password/forgot";
    let known = send(&accord, forgot, json!({ "email": person.email })).await;
    assert_snapshot!("forgot", known);
    let unknown = send(&accord, forgot, json!({ "email": "nobody@example.com" })).await;
    assert_eq!(unknown.to_string(), known.to_string());
    // At most one a minute.
    assert_eq!(send(&accord, forgot, json!({ "email": person.email })).await.status, 200);
    let token = relay.token_for(&person.email, 2).await;
    let reset = "/api/accounts/password/reset";
    let new = "another_password_456";
    assert_eq!(send(&accord, reset, json!({ "token": token, "password": "short" })).await.status, 400);
    assert_eq!(send(&accord, reset, json!({ "token": token, "password": new })).await.status, 200);
    assert_eq!(send(&accord, reset, json!({ "token": token, "password": new })).await.status, 400);
    assert_eq!(accord.get(&person.token, "/api/accounts").await.status, 401, "the session has ended");
    assert_eq!(accord.sign_in(&person.email, PASSWORD, None).await.status, 400);
    let token = accord.user_token(&person.email, new, None).await;
    assert_eq!(relay.mails_to(&person.email, 2).await.len(), 2);

    let change = "/api/accounts/password/change";
    let wrong = accord.post(&token, change, &json!({ "currentPassword": "wrong", "password": PASSWORD })).await;
    assert_snapshot!("wrong_current_password", wrong);
    let changed = accord.post(&token, change, &json!({ "currentPassword": new, "password": PASSWORD })).await;
    assert_eq!(changed.status, 200, "{changed}");
    assert_eq!(accord.get(&token, "/api/accounts").await.status, 401);
    assert_eq!(accord.sign_in(&person.email, PASSWORD, None).await.status, 200);
}

#[tokio::test]
async fn a_relay_that_is_down_loses_no_mail() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    relay.set_broken(true);
    let owner = accord.person("Acme").await;
    for n in 0..5 {
        invite(&accord, &owner, &format!("guest{n}@example.com")).await;
    }
    let waiting = || accord.store().number("SELECT count(*) FROM outbox");
    assert_eq!(waiting(), 6);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while accord.store().number("SELECT count(*) FROM outbox WHERE last_failure IS NULL") > 0 {
        assert!(std::time::Instant::now() < deadline, "each was tried");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(relay.mails().is_empty());
    relay.set_broken(false);
    // Their time comes, …
    accord.store().execute("UPDATE outbox SET next_attempt_at = 0", ());
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    // … and any request makes for it.
    accord.get(&owner.token, "/api/accounts").await;
    for n in 0..5 {
        assert_eq!(relay.mails_to(&format!("guest{n}@example.com"), 1).await.len(), 1);
    }
    while waiting() > 0 {
        assert!(std::time::Instant::now() < deadline, "what was delivered is gone");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(relay.mails().len(), 6, "each once");
}

#[tokio::test]
async fn without_a_relay_mail_waits() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    invite(&accord, &owner, "jane@example.com").await;
    accord.get(&owner.token, "/api/accounts").await;
    assert_eq!(accord.store().number("SELECT count(*) FROM outbox WHERE attempts = 0"), 2);
}

#[tokio::test]
async fn sign_ups_from_one_address_are_limited() {
    let accord = Accord::start_with(Options::default().variable("signup_limit", &2)).await;
    for n in 0..2 {
        assert_eq!(accord.sign_up(&format!("p{n}@example.org"), &format!("Account {n}")).await.status, 201);
    }
    let refused = accord.sign_up("p3@example.org", "Account 3").await;
    assert_eq!(refused.status, 429, "{refused}");
    assert!(refused.header("retry-after").is_some());
}
