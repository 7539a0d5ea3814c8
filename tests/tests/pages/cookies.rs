//! Forms that are really the browser's own: what another site can send, and what it cannot.

use accord_tests::Accord;
use accord_tests::accounts::PASSWORD;
use accord_tests::browser::{Browser, Shown};
use reqwest::Method;

/// What a form that has the right fields gets, sent with these headers.
async fn sent(browser: &Browser<'_>, page: &Shown, headers: &[(&str, &str)], email: &str) -> u16 {
    let fields = page.form("/sign-in").with(&[("name", email), ("password", PASSWORD)]);
    let request = browser.request(Method::POST, "/sign-in").form(&fields);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    accord_tests::answer(request).await.status
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let browser = accord.browser();
    let page = browser.open("/sign-in").await;
    for foreign in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "http://127.0.0.1:3001"),
    ] {
        assert_eq!(sent(&browser, &page, &[foreign], &person.email).await, 403, "{foreign:?}");
    }
    for own in [("sec-fetch-site", "same-origin"), ("origin", accord_tests::PUBLIC_URL)] {
        assert_eq!(sent(&browser, &page, &[own], &person.email).await, 303, "{own:?}");
    }
}

#[tokio::test]
async fn a_token_is_of_one_browser_and_of_one_session() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let (browser, attacker) = (accord.browser(), accord.browser());
    let (page, foreign) = (browser.open("/sign-in").await, attacker.open("/sign-in").await);
    assert_eq!(sent(&browser, &foreign, &[], &person.email).await, 403, "the token of another browser");

    let mine = browser.sign_in(&person.email, PASSWORD).await;
    let before = page.form("/sign-in").with(&[]);
    let refused = browser.post("/me/sessions", &before).await;
    assert_eq!(
        (refused.answer.status, refused.title()),
        (403, "This form has expired"),
        "a token from before the sign-in"
    );
    assert_eq!(browser.open("/me").await.path, "/me");

    // Nor does a cookie help that somebody has put beside the session's.
    browser.set_cookie("accord-form", &attacker.cookie("accord-form").expect("a cookie"));
    assert_eq!(browser.post("/me/sessions", &foreign.form("/sign-in").with(&[])).await.answer.status, 403);
    assert_eq!(browser.send(&mine, "/me/sessions", &[("session", "")]).await.title(), "You are signed out");
}

#[tokio::test]
async fn without_cookies_and_without_a_token_nothing_is_done() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let browser = accord.browser();
    let page = browser.open("/sign-in").await;
    browser.forget_cookies();
    assert_eq!(sent(&browser, &page, &[], &person.email).await, 403);
    for action in [
        "/sign-in",
        "/sign-out",
        "/sign-up",
        "/forgot-password",
        "/verify-email",
        "/change-email",
        "/accept-invitation",
        "/reset-password",
        "/undo-email",
        "/choose-account",
        "/oauth/logout/confirm",
        "/me/names",
        "/me/email",
        "/me/password",
        "/me/sessions",
        "/me/accounts/1",
        "/me/accounts/1/leave",
    ] {
        let page = browser.post(action, &[("email".to_owned(), person.email.clone())]).await;
        assert_eq!((page.answer.status, page.title()), (403, "This form has expired"), "{action}");
        browser.forget_cookies();
    }
}

#[tokio::test]
async fn what_is_no_form_is_refused_with_a_page() {
    let accord = Accord::start().await;
    let browser = accord.browser();
    for (content_type, body, status) in
        [("application/json", "{}".to_owned(), 415), ("application/x-www-form-urlencoded", "x".repeat(33 * 1024), 413)]
    {
        let request = browser.request(Method::POST, "/sign-in").header("content-type", content_type).body(body);
        let refused = accord_tests::answer(request).await;
        assert_eq!(refused.status, status);
        assert!(refused.body.starts_with("<!DOCTYPE html>"), "{refused}");
    }
}
