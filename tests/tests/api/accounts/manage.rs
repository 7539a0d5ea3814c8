//! Making, changing and deleting an account, also twice and by two at once.

use accord_tests::accounts::{PASSWORD, path};
use accord_tests::endpoint::RECORD;
use accord_tests::portal::ACCOUNTS;
use accord_tests::{Accord, answer};
use futures::future::join_all;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn of_two_updates_of_one_state_one_wins() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let tag = accord.get(&owner.token, &path(owner.account)).await.header("etag").expect("an ETag").to_owned();
    let put = |description: &str, tag: &str| {
        let request = accord.request_as(&owner.token, Method::PUT, &path(owner.account)).header("if-match", tag);
        answer(request.json(&json!({ "description": description })))
    };
    let (one, other) = futures::join!(put("one", &tag), put("other", &tag));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let lost = if one.status == 412 { one } else { other };
    assert_snapshot!("changed_meanwhile", lost);
    assert_eq!(put("late", &tag).await.status, 412);
    let tag = accord.get(&owner.token, &path(owner.account)).await.header("etag").expect("an ETag").to_owned();
    let again = put("again", &format!("\"0\", {tag}")).await;
    assert_eq!(again.status, 200);
    assert_ne!(again.header("etag"), Some(tag.as_str()));
    assert_eq!(put("any", "*").await.status, 200);
}

#[tokio::test]
async fn no_precondition_is_passed_over() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let one = path(owner.account);
    let send = |method: Method, path: &str, header: &'static str, value: &str| {
        let request = accord.request_as(&owner.token, method.clone(), path).header(header, value);
        let body = json!({ "description": "changed" });
        answer(if method == Method::GET || method == Method::HEAD { request } else { request.json(&body) })
    };
    let tag = accord.get(&owner.token, &one).await.header("etag").expect("an ETag").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"0\", {tag}"), "*".to_owned()] {
        let kept = send(Method::GET, &one, "if-none-match", &known).await;
        assert_eq!((kept.status, kept.body.as_str(), kept.header("etag")), (304, "", Some(tag.as_str())), "{known}");
        assert_eq!(send(Method::HEAD, "/api/accounts/Acme", "if-none-match", &known).await.status, 304);
        assert_eq!(send(Method::PUT, &one, "if-none-match", &known).await.status, 412, "{known}");
        assert_eq!(send(Method::DELETE, &one, "if-none-match", &known).await.status, 412, "{known}");
    }
    assert_eq!(send(Method::GET, &one, "if-none-match", "\"0\"").await.status, 200);
    for other in ["\"0\"", &format!("W/{tag}"), "x"] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            assert_eq!(send(method.clone(), &one, "if-match", other).await.status, 412, "{method} {other}");
        }
    }
    // What has no versions does not do as if it had the right one.
    let date = "Tue, 24 Nov 2026 10:00:00 GMT";
    assert_snapshot!("no_versions", send(Method::POST, "/api/accounts", "if-match", "\"1\"").await);
    assert_eq!(send(Method::POST, "/api/accounts", "if-none-match", "*").await.status, 412);
    assert_eq!(send(Method::DELETE, "/api/connectors/1", "if-unmodified-since", date).await.status, 412);
    for (path, method) in [(ACCOUNTS, Method::PATCH), (RECORD, Method::PATCH)] {
        assert_eq!(send(method, path, "if-match", "\"1\"").await.status, 412, "{path}");
    }
    assert_eq!(send(Method::PUT, &one, "if-none-match", "\"0\"").await.status, 200);
    let tag = accord.get(&owner.token, &one).await.header("etag").expect("an ETag").to_owned();
    assert_eq!(send(Method::DELETE, &one, "if-match", &tag).await.status, 200);
}

#[tokio::test]
async fn an_idempotency_key_makes_one_account_however_often_it_is_sent() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let post = |name: &str, key: &str| {
        let request = accord.request_as(&owner.token, Method::POST, "/api/accounts").header("idempotency-key", key);
        answer(request.json(&json!({ "name": name })))
    };
    let answers = join_all((0..10).map(|_| post("Once", "k1"))).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (201, &answers[0].body));
        assert_eq!(answer.header("location"), answers[0].header("location"));
    }
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts WHERE name = 'Once'"), 1);
    assert_snapshot!("idempotency_key_reused", post("Twice", "k1").await);
    // What was refused may be tried again with the same key.
    assert_eq!(post("Acme", "k2").await.status, 409);
    assert_eq!(post("Acme 2", "k2").await.status, 201);
    // A key of another caller is another key.
    let other = accord.person("Other").await;
    let request = accord.request_as(&other.token, Method::POST, "/api/accounts").header("idempotency-key", "k1");
    assert_eq!(answer(request.json(&json!({ "name": "Third" }))).await.status, 201);

    let sign_up = |password: &str| {
        let body = json!({ "email": "once@example.com", "password": password, "accountName": "Sign-up" });
        answer(accord.request(Method::POST, "/api/accounts/signup").header("idempotency-key", "s").json(&body))
    };
    let answers = join_all((0..4).map(|_| sign_up("secure_password_123"))).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body), "{answers:?}");
    assert_eq!(sign_up("another_password_456").await.status, 422);
}

#[tokio::test]
async fn a_deleted_account_leaves_its_users() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    assert_eq!(accord.delete(&owner.token, &path(owner.account)).await.status, 200);
    assert_eq!(accord.get(&owner.token, &path(owner.account)).await.status, 404);
    // The user can sign in, to no account, and make another.
    let token = accord.user_token(&owner.email, PASSWORD, None).await;
    assert_eq!(accord.get(&token, "/api/accounts").await.json(), json!({ "value": [], "count": 0 }));
    assert_eq!(accord.post(&token, "/api/accounts", &json!({ "name": "Acme" })).await.status, 201);
    let admin = accord.admin().await;
    let operator = accord.get(&admin, "/api/accounts/Operator").await.number("id");
    assert_eq!(accord.delete(&admin, &path(operator)).await.status, 409);
}
