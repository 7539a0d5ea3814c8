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

/// The connector that the request authenticates as, where only a connector may ask that keeps a secret.
pub async fn require(
    call: &Call,
    headers: &HeaderMap,
    form: &Form,
    connection: &Connection,
) -> Result<CallingConnector, Failure> {
    let shown = credentials(headers, form)?.filter(|shown| !shown.secrets.is_empty()).ok_or(MISSING)?;
    Ok(authenticate(call, Some(shown), connection).await?.ok_or(MISSING)?)
}

/// The connector that the request authenticates as, if it names one. One that names itself has to prove itself (RFC 6749,
/// section 3.2.1).
pub async fn confidential(
    call: &Call,
    headers: &HeaderMap,
    form: &Form,
    connection: &Connection,
) -> Result<Option<CallingConnector>, Failure> {
    match credentials(headers, form)? {
        Some(Credentials { secrets, .. }) if secrets.is_empty() => Err(MISSING.into()),
        credentials => authenticate(call, credentials, connection).await,
    }
}

/// As [`confidential`], where a public connector names itself and has nothing to prove: what it shows beside that is bound to it.
pub async fn find(
    call: &Call,
    headers: &HeaderMap,
    form: &Form,
    connection: &Connection,
) -> Result<Option<CallingConnector>, Failure> {
    authenticate(call, credentials(headers, form)?, connection).await
}

async fn authenticate(
    call: &Call,
    credentials: Option<Credentials>,
    connection: &Connection,
) -> Result<Option<CallingConnector>, Failure> {
    let connector = prove(call, credentials, connection).await?;
    call.refuse_demands()?;
    Ok(connector)
}

async fn prove(
    call: &Call,
    credentials: Option<Credentials>,
    connection: &Connection,
) -> Result<Option<CallingConnector>, Failure> {
    let Some(Credentials { client_ids, secrets }) = credentials else { return Ok(None) };
    if let ([client_id], []) = (client_ids.as_slice(), secrets.as_slice()) {
        return Ok(Some(connector::public(connection, client_id)?.ok_or(MISSING)?));
    }
    let client_ids: Vec<_> = client_ids.iter().map(String::as_str).collect();
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    let connector = connector::authenticate(connection, &client_ids, &secrets, call.address).await?;
    call.called_by(connector.actor());
    Ok(Some(connector))
}

/// The refusal of a request that lacks the credentials of a client.
pub const MISSING: Error = Error::Unauthenticated(Unauthenticated::Missing);

/// The id and the secret of a client, each in all the readings of what it sent. Most have one; who only names itself has no
/// secret.
#[derive(Debug, PartialEq, Eq)]
struct Credentials {
    client_ids: Vec<String>,
    secrets: Vec<String>,
}

/// The client's id and secret: from the `Authorization` header or from the body, never both (RFC 6749, section 2.3). `None`
/// for a request that names no client, or the one of no secret that people have without a client.
fn credentials(headers: &HeaderMap, form: &Form) -> Result<Option<Credentials>, Failure> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return match (&form.client_id, &form.client_secret) {
            (None, None) => Ok(None),
            (Some(id), None) if id == FIRST_PARTY => Ok(None),
            (Some(id), None) => Ok(Some(Credentials { client_ids: vec![id.clone()], secrets: Vec::new() })),
            (Some(id), Some(secret)) => {
                Ok(Some(Credentials { client_ids: vec![id.clone()], secrets: vec![secret.clone()] }))
            }
            (None, Some(_)) => Err(MISSING.into()),
        };
    }
    if form.client_secret.is_some() {
        return Err(Failure::InvalidRequest("the client authenticates in two ways".to_owned()));
    }
    let (id, secret) = basic(headers)?;
    let credentials = Credentials { client_ids: readings(id), secrets: readings(secret) };
    if form.client_id.as_ref().is_some_and(|other| !credentials.client_ids.contains(other)) {
        return Err(Failure::InvalidRequest("the client_id of the body is another".to_owned()));
    }
    let first_party = credentials.client_ids.iter().any(|id| id == FIRST_PARTY);
    let has_secret = credentials.secrets.iter().any(|secret| !secret.is_empty());
    Ok(Some(credentials).filter(|_| !first_party || has_secret))
}

/// What half of the Basic credentials may mean: what it is form-encoded of (RFC 6749, section 2.3.1), and what it is as it
/// stands, for many clients leave the encoding out. For letters, digits and dashes that is the same.
fn readings(half: String) -> Vec<String> {
    let spaced = half.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok().map(String::from).filter(|decoded| *decoded != half);
    decoded.into_iter().chain([half]).collect()
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
        let of = |client_ids: &[&str], secrets: &[&str]| {
            let [client_ids, secrets] = [client_ids, secrets].map(|of| of.iter().map(|it| (*it).to_owned()).collect());
            Some(Credentials { client_ids, secrets })
        };
        for (sent, expected) in [
            ("a:b:c", of(&["a"], &["b:c"])),
            ("a%3A:b%25+c", of(&["a:", "a%3A"], &["b% c", "b%25+c"])),
            ("a:b+c", of(&["a"], &["b c", "b+c"])),
            ("a:100%", of(&["a"], &["100%"])),
            ("a:%ff", of(&["a"], &["%ff"])),
        ] {
            assert_eq!(credentials(&header(sent), &empty).expect("Basic"), expected, "{sent}");
        }
        assert_eq!(credentials(&HeaderMap::new(), &body).expect("body"), of(&["a"], &["b&"]));
        assert!(matches!(credentials(&header("a:b"), &body), Err(Failure::InvalidRequest(_))));
    }

    #[test]
    fn who_names_itself_proves_itself() {
        let form = |body: &str| Form::parse(body.as_bytes()).expect("a form");
        for nobody in ["", "client_id=accord", "client_id=&client_secret="] {
            assert_eq!(credentials(&HeaderMap::new(), &form(nobody)).expect(nobody), None);
        }
        assert_eq!(credentials(&header("accord:"), &form("client_id=accord")).expect("Basic"), None);
        let named = Credentials { client_ids: vec!["a".to_owned()], secrets: Vec::new() };
        assert_eq!(credentials(&HeaderMap::new(), &form("client_id=a")).expect("a public client"), Some(named));
        for half in ["client_secret=b", "client_secret=b&client_id="] {
            let refused = credentials(&HeaderMap::new(), &form(half));
            let Err(Failure::Request(accord_web::Failure::Domain(Error::Unauthenticated(why)))) = refused else {
                panic!("{half}")
            };
            assert_eq!(why, Unauthenticated::Missing, "{half}");
        }
    }
}
