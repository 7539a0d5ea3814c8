//! Sign-up and forgotten passwords by the pages.

use accord_tests::accounts::PASSWORD;
use accord_tests::{Accord, Options, Relay};
use insta::assert_snapshot;

#[tokio::test]
async fn somebody_signs_up_confirms_the_address_and_signs_in() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    accord.token().await;
    let browser = accord.browser();
    let page = browser.open("/sign-up").await;
    assert_snapshot!("sign_up", page);
    let filled = [("account", "Kettles"), ("email", "sam@example.com"), ("password", PASSWORD), ("first_name", "Sam")];
    assert_snapshot!("signed_up", browser.send(&page, "/sign-up", &filled).await);

    // The mail comes from these pages, too.
    let token = relay.token_for("sam@example.com", 1).await;
    let asked = browser.open_link("/verify-email", &token).await;
    assert_snapshot!("verify", asked);
    let done = browser.send(&asked, "/verify-email", &[("password", PASSWORD), ("answer", "yes")]).await;
    assert_eq!(done.title(), "Your address is confirmed", "{done}");
    let mine = browser.sign_in("sam@example.com", PASSWORD).await;
    assert!(mine.text().contains("Kettles") && mine.text().contains("confirmed on"), "{}", mine.text());
}

#[tokio::test]
async fn what_is_wrong_is_told_beside_the_field_and_what_was_right_stays() {
    let accord = Accord::start().await;
    let taken = accord.person("Taken").await;
    let browser = accord.browser();
    let page = browser.open("/sign-up").await;
    let bad = [("account", " "), ("email", "nobody"), ("password", "short"), ("first_name", "<Sam>")];
    assert_snapshot!("sign_up_refused", browser.send(&page, "/sign-up", &bad).await);
    let name = [("account", "taken"), ("email", "new@example.com"), ("password", PASSWORD)];
    let refused = browser.send(&page, "/sign-up", &name).await;
    assert!(refused.text().contains("There is an account of this name already."), "{}", refused.text());
    let address = [("account", "New"), ("email", taken.email.as_str()), ("password", PASSWORD)];
    let refused = browser.send(&page, "/sign-up", &address).await;
    assert_eq!(refused.answer.status, 400);
    assert!(refused.text().contains("This address cannot be used."), "{}", refused.text());
}

#[tokio::test]
async fn a_forgotten_password_is_asked_for_with_the_same_answer_whosever_the_address_is() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.person("Acme").await;
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    let other = accord.browser();
    let page = other.open("/forgot-password").await;
    let known = other.send(&page, "/forgot-password", &[("email", &person.email)]).await;
    assert_snapshot!("forgot", known);
    let unknown = other.send(&page, "/forgot-password", &[("email", "nobody@example.com")]).await;
    assert_eq!(unknown.answer, known.answer);

    // The first mail is the one of the sign-up.
    let token = relay.token_for(&person.email, 2).await;
    let asked = other.open_link("/reset-password", &token).await;
    assert_snapshot!("reset", asked);
    let answered = async |password: &str| {
        other.send(&asked, "/reset-password", &[("password", password), ("answer", "yes")]).await
    };
    let refused = answered("short").await;
    assert!(refused.text().contains("Must have at least 12 characters."), "{}", refused.text());
    assert_eq!(answered("another_password_456").await.title(), "The new password is set");
    assert_eq!(answered("a_third_password_789").await.title(), "This link does not work any more");
    assert_eq!(browser.open("/me").await.path, "/sign-in", "every session has ended");
    assert_eq!(other.sign_in(&person.email, "another_password_456").await.path, "/me");
}

#[tokio::test]
async fn sign_ups_and_mails_are_limited_by_the_address_of_the_caller() {
    let accord = Accord::start_with(Options::default().variable("signup_limit", &1)).await;
    accord.token().await;
    let browser = accord.browser();
    for (path, fields) in [
        ("/forgot-password", vec![("email", "a@example.com")]),
        ("/sign-up", vec![("account", "A"), ("email", "a@example.com"), ("password", PASSWORD)]),
    ] {
        let page = browser.open(path).await;
        assert_eq!(browser.send(&page, path, &fields).await.answer.status, 200);
        let limited = browser.send(&page, path, &fields).await;
        assert_eq!((limited.answer.status, limited.title()), (429, "Too many attempts"));
    }
}
