//! Requests that may be sent again, told by the key that the caller gives them.
//!
//! The first answer to a key is kept for a day, in the transaction that made it. The same key with the same request gets
//! that answer again; requests at the same time wait for the first, for one writes at a time. What was refused is not
//! kept: it changed nothing and may be tried again.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::secret;
use crate::error::{Error, Faults, Result};
use crate::store::Transaction;
use crate::values::time::Time;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_hours(24);

/// Longest key, in bytes.
pub const KEY_MAX: usize = 255;

/// A key, and the request that it came with.
#[derive(Clone, Debug)]
pub struct Key {
    caller: String,
    name: String,
    /// What is kept of the request, and compared. It is made before the write lock is taken, for that may take long.
    fingerprint: String,
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `Location`, if it had one.
    pub location: Option<String>,
    /// The body, JSON.
    pub body: String,
}

impl Key {
    /// A key of `caller`, for the request of this operation (method and path) and body. A body that `has_password` is
    /// fingerprinted slowly, so that the fingerprint is no help in guessing the password. Its salt follows from caller and
    /// key, which no two fingerprints have in common: so the same request has the same fingerprint, and comparing two costs
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a key that is empty, longer than [`KEY_MAX`] or not visible ASCII.
    pub fn new(caller: String, key: &str, operation: &str, body: &[u8], has_password: bool) -> Result<Self> {
        if key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            let fault = format!("must be 1 to {KEY_MAX} visible ASCII characters");
            return Err(Error::Invalid(Faults::of("Idempotency-Key", fault)));
        }
        let digest = secret::digest(&[operation.as_bytes(), &[0], body].concat());
        let request: String = URL_SAFE_NO_PAD.encode(digest);
        let salt = secret::digest(format!("{caller} {key}").as_bytes());
        let fingerprint =
            if has_password { secret::hash_salted(&request, &salt)? } else { secret::hash_secret(&request)? };
        Ok(Self { caller, name: key.to_owned(), fingerprint })
    }

    /// The answer that was given to this key before, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::KeyReused`] if it was given to another request.
    pub fn recall(&self, transaction: &Transaction) -> Result<Option<Answer>> {
        let since = Time::now() - KEPT;
        // Few at a time: nobody waits for those of a whole attack.
        transaction.run(
            "DELETE FROM idempotency_keys WHERE (caller, key) IN (
                 SELECT caller, key FROM idempotency_keys WHERE created_at <= ? ORDER BY created_at LIMIT 100)",
            &[since.into()],
        )?;
        let row = transaction.run_first(
            "SELECT fingerprint, status, location, body FROM idempotency_keys
              WHERE caller = ?1 AND key = ?2 AND created_at > ?3",
            &[self.caller.as_str().into(), self.name.as_str().into(), since.into()],
        )?;
        let Some(mut row) = row else { return Ok(None) };
        if row.take::<String>("fingerprint")? != self.fingerprint {
            return Err(Error::KeyReused);
        }
        let status: i64 = row.take("status")?;
        Ok(Some(Answer {
            status: u16::try_from(status).unwrap_or(200),
            location: row.take("location")?,
            body: row.take("body")?,
        }))
    }

    /// Keeps the answer, in the transaction that made it.
    pub fn remember(&self, transaction: &Transaction, answer: &Answer) -> Result<()> {
        transaction.run(
            "INSERT OR REPLACE INTO idempotency_keys (caller, key, fingerprint, status, location, body, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                self.caller.as_str().into(),
                self.name.as_str().into(),
                self.fingerprint.as_str().into(),
                i64::from(answer.status).into(),
                answer.location.as_deref().into(),
                answer.body.as_str().into(),
                Time::now().into(),
            ],
        )?;
        Ok(())
    }
}
