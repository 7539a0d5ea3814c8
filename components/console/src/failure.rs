//! Errors: `application/problem+json` (RFC 9457), as the accounts API has them.

use accord_web::Failure;
use axum::response::{IntoResponse as _, Response};
use http::header;

/// A failure in this shape. Nothing fails here but to find the path and the method, and preconditions.
pub fn render(failure: &Failure) -> Response {
    let code = match failure {
        Failure::MethodNotAllowed => "METHOD_NOT_ALLOWED",
        Failure::UnknownPath => "NOT_FOUND",
        _ => "PRECONDITION_FAILED",
    };
    let (status, detail) = (failure.status(), failure.text());
    let title = status.canonical_reason().unwrap_or_default();
    // Nothing in these texts has to be escaped.
    let body = format!(
        r#"{{"type":"about:blank","title":"{title}","status":{},"detail":"{detail}","code":"{code}"}}"#,
        status.as_u16()
    );
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}
