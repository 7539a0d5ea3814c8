//! The keys that sign: their algorithms, and how one follows the other.

use std::time::Duration;

use accord_tests::{Accord, Answer, CLIENT_ID, CLIENT_SECRET, Options, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

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
    accord.advance(Duration::from_millis(2100)).await;
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
async fn a_node_with_a_key_value_store_of_its_own_says_so_and_makes_no_keys_until_all_are_ended() {
    let mut accord = Accord::start_with(Options { process: true, ..Options::default() }).await;
    let old = accord.token().await;
    let keys = "SELECT kid FROM signing_keys ORDER BY kid";
    let before = accord.store().lines(keys);
    accord.kill();
    accord.empty_key_value_store();
    accord.kill_and_restart().await;
    let ready = answer(accord.request(Method::GET, "/health/ready")).await;
    let problem = "the key-value store of this node is not the one that the signing keys are in";
    assert_eq!((ready.status, &ready.json()["problems"]), (503, &json!([problem])), "{ready}");
    let refused = accord.ask_for_token().await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("60")), "{refused}");
    // Nobody's keys were touched, and the tokens of the others are good here.
    assert_eq!((accord.store().lines(keys), accord.kept_keys()), (before, Vec::new()));
    assert_eq!(accord.patch_accounts(&old, &json!({})).await.status, 200);

    assert_eq!(rotate(&accord, CLIENT_ID, CLIENT_SECRET).await.status, 200);
    let new = accord.token().await;
    assert_eq!(accord.patch_accounts(&new, &json!({})).await.status, 200);
    assert_eq!(answer(accord.request(Method::GET, "/health/ready")).await.status, 200);
}

/// Keys to seal with.
const SEALING: [&str; 2] =
    ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA="];

#[tokio::test]
async fn private_keys_are_sealed_and_those_of_before_are_read_on() {
    let mut accord = Accord::start().await;
    let old = accord.token().await;
    assert!(accord.kept_keys()[0].1.starts_with('{'), "a private JWK");
    for keys in [SEALING[0].to_owned(), format!("{} {}", SEALING[1], SEALING[0]), SEALING[1].to_owned()] {
        accord.restart_with("encryption_key", &keys).await;
        let new = accord.token().await;
        assert_eq!(accord.kept_keys().len(), 1, "it is the same key");
        assert!(accord.kept_keys()[0].1.starts_with("$xchacha20-poly1305$"));
        for token in [&old, &new] {
            assert_eq!(accord.patch_accounts(token, &json!({})).await.status, 200, "{keys}");
        }
    }
}

#[tokio::test]
async fn a_wrong_encryption_key_is_told_and_loses_nothing() {
    let mut accord = Accord::start_with(Options::default().variable("encryption_key", &SEALING[0])).await;
    let token = accord.token().await;
    let kept = accord.kept_keys();
    for wrong in [SEALING[1], ""] {
        accord.restart_with("encryption_key", wrong).await;
        let refused = accord.ask_for_token().await;
        assert_eq!((refused.status, refused.text("error").as_str()), (503, "temporarily_unavailable"), "{refused}");
        let ready = answer(accord.request(Method::GET, "/health/ready")).await;
        let problem = "what is kept secret cannot be opened: encryption_key lacks the key that it was sealed with";
        assert_eq!((ready.status, ready.json()["problems"][0].as_str()), (503, Some(problem)));
        assert_eq!(accord.kept_keys(), kept);
    }
    accord.restart_with("encryption_key", SEALING[0]).await;
    let new = accord.token().await;
    for token in [token, new] {
        assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 200);
    }
}

async fn rotate(accord: &Accord, client_id: &str, secret: &str) -> Answer {
    answer(accord.request(Method::POST, "/oauth/keys/rotate").basic_auth(client_id, Some(secret)).form(&[("a", "b")]))
        .await
}

#[tokio::test]
async fn a_rotation_ends_all_keys_at_once_in_every_instance() {
    let mut options = Options::default().variable("encryption_key", &SEALING[0]);
    // Two instances of each component, or more, with memories of their own.
    options.limits.max_instances = 32;
    options.limits.max_concurrent_per_instance = 1;
    let accord = Accord::start_with(options).await;
    let old = accord.token().await;
    let person = accord.person("Acme").await;
    let at_once = async |token: &str| {
        let nothing = json!({});
        let asked = (0..8).map(|_| accord.patch_accounts(token, &nothing));
        futures::future::join_all(asked).await.into_iter().map(|answer| answer.status).collect::<Vec<_>>()
    };
    assert_eq!(at_once(&old).await, [200; 8], "every instance has seen the token");
    let kid = accord.kept_keys()[0].0.clone();

    let rotated = rotate(&accord, CLIENT_ID, CLIENT_SECRET).await;
    assert_eq!(rotated.status, 200, "{rotated}");
    assert_eq!(rotated.json()["ended"].as_array().map(Vec::len), Some(1));
    assert!(accord.kept_keys().iter().all(|(name, _)| *name != kid) && accord.kept_keys().len() == 1);
    assert_eq!(at_once(&old).await, [401; 8]);
    assert_eq!(accord.get(&person.token, "/api/accounts").await.status, 401);
    let keys = answer(accord.request(Method::GET, "/.well-known/jwks.json")).await.json();
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
    // Whichever instance answers, it signs with the new key.
    let asked = futures::future::join_all((0..8).map(|_| accord.token())).await;
    for new in asked {
        assert_eq!(accord.patch_accounts(&new, &json!({})).await.status, 200);
    }
    assert_eq!(accord.store().number("SELECT count(*) FROM audit WHERE subject = 'signing_keys'"), 1);
}

#[tokio::test]
async fn only_a_connector_of_the_operator_with_its_secret_rotates() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let token = accord.token().await;
    assert_snapshot!(
        "rotation_of_nobody",
        answer(accord.request(Method::POST, "/oauth/keys/rotate").form(&[("a", "b")])).await
    );
    let by_token = answer(accord.request_as(&token, Method::POST, "/oauth/keys/rotate").form(&[("a", "b")])).await;
    assert_eq!(by_token.status, 401, "a token proves nothing when keys are known");
    for (token, rank, scopes) in [
        (&person.token, "owner", json!(["accounts:manage"])),
        (&token, "admin", json!(["accounts:manage"])),
        (&token, "owner", json!(["accounts:read"])),
    ] {
        let made = accord.post(token, "/api/connectors", &json!({ "name": "C", "scopes": scopes, "rank": rank })).await;
        assert_eq!(made.status, 201, "{made}");
        let refused = rotate(&accord, &made.text("clientId"), &made.text("clientSecret")).await;
        assert_eq!(refused.status, 403, "{rank} {scopes} {refused}");
    }
    assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 200, "nothing was ended");
}

#[tokio::test]
async fn a_rotation_helps_when_the_encryption_key_is_lost() {
    let mut accord = Accord::start_with(Options::default().variable("encryption_key", &SEALING[0])).await;
    let old = accord.token().await;
    accord.restart_with("encryption_key", SEALING[1]).await;
    assert_eq!(accord.ask_for_token().await.status, 503);
    assert_eq!(rotate(&accord, CLIENT_ID, CLIENT_SECRET).await.status, 200);
    let new = accord.token().await;
    assert_eq!(accord.patch_accounts(&new, &json!({})).await.status, 200);
    assert_eq!(accord.patch_accounts(&old, &json!({})).await.status, 401);
}
