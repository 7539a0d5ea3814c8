//! Limits that know the caller: who is kept out, and who is not.

use accord_tests::accounts::PASSWORD;
use accord_tests::oauth::TOKEN;
use accord_tests::{Accord, CLIENT_ID, CLIENT_SECRET, Options, answer};
use reqwest::Method;
use serde_json::json;

/// Signs up through a proxy that says for whom, one person for each pair of headers, and returns the statuses.
async fn sign_up_for(accord: &Accord, callers: &[&[(&str, &str)]]) -> Vec<u16> {
    accord.token().await;
    let mut statuses = Vec::new();
    for (number, headers) in callers.iter().enumerate() {
        let body = json!({ "email": format!("somebody{number}@example.com"), "password": PASSWORD,
                           "accountName": format!("Account {number}") });
        let request = accord.request(Method::POST, "/api/accounts/signup").json(&body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        statuses.push(answer(request).await.status);
    }
    statuses
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_limit_is_the_callers_own() {
    let options = Options::default().variable("signup_limit", &1).variable("trusted_proxies", &"10.0.0.0/8, 127.0.0.1");
    let accord = Accord::start_with(options).await;
    let statuses = sign_up_for(
        &accord,
        &[
            &[("x-forwarded-for", "192.0.2.1")],
            &[("x-forwarded-for", "192.0.2.1")],
            // Whatever the caller claims, the proxies say who it is.
            &[("x-forwarded-for", "198.51.100.7, 192.0.2.1, 10.1.2.3")],
            &[("forwarded", "for=198.51.100.8;proto=https, for=192.0.2.1")],
            &[("forwarded", "for=\"[2001:db8::1]:4711\"")],
            &[("forwarded", "for=\"[2001:db8::2]\"")],
            &[("forwarded", "for=192.0.2.2")],
        ],
    )
    .await;
    assert_eq!(statuses, [201, 429, 429, 429, 201, 429, 201]);
}

#[tokio::test]
async fn nobody_else_says_for_whom_a_request_is() {
    let options = Options::default().variable("signup_limit", &1).variable("trusted_proxies", &"10.0.0.0/8");
    let accord = Accord::start_with(options).await;
    let statuses = sign_up_for(
        &accord,
        &[&[("x-forwarded-for", "192.0.2.1")], &[("x-forwarded-for", "192.0.2.2")], &[("forwarded", "for=192.0.2.3")]],
    )
    .await;
    assert_eq!(statuses, [201, 429, 429]);
}

#[tokio::test]
async fn who_has_a_secret_that_cannot_be_guessed_is_never_kept_out() {
    let accord = Accord::start_with(Options::default().variable("failed_sign_in_limit", &1)).await;
    accord.token().await;
    let ask = async |secret: &str| {
        let request = accord.request(Method::POST, TOKEN).basic_auth(CLIENT_ID, Some(secret));
        answer(request.form(&[("grant_type", "client_credentials")])).await.status
    };
    let mut guesses = Vec::new();
    for _ in 0..3 {
        guesses.push(ask("a guess").await);
    }
    assert_eq!(guesses, [401, 429, 429]);
    assert_eq!(ask(CLIENT_SECRET).await, 200, "from the address of the guesser, too");
}

#[tokio::test]
async fn guesses_at_a_username_count_together_however_its_account_is_spelt() {
    let accord = Accord::start_with(Options::default().variable("failed_sign_in_limit", &2)).await;
    let customer = accord.make_account(&accord.operator().await, "customer", "standard").await;
    let id = customer.account.to_string();
    let mut guesses = Vec::new();
    for account in [&id, &format!("0{id}"), &format!("+{id}"), "customer", &customer.account_key] {
        guesses.push(accord.sign_in("admin", "a guess at the password", Some(account)).await.status);
    }
    guesses.push(accord.sign_in("admin@Customer.localhost", "a guess at the password", None).await.status);
    assert_eq!(guesses, [400, 400, 429, 429, 429, 429]);
    // Accounts that are none have one count for all.
    let mut nowhere = Vec::new();
    for account in ["900001", "900002", "900003"] {
        nowhere.push(accord.sign_in("admin", "a guess at the password", Some(account)).await.status);
    }
    assert_eq!(nowhere, [400, 400, 429]);
}
