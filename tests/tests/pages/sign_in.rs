//! Signing in and out by the pages.

use accord_tests::accounts::PASSWORD;
use accord_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Accord, Options, answer, skipped_on_spin};
use insta::assert_snapshot;
use reqwest::Method;

const SESSION: &str = "accord-session";

#[tokio::test]
async fn somebody_signs_in_and_out() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let browser = accord.browser();
    assert_snapshot!("sign_in", browser.open("/sign-in").await);
    let mine = browser.sign_in(&person.email, PASSWORD).await;
    assert_eq!((mine.path.as_str(), mine.title()), ("/me", "Your page"), "{mine}");
    assert_eq!(browser.open("/sign-in").await.path, "/me", "who is signed in need not");

    let secret = browser.cookie(SESSION).expect("a session");
    let out = browser.send(&mine, "/sign-out", &[]).await;
    assert_snapshot!("signed_out", out);
    assert_eq!(browser.cookie(SESSION), None);
    // Whoever has kept the cookie has kept nothing.
    browser.set_cookie(SESSION, &secret);
    assert_eq!(browser.open("/me").await.path, "/sign-in");
}

#[tokio::test]
async fn who_has_started_it_signs_in_as_soon_as_it_is_ready() {
    let accord = Accord::start().await;
    assert_eq!(answer(accord.request(Method::GET, "/health/ready")).await.status, 200);
    let mine = accord.browser().sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await;
    assert!(mine.text().contains("Operator"), "{mine}");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_page() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let browser = accord.browser();
    let wrong = browser.sign_in(&person.email, "not the password").await;
    assert_snapshot!("wrong_password", wrong);
    let unknown = browser.sign_in("nobody@example.com", "not the password").await;
    let body = |page: accord_tests::browser::Shown, name: &str| page.answer.body.replace(name, "[name]");
    assert_eq!(body(unknown, "nobody@example.com"), body(wrong, &person.email));
    assert_eq!(browser.cookie(SESSION), None);
}

#[tokio::test]
async fn a_username_signs_in_with_its_account() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let made = accord.make_account(&operator, "reseller", "reseller").await;
    let browser = accord.browser();
    assert_eq!(browser.sign_in("admin", &made.password).await.path, "/sign-in", "a username alone is nobody's");
    let mine = browser.sign_in("admin@reseller.localhost", &made.password).await;
    assert_eq!(mine.path, "/me", "{mine}");
}

#[tokio::test]
async fn guesses_are_limited_as_at_the_token_endpoint() {
    let accord = Accord::start_with(Options::default().variable("failed_sign_in_limit", &2)).await;
    let person = accord.person("Acme").await;
    let browser = accord.browser();
    assert_eq!(browser.sign_in(&person.email, "a first guess").await.answer.status, 400);
    assert_eq!(accord.sign_in(&person.email, "a second guess", None).await.status, 400);
    let limited = browser.sign_in(&person.email, "a third guess").await;
    assert_eq!((limited.answer.status, limited.title()), (429, "Too many attempts"), "{limited}");
    assert!(limited.answer.header("retry-after").is_some());
    assert_eq!(accord.sign_in(&person.email, "a fourth guess", None).await.status, 429);
}

#[tokio::test]
async fn a_session_that_somebody_has_put_into_the_browser_is_not_the_one_that_is_signed_in() {
    let accord = Accord::start().await;
    let (person, attacker) = (accord.person("Acme").await, accord.person("Other").await);
    let theirs = accord.browser();
    theirs.sign_in(&attacker.email, PASSWORD).await;
    let planted = theirs.cookie(SESSION).expect("a session");

    let browser = accord.browser();
    browser.set_cookie(SESSION, &planted);
    let page = browser.open("/me").await;
    browser.send(&page, "/sign-out", &[]).await;
    browser.sign_in(&person.email, PASSWORD).await;
    assert_ne!(browser.cookie(SESSION).as_deref(), Some(planted.as_str()));
    assert_eq!(theirs.open("/me").await.path, "/sign-in", "the attacker is signed in nowhere");
}

#[tokio::test]
async fn a_session_ends_with_the_password_and_by_itself() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    let change = serde_json::json!({ "currentPassword": PASSWORD, "password": "another_password_456" });
    assert_eq!(accord.post(&person.token, "/api/me/password", &change).await.status, 200);
    assert_eq!(browser.open("/me").await.path, "/sign-in");

    browser.sign_in(&person.email, "another_password_456").await;
    assert_eq!(browser.open("/me").await.path, "/me");
    if !skipped_on_spin("a session is good for days") {
        accord.advance(std::time::Duration::from_hours(24 * 400)).await;
        assert_eq!(browser.open("/me").await.path, "/sign-in");
    }
}
