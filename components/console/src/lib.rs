//! `GET /openapi.json`: the description of all APIs, by the OpenAPI Specification 3.1. And `GET /reference`, the same for people.
//!
//! Each component describes its API by annotations, and a test of it keeps what they say in its `openapi.json`. A test here
//! puts these parts together, and makes the page of the whole. So both are files, and the one component that carries them is
//! granted nothing.

mod failure;

use std::sync::LazyLock;

use accord_web::described::Tags;
use accord_web::{Api, Call, Failure, Result, conditional};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use sha2::{Digest as _, Sha256};

/// The description of all APIs.
const DOCUMENT: &str = include_str!("../openapi.json");

/// The description as a page.
const REFERENCE: &str = include_str!("../reference.html");

/// The `ETag` of the document, and that of the page: the SHA-256 of each.
static TAG: LazyLock<String> = LazyLock::new(|| tag(DOCUMENT));
static REFERENCE_TAG: LazyLock<String> = LazyLock::new(|| tag(REFERENCE));

fn tag(text: &str) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(text)))
}

/// What the page may load: its style sheet, which is named by its hash, and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = REFERENCE.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let hash = STANDARD.encode(Sha256::digest(style.map_or("", |(style, _)| style)));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
});

struct Console;

impl Api for Console {
    const NAME: &'static str = "console";
    type Failure = Failure;

    fn has_versions(_: &Method, path: &str) -> bool {
        matches!(path, "/openapi.json" | "/reference")
    }

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        failure::render(failure)
    }
}

accord_web::operations! { Console,
    get "/openapi.json" => document,
    get "/reference" => reference,
}

/// The version that the caller has.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "read by the generator only")]
struct IfNoneMatch {
    /// The `ETag` of what the caller has.
    #[param(inline, rename = "If-None-Match")]
    if_none_match: Option<Tags>,
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
    answer(&headers, &TAG, || [(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}

/// Get the description of all APIs as a page
#[utoipa::path(
    get,
    operation_id = "console_reference",
    path = "/reference",
    tag = "console",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "This page.", content_type = "text/html", body = String),
        (status = 304, description = "The caller has the page."),
        (status = 412, description = "The page is another than `If-Match` names.")
    )
)]
async fn reference(headers: HeaderMap) -> Result<Response> {
    let own = || {
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
        ]
    };
    answer(&headers, &REFERENCE_TAG, own, REFERENCE)
}

/// A file, to who does not have it yet.
fn answer<const N: usize>(
    headers: &HeaderMap,
    tag: &'static str,
    own: impl FnOnce() -> [(HeaderName, &'static str); N],
    text: &'static str,
) -> Result<Response> {
    conditional::require_wanted(headers, tag)?;
    let tagged = [(header::ETAG, tag)];
    if conditional::is_known(headers, tag) {
        return Ok((StatusCode::NOT_MODIFIED, tagged).into_response());
    }
    Ok((tagged, own(), text).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use utoipa::OpenApi as _;

    use super::*;

    /// The parts, each with an `openapi.json` of its own.
    const PARTS: &[&str] = &["oauth", "portal", "endpoint", "administration", "accounts", "directory", "pages"];

    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "Accord", description = "One account directory behind four published account APIs."),
        servers((url = "/", description = "Where this document is")),
        paths(document, reference),
        tags((name = "console", description = "This description")),
    )]
    struct Description;

    fn own() -> Value {
        let own = serde_json::to_value(Description::openapi()).expect("a description is JSON");
        accord_description::write_out(own)
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
    fn the_files_are_what_the_parts_say() {
        let described = described();
        accord_description::keep(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &described);
        let page = accord_description::reference::page(&described);
        accord_description::keep_text(concat!(env!("CARGO_MANIFEST_DIR"), "/reference.html"), &page);
    }

    #[test]
    fn what_is_routed_is_described_and_what_is_described_is_routed() {
        accord_description::prove(&own(), OPERATIONS);
    }
}
