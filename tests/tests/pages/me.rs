//! What a person has here.

use accord_tests::accounts::{PASSWORD, path};
use accord_tests::{Accord, Relay};
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn a_person_sees_what_is_the_persons() {
    let accord = Accord::start().await;
    let (person, other) = (accord.person("Acme").await, accord.person("<b>Other</b>").await);
    accord.invite(&other, &person.email).await;
    let browser = accord.browser();
    assert_eq!(browser.open("/me").await.path, "/sign-in", "who is signed in nowhere signs in");
    let mine = browser.sign_in(&person.email, PASSWORD).await;
    let text = mine.text();
    for shown in ["Acme", "<b>Other</b>", "owner", &person.email, "This browser"] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    assert!(mine.answer.body.contains("<q>&lt;b&gt;Other&lt;/b&gt;</q>"), "an offer's name is quoted");
}

#[tokio::test]
async fn names_are_changed_and_cleared() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let browser = accord.browser();
    let mine = browser.sign_in(&person.email, PASSWORD).await;
    let fields = [("name", "John “Jack” Doe"), ("first_name", ""), ("last_name", " Doe ")];
    let changed = browser.send(&mine, "/me/names", &fields).await;
    assert!(changed.text().contains("Your names are saved."), "{}", changed.text());
    let me = accord.get(&person.token, "/api/me").await.json();
    assert_eq!(
        (&me["name"], &me["firstName"], &me["lastName"]),
        (&json!("John “Jack” Doe"), &json!(null), &json!("Doe"))
    );
    let long = "x".repeat(101);
    let refused = browser.send(&changed, "/me/names", &[("last_name", &long)]).await;
    assert_eq!(refused.answer.status, 400);
    assert!(refused.text().contains("Must have at most 100 characters."), "{}", refused.text());
}

#[tokio::test]
async fn what_is_dangerous_takes_the_password() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let (person, other) = (accord.person("Acme").await, accord.person("Other").await);
    accord.join(other.account, person.id, "user").await;
    accord.user_token(&person.email, PASSWORD, Some(other.account)).await;
    let browser = accord.browser();
    let mine = browser.sign_in(&person.email, PASSWORD).await;

    let wrong = [("email", "next@example.com"), ("password", "not the password")];
    assert_eq!(browser.send(&mine, "/me/email", &wrong).await.answer.status, 400);
    let right = [("email", "next@example.com"), ("password", PASSWORD)];
    let asked = browser.send(&mine, "/me/email", &right).await;
    assert!(asked.text().contains("A mail with a link is on its way"), "{}", asked.text());
    relay.token_for("next@example.com", 1).await;

    let leave = format!("/me/accounts/{}/leave", other.account);
    let page = browser.open(&leave).await;
    assert_snapshot!("leave", page);
    assert_eq!(browser.send(&page, &leave, &[("password", "not the password")]).await.answer.status, 400);
    assert_eq!(accord.get(&person.token, &path(other.account)).await.status, 200);
    let left = browser.send(&page, &leave, &[("password", PASSWORD)]).await;
    assert!(left.text().contains("you do not belong to it"), "{}", left.text());
    assert_eq!(accord.get(&person.token, &path(other.account)).await.status, 404);

    let wrong = [("current", "not the password"), ("password", "another_password_456")];
    assert_eq!(browser.send(&mine, "/me/password", &wrong).await.answer.status, 400);
    let right = [("current", PASSWORD), ("password", "another_password_456")];
    assert_eq!(browser.send(&mine, "/me/password", &right).await.title(), "The password is changed");
    assert_eq!(browser.open("/me").await.path, "/sign-in");
    assert_eq!(browser.sign_in(&person.email, "another_password_456").await.path, "/me");
}

#[tokio::test]
async fn the_last_owner_cannot_leave() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    let leave = format!("/me/accounts/{}/leave", person.account);
    let page = browser.open(&leave).await;
    let refused = browser.send(&page, &leave, &[("password", PASSWORD)]).await;
    assert_eq!(refused.answer.status, 400, "{refused}");
    assert!(refused.text().contains("You are its last owner"), "{}", refused.text());
}

#[tokio::test]
async fn an_offer_is_joined_or_refused_and_nothing_else_is() {
    let accord = Accord::start().await;
    let (person, one, other) = (accord.person("Acme").await, accord.person("One").await, accord.person("Other").await);
    accord.invite(&one, &person.email).await;
    accord.invite(&other, &person.email).await;
    let browser = accord.browser();
    let mine = browser.sign_in(&person.email, PASSWORD).await;
    let answer = async |account: i64, answer: &str| {
        let action = format!("/me/accounts/{account}");
        let fields = mine.form("/me/names").with(&[("answer", answer)]);
        browser.post(&action, &fields).await
    };
    assert!(answer(one.account, "yes").await.text().contains("You have joined the account."));
    assert_eq!(accord.get(&person.token, &path(one.account)).await.status, 200);
    assert!(answer(other.account, "no").await.text().contains("you do not belong to it"));
    assert_eq!(accord.get(&person.token, &path(other.account)).await.status, 404);
    for (account, word) in
        [(other.account, "yes"), (one.account, "no"), (person.account, "no"), (1, "yes"), (99_999, "yes")]
    {
        assert_eq!(answer(account, word).await.answer.status, 404, "{account} {word}: it is not offered");
    }
    assert_eq!(
        accord.get(&person.token, &path(person.account)).await.status,
        200,
        "one's own is left by its page alone"
    );
}

#[tokio::test]
async fn sessions_are_ended_one_by_one_and_everywhere() {
    let accord = Accord::start().await;
    let (person, stranger) = (accord.person("Acme").await, accord.person("Other").await);
    let (browser, other, foreign) = (accord.browser(), accord.browser(), accord.browser());
    browser.sign_in(&person.email, PASSWORD).await;
    let theirs = other.sign_in(&person.email, PASSWORD).await;
    let outside = foreign.sign_in(&stranger.email, PASSWORD).await;
    let ids = |page: &accord_tests::browser::Shown| -> Vec<String> {
        let forms = page.forms().into_iter().filter(|form| form.action == "/me/sessions");
        let field = |form: accord_tests::browser::Form| form.fields.into_iter().find(|(name, _)| name == "session");
        forms.filter_map(field).map(|(_, id)| id).collect()
    };
    let listed = ids(&browser.open("/me").await);
    // Two browsers, and what the test itself has signed in by.
    assert_eq!(listed.len(), 3, "{listed:?}");
    for id in &listed {
        let refused = foreign.send(&outside, "/me/sessions", &[("session", id)]).await;
        assert_eq!(refused.answer.status, 404, "it is nobody else's");
    }
    let token = accord.sign_in(&person.email, PASSWORD, Some("Acme")).await;
    let ended = other.send(&theirs, "/me/sessions", &[("session", "")]).await;
    assert_eq!(ended.title(), "You are signed out");
    assert_eq!(browser.open("/me").await.path, "/sign-in");
    assert_eq!(accord.refresh(&token.text("refresh_token")).await.status, 400);
    assert_eq!(accord.get(&token.text("access_token"), "/api/me").await.status, 401);
    assert_eq!(foreign.open("/me").await.path, "/me");
}
