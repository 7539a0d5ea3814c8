//! Pages of other origins: which of them may call the APIs from a browser (the Fetch standard, "CORS protocol").
//!
//! The setting `cors_origins` lists them, and by default there are none. A preflight is answered here, for all APIs and
//! before anything else: it carries no credentials. Callers prove themselves by a header that a page has to know, never by
//! a cookie, so that no answer allows credentials of the browser's own.

use accord_core::setting;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

/// What a page may do.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// What a page may read of an answer beside its body.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Encoding, Allow, ETag, Location, RequestKey, Retry-After, WWW-Authenticate, X-Request-Id",
);
/// For how many seconds a browser keeps the answer to a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

/// What the setting must be.
pub const EXPECTED: &str = "origins like https://app.example.com with spaces or commas between them, or *";

/// Whether the setting can be `origins`.
pub fn is_setting(origins: &str) -> bool {
    let is_origin = |origin: &str| {
        let uri = origin.parse::<Uri>().ok().filter(|uri| uri.scheme().is_some());
        origin == "*" || uri.is_some_and(|uri| uri.authority().is_some() && uri.path() == "/" && uri.query().is_none())
    };
    list(origins).into_iter().all(is_origin)
}

/// The origins of the setting.
fn list(origins: &str) -> Vec<&str> {
    let origins = origins.split([',', ' ']).map(|origin| origin.trim_end_matches('/'));
    origins.filter(|origin| !origin.is_empty()).collect()
}

/// What is to be said to the page that a request comes from, if it comes from one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cors {
    /// Whether any page of another origin may call, so that answers depend on the origin.
    varies: bool,
    /// What `Access-Control-Allow-Origin` says, if this page may call.
    allowed: Option<HeaderValue>,
}

impl Cors {
    /// What the setting says of a request with these headers. Without it no page may call; the log says that it is missing.
    pub(crate) async fn of(headers: &HeaderMap) -> Self {
        Self::among(&setting::get("cors_origins").await.unwrap_or_default(), headers)
    }

    /// As [`Cors::of`], where the setting is `origins`: separated by commas or spaces; `*` is every one.
    fn among(origins: &str, headers: &HeaderMap) -> Self {
        let origins = list(origins);
        let allowed = headers.get(header::ORIGIN).and_then(|origin| match origins.as_slice() {
            origins if origins.contains(&"*") => Some(HeaderValue::from_static("*")),
            origins => origins.iter().any(|known| known.as_bytes() == origin.as_bytes()).then(|| origin.clone()),
        });
        Self { varies: !origins.is_empty(), allowed }
    }

    /// The answer to a preflight of a page that may call; `None` to anything else.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let asks = *method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        self.allowed.as_ref().filter(|_| asks)?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        // Whatever the page wants to send: what it may do follows from what it sends.
        if let Some(wanted) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        Some(response)
    }

    /// Adds to an answer who may read it.
    pub(crate) fn sign(self, answer: &mut HeaderMap) {
        if self.varies {
            // No cache may give the answer for one origin to another.
            answer.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = self.allowed {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(origin: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))])
    }

    #[test]
    fn an_origin_is_allowed_as_it_is_written() {
        let origins = "https://a.example/, http://localhost:5173";
        for allowed in ["https://a.example", "http://localhost:5173"] {
            assert_eq!(Cors::among(origins, &from(allowed)).allowed, Some(HeaderValue::from_static(allowed)));
        }
        for other in
            ["http://a.example", "https://a.example:8443", "https://b.a.example", "https://a.example.org", "null"]
        {
            assert_eq!(Cors::among(origins, &from(other)), Cors { varies: true, allowed: None }, "{other}");
        }
        assert_eq!(Cors::among(origins, &HeaderMap::new()), Cors { varies: true, allowed: None });
        assert_eq!(Cors::among(" ,", &from("https://a.example")), Cors::default());
        assert_eq!(Cors::among("*", &from("null")).allowed, Some(HeaderValue::from_static("*")));
    }

    #[test]
    fn only_a_preflight_of_an_allowed_origin_is_answered() {
        let mut asking = from("https://a.example");
        let answered = |method: Method, asking: &HeaderMap| {
            Cors::among("https://a.example", asking).preflight(&method, asking).is_some()
        };
        assert!(!answered(Method::OPTIONS, &asking), "it asks for nothing");
        asking.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PATCH"));
        assert!(answered(Method::OPTIONS, &asking));
        assert!(!answered(Method::GET, &asking));
        asking.insert(header::ORIGIN, HeaderValue::from_static("https://b.example"));
        assert!(!answered(Method::OPTIONS, &asking));
    }
}
