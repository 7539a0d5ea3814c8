//! Client authentication (RFC 6749, section 2.3): the connector that a request authenticates as.

use accord_core::auth::caller::CallingConnector;
use accord_core::connectors::connector;
use accord_core::error::{Error, Unauthenticated};
use accord_core::store::Connection;
use accord_web::Call;
use accord_web::authorization::basic;
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;

use crate::failure::Failure;
use crate::form::Form;

/// The connector that the request authenticates as.
pub async fn require(
    call: &Call,
    headers: &HeaderMap,
    form: &Form,
    connection: &Connection,
) -> Result<CallingConnector, Failure> {
    let (client_id, client_secret) = credentials(headers, form)?;
    Ok(connector::authenticate(connection, &client_id, &client_secret, call.address).await?)
}

/// The connector that the request authenticates as, if it brings credentials.
pub async fn find(
    call: &Call,
    headers: &HeaderMap,
    form: &Form,
    connection: &Connection,
) -> Result<Option<CallingConnector>, Failure> {
    if headers.contains_key(header::AUTHORIZATION) || form.client_secret.is_some() {
        return require(call, headers, form, connection).await.map(Some);
    }
    Ok(None)
}

/// The client's id and secret: from the `Authorization` header or from the body, never both (RFC 6749, section 2.3).
fn credentials(headers: &HeaderMap, form: &Form) -> Result<(String, String), Failure> {
    if !headers.contains_key(header::AUTHORIZATION) {
        let (Some(id), Some(secret)) = (&form.client_id, &form.client_secret) else {
            return Err(Error::Unauthenticated(Unauthenticated::Missing).into());
        };
        return Ok((id.clone(), secret.clone()));
    }
    if form.client_secret.is_some() {
        return Err(Failure::InvalidRequest("the client authenticates in two ways".to_owned()));
    }
    let (id, secret) = basic(headers)?;
    let (id, secret) = (unescape(&id)?, unescape(&secret)?);
    if form.client_id.as_ref().is_some_and(|other| *other != id) {
        return Err(Failure::InvalidRequest("the client_id of the body is another".to_owned()));
    }
    Ok((id, secret))
}

/// Undoes the form encoding of both halves (RFC 6749, section 2.3.1). Most clients leave it out, which is the same for
/// secrets of letters and digits; a `+` therefore stays what it is, for a lone `%` means that nothing was encoded.
fn unescape(text: &str) -> Result<String, Error> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| Error::Unauthenticated(Unauthenticated::InvalidCredentials))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use http::HeaderValue;

    use super::*;

    fn header(pair: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(pair));
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(&value).expect("a header"))])
    }

    #[test]
    fn credentials_come_by_header_or_by_body_but_not_by_both() {
        let empty = Form::default();
        let body = Form::parse(b"client_id=a&client_secret=b%26").expect("a form");
        assert_eq!(credentials(&header("a:b:c"), &empty).expect("Basic"), ("a".to_owned(), "b:c".to_owned()));
        assert_eq!(credentials(&header("a%3A:b%25"), &empty).expect("Basic"), ("a:".to_owned(), "b%".to_owned()));
        assert_eq!(credentials(&HeaderMap::new(), &body).expect("body"), ("a".to_owned(), "b&".to_owned()));
        assert!(matches!(credentials(&header("a:b"), &body), Err(Failure::InvalidRequest(_))));
        assert!(matches!(
            credentials(&HeaderMap::new(), &empty),
            Err(Failure::Request(accord_web::Failure::Domain(Error::Unauthenticated(_))))
        ));
    }
}
