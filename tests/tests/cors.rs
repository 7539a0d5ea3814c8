//! Pages of other origins, which call from a browser.

use accord_tests::endpoint::RECORD;
use accord_tests::oauth::TOKEN;
use accord_tests::portal::ACCOUNTS;
use accord_tests::{Accord, Answer, Options, answer};
use insta::assert_snapshot;
use reqwest::Method;

/// A path of each API, and a method that it takes.
const OPERATIONS: [(&str, &str); 6] = [
    (TOKEN, "POST"),
    (ACCOUNTS, "PATCH"),
    (RECORD, "PATCH"),
    ("/app/api.php", "POST"),
    ("/api/accounts/1", "PUT"),
    ("/openapi.json", "GET"),
];

const ORIGIN: &str = "https://app.example";

async fn preflight(accord: &Accord, path: &str, method: &str, origin: &str) -> Answer {
    let request = accord.request(Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    answer(request.header("access-control-request-headers", "authorization,content-type,account-key")).await
}

async fn call(accord: &Accord, path: &str, origin: &str) -> Answer {
    answer(accord.request(Method::GET, path).header("origin", origin)).await
}

#[tokio::test]
async fn by_default_no_page_of_another_origin_may_call() {
    let accord = Accord::start().await;
    for (path, method) in OPERATIONS {
        let refused = preflight(&accord, path, method, ORIGIN).await;
        assert_eq!(refused.status, 405, "{path}");
        for answer in [refused, call(&accord, path, ORIGIN).await] {
            assert!(
                answer.headers.iter().all(|(name, _)| !name.starts_with("access-control") && name != "vary"),
                "{answer}"
            );
        }
    }
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_listed_may_call_each_api() {
    let options = Options::default().variable("cors_origins", &format!("{ORIGIN}, http://localhost:5173/"));
    let accord = Accord::start_with(options).await;
    assert_snapshot!("preflight", preflight(&accord, ACCOUNTS, "PATCH", ORIGIN).await);
    for (path, method) in OPERATIONS {
        for origin in [ORIGIN, "http://localhost:5173"] {
            let asked = preflight(&accord, path, method, origin).await;
            assert_eq!(asked.status, 204, "{path}: {asked}");
            for answer in [asked, call(&accord, path, origin).await] {
                let told = ["access-control-allow-origin", "vary"].map(|name| answer.header(name));
                assert_eq!(told, [Some(origin), Some("Origin")], "{path}: {answer}");
                assert_eq!(answer.header("access-control-allow-credentials"), None, "{path}");
            }
        }
        let other = preflight(&accord, path, method, "https://app.example.org").await;
        assert_eq!((other.status, other.header("access-control-allow-origin")), (405, None), "{path}: {other}");
    }
    // What fails may be read as well.
    let refused = call(&accord, "/api/accounts", ORIGIN).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, Some(ORIGIN)));
}

#[tokio::test]
async fn every_origin_may_be_allowed() {
    let accord = Accord::start_with(Options::default().variable("cors_origins", &"*")).await;
    let asked = preflight(&accord, "/api/accounts", "GET", "null").await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, Some("*")));
}
