//! Errors: `application/problem+json` (RFC 9457), as the accounts API has them.

use accord_core::call::Call;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

/// A path that is not there.
pub async fn unknown_path(call: Call) -> Response {
    answer(&call, StatusCode::NOT_FOUND, "NOT_FOUND", "path not found")
}

/// A path that is there, by another method. The router adds `Allow`.
pub async fn unknown_method(call: Call) -> Response {
    answer(&call, StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "the method is not allowed here")
}

fn answer(call: &Call, status: StatusCode, code: &str, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    // Nothing in these texts has to be escaped.
    let body = format!(
        r#"{{"type":"about:blank","title":"{title}","status":{},"detail":"{detail}","code":"{code}"}}"#,
        status.as_u16()
    );
    call.sign((status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response())
}
