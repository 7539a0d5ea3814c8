//! How often anybody may make Accord send a mail: so often in an hour from one network address, and to one mailbox.

use std::net::IpAddr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::setting;
use crate::store::outbox::Message;
use crate::store::{Transaction, outbox};
use crate::values::time::Time;

/// The time over which requests are counted.
const WINDOW: Duration = Duration::from_hours(1);

/// How many mails one account, or one person, may have sent to one mailbox within the hour.
const FROM_ACCOUNT: i64 = 5;

/// How many mails one mailbox gets at once, whoever asks for them. What comes beyond that comes later.
const TO_MAILBOX: i64 = 20;

/// Counts one more request for `what` from `address`.
///
/// # Errors
///
/// [`Error::TooManyRequests`] beyond `signup_limit` of them within the hour. If that is 0, there is no limit.
pub(crate) async fn count(transaction: &Transaction, what: &str, address: Option<IpAddr>) -> Result<()> {
    let limit = setting::number("signup_limit").await?;
    let address = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let (count, retry_after) = counted(transaction, format!("{what} {address}"))?;
    if limit > 0 && count > limit {
        return Err(Error::TooManyRequests { retry_after });
    }
    Ok(())
}

/// Counts one more mail to a mailbox that an account or a person, `whose`, asks for.
///
/// # Errors
///
/// [`Error::TooManyRequests`] beyond five of them within the hour.
pub(crate) fn count_from(transaction: &Transaction, whose: &str, key: &str) -> Result<()> {
    match counted(transaction, format!("mail {whose} {key}"))? {
        (count, retry_after) if count > FROM_ACCOUNT => Err(Error::TooManyRequests { retry_after }),
        _ => Ok(()),
    }
}

/// Writes a mail to a mailbox. Beyond twenty within the hour it is sent later, and whoever asks for it is not told: nobody
/// uses up what somebody else may have sent there.
pub(crate) fn send(transaction: &Transaction, key: &str, message: &Message) -> Result<()> {
    let (count, _) = counted(transaction, format!("mail {key}"))?;
    let turns = u32::try_from((count - 1) / TO_MAILBOX).unwrap_or(u32::MAX).min(24);
    outbox::write(transaction, message, Time::now() + WINDOW * turns)
}

/// Counts one more of `subject` within the hour: how many there are, and the seconds until the count begins anew.
fn counted(transaction: &Transaction, subject: String) -> Result<(i64, u32)> {
    let now = Time::now();
    let since = now - WINDOW;
    transaction.run("DELETE FROM sign_ups WHERE window_start <= ?", &[since.into()])?;
    let mut row = transaction.run_one(
        "INSERT INTO sign_ups (address, window_start, count) VALUES (?1, ?2, 1)
             ON CONFLICT (address) DO UPDATE SET count = count + 1 RETURNING count, window_start",
        &[subject.into(), now.into()],
    )?;
    Ok((row.take("count")?, row.take::<Time>("window_start")?.seconds_after(since)))
}
