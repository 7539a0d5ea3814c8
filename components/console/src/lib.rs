//! `GET /openapi.json`: the description of all APIs, by the OpenAPI Specification 3.1. `GET /reference`, the same for people. And
//! `GET /api/$metadata`, what the lists of the accounts API are to clients of `OData`.
//!
//! Each component describes its API by annotations, and a test of it keeps what they say in its `openapi.json`. A test here
//! puts these parts together, and makes the page of the whole, one of each page of `docs/apis`, and the metadata of the collections
//! of core. So all are files, which the component carries compressed, and it is granted nothing.

mod failure;

use std::sync::{LazyLock, OnceLock};

use accord_web::described::{Tags, one_of};
use accord_web::{Api, Call, Failure, Result, conditional};
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use sha2::{Digest as _, Sha256};

/// A file of the component. An instance unpacks it when it is first asked for it.
type File = LazyLock<String>;

macro_rules! file {
    ($name:literal) => {
        LazyLock::new(|| accord_building::unpack(include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".zlib"))))
    };
}

/// The description of all APIs.
static DOCUMENT: File = file!("openapi.json");

/// What the lists are to clients of `OData`, as CSDL XML and as CSDL JSON.
static METADATA_XML: File = file!("metadata.xml");
static METADATA_JSON: File = file!("metadata.json");

/// The `ETag` of the document, and those of the metadata.
static TAG: LazyLock<String> = LazyLock::new(|| tag(&DOCUMENT));
static METADATA_XML_TAG: LazyLock<String> = LazyLock::new(|| tag(&METADATA_XML));
static METADATA_JSON_TAG: LazyLock<String> = LazyLock::new(|| tag(&METADATA_JSON));

/// An `ETag`: the SHA-256 of what it is of.
fn tag(text: &str) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(text)))
}

/// The description as a page.
static REFERENCE: Page = Page::of(file!("reference.html"));

/// The pages of `docs/apis`.
static GUIDES: [(&str, Page); 5] = [
    ("oauth", Page::of(file!("guides/oauth.html"))),
    ("portal", Page::of(file!("guides/portal.html"))),
    ("endpoint", Page::of(file!("guides/endpoint.html"))),
    ("administration", Page::of(file!("guides/administration.html"))),
    ("accounts", Page::of(file!("guides/accounts.html"))),
];

/// A page, and what its headers say, once somebody has asked for it.
struct Page {
    html: File,
    headers: OnceLock<(String, String)>,
}

impl Page {
    const fn of(html: File) -> Self {
        Self { html, headers: OnceLock::new() }
    }

    /// The `ETag`, and what the page may load: its style sheet, which is named by its hash, and nothing else.
    fn headers(&'static self) -> (&'static str, &'static str) {
        let (tag, policy) = self.headers.get_or_init(|| {
            let style = self.html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
            let hash = STANDARD.encode(Sha256::digest(style.map_or("", |(style, _)| style)));
            let nothing = "form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
            (tag(&self.html), format!("default-src 'none'; style-src 'sha256-{hash}'; {nothing}"))
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
        answer(headers, tag, own, &self.html)
    }
}

struct Console;

impl Api for Console {
    const NAME: &'static str = "console";
    type Failure = Failure;

    fn has_versions(_: &Method, path: &str) -> bool {
        matches!(path, "/openapi.json" | "/reference" | "/api/$metadata") || path.starts_with("/reference/")
    }

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        failure::render(failure)
    }
}

accord_web::operations! { Console,
    get "/openapi.json" => document,
    get "/reference" => reference,
    get "/reference/{api}" => guide,
    get "/api/$metadata" => metadata,
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
    answer(&headers, &TAG, || [(header::CONTENT_TYPE, "application/json")], &DOCUMENT)
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

/// What is asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by the generator only")]
struct Format {
    /// `xml` or `json`: what `Accept` says if it is left out, and XML if that says nothing.
    #[param(inline, rename = "$format", example = "json")]
    format: Option<FormatName>,
}

accord_web::values! {
    /// A format of the metadata.
    FormatName = one_of(["xml", "json", "application/xml", "application/json"]);
}

/// Get the metadata of the lists
///
/// What the lists of the accounts API are to clients of OData 4: their types, and which lies below which. As CSDL XML, or as CSDL
/// JSON if `$format` or `Accept` asks for it.
#[utoipa::path(
    get,
    operation_id = "console_metadata",
    path = "/api/$metadata",
    tag = "console",
    params(Format, IfNoneMatch),
    responses(
        (status = 200, description = "The metadata.", content((String = "application/xml"), (Object = "application/json"))),
        (status = 304, description = "The caller has the metadata."),
        (status = 406, description = "There is no such format."),
        (status = 412, description = "The metadata is another than `If-Match` names.")
    )
)]
async fn metadata(uri: Uri, headers: HeaderMap) -> Result<Response> {
    let own =
        |media_type| move || [(header::CONTENT_TYPE, media_type), (header::VARY, "Accept"), (ODATA_VERSION, "4.0")];
    match wants_json(&uri, &headers) {
        Some(true) => answer(&headers, &METADATA_JSON_TAG, own("application/json"), &METADATA_JSON),
        Some(false) => answer(&headers, &METADATA_XML_TAG, own("application/xml"), &METADATA_XML),
        None => Ok(StatusCode::NOT_ACCEPTABLE.into_response()),
    }
}

/// The version of `OData` that an answer speaks (part 1, section 8.1.5).
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");

/// Whether JSON is asked for: by `$format`, which goes before (`OData` part 1, section 11.2.11), or by `Accept`. `None` if something else
/// is.
fn wants_json(uri: &Uri, headers: &HeaderMap) -> Option<bool> {
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut formats = query.filter(|(name, _)| name.trim_start_matches('$').eq_ignore_ascii_case("format"));
    if let Some((_, format)) = formats.next() {
        return match format.split(';').next().unwrap_or_default() {
            "json" | "application/json" => Some(true),
            "xml" | "application/xml" => Some(false),
            _ => None,
        };
    }
    let lines = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let mut types = lines.flat_map(|line| line.split(',')).filter_map(|one| one.split(';').next()).map(str::trim);
    Some(
        types.find_map(|one| match one {
            "application/json" => Some(true),
            "application/xml" | "text/xml" | "*/*" | "application/*" => Some(false),
            _ => None,
        }) == Some(true),
    )
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
    use std::collections::BTreeSet;

    use accord_description::metadata;
    use serde_json::Value;
    use utoipa::OpenApi as _;

    use super::*;

    /// The parts, each with an `openapi.json` of its own.
    const PARTS: &[&str] =
        &["oauth", "portal", "endpoint", "administration", "accounts", "people", "directory", "pages"];

    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "Accord", description = "One account directory behind four published account APIs."),
        servers((url = "/", description = "Where this document is")),
        paths(document, reference, guide, super::metadata),
        tags((name = "console", description = "This description, and what the lists are to clients of OData")),
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
    fn the_metadata_is_what_the_lists_are() {
        accord_description::keep_text(concat!(env!("CARGO_MANIFEST_DIR"), "/metadata.xml"), &metadata::xml());
        accord_description::keep(concat!(env!("CARGO_MANIFEST_DIR"), "/metadata.json"), &metadata::json());
        let described = described();
        for (path, names) in metadata::paths() {
            let operation = &described["paths"][path.as_str()]["get"];
            let page =
                described.pointer(&schema(&operation["responses"]["200"]["content"]["application/json"]["schema"]));
            let page = page.unwrap_or_else(|| panic!("{path} is no list"));
            let shown = described.pointer(&schema(&page["properties"]["value"]["items"])).expect("what is listed");
            let shown = shown["properties"].as_object().expect("fields");
            assert_eq!(shown.keys().map(String::as_str).collect::<BTreeSet<_>>(), names, "{path}");
        }
    }

    /// Where the schema is that is referred to.
    fn schema(reference: &Value) -> String {
        reference["$ref"].as_str().unwrap_or_default().trim_start_matches('#').to_owned()
    }

    #[test]
    fn json_is_asked_for_by_format_or_by_accept() {
        for (query, accept, wanted) in [
            ("", None, Some(false)),
            ("", Some("*/*"), Some(false)),
            ("", Some("application/json;odata.metadata=minimal, */*"), Some(true)),
            ("", Some("text/html, application/xml;q=0.9"), Some(false)),
            ("?$format=json", Some("application/xml"), Some(true)),
            ("?%24format=application%2Fxml", Some("application/json"), Some(false)),
            ("?$format=atom", None, None),
        ] {
            let uri = format!("/api/$metadata{query}").parse().expect("an address");
            let sent = accept.map(|accept| (header::ACCEPT, http::HeaderValue::from_static(accept)));
            assert_eq!(wants_json(&uri, &HeaderMap::from_iter(sent)), wanted, "{query} {accept:?}");
        }
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
