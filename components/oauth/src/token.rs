//! The token endpoint (RFC 6749, section 3.2), one at three paths.

use accord_core::call::{self, Call};
use accord_core::connector::{self, Authenticated};
use accord_core::error::{Error, Unauthenticated};
use accord_core::scope::Scopes;
use accord_core::session::{self, Holder, SignIn};
use accord_core::store::{Connection, now};
use accord_core::token::{AccessClaims, FIRST_PARTY};
use accord_core::{body, setting};
use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, header};
use jwt_simple::prelude::{Claims, Duration};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use uuid::Uuid;

use crate::failure::Failure;
use crate::{beginning, signing};
#[cfg(not(target_family = "wasm"))]
use crate::{failure::Failures, openapi};

/// Largest body, in bytes.
pub const BODY_LIMIT: usize = 16 * 1024;

/// The path at which the endpoint API has its token endpoint. It is its "Refresh URL" too: clients get a refresh token
/// there.
pub const ENDPOINT_PATH: &str = "/oAuth/rest/v2/Token";

/// Get a token
///
/// The client proves itself by HTTP Basic, or by `client_id` and `client_secret` in the body. A user signs in without one.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "oauth_token", path = "/oauth/token", tag = "oauth",
    request_body(content = openapi::TokenRequest, content_type = "application/x-www-form-urlencoded", examples(
        ("client_credentials" = (summary = "A connector's token", value = json!({ "grant_type": "client_credentials" }))),
        ("password" = (summary = "A user's token", value = json!({ "grant_type": "password", "username": "jane@example.com", "password": "secure_password_123" }))),
        ("refresh_token" = (summary = "The next token", value = json!({ "grant_type": "refresh_token", "refresh_token": "a-refresh-token" })))
    )),
    responses((status = 200, description = "A token.", body = Issued), Failures),
    security(("client" = []), ())
))]
pub async fn token(call: Call, request: Request) -> Response {
    match issue(&call, request).await {
        Ok(token) => call.sign(([(header::CACHE_CONTROL, "no-store")], Json(token)).into_response()),
        Err(failure) => failure.answer(&call),
    }
}

/// An issued token (RFC 6749, section 5.1).
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Issued {
    access_token: String,
    #[cfg_attr(not(target_family = "wasm"), schema(example = "Bearer"))]
    token_type: &'static str,
    /// Seconds for which the access token is good.
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    /// The account that a user signed in to.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<i64>,
}

async fn issue(call: &Call, request: Request) -> Result<Issued, Failure> {
    let (parts, body) = request.into_parts();
    let body = body::form(&parts.headers, body, BODY_LIMIT).await?;
    let form = Form::parse(&body)?;
    let connection = Connection::lease().await?;
    beginning::ensure(&connection, &call.request_id).await?;
    match form.grant_type.as_deref() {
        Some("client_credentials") => {
            let client = authenticate(call, &parts.headers, &form, &connection).await?;
            let scopes = client.scopes.grant(form.scope.as_deref()).ok_or(Failure::InvalidScope)?;
            let holder = Holder::Connector(client);
            let session = if parts.uri.path() == ENDPOINT_PATH {
                Some(session::begin(&connection, &holder, &scopes).await?)
            } else {
                None
            };
            sign(&connection, &holder, scopes, session).await
        }
        Some("password") => {
            let (name, password) = (required(form.username, "username")?, required(form.password, "password")?);
            let signed_in =
                session::sign_in(&connection, &name, &password, form.account.as_deref(), call.address).await;
            match signed_in.map_err(invalid_grant)? {
                SignIn::Select(accounts) => Err(Failure::AccountSelectionRequired(accounts)),
                SignIn::Done(user) => {
                    let (holder, scopes) = (Holder::User(user), Scopes::default());
                    let session = session::begin(&connection, &holder, &scopes).await?;
                    sign(&connection, &holder, scopes, Some(session)).await
                }
            }
        }
        Some("refresh_token") => {
            // A client proves itself again; a user has none (RFC 6749, section 6).
            let client = if has_credentials(&parts.headers, &form) {
                Some(authenticate(call, &parts.headers, &form, &connection).await?)
            } else {
                None
            };
            let shown = required(form.refresh_token, "refresh_token")?;
            let refreshed = session::refresh(&shown, client.as_ref()).await.map_err(invalid_grant)?;
            // What the client lost meanwhile it does not get back.
            let held = match &refreshed.holder {
                Holder::Connector(client) => refreshed.scopes.common(&client.scopes),
                Holder::User(_) => refreshed.scopes,
            };
            let scopes = held.grant(form.scope.as_deref()).ok_or(Failure::InvalidScope)?;
            let session = Some((refreshed.family, refreshed.refresh_token));
            sign(&connection, &refreshed.holder, scopes, session).await
        }
        Some(_) => Err(Failure::UnsupportedGrantType),
        None => Err(Failure::InvalidRequest("grant_type is missing".to_owned())),
    }
}

fn required(parameter: Option<String>, name: &str) -> Result<String, Failure> {
    parameter.ok_or_else(|| Failure::InvalidRequest(format!("{name} is missing")))
}

/// Credentials of a user or a refresh token that are not right are `invalid_grant` (RFC 6749, section 5.2).
fn invalid_grant(error: Error) -> Failure {
    match error {
        Error::Unauthenticated(_) => Failure::InvalidGrant,
        other => Failure::Core(other),
    }
}

/// The connector that the request authenticates as.
pub async fn authenticate(
    call: &Call,
    headers: &HeaderMap,
    form: &Form,
    connection: &Connection,
) -> Result<Authenticated, Failure> {
    let (client_id, client_secret) = credentials(headers, form)?;
    Ok(connector::authenticate(connection, &client_id, &client_secret, call.address).await?)
}

/// Whether the request brings a client's credentials.
pub fn has_credentials(headers: &HeaderMap, form: &Form) -> bool {
    headers.contains_key(header::AUTHORIZATION) || form.client_secret.is_some()
}

/// Signs an access token for `holder`; `session` is the family that it belongs to and the refresh token to give with it.
async fn sign(
    connection: &Connection,
    holder: &Holder,
    scopes: Scopes,
    session: Option<(String, String)>,
) -> Result<Issued, Failure> {
    let key = signing::current(connection).await?;
    let expires_in = setting::number("access_token_lifetime").await?;
    let (client_id, subject, account, password_version) = match holder {
        Holder::Connector(client) => {
            connector::token_issued(connection, client, now() + expires_in * 1000).await?;
            (client.client_id.as_str(), client.client_id.as_str(), None, None)
        }
        Holder::User(user) => (FIRST_PARTY, user.uuid.as_str(), user.account_id, Some(user.password_version)),
    };
    let (family, refresh_token) = session.unzip();
    let custom = AccessClaims {
        client_id: client_id.to_owned(),
        scope: scopes.to_string(),
        account,
        session: family,
        password_version,
    };
    let claims = Claims::with_custom_claims(custom, Duration::from_secs(expires_in.unsigned_abs()))
        .with_issuer(setting::get("public_url").await?)
        .with_audience(setting::get("audience").await?)
        .with_subject(subject)
        .with_jwt_id(Uuid::new_v4());
    Ok(Issued {
        access_token: key.sign(claims)?,
        token_type: "Bearer",
        expires_in,
        refresh_token,
        scope: scopes.to_string(),
        account,
    })
}

/// The parameters that the endpoint knows. Others are ignored (RFC 6749, section 3.2).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Form {
    grant_type: Option<String>,
    scope: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    username: Option<String>,
    password: Option<String>,
    /// The account to sign in to, an id or a name: ours, not RFC 6749's.
    account: Option<String>,
    refresh_token: Option<String>,
    /// The token to revoke (RFC 7009, section 2.1) or to introspect (RFC 7662, section 2.1).
    pub token: Option<String>,
}

impl Form {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, Failure> {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            let field = match name.as_ref() {
                "grant_type" => &mut form.grant_type,
                "scope" => &mut form.scope,
                "client_id" => &mut form.client_id,
                "client_secret" => &mut form.client_secret,
                "username" => &mut form.username,
                "password" => &mut form.password,
                "account" => &mut form.account,
                "refresh_token" => &mut form.refresh_token,
                "token" => &mut form.token,
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
    if !headers.contains_key(header::AUTHORIZATION) {
        let (Some(id), Some(secret)) = (&form.client_id, &form.client_secret) else {
            return Err(Error::Unauthenticated(Unauthenticated::Missing).into());
        };
        return Ok((id.clone(), secret.clone()));
    }
    if form.client_secret.is_some() {
        return Err(Failure::InvalidRequest("the client authenticates in two ways".to_owned()));
    }
    let (id, secret) = call::basic(headers)?;
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
