//! Answers: creations that may be asked for again, and "it is done".

use accord_core::Result;
use accord_core::call::Call;
use accord_core::idempotency::{Answer, Key};
use accord_core::store::Transaction;
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::problem;

/// The answer that this key was given before.
pub fn recall(key: Option<&Key>, transaction: &Transaction) -> Result<Option<Answer>> {
    key.map_or(Ok(None), |key| key.recall(transaction))
}

/// Commits what was made, and the answer with it.
pub async fn keep(transaction: Transaction, key: Option<&Key>, answer: Answer) -> Result<Answer> {
    if let Some(key) = key {
        key.remember(&transaction, &answer)?;
    }
    transaction.commit().await?;
    Ok(answer)
}

/// `201` with `Location`.
pub fn created(location: &str, body: &impl Serialize) -> Result<Answer> {
    let body = serde_json::to_string(body).map_err(anyhow::Error::from)?;
    Ok(Answer { status: StatusCode::CREATED.as_u16(), location: Some(location.to_owned()), body })
}

/// `200`: something was done, and this says so.
pub fn performed(message: &'static str) -> Result<Answer> {
    let body = serde_json::to_string(&Done { success: true, message }).map_err(anyhow::Error::from)?;
    Ok(Answer { status: StatusCode::OK.as_u16(), location: None, body })
}

/// Renders what [`created`] or [`performed`] made, or the error.
pub fn answer(call: &Call, answer: Result<Answer>) -> Response {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return problem::answer(call, &error),
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response();
    if let Some(location) = answer.location.and_then(|location| HeaderValue::try_from(location).ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    call.sign(response)
}

/// The document's answer to what is done and has nothing to show.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Done {
    success: bool,
    message: &'static str,
}

/// Says that it is done, or why not.
pub fn done(call: &Call, result: Result<()>, message: &'static str) -> Response {
    match result {
        Ok(()) => call.sign(Json(Done { success: true, message }).into_response()),
        Err(error) => problem::answer(call, &error),
    }
}
