//! Errors of this API: `application/problem+json` (RFC 9457) with the document's code in `code`.

use std::collections::BTreeMap;

use accord_core::Error;
use accord_core::call::Call;
use accord_core::error::{Conflict, Thing};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde::Serialize;

/// The body of an error. There are no types of our own: status, title and code say it all (RFC 9457, section 4.2.1).
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    /// The code of the API's document where it has one ("Error Responses"), or Accord's.
    code: &'static str,
    /// Field (or query option, or header) → what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a BTreeMap<String, String>>,
}

/// How an operation may fail, for its description.
#[cfg(not(target_family = "wasm"))]
#[derive(utoipa::IntoResponses)]
#[allow(dead_code, reason = "read by the generator only")]
pub enum Problems {
    /// The request is malformed, or `errors` says what is wrong with which field.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem<'static>),
    /// Nobody is signed in, or the token is invalid, expired or revoked.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem<'static>),
    /// The caller does not have the required role.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem<'static>),
    /// There is no such thing, or the caller may not see it.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem<'static>),
    /// The request contradicts what is there.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem<'static>),
    /// It was changed meanwhile (`If-Match`).
    #[response(status = 412, content_type = "application/problem+json")]
    PreconditionFailed(Problem<'static>),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem<'static>),
    /// The body is not JSON by its media type.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem<'static>),
    /// The `Idempotency-Key` was used with another body.
    #[response(status = 422, content_type = "application/problem+json")]
    KeyReused(Problem<'static>),
    /// Too many of these: `Retry-After` says when again.
    #[response(status = 429, content_type = "application/problem+json")]
    TooManyRequests(Problem<'static>),
    /// Something went wrong in the service. Nothing was changed.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem<'static>),
    /// The directory is busy: `Retry-After` says when again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem<'static>),
}

/// The answer to a request that failed.
pub fn answer(call: &Call, error: &Error) -> Response {
    let errors = match error {
        Error::Invalid(faults) => Some(faults.shown()),
        _ => None,
    };
    let mut response = render(error.status(), code(error), &error.public_text(&call.request_id), errors);
    error.add_headers(response.headers_mut());
    call.sign(response)
}

/// The code for programs. The first four are the document's.
fn code(error: &Error) -> &'static str {
    match error {
        Error::NotFound(Thing::Account) => "ACCOUNT_NOT_FOUND",
        Error::Conflict(Conflict::NameTaken) => "ACCOUNT_ALREADY_EXISTS",
        Error::Forbidden { .. } => "UNAUTHORIZED",
        Error::Conflict(Conflict::AlreadyMember) => "USER_ALREADY_IN_ACCOUNT",
        Error::NotFound(Thing::User) => "USER_NOT_FOUND",
        Error::NotFound(Thing::Connector) => "CONNECTOR_NOT_FOUND",
        Error::NotFound(Thing::Path) => "NOT_FOUND",
        Error::Conflict(Conflict::AddressTaken) => "USER_ALREADY_EXISTS",
        Error::Conflict(Conflict::LastOwner) => "LAST_OWNER",
        Error::Conflict(Conflict::NotInvited) => "NOT_INVITED",
        Error::Conflict(Conflict::OwnsAccounts | Conflict::IsOperator) => "ACCOUNT_IN_USE",
        Error::Conflict(
            Conflict::SubdomainTaken
            | Conflict::AdministratorTaken
            | Conflict::PackageTaken
            | Conflict::NoAddress
            | Conflict::Paused
            | Conflict::Ambiguous,
        )
        | Error::Duplicate { .. } => "CONFLICT",
        Error::PreconditionFailed => "CHANGED_MEANWHILE",
        Error::KeyReused => "IDEMPOTENCY_KEY_REUSED",
        Error::Unauthenticated(_) => "UNAUTHENTICATED",
        Error::Invalid(_) => "INVALID",
        Error::Malformed(_) => "MALFORMED",
        Error::TooLarge { .. } | Error::TooMany { .. } => "TOO_LARGE",
        Error::UnsupportedMediaType { .. } => "UNSUPPORTED_MEDIA_TYPE",
        Error::TooManyRequests { .. } => "TOO_MANY_REQUESTS",
        Error::Unavailable { .. } => "UNAVAILABLE",
        Error::Internal(_) => "INTERNAL",
    }
}

fn render(status: StatusCode, code: &'static str, detail: &str, errors: Option<&BTreeMap<String, String>>) -> Response {
    let problem = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail,
        code,
        errors,
    };
    // A problem is made of strings and numbers: writing it cannot fail.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

/// A path that is not there.
pub async fn unknown_path(call: Call) -> Response {
    answer(&call, &Error::NotFound(Thing::Path))
}

/// A path that is there, by another method. The router adds `Allow`.
pub async fn unknown_method(call: Call) -> Response {
    let detail = "the method is not allowed here";
    call.sign(render(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", detail, None))
}
