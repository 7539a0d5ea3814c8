//! The keys that sign: their algorithms, and how one follows the other.

use std::time::Duration;

use accord_tests::{Accord, Options, answer};
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
