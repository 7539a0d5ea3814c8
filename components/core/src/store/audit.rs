//! Who changed what. A row is written in the transaction that makes the change, with the others of that transaction.

use std::fmt;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::error::Result;
use crate::store::{Connection, Transaction};
use crate::values::id::{ConnectorId, PersonId};
use crate::values::time::Time;

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

/// How many notes wait at most: of a large body they are written as they come.
const NOTES_MAX: usize = 500;

/// A write transaction of an author: what it changes, it notes in the audit. Dropped without [`Edit::commit`], it is rolled
/// back.
pub struct Edit {
    transaction: Transaction,
    /// What is to be written into the audit, in its order: action, table, id, and what more there is to say, as JSON.
    notes: Mutex<Vec<String>>,
    /// In whose name it is.
    pub author: Author,
}

impl Edit {
    /// Waits for the write lock and takes it.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Unavailable`] when others hold the lock for too long.
    pub async fn begin(author: Author) -> Result<Self> {
        Ok(Self::of(Transaction::begin().await?, author))
    }

    fn of(transaction: Transaction, author: Author) -> Self {
        Self { transaction, notes: Mutex::default(), author }
    }

    /// As [`Edit::begin`], on a connection that the caller already has.
    pub async fn begin_on(connection: Connection, author: Author) -> Result<Self> {
        Ok(Self::of(Transaction::begin_on(connection).await?, author))
    }

    /// As [`Edit::begin`], for a change of `rows` rows: one of many lets others go first, see [`Transaction::begin_long`].
    pub async fn begin_of(rows: usize, author: Author) -> Result<Self> {
        const MANY: usize = 1000;
        let transaction = if rows < MANY { Transaction::begin().await? } else { Transaction::begin_long().await? };
        Ok(Self::of(transaction, author))
    }

    /// Notes that `action` was done to rows of the table `subject`: the id of each, and what more there is to say of it, an
    /// object or null. Its member `account` is the account that it is about: of an account itself, if there is none. The notes of
    /// a transaction are written with one statement when it is committed, see [`Edit::write_notes`].
    pub async fn record<I: Serialize>(
        &self,
        action: &'static str,
        subject: &'static str,
        notes: &[(I, Json)],
    ) -> Result<()> {
        let notes = notes.iter().map(|(id, detail)| serde_json::to_string(&(action, subject, id, detail)));
        let notes = notes.collect::<serde_json::Result<Vec<_>>>().map_err(anyhow::Error::from)?;
        let are_many = {
            let mut waiting = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extend(notes);
            waiting.len() > NOTES_MAX
        };
        if are_many { self.write_notes().await } else { Ok(()) }
    }

    /// Writes what was noted so far, for what reads or changes the audit in the same transaction.
    pub(crate) async fn write_notes(&self) -> Result<()> {
        let notes = std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        if notes.is_empty() {
            return Ok(());
        }
        let statement = "INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id, account_id)
             SELECT ?1, ?2, ?3, value ->> 0, value ->> 1, value ->> 2, value ->> 3, ?4,
                    coalesce(value ->> '$[3].account', iif(value ->> 1 = 'accounts', value ->> 2, NULL)) FROM json_each(?5)";
        let parameters = vec![
            Time::now().into(),
            self.author.actor.to_string().into(),
            self.author.api.into(),
            self.author.request_id.as_str().into(),
            format!("[{}]", notes.join(",")).into(),
        ];
        self.transaction.batch(statement, parameters).await?;
        Ok(())
    }

    /// Makes the changes durable, all of them.
    pub async fn commit(self) -> Result<()> {
        self.write_notes().await?;
        self.transaction.commit().await
    }
}

impl Deref for Edit {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.transaction
    }
}
