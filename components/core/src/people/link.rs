//! Links in mails: each stands for a person, and works once.
//!
//! A link carries 256 random bits after the `#`, where no server's log and no `Referer` gets them. The store keeps their
//! digest. A link works for the address that it was sent to, until it expires; a new one of the same purpose ends the one
//! before.

use std::time::Duration;

use crate::auth::secret;
use crate::error::{Error, Faults, Result};
use crate::setting;
use crate::store::outbox::Message;
use crate::store::{Connection, Transaction, Value};
use crate::values::id::{AccountId, PersonId};
use crate::values::time::Time;

/// Why a link is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To join an account.
    Invitation,
    /// To prove an address.
    VerifyEmail,
    /// To set a password.
    ResetPassword,
}

impl Purpose {
    /// As the store writes it.
    fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
        }
    }

    /// The page that the link leads to, under the setting `public_url`.
    fn page(self) -> &'static str {
        match self {
            Self::Invitation => "accept-invitation",
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
        }
    }

    /// How long the link works.
    fn lifetime(self) -> Duration {
        match self {
            Self::Invitation | Self::VerifyEmail => Duration::from_hours(7 * 24),
            Self::ResetPassword => Duration::from_hours(1),
        }
    }
}

/// Whom a link stands for.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// The person.
    pub person_id: PersonId,
    /// The account, of an invitation.
    pub account_id: Option<AccountId>,
    /// The hash of the person's password, if there is one.
    pub password_hash: Option<String>,
}

/// Makes a link for a person, to be sent to the address of `email_key`, and ends the one before. An invitation, and nothing
/// else, has an account.
pub(crate) async fn make(
    transaction: &Transaction,
    purpose: Purpose,
    person_id: PersonId,
    account_id: Option<AccountId>,
    email_key: &str,
) -> Result<String> {
    let token = secret::generate()?;
    let now = Time::now();
    transaction.run(
        "INSERT INTO one_time_tokens (digest, purpose, user_id, account_id, email_key, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (user_id, purpose, coalesce(account_id, 0)) DO UPDATE SET
                digest = excluded.digest, email_key = excluded.email_key, created_at = excluded.created_at,
                expires_at = excluded.expires_at",
        &[
            digest(&token),
            purpose.name().into(),
            person_id.into(),
            account_id.into(),
            email_key.into(),
            now.into(),
            (now + purpose.lifetime()).into(),
        ],
    )?;
    Ok(format!("{}/{}#token={token}", setting::base_url().await?, purpose.page()))
}

/// Whom a link stands for, if it still works. `token` is what it carries after the `#`.
///
/// # Errors
///
/// [`Error::Invalid`] if it does not.
pub fn bearer(connection: &Connection, purpose: Purpose, token: &str) -> Result<Bearer> {
    let row = connection.query_first(
        "SELECT t.user_id, t.account_id, u.password_hash
           FROM one_time_tokens t JOIN users u ON u.id = t.user_id AND u.email_key = t.email_key
          WHERE t.digest = ?1 AND t.purpose = ?2 AND t.expires_at > ?3",
        &[digest(token), purpose.name().into(), Time::now().into()],
    )?;
    let Some(mut row) = row else {
        return Err(Error::Invalid(Faults::of("token", "is unknown, expired, or was used already")));
    };
    Ok(Bearer {
        person_id: row.take("user_id")?,
        account_id: row.take("account_id")?,
        password_hash: row.take("password_hash")?,
    })
}

/// As [`bearer`], and the link works no more. It proves the address.
pub(crate) fn spend(transaction: &Transaction, purpose: Purpose, token: &str) -> Result<Bearer> {
    let bearer = bearer(transaction.connection(), purpose, token)?;
    transaction.run("DELETE FROM one_time_tokens WHERE digest = ?", &[digest(token)])?;
    transaction.run(
        "UPDATE users SET email_verified = 1, version = version + 1, updated_at = ?2 WHERE id = ?1",
        &[bearer.person_id.into(), Time::now().into()],
    )?;
    Ok(bearer)
}

fn digest(token: &str) -> Value {
    Value::Blob(secret::digest(token.as_bytes()).to_vec())
}

/// A mail that says `text` and has the link below it.
pub(crate) fn message(to: &str, subject: &str, text: &str, link: &str) -> Message {
    Message {
        to: to.to_owned(),
        subject: subject.to_owned(),
        text: format!("{text}\n\n{link}\n"),
        html: format!("<p>{}</p>\n<p><a href=\"{link}\">{link}</a></p>\n", escape(text)),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_account_is_called_is_no_markup_in_a_mail() {
        let mail = message("a@b.fi", "s", "You are invited to <script>&\"x\"", "https://a.example/#token=x");
        assert!(mail.html.starts_with("<p>You are invited to &lt;script&gt;&amp;&quot;x&quot;</p>"));
        assert!(mail.text.contains("<script>"));
    }
}
