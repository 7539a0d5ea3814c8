//! What is refused, and how it is said.

use accord_tests::administration::Administrator;
use accord_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Accord, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn each_refusal_has_its_status_and_says_why() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let post = || accord.as_administrator(&operator, Method::POST, "");
    let json_body = |body: &'static str| post().header("content-type", "application/json").body(body);
    let wrong = Administrator { password: "wrong".to_owned(), ..operator.clone() };
    let nobody = Administrator { name: "nobody@example.com".to_owned(), ..operator.clone() };
    let foreign = Administrator { account_key: "5a70d8fcd44aa9.76285892".to_owned(), ..operator.clone() };
    let list = json!({ "action": "list_accounts" });
    assert_snapshot!("missing_credentials", accord.submit("/app/api.php", &list).await);
    let refused = accord.administer(&wrong, &list).await;
    assert_snapshot!("wrong_password", refused);
    assert_eq!(accord.administer(&nobody, &list).await, refused);
    let refused = accord.administer(&foreign, &list).await;
    assert_snapshot!("wrong_key", refused);
    let keyless =
        accord.request(Method::POST, "/app/api.php").basic_auth(ADMIN_EMAIL, Some(ADMIN_PASSWORD)).json(&list);
    assert_eq!(answer(keyless).await, refused, "a missing key is a wrong one");
    assert_snapshot!("malformed", answer(json_body(r#"{"action":"list_accounts""#)).await);
    assert_snapshot!("no_object", answer(json_body("[]")).await);
    assert_snapshot!("repeated_key", answer(json_body(r#"{"name":"a","name":"b"}"#)).await);
    assert_snapshot!("unknown_action", answer(json_body(r#"{"action":"delete_account"}"#)).await);
    assert_snapshot!("nothing_given", answer(json_body("{}")).await);
    let invalid = json_body(
        r#"{"name":"a\u0000","subdomain":"-a","type":"other","domain":"x","active":"2","datashare":[],"password":"short",
            "email_admin":"x","package_id":"nine"}"#,
    );
    assert_snapshot!("invalid", answer(invalid).await);
    assert_snapshot!("nothing_to_update", answer(json_body(r#"{"action":"update_account","account_key":"x"}"#)).await);
    let unknown = json_body(r#"{"action":"update_account","account_key":"x","active":1}"#);
    assert_snapshot!("unknown_account", answer(unknown).await);
    assert_snapshot!("wrong_content_type", answer(post().header("content-type", "text/plain").body("{}")).await);
    assert_snapshot!("unknown_query", answer(accord.as_administrator(&operator, Method::GET, "?action=health")).await);
    assert_snapshot!("unknown_method", answer(accord.request(Method::PUT, "/app/api.php")).await);
    assert_snapshot!("unknown_path", answer(accord.request(Method::GET, "/app/other")).await);
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(70_000));
    assert_eq!(answer(post().header("content-type", "application/json").body(large)).await.status, 413);
}
