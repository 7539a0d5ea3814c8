//! The token endpoint, the keys and the metadata.

use accord_tests::{Accord, CLIENT_ID, CLIENT_SECRET, Options, answer};
use futures::future::join_all;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

const TOKEN: &str = "/oauth/token";

#[tokio::test]
async fn client_credentials_give_a_token_at_each_of_the_three_paths() {
    let accord = Accord::start().await;
    let form = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    for path in ["/oAuth/rest/v2/Token", "/realms/a-realm/protocol/openid-connect/token", TOKEN] {
        let answer = answer(accord.request(Method::POST, path).form(&form)).await;
        assert_eq!(answer.status, 200, "{path}");
        let token = answer.json()["access_token"].as_str().map(str::to_owned).expect("a token");
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
      "scope": "portal:write AccessManager:Create AccessManager:Update AccessUser:Create AccessUser:Update accounts:read accounts:manage",
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
async fn a_client_gets_the_scopes_that_it_asks_for_and_holds() {
    let accord = Accord::start().await;
    accord.connector("crm", "portal:write accounts:read").await;
    let scope = async |asked: &'static str| {
        let secret = "the secret of crm, which is a long one";
        let request = accord.request(Method::POST, TOKEN).basic_auth("crm", Some(secret));
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
        answer(request.form(&[("grant_type", "client_credentials")])).await.to_string()
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
    400 "unsupported_grant_type": "the grant_type must be client_credentials, password or refresh_token"
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
async fn the_keys_are_published_and_no_private_one_is() {
    let accord = Accord::start().await;
    let answer = answer(accord.request(Method::GET, "/.well-known/jwks.json")).await;
    let keys = answer.json();
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
    );
    assert!(key["kid"].is_string() && key["x"].is_string() && key.get("d").is_none());
    // The first token is signed by the key that was there before it.
    accord.token().await;
    let after = accord_tests::answer(accord.request(Method::GET, "/.well-known/jwks.json")).await.json();
    assert_eq!(after, keys);
}

#[tokio::test]
async fn the_metadata_is_that_of_rfc_8414() {
    let accord = Accord::start().await;
    let path = "/.well-known/oauth-authorization-server";
    assert_snapshot!(answer(accord.request(Method::GET, path)).await, @r#"
    200
    content-type: application/json
    x-request-id: [uuid]

    {
      "grant_types_supported": [
        "client_credentials",
        "password",
        "refresh_token"
      ],
      "introspection_endpoint": "http://127.0.0.1:3000/oauth/introspect",
      "issuer": "http://127.0.0.1:3000",
      "jwks_uri": "http://127.0.0.1:3000/.well-known/jwks.json",
      "response_types_supported": [],
      "revocation_endpoint": "http://127.0.0.1:3000/oauth/revoke",
      "scopes_supported": [
        "portal:write",
        "AccessManager:Create",
        "AccessManager:Update",
        "AccessUser:Create",
        "AccessUser:Update",
        "accounts:read",
        "accounts:manage"
      ],
      "token_endpoint": "http://127.0.0.1:3000/oauth/token",
      "token_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "none"
      ]
    }
    "#);
}

#[tokio::test]
async fn every_algorithm_signs_tokens_that_are_taken() {
    for (algorithm, kind) in [("EdDSA", "OKP"), ("ES256", "EC"), ("RS256", "RSA")] {
        let accord = Accord::start_with(Options::default().variable("signing_algorithm", &algorithm)).await;
        let token = accord.token().await;
        assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 200, "{algorithm}");
        let keys = answer(accord.request(Method::GET, "/.well-known/jwks.json")).await.json();
        assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["alg"]), (&json!(kind), &json!(algorithm)));
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            assert!(keys["keys"][0].get(private).is_none(), "{algorithm}: {private}");
        }
    }
}

#[tokio::test]
async fn while_a_key_is_replaced_both_verify() {
    let options = Options::default().variable("signing_key_lifetime", &2);
    let accord = Accord::start_with(options).await;
    let old = accord.token().await;
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let new = accord.token().await;
    let kid = |token: &str| token.split('.').next().map(str::to_owned);
    assert_ne!(kid(&old), kid(&new), "another key signs");
    let keys = answer(accord.request(Method::GET, "/.well-known/jwks.json")).await.json();
    assert!(keys["keys"].as_array().is_some_and(|keys| keys.len() >= 2), "{keys}");
    for token in [old, new] {
        assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn a_key_whose_private_half_is_lost_is_replaced() {
    let mut accord = Accord::start_with(Options { process: true, ..Options::default() }).await;
    let old = accord.token().await;
    accord.kill();
    accord.lose_keys();
    accord.kill_and_restart().await;
    let new = accord.token().await;
    for token in [old, new] {
        assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn first_requests_at_once_make_one_operator_and_one_key() {
    let accord = Accord::start().await;
    let tokens = join_all((0..24).map(|_| accord.token())).await;
    let key_ids: std::collections::HashSet<_> = tokens.iter().map(|token| token.split('.').next()).collect();
    assert_eq!(key_ids.len(), 1);
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts"), 1);
    assert_eq!(accord.store().number("SELECT count(*) FROM signing_keys"), 1);
}

#[tokio::test]
async fn no_secret_is_stored_as_it_is() {
    let accord = Accord::start().await;
    accord.token().await;
    let store = accord.store();
    for text in store.lines("SELECT secret_hash FROM connectors UNION ALL SELECT password_hash FROM users") {
        assert!(text.starts_with("$sha256$") || text.starts_with("$argon2id$"), "{text}");
        assert!(!text.contains(CLIENT_SECRET));
    }
}

#[tokio::test]
async fn a_short_chosen_client_secret_works_and_is_kept_as_argon2id() {
    let mut options = Options::default();
    options.variables.push(("bootstrap_client_secret", "short".to_owned()));
    let accord = Accord::start_with(options).await;
    accord.token_of(CLIENT_ID, "short").await;
    assert!(accord.store().lines("SELECT secret_hash FROM connectors")[0].starts_with("$argon2id$"));
}

#[tokio::test]
async fn guessing_ends_in_429_and_keeps_nobody_else_out() {
    let accord = Accord::start_with(Options::default().variable("failed_sign_in_limit", &3)).await;
    accord.connector("victim", "portal:write").await;
    let guess = async |client: &'static str| {
        let request = accord.request(Method::POST, TOKEN).basic_auth(client, Some("a guess"));
        answer(request.form(&[("grant_type", "client_credentials")])).await
    };
    let statuses: Vec<u16> =
        join_all((0..3).map(|_| guess("victim"))).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [401; 3]);
    let refused = guess("victim").await;
    assert_eq!(refused.status, 429);
    let seconds: u32 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((1..=900).contains(&seconds), "{seconds}");
    // Others at the same address are not slowed.
    assert!(!accord.token().await.is_empty());
    // Beyond ten times the limit the address is known for guessing: a first failure is told so at once …
    for n in 0..30 {
        let name: &'static str = Box::leak(format!("guess-{n}").into_boxed_str());
        guess(name).await;
    }
    assert_eq!(guess("another").await.status, 429);
    // … and who knows a secret still gets in.
    assert!(!accord.token().await.is_empty());
}

#[tokio::test]
async fn answers_name_the_request() {
    let accord = Accord::start().await;
    let one = answer(accord.request(Method::GET, TOKEN)).await;
    let two = answer(accord.request(Method::GET, TOKEN)).await;
    assert!(one.header("x-request-id").is_some() && one.header("x-request-id") != two.header("x-request-id"));
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_is_503_and_not_a_500() {
    for (name, value) in
        [("signing_algorithm", "none"), ("access_token_lifetime", "an hour"), ("admin_email", "nobody")]
    {
        let mut options = Options::default();
        options.variables.push((name, value.to_owned()));
        let accord = Accord::start_with(options).await;
        let form = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        let answer = answer(accord.request(Method::POST, TOKEN).form(&form)).await;
        assert_eq!(
            (answer.status, answer.json()["error"].clone()),
            (503, Value::from("temporarily_unavailable")),
            "{name}"
        );
    }
}
