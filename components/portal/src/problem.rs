//! Errors of this API: `application/problem+json` (RFC 9457).

use std::collections::BTreeMap;

use accord_core::Error;
use accord_core::call::Call;
use accord_core::error::Thing;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde::Serialize;

/// The body of an error. There are no types of our own: status and title say it all (RFC 9457, section 4.2.1).
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[cfg_attr(not(target_family = "wasm"), schema(as = PortalProblem))]
pub struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    /// External id (or place in the array) → what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a BTreeMap<String, String>>,
    /// How many more are wrong than `errors` lists.
    #[serde(rename = "moreErrors", skip_serializing_if = "Option::is_none")]
    more_errors: Option<usize>,
}

/// How an operation may fail, for its description.
#[cfg(not(target_family = "wasm"))]
#[derive(utoipa::IntoResponses)]
#[allow(dead_code, reason = "read by the generator only")]
pub enum Problems {
    /// The request is malformed, or `errors` says what is wrong with which entry. Nothing was applied.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem<'static>),
    /// The access token is missing, invalid, expired or revoked.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem<'static>),
    /// The access token has not the scope `portal:write`.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem<'static>),
    /// Ten writes in a row failed: the connector's writes are paused until it is resumed.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem<'static>),
    /// The body has more than 10 MiB or 100,000 entries.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem<'static>),
    /// The body is not JSON by its media type.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem<'static>),
    /// Something went wrong in the service. Nothing was applied.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem<'static>),
    /// The directory is busy: `Retry-After` says when again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem<'static>),
}

/// The answer to a request that failed.
pub fn answer(call: &Call, error: &Error) -> Response {
    let faults = match error {
        Error::Invalid(faults) => Some(faults),
        _ => None,
    };
    let status = error.status();
    let problem = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail: &error.public_text(&call.request_id),
        errors: faults.map(accord_core::Faults::shown),
        more_errors: faults.map(accord_core::Faults::omitted).filter(|more| *more > 0),
    };
    let mut response = render(status, &problem);
    error.add_headers(response.headers_mut());
    call.sign(response)
}

fn render(status: StatusCode, problem: &Problem<'_>) -> Response {
    // A problem is made of strings and numbers: writing it cannot fail.
    let body = serde_json::to_vec(problem).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

/// A path that is not there.
pub async fn unknown_path(call: Call) -> Response {
    answer(&call, &Error::NotFound(Thing::Path))
}

/// A method other than `PATCH`: the API is write-only. The router adds `Allow`.
pub async fn unknown_method(call: Call) -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let problem = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail: "this API takes PATCH only",
        errors: None,
        more_errors: None,
    };
    call.sign(render(status, &problem))
}
