//! What a request brings: who sends it, its body, its preconditions and its key.

use accord_core::call::Call;
use accord_core::error::Thing;
use accord_core::idempotency::Key;
use accord_core::store::Connection;
use accord_core::token::{self, Caller};
use accord_core::{Error, Result, body};
use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, header};

/// Largest body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// The name of this API in the audit.
pub const API: &str = "accounts";

/// A request of somebody who is known, its body read.
pub struct Authorized {
    /// Who it is.
    pub caller: Caller,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, empty if the operation takes none.
    pub body: Bytes,
}

/// Who calls.
pub async fn caller(headers: &HeaderMap) -> Result<Caller> {
    token::caller(headers, &Connection::lease().await?).await
}

/// Who calls, and the body: read only once it is known who sends it.
pub async fn authorized(request: Request) -> Result<Authorized> {
    let (parts, body) = request.into_parts();
    let caller = caller(&parts.headers).await?;
    let body = body::json(&parts.headers, body, BODY_LIMIT).await?;
    Ok(Authorized { caller, headers: parts.headers, body })
}

/// Headers and body of a request that anybody may send.
pub async fn anonymous(request: Request) -> Result<(HeaderMap, Bytes)> {
    let (parts, body) = request.into_parts();
    let body = body::json(&parts.headers, body, BODY_LIMIT).await?;
    Ok((parts.headers, body))
}

/// The request's `Idempotency-Key`, if it has one. Keys of different callers are different keys.
pub fn idempotency_key(
    call: &Call,
    caller: Option<&Caller>,
    headers: &HeaderMap,
    operation: &str,
    body: &[u8],
    has_password: bool,
) -> Result<Option<Key>> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().unwrap_or_default();
    let caller = caller.map_or_else(|| "anonymous".to_owned(), |caller| call.author_of(caller, API).actor);
    Key::new(caller, key, operation, body, has_password).map(Some)
}

/// The versions that `If-Match` allows to be changed (RFC 9110, section 13.1.1); `None` if it does not matter.
pub fn if_match(headers: &HeaderMap) -> Option<Vec<i64>> {
    let mut versions = Vec::new();
    let mut present = false;
    for value in headers.get_all(header::IF_MATCH) {
        present = true;
        for tag in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            if tag == "*" {
                return None;
            }
            // What is weak or not ours matches nothing.
            let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            versions.extend(version.and_then(|version| version.parse::<i64>().ok()));
        }
    }
    present.then_some(versions)
}

/// An id in a path. What is no number is the id of nothing.
pub fn id(path: &str, of: Thing) -> Result<i64> {
    if path.is_empty() || !path.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::NotFound(of));
    }
    path.parse().map_err(|_| Error::NotFound(of))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn matching(values: &[&'static str]) -> Option<Vec<i64>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, HeaderValue::from_static(value));
        }
        if_match(&headers)
    }

    #[test]
    fn a_precondition_names_the_versions_that_may_be_changed() {
        assert_eq!(matching(&[]), None);
        assert_eq!(matching(&["*"]), None);
        assert_eq!(matching(&["\"3\""]), Some(vec![3]));
        assert_eq!(matching(&["\"3\", \"4\"", "\"5\""]), Some(vec![3, 4, 5]));
        assert_eq!(matching(&["W/\"3\""]), Some(vec![]), "a weak tag matches nothing");
        assert_eq!(matching(&["3"]), Some(vec![]));
    }

    #[test]
    fn an_id_is_digits() {
        assert_eq!(id("12", Thing::Account).ok(), Some(12));
        for bad in ["", "-1", "+1", "1.0", "x", "99999999999999999999"] {
            assert!(matches!(id(bad, Thing::Account), Err(Error::NotFound(Thing::Account))), "{bad}");
        }
    }
}
