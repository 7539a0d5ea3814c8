//! The authorization endpoint in a browser: what is asked, what is answered, and who is sent nowhere.

use std::time::Duration;

use accord_tests::accounts::{PASSWORD, Person};
use accord_tests::browser::Shown;
use accord_tests::oauth::TOKEN;
use accord_tests::{Accord, CLIENT_ID, CLIENT_SECRET, PUBLIC_URL, answer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

/// Where the relying party of the tests gets its answers.
const CALLBACK: &str = "https://app.example/callback?fixed=1";
/// The challenge of RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The query of a request of a new relying party that belongs to the person's account.
async fn request(accord: &Accord, person: &Person) -> String {
    let body = json!({ "name": "The <App>", "accountId": person.account, "redirectUris": [CALLBACK],
                       "postLogoutRedirectUris": ["https://app.example/bye"] });
    let connector = accord.make_connector(&person.token, &body).await;
    query(&connector.client_id, &[])
}

/// A request's query, with further parameters.
fn query(client_id: &str, more: &[(&str, &str)]) -> String {
    let fixed = [
        ("client_id", client_id),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "a state & more"),
        ("nonce", "a nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = fixed.iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    let mut url = reqwest::Url::parse("http://x").expect("an address");
    url.query_pairs_mut().extend_pairs(kept.chain(more).filter(|(_, value)| !value.is_empty()));
    format!("/oauth/authorize?{}", url.query().expect("a query"))
}

/// The request with other parameters; an empty one is left out.
fn with(path: &str, more: &[(&str, &str)]) -> String {
    let url = reqwest::Url::parse(&format!("http://x{path}")).expect("an address");
    let client_id = url.query_pairs().find(|(name, _)| name == "client_id").expect("a client").1.into_owned();
    query(&client_id, more)
}

/// The parameters of the answer at the redirect URI.
fn answered(shown: &Shown) -> Vec<(String, String)> {
    let location = shown.sent_to().unwrap_or_else(|| panic!("nobody is sent back: {shown}"));
    assert!(location.starts_with(&format!("{CALLBACK}&")), "{location}");
    let url = reqwest::Url::parse(location).expect("an address");
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn error(shown: &Shown) -> String {
    let answer = answered(shown);
    let value = |wanted| answer.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    assert_eq!((value("state"), value("iss"), value("code")), (Some("a state & more"), Some(PUBLIC_URL), None));
    value("error").unwrap_or_default().to_owned()
}

fn is_granted(shown: &Shown) -> bool {
    let names: Vec<_> = answered(shown).into_iter().map(|(name, _)| name).collect();
    names == ["fixed", "code", "state", "iss"]
}

#[tokio::test]
async fn somebody_signs_in_for_a_client_and_is_sent_back() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let path = request(&accord, &person).await;
    let browser = accord.browser();
    let asked = browser.open_from_elsewhere(&path).await;
    assert_snapshot!("sign_in_for_a_client", asked);
    let policy = asked.answer.header("content-security-policy").expect("a policy");
    assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
    let wrong = browser.send(&asked, "/sign-in", &[("name", &person.email), ("password", "not it")]).await;
    assert!(wrong.text().contains("The <App>"), "the request waits: {}", wrong.text());
    let granted = browser.send(&wrong, "/sign-in", &[("name", &person.email), ("password", PASSWORD)]).await;
    assert!(is_granted(&granted), "{granted}");
    // Who is signed in is asked nothing, at either path.
    assert!(is_granted(&browser.open_from_elsewhere(&path).await));
    let realm = path.replace("/oauth/authorize", "/realms/accord/protocol/openid-connect/auth");
    assert!(is_granted(&browser.open_from_elsewhere(&realm).await));
    let codes = accord.store().number("SELECT count(*) FROM refresh_tokens WHERE kind = 'code'");
    assert_eq!(codes, 3);
}

#[tokio::test]
async fn a_code_gets_a_token_of_the_account_once() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let body = json!({ "name": "App", "accountId": person.account, "redirectUris": [CALLBACK] });
    let connector = accord.make_connector(&person.token, &body).await;
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    let granted = answered(&browser.open(&query(&connector.client_id, &[])).await);
    let code = granted.iter().find(|(name, _)| name == "code").expect("a code").1.as_str();
    let redeem = async || {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            // What the challenge of RFC 7636, appendix B, is of.
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        ];
        let request = accord.request(Method::POST, TOKEN).basic_auth(&connector.client_id, Some(&connector.secret));
        answer(request.form(&form)).await
    };
    let issued = redeem().await;
    assert_eq!((issued.status, issued.number("account")), (200, person.account), "{issued}");
    assert!(issued.json()["id_token"].is_string(), "{issued}");
    let again = redeem().await;
    assert_eq!((again.status, again.text("error").as_str()), (400, "invalid_grant"));
    let token = issued.text("access_token");
    assert_eq!(accord.get(&token, "/oauth/userinfo").await.status, 401, "a code that comes twice ends its tokens");
}

#[tokio::test]
async fn a_client_shows_the_id_token_that_it_got_and_no_other_as_a_hint() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let make = async |name: &str| {
        let body = json!({ "name": name, "accountId": person.account, "redirectUris": [CALLBACK],
                           "postLogoutRedirectUris": ["https://app.example/bye"], "idTokenSignedResponseAlg": "ES256" });
        accord.make_connector(&person.token, &body).await
    };
    let (connector, other) = (make("App").await, make("Other").await);
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    let id_token = async || {
        let granted = answered(&browser.open(&query(&connector.client_id, &[])).await);
        let code = granted.iter().find(|(name, _)| name == "code").expect("a code").1.as_str();
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        let form = form.into_iter().chain([("code_verifier", verifier)]).collect::<Vec<_>>();
        let request = accord.request(Method::POST, TOKEN).basic_auth(&connector.client_id, Some(&connector.secret));
        answer(request.form(&form)).await.text("id_token")
    };
    let token = id_token().await;
    assert_ne!(token, id_token().await);
    let hinted = |client_id: &str, token: &str| query(client_id, &[("id_token_hint", token), ("prompt", "none")]);
    assert!(is_granted(&browser.open(&hinted(&connector.client_id, &token)).await));
    assert_eq!(error(&browser.open(&hinted(&other.client_id, &token)).await), "invalid_request", "another's");
    // What it says of the person, in the words of whoever shows it.
    let claims = token.split('.').nth(1).expect("claims");
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("text");
    let forged = claims.replace(&connector.client_id, &other.client_id);
    assert_ne!(forged, claims);
    let forged = token.replacen(token.split('.').nth(1).expect("claims"), &URL_SAFE_NO_PAD.encode(forged), 1);
    assert_eq!(error(&browser.open(&hinted(&other.client_id, &forged)).await), "invalid_request", "forged");

    // An access token's issuer takes it for none, and the other way round.
    assert_eq!(accord.get(&token, "/api/accounts").await.status, 401);
    assert_eq!(error(&browser.open(&hinted(&connector.client_id, &person.token)).await), "invalid_request");

    let bye = |token: &str| {
        format!("/oauth/logout?post_logout_redirect_uri=https://app.example/bye&state=s&id_token_hint={token}")
    };
    let refused = browser.open_from_elsewhere(&bye(&forged)).await;
    assert_eq!((refused.answer.status, refused.sent_to()), (400, None), "{refused}");
    // The keys are ended: what they have signed vouches for nothing, …
    let rotate = accord.request(Method::POST, "/oauth/keys/rotate").basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    assert_eq!(answer(rotate.form(&[("a", "b")])).await.status, 200);
    assert_eq!(error(&browser.open(&hinted(&connector.client_id, &token)).await), "invalid_request", "ended");
    assert_eq!(browser.open_from_elsewhere(&bye(&token)).await.answer.status, 400);
    // … and what the next one signs does, also when it has expired.
    let token = id_token().await;
    accord.advance(Duration::from_hours(2)).await;
    assert_eq!(browser.open_from_elsewhere(&bye(&token)).await.sent_to(), Some("https://app.example/bye?state=s"));
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let path = request(&accord, &person).await;
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    for foreign in [
        "https://evil.example/callback",
        "https://app.example/callback",
        "https://app.example/callback?fixed=1&more=1",
        "https://app.example.evil/callback?fixed=1",
        "http://app.example/callback?fixed=1",
        "",
    ] {
        let shown = browser.open(&with(&path, &[("redirect_uri", foreign)])).await;
        assert_eq!((shown.answer.status, shown.sent_to()), (400, None), "{foreign}: {shown}");
    }
    assert_snapshot!("foreign_redirect", browser.open(&with(&path, &[("redirect_uri", "https://evil.example")])).await);
    assert_snapshot!("unknown_client", browser.open(&query("nobody", &[])).await);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_to_the_client() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let path = request(&accord, &person).await;
    let (browser, nobodys) = (accord.browser(), accord.browser());
    browser.sign_in(&person.email, PASSWORD).await;
    for (more, expected) in [
        ([("response_type", "token")], "unsupported_response_type"),
        ([("response_type", "")], "invalid_request"),
        ([("code_challenge", "")], "invalid_request"),
        ([("code_challenge_method", "plain")], "invalid_request"),
        ([("scope", "profile")], "invalid_scope"),
        ([("prompt", "none login")], "invalid_request"),
        ([("max_age", "soon")], "invalid_request"),
        ([("request", "eyJ")], "request_not_supported"),
        ([("request_uri", "https://app.example/r")], "request_uri_not_supported"),
    ] {
        assert_eq!(error(&browser.open(&with(&path, &more)).await), expected, "{more:?}");
        // Whoever is not signed in may be lured by a stranger's client: that one goes by a link, unless nothing may be asked.
        let shown = nobodys.open_from_elsewhere(&with(&path, &more)).await;
        if more[0].0 == "prompt" {
            assert_eq!(error(&shown), expected, "{more:?}");
        } else {
            assert_eq!((shown.answer.status, shown.sent_to()), (400, None), "{more:?}: {shown}");
            assert!(shown.to_string().contains(&format!("error={expected}&amp;")), "{more:?}: {shown}");
        }
    }
    assert_eq!(error(&nobodys.open(&with(&path, &[("prompt", "none")])).await), "login_required");
    assert_snapshot!("wrong_request", nobodys.open(&with(&path, &[("response_type", "token")])).await);
}

#[tokio::test]
async fn a_program_of_a_device_that_anybody_could_be_is_let_in_by_the_person() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let uri = "http://127.0.0.1/callback";
    let body = json!({ "name": "A program", "accountId": person.account, "redirectUris": [uri], "public": true,
                       "scopes": "accounts:read" });
    let client_id = accord.post(&person.token, "/api/connectors", &body).await.text("clientId");
    let path = query(
        &client_id,
        &[("redirect_uri", "http://127.0.0.1:4711/callback"), ("scope", "openid email accounts:read")],
    );
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    let asked = browser.open_from_elsewhere(&path).await;
    assert_snapshot!("let_a_program_in", asked);
    let silent = browser.open_from_elsewhere(&format!("{path}&prompt=none")).await;
    let location = silent.sent_to().expect("an answer");
    assert!(location.starts_with("http://127.0.0.1:4711/callback?error=consent_required&"), "{location}");
    let granted =
        browser.send(&asked, "/choose-account", &[("account", &person.account.to_string()), ("answer", "")]).await;
    let location = granted.sent_to().expect("an answer");
    assert!(location.starts_with("http://127.0.0.1:4711/callback?code="), "{location}");
}

#[tokio::test]
async fn a_client_has_the_password_asked_for_again() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let path = request(&accord, &person).await;
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    for more in [[("prompt", "login")], [("max_age", "0")]] {
        let asked = browser.open(&with(&path, &more)).await;
        assert_eq!(asked.title(), "Sign in", "{more:?}");
        let granted = browser.send(&asked, "/sign-in", &[("name", &person.email), ("password", PASSWORD)]).await;
        assert!(is_granted(&granted), "{granted}");
    }
    assert!(is_granted(&browser.open(&with(&path, &[("prompt", "none")])).await));
    let hinted = accord.browser().open(&with(&path, &[("login_hint", "jane@example.com")])).await;
    let fields = hinted.form("/sign-in").fields;
    assert!(fields.contains(&("name".to_owned(), "jane@example.com".to_owned())), "{fields:?}");
}

#[tokio::test]
async fn a_request_that_comes_as_a_form_is_the_same() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let path = request(&accord, &person).await;
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    let (endpoint, query) = path.split_once('?').expect("a query");
    let request = browser.request(Method::POST, endpoint).header("sec-fetch-site", "cross-site");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(query.to_owned());
    let resent = answer(request).await;
    assert_eq!(resent.status, 303);
    assert!(is_granted(&browser.open(resent.header("location").expect("a location")).await));
}

#[tokio::test]
async fn what_one_browser_carries_along_is_no_others() {
    let accord = Accord::start().await;
    let (person, other) = (accord.person("Acme").await, accord.person("Other").await);
    let path = request(&accord, &person).await;
    let (browser, foreign) = (accord.browser(), accord.browser());
    browser.sign_in(&person.email, PASSWORD).await;
    foreign.sign_in(&other.email, PASSWORD).await;
    let nothing = foreign.open(&path).await;
    assert_eq!(nothing.title(), "No account for this", "{nothing}");
    // Whoever names the account all the same gets no code for it.
    let fields = nothing.form("/choose-account").with(&[("account", &person.account.to_string()), ("answer", "")]);
    let refused = foreign.post("/choose-account", &fields).await;
    assert_eq!((refused.answer.status, refused.sent_to()), (404, None), "{refused}");
    assert_eq!(error(&foreign.send(&nothing, "/choose-account", &[("answer", "no")]).await), "access_denied");
    // The redirect URI of a form counts no more than that of an address.
    let mut fields = nothing.form("/choose-account").with(&[("account", &person.account.to_string())]);
    let carried = fields.iter_mut().find(|(name, _)| name == "request").expect("the request");
    carried.1 = carried.1.replace("app.example", "evil.example");
    let refused = foreign.post("/choose-account", &fields).await;
    assert_eq!((refused.answer.status, refused.sent_to()), (400, None), "{refused}");
}

#[tokio::test]
async fn a_client_has_somebody_sign_out_who_agrees() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let path = request(&accord, &person).await;
    let client_id = with(&path, &[]).split_once("client_id=").expect("it").1.split('&').next().expect("it").to_owned();
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    let logout = |uri: &str| format!("/oauth/logout?client_id={client_id}&post_logout_redirect_uri={uri}&state=s");
    for foreign in ["https://evil.example/bye", "https://app.example/bye2", "https://app.example/callback?fixed=1"] {
        let refused = browser.open_from_elsewhere(&logout(foreign)).await;
        assert_eq!((refused.answer.status, refused.sent_to()), (400, None), "{foreign}");
    }
    let asked = browser.open_from_elsewhere(&logout("https://app.example/bye")).await;
    assert_snapshot!("logout", asked);
    assert_eq!(browser.open("/me").await.path, "/me", "a link alone signs nobody out");
    let left = browser.send(&asked, "/oauth/logout/confirm", &[]).await;
    assert_eq!(left.sent_to(), Some("https://app.example/bye?state=s"), "{left}");
    assert_eq!(browser.open("/me").await.path, "/sign-in");
    let gone = browser.open_from_elsewhere(&logout("https://app.example/bye")).await;
    assert_eq!(gone.sent_to(), None, "who is signed out already goes on by a link");
    assert_snapshot!("signed_out_already", gone);
}
