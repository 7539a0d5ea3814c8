//! The token endpoint (RFC 6749, section 3.2), one at three paths.

use accord_core::call::Call;
use accord_core::connector::{self, Authenticated};
use accord_core::error::{Error, Unauthenticated};
use accord_core::store::{Connection, now};
use accord_core::token::AccessClaims;
use accord_core::{body, setting};
use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use jwt_simple::prelude::{Claims, Duration};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use uuid::Uuid;

use crate::failure::Failure;
use crate::{beginning, signing};

/// Largest body, in bytes.
const BODY_LIMIT: usize = 16 * 1024;

/// `POST` of a grant.
pub async fn token(call: Call, request: Request) -> Response {
    match issue(&call, request).await {
        Ok(token) => call.sign(([(header::CACHE_CONTROL, "no-store")], Json(token)).into_response()),
        Err(failure) => failure.answer(&call),
    }
}

/// An issued token (RFC 6749, section 5.1).
#[derive(Serialize)]
struct Issued {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
}

async fn issue(call: &Call, request: Request) -> Result<Issued, Failure> {
    let (parts, body) = request.into_parts();
    let body = body::form(&parts.headers, body, BODY_LIMIT).await?;
    let form = Form::parse(&body)?;
    match form.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Err(Failure::UnsupportedGrantType),
        None => return Err(Failure::InvalidRequest("grant_type is missing".to_owned())),
    }
    let (client_id, client_secret) = credentials(&parts.headers, &form)?;
    let connection = Connection::lease().await?;
    beginning::ensure(&connection, &call.request_id).await?;
    let client = connector::authenticate(&connection, &client_id, &client_secret, call.address).await?;
    let scopes = client.scopes.grant(form.scope.as_deref()).ok_or(Failure::InvalidScope)?;
    sign(&connection, &client, scopes.to_string()).await
}

async fn sign(connection: &Connection, client: &Authenticated, scope: String) -> Result<Issued, Failure> {
    let key = signing::current(connection).await?;
    let expires_in = setting::number("access_token_lifetime").await?;
    connector::token_issued(connection, client, now() + expires_in * 1000).await?;
    let custom = AccessClaims { client_id: client.client_id.clone(), scope: scope.clone(), account: None };
    let claims = Claims::with_custom_claims(custom, Duration::from_secs(expires_in.unsigned_abs()))
        .with_issuer(setting::get("public_url").await?)
        .with_audience(setting::get("audience").await?)
        .with_subject(&client.client_id)
        .with_jwt_id(Uuid::new_v4());
    Ok(Issued { access_token: key.sign(claims)?, token_type: "Bearer", expires_in, scope })
}

/// The parameters that the endpoint knows. Others are ignored (RFC 6749, section 3.2).
#[derive(Debug, Default, PartialEq, Eq)]
struct Form {
    grant_type: Option<String>,
    scope: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

impl Form {
    fn parse(body: &[u8]) -> Result<Self, Failure> {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            let field = match name.as_ref() {
                "grant_type" => &mut form.grant_type,
                "scope" => &mut form.scope,
                "client_id" => &mut form.client_id,
                "client_secret" => &mut form.client_secret,
                _ => continue,
            };
            // One without a value is taken as left out (RFC 6749, section 3.2), one that is there twice is a mistake.
            if value.is_empty() {
                continue;
            }
            if field.replace(value.into_owned()).is_some() {
                return Err(Failure::InvalidRequest(format!("{name} is there twice")));
            }
        }
        Ok(form)
    }
}

/// The client's id and secret: from the `Authorization` header or from the body, never both (RFC 6749, section 2.3).
fn credentials(headers: &HeaderMap, form: &Form) -> Result<(String, String), Failure> {
    const MISSING: Error = Error::Unauthenticated(Unauthenticated::Missing);
    const WRONG: Error = Error::Unauthenticated(Unauthenticated::InvalidCredentials);
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        let (Some(id), Some(secret)) = (&form.client_id, &form.client_secret) else { return Err(MISSING.into()) };
        return Ok((id.clone(), secret.clone()));
    };
    if form.client_secret.is_some() {
        return Err(Failure::InvalidRequest("the client authenticates in two ways".to_owned()));
    }
    let (scheme, encoded) = header.to_str().map_err(|_| WRONG)?.split_once(' ').ok_or(WRONG)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(WRONG.into());
    }
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| WRONG)?;
    let pair = String::from_utf8(decoded).map_err(|_| WRONG)?;
    let (id, secret) = pair.split_once(':').ok_or(WRONG)?;
    let (id, secret) = (unescape(id)?, unescape(secret)?);
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
    use http::HeaderValue;

    use super::*;

    fn basic(pair: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(pair));
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(&value).expect("a header"))])
    }

    #[test]
    fn credentials_come_by_header_or_by_body_but_not_by_both() {
        let empty = Form::default();
        let body = Form::parse(b"client_id=a&client_secret=b%26").expect("a form");
        assert_eq!(credentials(&basic("a:b:c"), &empty).expect("Basic"), ("a".to_owned(), "b:c".to_owned()));
        assert_eq!(credentials(&basic("a%3A:b%25"), &empty).expect("Basic"), ("a:".to_owned(), "b%".to_owned()));
        assert_eq!(credentials(&HeaderMap::new(), &body).expect("body"), ("a".to_owned(), "b&".to_owned()));
        assert!(matches!(credentials(&basic("a:b"), &body), Err(Failure::InvalidRequest(_))));
        assert!(matches!(credentials(&HeaderMap::new(), &empty), Err(Failure::Core(Error::Unauthenticated(_)))));
    }

    #[test]
    fn a_parameter_that_is_there_twice_is_a_mistake_and_one_without_a_value_is_left_out() {
        assert!(matches!(Form::parse(b"scope=a&scope=b"), Err(Failure::InvalidRequest(_))));
        assert_eq!(Form::parse(b"scope=&resource=x").expect("a form"), Form::default());
    }
}
