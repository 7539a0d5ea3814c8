//! What the portal's API refuses before it looks at an entry.

use accord_tests::portal::{ACCOUNTS, MEMBERS, USERS, users_of};
use accord_tests::{Accord, answer};
use futures::stream;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn the_api_is_write_only() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    for path in [ACCOUNTS, USERS, &users_of("1")] {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = answer(accord.request_as(&token, method.clone(), path)).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("PATCH")), "{method} {path}");
        }
    }
    assert_snapshot!(answer(accord.request(Method::GET, ACCOUNTS)).await, @r#"
    405
    allow: PATCH
    content-type: application/problem+json
    x-request-id: [uuid]

    {
      "detail": "this API takes PATCH only",
      "status": 405,
      "title": "Method Not Allowed",
      "type": "about:blank"
    }
    "#);
}

#[tokio::test]
async fn the_older_spelling_of_the_paths_does_the_same() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let older = |path: &str| path.replace("/api/integrations/", "/integrations/");
    let account = json!({ "a": { "name": "Acme Ltd.", "id": "123456-8" } });
    for (path, body) in [
        (ACCOUNTS, account),
        (USERS, json!({ "u": { "email": "jane@example.com" } })),
        (&users_of("123456-8"), json!(["u"])),
    ] {
        let answered = accord.patch(&token, &older(path), &body).await;
        assert_eq!((answered.status, answered.body.as_str()), (200, ""), "{path}: {answered}");
        assert_eq!(
            answer(accord.request(Method::GET, &older(path))).await,
            answer(accord.request(Method::GET, path)).await
        );
    }
    assert_eq!(accord.store().lines(MEMBERS), ["123456-8 | jane@example.com | user"]);
    assert_eq!(accord.patch(&token, "/integrations/v1/items", &json!({})).await.status, 404);
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_too() {
    let accord = Accord::start().await;
    assert_snapshot!(answer(accord.request(Method::PATCH, "/api/integrations/v1/items")).await, @r#"
    404
    content-type: application/problem+json
    x-request-id: [uuid]

    {
      "detail": "path not found",
      "status": 404,
      "title": "Not Found",
      "type": "about:blank"
    }
    "#);
}

#[tokio::test]
async fn a_token_without_the_scope_is_403() {
    let accord = Accord::start().await;
    let token = accord.connector("reader", "accounts:read AccessUser:Create").await;
    assert_snapshot!(accord.patch_accounts(&token, &json!({})).await, @r#"
    403
    content-type: application/problem+json
    www-authenticate: Bearer realm="accord", error="insufficient_scope", scope="portal:write"
    x-request-id: [uuid]

    {
      "detail": "this needs portal:write",
      "status": 403,
      "title": "Forbidden",
      "type": "about:blank"
    }
    "#);
}

#[tokio::test]
async fn bad_bodies_get_their_4xx_and_the_next_request_works() {
    const JSON: &str = "application/json";
    let accord = Accord::start().await;
    let token = accord.token().await;
    let send = async |content_type: &'static str, body: Vec<u8>| {
        let request = accord.request_as(&token, Method::PATCH, ACCOUNTS);
        let answer = answer(request.header("content-type", content_type).body(body)).await;
        let good = accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await;
        assert_eq!(good.status, 200, "the next request works");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status);
        format!("{} {}", answer.status, problem["detail"].as_str().unwrap_or_default())
    };
    let mut told = Vec::new();
    for (content_type, body) in [
        (JSON, Vec::new()),
        (JSON, b"not JSON".to_vec()),
        (JSON, b"{\"a\":{\"name\":\"A\",\"id\":\"1\"}".to_vec()),
        (JSON, b"{\"a\":null,\"a\":null}".to_vec()),
        (JSON, b"{\"a\":{\"name\":\"A\",\"name\":\"B\",\"id\":\"1\"}}".to_vec()),
        (JSON, b"[]".to_vec()),
        (JSON, b"\"text\"".to_vec()),
        (JSON, b"{\"a\":\"\xff\"}".to_vec()),
        (JSON, b"{\"a\":{\"name\":\"A\\u0000B\",\"id\":\"1\"}}".to_vec()),
        (JSON, "[".repeat(1 << 20).into_bytes()),
        (JSON, format!("{{\"a\":{}1{}}}", "{\"b\":".repeat(1 << 17), "}".repeat(1 << 17)).into_bytes()),
        (JSON, vec![b' '; 10 * 1024 * 1024 + 1]),
        (
            JSON,
            format!("{{{}}}", (0..100_001).map(|n| format!("\"{n}\":null")).collect::<Vec<_>>().join(",")).into_bytes(),
        ),
        ("text/plain", b"{}".to_vec()),
        ("application/x-www-form-urlencoded", b"a=b".to_vec()),
    ] {
        told.push(send(content_type, body).await);
    }
    assert_snapshot!(told.join("\n"), @r#"
    400 the body is not valid JSON: EOF while parsing a value at line 1 column 0
    400 the body is not valid JSON: expected ident at line 1 column 2
    400 the body is not valid JSON: EOF while parsing an object at line 1 column 26
    400 the body is not valid JSON: the key "a" is there twice at line 1 column 19
    400 the body is not valid JSON: the key "name" is there twice at line 1 column 37
    400 the body must be an object of external ids, not an array
    400 the body must be an object of external ids, not a string
    400 the body is not valid JSON: invalid unicode code point at line 1 column 7
    400 one value is not valid
    400 the body is not valid JSON: recursion limit exceeded at line 1 column 128
    400 the body is not valid JSON: recursion limit exceeded at line 1 column 636
    413 the body may have at most 10485760 bytes
    413 the body may have at most 100000 entries
    415 the body must be application/json
    415 the body must be application/json
    "#);
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    let accord = Accord::start().await;
    let chunks = stream::iter((0..12).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 20])));
    let request = accord.request_as(&accord.token().await, Method::PATCH, ACCOUNTS);
    let request = request.header("content-type", "application/json").body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(answer(request).await.status, 413);
}
