//! Recovery: proof that an e-mail address is somebody's, and a new password for who has forgotten the old one.
//!
//! Passwords come here as Argon2id hashes, made before the write lock is taken: hashing takes long.

use std::time::Duration;

use serde_json::Value as Json;

use crate::error::Result;
use crate::people::link::{self, Purpose};
use crate::people::person;
use crate::store::{Edit, Transaction, outbox};
use crate::values::email::Email;
use crate::values::id::PersonId;
use crate::values::time::Time;

/// Shortest time between two mails to one person that anybody may cause.
const PAUSE: Duration = Duration::from_mins(1);

/// Verifies the address that a link was sent to.
///
/// # Errors
///
/// [`crate::Error::Invalid`] for a link that does not work.
pub async fn verify_email(edit: &Edit, token: &str) -> Result<()> {
    let bearer = link::spend(edit, Purpose::VerifyEmail, token)?;
    edit.record("e-mail verified", "users", &[(bearer.person_id, Json::Null)]).await
}

/// Mails a link to set a new password, if there is an active person of this address. The answer never tells.
pub async fn forgot_password(transaction: &Transaction, email: &Email) -> Result<()> {
    let row = transaction.run_first(
        "SELECT u.id, u.email FROM users u
          WHERE u.email_key = ?1 AND u.is_active = 1 AND NOT EXISTS (
                SELECT 1 FROM one_time_tokens t
                 WHERE t.user_id = u.id AND t.purpose = 'reset_password' AND coalesce(t.account_id, 0) = 0
                   AND t.created_at > ?2)",
        &[email.key.as_str().into(), (Time::now() - PAUSE).into()],
    )?;
    let Some(mut row) = row else { return Ok(()) };
    let (person_id, to): (PersonId, String) = (row.take("id")?, row.take("email")?);
    let link = link::make(transaction, Purpose::ResetPassword, person_id, None, &email.key).await?;
    let text = "Somebody, probably you, asked for a new password. If it was you, set it within an hour:";
    outbox::write(transaction, &link::message(&to, "Set a new password", text, &link))
}

/// Sets a new password by a link, and ends every session of the person.
///
/// # Errors
///
/// [`crate::Error::Invalid`] for a link that does not work.
pub async fn reset_password(edit: &Edit, token: &str, password_hash: &str) -> Result<()> {
    let bearer = link::spend(edit, Purpose::ResetPassword, token)?;
    person::set_password(edit, bearer.person_id, password_hash).await
}
