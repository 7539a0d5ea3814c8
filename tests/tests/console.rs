//! The description of all APIs, and that it tells the truth about what is there.

use accord_tests::{Accord, answer};
use insta::assert_snapshot;
use reqwest::Method;

#[tokio::test]
async fn every_described_operation_is_there_and_no_other_method_is() {
    let accord = Accord::start().await;
    let description = answer(accord.request(Method::GET, "/openapi.json")).await.json();
    let paths = description["paths"].as_object().expect("paths");
    for path in ["/api/accounts/{id}", "/api/integrations/v1/users", "/Endpoint/rest/api/v1/Account", "/oauth/token"] {
        assert!(paths.contains_key(path), "{path}");
    }
    for (path, operations) in paths {
        let concrete = path.replace(['{', '}'], "");
        for method in ["get", "put", "post", "delete", "patch"] {
            let described = operations.get(method).is_some();
            let request = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let answer = answer(accord.request(request, &concrete)).await;
            assert_eq!(answer.status != 405, described, "{method} {path}: {answer}");
            assert!(!answer.body.contains("\"NOT_FOUND\""), "{method} {path}: {answer}");
        }
    }
}

#[tokio::test]
async fn the_description_says_where_and_to_whom() {
    let accord = Accord::start().await;
    let description = answer(accord.request(Method::GET, "/openapi.json")).await.json();
    assert_eq!(description["servers"][0]["url"], "/");
    let mut open = Vec::new();
    for (path, operations) in description["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let security = operation["security"].as_array().unwrap_or_else(|| panic!("{method} {path} does not say"));
            if security.is_empty() {
                open.push(format!("{method} {path}"));
            }
        }
    }
    assert_snapshot!("open_operations", open.join("\n"));
    let input = &description["components"]["schemas"]["AccountData"];
    assert_eq!(input["required"], serde_json::Value::Null, "every field of a record is optional");
}

#[tokio::test]
async fn the_description_is_sent_once_to_who_keeps_it() {
    let accord = Accord::start().await;
    let first = answer(accord.request(Method::GET, "/openapi.json")).await;
    assert_eq!((first.status, first.header("content-type")), (200, Some("application/json")), "{first}");
    assert_eq!(first.json()["info"]["title"], "Accord");
    let tag = first.header("etag").expect("an ETag").to_owned();
    let again = answer(accord.request(Method::GET, "/openapi.json").header("If-None-Match", &tag)).await;
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(tag.as_str())), "{again}");
    let other = answer(accord.request(Method::GET, "/openapi.json").header("If-None-Match", "\"another\"")).await;
    assert_eq!(other.body, first.body);
}

#[tokio::test]
async fn the_description_is_only_read() {
    let accord = Accord::start().await;
    assert_snapshot!(answer(accord.request(Method::PUT, "/openapi.json")).await);
}
