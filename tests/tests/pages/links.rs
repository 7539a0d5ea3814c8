//! Where the links of mails lead: in the right hands, in the wrong ones, and too late.

use std::time::Duration;

use accord_tests::accounts::{PASSWORD, path};
use accord_tests::browser::{Browser, Shown};
use accord_tests::{Accord, Relay, skipped_on_spin};
use insta::assert_snapshot;
use serde_json::json;

const DEAD: &str = "This link does not work any more";

async fn yes(browser: &Browser<'_>, asked: &Shown, action: &str, password: &str) -> Shown {
    browser.send(asked, action, &[("password", password), ("answer", "yes")]).await
}

#[tokio::test]
async fn a_link_is_looked_at_without_being_used_up() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.confined("Acme").await;
    let token = relay.token_for(&person.email, 1).await;
    let browser = accord.browser();
    assert_snapshot!("link", browser.open("/verify-email").await);
    for _ in 0..3 {
        assert_eq!(browser.open_link("/verify-email", &token).await.title(), "Confirm your address");
    }
    for wrong in ["/accept-invitation", "/reset-password", "/undo-email"] {
        let dead = browser.open_link(wrong, &token).await;
        assert_eq!((dead.answer.status, dead.title()), (400, DEAD), "of another purpose");
    }
    assert_snapshot!("dead_link", browser.open_link("/verify-email", "guessed").await);
}

#[tokio::test]
async fn a_squatters_link_gives_the_true_holder_nothing_and_the_squatter_neither() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    // The squatter signs up with the holder's address and a password of the squatter's own.
    let squatter = accord.confined("Squat").await;
    let token = relay.token_for(&squatter.email, 1).await;
    let holder = accord.browser();
    let asked = holder.open_link("/verify-email", &token).await;
    assert!(asked.text().contains("without the password nothing happens"), "{}", asked.text());
    let refused = yes(&holder, &asked, "/verify-email", "the holder's own").await;
    assert_eq!(refused.answer.status, 400);
    assert!(refused.text().contains("Is not right."), "{}", refused.text());
    let me = accord.get(&squatter.token, "/api/me").await;
    assert_eq!(me.json()["emailVerified"], false, "the click has confirmed nothing");
}

#[tokio::test]
async fn somebody_new_accepts_with_a_first_password() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let owner = accord.person("Acme <& Sons>").await;
    accord.invite(&owner, "jane@example.com").await;
    let token = relay.token_for("jane@example.com", 1).await;
    let browser = accord.browser();
    let asked = browser.open_link("/accept-invitation", &token).await;
    assert_snapshot!("invitation_new", asked);
    let refused = yes(&browser, &asked, "/accept-invitation", "jane@example.com").await;
    assert_eq!(refused.answer.status, 400, "{refused}");
    assert_eq!(yes(&browser, &asked, "/accept-invitation", PASSWORD).await.title(), "You are in");
    assert_eq!(yes(&browser, &asked, "/accept-invitation", PASSWORD).await.title(), DEAD, "a link works once");
    let mine = browser.sign_in("jane@example.com", PASSWORD).await;
    assert!(mine.text().contains("Acme <& Sons>"), "{}", mine.text());
}

#[tokio::test]
async fn somebody_known_accepts_with_the_password_or_signed_in() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let (owner, other, jane) = (accord.person("Acme").await, accord.person("Other").await, accord.person("Jane").await);
    // The first mail is the one of the sign-up.
    accord.invite(&owner, &jane.email).await;
    let token = relay.token_for(&jane.email, 2).await;
    let browser = accord.browser();
    let asked = browser.open_link("/accept-invitation", &token).await;
    assert_snapshot!("invitation_known", asked);
    assert_eq!(yes(&browser, &asked, "/accept-invitation", "not the password").await.answer.status, 400);
    assert_eq!(yes(&browser, &asked, "/accept-invitation", PASSWORD).await.title(), "You are in");

    accord.invite(&other, &jane.email).await;
    let token = relay.token_for(&jane.email, 3).await;
    browser.sign_in(&jane.email, PASSWORD).await;
    let asked = browser.open_link("/accept-invitation", &token).await;
    assert!(!asked.form("/accept-invitation").fields.iter().any(|(name, _)| name == "password"), "{asked}");
    let done = browser.send(&asked, "/accept-invitation", &[("answer", "yes")]).await;
    assert_eq!(done.title(), "You are in");
    assert_eq!(accord.get(&jane.token, &path(other.account)).await.status, 200);
}

#[tokio::test]
async fn an_invitation_to_another_mailbox_adds_it_by_the_password_of_who_is_signed_in() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let (owner, jane) = (accord.person("Acme").await, accord.person("Jane").await);
    accord.invite(&owner, "jane.work@example.com").await;
    let token = relay.token_for("jane.work@example.com", 1).await;
    let browser = accord.browser();
    browser.sign_in(&jane.email, PASSWORD).await;
    let asked = browser.open_link("/accept-invitation", &token).await;
    assert!(asked.text().contains("it becomes yours"), "{}", asked.text());
    let without = browser.send(&asked, "/accept-invitation", &[("answer", "yes")]).await;
    assert_eq!(without.answer.status, 400, "it takes the password");
    assert_eq!(yes(&browser, &asked, "/accept-invitation", PASSWORD).await.title(), "You are in");
    assert_eq!(accord.get(&jane.token, &path(owner.account)).await.status, 200);
    relay.mails_to(&jane.email, 2).await;
}

#[tokio::test]
async fn who_refuses_an_invitation_is_not_asked_again() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let owner = accord.person("Acme").await;
    accord.invite(&owner, "jane@example.com").await;
    let token = relay.token_for("jane@example.com", 1).await;
    let browser = accord.browser();
    let asked = browser.open_link("/accept-invitation", &token).await;
    let refused = browser.send(&asked, "/accept-invitation", &[("answer", "no")]).await;
    assert_eq!(refused.title(), "You have refused", "{refused}");
    assert_eq!(yes(&browser, &asked, "/accept-invitation", PASSWORD).await.title(), DEAD);
    let status = "SELECT m.status FROM memberships m JOIN addresses d ON d.person_id = m.person_id
                   WHERE d.key = 'jane@example.com'";
    assert_eq!(accord.store().lines(status), ["refused"]);
    accord.invite(&owner, "jane@example.com").await;
    assert_eq!(accord.store().lines(status), ["refused"]);
}

#[tokio::test]
async fn links_expire() {
    if skipped_on_spin("links are good for hours") {
        return;
    }
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.confined("Acme").await;
    accord.invite(&person, "jane@example.com").await;
    let browser = accord.browser();
    let page = browser.open("/forgot-password").await;
    browser.send(&page, "/forgot-password", &[("email", &person.email)]).await;
    let (verify, reset) = (relay.token_for(&person.email, 1).await, relay.token_for(&person.email, 2).await);
    let invitation = relay.token_for("jane@example.com", 1).await;
    let asked = browser.open_link("/reset-password", &reset).await;
    accord.advance(Duration::from_hours(1)).await;
    assert_eq!(yes(&browser, &asked, "/reset-password", "another_password_456").await.title(), DEAD);
    accord.advance(Duration::from_hours(7 * 24)).await;
    for (page, token) in [("/verify-email", verify), ("/accept-invitation", invitation)] {
        assert_eq!(browser.open_link(page, &token).await.title(), DEAD, "{page}");
    }
}

#[tokio::test]
async fn a_change_of_address_is_confirmed_and_taken_back() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.person("Acme").await;
    let change = json!({ "email": "next@example.com", "password": PASSWORD });
    assert_eq!(accord.post(&person.token, "/api/me/email", &change).await.status, 200);
    let browser = accord.browser();
    let asked = browser.open_link("/change-email", &relay.token_for("next@example.com", 1).await).await;
    assert_snapshot!("change_email", asked);
    assert_eq!(yes(&browser, &asked, "/change-email", PASSWORD).await.title(), "Your address is confirmed");
    assert_eq!(browser.sign_in(&person.email, PASSWORD).await.path, "/sign-in");
    assert_eq!(browser.sign_in("next@example.com", PASSWORD).await.path, "/me");

    // The first mail is the one of the sign-up.
    let undo = relay.token_for(&person.email, 2).await;
    let other = accord.browser();
    let asked = other.open_link("/undo-email", &undo).await;
    assert_snapshot!("undo_email", asked);
    let undone = other.send(&asked, "/undo-email", &[("answer", "yes")]).await;
    assert_eq!(undone.title(), "Your address is yours again", "{undone}");
    assert_eq!(browser.open("/me").await.path, "/sign-in", "every session has ended");
    assert_eq!(other.send(&asked, "/undo-email", &[("answer", "yes")]).await.title(), DEAD);
    let asked = other.open_link("/reset-password", &relay.token_for(&person.email, 3).await).await;
    assert_eq!(yes(&other, &asked, "/reset-password", "another_password_456").await.title(), "The new password is set");
    assert_eq!(other.sign_in(&person.email, "another_password_456").await.path, "/me");
}
