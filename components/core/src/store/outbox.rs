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

/// Writes a message.
pub fn write(transaction: &Transaction, message: &Message) -> Result<()> {
    transaction.run(
        "INSERT INTO outbox (uuid, recipient, subject, text, html, next_attempt_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        &[
            Uuid::new_v4().to_string().into(),
            message.to.as_str().into(),
            message.subject.as_str().into(),
            message.text.as_str().into(),
            message.html.as_str().into(),
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
