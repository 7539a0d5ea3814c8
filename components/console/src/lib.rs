//! `GET /openapi.json`: the description of all APIs, by the OpenAPI Specification 3.1.
//!
//! Each component describes its API by annotations, and a test of it keeps what they say in its `openapi.json`. A test here
//! puts these parts together. So the document is a file, and the one component that carries it is granted nothing.

mod failure;

use std::sync::LazyLock;

use accord_web::{Api, Call, Failure, Result, conditional};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Method, StatusCode, header};
use sha2::{Digest as _, Sha256};

/// The description of all APIs.
const DOCUMENT: &str = include_str!("../openapi.json");

/// The `ETag` of the document: its SHA-256.
static TAG: LazyLock<String> =
    LazyLock::new(|| format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(DOCUMENT.as_bytes()))));

struct Console;

impl Api for Console {
    const NAME: &'static str = "console";
    type Failure = Failure;

    fn has_versions(_: &Method, path: &str) -> bool {
        path == "/openapi.json"
    }

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        failure::render(failure)
    }
}

accord_web::operations! { Console,
    get "/openapi.json" => document,
}

/// The version of the document that the caller has.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "read by the generator only")]
struct IfNoneMatch {
    /// The `ETag` of the document that the caller has.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// Get the description of all APIs
#[utoipa::path(
    get,
    operation_id = "console_document",
    path = "/openapi.json",
    tag = "console",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "This document.", content_type = "application/json", body = serde_json::Value),
        (status = 304, description = "The caller has the document."),
        (status = 412, description = "The document is another than `If-Match` names.")
    )
)]
async fn document(headers: HeaderMap) -> Result<Response> {
    conditional::require_wanted(&headers, &TAG)?;
    let tag = [(header::ETAG, TAG.as_str())];
    if conditional::is_known(&headers, &TAG) {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok((tag, [(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use utoipa::OpenApi as _;

    use super::*;

    /// The parts, each with an `openapi.json` of its own.
    const PARTS: &[&str] = &["oauth", "portal", "endpoint", "administration", "accounts", "directory"];

    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "Accord", description = "One account directory behind four published account APIs."),
        servers((url = "/", description = "Where this document is")),
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
}
