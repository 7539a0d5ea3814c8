//! Who calls: a person or a connector, and what each may be asked for.

use crate::auth::scope::{self, Scopes};
use crate::error::{Error, Result};
use crate::store::draft::Draft;
use crate::store::{Actor, Row};
use crate::values::id::{AccountId, ConnectorId, PersonId};
use crate::values::role::Role;
use crate::values::time::Time;

/// The refusal of a connector.
const FOR_PEOPLE: Error = Error::Forbidden { needs: "the token of a user" };

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A person who is signed in.
    Person(CallingPerson),
    /// A connector, by itself.
    Connector(CallingConnector),
}

/// A person who calls. What the person may do is looked up, see [`crate::accounts::hierarchy`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallingPerson {
    /// The person.
    pub id: PersonId,
    /// The account that the person signed in to, if the person has one.
    pub account_id: Option<AccountId>,
    /// The account of the connector that asked for the token, if one did: the token reaches that account and what it owns,
    /// and nothing of the person.
    pub within: Option<AccountId>,
    /// That connector.
    pub through: Option<ConnectorId>,
    /// The strongest role that counts with this token, whatever the person holds: a connector does nothing that it may not do
    /// by itself, so that nobody reaches more than they hold by making one and having somebody else sign in to it.
    /// `None` for a token with which none counts.
    pub most: Option<Role>,
}

/// A connector that calls: it has shown its secret, or a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallingConnector {
    /// The connector.
    pub id: ConnectorId,
    /// Its `client_id`.
    pub client_id: String,
    /// The account that it belongs to.
    pub account_id: AccountId,
    /// What it may do now: what its token allows, or what it holds if it has shown its secret.
    pub scopes: Scopes,
    /// Counts its secrets. What was begun with one ends with it.
    pub secret_version: i64,
    /// What it never does more than: the strongest role of whoever made it, then.
    pub rank: Role,
    /// What was noted of it when it was found.
    pub(crate) noted: Noted,
}

/// What is noted of how a connector fares, so that it is not written again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// When its last token expires, if it is active.
    pub token_expires_at: Option<Time>,
    /// When its last write succeeded, if none has failed since.
    pub succeeded_at: Option<Time>,
}

/// The columns of a connector `c` that calls, see [`CallingConnector::from_row`].
macro_rules! calling {
    () => {
        concat!("c.id, c.client_id, c.account_id, c.scopes, c.secret_version, c.rank, ", $crate::auth::caller::noted!())
    };
}

/// The columns of [`Noted`], of a connector `c`.
macro_rules! noted {
    () => {
        "iif(c.status = 'active', c.token_expires_at, NULL) AS noted_token, iif(c.failures = 0, c.last_success_at, NULL) AS noted_success"
    };
}
pub(crate) use {calling, noted};

/// Whether a connector, by its id and the version of its secret, may still call as it did when it was found, as a condition: for
/// what was planned since, see [`crate::store::draft`].
macro_rules! same_connector {
    ($id:literal, $secret_version:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM connectors c WHERE c.id = ",
            $id,
            " AND c.secret_version = ",
            $secret_version,
            " AND c.status <> 'inactive' AND ",
            $crate::store::climb::live!("c.account_id"),
            ")"
        )
    };
}
pub(crate) use same_connector;

impl Caller {
    /// Who it is in the audit.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Person(person) => Actor::Person(person.id),
            Self::Connector(connector) => connector.actor(),
        }
    }

    /// The connector that calls, or that asked for the person's token.
    pub fn connector(&self) -> Option<ConnectorId> {
        match self {
            Self::Person(person) => person.through,
            Self::Connector(connector) => Some(connector.id),
        }
    }

    /// The account that the caller signed in to, or belongs to: what it means without naming one.
    pub fn account_id(&self) -> Option<AccountId> {
        match self {
            Self::Person(person) => person.account_id,
            Self::Connector(connector) => Some(connector.account_id),
        }
    }

    /// Whether it is the same one and may do the same: what is noted of a connector aside, which only a write asks for.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Connector(one), Self::Connector(other)) => {
                CallingConnector { noted: other.noted, ..one.clone() } == *other
            }
            _ => self == other,
        }
    }

    /// The person who calls, to change something of the person.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] for a connector, and for a token that a connector asked for: it is no business of that.
    pub fn require_person(&self) -> Result<&CallingPerson> {
        match self {
            Self::Person(person) if person.within.is_none() => Ok(person),
            Self::Person(_) => Err(Error::Forbidden { needs: "a token that was issued to no client" }),
            Self::Connector(_) => Err(FOR_PEOPLE),
        }
    }

    /// Refuses a connector that may not read its account and those that this owns. What a person may read follows from roles.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] for a connector without `accounts:read` and without `accounts:manage`.
    pub fn require_reading(&self) -> Result<()> {
        match self {
            Self::Person(_) => Ok(()),
            Self::Connector(connector) => connector.require_any(&[scope::ACCOUNTS_READ, scope::ACCOUNTS_MANAGE]),
        }
    }

    /// Refuses a connector: what is for people alone.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`].
    pub fn refuse_connector(&self) -> Result<()> {
        match self {
            Self::Person(_) => Ok(()),
            Self::Connector(_) => Err(FOR_PEOPLE),
        }
    }

    /// The connector that calls.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] for a person.
    pub fn into_connector(self) -> Result<CallingConnector> {
        match self {
            Self::Connector(connector) => Ok(connector),
            Self::Person(_) => Err(Error::Forbidden { needs: "the token of a connector" }),
        }
    }
}

impl Noted {
    pub(crate) fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { token_expires_at: row.take("noted_token")?, succeeded_at: row.take("noted_success")? })
    }
}

impl CallingConnector {
    /// Takes a connector with all that it holds out of a row of the columns that [`calling!`] names.
    pub(crate) fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take("id")?,
            client_id: row.take("client_id")?,
            account_id: row.take("account_id")?,
            scopes: Scopes::trusted(row.take("scopes")?),
            secret_version: row.take("secret_version")?,
            rank: row.take("rank")?,
            noted: Noted::from_row(row)?,
        })
    }

    /// Who it is in the audit.
    pub fn actor(&self) -> Actor {
        Actor::Connector(self.id)
    }

    /// Notes that a write of the connector succeeds, with what it writes: see [`crate::connectors::health`].
    pub(crate) fn succeeds(&self, draft: &mut Draft) -> Result<()> {
        draft.step("success", &[(); 0], (self.id, Time::now()))
    }

    /// Refuses the connector unless its token has the scope.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`].
    pub fn require(&self, scope: &'static str) -> Result<()> {
        self.require_any(&[scope])
    }

    /// Refuses the connector unless its token has one of the scopes.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], which names the first.
    pub fn require_any(&self, scopes: &[&'static str]) -> Result<()> {
        if scopes.iter().any(|scope| self.scopes.contains(scope)) {
            return Ok(());
        }
        Err(Error::Forbidden { needs: scopes.first().copied().unwrap_or_default() })
    }
}
