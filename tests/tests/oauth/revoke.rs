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
    assert_eq!(accord.revoke(&access).await.text("error"), "invalid_client");
    assert_eq!(accord.patch_accounts(&access, &json!({})).await.status, 200);
    let by_connector = accord.present("/oauth/revoke", &access).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    assert_eq!(answer(by_connector).await.status, 200);
    assert_eq!(accord.patch_accounts(&access, &json!({})).await.status, 401);
    assert_eq!(accord.revoke("unknown").await.status, 200);
    assert_eq!(answer(accord.request(Method::POST, "/oauth/revoke").form(&[("x", "y")])).await.status, 400);
}

#[tokio::test]
async fn a_revocation_that_is_not_done_is_refused() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let made = json!({ "name": "Other", "accountId": person.account });
    let other = accord.make_connector(&person.token, &made).await;
    let by_other =
        |token: &str| answer(accord.present("/oauth/revoke", token).basic_auth(&other.client_id, Some(&other.secret)));
    let signed_in = accord.sign_in(&person.email, PASSWORD, None).await;
    let (access, token) = (signed_in.text("access_token"), signed_in.text("refresh_token"));
    assert_snapshot!("of_another_client", by_other(&token).await);
    for token in [&access, &accord.token().await] {
        assert_eq!(by_other(token).await.text("error"), "invalid_grant");
    }
    assert_eq!(accord.refresh(&token).await.status, 200, "nothing has ended");
    assert_eq!(by_other("unknown").await.status, 200);

    assert_eq!(accord.revoke(&access).await.status, 200);
    assert_eq!(accord.get(&access, "/api/accounts").await.status, 401);
}
