//! Creations that may be asked for again: the `Idempotency-Key` header.

use accord_core::Result;
use accord_core::auth::caller::{Caller, CallingPerson};
use accord_core::auth::idempotency::{self, Key};
use accord_core::store::{Actor, Edit};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

/// An answer that can be kept and given again.
#[derive(Clone, Debug)]
pub struct Answer(idempotency::Answer);

impl Answer {
    /// `201` with where the new thing is.
    pub fn created(location: String, body: &impl Serialize) -> Result<Self> {
        Self::of(StatusCode::CREATED, Some(location), body)
    }

    /// `200`.
    pub fn ok(body: &impl Serialize) -> Result<Self> {
        Self::of(StatusCode::OK, None, body)
    }

    fn of(status: StatusCode, location: Option<String>, body: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_string(body).map_err(anyhow::Error::from)?;
        Ok(Self(idempotency::Answer { status: status.as_u16(), location, body }))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::OK);
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], self.0.body).into_response();
        if let Some(location) = self.0.location.and_then(|location| HeaderValue::try_from(location).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// Whether, and how, a request may come again: its `Idempotency-Key`, if it has one.
pub struct Repeatable(Option<Key>);

impl Repeatable {
    /// The key of a request of this operation (method and path) and body. Keys of different callers are different keys;
    /// nobody known is one caller. For a body that `has_password` see [`Key::new`].
    ///
    /// # Errors
    ///
    /// [`accord_core::Error::Invalid`] for what can be no key.
    pub fn of(
        headers: &HeaderMap,
        caller: Option<&Caller>,
        operation: &str,
        body: &[u8],
        has_password: bool,
    ) -> Result<Self> {
        let Some(key) = headers.get("idempotency-key") else { return Ok(Self(None)) };
        let caller = match caller {
            // What a token through a client may do is another matter than what the person may.
            Some(Caller::Person(CallingPerson { id, within: Some(within), .. })) => {
                format!("user:{id} within {within}")
            }
            Some(caller) => caller.actor().to_string(),
            None => Actor::Anonymous.to_string(),
        };
        let key = key.to_str().unwrap_or_default();
        Key::new(caller, key, operation, body, has_password).map(Some).map(Self)
    }

    /// Whether the request may not come again: then nothing of it is to be kept.
    pub fn is_not(&self) -> bool {
        self.0.is_none()
    }

    /// The answer that the request got before.
    ///
    /// # Errors
    ///
    /// [`accord_core::Error::KeyReused`] if another request got it.
    pub fn recall(&self, edit: &Edit) -> Result<Option<Answer>> {
        let Some(key) = &self.0 else { return Ok(None) };
        Ok(key.recall(edit)?.map(Answer))
    }

    /// Commits what was made, and keeps the answer with it.
    pub async fn keep(&self, edit: Edit, answer: Answer) -> Result<Answer> {
        if let Some(key) = &self.0 {
            key.remember(&edit, &answer.0)?;
        }
        edit.commit().await?;
        Ok(answer)
    }
}
