//! `GET /openapi.json`: the description of all APIs, by the OpenAPI Specification 3.1. And `GET /reference`, the same for people.
//!
//! Each component describes its API by annotations, and a test of it keeps what they say in its `openapi.json`. A test here
//! puts these parts together, and makes the page of the whole, and one of each page of `docs/apis`. So all are files, and the one
//! component that carries them is granted nothing.

mod failure;

use std::sync::{LazyLock, OnceLock};

use accord_web::described::Tags;
use accord_web::{Api, Call, Failure, Result, conditional};
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use sha2::{Digest as _, Sha256};

/// The description of all APIs.
const DOCUMENT: &str = include_str!("../openapi.json");

/// The `ETag` of the document.
static TAG: LazyLock<String> = LazyLock::new(|| tag(DOCUMENT));

/// An `ETag`: the SHA-256 of what it is of.
fn tag(text: &str) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(text)))
}

/// The description as a page.
static REFERENCE: Page = Page::of(include_str!("../reference.html"));

/// The pages of `docs/apis`.
static GUIDES: [(&str, Page); 5] = [
    ("oauth", Page::of(include_str!("../guides/oauth.html"))),
    ("portal", Page::of(include_str!("../guides/portal.html"))),
    ("endpoint", Page::of(include_str!("../guides/endpoint.html"))),
    ("administration", Page::of(include_str!("../guides/administration.html"))),
    ("accounts", Page::of(include_str!("../guides/accounts.html"))),
];

/// A page, and what its headers say, once somebody has asked for it.
struct Page {
    html: &'static str,
    headers: OnceLock<(String, String)>,
}

impl Page {
    const fn of(html: &'static str) -> Self {
        Self { html, headers: OnceLock::new() }
    }

    /// The `ETag`, and what the page may load: its style sheet, which is named by its hash, and nothing else.
    fn headers(&'static self) -> (&'static str, &'static str) {
        let (tag, policy) = self.headers.get_or_init(|| {
            let style = self.html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
            let hash = STANDARD.encode(Sha256::digest(style.map_or("", |(style, _)| style)));
            let nothing = "form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
            (tag(self.html), format!("default-src 'none'; style-src 'sha256-{hash}'; {nothing}"))
        });
        (tag, policy)
    }

    fn answer(&'static self, headers: &HeaderMap) -> Result<Response> {
        let (tag, policy) = self.headers();
        let own = || {
            [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_SECURITY_POLICY, policy),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::REFERRER_POLICY, "no-referrer"),
            ]
        };
        answer(headers, tag, own, self.html)
    }
}

struct Console;

impl Api for Console {
    const NAME: &'static str = "console";
    type Failure = Failure;

    fn has_versions(_: &Method, path: &str) -> bool {
        path == "/openapi.json" || path == "/reference" || path.starts_with("/reference/")
    }

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        failure::render(failure)
    }
}

accord_web::operations! { Console,
    get "/openapi.json" => document,
    get "/reference" => reference,
    get "/reference/{api}" => guide,
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
    REFERENCE.answer(&headers)
}

/// The APIs that have a page.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "read by the generator only")]
enum Guide {
    Oauth,
    Portal,
    Endpoint,
    Administration,
    Accounts,
}

/// Get the page of an API
///
/// What each operation does, with an example, and what Accord decides where the API's document is silent.
#[utoipa::path(
    get,
    operation_id = "console_guide",
    path = "/reference/{api}",
    tag = "console",
    params(("api" = inline(Guide), Path, description = "The API."), IfNoneMatch),
    responses(
        (status = 200, description = "The page.", content_type = "text/html", body = String),
        (status = 304, description = "The caller has the page."),
        (status = 404, description = "There is no such page."),
        (status = 412, description = "The page is another than `If-Match` names.")
    )
)]
async fn guide(Path(api): Path<String>, headers: HeaderMap) -> Result<Response> {
    let (_, page) = GUIDES.iter().find(|(name, _)| *name == api).ok_or(Failure::UnknownPath)?;
    page.answer(&headers)
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
        paths(document, reference, guide),
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
        let apis: Vec<_> = GUIDES.iter().map(|(api, _)| *api).collect();
        for api in &apis {
            let path = format!("{}/../../docs/apis/{api}.md", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let page = accord_description::guide::page(&text, &apis);
            accord_description::keep_text(&format!("{}/guides/{api}.html", env!("CARGO_MANIFEST_DIR")), &page);
        }
    }

    #[test]
    fn what_is_routed_is_described_and_what_is_described_is_routed() {
        accord_description::prove(&own(), OPERATIONS);
    }
}
