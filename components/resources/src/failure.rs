//! Errors of this API: `application/problem+json` (RFC 9457) with the document's code in `code`.

use std::collections::BTreeMap;

use accord_core::Faults;
use accord_core::error::{Conflict, Error, Thing};
use accord_web::Failure;
use accord_web::described::{ProblemStatus, ProblemType};
use axum::response::{IntoResponse as _, Response};
use http::header;
use serde::Serialize;

/// The body of an error. There are no types of our own: status, title and code say it all (RFC 9457, section 4.2.1).
#[derive(Serialize, utoipa::ToSchema)]
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
    /// The code of the API's document where it has one ("Error Responses"), or Accord's.
    #[schema(example = "INVALID")]
    code: &'static str,
    /// Field (or query option, or header) → what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a BTreeMap<String, String>>,
}

/// How an operation may fail, for its description.
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
    /// It was changed meanwhile (`If-Match`), or is what is not wanted (`If-None-Match`), or has no versions.
    #[response(status = 412, content_type = "application/problem+json")]
    PreconditionFailed(Problem<'static>),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem<'static>),
    /// The body's media type is another than JSON, or its coding another than gzip.
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

/// A failure in this API's shape.
pub fn render(failure: &Failure) -> Response {
    let status = failure.status();
    let problem = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail: &failure.text(),
        code: code(failure),
        errors: failure.faults().map(Faults::shown),
    };
    // A problem is made of strings and numbers: writing it cannot fail.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
    failure.add_headers(response.headers_mut());
    response
}

/// The code for programs.
fn code(failure: &Failure) -> &'static str {
    match failure {
        Failure::UnknownPath => "NOT_FOUND",
        Failure::MethodNotAllowed => "METHOD_NOT_ALLOWED",
        Failure::Malformed(_) => "MALFORMED",
        Failure::TooLarge { .. } | Failure::TooMany { .. } => "TOO_LARGE",
        Failure::UnsupportedMediaType { .. } | Failure::UnsupportedCoding { .. } => "UNSUPPORTED_MEDIA_TYPE",
        Failure::Unversioned => "PRECONDITION_FAILED",
        Failure::Domain(error) => domain_code(error),
    }
}

/// The code of what the directory refused. The first four are the document's.
fn domain_code(error: &Error) -> &'static str {
    match error {
        Error::NotFound(Thing::Account) => "ACCOUNT_NOT_FOUND",
        Error::Conflict(Conflict::NameTaken) => "ACCOUNT_ALREADY_EXISTS",
        Error::Forbidden { .. } => "UNAUTHORIZED",
        Error::Conflict(Conflict::AlreadyMember) => "USER_ALREADY_IN_ACCOUNT",
        Error::NotFound(Thing::Person) => "USER_NOT_FOUND",
        Error::NotFound(Thing::Connector) => "CONNECTOR_NOT_FOUND",
        Error::NotFound(Thing::Record | Thing::Event) => "NOT_FOUND",
        Error::NotFound(Thing::Session) => "SESSION_NOT_FOUND",
        Error::Conflict(Conflict::AddressTaken) => "USER_ALREADY_EXISTS",
        Error::Conflict(Conflict::LastOwner) => "LAST_OWNER",
        Error::Conflict(Conflict::NotEmpty) => "NOT_EMPTY",
        Error::Conflict(Conflict::NotInvited) => "NOT_INVITED",
        Error::Conflict(Conflict::OwnsAccounts | Conflict::IsOperator) => "ACCOUNT_IN_USE",
        Error::Conflict(
            Conflict::NoCommonOwner
            | Conflict::Unproved
            | Conflict::HasConnectors
            | Conflict::Colliding
            | Conflict::NoReseller
            | Conflict::JoinedLater,
        ) => "CANNOT_BE_JOINED",
        Error::Conflict(Conflict::TakenSince(_)) => "TAKEN_SINCE",
        Error::Conflict(
            Conflict::SubdomainTaken
            | Conflict::RegistrationIdTaken
            | Conflict::PackageTaken
            | Conflict::PackageIdTaken
            | Conflict::NoAddress
            | Conflict::Ambiguous
            | Conflict::NoSecret
            | Conflict::ImportedElsewhere,
        )
        | Error::Duplicate { .. } => "CONFLICT",
        Error::Unconfirmed { .. } => "UNCONFIRMED",
        Error::PreconditionFailed => "CHANGED_MEANWHILE",
        Error::KeyReused => "IDEMPOTENCY_KEY_REUSED",
        Error::Unauthenticated(_) => "UNAUTHENTICATED",
        Error::Invalid(_) => "INVALID",
        Error::TooManyRequests { .. } => "TOO_MANY_REQUESTS",
        Error::Unavailable { .. } => "UNAVAILABLE",
        Error::Internal(_) => "INTERNAL",
    }
}
