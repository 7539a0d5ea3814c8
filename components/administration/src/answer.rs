//! Answers: JSON with `status_code` and `message`, which lists add their rows to while they read them.

use std::iter;

use accord_core::{Result, log};
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use serde::Serialize;

/// What every answer has.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Message<'a> {
    /// The HTTP status.
    #[schema(minimum = 200, maximum = 599, example = 400)]
    pub status_code: u16,
    /// What was done, or an error description.
    #[schema(example = "subdomain is required")]
    pub message: &'a str,
}

impl<'a> Message<'a> {
    /// Says what was done.
    pub fn done(message: &'a str) -> Self {
        Self { status_code: StatusCode::OK.as_u16(), message }
    }
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
