//! Connection health: what became of a connector's writes (the administration API's document, "Connection Health").
//!
//! Each write of a connector passes through [`write`]. What succeeded is noted by [`write_succeeded`] in the transaction
//! of the write itself, what was refused or failed right after it. After [`FAILURES_MAX`] of the latter in a row the
//! connector is paused: its writes are refused until somebody resumes it or gives it another secret
//! ([`crate::connector::resume`], [`crate::connector::rotate`]).

use std::fmt::Write as _;

use crate::error::{Conflict, Error, Result};
use crate::log;
use crate::store::{Connection, Row, Transaction, now};
use crate::token::Client;

/// So many refused or failed writes in a row pause a connector (the administration API's `last_sync_error_count`).
pub const FAILURES_MAX: i64 = 10;

/// Longest account of a failure that is kept, in characters.
const MESSAGE_MAX: usize = 500;

/// How many faults of a body an account of a failure names.
const FAULTS_TOLD: usize = 3;

/// Does a write of the connector that calls, and notes it if it is refused or fails. `api` is the name of the API, as the
/// audit has it.
///
/// Writes that ran at the same time count as one failure, as one attempt of the connector; a directory that was busy
/// counts as none.
///
/// # Errors
///
/// [`Error::Conflict`] ([`Conflict::Paused`]); what the write gives.
pub async fn write<T>(client: &Client, api: &'static str, write: impl Future<Output = Result<T>>) -> Result<T> {
    if client.is_paused {
        return Err(Error::Conflict(Conflict::Paused));
    }
    let begun = now();
    let written = write.await;
    if let Err(error) = &written
        && !matches!(error, Error::Unavailable { .. })
        && let Err(unnoted) = write_failed(client.connector_id, begun, api, error).await
    {
        // The caller is told what went wrong with the write, whatever went wrong with the note.
        log::error(None, format_args!("a failed write of connector {} was not noted: {unnoted}", client.connector_id));
    }
    written
}

/// Notes that a write of the connector succeeded, in the transaction that it made. Health is told to the second: more
/// than one success in a second is one, so that a write that changes nothing mostly writes nothing.
pub fn write_succeeded(transaction: &Transaction, connector_id: i64) -> Result<()> {
    transaction.run(
        "UPDATE connectors SET last_success_at = ?2, failures = 0
          WHERE id = ?1 AND (failures > 0 OR last_success_at IS NULL OR last_success_at / 1000 <> ?2 / 1000)",
        &[connector_id.into(), now().into()],
    )?;
    Ok(())
}

async fn write_failed(connector_id: i64, begun: i64, api: &str, error: &Error) -> Result<()> {
    let statement = "UPDATE connectors SET last_failure_at = ?3, last_failure = ?4,
                failures = failures + (last_failure_at IS NULL OR last_failure_at <= ?2) WHERE id = ?1";
    let parameters = vec![connector_id.into(), begun.into(), now().into(), message(api, error).into()];
    Connection::lease().await?.execute(statement, parameters).await.map(drop)
}

/// An error, technically, for those who look after the connector.
fn message(api: &str, error: &Error) -> String {
    let mut message = format!("{api}: ");
    match error {
        Error::Internal(_) => message.push_str("something went wrong in the service"),
        other => message.push_str(&other.to_string()),
    }
    if let Error::Invalid(faults) = error {
        for (field, fault) in faults.shown().iter().take(FAULTS_TOLD) {
            // Writing to a string never fails.
            let _ = write!(message, "; {field} {fault}");
        }
    }
    if let Some((end, _)) = message.char_indices().nth(MESSAGE_MAX) {
        message.truncate(end);
    }
    message
}

/// How a connector fares.
#[derive(Clone, Debug)]
pub struct Health {
    /// The connector.
    pub connector_id: i64,
    /// See [`crate::connector::Connector`].
    pub integration: String,
    /// See [`crate::connector::Connector`].
    pub property: String,
    /// See [`crate::connector::Connector`].
    pub environment: String,
    /// See [`crate::connector::Connector`].
    pub status: String,
    /// Milliseconds since the epoch, as the times below.
    pub created_at: i64,
    /// When its last access token expires.
    pub token_expires_at: Option<i64>,
    /// When its last write succeeded.
    pub last_success_at: Option<i64>,
    /// When a write of it was refused or failed the last time.
    pub last_failure_at: Option<i64>,
    /// Why.
    pub last_failure: Option<String>,
    /// How many of its writes failed since one succeeded.
    pub failures: i64,
    /// The account that it belongs to.
    pub account_id: i64,
    /// That account's key.
    pub account_key: String,
    /// That account's name.
    pub account_name: String,
}

impl Health {
    /// Whether its writes are refused.
    pub fn is_paused(&self) -> bool {
        self.failures >= FAILURES_MAX
    }

    /// The columns of [`Health`], in its order: of a connector `c` and its account `a`.
    pub(crate) const COLUMNS: &str = "c.id, c.integration, c.property, c.environment, c.status, c.created_at,
            c.token_expires_at, c.last_success_at, c.last_failure_at, c.last_failure, c.failures,
            a.id, a.account_key, a.name";

    pub(crate) fn take(row: &mut Row) -> Result<Self> {
        Ok(Self {
            connector_id: row.take(0)?,
            integration: row.take(1)?,
            property: row.take(2)?,
            environment: row.take(3)?,
            status: row.take(4)?,
            created_at: row.take(5)?,
            token_expires_at: row.take(6)?,
            last_success_at: row.take(7)?,
            last_failure_at: row.take(8)?,
            last_failure: row.take(9)?,
            failures: row.take(10)?,
            account_id: row.take(11)?,
            account_key: row.take(12)?,
            account_name: row.take(13)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Faults;

    #[test]
    fn the_account_of_a_failure_is_short_and_tells_no_secret() {
        let mut faults = Faults::default();
        for field in ["a", "b", "c", "d"] {
            faults.add(field, "must not be empty");
        }
        assert_eq!(
            message("portal", &Error::Invalid(faults)),
            "portal: 4 values are not valid; a must not be empty; b must not be empty; c must not be empty"
        );
        let inner = Error::Internal(anyhow::anyhow!("password is hunter2"));
        assert_eq!(message("endpoint", &inner), "endpoint: something went wrong in the service");
        assert_eq!(message("portal", &Error::Malformed("é".repeat(1000))).chars().count(), MESSAGE_MAX);
    }
}
