//! `GET /openapi.json`: the description of the API.

use accord_core::call::Call;
use axum::response::{IntoResponse as _, Response};
use http::header;

const DOCUMENT: &str = include_str!("../openapi.json");

/// `GET /openapi.json`
pub async fn document(call: Call) -> Response {
    call.sign(([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response())
}
