//! How often anybody may make Accord send a mail: so often in an hour from one network address, and to one mailbox.

use std::net::IpAddr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::setting;
use crate::store::{Connection, Transaction, Value};
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
    let parameters = vec![subject.into(), now.into(), since.into(), Value::Null];
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

/// Counts one more of this, and of another if there is another. A window that has passed begins anew.
const COUNT: &str = "INSERT INTO sign_ups (address, window_start, count)
     SELECT ?1, ?2, 1 UNION ALL SELECT ?4, ?2, 1 WHERE ?4 IS NOT NULL
     ON CONFLICT (address) DO UPDATE SET
         count = CASE WHEN window_start > ?3 THEN count + 1 ELSE 1 END,
         window_start = CASE WHEN window_start > ?3 THEN window_start ELSE ?2 END
     RETURNING address, count, window_start";

/// Counts one more mail to a mailbox that an account or a person, `whose`, asks for.
///
/// # Errors
///
/// [`Error::TooManyRequests`] beyond five of them within the hour.
pub(crate) fn count_from(transaction: &Transaction, whose: &str, key: &str) -> Result<()> {
    let from = format!("mail {whose} {key}");
    counted(transaction, &from, None)?.iter().try_for_each(Counted::require_few)
}

/// As [`count_from`], of a mail that the mailbox's person has not asked for, and says when it goes: see [`turn`].
///
/// # Errors
///
/// As [`count_from`].
pub(crate) fn turn_from(transaction: &Transaction, whose: &str, key: &str) -> Result<Time> {
    let from = format!("mail {whose} {key}");
    let counted = counted(transaction, &from, Some(&mails(About::Others, key)))?;
    let (of_whose, to_mailbox): (Vec<_>, Vec<_>) = counted.iter().partition(|counted| counted.subject == from);
    of_whose.into_iter().try_for_each(Counted::require_few)?;
    Ok(turn_of(to_mailbox.first().map_or(1, |counted| counted.count)))
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
    let counted = counted(transaction, &mails(about, key), None)?;
    Ok(turn_of(counted.first().map_or(1, |counted| counted.count)))
}

/// As what the mails to a mailbox are counted.
fn mails(about: About, key: &str) -> String {
    match about {
        About::Others => format!("mail others {key}"),
        About::Own => format!("mail own {key}"),
    }
}

/// When the mail goes that is the last of so many.
fn turn_of(count: i64) -> Time {
    let turns = u32::try_from((count - 1) / TO_MAILBOX).unwrap_or(u32::MAX).min(24);
    Time::now() + WINDOW * turns
}

/// How many there are of something within the hour, and the seconds until the count begins anew.
struct Counted {
    subject: String,
    count: i64,
    retry_after: u32,
}

impl Counted {
    /// Refuses what was asked for too often by one.
    fn require_few(&self) -> Result<()> {
        if self.count > FROM_ACCOUNT { Err(Error::TooManyRequests { retry_after: self.retry_after }) } else { Ok(()) }
    }
}

/// Counts one more of `subject` within the hour, and of `other`.
fn counted(transaction: &Transaction, subject: &str, other: Option<&str>) -> Result<Vec<Counted>> {
    let now = Time::now();
    let since = now - WINDOW;
    transaction.run(FORGET, &[since.into()])?;
    let rows = transaction.run(COUNT, &[subject.into(), now.into(), since.into(), other.into()])?;
    let counted = rows.into_iter().map(|mut row| {
        let retry_after = row.take::<Time>("window_start")?.seconds_after(since);
        Ok(Counted { subject: row.take("address")?, count: row.take("count")?, retry_after })
    });
    counted.collect()
}
