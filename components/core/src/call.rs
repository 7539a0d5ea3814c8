//! What every API does with a request before it looks at it: route it, name it, and find out where it comes from.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::thread::LocalKey;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::Response;
use axum::{BoxError, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tower_service::Service as _;
use uuid::Uuid;

use crate::audit::Author;
use crate::error::{Error, Result, Unauthenticated};
use crate::log;
use crate::token::{Caller, Client};

/// Answers a request by the router of the component `name`: one that the instance made once, for making it costs more than
/// most requests.
pub async fn route<B>(name: &'static str, router: &'static LocalKey<Router>, request: http::Request<B>) -> Response
where
    B: axum::body::HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    log::name_component(name);
    let mut router = router.with(Router::clone);
    match router.call(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Each operation of an API once: what is routed, and what its description is checked against.
///
/// ```ignore
/// accord_core::operations! {
///     patch "/api/things/{id}" => things::update,
///     _ => problem::unknown_path, problem::unknown_method,
/// }
/// ```
#[macro_export]
macro_rules! operations {
    ($($method:ident $path:literal => $handler:path,)* _ => $unknown_path:path, $unknown_method:path,) => {
        fn routes() -> axum::Router {
            axum::Router::new()
                $(.route($path, axum::routing::$method($handler)))*
                .fallback($unknown_path)
                .method_not_allowed_fallback($unknown_method)
        }

        /// Method and path of each operation.
        #[cfg(test)]
        const OPERATIONS: &[(&str, &str)] = &[$((stringify!($method), $path)),*];
    };
}

/// The header that names a request, in every answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request: its name, and where it comes from.
#[derive(Clone, Debug)]
pub struct Call {
    /// A new UUID. It stands in the answer, in the audit and in the log.
    pub request_id: String,
    /// The caller's address, as Spin saw it.
    pub address: Option<IpAddr>,
}

impl Call {
    /// The author of what `client` changes by this request.
    pub fn author(&self, client: &Client, api: &'static str) -> Author {
        Author { actor: format!("connector:{}", client.connector_id), api, request_id: self.request_id.clone() }
    }

    /// The author of what `caller` changes by this request.
    pub fn author_of(&self, caller: &Caller, api: &'static str) -> Author {
        match caller {
            Caller::Client(client) => self.author(client, api),
            Caller::User(user) => self.author_named(format!("user:{}", user.id), api),
        }
    }

    /// The author of what a request changes that nobody signed in for: `anonymous`, or whom a link was sent to.
    pub fn author_named(&self, actor: String, api: &'static str) -> Author {
        Author { actor, api, request_id: self.request_id.clone() }
    }

    /// Names the request in its answer.
    #[must_use]
    pub fn sign(&self, mut response: Response) -> Response {
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
}

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { request_id: Uuid::new_v4().to_string(), address: client_address(&parts.headers) })
    }
}

/// User and password of a request (RFC 7617).
///
/// # Errors
///
/// [`Error::Unauthenticated`] if there are none, or of another scheme, or what is there cannot be read.
pub fn basic(headers: &HeaderMap) -> Result<(String, String)> {
    const MISSING: Error = Error::Unauthenticated(Unauthenticated::Missing);
    const WRONG: Error = Error::Unauthenticated(Unauthenticated::InvalidCredentials);
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(MISSING)?;
    if values.next().is_some() {
        return Err(WRONG);
    }
    let (scheme, encoded) = value.to_str().map_err(|_| WRONG)?.trim().split_once(' ').ok_or(MISSING)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(MISSING);
    }
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| WRONG)?;
    let pair = String::from_utf8(decoded).map_err(|_| WRONG)?;
    let (user, password) = pair.split_once(':').ok_or(WRONG)?;
    Ok((user.to_owned(), password.to_owned()))
}

/// Spin writes the peer's address over whatever the caller sent under this name.
fn client_address(headers: &HeaderMap) -> Option<IpAddr> {
    let text = headers.get("spin-client-addr")?.to_str().ok()?;
    text.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| text.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_a_user_and_a_password_with_a_colon_between_them() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).expect("a header"));
            }
            basic(&headers)
        };
        let encoded = |pair: &[u8]| format!("basic  {}", STANDARD.encode(pair));
        assert_eq!(of(&[&encoded(b"a:b:c")]).expect("credentials"), ("a".to_owned(), "b:c".to_owned()));
        assert_eq!(of(&[&encoded("ä:ö".as_bytes())]).expect("UTF-8"), ("ä".to_owned(), "ö".to_owned()));
        for bad in [&[][..], &["Basic"], &["Basic ?"], &["Bearer abc"], &[&encoded(b"abc")], &[&encoded(b"\xff:")]] {
            assert!(matches!(of(bad), Err(Error::Unauthenticated(_))), "{bad:?}");
        }
        assert!(of(&[&encoded(b"a:b"), &encoded(b"a:b")]).is_err(), "two headers are none");
    }

    #[test]
    fn the_address_comes_with_or_without_a_port() {
        for (text, address) in [("127.0.0.1:5000", "127.0.0.1"), ("[::1]:5000", "::1"), ("10.0.0.1", "10.0.0.1")] {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static("spin-client-addr"), HeaderValue::from_static(text))]);
            assert_eq!(client_address(&headers), address.parse().ok());
        }
        assert_eq!(client_address(&HeaderMap::new()), None);
    }
}
