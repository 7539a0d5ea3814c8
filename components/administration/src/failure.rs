//! Errors of this API: what every answer of it has, `status_code` and `message`.

use accord_web::Failure;
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};

use crate::answer::Message;

/// How an operation may fail, for its description.
#[derive(utoipa::IntoResponses)]
#[allow(dead_code, reason = "read by the generator only")]
pub enum Failures {
    /// The request cannot be read, or a value cannot be taken: `message` says which and why.
    #[response(status = 400)]
    Invalid(Message<'static>),
    /// User name and password are missing or not right.
    #[response(status = 401)]
    Unauthenticated(Message<'static>),
    /// The `Account-Key` is missing, or is not of an active account that the caller administers; or that account may not
    /// do this.
    #[response(status = 403)]
    Forbidden(Message<'static>),
    /// There is no such account among those that the caller's account owns.
    #[response(status = 404)]
    NotFound(Message<'static>),
    /// The subdomain, or what else must be unique, is in use by another account.
    #[response(status = 409)]
    Conflict(Message<'static>),
    /// The request demands a version (`If-Match`), and there are none.
    #[response(status = 412)]
    PreconditionFailed(Message<'static>),
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(Message<'static>),
    /// The body's media type is another than JSON, or its coding another than gzip.
    #[response(status = 415)]
    UnsupportedMediaType(Message<'static>),
    /// Too many failed attempts: `Retry-After` says when to try again.
    #[response(status = 429)]
    TooManyRequests(Message<'static>),
    /// Something went wrong in the service. Nothing was changed.
    #[response(status = 500)]
    Internal(Message<'static>),
    /// The directory is busy: `Retry-After` says when to try again.
    #[response(status = 503)]
    Unavailable(Message<'static>),
}

/// A failure in this API's shape.
pub fn render(failure: &Failure) -> Response {
    let status = failure.status();
    let message = match failure.faults() {
        // Every fault, in one sentence: the fields of a body are fewer than the faults that are kept.
        Some(faults) => {
            faults.shown().iter().map(|(field, fault)| format!("{field} {fault}")).collect::<Vec<_>>().join("; ")
        }
        None => failure.text(),
    };
    let body = Message { status_code: status.as_u16(), message: &message };
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="accord", charset="UTF-8""#));
    }
    failure.add_advice(headers);
    response
}
