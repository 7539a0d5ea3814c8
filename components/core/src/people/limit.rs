//! How often anybody may ask for what makes Accord send a mail: so often in an hour, from one address.

use std::net::IpAddr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::setting;
use crate::store::Connection;
use crate::values::time::Time;

/// The time over which requests are counted.
const WINDOW: Duration = Duration::from_hours(1);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To sign up.
    SignUp,
    /// To get a link for a new password.
    NewPassword,
}

/// Counts one more request from `address`. It comes before anything that costs: what is refused afterwards is counted, too.
///
/// # Errors
///
/// [`Error::TooManyRequests`] beyond `signup_limit` of them within the hour. If that is 0, there is no limit.
pub async fn count(connection: &Connection, asked: Asked, address: Option<IpAddr>) -> Result<()> {
    let what = match asked {
        Asked::SignUp => "sign-up",
        Asked::NewPassword => "forgot",
    };
    let limit = setting::number("signup_limit").await?;
    let address = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let now = Time::now();
    let since = now - WINDOW;
    // Few at a time: nobody waits for those of a whole attack.
    let forget = "DELETE FROM sign_ups
          WHERE address IN (SELECT address FROM sign_ups WHERE window_start <= ?1 ORDER BY window_start LIMIT 100)";
    let passed = "SELECT 1 FROM sign_ups WHERE window_start <= ?1 LIMIT 1";
    if connection.query_first(passed, &[since.into()])?.is_some() {
        connection.execute(forget, vec![since.into()]).await?;
    }
    // A window that has passed begins anew.
    let statement = "INSERT INTO sign_ups (address, window_start, count) VALUES (?1, ?2, 1)
         ON CONFLICT (address) DO UPDATE SET
             count = CASE WHEN window_start > ?3 THEN count + 1 ELSE 1 END,
             window_start = CASE WHEN window_start > ?3 THEN window_start ELSE ?2 END
         RETURNING count, window_start";
    let parameters = vec![format!("{what} {address}").into(), now.into(), since.into()];
    let Some(mut row) = connection.execute(statement, parameters).await?.into_iter().next() else { return Ok(()) };
    if limit > 0 && row.take::<i64>("count")? > limit {
        return Err(Error::TooManyRequests { retry_after: row.take::<Time>("window_start")?.seconds_after(since) });
    }
    Ok(())
}
