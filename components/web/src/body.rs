//! Reading a request's body: its media type, its coding, its size, and no more of it than the API takes.

use std::io::Read as _;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::{Failure, Result};

/// Most bytes that are read of a body that is refused, so that a client that is still sending reads the answer and does not
/// find its connection broken.
const DRAINED: usize = 16 * 1024 * 1024;

/// Most bytes of a body that says something of one thing.
pub const SMALL: usize = 64 * 1024;

/// The whole body of a request as [`undeclared_json`] reads it, of at most [`SMALL`] bytes, as the last argument of a
/// handler.
pub struct SmallJson(pub Bytes);

impl<S: Sync> FromRequest<S> for SmallJson {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let (parts, body) = request.into_parts();
        undeclared_json(&parts.headers, body, SMALL).await.map(Self)
    }
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The whole body of a request that must be `application/json` (or `application/…+json`).
///
/// # Errors
///
/// [`Failure::UnsupportedMediaType`]; [`Failure::UnsupportedCoding`] for another coding than gzip; [`Failure::TooLarge`]
/// beyond `limit` bytes, as sent or decoded; [`Failure::Malformed`] if the caller breaks off, or what is sent is no gzip.
pub async fn json(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes> {
    read_json(headers, body, limit, is_json).await
}

/// The whole body of a request that is JSON, whether it says so or not: one without a media type is taken, and one with
/// the type that curl gives to whatever it sends. It is for APIs whose document asks for no media type.
///
/// # Errors
///
/// As [`json`].
pub async fn undeclared_json(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes> {
    read_json(headers, body, limit, |media_type| media_type.is_empty() || media_type == FORM || is_json(media_type))
        .await
}

async fn read_json(headers: &HeaderMap, body: Body, limit: usize, matches: fn(&str) -> bool) -> Result<Bytes> {
    let sent = read(headers, body, limit, JSON, matches).await?;
    match codings(headers).as_slice() {
        [] => Ok(sent),
        [coding] if ["gzip", "x-gzip"].contains(&coding.as_str()) => decode(&sent, limit),
        _ => Err(Failure::UnsupportedCoding { understood: "gzip" }),
    }
}

fn is_json(media_type: &str) -> bool {
    media_type == JSON || media_type.starts_with("application/") && media_type.ends_with("+json")
}

/// The whole body of a request that must be `application/x-www-form-urlencoded`. A form is small, so that no coding is
/// understood.
///
/// # Errors
///
/// As [`json`].
pub async fn form(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes> {
    let sent = read(headers, body, limit, FORM, |media_type| media_type == FORM).await?;
    if codings(headers).is_empty() { Ok(sent) } else { Err(Failure::UnsupportedCoding { understood: "identity" }) }
}

/// The whole body as it was sent.
async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    expected: &'static str,
    matches: fn(&str) -> bool,
) -> Result<Bytes> {
    // What is no text is another type than any, and not the absence of one.
    let content_type = headers.get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("?"));
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
pub async fn drain(body: Body) {
    let mut rest = Limited::new(body, DRAINED);
    while let Some(Ok(_)) = rest.frame().await {}
}

/// How the body is coded (RFC 9110, section 8.4), in small letters.
fn codings(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::CONTENT_ENCODING).into_iter().map(|value| value.to_str().unwrap_or("?"));
    let codings = lines.flat_map(|line| line.split(',')).map(|coding| coding.trim().to_ascii_lowercase());
    codings.filter(|coding| !["", "identity"].contains(&coding.as_str())).collect()
}

/// What gzip made smaller. No more is decoded than the limit, however much there would be.
fn decode(sent: &[u8], limit: usize) -> Result<Bytes> {
    let mut decoded = Vec::new();
    match MultiGzDecoder::new(sent).take(limit as u64 + 1).read_to_end(&mut decoded) {
        Ok(length) if length > limit => Err(Failure::TooLarge { limit }),
        Ok(_) => Ok(decoded.into()),
        Err(_) => Err(Failure::Malformed("the body is not valid gzip".to_owned())),
    }
}

fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(<dyn std::error::Error>::is::<LengthLimitError>)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;
    use proptest::prelude::*;

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

    fn header(name: header::HeaderName, value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_bytes(value).expect("a header"))])
    }

    #[test]
    fn json_need_not_say_so_where_no_document_asks_for_it() {
        assert!(now(undeclared_json(&HeaderMap::new(), Body::from("{}"), 10)).is_ok());
        for good in [&b""[..], b"application/x-www-form-urlencoded", b"application/json"] {
            let headers = header(header::CONTENT_TYPE, good);
            assert!(now(undeclared_json(&headers, Body::from("{}"), 10)).is_ok(), "{good:?}");
        }
        for bad in [&b"text/plain"[..], b"multipart/form-data; boundary=x", b"\xff"] {
            let read = now(undeclared_json(&header(header::CONTENT_TYPE, bad), Body::from("{}"), 10));
            assert!(matches!(read, Err(Failure::UnsupportedMediaType { .. })), "{bad:?}");
        }
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    fn read_coded(coding: &str, body: Vec<u8>, limit: usize) -> Result<Bytes> {
        now(undeclared_json(&header(header::CONTENT_ENCODING, coding.as_bytes()), Body::from(body), limit))
    }

    #[test]
    fn gzip_is_understood_within_the_limit_and_no_other_coding_is() {
        for coding in ["gzip", "GZIP", "x-gzip", "identity, gzip"] {
            assert_eq!(read_coded(coding, gzip(b"{}"), 100).expect(coding), "{}");
        }
        assert_eq!(read_coded("identity", b"{}".to_vec(), 100).expect("identity"), "{}");
        for coding in ["br", "deflate", "gzip, gzip", "gzip, br", "zstd"] {
            assert!(matches!(read_coded(coding, gzip(b"{}"), 100), Err(Failure::UnsupportedCoding { .. })), "{coding}");
        }
        let broken = gzip(b"{}")[..15].to_vec();
        for bad in [b"{}".to_vec(), Vec::new(), broken] {
            assert!(matches!(read_coded("gzip", bad, 100), Err(Failure::Malformed(_))));
        }
        let bomb = gzip(&vec![b' '; 1_000_000]);
        assert!(matches!(read_coded("gzip", bomb, 10_000), Err(Failure::TooLarge { limit: 10_000 })));
        assert_eq!(read_coded("gzip", gzip(&[b' '; 100]), 100).expect("just within it").len(), 100);
    }

    proptest! {
        #[test]
        fn no_coded_body_panics(body in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read_coded("gzip", [b"\x1f\x8b\x08\x00".to_vec(), body].concat(), 1000);
        }
    }

    #[test]
    fn a_body_over_the_limit_is_refused() {
        assert!(now(read_as(Some("application/json"), "1234567890")).is_ok());
        let error = now(read_as(Some("application/json"), "12345678901"));
        assert!(matches!(error, Err(Failure::TooLarge { limit: 10 })), "{error:?}");
    }
}
