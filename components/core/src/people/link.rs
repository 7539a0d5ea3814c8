//! Links in mails: each acts for the address that it was mailed to, and works once.
//!
//! A link carries 256 random bits after the `#`, where no server's log and no `Referer` gets them. The store keeps their
//! digest.

use std::time::Duration;

use crate::auth::secret;
use crate::error::{Error, Faults, Result};
use crate::people::address::RESERVED;
use crate::setting;
use crate::store::outbox::Secret;
use crate::store::{Connection, Transaction, Value};
use crate::values::email::Email;
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
    /// To sign in by another address from now on.
    ChangeEmail,
    /// To take back the address that was the person's before.
    UndoEmail,
}

impl Purpose {
    /// As the store writes it.
    fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
            Self::UndoEmail => "undo_email",
        }
    }

    /// The page that the link leads to, under the setting `public_url`.
    fn page(self) -> &'static str {
        match self {
            Self::Invitation => "accept-invitation",
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
            Self::ChangeEmail => "change-email",
            Self::UndoEmail => "undo-email",
        }
    }

    /// How long the link works.
    fn lifetime(self) -> Duration {
        match self {
            Self::Invitation | Self::VerifyEmail => Duration::from_hours(7 * 24),
            Self::UndoEmail => RESERVED,
            Self::ResetPassword | Self::ChangeEmail => Duration::from_hours(1),
        }
    }
}

/// A link that works.
#[derive(Clone, Debug)]
pub struct Link {
    /// The person whom it was made for.
    pub person_id: PersonId,
    /// The account, of an invitation.
    pub account_id: Option<AccountId>,
    /// The address that it was mailed to.
    pub email: Email,
    /// The key of the address that it takes away again, of a link that undoes a change.
    pub undoes: Option<String>,
}

/// Makes a link for a person, to be mailed to an address at the time `from`. An invitation, and nothing
/// else, has an account; a new one ends the one before. Links of other purposes live beside each other, so that nobody ends
/// somebody's link by asking for another.
pub(crate) async fn make(
    transaction: &Transaction,
    purpose: Purpose,
    person_id: PersonId,
    account_id: Option<AccountId>,
    email: &Email,
    from: Time,
) -> Result<Secret> {
    insert(transaction, purpose, person_id, account_id, email, None, from).await
}

/// As [`make`], of a link to an address before that takes another one, `undoes`, away again.
pub(crate) async fn make_undo(
    transaction: &Transaction,
    person_id: PersonId,
    email: &Email,
    undoes: &Email,
    from: Time,
) -> Result<Secret> {
    insert(transaction, Purpose::UndoEmail, person_id, None, email, Some(undoes.key.as_str()), from).await
}

async fn insert(
    transaction: &Transaction,
    purpose: Purpose,
    person_id: PersonId,
    account_id: Option<AccountId>,
    email: &Email,
    undoes: Option<&str>,
    from: Time,
) -> Result<Secret> {
    let token = secret::generate()?;
    let now = Time::now();
    let expires_at = from + purpose.lifetime();
    if account_id.is_some() {
        transaction.run(
            "DELETE FROM links WHERE account_id = ?1 AND person_id = ?2",
            &[account_id.into(), person_id.into()],
        )?;
    }
    forget_expired(transaction, now)?;
    transaction.run(
        "INSERT INTO links (digest, purpose, person_id, account_id, address, key, created_at, expires_at, undoes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        &[
            digest(&token),
            purpose.name().into(),
            person_id.into(),
            account_id.into(),
            email.address.as_str().into(),
            email.key.as_str().into(),
            now.into(),
            expires_at.into(),
            undoes.into(),
        ],
    )?;
    url_of(purpose, &token, expires_at).await
}

/// What looks like a link and leads nowhere, see [`outbox::pretend`](crate::store::outbox::pretend).
pub(crate) async fn lookalike(transaction: &Transaction, purpose: Purpose) -> Result<Secret> {
    let now = Time::now();
    forget_expired(transaction, now)?;
    url_of(purpose, &secret::generate()?, now + purpose.lifetime()).await
}

async fn url_of(purpose: Purpose, token: &str, expires_at: Time) -> Result<Secret> {
    Ok(Secret { url: format!("{}/{}#token={token}", setting::base_url().await?, purpose.page()), expires_at })
}

/// Forgets links that have expired, few at a time. Invitations stay: they tell that nobody has accepted yet.
fn forget_expired(transaction: &Transaction, now: Time) -> Result<()> {
    let statement = "DELETE FROM links WHERE digest IN (
             SELECT digest FROM links WHERE purpose <> 'invitation' AND expires_at <= ? ORDER BY expires_at LIMIT 100)";
    transaction.run(statement, &[now.into()]).map(drop)
}

/// What is said of a link that does not work.
pub(crate) fn refused() -> Error {
    Error::Invalid(Faults::of("token", "is unknown, expired, or was used already"))
}

/// A link, if it still works. `token` is what it carries after the `#`.
///
/// # Errors
///
/// [`Error::Invalid`] if it does not.
pub fn find(connection: &Connection, purpose: Purpose, token: &str) -> Result<Link> {
    let row = connection.query_first(
        "SELECT coalesce(p.leads_to, p.id) AS person_id, l.account_id, l.address, l.key, l.undoes
           FROM links l JOIN people p ON p.id = l.person_id
          WHERE l.digest = ?1 AND l.purpose = ?2 AND l.expires_at > ?3",
        &[digest(token), purpose.name().into(), Time::now().into()],
    )?;
    let mut row = row.ok_or_else(refused)?;
    Ok(Link {
        person_id: row.take("person_id")?,
        account_id: row.take("account_id")?,
        email: Email { address: row.take("address")?, key: row.take("key")? },
        undoes: row.take("undoes")?,
    })
}

/// As [`find`], and the link works no more.
pub(crate) fn spend(transaction: &Transaction, purpose: Purpose, token: &str) -> Result<Link> {
    let link = find(transaction.connection(), purpose, token)?;
    transaction.run("DELETE FROM links WHERE digest = ?", &[digest(token)])?;
    Ok(link)
}

fn digest(token: &str) -> Value {
    Value::Blob(secret::digest(token.as_bytes()).to_vec())
}
