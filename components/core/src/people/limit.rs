//! How often anybody may ask for what makes Accord send a mail: so often in an hour, from one address.

use std::net::IpAddr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::setting;
use crate::store::Transaction;
use crate::values::time::Time;

/// The time over which requests are counted.
const WINDOW: Duration = Duration::from_hours(1);

/// Counts one more request for `what` from `address`.
///
/// # Errors
///
/// [`Error::TooManyRequests`] beyond `signup_limit` of them within the hour. If that is 0, there is no limit.
pub(crate) async fn count(transaction: &Transaction, what: &str, address: Option<IpAddr>) -> Result<()> {
    let limit = setting::number("signup_limit").await?;
    let address = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let now = Time::now();
    let since = now - WINDOW;
    transaction.run("DELETE FROM sign_ups WHERE window_start <= ?", &[since.into()])?;
    let mut row = transaction.run_one(
        "INSERT INTO sign_ups (address, window_start, count) VALUES (?1, ?2, 1)
             ON CONFLICT (address) DO UPDATE SET count = count + 1 RETURNING count, window_start",
        &[format!("{what} {address}").into(), now.into()],
    )?;
    if limit > 0 && row.take::<i64>("count")? > limit {
        return Err(Error::TooManyRequests { retry_after: row.take::<Time>("window_start")?.seconds_after(since) });
    }
    Ok(())
}
