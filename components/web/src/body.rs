//! Reading a request's body: its media type, its size, and no more of it than the API takes.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::{Failure, Result};

/// Most bytes that are read of a body that is refused, so that a client that is still sending reads the answer and does not
/// find its connection broken.
const DRAINED: usize = 16 * 1024 * 1024;

/// Most bytes of a body that says something of one thing.
pub const SMALL: usize = 64 * 1024;

/// The whole body of a request that is JSON of at most [`SMALL`] bytes, as the last argument of a handler.
pub struct SmallJson(pub Bytes);

impl<S: Sync> FromRequest<S> for SmallJson {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let (parts, body) = request.into_parts();
        json(&parts.headers, body, SMALL).await.map(Self)
    }
}

/// The whole body of a request that must be `application/json` (or `application/…+json`).
///
/// # Errors
///
/// [`Failure::UnsupportedMediaType`], [`Failure::TooLarge`] beyond `limit` bytes, [`Failure::Malformed`] if the caller breaks
/// off.
pub async fn json(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes> {
    let is_json = |media_type: &str| {
        media_type == "application/json" || media_type.starts_with("application/") && media_type.ends_with("+json")
    };
    read(headers, body, limit, "application/json", is_json).await
}

/// The whole body of a request that must be `application/x-www-form-urlencoded`.
///
/// # Errors
///
/// As [`json`].
pub async fn form(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes> {
    const FORM: &str = "application/x-www-form-urlencoded";
    read(headers, body, limit, FORM, |media_type| media_type == FORM).await
}

async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    expected: &'static str,
    matches: impl Fn(&str) -> bool,
) -> Result<Bytes> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Parameters say nothing here: JSON is UTF-8 (RFC 8259, section 8.1), and so are forms.
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches(&media_type) {
        drain(body).await;
        return Err(Failure::UnsupportedMediaType { expected });
    }
    // What announces itself as too large is not kept.
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        drain(body).await;
        return Err(Failure::TooLarge { limit });
    }
    match Limited::new(&mut body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_too_long(error.as_ref()) => {
            drain(body).await;
            Err(Failure::TooLarge { limit })
        }
        Err(_) => Err(Failure::Malformed("the body broke off".to_owned())),
    }
}

/// Reads a body and throws it away.
async fn drain(body: Body) {
    let mut rest = Limited::new(body, DRAINED);
    while let Some(Ok(_)) = rest.frame().await {}
}

fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(<dyn std::error::Error>::is::<LengthLimitError>)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    async fn read_as(content_type: Option<&'static str>, body: &'static str) -> Result<Bytes> {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        json(&headers, Body::from(body), 10).await
    }

    /// Nothing in these bodies waits, so one poll is enough.
    fn now<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("the body waits"),
        }
    }

    #[test]
    fn json_goes_by_several_names() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(now(read_as(Some(good), "{}")).is_ok(), "{good}");
        }
        for bad in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp")] {
            assert!(matches!(now(read_as(bad, "{}")), Err(Failure::UnsupportedMediaType { .. })), "{bad:?}");
        }
    }

    #[test]
    fn a_body_over_the_limit_is_refused() {
        assert!(now(read_as(Some("application/json"), "1234567890")).is_ok());
        let error = now(read_as(Some("application/json"), "12345678901"));
        assert!(matches!(error, Err(Failure::TooLarge { limit: 10 })), "{error:?}");
    }
}
