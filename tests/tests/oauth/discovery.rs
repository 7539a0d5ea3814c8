//! What tells how to get and to check tokens: the metadata (RFC 8414) and the keys (RFC 7517).

use accord_tests::{Accord, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn the_keys_are_published_and_no_private_one_is() {
    let accord = Accord::start().await;
    let keys = answer(accord.request(Method::GET, "/.well-known/jwks.json")).await.json();
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
    );
    assert!(key["kid"].is_string() && key["x"].is_string() && key.get("d").is_none());
    // The first token is signed by the key that was there before it.
    accord.token().await;
    let after = answer(accord.request(Method::GET, "/.well-known/jwks.json")).await.json();
    assert_eq!(after, keys);
}

#[tokio::test]
async fn the_metadata_is_that_of_rfc_8414() {
    let accord = Accord::start().await;
    let path = "/.well-known/oauth-authorization-server";
    assert_snapshot!("metadata", answer(accord.request(Method::GET, path)).await);
}
