//! The one domain error. It says what went wrong; each API says it in the words and the shape of its document.

use std::collections::BTreeMap;
use std::fmt;

/// What a domain function gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done. Whatever it is, nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or the caller may not know of it.
    #[error("{0} not found")]
    NotFound(Thing),

    /// The request contradicts what is there.
    #[error("{0}")]
    Conflict(Conflict),

    /// The request would take away more than the caller may by mistake.
    #[error(
        "{unbound} of {bound} external ids would be unbound, which is more than {share} %: say how many with unbind={unbound}"
    )]
    Unconfirmed {
        /// How many external ids it would unbind.
        unbound: i64,
        /// How many are bound.
        bound: i64,
        /// How many of these it may unbind without saying the number, in percent.
        share: i64,
    },

    /// There is another version than the caller wants, or one that the caller does not want.
    #[error("If-Match or If-None-Match does not hold for the version that there is: get it again, and its ETag")]
    PreconditionFailed,

    /// An idempotency key came again with another request.
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

/// What an operator has to set right, as callers are told. The log says which setting it is.
pub(crate) const NOT_CONFIGURED: Error =
    Error::Unavailable { retry_after: 60, reason: "Accord is not configured rightly; its log says more" };

impl Error {
    /// Seconds after which another attempt may succeed.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooManyRequests { retry_after } | Self::Unavailable { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }
}

/// What there is none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// An account: an organisation.
    Account,
    /// A person, or a member of an account.
    Person,
    /// What an organisation says of somebody: the endpoint API's "Account".
    Record,
    /// A connector.
    Connector,
    /// Something that the audit tells of.
    Event,
    /// A session of the person who asks.
    Session,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::Person => "user",
            Self::Record => "record",
            Self::Connector => "connector",
            Self::Event => "event",
            Self::Session => "session",
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
    /// The owner has an account of the registration id already.
    RegistrationIdTaken,
    /// There is a package of the name already.
    PackageTaken,
    /// There is a package of the id already.
    PackageIdTaken,
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
    /// The username and the external id are of two records.
    Ambiguous,
    /// A public connector gets no secret.
    NoSecret,
    /// There is more in the directory than its first start.
    NotEmpty,
    /// Somebody else goes on with the import at the same time.
    ImportedElsewhere,
    /// Both accounts have owners who have entered, and none of them owns both.
    NoCommonOwner,
    /// A sign-in that belongs to one of the accounts has no proved address.
    Unproved,
    /// The connectors of the account that goes would reach one that has owners of its own.
    HasConnectors,
    /// Both accounts have a username, a record or a registration id that one account has once.
    Colliding,
    /// The account that stays may not own others, and the one that goes does.
    NoReseller,
    /// Another account was joined into the same one later.
    JoinedLater,
    /// What was removed cannot come back: a value is another's by now, which this says.
    TakenSince(&'static str),
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameTaken => "an account of this name exists already",
            Self::OwnsAccounts => "the account owns other accounts",
            Self::IsOperator => "the operator account stays",
            Self::SubdomainTaken => "the subdomain is already in use by another account",
            Self::RegistrationIdTaken => "another account of the same owner has this registration id",
            Self::PackageTaken => "there is a package of this name already",
            Self::PackageIdTaken => "there is a package of this id already",
            Self::AddressTaken => "a user of this e-mail address exists already",
            Self::NotInvited => "the user has no open invitation to the account",
            Self::NoAddress => "the user has no e-mail address to be invited at",
            Self::LastOwner => "an account must keep an active owner",
            Self::AlreadyMember => "the user belongs to the account already",
            Self::NoSecret => "a public connector has no secret",
            Self::NotEmpty => "only an Accord in which there is nothing but its first start takes an import",
            Self::ImportedElsewhere => "somebody else goes on with this import",
            Self::NoCommonOwner => "both accounts have owners: one of them has to be an owner of both first",
            Self::Unproved => "a sign-in of one of the accounts waits for the proof of its address",
            Self::HasConnectors => "the account has connectors, which would reach the other one: disconnect them first",
            Self::Colliding => {
                "both accounts have a username, a record or a registration id that one account has only once"
            }
            Self::NoReseller => "an account that owns others is joined into one of the type reseller only",
            Self::JoinedLater => "another account was joined into the same one later: separate that one first",
            Self::TakenSince(what) => return write!(f, "what was removed cannot come back: {what} by now"),
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
}
