//! Versions of what is answered: `ETag`, `If-Match` and `If-None-Match` (RFC 9110, sections 8.8.3 and 13.1).

use axum::response::{IntoResponseParts, ResponseParts};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The `ETag` of a version, as a part of an answer.
pub struct Version(pub i64);

impl IntoResponseParts for Version {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
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

/// The versions that `If-Match` allows to be changed (RFC 9110, section 13.1.1); `None` if it does not matter.
pub fn if_match(headers: &HeaderMap) -> Option<Vec<i64>> {
    if !headers.contains_key(header::IF_MATCH) || tags(headers, header::IF_MATCH).any(|tag| tag == "*") {
        return None;
    }
    // What is weak or not ours matches nothing.
    let version = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    Some(tags(headers, header::IF_MATCH).filter_map(version).collect())
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

    #[test]
    fn a_precondition_names_the_versions_that_may_be_changed() {
        let matching = |values: &[&'static str]| if_match(&with(&header::IF_MATCH, values));
        assert_eq!(matching(&[]), None);
        assert_eq!(matching(&["*"]), None);
        assert_eq!(matching(&["\"3\""]), Some(vec![3]));
        assert_eq!(matching(&["\"3\", \"4\"", "\"5\""]), Some(vec![3, 4, 5]));
        assert_eq!(matching(&["W/\"3\""]), Some(vec![]), "a weak tag matches nothing");
        assert_eq!(matching(&["3"]), Some(vec![]));
    }

    #[test]
    fn a_caller_that_has_the_answer_says_so_in_several_ways() {
        for (text, known) in [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false)]
        {
            assert_eq!(is_known(&with(&header::IF_NONE_MATCH, &[text]), "\"a\""), known, "{text}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"a\""));
    }
}
