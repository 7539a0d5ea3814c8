//! Edits: transactions of somebody. What a transaction changes it notes in the audit, with the others of that transaction.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::store::audit::Author;
use crate::store::connection::{Connection, Transaction};
use crate::store::draft::{self, Draft, MANY, Premise};
use crate::store::sqlite::is_unplanned;

/// How many notes wait at most: of a large body they are written as they come.
const NOTES_MAX: usize = 500;

/// A write transaction of an author: what it changes, it notes in the audit. Dropped without [`Edit::commit`], it is rolled
/// back.
pub struct Edit {
    transaction: Transaction,
    /// What is to be written, and was not yet.
    draft: Mutex<Draft>,
    /// In whose name it is.
    pub author: Author,
}

/// What becomes of a plan.
pub(crate) enum Settled<T> {
    /// It is done.
    Done(T),
    /// Something that was read is not so any more: it is to be planned anew.
    Overtaken,
    /// It is no plan: it is to be done under the lock.
    UnderTheLock,
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
        Self { transaction, draft: Mutex::new(Draft::new(author.clone())), author }
    }

    /// A plan: whatever is done with it reads and drafts, and writes nothing, until it is settled. What would write by itself is refused,
    /// and is then to be done under the lock.
    pub(crate) async fn plan(author: Author) -> Result<Self> {
        Ok(Self::of(Transaction::look().await?, author))
    }

    /// Writes a plan, which has come to this result, by one statement, if all that was read for it is so still.
    ///
    /// # Errors
    ///
    /// The plan's, if what was read is so still; [`crate::Error::Unavailable`] when others hold the write lock for too long.
    pub(crate) async fn settle<T>(mut self, planned: Result<T>) -> Result<Settled<T>> {
        let looks = self.transaction.looked();
        let premises: Option<Vec<_>> = looks.map(|looks| looks.into_iter().map(Premise::from).collect());
        let (Some(premises), connection) = (premises, self.transaction.connection()) else {
            return Ok(Settled::UnderTheLock);
        };
        let done = match planned {
            Ok(done) => done,
            Err(error) if is_unplanned(&error) => return Ok(Settled::UnderTheLock),
            Err(error) if draft::hold(connection, &premises).await? => return Err(error),
            // What was read one after the other need never have been so at once.
            Err(_) => return Ok(Settled::Overtaken),
        };
        let drafted = std::mem::replace(&mut *self.draft(), Draft::new(self.author.clone()));
        match drafted.apply(connection, &premises).await {
            Ok(true) => Ok(Settled::Done(done)),
            Ok(false) => Ok(Settled::Overtaken),
            // What the database refuses is told apart under the lock.
            Err(Error::Duplicate { .. }) => Ok(Settled::UnderTheLock),
            Err(error) => Err(error),
        }
    }

    /// Writes what was drafted so far, but for a plan, which is written as a whole: so nothing of it is to be read afterwards.
    pub(crate) async fn write_unless_planned(&self) -> Result<()> {
        if self.transaction.only_looks() { Ok(()) } else { self.write().await }
    }

    /// As [`Edit::begin`], on a connection that the caller already has.
    pub async fn begin_on(connection: Connection, author: Author) -> Result<Self> {
        Ok(Self::of(Transaction::begin_on(connection).await?, author))
    }

    /// As [`Edit::begin`], for a change of `rows` rows: one of many lets others go first, see [`Transaction::begin_long`].
    pub async fn begin_of(rows: usize, author: Author) -> Result<Self> {
        let transaction = if rows < MANY { Transaction::begin().await? } else { Transaction::begin_long().await? };
        Ok(Self::of(transaction, author))
    }

    /// Notes that `action` was done to rows of the table `subject`: the id of each, and what more there is to say of it, an
    /// object or null. Its member `account` is the account that it is about: of an account itself, if there is none. The notes of
    /// a transaction are written with one statement when it is committed, see [`Edit::write`].
    pub async fn record<I: Serialize>(
        &self,
        action: &'static str,
        subject: &'static str,
        notes: &[(I, Json)],
    ) -> Result<()> {
        let are_many = {
            let mut draft = self.draft();
            draft.note(action, subject, notes)?;
            draft.notes() > NOTES_MAX
        };
        if are_many { self.write().await } else { Ok(()) }
    }

    /// What is to be written: with the notes when it is committed, or when [`Edit::write`] is called, by whoever reads it before.
    pub(crate) fn draft(&self) -> MutexGuard<'_, Draft> {
        self.draft.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was drafted and noted so far.
    pub(crate) async fn write(&self) -> Result<()> {
        let written = self.draft().take(&[], "");
        match written {
            Some(sql) => self.transaction.batch(&sql.text, sql.parameters).await.map(drop),
            None => Ok(()),
        }
    }

    /// As [`Edit::write`], and returns the ids of the rows that a step has made: `made` is an expression that reads them, by the step's
    /// `rows`, as an array.
    pub(crate) async fn write_made<T: DeserializeOwned>(&self, step: &str, made: &str) -> Result<Vec<T>> {
        let written = self.draft().take(&[], &draft::returning(step, made));
        match written {
            Some(sql) => draft::made(self.transaction.batch(&sql.text, sql.parameters).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Makes the changes durable, all of them.
    pub async fn commit(self) -> Result<()> {
        self.write().await?;
        self.transaction.commit().await
    }
}

impl Deref for Edit {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.transaction
    }
}
