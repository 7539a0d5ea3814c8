//! Mail: written in the transaction that gives reason for it, delivered afterwards, as often as it takes.
//!
//! Whoever delivers takes what is due and at once puts off its next attempt. So no two deliver the same message at the same
//! time, and one whose deliverer dies comes up again. The delay doubles from five seconds to an hour. A relay that takes
//! a message twice can tell by its `uuid`.
//!
//! A message that has a secret is sealed, see [`crate::store::seal`], and is erased when it was delivered, or else when the secret
//! has expired.

use uuid::Uuid;

use crate::error::Result;
use crate::log;
use crate::store::seal::Seal;
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
    /// When the secret in it works no more, if there is one.
    pub expires_at: Option<Time>,
}

/// A link with a secret in it.
#[derive(Clone, Debug)]
pub struct Secret {
    /// The address of the page that it leads to.
    pub url: String,
    /// Until when it works.
    pub expires_at: Time,
}

impl Message {
    /// A message that says `text`, and has `link` below it, if there is one.
    pub fn new(to: &str, subject: &str, text: &str, link: Option<&Secret>) -> Self {
        let (mut plain, mut html) = (format!("{text}\n"), format!("<p>{}</p>\n", escape(text)));
        if let Some(Secret { url, .. }) = link {
            plain = format!("{plain}\n{url}\n");
            html = format!("{html}<p><a href=\"{url}\">{url}</a></p>\n");
        }
        let expires_at = link.map(|link| link.expires_at);
        Self { to: to.to_owned(), subject: subject.to_owned(), text: plain, html, expires_at }
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

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// A message is due.
    pub due: bool,
    /// The secret of one has expired.
    pub expired: bool,
}

/// Writes a message that is due at a time.
pub async fn write(transaction: &Transaction, message: &Message, due: Time) -> Result<()> {
    insert(transaction, message, due).await.map(drop)
}

/// Writes a message and takes it back: nobody gets it, and it costs what [`write`] costs and fails when that fails, so that the answer
/// to whoever asked for it does not tell which of the two was done.
pub async fn pretend(transaction: &Transaction, message: &Message) -> Result<()> {
    let id = insert(transaction, message, Time::now()).await?;
    transaction.run("DELETE FROM outbox WHERE id = ?", &[id.into()]).map(drop)
}

async fn insert(transaction: &Transaction, message: &Message, due: Time) -> Result<i64> {
    let seal = if message.expires_at.is_some() { Seal::of_setting().await? } else { Seal::none() };
    let uuid = Uuid::new_v4().to_string();
    let mut row = transaction.run_one(
        "INSERT INTO outbox (uuid, recipient, subject, text, html, next_attempt_at, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id",
        &[
            uuid.as_str().into(),
            message.to.as_str().into(),
            message.subject.as_str().into(),
            seal.seal(&place(&uuid, "text"), &message.text)?.into(),
            seal.seal(&place(&uuid, "html"), &message.html)?.into(),
            due.into(),
            Time::now().into(),
            message.expires_at.into(),
        ],
    )?;
    row.take("id")
}

/// What a part of a message is sealed to.
fn place(uuid: &str, part: &str) -> String {
    format!("outbox/{uuid}/{part}")
}

/// What there is to do. Costs one look at each of two indexes.
pub fn waiting(connection: &Connection) -> Result<Waiting> {
    let mut row = connection.query_one(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE next_attempt_at <= ?1) AS due,
                EXISTS (SELECT 1 FROM outbox WHERE expires_at <= ?1) AS expired",
        &[Time::now().into()],
    )?;
    Ok(Waiting { due: row.take("due")?, expired: row.take("expired")? })
}

/// Erases messages whose secret has expired, a hundred at most: the ids of those.
pub async fn erase_expired(connection: &Connection) -> Result<Vec<String>> {
    let statement = "DELETE FROM outbox
          WHERE id IN (SELECT id FROM outbox WHERE expires_at <= ? ORDER BY expires_at LIMIT 100)
         RETURNING uuid";
    let rows = connection.execute(statement, vec![Time::now().into()]).await?;
    rows.into_iter().map(|mut row| row.take("uuid")).collect()
}

/// Takes up to ten messages that are due. One that cannot be opened now is told, and comes up again.
pub async fn take(connection: &Connection) -> Result<Vec<Due>> {
    let seal = Seal::of_setting().await?;
    let statement = "UPDATE outbox
            SET attempts = attempts + 1, next_attempt_at = ?1 + min(5000 * (1 << min(attempts, 20)), 3600000)
          WHERE id IN (SELECT id FROM outbox WHERE next_attempt_at <= ?1 ORDER BY next_attempt_at LIMIT 10)
         RETURNING id, uuid, recipient, subject, text, html, expires_at";
    let rows = connection.execute(statement, vec![Time::now().into()]).await?;
    let mut due = Vec::with_capacity(rows.len());
    for mut row in rows {
        let (id, uuid): (i64, String) = (row.take("id")?, row.take("uuid")?);
        let (text, html): (String, String) = (row.take("text")?, row.take("html")?);
        let opened = seal.open(&place(&uuid, "text"), &text).and_then(|text| {
            let html = seal.open(&place(&uuid, "html"), &html)?;
            Ok((text.text, html.text))
        });
        match opened {
            Ok((text, html)) => {
                let (to, subject) = (row.take("recipient")?, row.take("subject")?);
                let message = Message { to, subject, text, html, expires_at: row.take("expires_at")? };
                due.push(Due { id, uuid, message });
            }
            Err(error) => {
                log::error(None, format_args!("mail {uuid} waits: {error}"));
                failed(connection, id, &error.to_string()).await?;
            }
        }
    }
    Ok(due)
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
    use crate::setting;
    use crate::store::native::run;
    use crate::values::time::clock;

    /// A transaction that writes a message.
    async fn writing() -> Result<Transaction> {
        let transaction = Transaction::begin().await?;
        let (to, subject, text) = ("jane@example.com".to_owned(), "Hello".to_owned(), "Hello".to_owned());
        let expires_at = Some(Time::now() + Duration::from_hours(24));
        let message = Message { to, subject, text, html: String::new(), expires_at };
        write(&transaction, &message, Time::now()).await?;
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
                assert!(!waiting(&connection)?.due, "{delay} s are not over");
                clock::advance(Duration::from_millis(1));
                assert!(waiting(&connection)?.due, "{delay} s are over");
            }
            let due = take(&connection).await?.pop().expect("it is due");
            assert!(uuids.iter().all(|uuid| *uuid == due.uuid), "the relay can tell that it is the same message");
            delivered(&connection, due.id).await?;
            clock::advance(Duration::from_hours(2));
            assert!(!waiting(&connection)?.due);
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
            assert!(!waiting(&Connection::lease().await?)?.due);
            Ok(())
        });
    }

    #[test]
    fn what_a_message_says_is_sealed_and_goes_when_its_secret_has_expired() {
        run(async {
            let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
            setting::set("encryption_key", key);
            writing().await?.commit().await?;
            let connection = Connection::lease().await?;
            let text: String = connection.query_one("SELECT text FROM outbox", &[])?.take("text")?;
            assert!(text.starts_with('$') && !text.contains("Hello"), "{text}");

            setting::set("encryption_key", "");
            assert!(take(&connection).await?.is_empty(), "without its key it waits");
            setting::set("encryption_key", key);
            clock::advance(Duration::from_secs(5));
            assert_eq!(take(&connection).await?.pop().expect("it is due").message.text, "Hello");

            assert!(!waiting(&connection)?.expired && erase_expired(&connection).await?.is_empty());
            clock::advance(Duration::from_hours(24));
            assert!(waiting(&connection)?.expired);
            assert_eq!(erase_expired(&connection).await?.len(), 1);
            assert_eq!(waiting(&connection)?, Waiting { due: false, expired: false });
            Ok(())
        });
    }
}
