//! How a body may come: with which media type, in which coding, and with a byte order mark.

use std::io::Write as _;

use accord_tests::endpoint::RECORD;
use accord_tests::oauth::TOKEN;
use accord_tests::portal::ACCOUNTS;
use accord_tests::{Accord, Answer, CLIENT_ID, CLIENT_SECRET, answer};
use flate2::Compression;
use flate2::write::GzEncoder;
use insta::assert_snapshot;
use reqwest::{Method, RequestBuilder};

const FORM: &str = "application/x-www-form-urlencoded";
const MARK: &str = "\u{feff}";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// A request as an API takes it, without its body, and a body that does the same each time.
async fn requests(accord: &Accord) -> Vec<(&'static str, Box<dyn Fn() -> RequestBuilder + '_>, &'static str)> {
    let operator = accord.operator().await;
    let (admin, connector) = (accord.admin().await, accord.token().await);
    let of_connector = connector.clone();
    vec![
        ("portal", Box::new(move || accord.request_as(&connector, Method::PATCH, ACCOUNTS)), "{}"),
        (
            "endpoint",
            Box::new(move || accord.request_as(&of_connector, Method::PATCH, RECORD)),
            r#"{"Username":"jane"}"#,
        ),
        (
            "administration",
            Box::new(move || accord.as_administrator(&operator, Method::POST, "")),
            r#"{"action":"list_accounts"}"#,
        ),
        (
            "accounts",
            Box::new(move || accord.request_as(&admin, Method::PUT, "/api/accounts/1")),
            r#"{"description":"the operator"}"#,
        ),
    ]
}

#[tokio::test]
async fn json_needs_no_media_type_where_no_document_asks_for_one() {
    let accord = Accord::start().await;
    for (api, request, body) in requests(&accord).await {
        let undeclared = if api == "portal" { 415 } else { 200 };
        for (media_type, expected) in [
            (None, undeclared),
            (Some(FORM), undeclared),
            (Some("application/json; charset=utf-8"), 200),
            (Some("application/vnd.api+json"), 200),
            (Some("text/plain"), 415),
            (Some("application/xml"), 415),
        ] {
            let request = media_type.into_iter().fold(request(), |request, it| request.header("content-type", it));
            let answered = answer(request.body(body)).await;
            assert_eq!(answered.status, expected, "{api} {media_type:?}: {answered}");
        }
    }
}

#[tokio::test]
async fn a_body_may_be_coded_by_gzip_within_the_limit_and_begin_with_a_mark() {
    let accord = Accord::start().await;
    for (api, request, body) in requests(&accord).await {
        let request = || request().header("content-type", "application/json");
        let coded = async |coding: &str, body: Vec<u8>| -> Answer {
            answer(request().header("content-encoding", coding).body(body)).await
        };
        let marked = answer(request().body(format!("{MARK}{body}"))).await;
        assert_eq!(marked.status, 200, "{api}: {marked}");
        for (coding, sent, expected) in [
            ("identity", body.as_bytes().to_vec(), 200),
            ("gzip", gzip(body), 200),
            ("x-gzip", gzip(&format!("{MARK}{body}")), 200),
            ("gzip", body.as_bytes().to_vec(), 400),
            ("gzip", gzip(&" ".repeat(11 * 1024 * 1024)), 413),
            ("br", body.as_bytes().to_vec(), 415),
            ("gzip, gzip", gzip(body), 415),
        ] {
            let answered = coded(coding, sent).await;
            assert_eq!(answered.status, expected, "{api} {coding}: {answered}");
            assert_eq!(answered.header("accept-encoding"), Some("gzip").filter(|_| expected == 415), "{api} {coding}");
        }
    }
    let form = format!("grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}");
    let request = accord.request(Method::POST, TOKEN).header("content-type", FORM).header("content-encoding", "gzip");
    assert_snapshot!("unsupported_coding", answer(request.body(gzip(&form))).await);
}
