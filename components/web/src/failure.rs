//! What can go wrong with a request, and what the APIs have in common when they tell it: status, text and headers. Each
//! API has its own shape, and renders it in one place.

use std::sync::Arc;

use accord_core::auth::scope;
use accord_core::connectors::health::Refusal;
use accord_core::error::Unauthenticated;
use accord_core::{Error, Faults};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Why a request was not done. Whatever it is, nothing of the request was done.
#[derive(Debug)]
pub enum Failure {
    /// There is no such path.
    UnknownPath,
    /// The path takes other methods.
    MethodNotAllowed,
    /// The request could not be read.
    Malformed(String),
    /// The body is larger than the API takes.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The array or object has more entries than the API takes.
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The body is of another media type than the API takes.
    UnsupportedMediaType {
        /// The media type that is understood.
        expected: &'static str,
    },
    /// The body is coded in a way that is not understood.
    UnsupportedCoding {
        /// The coding that is.
        understood: &'static str,
    },
    /// The request demands a version of what has none.
    Unversioned,
    /// The directory refused it, or failed.
    Domain(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Domain(error.into())
    }
}

impl Failure {
    /// The status that the APIs have in common for this. An API that has another says so where it renders.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } | Self::TooMany { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType { .. } | Self::UnsupportedCoding { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unversioned => StatusCode::PRECONDITION_FAILED,
            Self::Domain(error) => match error {
                Error::NotFound(_) => StatusCode::NOT_FOUND,
                Error::Conflict(_) | Error::Duplicate { .. } | Error::Unconfirmed { .. } => StatusCode::CONFLICT,
                Error::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
                Error::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
                Error::Invalid(_) => StatusCode::BAD_REQUEST,
                Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
                Error::Forbidden { .. } => StatusCode::FORBIDDEN,
                Error::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
                Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    /// The text for the caller. What went wrong inside is not in it: that is for the log.
    pub fn text(&self) -> String {
        match self {
            Self::UnknownPath => "path not found".to_owned(),
            Self::MethodNotAllowed => "the method is not allowed here".to_owned(),
            Self::Malformed(why) => why.clone(),
            Self::TooLarge { limit } => format!("the body may have at most {limit} bytes"),
            Self::TooMany { limit } => format!("the body may have at most {limit} entries"),
            Self::UnsupportedMediaType { expected } => format!("the body must be {expected}"),
            Self::UnsupportedCoding { understood } => {
                format!("the Content-Encoding must be {understood}, if there is one")
            }
            Self::Unversioned => {
                "there are no versions here for If-Match, If-None-Match or If-Unmodified-Since: leave them out"
                    .to_owned()
            }
            Self::Domain(Error::Internal(_)) => "something went wrong here, and it was logged".to_owned(),
            Self::Domain(error) => error.to_string(),
        }
    }

    /// What is wrong with which field, if that is what went wrong.
    pub fn faults(&self) -> Option<&Faults> {
        match self {
            Self::Domain(Error::Invalid(faults)) => Some(faults),
            _ => None,
        }
    }

    /// What an API that takes bearer tokens tells to do about a `401` or a `403` in `WWW-Authenticate` (RFC 6750,
    /// section 3).
    fn bearer_challenge(&self) -> Option<HeaderValue> {
        let Self::Domain(error) = self else { return None };
        let challenge = match error {
            Error::Unauthenticated(Unauthenticated::Missing) => r#"Bearer realm="accord""#,
            Error::Unauthenticated(_) => {
                r#"Bearer realm="accord", error="invalid_token", error_description="the access token is invalid, expired or revoked""#
            }
            Error::Forbidden { needs } if scope::ALL.contains(needs) => {
                let challenge = format!(r#"Bearer realm="accord", error="insufficient_scope", scope="{needs}""#);
                return HeaderValue::try_from(challenge).ok();
            }
            Error::Forbidden { .. } => r#"Bearer realm="accord", error="insufficient_scope""#,
            _ => return None,
        };
        Some(HeaderValue::from_static(challenge))
    }

    /// Adds when, or how, another attempt may succeed: `Retry-After`, and `Accept-Encoding` (RFC 9110, section 12.5.3).
    pub fn add_advice(&self, headers: &mut HeaderMap) {
        match self {
            Self::UnsupportedCoding { understood } => {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(understood));
            }
            Self::Domain(error) => headers.extend(error.retry_after().map(|s| (header::RETRY_AFTER, s.into()))),
            _ => {}
        }
    }

    /// Adds what goes with the failure in every API that takes bearer tokens: the challenge, and when or how to try again.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        if let Some(challenge) = self.bearer_challenge() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        self.add_advice(headers);
    }
}

impl Refusal for Failure {
    fn note(&self) -> Option<String> {
        match self {
            Self::Domain(error) => error.note(),
            other => Some(other.text()),
        }
    }
}

/// What an API's operations fail with.
pub trait Failed: Send + Sync + 'static {
    /// What went wrong inside, for the log, if that is what went wrong.
    fn internal(&self) -> Option<&anyhow::Error>;

    /// Whether it says that the caller is not known.
    fn is_of_caller(&self) -> bool;
}

impl Failed for Failure {
    fn internal(&self) -> Option<&anyhow::Error> {
        match self {
            Self::Domain(Error::Internal(error)) => Some(error),
            _ => None,
        }
    }

    fn is_of_caller(&self) -> bool {
        matches!(self, Self::Domain(Error::Unauthenticated(_)))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        carry(self)
    }
}

/// A failure on its way from a handler to [`crate::call::serve`], which has the API render it.
pub(crate) struct Carried<F>(pub Arc<F>);

impl<F> Clone for Carried<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The response of a handler that failed: it carries the failure to [`crate::call::serve`], which alone knows the request.
pub fn carry<F: Failed>(failure: F) -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(Carried(Arc::new(failure)));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_inside_is_not_told() {
        let failure = Failure::from(Error::Internal(anyhow::anyhow!("password is hunter2")));
        assert!(!failure.text().contains("hunter2"));
        assert!(failure.internal().is_some());
    }
}
