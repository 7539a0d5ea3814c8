//! How people come in: sign-up, invitations, and proof that an e-mail address or a forgotten password is theirs.
//!
//! Each link in a mail carries 256 random bits after the `#`, where no server's log and no `Referer` gets them. The store
//! keeps their digest. A link works once, for the address it was sent to, until it expires; a new one ends the one
//! before.
//!
//! Passwords come here as Argon2id hashes, made before the write lock is taken: hashing takes long.

use std::net::IpAddr;

use anyhow::anyhow;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::audit::{self, Author};
use crate::directory::{self, NewAccount};
use crate::error::{Conflict, Error, Faults, Result, Thing};
use crate::membership::{self, Role};
use crate::outbox::{self, Message};
use crate::store::{Connection, Row, Transaction, Value, now};
use crate::text::Email;
use crate::token::Caller;
use crate::{secret, setting};

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;

/// Shortest time between two mails to one user for one reason that anybody may give.
const PAUSE: i64 = 60 * 1000;

/// Longest first or last name, in characters.
pub const NAME_MAX: usize = 100;

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
    fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
        }
    }

    /// Milliseconds for which the link works.
    fn lifetime(self) -> i64 {
        match self {
            Self::Invitation | Self::VerifyEmail => 7 * DAY,
            Self::ResetPassword => HOUR,
        }
    }
}

/// Whom a link stands for.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// The user.
    pub user_id: i64,
    /// The account, of an invitation.
    pub account_id: Option<i64>,
    /// The hash of the user's password, if there is one.
    pub password_hash: Option<String>,
}

/// A person who signs up.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The address.
    pub email: Email,
    /// Clean, if given.
    pub first_name: Option<String>,
    /// Clean, if given.
    pub last_name: Option<String>,
}

/// A user and an account that a sign-up made.
#[derive(Clone, Debug)]
pub struct SignedUp {
    /// The user.
    pub user_id: i64,
    /// The account, which the user owns.
    pub account: directory::Account,
}

/// Makes a user and an account of its own, and mails a link to verify the address. The operator owns the account.
///
/// # Errors
///
/// [`Error::Conflict`] ([`Conflict::AddressTaken`] or [`Conflict::NameTaken`]); [`Error::TooManyRequests`] beyond `signup_limit`
/// sign-ups from one address in an hour.
pub async fn sign_up(
    transaction: &Transaction,
    author: &Author,
    address: Option<IpAddr>,
    user: &NewUser,
    password_hash: &str,
    account: &NewAccount,
) -> Result<SignedUp> {
    count(transaction, &format!("sign-up {}", shown(address)), setting::number("signup_limit").await?)?;
    if find_user(transaction, &user.email.key)?.is_some() {
        return Err(Error::Conflict(Conflict::AddressTaken));
    }
    let account = directory::insert(transaction, author, None, account).await?;
    let user_id = insert_user(transaction, author, account.id, user, Some(password_hash)).await?;
    membership::found(transaction, author, account.id, user_id).await?;
    let link = link(transaction, Purpose::VerifyEmail, user_id, None, &user.email.key).await?;
    let text = "Welcome to Accord. Please confirm that this e-mail address is yours:";
    outbox::write(transaction, &message(&user.email.address, "Confirm your e-mail address", text, &link))?;
    Ok(SignedUp { user_id, account })
}

/// Counts one more of `subject` within the hour, or refuses it. No limit if that is 0.
fn count(transaction: &Transaction, subject: &str, limit: i64) -> Result<()> {
    let now = now();
    transaction.run("DELETE FROM sign_ups WHERE window_start <= ?", &[(now - HOUR).into()])?;
    let row = transaction.run_first(
        "INSERT INTO sign_ups (address, window_start, count) VALUES (?1, ?2, 1)
             ON CONFLICT (address) DO UPDATE SET count = count + 1 RETURNING count, window_start",
        &[subject.into(), now.into()],
    )?;
    let mut row = row.ok_or_else(|| anyhow!("an insert returned nothing"))?;
    let (count, start): (i64, i64) = (row.take(0)?, row.take(1)?);
    if limit > 0 && count > limit {
        let retry_after = u32::try_from((start + HOUR - now) / 1000 + 1).unwrap_or(1);
        return Err(Error::TooManyRequests { retry_after });
    }
    Ok(())
}

fn shown(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "unknown".to_owned(), |address| address.to_string())
}

/// A user by the key of an address: id and address.
fn find_user(transaction: &Transaction, email_key: &str) -> Result<Option<(i64, String)>> {
    let row = transaction.run_first("SELECT id, email FROM users WHERE email_key = ?", &[email_key.into()])?;
    row.map(|mut row| Ok((row.take(0)?, row.take(1)?))).transpose()
}

async fn insert_user(
    transaction: &Transaction,
    author: &Author,
    account_id: i64,
    user: &NewUser,
    password_hash: Option<&str>,
) -> Result<i64> {
    let row = transaction.run_first(
        "INSERT INTO users (account_id, uuid, email, email_key, first_name, last_name, password_hash, password_version,
                            origin, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7 IS NOT NULL, 'accounts', ?8, ?8) RETURNING id",
        &[
            account_id.into(),
            Uuid::new_v4().to_string().into(),
            user.email.address.as_str().into(),
            user.email.key.as_str().into(),
            user.first_name.as_deref().into(),
            user.last_name.as_deref().into(),
            password_hash.into(),
            now().into(),
        ],
    )?;
    let id = row.ok_or_else(|| anyhow!("an insert returned nothing"))?.take(0)?;
    audit::record(transaction, author, "created", "users", &[(id, Json::Null)]).await?;
    Ok(id)
}

/// Makes a link and ends the one before.
async fn link(
    transaction: &Transaction,
    purpose: Purpose,
    user_id: i64,
    account_id: Option<i64>,
    email_key: &str,
) -> Result<String> {
    let token = secret::generate()?;
    let now = now();
    transaction.run(
        "INSERT INTO one_time_tokens (digest, purpose, user_id, account_id, email_key, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (user_id, purpose, coalesce(account_id, 0)) DO UPDATE SET
                digest = excluded.digest, email_key = excluded.email_key, created_at = excluded.created_at,
                expires_at = excluded.expires_at",
        &[
            Value::Blob(secret::digest(token.as_bytes()).to_vec()),
            purpose.name().into(),
            user_id.into(),
            account_id.into(),
            email_key.into(),
            now.into(),
            (now + purpose.lifetime()).into(),
        ],
    )?;
    let base = setting::get("public_url").await?;
    let page = match purpose {
        Purpose::Invitation => "accept-invitation",
        Purpose::VerifyEmail => "verify-email",
        Purpose::ResetPassword => "reset-password",
    };
    Ok(format!("{}/{page}#token={token}", base.trim_end_matches('/')))
}

fn message(to: &str, subject: &str, text: &str, link: &str) -> Message {
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

/// Whom a link stands for, if it still works.
///
/// # Errors
///
/// [`Error::Invalid`] if it does not.
pub fn bearer(connection: &Connection, purpose: Purpose, token: &str) -> Result<Bearer> {
    let row = connection.query_first(
        "SELECT t.user_id, t.account_id, u.password_hash
           FROM one_time_tokens t JOIN users u ON u.id = t.user_id AND u.email_key = t.email_key
          WHERE t.digest = ?1 AND t.purpose = ?2 AND t.expires_at > ?3",
        &[Value::Blob(secret::digest(token.as_bytes()).to_vec()), purpose.name().into(), now().into()],
    )?;
    let Some(mut row) = row else {
        return Err(Error::Invalid(Faults::of("token", "is unknown, expired, or was used already")));
    };
    Ok(Bearer { user_id: row.take(0)?, account_id: row.take(1)?, password_hash: row.take(2)? })
}

/// As [`bearer`], and the link works no more. It proves the address.
fn spend(transaction: &Transaction, purpose: Purpose, token: &str) -> Result<Bearer> {
    let bearer = bearer(transaction.connection(), purpose, token)?;
    transaction.run(
        "DELETE FROM one_time_tokens WHERE digest = ?",
        &[Value::Blob(secret::digest(token.as_bytes()).to_vec())],
    )?;
    transaction.run(
        "UPDATE users SET email_verified = 1, version = version + 1, updated_at = ?2 WHERE id = ?1",
        &[bearer.user_id.into(), now().into()],
    )?;
    Ok(bearer)
}

/// Verifies the address that a link was sent to.
pub async fn verify_email(transaction: &Transaction, author: &Author, token: &str) -> Result<()> {
    let bearer = spend(transaction, Purpose::VerifyEmail, token)?;
    audit::record(transaction, author, "e-mail verified", "users", &[(bearer.user_id, Json::Null)]).await
}

/// Mails a link to set a new password, if there is an active user of this address. The answer never tells.
pub async fn forgot_password(transaction: &Transaction, email: &Email, address: Option<IpAddr>) -> Result<()> {
    // Counted, and so written, whether or not there is such a user.
    count(transaction, &format!("forgot {}", shown(address)), setting::number("signup_limit").await?)?;
    let row = transaction.run_first(
        "SELECT u.id, u.email FROM users u
          WHERE u.email_key = ?1 AND u.is_active = 1 AND NOT EXISTS (
                SELECT 1 FROM one_time_tokens t
                 WHERE t.user_id = u.id AND t.purpose = 'reset_password' AND coalesce(t.account_id, 0) = 0
                   AND t.created_at > ?2)",
        &[email.key.as_str().into(), (now() - PAUSE).into()],
    )?;
    let Some(mut row) = row else { return Ok(()) };
    let (user_id, to): (i64, String) = (row.take(0)?, row.take(1)?);
    let link = link(transaction, Purpose::ResetPassword, user_id, None, &email.key).await?;
    let text = "Somebody, probably you, asked for a new password. If it was you, set it within an hour:";
    outbox::write(transaction, &message(&to, "Set a new password", text, &link))
}

/// Sets a new password by a link, and ends every session of the user.
pub async fn reset_password(
    transaction: &Transaction,
    author: &Author,
    token: &str,
    password_hash: &str,
) -> Result<()> {
    let bearer = spend(transaction, Purpose::ResetPassword, token)?;
    set_password(transaction, author, bearer.user_id, password_hash).await
}

/// The address and the password's hash of a user, to change the password by.
pub fn credentials(connection: &Connection, user_id: i64) -> Result<(Option<String>, Option<String>)> {
    let row = connection.query_first("SELECT email_key, password_hash FROM users WHERE id = ?", &[user_id.into()])?;
    let mut row: Row = row.ok_or(Error::NotFound(Thing::User))?;
    Ok((row.take(0)?, row.take(1)?))
}

/// Sets a password, and ends every session of the user: refresh tokens go, and access tokens know the version of the
/// password they were issued with.
pub async fn set_password(transaction: &Transaction, author: &Author, user_id: i64, password_hash: &str) -> Result<()> {
    transaction.run(
        "UPDATE users SET password_hash = ?2, password_version = password_version + 1, version = version + 1, updated_at = ?3
          WHERE id = ?1",
        &[user_id.into(), password_hash.into(), now().into()],
    )?;
    transaction.run("DELETE FROM refresh_tokens WHERE user_id = ?", &[user_id.into()])?;
    audit::record(transaction, author, "password changed", "users", &[(user_id, Json::Null)]).await
}

/// Invites somebody to an account by e-mail. Who is not known yet becomes a user of that account; who is known is asked.
/// Returns the user's id.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account; see [`membership::add`].
pub async fn invite(
    transaction: &Transaction,
    author: &Author,
    caller: &Caller,
    account_id: i64,
    user: &NewUser,
    roles: &[Role],
) -> Result<i64> {
    let held = membership::roles(transaction.connection(), caller, account_id)?;
    held.require_manage()?;
    let user_id = match find_user(transaction, &user.email.key)? {
        Some((id, _)) => id,
        None => insert_user(transaction, author, account_id, user, None).await?,
    };
    membership::add(transaction, author, &held, account_id, user_id, roles, false).await?;
    send_invitation(transaction, account_id, user_id).await?;
    Ok(user_id)
}

/// Adds a known user to an account: at once if the caller may see the user, else by an invitation. So nobody is drawn
/// into a stranger's account.
///
/// # Errors
///
/// As [`invite`]; [`Error::NotFound`] for an unknown user.
pub async fn add_known(
    transaction: &Transaction,
    author: &Author,
    caller: &Caller,
    account_id: i64,
    user_id: i64,
    roles: &[Role],
) -> Result<()> {
    let held = membership::roles(transaction.connection(), caller, account_id)?;
    held.require_manage()?;
    let seen = membership::sees_user(transaction.connection(), caller, user_id)?.ok_or(Error::NotFound(Thing::User))?;
    membership::add(transaction, author, &held, account_id, user_id, roles, seen).await?;
    if !seen {
        send_invitation(transaction, account_id, user_id).await?;
    }
    Ok(())
}

/// Sends an invitation again. The link of the one before works no more.
///
/// # Errors
///
/// As [`invite`]; [`Error::NotFound`] for somebody who is no member, [`Error::Conflict`] ([`Conflict::NotInvited`]).
pub async fn invite_again(
    transaction: &Transaction,
    author: &Author,
    caller: &Caller,
    account_id: i64,
    user_id: i64,
) -> Result<()> {
    membership::roles(transaction.connection(), caller, account_id)?.require_manage()?;
    let row = transaction.run_first(
        "SELECT status = 'invited' FROM memberships WHERE account_id = ?1 AND user_id = ?2",
        &[account_id.into(), user_id.into()],
    )?;
    if !row.ok_or(Error::NotFound(Thing::User))?.take::<bool>(0)? {
        return Err(Error::Conflict(Conflict::NotInvited));
    }
    send_invitation(transaction, account_id, user_id).await?;
    let detail = serde_json::json!({ "account": account_id });
    audit::record(transaction, author, "invited", "memberships", &[(user_id, detail)]).await
}

async fn send_invitation(transaction: &Transaction, account_id: i64, user_id: i64) -> Result<()> {
    let row = transaction.run_first(
        "SELECT u.email, u.email_key, a.name FROM users u, accounts a
          WHERE u.id = ?1 AND a.id = ?2 AND u.email IS NOT NULL",
        &[user_id.into(), account_id.into()],
    )?;
    let mut row = row.ok_or(Error::Conflict(Conflict::NoAddress))?;
    let (to, key, account): (String, String, String) = (row.take(0)?, row.take(1)?, row.take(2)?);
    let link = link(transaction, Purpose::Invitation, user_id, Some(account_id), &key).await?;
    let text = format!("You are invited to join {account}. The invitation is good for seven days:");
    outbox::write(transaction, &message(&to, &format!("Invitation to {account}"), &text, &link))
}

/// Accepts an invitation. `password_hash` is set for a user who has no password; one who has keeps it.
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work.
pub async fn accept(
    transaction: &Transaction,
    author: &Author,
    token: &str,
    password_hash: Option<&str>,
) -> Result<Bearer> {
    let bearer = spend(transaction, Purpose::Invitation, token)?;
    // One who was made inactive meanwhile stays so.
    transaction.run(
        "UPDATE memberships SET status = 'active', updated_at = ?3
          WHERE account_id = ?1 AND user_id = ?2 AND status = 'invited'",
        &[bearer.account_id.into(), bearer.user_id.into(), now().into()],
    )?;
    if let (None, Some(hash)) = (&bearer.password_hash, password_hash) {
        set_password(transaction, author, bearer.user_id, hash).await?;
    }
    let detail = serde_json::json!({ "account": bearer.account_id });
    audit::record(transaction, author, "accepted", "memberships", &[(bearer.user_id, detail)]).await?;
    Ok(bearer)
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
