//! Which access tokens are taken, and which are not: one test each.

use std::time::Duration;

use accord_tests::accounts::path;
use accord_tests::portal::ACCOUNTS;
use accord_tests::{Accord, Answer, CLIENT_ID, CLIENT_SECRET, Options, answer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;
use jwt_simple::prelude::{Ed25519KeyPair, EdDSAKeyPairLike as _, HS256Key, HeaderOptions, JWTClaims, MACLike as _};
use reqwest::Method;
use serde_json::{Value, json};

/// Claims and header of a good token, and the key that signed it, to make bad ones of.
struct Forge {
    accord: Accord,
    header: Value,
    claims: Value,
    key: Ed25519KeyPair,
}

impl Forge {
    async fn new() -> Self {
        let accord = Accord::start().await;
        let token = accord.token().await;
        let part = |index| {
            let part = token.split('.').nth(index).expect("a JWT has three parts");
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
            serde_json::from_slice::<Value>(&bytes).expect("JSON")
        };
        let (header, claims) = (part(0), part(1));
        let kid = header["kid"].as_str().expect("a key id");
        let key = Ed25519KeyPair::from_jwk(&accord.private_jwk(kid)).expect("a private key");
        Self { accord, header, claims, key }
    }

    /// The good token's claims with some of them replaced, or, with null, left out.
    fn claims(&self, replaced: &Value) -> Value {
        let mut claims = self.claims.clone();
        for (name, value) in replaced.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        claims
    }

    fn unsigned(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(header), part(claims))
    }

    /// A token as our own, signed by `key`.
    fn signed_by(&self, key: &Ed25519KeyPair, claims: &Value) -> String {
        let kid = self.header["kid"].as_str().expect("a key id");
        let claims: JWTClaims<Value> = serde_json::from_value(claims.clone()).expect("claims");
        let options = HeaderOptions { signature_type: Some("at+jwt".to_owned()), content_type: None };
        key.clone().with_key_id(kid).sign_with_options(claims, &options).expect("it signs")
    }

    fn signed(&self, replaced: &Value) -> String {
        self.signed_by(&self.key, &self.claims(replaced))
    }

    async fn send(&self, token: &str) -> Answer {
        self.accord.patch_accounts(token, &json!({})).await
    }

    async fn assert_refused(&self, token: &str) {
        let answer = self.send(token).await;
        assert_eq!(answer.status, 401, "{token}");
        assert!(answer.header("www-authenticate").is_some_and(|challenge| challenge.contains("invalid_token")));
        // Remembered or not, the answer is the same.
        assert_eq!(self.send(token).await.status, 401);
    }

    fn seconds(&self, claim: &str) -> i64 {
        self.claims[claim].as_i64().expect("a time")
    }
}

#[tokio::test]
async fn a_token_of_our_own_making_is_taken() {
    let forge = Forge::new().await;
    // Or the tests below would prove nothing.
    assert_eq!(forge.send(&forge.signed(&json!({}))).await.status, 200);
}

#[tokio::test]
async fn a_token_has_the_claims_of_rfc_9068() {
    let forge = Forge::new().await;
    assert_eq!(forge.header["typ"], "at+jwt");
    assert_eq!(forge.header["alg"], "EdDSA");
    let claims = &forge.claims;
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("http://127.0.0.1:3000"), &json!("accord")));
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(CLIENT_ID), &json!(CLIENT_ID)));
    assert_eq!(forge.seconds("exp") - forge.seconds("iat"), 3600);
    assert!(claims["jti"].is_string() && claims["scope"].as_str().is_some_and(|scope| scope.contains("portal:write")));
}

#[tokio::test]
async fn no_token_is_401_with_a_plain_challenge() {
    let accord = Accord::start().await;
    assert_snapshot!(answer(accord.request(Method::PATCH, ACCOUNTS).json(&json!({}))).await, @r#"
    401
    content-type: application/problem+json
    www-authenticate: Bearer realm="accord"
    x-request-id: [uuid]

    {
      "detail": "credentials are missing",
      "status": 401,
      "title": "Unauthorized",
      "type": "about:blank"
    }
    "#);
}

#[tokio::test]
async fn a_bad_token_is_401_with_invalid_token() {
    let forge = Forge::new().await;
    assert_snapshot!(forge.send("not-a-token").await, @r#"
    401
    content-type: application/problem+json
    www-authenticate: Bearer realm="accord", error="invalid_token", error_description="the access token is invalid, expired or revoked"
    x-request-id: [uuid]

    {
      "detail": "the access token is invalid, expired or revoked",
      "status": 401,
      "title": "Unauthorized",
      "type": "about:blank"
    }
    "#);
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let forge = Forge::new().await;
    let now = forge.seconds("iat");
    forge.assert_refused(&forge.signed(&json!({ "iat": now - 3700, "nbf": now - 3700, "exp": now - 100 }))).await;
}

#[tokio::test]
async fn a_token_that_expires_while_it_is_remembered_is_refused() {
    let options = Options::default().variable("access_token_lifetime", &2);
    let accord = Accord::start_with(options).await;
    let token = accord.token().await;
    assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 200);
    accord.advance(Duration::from_millis(3100)).await;
    assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 401);
}

#[tokio::test]
async fn a_token_expires_for_an_instance_that_sees_it_for_the_first_time_as_for_any_other() {
    let forge = Forge::new().await;
    let now = forge.seconds("iat");
    forge.assert_refused(&forge.signed(&json!({ "exp": now - 1 }))).await;
    // The clock that signed it may be ahead.
    assert_eq!(forge.send(&forge.signed(&json!({ "iat": now + 3, "nbf": now + 3 }))).await.status, 200);
}

#[tokio::test]
async fn a_token_without_an_expiry_is_refused() {
    let forge = Forge::new().await;
    forge.assert_refused(&forge.signed(&json!({ "exp": null }))).await;
}

#[tokio::test]
async fn a_token_that_is_not_valid_yet_is_refused() {
    let forge = Forge::new().await;
    forge.assert_refused(&forge.signed(&json!({ "nbf": forge.seconds("iat") + 600 }))).await;
}

#[tokio::test]
async fn a_token_signed_by_another_key_is_refused() {
    let forge = Forge::new().await;
    forge.assert_refused(&forge.signed_by(&Ed25519KeyPair::generate(), &forge.claims)).await;
}

#[tokio::test]
async fn a_token_of_an_unknown_key_is_refused() {
    let forge = Forge::new().await;
    let claims: JWTClaims<Value> = serde_json::from_value(forge.claims.clone()).expect("claims");
    let token = Ed25519KeyPair::generate().with_key_id("unknown").sign(claims).expect("it signs");
    forge.assert_refused(&token).await;
}

#[tokio::test]
async fn alg_none_is_refused() {
    let forge = Forge::new().await;
    for alg in ["none", "None", "NONE", ""] {
        let mut header = forge.header.clone();
        header["alg"] = json!(alg);
        forge.assert_refused(&format!("{}.", Forge::unsigned(&header, &forge.claims))).await;
    }
}

#[tokio::test]
async fn hs256_with_the_public_key_as_secret_is_refused() {
    let forge = Forge::new().await;
    let public = forge.key.public_key();
    let claims: JWTClaims<Value> = serde_json::from_value(forge.claims.clone()).expect("claims");
    let options = HeaderOptions { signature_type: Some("at+jwt".to_owned()), content_type: None };
    for secret in [public.to_bytes(), public.to_der(), public.to_pem().into_bytes(), public.to_jwk().into_bytes()] {
        let kid = forge.header["kid"].as_str().expect("a key id");
        let key = HS256Key::from_bytes(&secret).with_key_id(kid);
        forge.assert_refused(&key.authenticate_with_options(claims.clone(), &options).expect("it signs")).await;
    }
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    let forge = Forge::new().await;
    forge.assert_refused(&forge.signed(&json!({ "aud": "somebody else" }))).await;
    forge.assert_refused(&forge.signed(&json!({ "aud": null }))).await;
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    let forge = Forge::new().await;
    forge.assert_refused(&forge.signed(&json!({ "iss": "https://elsewhere.example" }))).await;
    forge.assert_refused(&forge.signed(&json!({ "iss": null }))).await;
}

#[tokio::test]
async fn a_token_with_a_tampered_payload_is_refused() {
    let forge = Forge::new().await;
    let token = forge.signed(&json!({}));
    let (_, signature) = token.rsplit_once('.').expect("a signature");
    let tampered = Forge::unsigned(&forge.header, &forge.claims(&json!({ "client_id": "somebody-else" })));
    forge.assert_refused(&format!("{tampered}.{signature}")).await;
}

#[tokio::test]
async fn a_token_of_another_type_is_refused() {
    let forge = Forge::new().await;
    let kid = forge.header["kid"].as_str().expect("a key id");
    let claims: JWTClaims<Value> = serde_json::from_value(forge.claims.clone()).expect("claims");
    // An ID token, say: signed by us, but no access token (RFC 9068, section 4).
    forge.assert_refused(&forge.key.clone().with_key_id(kid).sign(claims).expect("it signs")).await;
}

#[tokio::test]
async fn a_token_of_a_disabled_connector_is_refused_at_once() {
    let accord = Accord::start().await;
    let token = accord.connector("crm", "portal:write").await;
    assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 200);
    accord.store().execute("UPDATE connectors SET status = 'inactive' WHERE name = 'crm'", ());
    assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 401);
}

#[tokio::test]
async fn a_token_of_a_connector_whose_account_is_inactive_is_refused() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let tool = accord.make_connector(&owner.token, &json!({ "name": "Tool" })).await;
    let token = accord.token_of(&tool.client_id, &tool.secret).await;
    let suspended = accord.put(&owner.token, &path(owner.account), &json!({ "status": "inactive" })).await;
    assert_eq!(suspended.status, 200, "{suspended}");
    assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 401);
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let forge = Forge::new().await;
    let token = forge.signed(&json!({}));
    assert_eq!(forge.send(&token).await.status, 200);
    let revoke = forge.accord.present("/oauth/revoke", &token).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    assert_eq!(answer(revoke).await.status, 200);
    assert_eq!(forge.send(&token).await.status, 401);
}

#[tokio::test]
async fn who_may_call_no_more_is_refused_whatever_is_read() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let tool = json!({ "name": "Tool", "scopes": ["accounts:read"] });
    let tool = accord.make_connector(&owner.token, &tool).await;
    let token = accord.token_of(&tool.client_id, &tool.secret).await;
    let account = path(owner.account);
    let tag = accord.get(&token, &account).await.header("etag").expect("a version").to_owned();
    let read = async |token: &str| {
        let mut answers = Vec::new();
        for (path, demand, value) in [
            (account.as_str(), "accept", "*/*"),
            (&account, "if-none-match", &tag),
            ("/api/accounts", "accept", "*/*"),
            ("/api/accounts/999999", "accept", "*/*"),
            ("/api/accounts?$filter=x", "accept", "*/*"),
            ("/api/users", "accept", "*/*"),
            ("/api/users/x", "accept", "*/*"),
            ("/api/users", "if-match", "\"1\""),
            (&format!("{account}/records"), "accept", "*/*"),
        ] {
            let request = accord.request_as(token, Method::GET, path).header(demand, value);
            answers.push(answer(request).await.status);
        }
        answers
    };
    // The second time each instance knows who calls, and asks whether that is still so along with what it reads.
    for _ in 0..2 {
        assert_eq!(read(&token).await, [200, 304, 200, 404, 400, 200, 404, 412, 403], "a connector");
        assert_eq!(read(&owner.token).await, [200, 304, 200, 404, 400, 200, 404, 412, 200], "a person");
    }
    let set = |table: &str, key: &str, value: &str| {
        let statement = format!(
            "UPDATE {table} SET {key} = {value} WHERE {}",
            match table {
                "connectors" => "name = 'Tool'",
                "accounts" => "name = 'Acme'",
                _ => "id = (SELECT max(id) FROM people)",
            }
        );
        accord.store().execute(&statement, ());
    };
    for (whose, table, key, ended, before) in [
        (&token, "connectors", "status", "'inactive'", "'active'"),
        (&token, "accounts", "status", "'inactive'", "'active'"),
        (&owner.token, "people", "password_version", "password_version + 1", "password_version - 1"),
    ] {
        set(table, key, ended);
        assert_eq!(read(whose).await, [401; 9], "{table} {key}");
        set(table, key, before);
        assert!(!read(whose).await.contains(&401), "{table} {key}: as it was");
    }
    assert_eq!(accord.revoke(&owner.token).await.status, 200);
    assert_eq!(read(&owner.token).await, [401; 9], "revoked");
}

#[tokio::test]
async fn odd_authorization_headers_are_refused_and_nothing_breaks() {
    let accord = Accord::start().await;
    let long = format!("Bearer {}", "a".repeat(6000));
    for value in [
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "bearer ..",
        "Bearer a.b.c",
        "Bearer eyJhbGciOiJFZERTQSJ9.e30.",
        long.as_str(),
        "Bearer \u{e4}",
    ] {
        let request =
            accord.request(Method::PATCH, ACCOUNTS).header("authorization", value.as_bytes()).json(&json!({}));
        assert_eq!(answer(request).await.status, 401, "{value}");
    }
}
