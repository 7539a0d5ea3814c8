//! Revocation of tokens (RFC 7009).

use accord_tests::accounts::PASSWORD;
use accord_tests::{Accord, CLIENT_ID, CLIENT_SECRET, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_revoked_token_works_no_more() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let signed_in = accord.sign_in(&person.email, PASSWORD, None).await;
    let (access, token) = (signed_in.text("access_token"), signed_in.text("refresh_token"));
    assert_eq!(accord.revoke(&person.token).await.status, 200);
    assert_eq!(accord.get(&person.token, "/api/accounts").await.status, 401);
    assert_eq!(accord.get(&access, "/api/accounts").await.status, 200, "another session goes on");
    assert_snapshot!("revoked", accord.revoke(&token).await);
    assert_eq!(accord.refresh(&token).await.status, 400);
    assert_eq!(accord.get(&access, "/api/accounts").await.status, 401);

    // A connector's token needs the connector.
    let access = accord.token().await;
    assert_eq!(accord.revoke(&access).await.status, 200);
    assert_eq!(accord.patch_accounts(&access, &json!({})).await.status, 200);
    let by_connector = accord.present("/oauth/revoke", &access).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    assert_eq!(answer(by_connector).await.status, 200);
    assert_eq!(accord.patch_accounts(&access, &json!({})).await.status, 401);
    assert_eq!(accord.revoke("unknown").await.status, 200);
    assert_eq!(answer(accord.request(Method::POST, "/oauth/revoke").form(&[("x", "y")])).await.status, 400);
}
