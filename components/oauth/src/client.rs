//! Client authentication (RFC 6749, section 2.3): the connector that a request authenticates as.

use accord_core::auth::caller::CallingConnector;
use accord_core::auth::token::FIRST_PARTY;
use accord_core::connectors::connector;
use accord_core::error::{Error, Unauthenticated};
use accord_core::store::Connection;
use accord_web::Call;
use accord_web::authorization::basic;
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;

use crate::failure::Failure;
use crate::form::Form;

/// The connector that the request authenticates as, where only a connector may ask.
pub async fn require(
    call: &Call,
    headers: &HeaderMap,
    form: &Form,
    connection: &Connection,
) -> Result<CallingConnector, Failure> {
    find(call, headers, form, connection).await?.ok_or_else(|| MISSING.into())
}

/// The connector that the request authenticates as, if it names one. One that names itself has to prove itself (RFC 6749,
/// section 3.2.1).
pub async fn find(
    call: &Call,
    headers: &HeaderMap,
    form: &Form,
    connection: &Connection,
) -> Result<Option<CallingConnector>, Failure> {
    let Some((client_id, client_secret)) = credentials(headers, form)? else { return Ok(None) };
    Ok(Some(connector::authenticate(connection, &client_id, &client_secret, call.address).await?))
}

/// The refusal of a request that lacks the credentials of a client.
pub const MISSING: Error = Error::Unauthenticated(Unauthenticated::Missing);

/// The client's id and secret: from the `Authorization` header or from the body, never both (RFC 6749, section 2.3). `None`
/// for a request that names no client, or the one of no secret that people have without a client.
fn credentials(headers: &HeaderMap, form: &Form) -> Result<Option<(String, String)>, Failure> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return match (&form.client_id, &form.client_secret) {
            (None, None) => Ok(None),
            (Some(id), None) if id == FIRST_PARTY => Ok(None),
            (Some(id), Some(secret)) => Ok(Some((id.clone(), secret.clone()))),
            _ => Err(MISSING.into()),
        };
    }
    if form.client_secret.is_some() {
        return Err(Failure::InvalidRequest("the client authenticates in two ways".to_owned()));
    }
    let (id, secret) = basic(headers)?;
    let (id, secret) = (unescape(&id)?, unescape(&secret)?);
    if form.client_id.as_ref().is_some_and(|other| *other != id) {
        return Err(Failure::InvalidRequest("the client_id of the body is another".to_owned()));
    }
    Ok(Some((id, secret)).filter(|(id, secret)| id != FIRST_PARTY || !secret.is_empty()))
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
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(credentials(&header("a:b:c"), &empty).expect("Basic"), pair("a", "b:c"));
        assert_eq!(credentials(&header("a%3A:b%25"), &empty).expect("Basic"), pair("a:", "b%"));
        assert_eq!(credentials(&HeaderMap::new(), &body).expect("body"), pair("a", "b&"));
        assert!(matches!(credentials(&header("a:b"), &body), Err(Failure::InvalidRequest(_))));
    }

    #[test]
    fn who_names_itself_proves_itself() {
        let form = |body: &str| Form::parse(body.as_bytes()).expect("a form");
        for nobody in ["", "client_id=accord", "client_id=&client_secret="] {
            assert_eq!(credentials(&HeaderMap::new(), &form(nobody)).expect(nobody), None);
        }
        assert_eq!(credentials(&header("accord:"), &form("client_id=accord")).expect("Basic"), None);
        for half in ["client_id=a", "client_secret=b", "client_secret=b&client_id="] {
            let refused = credentials(&HeaderMap::new(), &form(half));
            let Err(Failure::Request(accord_web::Failure::Domain(Error::Unauthenticated(why)))) = refused else {
                panic!("{half}")
            };
            assert_eq!(why, Unauthenticated::Missing, "{half}");
        }
    }
}
