//! Errors of this API: `application/problem+json` (RFC 9457).

use std::collections::BTreeMap;

use accord_core::Faults;
use accord_core::error::Error;
use accord_web::Failure;
use accord_web::described::{ProblemStatus, ProblemType};
use axum::response::{IntoResponse as _, Response};
use http::header;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// The body of an error. There are no types of our own: status and title say it all (RFC 9457, section 4.2.1).
#[derive(Serialize, ToSchema)]
#[schema(as = PortalProblem)]
pub struct Problem<'a> {
    #[serde(rename = "type")]
    #[schema(value_type = ProblemType)]
    kind: &'static str,
    #[schema(example = "Bad Request")]
    title: &'a str,
    #[schema(value_type = ProblemStatus)]
    status: u16,
    #[schema(example = "see errors")]
    detail: &'a str,
    /// External id (or place in the array) → what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a BTreeMap<String, String>>,
    /// How many external ids the body would unbind, where it is refused for that: `unbind` confirms the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    unbinds: Option<i64>,
    /// How many more are wrong than `errors` lists.
    #[serde(rename = "moreErrors", skip_serializing_if = "Option::is_none")]
    more_errors: Option<usize>,
}

/// How an operation may fail, for its description.
#[derive(IntoResponses)]
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
    /// The body would unbind more external ids than the guard of the connector lets it, and does not confirm their number.
    #[response(status = 409, content_type = "application/problem+json")]
    Unconfirmed(Problem<'static>),
    /// The request demands a version (`If-Match`), and there are none.
    #[response(status = 412, content_type = "application/problem+json")]
    PreconditionFailed(Problem<'static>),
    /// The body has more than 10 MiB or 100,000 entries.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem<'static>),
    /// The body is not JSON by its media type, or coded in another way than by gzip.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem<'static>),
    /// Something went wrong in the service. Nothing was applied.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem<'static>),
    /// The directory is busy: `Retry-After` says when again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem<'static>),
}

/// A failure in this API's shape.
pub fn render(failure: &Failure) -> Response {
    let (status, faults) = (failure.status(), failure.faults());
    let detail = match failure {
        Failure::MethodNotAllowed => "this API takes PATCH only".to_owned(),
        other => other.text(),
    };
    let problem = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail: &detail,
        errors: faults.map(Faults::shown),
        unbinds: match failure {
            Failure::Domain(Error::Unconfirmed { unbound, .. }) => Some(*unbound),
            _ => None,
        },
        more_errors: faults.map(Faults::omitted).filter(|more| *more > 0),
    };
    // A problem is made of strings and numbers: writing it cannot fail.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
    failure.add_headers(response.headers_mut());
    response
}
