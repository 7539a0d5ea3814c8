//! The throttle: a limit on failed sign-ins, so that guessing leads nowhere, while nobody who knows the secret is kept out by others.
//!
//! Failures are counted per identity (ten in fifteen minutes by default), per address (ten times as many), and per
//! identity and address. Over a limit, an address is refused for the identities that it has already failed for. An
//! identity that fails for the first time from such an address gets the refusal as its answer. So a guesser gets one
//! guess per identity and address once a limit is reached, and the owner of the identity, at another address or among
//! others at the same one, never notices.

use std::net::IpAddr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::setting;
use crate::store::{Connection, Value};
use crate::values::time::Time;

/// The time over which failures are counted.
const WINDOW: Duration = Duration::from_mins(15);

/// An attempt to sign in that is still to be judged.
pub struct Attempt {
    identity: String,
    address: String,
    pair: String,
    /// Set when a limit is reached.
    retry_after: Option<u32>,
}

/// Opens an attempt of `identity` (`client:` or `user:` and a name) from `address`.
///
/// # Errors
///
/// [`Error::TooManyRequests`] if a limit is reached and this identity has failed from this address before.
pub async fn attempt(connection: &Connection, identity: &str, address: Option<IpAddr>) -> Result<Attempt> {
    let address = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let mut attempt = Attempt {
        identity: format!("identity {identity}"),
        pair: format!("pair {address} {identity}"),
        address: format!("address {address}"),
        retry_after: None,
    };
    let limit = setting::number("failed_sign_in_limit").await?;
    let since = Time::now() - WINDOW;
    let rows = connection.query(
        "SELECT subject, failures, window_start FROM sign_in_failures
          WHERE subject IN (?1, ?2, ?3) AND window_start > ?4",
        &[
            attempt.identity.as_str().into(),
            attempt.address.as_str().into(),
            attempt.pair.as_str().into(),
            since.into(),
        ],
    )?;
    let mut failed_before = false;
    for mut row in rows {
        let (subject, failures): (String, i64) = (row.take("subject")?, row.take("failures")?);
        failed_before |= subject == attempt.pair;
        let reached = if subject == attempt.address { failures >= limit * 10 } else { failures >= limit };
        if reached {
            let seconds = row.take::<Time>("window_start")?.seconds_after(since);
            attempt.retry_after = attempt.retry_after.max(Some(seconds));
        }
    }
    match attempt.retry_after {
        Some(retry_after) if failed_before => Err(Error::TooManyRequests { retry_after }),
        _ => Ok(attempt),
    }
}

impl Attempt {
    /// Counts the attempt as failed and returns the refusal: `failure`, or [`Error::TooManyRequests`] over a limit.
    pub async fn failed(self, connection: &Connection, failure: Error) -> Error {
        match self.count(connection).await {
            Ok(()) => self.retry_after.map_or(failure, |retry_after| Error::TooManyRequests { retry_after }),
            Err(error) => error,
        }
    }

    async fn count(&self, connection: &Connection) -> Result<()> {
        let now = Time::now();
        let parameters: Vec<Value> = vec![
            self.identity.as_str().into(),
            self.address.as_str().into(),
            self.pair.as_str().into(),
            now.into(),
            (now - WINDOW).into(),
        ];
        // A window that has passed begins anew.
        let count = "INSERT INTO sign_in_failures (subject, window_start, failures) VALUES (?1, ?4, 1), (?2, ?4, 1), (?3, ?4, 1)
             ON CONFLICT (subject) DO UPDATE SET
                 failures = CASE WHEN window_start > ?5 THEN failures + 1 ELSE 1 END,
                 window_start = CASE WHEN window_start > ?5 THEN window_start ELSE ?4 END";
        connection.execute(count, parameters).await?;
        // Few at a time: nobody waits for those of a whole attack.
        let forget = "DELETE FROM sign_in_failures WHERE subject IN (
                          SELECT subject FROM sign_in_failures WHERE window_start <= ? ORDER BY window_start LIMIT 100)";
        connection.execute(forget, vec![(now - WINDOW).into()]).await?;
        Ok(())
    }
}
