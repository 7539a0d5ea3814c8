//! The token endpoint, and the grant of client credentials.

use accord_tests::oauth::TOKEN;
use accord_tests::{Accord, CLIENT_ID, CLIENT_SECRET, Options, answer};
use futures::future::join_all;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn client_credentials_give_a_token_at_each_of_the_three_paths() {
    let accord = Accord::start().await;
    let form = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    for path in ["/oAuth/rest/v2/Token", "/realms/a-realm/protocol/openid-connect/token", TOKEN] {
        let answer = answer(accord.request(Method::POST, path).form(&form)).await;
        assert_eq!(answer.status, 200, "{path}");
        let token = answer.text("access_token");
        assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 200, "{path}");
    }
    assert_snapshot!(answer(accord.request(Method::POST, TOKEN).form(&form)).await, @r#"
    200
    cache-control: no-store
    content-type: application/json
    x-request-id: [uuid]

    {
      "access_token": "[token]",
      "expires_in": 3600,
      "scope": "portal:write AccessManager:Create AccessManager:Read AccessManager:Update AccessUser:Create AccessUser:Read AccessUser:Update accounts:read accounts:manage",
      "token_type": "Bearer"
    }
    "#);
}

#[tokio::test]
async fn a_client_may_authenticate_by_the_header() {
    let accord = Accord::start().await;
    let request = accord.request(Method::POST, TOKEN).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    let answer = answer(request.form(&[("grant_type", "client_credentials"), ("scope", "portal:write")])).await;
    assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!("portal:write")));
}

#[tokio::test]
async fn the_header_may_be_form_encoded_or_not_and_a_wrong_secret_counts_once() {
    const ID: &str = "an+app%20of/ours";
    const SECRET: &str = "one+two%41 three&100%";
    let options = Options::default().variable("bootstrap_client_id", &ID).variable("bootstrap_client_secret", &SECRET);
    let accord = Accord::start_with(options.variable("failed_sign_in_limit", &2)).await;
    let encode = |text: &str| {
        let hexadecimal = |byte: u8| format!("%{byte:02X}");
        text.bytes().map(|byte| if byte == b' ' { "+".to_owned() } else { hexadecimal(byte) }).collect::<String>()
    };
    let get = async |id: &str, secret: &str| {
        let request = accord.request(Method::POST, TOKEN).basic_auth(id, Some(secret));
        answer(request.form(&[("grant_type", "client_credentials")])).await.status
    };
    assert_eq!(get(ID, SECRET).await, 200, "as they stand");
    assert_eq!(get(&encode(ID), &encode(SECRET)).await, 200, "as RFC 6749 has them");
    assert_eq!(get("bootstrap", SECRET).await, 401);
    for expected in [401, 401, 429] {
        assert_eq!(get(ID, "wrong+secret%41").await, expected);
    }
}

#[tokio::test]
async fn scopes_may_be_written_as_in_the_document_of_the_endpoint_api() {
    let accord = Accord::start().await;
    let listed = "AccessManager:Create, Update AccessUser:Create, Update";
    let expected = "AccessManager:Create AccessManager:Update AccessUser:Create AccessUser:Update";
    let form = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    for path in ["/oAuth/rest/v2/Token", TOKEN] {
        let mut form = form.to_vec();
        form.push(("scope", listed));
        let issued = answer(accord.request(Method::POST, path).form(&form)).await;
        assert_eq!(issued.text("scope"), expected, "{issued}");
    }
    let body = json!({ "name": "HR", "scopes": listed });
    let made = accord.post(&accord.admin().await, "/api/connectors", &body).await;
    assert_eq!(made.json()["scopes"], json!(expected.split(' ').collect::<Vec<_>>()), "{made}");
}

#[tokio::test]
async fn a_client_gets_the_scopes_that_it_asks_for_and_holds() {
    let accord = Accord::start().await;
    let crm = json!({ "name": "CRM", "scopes": ["portal:write", "accounts:read"] });
    let crm = accord.make_connector(&accord.admin().await, &crm).await;
    let scope = async |asked: &'static str| {
        let request = accord.request(Method::POST, TOKEN).basic_auth(&crm.client_id, Some(&crm.secret));
        let answer = answer(request.form(&[("grant_type", "client_credentials"), ("scope", asked)])).await;
        let body = answer.json();
        body["scope"].as_str().or(body["error"].as_str()).map(str::to_owned)
    };
    assert_eq!(scope("").await.as_deref(), Some("portal:write accounts:read"));
    assert_eq!(scope("*").await.as_deref(), Some("portal:write accounts:read"));
    assert_eq!(scope("accounts:read").await.as_deref(), Some("accounts:read"));
    assert_eq!(scope("accounts:manage").await.as_deref(), Some("invalid_scope"));
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_client_get_the_same_answer() {
    let accord = Accord::start().await;
    let of = async |client: &'static str| {
        let request = accord.request(Method::POST, TOKEN).basic_auth(client, Some("wrong"));
        answer(request.form(&[("grant_type", "client_credentials")])).await
    };
    let wrong = of(CLIENT_ID).await;
    assert_snapshot!(wrong, @r#"
    401
    cache-control: no-store
    content-type: application/json
    www-authenticate: Basic realm="accord", charset="UTF-8"
    x-request-id: [uuid]

    {
      "error": "invalid_client",
      "error_description": "the credentials are not right"
    }
    "#);
    assert_eq!(of("nobody").await, wrong);
}

#[tokio::test]
async fn requests_that_cannot_be_read_get_the_errors_of_rfc_6749() {
    let accord = Accord::start().await;
    let form = "application/x-www-form-urlencoded";
    let credentials = format!("client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}");
    let mut told = Vec::new();
    for (content_type, body) in [
        (form, String::new()),
        (form, credentials.clone()),
        (form, "grant_type=client_credentials".to_owned()),
        (form, format!("grant_type=implicit&{credentials}")),
        (form, format!("grant_type=authorization_code&{credentials}")),
        (form, format!("grant_type=client_credentials&grant_type=client_credentials&{credentials}")),
        (form, format!("grant_type=client_credentials&scope=nonsense&{credentials}")),
        (form, "x".repeat(20_000)),
        ("application/json", json!({ "grant_type": "client_credentials" }).to_string()),
    ] {
        let request = accord.request(Method::POST, TOKEN).header("content-type", content_type).body(body);
        let answer = answer(request).await;
        let body = answer.json();
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        told.push(format!("{} {}: {}", answer.status, body["error"], body["error_description"]));
    }
    assert_snapshot!(told.join("\n"), @r#"
    400 "invalid_request": "grant_type is missing"
    400 "invalid_request": "grant_type is missing"
    401 "invalid_client": "credentials are missing"
    400 "unsupported_grant_type": "the grant_type must be authorization_code, client_credentials, password or refresh_token"
    400 "invalid_request": "code is missing"
    400 "invalid_request": "grant_type is there twice"
    400 "invalid_scope": "the client does not hold every scope that it asks for"
    413 "invalid_request": "the body may have at most 16384 bytes"
    415 "invalid_request": "the body must be application/x-www-form-urlencoded"
    "#);
}

#[tokio::test]
async fn credentials_in_two_places_are_a_mistake() {
    let accord = Accord::start().await;
    let request = accord.request(Method::POST, TOKEN).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    let form = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    assert_eq!(answer(request.form(&form)).await.json()["error"], "invalid_request");
}

#[tokio::test]
async fn another_method_is_405_and_another_path_404() {
    let accord = Accord::start().await;
    assert_snapshot!(answer(accord.request(Method::GET, TOKEN)).await, @r#"
    405
    allow: POST
    cache-control: no-store
    content-type: application/json
    x-request-id: [uuid]

    {
      "error": "invalid_request",
      "error_description": "the method is not allowed here"
    }
    "#);
    assert_eq!(answer(accord.request(Method::POST, "/oauth/nothing")).await.status, 404);
    assert_eq!(answer(accord.request(Method::POST, "/.well-known/jwks.json")).await.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn answers_name_the_request() {
    let accord = Accord::start().await;
    let one = answer(accord.request(Method::GET, TOKEN)).await;
    let two = answer(accord.request(Method::GET, TOKEN)).await;
    assert!(one.header("x-request-id").is_some() && one.header("x-request-id") != two.header("x-request-id"));
}

#[tokio::test]
async fn guessing_ends_in_429_and_keeps_nobody_else_out() {
    let accord = Accord::start_with(Options::default().variable("failed_sign_in_limit", &3)).await;
    let victim = accord.make_connector(&accord.admin().await, &json!({ "name": "Victim" })).await.client_id;
    let guess = async |client: &str| {
        let request = accord.request(Method::POST, TOKEN).basic_auth(client, Some("a guess"));
        answer(request.form(&[("grant_type", "client_credentials")])).await
    };
    let statuses: Vec<u16> =
        join_all((0..3).map(|_| guess(&victim))).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [401; 3]);
    let refused = guess(&victim).await;
    assert_eq!(refused.status, 429);
    let seconds: u32 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((1..=900).contains(&seconds), "{seconds}");
    // Others at the same address are not slowed.
    assert!(!accord.token().await.is_empty());
    // Beyond ten times the limit the address is known for guessing: a first failure is told so at once …
    for n in 0..30 {
        guess(&format!("guess-{n}")).await;
    }
    assert_eq!(guess("another").await.status, 429);
    // … and who knows a secret still gets in.
    assert!(!accord.token().await.is_empty());
}
