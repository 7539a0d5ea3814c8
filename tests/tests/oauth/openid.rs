//! Signing people in to relying parties (OpenID Connect Core 1.0), from the code on. The page that a code comes from is tested
//! in the room of the pages; here one lies in the store, as that would have put it there.

use accord_tests::accounts::{Connector, PASSWORD, Person, path};
use accord_tests::oauth::TOKEN;
use accord_tests::{Accord, Answer, answer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

const CALLBACK: &str = "https://app.example.com/callback";
/// A code, and what the store knows it by.
const CODE: (&str, &str) = ("a-code-of-the-tests", "2a65bc0aa16682b227c2e6535f34823e461a230fa529ff4b514a02f2c9cfa908");
/// What the store knows a browser's secret by.
const BROWSER: (&str, &str) =
    ("a-browser-of-the-tests", "5aac66b6381a96f999a6f30d578c57563a7ad5081213719a7f5074daaea36a67");
/// A verifier, and its challenge.
const PKCE: (&str, &str) =
    ("a-verifier-of-the-tests-which-has-at-least-43-characters", "3TZHPPrgmD2dhkJBLL2Qri05nlcqWSVxtYO6HvDVHbM");

/// A relying party of a person's account.
async fn relying_party(accord: &Accord, person: &Person, more: Value) -> (i64, String, Option<String>) {
    let mut body = json!({ "name": "App", "redirectUris": [CALLBACK], "idTokenSignedResponseAlg": "ES256",
                           "scopes": ["accounts:read", "accounts:manage"] });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let made = accord.post(&person.token, "/api/connectors", &body).await;
    assert_eq!(made.status, 201, "{made}");
    (made.number("id"), made.text("clientId"), made.json()["clientSecret"].as_str().map(str::to_owned))
}

/// Puts a code of a person into the store, and the browser that it was sent to.
fn put_code(accord: &Accord, connector: i64, person: &Person, scopes: &str) {
    accord.store().execute("DELETE FROM refresh_tokens WHERE kind = 'browser'", []);
    let statement =
        "INSERT INTO refresh_tokens (digest, family, connector_id, person_id, account_id, scopes, created_at,
            expires_at, kind, authenticated_at, browser, nonce, redirect_uri, code_challenge)
         VALUES (unhex(?1), ?2, ?3, ?4, ?5, ?6, 1, 9999999999999, ?7, 1700000000000, 'browser', ?8, ?9, ?10)";
    let none: Option<&str> = None;
    accord.store().execute(statement, (BROWSER.1, "browser", none, person.id, none, "", "browser", none, none, none));
    accord.store().execute(
        statement,
        (CODE.1, "family", connector, person.id, person.account, scopes, "code", "a nonce", CALLBACK, PKCE.1),
    );
}

/// Shows the code as a public client does, with some parameters changed.
async fn redeem(accord: &Accord, client_id: &str, others: &[(&str, &str)]) -> Answer {
    let usual = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", CODE.0),
        ("redirect_uri", CALLBACK),
        ("code_verifier", PKCE.0),
    ];
    let usual = usual.iter().filter(|(name, _)| others.iter().all(|(other, _)| other != name));
    let form: Vec<_> = usual.chain(others).collect();
    answer(accord.request(Method::POST, TOKEN).form(&form)).await
}

async fn refresh(accord: &Accord, client_id: &str, refresh_token: &str) -> Answer {
    let form = [("grant_type", "refresh_token"), ("client_id", client_id), ("refresh_token", refresh_token)];
    answer(accord.request(Method::POST, TOKEN).form(&form)).await
}

/// Header and claims of a token.
fn decode(token: &str) -> (Value, Value) {
    let part = |index| {
        let part = token.split('.').nth(index).expect("a part");
        let bytes: Vec<u8> = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    (part(0), part(1))
}

#[tokio::test]
async fn a_code_gives_a_relying_party_its_tokens_and_a_second_use_ends_them() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let (id, client_id, secret) = relying_party(&accord, &person, json!({ "public": true })).await;
    assert_eq!(secret, None);
    put_code(&accord, id, &person, "openid email profile accounts:read");
    for (wrong, why) in [
        (("code_verifier", ""), "PKCE: without the verifier (RFC 9700, section 4.8)"),
        (("code_verifier", PKCE.1), "PKCE: the challenge itself"),
        (("redirect_uri", "https://app.example.com/callback/"), "sent elsewhere (RFC 6749, section 4.1.3)"),
        (("redirect_uri", ""), "sent nowhere"),
        (("code", "another"), "no code"),
        (("code", BROWSER.0), "what a browser keeps is no code"),
    ] {
        let refused = redeem(&accord, &client_id, &[wrong]).await;
        assert_eq!((refused.status, refused.text("error").starts_with("invalid_")), (400, true), "{why}: {refused}");
    }
    let stolen = refresh(&accord, &client_id, CODE.0).await;
    assert_eq!(stolen.text("error"), "invalid_grant", "a code is no refresh token");

    let issued = redeem(&accord, &client_id, &[]).await;
    assert_snapshot!("code_redeemed", issued);
    let (header, claims) = decode(&issued.text("id_token"));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("JWT")));
    let access = issued.text("access_token");
    let user = accord.get(&access, "/oauth/userinfo").await;
    assert_eq!(user.status, 200, "{user}");
    assert_eq!(user.header("cache-control"), Some("no-store"));
    for (claim, expected) in [
        ("iss", json!("http://127.0.0.1:3000")),
        ("aud", json!(client_id)),
        ("azp", json!(client_id)),
        ("sub", user.json()["sub"].clone()),
        ("nonce", json!("a nonce")),
        ("auth_time", json!(1_700_000_000)),
        ("sid", json!("browser")),
        ("account", json!(person.account)),
        ("email", json!(person.email)),
        ("email_verified", json!(true)),
    ] {
        assert_eq!(claims[claim], expected, "{claim}");
    }
    for told in ["email", "email_verified", "account", "updated_at"] {
        assert_eq!(user.json()[told], claims[told], "{told}");
    }
    let (_, access_claims) = decode(&access);
    assert_eq!(access_claims["scope"], "openid email profile accounts:read");

    let refreshed = refresh(&accord, &client_id, &issued.text("refresh_token")).await;
    let (_, again) = decode(&refreshed.text("id_token"));
    assert_eq!(
        (&again["sub"], &again["auth_time"], &again["nonce"]),
        (&claims["sub"], &claims["auth_time"], &Value::Null)
    );

    assert_eq!(redeem(&accord, &client_id, &[]).await.text("error"), "invalid_grant", "a second time");
    assert_eq!(accord.get(&access, "/oauth/userinfo").await.status, 401, "its tokens end (RFC 9700, section 4.5)");
    assert_eq!(refresh(&accord, &client_id, &refreshed.text("refresh_token")).await.status, 400);
}

#[tokio::test]
async fn a_code_is_its_clients_and_a_client_that_has_a_secret_shows_it() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let (id, client_id, secret) = relying_party(&accord, &person, json!({})).await;
    let (_, public, _) = relying_party(&accord, &person, json!({ "public": true })).await;
    let secret = secret.expect("a secret");
    put_code(&accord, id, &person, "openid");
    assert_eq!(redeem(&accord, &client_id, &[]).await.status, 401, "without the secret");
    assert_eq!(redeem(&accord, &client_id, &[("client_secret", "wrong")]).await.status, 401, "with another one");
    assert_eq!(
        redeem(&accord, &public, &[]).await.text("error"),
        "invalid_grant",
        "another client's (mix-up, injection)"
    );
    let redeemed = redeem(&accord, &client_id, &[("client_secret", &secret)]).await;
    assert_eq!(redeemed.status, 200, "{redeemed}");
    let refreshed = refresh(&accord, &client_id, &redeemed.text("refresh_token")).await;
    assert_eq!(refreshed.status, 401, "a refresh token of a client with a secret needs it as well");
}

#[tokio::test]
async fn a_public_client_has_no_other_grant_and_no_look_at_tokens() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let (id, client_id, _) = relying_party(&accord, &person, json!({ "public": true })).await;
    let post = async |path: &str, form: &[(&str, &str)]| {
        let own = [("client_id", client_id.as_str())];
        let form: Vec<_> = own.iter().chain(form).collect();
        answer(accord.request(Method::POST, path).form(&form)).await
    };
    for (path, form) in [
        (TOKEN, &[("grant_type", "client_credentials")][..]),
        (TOKEN, &[("grant_type", "client_credentials"), ("client_secret", "x")]),
        (TOKEN, &[("grant_type", "password"), ("username", &person.email), ("password", PASSWORD)]),
        ("/oauth/introspect", &[("token", &person.token)]),
    ] {
        let refused = post(path, form).await;
        assert_eq!((refused.status, refused.text("error")), (401, "invalid_client".to_owned()), "{form:?}");
    }
    let rotated = accord.post(&person.token, &format!("/api/connectors/{id}/secret"), &json!({})).await;
    assert_eq!((rotated.status, rotated.text("code")), (409, "CONFLICT".to_owned()));
}

#[tokio::test]
async fn a_connector_registers_where_browsers_may_be_sent_back_to() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let full = json!({
        "name": "App", "public": true, "redirectUris": ["com.example.app:/callback", "http://127.0.0.1/callback"],
        "postLogoutRedirectUris": ["com.example.app:/bye"], "idTokenSignedResponseAlg": "EdDSA",
    });
    assert_snapshot!("relying_party", accord.post(&person.token, "/api/connectors", &full).await);
    let noted = "SELECT json_remove(detail, '$.after.clientId') FROM audit WHERE subject = 'connectors'";
    assert_snapshot!("relying_party_audit", accord.store().lines(noted).join("\n"));
    for bad in [
        json!({ "redirectUris": ["https://*.example.com/"] }),
        json!({ "redirectUris": ["https://app.example.com/#a"] }),
        json!({ "redirectUris": ["http://app.example.com/"] }),
        json!({ "redirectUris": ["javascript:alert(1)"] }),
        json!({ "redirectUris": ["com.example.app:/callback"] }),
        json!({ "postLogoutRedirectUris": ["/bye"] }),
        json!({ "public": true }),
        json!({ "public": true, "redirectUris": [CALLBACK], "requirePkce": false }),
        json!({ "idTokenSignedResponseAlg": "none" }),
    ] {
        let mut body = bad.clone();
        body["name"] = json!("App");
        let refused = accord.post(&person.token, "/api/connectors", &body).await;
        assert_eq!(refused.status, 400, "{bad}: {refused}");
    }
}

#[tokio::test]
async fn where_browsers_are_sent_back_to_is_changed_by_whoever_might_have_the_secret() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let (id, client_id, _) = relying_party(&accord, &owner, json!({})).await;
    let own = format!("/api/connectors/{id}");
    let other = "https://other.example.com/callback";
    let changed = accord.put(&owner.token, &own, &json!({ "name": "Renamed", "redirectUris": [other] })).await.json();
    assert_eq!((changed["name"].as_str(), &changed["redirectUris"]), (Some("Renamed"), &json!([other])));
    assert_eq!(accord.get(&owner.token, &own).await.json(), changed);
    let sent = async |uri: &str| {
        let asked = format!("client_id={client_id}&redirect_uri={uri}&response_type=code&scope=openid&prompt=none");
        let path = format!("/oauth/authorize?{asked}");
        accord.browser().open(&path).await.answer.status
    };
    assert_eq!((sent(CALLBACK).await, sent(other).await), (400, 303), "the one before is none any more");
    // Nothing changes what the connector may do, and a manager does not send an owner's codes elsewhere.
    let widened =
        accord.put(&owner.token, &own, &json!({ "scopes": ["accounts:manage"], "public": true })).await.json();
    assert_eq!(widened, changed);
    let manager = accord.person("Manager").await;
    accord.join(owner.account, manager.id, "manage").await;
    accord.user_token(&manager.email, PASSWORD, Some(owner.account)).await;
    assert_eq!(accord.put(&manager.token, &own, &json!({ "redirectUris": [CALLBACK] })).await.status, 403);
    assert_eq!(accord.put(&accord.person("Strange").await.token, &own, &json!({ "name": "Mine" })).await.status, 404);
    for bad in [json!({ "redirectUris": ["http://other.example.com/"] }), json!({ "name": " " })] {
        assert_eq!(accord.put(&owner.token, &own, &bad).await.status, 400, "{bad}");
    }
    let public = json!({ "public": true });
    let (public, ..) = relying_party(&accord, &owner, public).await;
    for bad in [json!({ "redirectUris": [] }), json!({ "requirePkce": false })] {
        assert_eq!(accord.put(&owner.token, &format!("/api/connectors/{public}"), &bad).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn an_rsa_key_is_made_for_those_who_need_it_before_anybody_signs_in() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let algorithms = async || {
        let keys = answer(accord.request(Method::GET, "/realms/accord/protocol/openid-connect/certs")).await.json();
        let keys =
            keys["keys"].as_array().expect("keys").iter().map(|key| key["alg"].as_str().expect("alg").to_owned());
        keys.collect::<Vec<_>>()
    };
    assert_eq!(algorithms().await, ["EdDSA"]);
    let (id, client_id, _) =
        relying_party(&accord, &person, json!({ "public": true, "idTokenSignedResponseAlg": null })).await;
    assert_eq!(answer(accord.request(Method::GET, "/health/ready")).await.status, 200);
    assert_eq!(accord.store().lines("SELECT algorithm FROM signing_keys ORDER BY 1"), ["EdDSA", "RS256"]);
    assert_eq!(algorithms().await, ["EdDSA", "RS256"]);
    put_code(&accord, id, &person, "openid");
    let issued = redeem(&accord, &client_id, &[]).await;
    let (header, claims) = decode(&issued.text("id_token"));
    assert_eq!(header["alg"], "RS256");
    assert_eq!(claims.get("email"), None, "the person was not asked for it");
    let (access, _) = decode(&issued.text("access_token"));
    assert_eq!(access["alg"], "EdDSA");
    // One that grows old within the hour is followed before it does.
    let soon = "UPDATE signing_keys SET retires_at = (unixepoch() + 3600) * 1000 WHERE algorithm = 'RS256'";
    accord.store().execute(soon, []);
    assert_eq!(algorithms().await, ["RS256", "EdDSA", "RS256"]);
    accord.store().execute("DELETE FROM refresh_tokens", []);
    put_code(&accord, id, &person, "openid");
    let (next, _) = decode(&redeem(&accord, &client_id, &[]).await.text("id_token"));
    assert_ne!(next["kid"], header["kid"]);
}

#[tokio::test]
async fn a_token_of_a_browser_does_what_the_person_was_asked_for_and_no_more_than_the_connector_may() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let account = path(owner.account);
    let with = async |scopes: &str| {
        let (id, client_id, _) = relying_party(&accord, &owner, json!({ "public": true, "rank": "manage" })).await;
        put_code(&accord, id, &owner, scopes);
        let token = redeem(&accord, &client_id, &[]).await.text("access_token");
        accord.store().execute("DELETE FROM refresh_tokens WHERE kind = 'code'", []);
        token
    };
    let rename = json!({ "name": "Acme", "description": "new" });
    let only_identity = with("openid email").await;
    assert_eq!(accord.get(&only_identity, &account).await.status, 404);
    assert_eq!(accord.get(&only_identity, "/api/accounts").await.json()["count"], 0);
    assert_eq!(accord.get(&only_identity, "/api/me").await.status, 403, "it is no business of the client");
    let reading = with("openid accounts:read").await;
    assert_eq!(accord.get(&reading, &account).await.status, 200);
    assert_eq!(accord.put(&reading, &account, &rename).await.status, 403);
    assert_eq!(accord.post(&reading, "/api/accounts", &json!({ "name": "Other" })).await.status, 403);
    let managing = with("openid accounts:manage").await;
    assert_eq!(accord.put(&managing, &account, &rename).await.status, 200);
    // The connector was made with the rank manage: an owner who signs in lends it no more.
    assert_eq!(accord.delete(&managing, &account).await.status, 403);
    let strong = json!({ "name": "Strong", "rank": "owner" });
    assert_eq!(accord.post(&managing, "/api/connectors", &strong).await.status, 403);
}

#[tokio::test]
async fn a_client_that_a_manager_makes_lends_the_manager_nothing_of_an_owner_who_signs_in_by_it() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let made = accord.make_connector(&owner.token, &json!({ "name": "Tool", "rank": "manage" })).await;
    let Connector { client_id, secret, .. } = made;
    let form = [("grant_type", "password"), ("username", owner.email.as_str()), ("password", PASSWORD)];
    let issued = answer(accord.request(Method::POST, TOKEN).basic_auth(client_id, Some(secret)).form(&form)).await;
    let token = issued.text("access_token");
    assert_eq!(accord.get(&token, &path(owner.account)).await.status, 200);
    assert_eq!(accord.delete(&token, &path(owner.account)).await.status, 403);
}

#[tokio::test]
async fn userinfo_takes_a_token_that_was_asked_for_it() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let (id, client_id, _) = relying_party(&accord, &person, json!({ "public": true })).await;
    put_code(&accord, id, &person, "openid phone");
    accord.store().execute(
        "INSERT INTO records (uuid, account_id, person_id, phone, phone_verified, created_at, updated_at)
         VALUES ('u', ?, ?, '+358401234567', 1, 0, 0)",
        (person.account, person.id),
    );
    let token = redeem(&accord, &client_id, &[]).await.text("access_token");
    let own = "/realms/accord/protocol/openid-connect/userinfo";
    let told = accord.get(&token, own).await;
    assert_eq!(
        (&told.json()["phone_number"], &told.json()["phone_number_verified"]),
        (&json!("+358401234567"), &json!(true))
    );
    let by_form = answer(accord.request(Method::POST, own).form(&[("access_token", &token)])).await;
    let by_header = answer(accord.request(Method::POST, own).bearer_auth(&token)).await;
    assert_eq!((&by_form, &by_header), (&told, &told));
    assert_snapshot!("userinfo_missing", answer(accord.request(Method::GET, own)).await);
    assert_snapshot!("userinfo_invalid", accord.get("no token", own).await);
    assert_snapshot!("userinfo_insufficient", accord.get(&person.token, own).await);
}

#[tokio::test]
async fn a_client_of_keycloak_ends_the_session_by_its_refresh_token() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let (id, client_id, _) = relying_party(&accord, &person, json!({ "public": true })).await;
    put_code(&accord, id, &person, "openid");
    let issued = redeem(&accord, &client_id, &[]).await;
    let (refresh_token, access) = (issued.text("refresh_token"), issued.text("access_token"));
    let log_out = async |client_id: &str| {
        let form = [("client_id", client_id), ("refresh_token", &refresh_token)];
        let request = accord.request(Method::POST, "/realms/accord/protocol/openid-connect/logout").form(&form);
        answer(request).await.status
    };
    assert_eq!(log_out("accord").await, 401, "another's token");
    assert_eq!(accord.get(&access, "/oauth/userinfo").await.status, 200);
    assert_eq!(log_out(&client_id).await, 204);
    assert_eq!(accord.get(&access, "/oauth/userinfo").await.status, 401);
    assert_eq!(refresh(&accord, &client_id, &refresh_token).await.status, 400);
}

#[tokio::test]
async fn the_metadata_of_openid_connect_is_the_same_at_every_path() {
    let accord = Accord::start().await;
    let get = async |path: &str| answer(accord.request(Method::GET, path)).await;
    let root = get("/.well-known/openid-configuration").await;
    assert_eq!(root.status, 200);
    for path in ["/realms/any/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        assert_eq!(get(path).await, root, "{path}");
    }
}
