//! The one domain error. It says what went wrong; each API says it in the words and the shape of its document.

use std::collections::BTreeMap;
use std::fmt;

use http::{HeaderMap, HeaderValue, header};

use crate::{log, scope};

/// What a domain function gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request was not done. Whatever it is, nothing of the request was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or the caller may not know of it.
    #[error("{0} not found")]
    NotFound(Thing),

    /// The request contradicts what is there.
    #[error("{0}")]
    Conflict(Conflict),

    /// The caller has seen another state than there is (RFC 9110, section 13.1.1).
    #[error("it was changed meanwhile: get it again, and its new ETag")]
    PreconditionFailed,

    /// An `Idempotency-Key` came again with another body.
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,

    /// The database refused a value that must be unique. A domain function that knows better turns it into
    /// [`Error::Conflict`] or [`Error::Invalid`].
    #[error("a record of the same {columns} exists already")]
    Duplicate {
        /// The columns of the unique index, as SQLite names them.
        columns: String,
    },

    /// The request is well formed, but says what cannot be.
    #[error("{0}")]
    Invalid(Faults),

    /// The request could not be read.
    #[error("{0}")]
    Malformed(String),

    /// The body is larger than the API takes.
    #[error("the body may have at most {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },

    /// The array or object has more entries than the API takes.
    #[error("the body may have at most {limit} entries")]
    TooMany {
        /// The limit.
        limit: usize,
    },

    /// The body is of another media type than the API takes.
    #[error("the body must be {expected}")]
    UnsupportedMediaType {
        /// The media type that is understood.
        expected: &'static str,
    },

    /// Who calls is not known.
    #[error("{0}")]
    Unauthenticated(Unauthenticated),

    /// The caller is known, but may not do this.
    #[error("this needs {needs}")]
    Forbidden {
        /// The scope or the role that would do.
        needs: &'static str,
    },

    /// Too many attempts.
    #[error("too many failed attempts")]
    TooManyRequests {
        /// Seconds after which another attempt makes sense.
        retry_after: u32,
    },

    /// It does not work now, but will.
    #[error("{reason}")]
    Unavailable {
        /// Seconds after which another attempt makes sense.
        retry_after: u32,
        /// Why, fit to be shown.
        reason: &'static str,
    },

    /// Our fault. The text is for the log, never for the caller.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl Error {
    /// The HTTP status that the APIs have in common for this error. An API that has another says so where it renders.
    pub fn status(&self) -> http::StatusCode {
        use http::StatusCode;
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) | Self::Duplicate { .. } => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Invalid(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } | Self::TooMany { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Seconds for the `Retry-After` header, where another attempt may succeed.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooManyRequests { retry_after } | Self::Unavailable { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// What an API that takes bearer tokens tells to do about a `401` or a `403` in `WWW-Authenticate` (RFC 6750,
    /// section 3).
    pub fn bearer_challenge(&self) -> Option<HeaderValue> {
        let challenge = match self {
            Self::Unauthenticated(Unauthenticated::Missing) => r#"Bearer realm="accord""#,
            Self::Unauthenticated(_) => {
                r#"Bearer realm="accord", error="invalid_token", error_description="the access token is invalid, expired or revoked""#
            }
            Self::Forbidden { needs } if scope::ALL.contains(needs) => {
                let challenge = format!(r#"Bearer realm="accord", error="insufficient_scope", scope="{needs}""#);
                return HeaderValue::try_from(challenge).ok();
            }
            Self::Forbidden { .. } => r#"Bearer realm="accord", error="insufficient_scope""#,
            _ => return None,
        };
        Some(HeaderValue::from_static(challenge))
    }

    /// Adds the headers that go with the error in every API that takes bearer tokens: the challenge, and when to try again.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        if let Some(challenge) = self.bearer_challenge() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
    }

    /// The text for the caller. What went wrong inside goes to the log instead, with the request's id.
    pub fn public_text(&self, request_id: &str) -> String {
        match self {
            Self::Internal(error) => {
                log::error(Some(request_id), format_args!("{error:#}"));
                "something went wrong here, and it was logged".to_owned()
            }
            other => other.to_string(),
        }
    }
}

/// What there is none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// An account: an organisation.
    Account,
    /// A user, or a member of an account.
    User,
    /// A connector.
    Connector,
    /// A path of an API.
    Path,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::User => "user",
            Self::Connector => "connector",
            Self::Path => "path",
        })
    }
}

/// What a request contradicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// An account of the name exists already.
    NameTaken,
    /// An account that owns others cannot be deleted.
    OwnsAccounts,
    /// The operator account cannot be deleted.
    IsOperator,
    /// Another account has the subdomain.
    SubdomainTaken,
    /// Somebody has the username of the administrator that is to be made.
    AdministratorTaken,
    /// There is a package of the name already.
    PackageTaken,
    /// Somebody has the e-mail address already.
    AddressTaken,
    /// Somebody who came in already cannot be invited again.
    NotInvited,
    /// Somebody without an e-mail address cannot be invited.
    NoAddress,
    /// Nobody would own the account after the change.
    LastOwner,
    /// The person is a member of the account already.
    AlreadyMember,
    /// The connector's writes are refused, see [`crate::health`].
    Paused,
    /// The username and the external id are of two users.
    Ambiguous,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameTaken => "an account of this name exists already",
            Self::OwnsAccounts => "the account owns other accounts",
            Self::IsOperator => "the operator account stays",
            Self::SubdomainTaken => "the subdomain is already in use by another account",
            Self::AdministratorTaken => "the administrator's username is already in use",
            Self::PackageTaken => "there is a package of this name already",
            Self::AddressTaken => "a user of this e-mail address exists already",
            Self::NotInvited => "the user has no open invitation to the account",
            Self::NoAddress => "the user has no e-mail address to be invited at",
            Self::LastOwner => "an account must keep an active owner",
            Self::AlreadyMember => "the user belongs to the account already",
            Self::Paused => "the connector is paused, for its last 10 writes failed: resume it, or rotate its secret",
            Self::Ambiguous => "the username and the external id are of two different users",
        })
    }
}

/// Why a caller is not known (RFC 6750, section 3.1, and RFC 7235).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthenticated {
    /// No credentials of the scheme that the API takes.
    Missing,
    /// A token that is malformed, forged, expired, revoked, for somebody else, or of a client that is not active.
    InvalidToken,
    /// A name and secret that do not belong together, or belong to nobody active.
    InvalidCredentials,
}

impl fmt::Display for Unauthenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "credentials are missing",
            Self::InvalidToken => "the access token is invalid, expired or revoked",
            Self::InvalidCredentials => "the credentials are not right",
        })
    }
}

/// What is wrong with which field (or entry): the first [`Faults::SHOWN`], and how many more.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Faults {
    shown: BTreeMap<String, String>,
    omitted: usize,
}

impl Faults {
    /// How many faults are listed one by one.
    pub const SHOWN: usize = 100;

    /// Notes that something is wrong with `field`. The first fault of a field is the one that is told.
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        if self.shown.contains_key(field) {
            return;
        }
        if self.shown.len() < Self::SHOWN {
            self.shown.insert(field.to_owned(), message.into());
        } else {
            self.omitted += 1;
        }
    }

    /// A single fault.
    pub fn of(field: &str, message: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.add(field, message);
        faults
    }

    /// `Err` with the faults if there are any.
    pub fn into_result(self) -> Result<()> {
        if self.shown.is_empty() { Ok(()) } else { Err(Error::Invalid(self)) }
    }

    /// Field → what is wrong with it.
    pub fn shown(&self) -> &BTreeMap<String, String> {
        &self.shown
    }

    /// How many faults there are beyond those shown.
    pub fn omitted(&self) -> usize {
        self.omitted
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shown.len() + self.omitted {
            1 => f.write_str("one value is not valid"),
            many => write!(f, "{many} values are not valid"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_beyond_the_hundredth_are_counted() {
        let mut faults = Faults::default();
        for field in 0..130 {
            faults.add(&format!("{field:03}"), "bad");
        }
        assert_eq!((faults.shown().len(), faults.omitted()), (100, 30));
        assert_eq!(faults.to_string(), "130 values are not valid");
    }

    #[test]
    fn an_internal_error_keeps_its_text_to_itself() {
        let error = Error::Internal(anyhow::anyhow!("password is hunter2"));
        assert!(!error.public_text("a-request").contains("hunter2"));
    }
}
