//! Who changed what, and what the audit tells of a change.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::values::id::{ConnectorId, PersonId};

/// Who makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person who is signed in, or whom a link was sent to.
    Person(PersonId),
    /// A connector.
    Connector(ConnectorId),
    /// Somebody whom nothing is known of.
    Anonymous,
    /// Accord itself.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "user:{id}"),
            Self::Connector(id) => write!(f, "connector:{id}"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::System => f.write_str("system"),
        }
    }
}

/// What a change changes: the values before and after, of the fields that differ. Secrets and hashes are never noted.
#[derive(Default)]
pub struct Changed {
    detail: Map<String, Json>,
    before: Map<String, Json>,
    after: Map<String, Json>,
}

impl Changed {
    /// With what the change is told by beside the values: the account of a membership, for example.
    pub fn of(name: &str, value: impl Serialize) -> Self {
        let mut changed = Self::default();
        changed.detail.insert(name.to_owned(), json!(value));
        changed
    }

    /// Notes a field if it differs.
    pub fn note<T: Serialize + PartialEq>(&mut self, field: &str, before: &T, after: &T) {
        if before != after {
            self.before.insert(field.to_owned(), json!(before));
            self.after.insert(field.to_owned(), json!(after));
        }
    }

    /// Whether no field differs.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// As a note of the audit has it.
    pub fn into_detail(mut self) -> Json {
        self.detail.insert("before".to_owned(), Json::Object(self.before));
        self.detail.insert("after".to_owned(), Json::Object(self.after));
        Json::Object(self.detail)
    }
}

/// On whose behalf a change is made, through which API, in which request.
#[derive(Clone, Debug)]
pub struct Author {
    /// Who makes it.
    pub actor: Actor,
    /// `portal`, `endpoint`, `administration`, `accounts`, `oauth` or `pages`.
    pub api: &'static str,
    /// The id of the request, a UUID, as its answer's `X-Request-Id` has it.
    pub request_id: String,
}

impl Author {
    /// What rows keep of where somebody, or something, comes from. The pages are the accounts API by hand, and what `oauth` makes is
    /// the operator's.
    pub fn origin(&self) -> &'static str {
        match self.api {
            "oauth" => "operator",
            "pages" => "accounts",
            api => api,
        }
    }
}
