//! What people come for, from the first page to the last, in a real browser: with scripts, and without them where no secret
//! stands behind a `#`.

use std::time::Duration;

use accord_tests::accounts::{Connector, PASSWORD};
use accord_tests::chromium::Chromium;
use accord_tests::oauth::TOKEN;
use accord_tests::{Accord, answer, skipped_on_spin};
use reqwest::Method;
use serde_json::json;

use super::start;

/// Opens a link of a mail, as the mail has it.
async fn open_link(chromium: &Chromium, accord: &Accord, page: &str, token: &str) {
    // A page that differs in nothing but the fragment would not be loaded again.
    chromium.open("about:blank").await;
    chromium.open(&accord.url(&format!("{page}#token={token}"))).await;
}

async fn sign_in(chromium: &Chromium, accord: &Accord, email: &str, password: &str) {
    chromium.open(&accord.url("/sign-in")).await;
    chromium.fill("name", email).await;
    chromium.fill("password", password).await;
    chromium.press("main button").await;
}

/// A client of the operator, the address that it sends browsers to, and the one that it has them sent back to.
async fn client(accord: &Accord) -> (Connector, String, String) {
    let callback = accord.url("/callback");
    let body = json!({ "name": "The App", "accountId": 1, "redirectUris": [callback] });
    let connector = accord.make_connector(&accord.admin().await, &body).await;
    let address = format!(
        "/oauth/authorize?client_id={}&redirect_uri={callback}&response_type=code&scope=openid&state=s&nonce=n\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
        connector.client_id
    );
    (connector, accord.url(&address), callback)
}

#[tokio::test]
async fn somebody_with_three_accounts_chooses_one_for_a_client() {
    let (_relay, accord) = start().await;
    let person = accord.person("Acme").await;
    for name in ["Beta", "Gamma"] {
        let other = accord.person(name).await;
        accord.join(other.account, person.id, "user").await;
        accord.user_token(&person.email, PASSWORD, Some(other.account)).await;
    }
    let (_, address, callback) = client(&accord).await;
    for scripts in [true, false] {
        let chromium = Chromium::start(scripts).await;
        chromium.open(&address).await;
        chromium.fill("name", &person.email).await;
        chromium.fill("password", "not the password").await;
        chromium.press("main button").await;
        chromium.wait_for("Sign in").await;
        chromium.wait_for_text("main", "do not belong together").await;
        chromium.fill("name", &person.email).await;
        chromium.fill("password", PASSWORD).await;
        chromium.press("main button").await;
        chromium.wait_for("Choose an account").await;
        chromium.press("main button[name=account]").await;
        let sent = chromium.wait_for_address(&format!("{callback}?")).await;
        assert!(sent.contains("code=") && sent.contains("state=s") && sent.contains("iss="), "{sent}");
        // Another address than the registered one is told to the person, and nobody is sent there.
        chromium.open(&address.replace("callback&", "elsewhere&")).await;
        assert!(chromium.address().await.contains("/oauth/authorize"), "the browser stays here");
        chromium.open(&accord.url("/me")).await;
        chromium.press("header button").await;
        chromium.wait_for("You are signed out").await;
    }
}

#[tokio::test]
async fn somebody_new_and_somebody_known_accept_and_one_refuses() {
    let (relay, accord) = start().await;
    let (owner, known) = (accord.person("Acme").await, accord.person("Known").await);
    let chromium = Chromium::start(true).await;

    accord.invite(&owner, "new@example.com").await;
    let token = relay.token_for("new@example.com", 1).await;
    open_link(&chromium, &accord, "/accept-invitation", &token).await;
    chromium.wait_for("You are invited").await;
    chromium.fill("password", PASSWORD).await;
    chromium.press("main button[value=yes]").await;
    chromium.wait_for("You are in").await;
    open_link(&chromium, &accord, "/accept-invitation", &token).await;
    chromium.wait_for("This link does not work any more").await;

    accord.invite(&owner, &known.email).await;
    let token = relay.token_for(&known.email, 2).await;
    sign_in(&chromium, &accord, &known.email, PASSWORD).await;
    chromium.wait_for("Your page").await;
    open_link(&chromium, &accord, "/accept-invitation", &token).await;
    chromium.wait_for("You are invited").await;
    chromium.press("main button[value=yes]").await;
    chromium.wait_for("You are in").await;

    accord.invite(&owner, "other@example.com").await;
    let token = relay.token_for("other@example.com", 1).await;
    let stranger = Chromium::start(true).await;
    open_link(&stranger, &accord, "/accept-invitation", &token).await;
    stranger.wait_for("You are invited").await;
    stranger.press("main button[value=no]").await;
    stranger.wait_for("You have refused").await;
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_by_the_link_of_a_mail() {
    let (relay, accord) = start().await;
    let person = accord.person("Acme").await;
    let new = "another horse battery staple";
    // Without scripts the form is sent all the same; the link's secret is copied then, see the other tests.
    for (mails, scripts) in [(2, false), (3, true)] {
        let chromium = Chromium::start(scripts).await;
        chromium.open(&accord.url("/forgot-password")).await;
        chromium.fill("email", &person.email).await;
        chromium.press("main button").await;
        chromium.wait_for("Look into your mailbox").await;
        let token = relay.token_for(&person.email, mails).await;
        if scripts {
            open_link(&chromium, &accord, "/reset-password", &token).await;
            chromium.wait_for("Set a new password").await;
            chromium.fill("password", new).await;
            chromium.press("main button").await;
            chromium.wait_for("The new password is set").await;
            open_link(&chromium, &accord, "/reset-password", &token).await;
            chromium.wait_for("This link does not work any more").await;
            sign_in(&chromium, &accord, &person.email, PASSWORD).await;
            chromium.wait_for_text("main", "do not belong together").await;
            sign_in(&chromium, &accord, &person.email, new).await;
            chromium.wait_for("Your page").await;
        }
    }
}

#[tokio::test]
async fn a_squatter_gains_nothing_when_the_true_holder_opens_the_link() {
    let (relay, accord) = start().await;
    assert_eq!(accord.sign_up("jane@example.com", "Squatted").await.status, 201);
    let token = relay.token_for("jane@example.com", 1).await;
    let chromium = Chromium::start(true).await;
    open_link(&chromium, &accord, "/verify-email", &token).await;
    chromium.wait_for("Confirm your address").await;
    chromium.fill("password", "the true holder knows another one").await;
    chromium.press("main button").await;
    chromium.wait_for_text("main", "not right").await;
    assert!(
        accord.store().lines("SELECT key FROM addresses WHERE key = 'jane@example.com' AND proved_at > 0").is_empty()
    );
}

#[tokio::test]
async fn a_form_without_its_cookie_does_nothing() {
    let (_relay, accord) = start().await;
    let person = accord.person("Acme").await;
    let chromium = Chromium::start(true).await;
    chromium.open(&accord.url("/sign-in")).await;
    chromium.forget_cookies().await;
    chromium.fill("name", &person.email).await;
    chromium.fill("password", PASSWORD).await;
    chromium.press("main button").await;
    chromium.wait_for("This form has expired").await;
    chromium.open(&accord.url("/me")).await;
    chromium.wait_for("Sign in").await;
}

#[tokio::test]
async fn an_expired_link_the_form_of_another_browser_and_a_code_used_twice_do_nothing() {
    if skipped_on_spin("its clock cannot be set") {
        return;
    }
    let (relay, accord) = start().await;
    let owner = accord.person("Acme").await;
    accord.invite(&owner, "late@example.com").await;
    let token = relay.token_for("late@example.com", 1).await;
    accord.advance(Duration::from_hours(8 * 24)).await;
    let chromium = Chromium::start(true).await;
    open_link(&chromium, &accord, "/accept-invitation", &token).await;
    chromium.wait_for("This link does not work any more").await;

    // What one browser was given to send a form with is no good in another.
    let other = Chromium::start(true).await;
    other.open(&accord.url("/sign-in")).await;
    let foreign = other.run("return document.querySelector('main input[type=hidden]').value").await;
    chromium.open(&accord.url("/sign-in")).await;
    chromium.run(&format!("document.querySelector('main input[type=hidden]').value = {foreign}")).await;
    chromium.fill("name", &owner.email).await;
    chromium.fill("password", PASSWORD).await;
    chromium.press("main button").await;
    chromium.wait_for("This form has expired").await;

    let (connector, address, callback) = client(&accord).await;
    chromium.open(&address).await;
    chromium.fill("name", &owner.email).await;
    chromium.fill("password", PASSWORD).await;
    chromium.press("main button").await;
    let sent = chromium.wait_for_address(&format!("{callback}?")).await;
    let code = sent.split(['?', '&']).find_map(|part| part.strip_prefix("code=")).expect("a code").to_owned();
    let redeem = async || {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &callback),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        ];
        let request = accord.request(Method::POST, TOKEN).basic_auth(&connector.client_id, Some(&connector.secret));
        answer(request.form(&form)).await
    };
    let first = redeem().await;
    assert_eq!(first.status, 200, "{first}");
    let is_active = async || accord.introspect(&first.text("access_token")).await.json()["active"] == true;
    assert!(is_active().await);
    let second = redeem().await;
    assert_eq!((second.status, second.text("error").as_str()), (400, "invalid_grant"));
    assert!(!is_active().await, "somebody else had the code, too");
}
