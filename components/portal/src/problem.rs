//! Errors of this API: `application/problem+json` (RFC 9457).

use std::collections::BTreeMap;

use accord_core::Error;
use accord_core::call::Call;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde::Serialize;

/// The body of an error. There are no types of our own: status and title say it all (RFC 9457, section 4.2.1).
#[derive(Serialize)]
struct Problem<'a> {
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
    answer(&call, &Error::NotFound("path"))
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
