//! How often anybody may make Accord send a mail: so often in an hour from one network address, and to one mailbox.

use std::net::IpAddr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::setting;
use crate::store::{Connection, Transaction};
use crate::values::time::Time;

/// The time over which requests are counted.
const WINDOW: Duration = Duration::from_hours(1);

/// How many mails one account, or one person, may have sent to one mailbox within the hour.
const FROM_ACCOUNT: i64 = 5;

/// How many mails one mailbox gets at once, whoever asks for them. What comes beyond that comes later.
const TO_MAILBOX: i64 = 20;

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
    let subject = format!("{what} {address}");
    let mut row = connection.query_one(STANDING, &[subject.as_str().into(), since.into()])?;
    if let (Some(count), Some(begun)) = (row.take::<Option<i64>>("count")?, row.take::<Option<Time>>("window_start")?)
        && limit > 0
        && count >= limit
    {
        // Nothing is written: who is refused takes no turn from those who write.
        return Err(Error::TooManyRequests { retry_after: begun.seconds_after(since) });
    }
    if row.take("passed")? {
        connection.execute(FORGET, vec![since.into()]).await?;
    }
    let parameters = vec![subject.into(), now.into(), since.into()];
    let Some(mut row) = connection.execute(COUNT, parameters).await?.into_iter().next() else { return Ok(()) };
    if limit > 0 && row.take::<i64>("count")? > limit {
        return Err(Error::TooManyRequests { retry_after: row.take::<Time>("window_start")?.seconds_after(since) });
    }
    Ok(())
}

/// How many there were within the window, and whether there is something to forget.
const STANDING: &str =
    "SELECT EXISTS (SELECT 1 FROM sign_ups WHERE window_start <= ?2) AS passed, s.count, s.window_start
      FROM (SELECT 1) LEFT JOIN sign_ups s ON s.address = ?1 AND s.window_start > ?2";

/// Forgets counts whose window has passed. Few at a time: nobody waits for those of a whole attack.
const FORGET: &str = "DELETE FROM sign_ups
      WHERE address IN (SELECT address FROM sign_ups WHERE window_start <= ?1 ORDER BY window_start LIMIT 100)";

/// Counts one more. A window that has passed begins anew.
const COUNT: &str = "INSERT INTO sign_ups (address, window_start, count) VALUES (?1, ?2, 1)
     ON CONFLICT (address) DO UPDATE SET
         count = CASE WHEN window_start > ?3 THEN count + 1 ELSE 1 END,
         window_start = CASE WHEN window_start > ?3 THEN window_start ELSE ?2 END
     RETURNING count, window_start";

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

/// What a mail is about. Each kind is counted by itself, so that what strangers can cause keeps back nothing that the person
/// asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// What somebody else wants: an invitation, a sign-up with the address.
    Others,
    /// What the person wants, or has done: a new password, an address.
    Own,
}

/// When the next mail to a mailbox goes. Beyond twenty within the hour it goes later, and whoever asks for it is not told: nobody
/// uses up what somebody else may have sent there. A link in it is good from then on.
pub(crate) fn turn(transaction: &Transaction, about: About, key: &str) -> Result<Time> {
    let about = match about {
        About::Others => "others",
        About::Own => "own",
    };
    let (count, _) = counted(transaction, format!("mail {about} {key}"))?;
    let turns = u32::try_from((count - 1) / TO_MAILBOX).unwrap_or(u32::MAX).min(24);
    Ok(Time::now() + WINDOW * turns)
}

/// Counts one more of `subject` within the hour: how many there are, and the seconds until the count begins anew.
fn counted(transaction: &Transaction, subject: String) -> Result<(i64, u32)> {
    let now = Time::now();
    let since = now - WINDOW;
    transaction.run(FORGET, &[since.into()])?;
    let mut row = transaction.run_one(COUNT, &[subject.into(), now.into(), since.into()])?;
    Ok((row.take("count")?, row.take::<Time>("window_start")?.seconds_after(since)))
}
