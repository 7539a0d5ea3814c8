//! Answers: JSON with `status_code` and `message`, which lists add their rows to while they read them.

use std::iter;

use accord_core::call::Call;
use accord_core::error::Thing;
use accord_core::{Error, Result, log};
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// What every answer has.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Message<'a> {
    /// The HTTP status.
    #[cfg_attr(not(target_family = "wasm"), schema(example = 400))]
    pub status_code: u16,
    /// What was done, or an error description.
    #[cfg_attr(not(target_family = "wasm"), schema(example = "subdomain is required"))]
    pub message: &'a str,
}

/// The answer to a request that was done, or failed.
pub fn answer(call: &Call, done: Result<Response>) -> Response {
    let error = match done {
        Ok(response) => return call.sign(response),
        Err(error) => error,
    };
    let message = match &error {
        // Every fault, in one sentence: the fields of a body are fewer than the faults that are kept.
        Error::Invalid(faults) => {
            faults.shown().iter().map(|(field, fault)| format!("{field} {fault}")).collect::<Vec<_>>().join("; ")
        }
        other => other.public_text(&call.request_id),
    };
    let mut response = json(error.status(), &Message { status_code: error.status().as_u16(), message: &message });
    let headers = response.headers_mut();
    if let Error::Unauthenticated(_) = error {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="accord", charset="UTF-8""#));
    }
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    call.sign(response)
}

/// A whole answer.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Strings and numbers: writing them cannot fail.
    let body = serde_json::to_vec(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// An answer with a list of any length: `head` is an object, to which the rows are added as the array `name` and, if it
/// is asked for, their number as `count`. The rows are sent page by page, as they are read. The first two pages are read
/// before the answer begins, so that of a short list no error comes too late.
pub fn list<T: Serialize + 'static>(
    head: &impl Serialize,
    name: &'static str,
    counts: bool,
    mut next_page: impl FnMut() -> Result<Option<Vec<T>>> + Send + 'static,
) -> Result<Response> {
    let mut head = serde_json::to_vec(head).map_err(anyhow::Error::from)?;
    head.pop();
    head.extend_from_slice(format!(",\"{name}\":[").as_bytes());
    let (mut count, mut is_over) = (0_usize, false);
    let mut next_chunk = move || -> Result<Option<Vec<u8>>> {
        if is_over {
            return Ok(None);
        }
        let mut chunk = Vec::new();
        if let Some(page) = next_page()? {
            for row in page {
                if count > 0 {
                    chunk.push(b',');
                }
                serde_json::to_writer(&mut chunk, &row).map_err(anyhow::Error::from)?;
                count += 1;
            }
        } else {
            is_over = true;
            let end = if counts { format!("],\"count\":{count}}}") } else { "]}".to_owned() };
            chunk.extend_from_slice(end.as_bytes());
        }
        Ok(Some(chunk))
    };
    for _ in 0..2 {
        if let Some(chunk) = next_chunk()? {
            head.extend(chunk);
        }
    }
    let rest = iter::from_fn(move || next_chunk().transpose());
    let chunks = iter::once(Ok(head)).chain(rest).map(|chunk| {
        chunk.map(Bytes::from).inspect_err(|error| log::error(None, format_args!("a list broke off: {error:#}")))
    });
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// A path that is not there.
pub async fn unknown_path(call: Call) -> Response {
    answer(&call, Err(Error::NotFound(Thing::Path)))
}

/// A path that is there, by another method. The router adds `Allow`.
pub async fn unknown_method(call: Call) -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let body = Message { status_code: status.as_u16(), message: "the method is not allowed here" };
    call.sign(json(status, &body))
}
