//! Versions of what is answered: `ETag`, `If-Match` and `If-None-Match` (RFC 9110, sections 8.8.3 and 13.1).

use accord_core::Error;
use accord_core::values::version::{Precondition, Versions};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{Failure, Result};

/// The `ETag` of a version, as a part of an answer.
pub struct Version(pub i64);

impl IntoResponseParts for Version {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> std::result::Result<ResponseParts, Self::Error> {
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.0)) {
            parts.headers_mut().insert(header::ETAG, tag);
        }
        Ok(parts)
    }
}

/// The tags of a header, several lines of it included.
fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    // None of our tags has a comma in it.
    let lines = headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// The versions that a header names; `None` if there is no such header. What is no tag of ours is no version.
fn versions(headers: &HeaderMap, name: HeaderName, read: fn(&str) -> Option<&str>) -> Option<Versions> {
    if !headers.contains_key(&name) {
        return None;
    }
    if tags(headers, name.clone()).any(|tag| tag == "*") {
        return Some(Versions::Any);
    }
    let version = |tag| read(tag)?.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    Some(Versions::These(tags(headers, name).filter_map(version).collect()))
}

/// What the request demands of the version that there is: `If-Match` by strong comparison, `If-None-Match` by weak.
pub fn precondition(headers: &HeaderMap) -> Precondition {
    Precondition {
        only: versions(headers, header::IF_MATCH, |tag| Some(tag)),
        none_of: versions(headers, header::IF_NONE_MATCH, |tag| Some(tag.strip_prefix("W/").unwrap_or(tag))),
    }
}

/// The answer to a `GET` of something that has this version: the body, or `304` if the caller has it already.
///
/// # Errors
///
/// [`accord_core::Error::PreconditionFailed`] if `If-Match` names other versions.
pub fn shown(headers: &HeaderMap, version: i64, body: impl IntoResponse) -> Result<Response> {
    let precondition = precondition(headers);
    precondition.require_only(version)?;
    Ok(if precondition.excludes(version) {
        (StatusCode::NOT_MODIFIED, Version(version), ()).into_response()
    } else {
        (Version(version), body).into_response()
    })
}

/// Refuses a request that demands a version of what has none, rather than to do it as if nothing had been said. `If-Match:
/// *` demands no more than that there is something.
///
/// # Errors
///
/// [`Failure::Unversioned`].
pub fn refuse_unversioned(method: &Method, headers: &HeaderMap) -> Result<()> {
    let Precondition { only, none_of } = precondition(headers);
    let is_write = !method.is_safe();
    let demands = only.is_some_and(|versions| versions != Versions::Any)
        || is_write && (none_of.is_some() || headers.contains_key(header::IF_UNMODIFIED_SINCE));
    if demands { Err(Failure::Unversioned) } else { Ok(()) }
}

/// Refuses a request whose `If-Match` does not name the tag, strongly compared (RFC 9110, section 13.1.1).
///
/// # Errors
///
/// [`accord_core::Error::PreconditionFailed`].
pub fn require_wanted(headers: &HeaderMap, tag: &str) -> Result<()> {
    let mut wanted = tags(headers, header::IF_MATCH).peekable();
    let is_wanted = wanted.peek().is_none() || wanted.any(|wanted| wanted == "*" || wanted == tag);
    if is_wanted { Ok(()) } else { Err(Error::PreconditionFailed.into()) }
}

/// Whether `If-None-Match` names the tag, weakly compared (RFC 9110, section 13.1.2).
pub fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    tags(headers, header::IF_NONE_MATCH).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn these(versions: &[i64]) -> Versions {
        Versions::These(versions.to_vec())
    }

    #[test]
    fn a_precondition_names_versions() {
        for (values, only, none_of) in [
            (&[][..], None, None),
            (&["*"], Some(Versions::Any), Some(Versions::Any)),
            (&["\"3\""], Some(these(&[3])), Some(these(&[3]))),
            (&["\"3\", \"4\"", "\"5\""], Some(these(&[3, 4, 5])), Some(these(&[3, 4, 5]))),
            // A weak tag matches nothing by strong comparison.
            (&["W/\"3\""], Some(these(&[])), Some(these(&[3]))),
            (&["3"], Some(these(&[])), Some(these(&[]))),
        ] {
            assert_eq!(precondition(&with(&header::IF_MATCH, values)), Precondition { only, none_of: None });
            assert_eq!(precondition(&with(&header::IF_NONE_MATCH, values)), Precondition { only: None, none_of });
        }
    }

    #[test]
    fn what_has_no_versions_refuses_to_be_asked_for_one() {
        let refused =
            |method: Method, name: &HeaderName, value| refuse_unversioned(&method, &with(name, &[value])).is_err();
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(refused(method.clone(), &header::IF_MATCH, "\"1\""));
            assert!(!refused(method.clone(), &header::IF_MATCH, "*"));
            assert!(refused(method.clone(), &header::IF_NONE_MATCH, "*"));
            assert!(refused(method, &header::IF_UNMODIFIED_SINCE, "Tue, 24 Nov 2026 10:00:00 GMT"));
        }
        assert!(refused(Method::GET, &header::IF_MATCH, "\"1\""));
        assert!(!refused(Method::GET, &header::IF_NONE_MATCH, "\"1\""), "the whole answer is right, too");
        assert!(refuse_unversioned(&Method::POST, &HeaderMap::new()).is_ok());
    }

    #[test]
    fn a_caller_that_has_the_answer_says_so_in_several_ways() {
        for (text, known) in [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false)]
        {
            assert_eq!(is_known(&with(&header::IF_NONE_MATCH, &[text]), "\"a\""), known, "{text}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"a\""));
        for (text, wanted) in
            [("\"a\"", true), ("W/\"a\"", false), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false)]
        {
            assert_eq!(require_wanted(&with(&header::IF_MATCH, &[text]), "\"a\"").is_ok(), wanted, "{text}");
        }
        assert!(require_wanted(&HeaderMap::new(), "\"a\"").is_ok());
    }
}
