//! Every page can be used by everybody: WCAG 2.2 AA, as far as axe-core finds it, light and dark, wide and narrow.

use accord_tests::accounts::PASSWORD;
use accord_tests::chromium::Chromium;
use accord_tests::{Accord, Options, Relay};
use serde_json::json;

/// Fails if anything is in anybody's way on the page.
async fn assert_open(chromium: &Chromium, page: &str) {
    for (scheme, width) in [("light", 1000), ("dark", 320)] {
        chromium.show(scheme, width).await;
        assert_eq!(chromium.obstacles().await, Vec::<String>::new(), "{page}, {scheme}");
    }
}

#[tokio::test]
async fn nothing_is_in_anybodys_way() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(Options { is_where_it_listens: true, ..relay.options() }).await;
    let person = accord.person("Acme").await;
    for number in 1..=10 {
        let other = accord.person(&format!("Branch {number}")).await;
        accord.join(other.account, person.id, "user").await;
        accord.user_token(&person.email, PASSWORD, Some(other.account)).await;
    }
    let other = accord.person("A rather long name of an account that offers something").await;
    accord.invite(&other, &person.email).await;
    let chromium = Chromium::start(true).await;
    for page in ["/", "/sign-in", "/sign-up", "/forgot-password", "/verify-email", "/oauth/authorize", "/reference"] {
        chromium.open(&accord.url(page)).await;
        assert_open(&chromium, page).await;
    }
    chromium.open(&accord.url("/sign-up")).await;
    for (name, text) in [("account", "Acme"), ("email", "a@example.com"), ("password", "short")] {
        chromium.fill(name, text).await;
    }
    chromium.press("main button").await;
    assert_open(&chromium, "a form that was refused").await;

    // The second mail: the first is the one of the sign-up.
    let token = relay.token_for(&person.email, 2).await;
    chromium.open(&accord.url(&format!("/accept-invitation#token={token}"))).await;
    chromium.wait_for("You are invited").await;
    assert_open(&chromium, "an invitation").await;

    chromium.open(&accord.url("/sign-in")).await;
    chromium.fill("name", &person.email).await;
    chromium.fill("password", PASSWORD).await;
    chromium.press("main button").await;
    chromium.wait_for("Your page").await;
    assert_open(&chromium, "/me").await;
    chromium.open(&accord.url(&format!("/me/accounts/{}/leave", person.account))).await;
    assert_open(&chromium, "leave").await;

    let body = json!({ "name": "The App", "redirectUris": ["http://127.0.0.1/callback"] });
    let client_id = accord.make_connector(&accord.admin().await, &body).await.client_id;
    let request = format!(
        "/oauth/authorize?client_id={client_id}&redirect_uri=http://127.0.0.1/callback&response_type=code&scope=openid\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    );
    chromium.open(&accord.url(&request)).await;
    chromium.wait_for("Choose an account").await;
    assert_open(&chromium, "the choice of an account").await;
}
