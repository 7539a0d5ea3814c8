//! `GET /openapi.json`: the description of all APIs, by the OpenAPI Specification 3.1.
//!
//! Each component describes its API by annotations, and a test of it keeps what they say in its `openapi.json`. A test here
//! puts these parts together. So the document is a file, and the one component that carries it is granted nothing.

mod problem;

use std::sync::LazyLock;

use accord_core::call::{self, Call};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode, header};
use sha2::{Digest as _, Sha256};

/// The description of all APIs.
const DOCUMENT: &str = include_str!("../openapi.json");

/// The `ETag` of the document: its SHA-256.
static TAG: LazyLock<String> =
    LazyLock::new(|| format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(DOCUMENT.as_bytes()))));

thread_local! {
    static ROUTER: axum::Router = routes();
}

accord_core::operations! {
    get "/openapi.json" => document,
    _ => problem::unknown_path, problem::unknown_method,
}

/// Answers a request. (Exported to Spin; natively, where unit tests run, there is nothing to export to.)
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: spin_sdk::http::Request) -> Response {
    call::route("console", &ROUTER, request).await
}

/// Get the description of all APIs
#[cfg_attr(not(target_family = "wasm"), utoipa::path(get, operation_id = "console_document", path = "/openapi.json", tag = "console",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the document that the caller has.")),
    responses(
        (status = 200, description = "This document.", content_type = "application/json", body = serde_json::Value),
        (status = 304, description = "The caller has the document.")
    )
))]
async fn document(call: Call, headers: HeaderMap) -> Response {
    let tag = [(header::ETAG, TAG.as_str())];
    if is_known(&headers, &TAG) {
        return call.sign((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    call.sign((tag, [(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response())
}

/// Whether `If-None-Match` names the tag (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    // Our tag has no comma in it.
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::Value;
    use utoipa::OpenApi as _;

    use super::*;

    /// The parts, each with an `openapi.json` of its own.
    const PARTS: &[&str] = &["oauth", "portal", "endpoint", "administration", "accounts"];

    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "Accord", description = "One account directory behind four published account APIs."),
        paths(document),
        tags((name = "console", description = "This description")),
    )]
    struct Description;

    fn own() -> Value {
        let mut own = Description::openapi();
        // Made of a field that our packages do not have.
        own.info.license = None;
        serde_json::to_value(own).expect("a description is JSON")
    }

    /// What is said here, and what each part says. Files are read and not included: a test that writes one comes first.
    fn described() -> Value {
        let read = |component: &&str| {
            let path = format!("{}/../{component}/openapi.json", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        accord_description::merge(std::iter::once(own()).chain(PARTS.iter().map(read)))
    }

    #[test]
    fn the_file_is_what_the_parts_say() {
        accord_description::keep(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &described());
    }

    #[test]
    fn what_is_routed_is_described_and_what_is_described_is_routed() {
        accord_description::prove(&own(), OPERATIONS);
    }

    #[test]
    fn a_caller_that_has_the_document_says_so_in_several_ways() {
        for (text, known) in [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false)]
        {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(text))]);
            assert_eq!(is_known(&headers, "\"a\""), known, "{text}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"a\""));
    }
}
