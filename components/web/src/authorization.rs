//! The `Authorization` header: who calls.

use accord_core::auth::bearer as token;
use accord_core::auth::caller::Caller;
use accord_core::error::{Error, Result, Unauthenticated};
use accord_core::store::Connection;
use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, header};

use crate::Call;
use crate::failure::Failure;

/// Who is behind the request's bearer token (RFC 6750, section 2.1). As an argument of a handler it comes before the body,
/// which then is read only once it is known who sends it.
pub struct Bearer(pub Caller);

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Ok(call) = Call::from_request_parts(parts, state).await;
        let caller = token::presume(bearer(&parts.headers)?).await?;
        call.called_with_token_of(&caller);
        call.refuse_demands()?;
        Ok(Self(caller))
    }
}

/// Who is behind the bearer token of a request with these headers.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if there is no token, or as [`token::find`].
pub async fn caller(headers: &HeaderMap) -> Result<Caller> {
    // The connection is given back before a body is read: a slow sender holds none.
    token::find(bearer(headers)?, &Connection::lease().await?).await
}

const MISSING: Error = Error::Unauthenticated(Unauthenticated::Missing);

/// What follows the scheme in the only `Authorization` header; `wrong` is what several, or what cannot be read, are.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str, wrong: Unauthenticated) -> Result<&'a str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(MISSING)?;
    if values.next().is_some() {
        return Err(Error::Unauthenticated(wrong));
    }
    let value = value.to_str().map_err(|_| Error::Unauthenticated(wrong))?;
    let (given, credentials) = value.trim().split_once(' ').ok_or(MISSING)?;
    if given.eq_ignore_ascii_case(scheme) { Ok(credentials.trim()) } else { Err(MISSING) }
}

/// The bearer token of a request with these headers.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if there is none, or what is there cannot be read.
pub fn bearer(headers: &HeaderMap) -> Result<&str> {
    credentials(headers, "bearer", Unauthenticated::InvalidToken)
}

/// Name and password of a request (RFC 7617).
///
/// # Errors
///
/// [`Error::Unauthenticated`] if there are none, or of another scheme, or what is there cannot be read.
pub fn basic(headers: &HeaderMap) -> Result<(String, String)> {
    const WRONG: Error = Error::Unauthenticated(Unauthenticated::InvalidCredentials);
    let encoded = credentials(headers, "basic", Unauthenticated::InvalidCredentials)?;
    let decoded = STANDARD.decode(encoded).map_err(|_| WRONG)?;
    let pair = String::from_utf8(decoded).map_err(|_| WRONG)?;
    let (name, password) = pair.split_once(':').ok_or(WRONG)?;
    Ok((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).expect("a header"));
        }
        headers
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        assert_eq!(bearer(&headers(&["Bearer abc"])).ok(), Some("abc"));
        assert_eq!(bearer(&headers(&["bearer  abc"])).ok(), Some("abc"));
        for missing in [&[][..], &["Basic abc"], &["Bearer"], &["Token abc"]] {
            let refused = bearer(&headers(missing)).map(str::to_owned);
            assert!(matches!(refused, Err(Error::Unauthenticated(Unauthenticated::Missing))), "{missing:?}");
        }
    }

    #[test]
    fn two_authorization_headers_are_none() {
        let refused = bearer(&headers(&["Bearer a", "Bearer b"])).map(str::to_owned);
        assert!(matches!(refused, Err(Error::Unauthenticated(Unauthenticated::InvalidToken))));
    }

    #[test]
    fn basic_credentials_are_a_name_and_a_password_with_a_colon_between_them() {
        let of = |values: &[&str]| basic(&headers(values));
        let encoded = |pair: &[u8]| format!("basic  {}", STANDARD.encode(pair));
        assert_eq!(of(&[&encoded(b"a:b:c")]).expect("credentials"), ("a".to_owned(), "b:c".to_owned()));
        assert_eq!(of(&[&encoded("ä:ö".as_bytes())]).expect("UTF-8"), ("ä".to_owned(), "ö".to_owned()));
        for bad in [&[][..], &["Basic"], &["Basic ?"], &["Bearer abc"], &[&encoded(b"abc")], &[&encoded(b"\xff:")]] {
            assert!(matches!(of(bad), Err(Error::Unauthenticated(_))), "{bad:?}");
        }
        assert!(of(&[&encoded(b"a:b"), &encoded(b"a:b")]).is_err(), "two headers are none");
    }

    #[test]
    fn fuzzed_credentials_are_read_or_refused() {
        const WORDS: &[&str] = &[
            "Basic ",
            "basic",
            "Bearer ",
            "bearer",
            " ",
            "\t",
            ":",
            "=",
            "YTpi",
            "YWI=",
            "//79",
            "-_",
            "eyJhbGciOiJFZERTQSJ9",
            ".",
        ];
        accord_fuzz::bytes(WORDS, |value| {
            let Ok(value) = HeaderValue::from_bytes(value) else { return };
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
            if let Ok(token) = bearer(&headers) {
                assert!(!token.starts_with(' '));
            }
            if let Ok((name, _)) = basic(&headers) {
                assert!(!name.contains(':'));
            }
        });
    }
}
