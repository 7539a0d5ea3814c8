//! Mail: written in the transaction that gives reason for it, delivered afterwards, as often as it takes.
//!
//! Whoever delivers takes what is due and at once puts off its next attempt. So no two deliver the same message at the same
//! time, and one whose deliverer dies comes up again. The delay doubles from five seconds to an hour. A relay that takes
//! a message twice can tell by its `uuid`.

use uuid::Uuid;

use crate::error::Result;
use crate::store::{Connection, Transaction};
use crate::values::time::Time;

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// The address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

impl Message {
    /// A message that says `text`, and has `link` below it, if there is one.
    pub fn new(to: &str, subject: &str, text: &str, link: Option<&str>) -> Self {
        let (mut plain, mut html) = (format!("{text}\n"), format!("<p>{}</p>\n", escape(text)));
        if let Some(link) = link {
            plain = format!("{plain}\n{link}\n");
            html = format!("{html}<p><a href=\"{link}\">{link}</a></p>\n");
        }
        Self { to: to.to_owned(), subject: subject.to_owned(), text: plain, html }
    }
}

/// Text as HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A message to be delivered now.
#[derive(Debug)]
pub struct Due {
    /// Its row.
    pub id: i64,
    /// What tells a second delivery from a second message.
    pub uuid: String,
    /// The message.
    pub message: Message,
}

/// Writes a message that is due at a time.
pub fn write(transaction: &Transaction, message: &Message, due: Time) -> Result<()> {
    transaction.run(
        "INSERT INTO outbox (uuid, recipient, subject, text, html, next_attempt_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            Uuid::new_v4().to_string().into(),
            message.to.as_str().into(),
            message.subject.as_str().into(),
            message.text.as_str().into(),
            message.html.as_str().into(),
            due.into(),
            Time::now().into(),
        ],
    )?;
    Ok(())
}

/// Whether a message is due. Costs one look at an index.
pub fn is_due(connection: &Connection) -> Result<bool> {
    Ok(connection
        .query_first("SELECT 1 FROM outbox WHERE next_attempt_at <= ? LIMIT 1", &[Time::now().into()])?
        .is_some())
}

/// Takes up to ten messages that are due.
pub async fn take(connection: &Connection) -> Result<Vec<Due>> {
    let statement = "UPDATE outbox
            SET attempts = attempts + 1, next_attempt_at = ?1 + min(5000 * (1 << min(attempts, 20)), 3600000)
          WHERE id IN (SELECT id FROM outbox WHERE next_attempt_at <= ?1 ORDER BY next_attempt_at LIMIT 10)
         RETURNING id, uuid, recipient, subject, text, html";
    let rows = connection.execute(statement, vec![Time::now().into()]).await?;
    rows.into_iter()
        .map(|mut row| {
            let message = Message {
                to: row.take("recipient")?,
                subject: row.take("subject")?,
                text: row.take("text")?,
                html: row.take("html")?,
            };
            Ok(Due { id: row.take("id")?, uuid: row.take("uuid")?, message })
        })
        .collect()
}

/// Forgets a message: the relay has it.
pub async fn delivered(connection: &Connection, id: i64) -> Result<()> {
    connection.execute("DELETE FROM outbox WHERE id = ?", vec![id.into()]).await.map(drop)
}

/// Notes why a message was not delivered. It stays.
pub async fn failed(connection: &Connection, id: i64, why: &str) -> Result<()> {
    connection.execute("UPDATE outbox SET last_failure = ?2 WHERE id = ?1", vec![id.into(), why.into()]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::native::run;
    use crate::values::time::clock;

    /// A transaction that writes a message.
    async fn writing() -> Result<Transaction> {
        let transaction = Transaction::begin().await?;
        let (to, subject, text) = ("jane@example.com".to_owned(), "Hello".to_owned(), "Hello".to_owned());
        write(&transaction, &Message { to, subject, text, html: String::new() }, Time::now())?;
        Ok(transaction)
    }

    #[test]
    fn a_message_comes_up_again_after_twice_the_time_and_at_least_once_an_hour_until_it_is_delivered() {
        run(async {
            writing().await?.commit().await?;
            let connection = Connection::lease().await?;
            let mut uuids = Vec::new();
            for delay in [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600] {
                let due = take(&connection).await?.pop().expect("it is due");
                failed(&connection, due.id, "nobody is there").await?;
                uuids.push(due.uuid);
                clock::advance(Duration::from_millis(delay * 1000 - 1));
                assert!(!is_due(&connection)?, "{delay} s are not over");
                clock::advance(Duration::from_millis(1));
                assert!(is_due(&connection)?, "{delay} s are over");
            }
            let due = take(&connection).await?.pop().expect("it is due");
            assert!(uuids.iter().all(|uuid| *uuid == due.uuid), "the relay can tell that it is the same message");
            delivered(&connection, due.id).await?;
            clock::advance(Duration::from_hours(2));
            assert!(!is_due(&connection)?);
            Ok(())
        });
    }

    #[test]
    fn no_two_deliver_the_same_message_at_the_same_time() {
        run(async {
            for _ in 0..12 {
                writing().await?.commit().await?;
            }
            let (one, other) = (Connection::lease().await?, Connection::lease().await?);
            let mut taken = Vec::new();
            for (connection, count) in [(&one, 10), (&other, 2), (&one, 0)] {
                let due = take(connection).await?;
                assert_eq!(due.len(), count);
                taken.extend(due.into_iter().map(|due| due.id));
            }
            taken.sort_unstable();
            taken.dedup();
            assert_eq!(taken.len(), 12);
            Ok(())
        });
    }

    #[test]
    fn a_message_of_a_transaction_that_is_rolled_back_was_never_written() {
        run(async {
            drop(writing().await?);
            assert!(!is_due(&Connection::lease().await?)?);
            Ok(())
        });
    }
}
