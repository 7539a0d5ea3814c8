//! The directory as a whole, for its operator: taken out of this Accord, or brought into it, as lines of JSON.
//!
//! Both take the address and the password of an owner of the operator account at each request: see
//! [`accord_core::transfer::operator`].

use accord_core::store::Connection;
use accord_core::transfer::export::Export;
use accord_core::transfer::import::{self, Import, Progress};
use accord_core::transfer::operator;
use accord_core::{Error, Faults, log};
use accord_resources::Problems;
use accord_web::described::Count;
use accord_web::{Call, Failure, Result, authorization, body};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use serde::Serialize;
use std::iter;
use utoipa::ToSchema;

/// Where an export is.
pub const EXPORT: &str = "/api/export";
/// Where an import is.
pub const IMPORT: &str = "/api/import";

/// Lines of JSON. There is no registered type for them.
const LINES: &str = "application/x-ndjson";

const NO_STORE: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// How to prove who calls (RFC 7617), where a token does not.
pub const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Basic realm="accord", charset="UTF-8""#);

/// Where an export goes on.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by the generator only")]
struct Next {
    /// What the last line of the part before has as `next`.
    #[param(inline)]
    next: Option<crate::openapi::body::Mark>,
}

/// Where an import goes on.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by the generator only")]
struct First {
    /// The number of the first line of the body, among all. What has come before is passed over.
    #[param(inline, example = 1)]
    line: Option<crate::openapi::body::LineNumber>,
}

/// How far an import has come.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// How many lines have come.
    #[schema(value_type = Count)]
    lines: i64,
    /// Whether there are more to come. Until then nobody can use the directory.
    is_under_way: bool,
}

impl From<Progress> for Imported {
    fn from(Progress { lines, is_under_way }: Progress) -> Self {
        Self { lines, is_under_way }
    }
}

/// Take out the whole directory
///
/// Lines of JSON, one a row, with ids and hashes as they are: who has them can guess at passwords. Sessions, private keys, mails that
/// wait and limits are not in it. A part of them comes at a time, and a last line that says how to go on, as `{"next":"…"}`:
/// leave that line out, ask again with `next`, and put what comes behind what came. The whole ends with a line that begins with
/// `{"end":`, or, if somebody wrote meanwhile, with `{"changed":true}`: then it is to be taken out again. The audit notes it.
#[utoipa::path(
    get, operation_id = "directory_export", path = "/api/export", tag = "accounts",
    params(Next),
    responses((status = 200, description = "A part of the directory.", body = String, content_type = "application/x-ndjson"), Problems),
    security(("operator" = []))
)]
pub async fn export(call: Call, uri: Uri, headers: HeaderMap) -> Result<Response> {
    let (name, password) = authorization::basic(&headers)?;
    let connection = Connection::lease().await?;
    let operator = operator::authenticate(&connection, &name, &password, call.address).await?;
    drop(connection);
    let author = call.author(&operator.caller);
    call.refuse_demands()?;
    let next = parameter(&uri, "next")?;
    let mut export = Export::begin(author, &operator, next.as_deref()).await?;
    let chunks = iter::from_fn(move || export.lines().transpose()).map(|lines| {
        lines.map(Bytes::from).inspect_err(|error| log::error(None, format_args!("an export broke off: {error:#}")))
    });
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(LINES));
    Ok(([kind, NO_STORE], Body::from_stream(stream::iter(chunks))).into_response())
}

/// See how far an import has come
#[utoipa::path(
    get, operation_id = "directory_import_progress", path = "/api/import", tag = "accounts",
    responses((status = 200, description = "It is so far.", body = Imported), Problems),
    security(("operator" = []))
)]
pub async fn progress(call: Call, headers: HeaderMap) -> Result<Response> {
    let (name, password) = authorization::basic(&headers)?;
    let progress = import::progress(&Connection::lease().await?, &name, &password, call.address).await?;
    call.refuse_demands()?;
    Ok(told(progress))
}

/// Bring in a whole directory
///
/// Into an Accord in which there is nothing but its first start: its account, person, connector and packages go, and so does every token.
/// The body is lines of an export, as many as one likes: what follows comes with further requests, each of which says as `line` which is its
/// first. Lines are taken in batches, each whole or not at all, and a request takes them for some seconds: the answer says how many have
/// come. Until the last line has, every other request is answered `503`. Whoever began goes on, by the same address and password.
#[utoipa::path(
    post, operation_id = "directory_import", path = "/api/import", tag = "accounts",
    params(First),
    request_body(content = String, content_type = "application/x-ndjson", example = "{\"accord\":\"directory\"}"),
    responses((status = 200, description = "So many lines have come.", body = Imported), Problems),
    security(("operator" = []))
)]
pub async fn import(call: Call, uri: Uri, headers: HeaderMap, body: Body) -> Result<Response> {
    let (name, password) = authorization::basic(&headers)?;
    let first = match parameter(&uri, "line")? {
        None => 1,
        Some(line) => line
            .parse()
            .ok()
            .filter(|line| *line > 0)
            .ok_or_else(|| Error::Invalid(Faults::of("line", "must be the number of a line")))?,
    };
    let mut import = Import::begin(&name, &password, call.address, &call.request_id, first).await?;
    call.refuse_demands()?;
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Failure::UnsupportedCoding { understood: "identity" });
    }
    let mut frames = body.into_data_stream();
    let taken = take(&mut import, &mut frames).await;
    // What is not taken is read all the same, so that the client reads why.
    body::drain(Body::from_stream(frames)).await;
    taken?;
    Ok(told(import.finish().await?))
}

/// Takes the lines of a body, until it ends or the time of the request is over.
async fn take(import: &mut Import, frames: &mut axum::body::BodyDataStream) -> Result<()> {
    let mut begun: Vec<u8> = Vec::new();
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| Failure::Malformed("the body broke off".to_owned()))?;
        let mut parts = frame.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            if begun.len() + part.len() > import::LINE_MAX {
                return Err(Failure::TooLarge { limit: import::LINE_MAX });
            }
            begun.extend_from_slice(part);
            if parts.peek().is_some() {
                import.take(&begun).await?;
                begun.clear();
            }
        }
        if import.is_enough() {
            return Ok(());
        }
    }
    if begun.is_empty() { Ok(()) } else { Ok(import.take(&begun).await?) }
}

fn told(progress: Progress) -> Response {
    ([NO_STORE], Json(Imported::from(progress))).into_response()
}

/// A parameter of the query, which is there once at most.
fn parameter(uri: &Uri, name: &str) -> Result<Option<String>> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let mut values = form_urlencoded::parse(query).filter(|(given, _)| given == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(std::borrow::Cow::into_owned)),
        _ => Err(Error::Invalid(Faults::of(name, "is there twice")).into()),
    }
}
