//! Errors as RFC 6749, section 5.2, has them: a JSON object with `error` and `error_description`.

use accord_core::Error;
use accord_core::error::Unauthenticated;
use accord_core::values::id::AccountId;
use accord_web::described::{AccountName, Id};
use accord_web::failure::{Failed, carry};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// Why no token was issued.
#[derive(Debug)]
pub enum Failure {
    /// The request lacks a parameter, repeats one, or cannot be read.
    InvalidRequest(String),
    /// The grant type is not offered.
    UnsupportedGrantType,
    /// A scope that the client does not hold, or that does not exist.
    InvalidScope,
    /// A password, an account or a refresh token that is not right, or not any more.
    InvalidGrant,
    /// A token to revoke that was issued to another client than the one that asks.
    OfAnotherClient,
    /// The person has several accounts and named none (the portal's document, on users): id and name of each.
    AccountSelectionRequired(Vec<(AccountId, String)>),
    /// An access token that does not let whoever shows it know who signed in (RFC 6750, section 3.1).
    InsufficientScope,
    /// An access token that is missing or not good, where nothing else is asked for.
    InvalidToken(Unauthenticated),
    /// Whatever else went wrong, client authentication included.
    Request(accord_web::Failure),
}

impl<E: Into<accord_web::Failure>> From<E> for Failure {
    fn from(failure: E) -> Self {
        Self::Request(failure.into())
    }
}

/// The body of an error. Its status says what the `error` cannot.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub struct Body<'a> {
    #[schema(example = "invalid_request")]
    error: &'static str,
    #[schema(example = "grant_type is missing")]
    error_description: String,
    /// With `account_selection_required`: what to choose from.
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<Vec<Account<'a>>>,
}

/// An account to choose from.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthAccount)]
pub struct Account<'a> {
    #[schema(value_type = Id)]
    id: AccountId,
    #[schema(value_type = AccountName)]
    name: &'a str,
}

/// How an operation may fail, for its description.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "read by the generator only")]
pub enum Failures {
    /// The request cannot be read or granted: `error` says which (RFC 6749, section 5.2).
    #[response(status = 400)]
    Invalid(Body<'static>),
    /// The credentials of the client are missing or wrong.
    #[response(status = 401)]
    InvalidClient(Body<'static>),
    /// The request demands a version (`If-Match`), and there are none.
    #[response(status = 412)]
    PreconditionFailed(Body<'static>),
    /// The body has more than 16 KiB.
    #[response(status = 413)]
    TooLarge(Body<'static>),
    /// The body is not form-encoded by its media type.
    #[response(status = 415)]
    UnsupportedMediaType(Body<'static>),
    /// Too many failed attempts: `Retry-After` says when again.
    #[response(status = 429)]
    TooManyRequests(Body<'static>),
    /// Something went wrong in the service.
    #[response(status = 500)]
    Internal(Body<'static>),
    /// The directory is busy: `Retry-After` says when again.
    #[response(status = 503)]
    Unavailable(Body<'static>),
}

/// How an operation may fail that takes nothing, for its description.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "read by the generator only")]
pub enum Outages {
    /// Something went wrong in the service.
    #[response(status = 500)]
    Internal(Body<'static>),
    /// The directory is busy: `Retry-After` says when again.
    #[response(status = 503)]
    Unavailable(Body<'static>),
}

impl Failure {
    /// The failure in RFC 6749's shape.
    pub fn render(&self) -> Response {
        let (status, error, error_description) = match self {
            Self::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", why.clone()),
            Self::UnsupportedGrantType => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "the grant_type must be authorization_code, client_credentials, password or refresh_token".to_owned(),
            ),
            Self::InvalidScope => (
                StatusCode::BAD_REQUEST,
                "invalid_scope",
                "the client does not hold every scope that it asks for".to_owned(),
            ),
            Self::InvalidGrant => {
                (StatusCode::BAD_REQUEST, "invalid_grant", "the credentials are not right, or not any more".to_owned())
            }
            Self::OfAnotherClient => {
                (StatusCode::BAD_REQUEST, "invalid_grant", "the token was issued to another client".to_owned())
            }
            Self::AccountSelectionRequired(_) => (
                StatusCode::BAD_REQUEST,
                "account_selection_required",
                "the user has several accounts: name one as account".to_owned(),
            ),
            Self::InsufficientScope => {
                (StatusCode::FORBIDDEN, "insufficient_scope", "this needs the scope openid".to_owned())
            }
            Self::InvalidToken(why) => (StatusCode::UNAUTHORIZED, "invalid_token", why.to_string()),
            Self::Request(failure) => (failure.status(), code(failure), failure.text()),
        };
        let accounts = match self {
            Self::AccountSelectionRequired(accounts) => {
                Some(accounts.iter().map(|(id, name)| Account { id: *id, name }).collect())
            }
            _ => None,
        };
        let mut response = (status, Json(Body { error, error_description, accounts })).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let challenge = match self {
            Self::InvalidToken(Unauthenticated::Missing) => Some(r#"Bearer realm="accord""#),
            Self::InvalidToken(_) => Some(r#"Bearer realm="accord", error="invalid_token""#),
            Self::InsufficientScope => Some(r#"Bearer realm="accord", error="insufficient_scope", scope="openid""#),
            _ if status == StatusCode::UNAUTHORIZED => Some(r#"Basic realm="accord", charset="UTF-8""#),
            _ => None,
        };
        headers.extend(challenge.map(|text| (header::WWW_AUTHENTICATE, HeaderValue::from_static(text))));
        if let Self::Request(failure) = self {
            failure.add_advice(headers);
        }
        response
    }
}

/// The `error` of RFC 6749 that comes nearest. The status says what the code cannot.
fn code(failure: &accord_web::Failure) -> &'static str {
    match failure {
        accord_web::Failure::Domain(Error::Unauthenticated(_)) => "invalid_client",
        accord_web::Failure::Domain(Error::Unavailable { .. } | Error::TooManyRequests { .. }) => {
            "temporarily_unavailable"
        }
        accord_web::Failure::Domain(Error::Internal(_)) => "server_error",
        _ => "invalid_request",
    }
}

impl Failed for Failure {
    fn internal(&self) -> Option<&anyhow::Error> {
        match self {
            Self::Request(failure) => failure.internal(),
            _ => None,
        }
    }

    fn is_of_caller(&self) -> bool {
        match self {
            Self::InvalidGrant | Self::InvalidToken(_) => true,
            Self::Request(failure) => failure.is_of_caller(),
            _ => false,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        carry(self)
    }
}
