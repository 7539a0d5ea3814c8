//! The error object, in everything that is refused or goes wrong.

use std::collections::HashSet;

use accord_tests::answer;
use accord_tests::endpoint::{Endpoint, RECORD, full};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn each_answer_has_a_fresh_request_key_in_its_headers_and_in_its_error() {
    let endpoint = Endpoint::start().await;
    let mut keys = HashSet::new();
    for body in [json!({}), json!({}), json!({ "Id": "x" }), json!([]), json!({ "Name": 1 })] {
        let answer = endpoint.patch(&body).await;
        let key = answer.header("requestkey").expect("a request key");
        assert_eq!(answer.header("x-request-id"), Some(key));
        if answer.status != 200 {
            assert_eq!(answer.json()["RequestKey"], key);
        }
        assert_eq!(key.len(), 36);
        assert!(keys.insert(key.to_owned()), "{key} is there twice");
    }
}

#[tokio::test]
async fn a_body_that_is_no_record_is_the_documents_400() {
    let endpoint = Endpoint::start().await;
    let send = async |body: &'static str| {
        let request = endpoint.accord.request_as(&endpoint.token, Method::PATCH, RECORD);
        answer(request.header("content-type", "application/json").body(body)).await
    };
    assert_snapshot!(send(r#"{"Name":"#).await, @r#"
    400
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "The user has provided input that the browser is unable to convert.",
        "the body is not valid JSON: EOF while parsing a value at line 1 column 8"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 400,
      "Title": "Bad Request",
      "Type": "/Errors/Bad Input"
    }
    "#);
    assert_snapshot!(send(r#"["Name"]"#).await, @r#"
    400
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "The user has provided input that the browser is unable to convert.",
        "The value does not match the specified entity structure: it must be an object, not an array"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 400,
      "Title": "Bad Request",
      "Type": "/Errors/Bad Input"
    }
    "#);
    assert_snapshot!(send(r#"{"Name":"a","Name":"b"}"#).await.json()["Errors"], @r#"["The user has provided input that the browser is unable to convert.","the body is not valid JSON: the key \"Name\" is there twice at line 1 column 23"]"#);
    for body in ["", "null", "7", "\"x\"", "\u{feff}"] {
        assert_eq!(send(body).await.status, 400, "{body:?}");
    }
    assert_eq!(endpoint.records(), 0);
}

#[tokio::test]
async fn what_http_refuses_has_the_documents_shape() {
    let endpoint = Endpoint::start().await;
    let request = |method, path: &str| endpoint.accord.request(method, path).bearer_auth(&endpoint.token);
    assert_snapshot!(answer(request(Method::PATCH, "/Endpoint/rest/api/v1/Acount")).await, @r#"
    404
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "path not found"
      ],
      "Instance": "/Endpoint/rest/api/v1/Acount",
      "RequestKey": "[uuid]",
      "StatusCode": 404,
      "Title": "Not Found",
      "Type": "/Errors/Not Found"
    }
    "#);
    assert_snapshot!(answer(request(Method::GET, RECORD)).await, @r#"
    405
    allow: PATCH,POST
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "the method is not allowed here"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 405,
      "Title": "Method Not Allowed",
      "Type": "/Errors/Method Not Allowed"
    }
    "#);
    assert_snapshot!(answer(request(Method::PATCH, RECORD).header("content-type", "text/plain").body("{}")).await, @r#"
    415
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "the body must be application/json"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 415,
      "Title": "Unsupported Media Type",
      "Type": "/Errors/Unsupported Media Type"
    }
    "#);
    let large = json!({ "Name": "x".repeat(64 * 1024) });
    assert_snapshot!(endpoint.patch(&large).await, @r#"
    413
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "the body may have at most 65536 bytes"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 413,
      "Title": "Payload Too Large",
      "Type": "/Errors/Payload Too Large"
    }
    "#);
    assert_eq!(answer(request(Method::DELETE, RECORD)).await.status, 405);
    assert_eq!(endpoint.records(), 0);
}

#[tokio::test]
async fn what_goes_wrong_inside_is_the_documents_500_and_nothing_is_half_written() {
    let endpoint = Endpoint::start().await;
    // The audit comes after the record.
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'broken'); END";
    endpoint.accord.store().execute(broken, ());
    assert_snapshot!(endpoint.patch(&full()).await, @r#"
    500
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "An internal server error is an error on the web server you're trying to access."
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 500,
      "Title": "Internal Server Error",
      "Type": "/Errors/Internal Server Error"
    }
    "#);
    assert_eq!(endpoint.records(), 0);
    endpoint.accord.store().execute("DROP TRIGGER broken", ());
    endpoint.record(&full()).await;
}

#[tokio::test]
async fn a_directory_that_stays_locked_is_503_and_says_when_to_come_back() {
    let endpoint = Endpoint::start().await;
    let store = endpoint.accord.store();
    store.execute("BEGIN IMMEDIATE", ());
    assert_snapshot!(endpoint.patch(&full()).await, @r#"
    503
    content-type: application/json
    requestkey: [uuid]
    retry-after: 1
    x-request-id: [uuid]

    {
      "Errors": [
        "the directory is busy"
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 503,
      "Title": "Service Unavailable",
      "Type": "/Errors/Service Unavailable"
    }
    "#);
    store.execute("ROLLBACK", ());
    endpoint.record(&full()).await;
}
