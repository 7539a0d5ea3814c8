//! The door: what somebody does with a link out of a mail, with a password, or with both.
//!
//! Each function looks first, proves or hashes the password, which takes long, and only then takes the write lock for one
//! edit, in which it looks again. A password is called `password` in what is refused, a link `token`.

use std::net::IpAddr;

use crate::accounts::hierarchy::LIVE;
use crate::accounts::members;
use crate::auth::limit::{self, Asked};
use crate::auth::secret;
use crate::entry::{invitation, recovery};
use crate::error::{Error, Result, Thing};
use crate::people::person;
use crate::sign_in::{credentials, password};
use crate::store::{Actor, Author, Connection, Edit, still};
use crate::values::email::Email;
use crate::values::id::{AccountId, PersonId};

/// Accepts an invitation by the link and a password: the one of whoever has proved the address, or the first one of somebody
/// new.
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work, for a password that is not right, and for a new one that is not
/// taken; [`Error::TooManyRequests`], see [`crate::auth::throttle`].
pub async fn accept(
    author: impl FnOnce(Actor) -> Author,
    token: &str,
    password: &str,
    address: Option<IpAddr>,
) -> Result<()> {
    let connection = Connection::lease().await?;
    let guest = invitation::guest(&connection, token)?;
    let known = guest.password_hash.as_deref();
    let hash = if known.is_some() {
        credentials::prove(&connection, guest.person_id, "password", password, known, address).await?;
        None
    } else {
        password::require(password, &person::credentials(&connection, guest.person_id)?.own)?;
        still().await;
        Some(secret::hash_password(password)?)
    };
    let edit = Edit::begin_on(connection, author(Actor::Person(guest.person_id))).await?;
    person::require_same(&edit, guest.person_id, "password", known)?;
    invitation::accept(&edit, token, hash.as_deref()).await?;
    edit.commit().await
}

/// Accepts an invitation as somebody who is signed in. The password is needed if the address of the invitation is not the
/// person's yet.
///
/// # Errors
///
/// As [`accept`]; see [`invitation::accept_as`].
pub async fn accept_as(
    author: Author,
    token: &str,
    person_id: PersonId,
    password: Option<&str>,
    address: Option<IpAddr>,
) -> Result<()> {
    let connection = Connection::lease().await?;
    let edit = if invitation::is_to(&connection, token, person_id)? {
        Edit::begin_on(connection, author).await?
    } else {
        prove(connection, author, person_id, password.unwrap_or_default(), address).await?
    };
    invitation::accept_as(&edit, token, person_id).await?;
    edit.commit().await
}

/// Refuses an invitation, for whoever has the link has the mailbox. It lasts until that person lets the account ask again.
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work, or that has no membership behind it any more.
pub async fn refuse(author: impl FnOnce(Actor) -> Author, token: &str) -> Result<()> {
    let connection = Connection::lease().await?;
    let guest = invitation::guest(&connection, token)?;
    let edit = Edit::begin_on(connection, author(Actor::Person(guest.person_id))).await?;
    invitation::refuse(&edit, token).await?;
    edit.commit().await
}

/// Enters an account that is offered to a person who is signed in.
///
/// # Errors
///
/// [`Error::NotFound`] for one that is not offered, or that is suspended.
pub async fn enter(author: Author, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let edit = Edit::begin(author).await?;
    let live = format!("SELECT a.id FROM accounts a WHERE a.id = ? AND {LIVE}");
    let is_live = edit.run_first(&live, &[account_id.into()])?.is_some();
    if !is_live || !members::enter(&edit, account_id, person_id, None).await? {
        return Err(Error::NotFound(Thing::Account));
    }
    edit.commit().await
}

/// Refuses an account that is offered to a person who is signed in. One that the person has entered is left by [`leave`].
///
/// # Errors
///
/// [`Error::NotFound`] for one that is not offered.
pub async fn refuse_offer(author: Author, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let edit = Edit::begin(author).await?;
    let offered = "SELECT 1 FROM memberships WHERE account_id = ?1 AND person_id = ?2 AND entered_at IS NULL";
    edit.run_first(offered, &[account_id.into(), person_id.into()])?.ok_or(Error::NotFound(Thing::Account))?;
    members::leave(&edit, account_id, person_id).await?;
    edit.commit().await
}

/// Leaves an account, by the password.
///
/// # Errors
///
/// As [`accept`]; see [`members::leave`].
pub async fn leave(
    author: Author,
    account_id: AccountId,
    person_id: PersonId,
    password: &str,
    address: Option<IpAddr>,
) -> Result<()> {
    let edit = prove(Connection::lease().await?, author, person_id, password, address).await?;
    members::leave(&edit, account_id, person_id).await?;
    edit.commit().await
}

/// Gives a person the address that a link was mailed to, by the link and the person's password.
///
/// # Errors
///
/// As [`accept`]; see [`recovery::confirm`].
pub async fn confirm(
    author: impl FnOnce(Actor) -> Author,
    token: &str,
    password: &str,
    address: Option<IpAddr>,
) -> Result<()> {
    let connection = Connection::lease().await?;
    let person_id = recovery::to_confirm(&connection, token)?.1.person_id;
    let edit = prove(connection, author(Actor::Person(person_id)), person_id, password, address).await?;
    recovery::confirm(&edit, token, person_id).await?;
    edit.commit().await
}

/// Mails a link to the next address of a person who shows the password, see [`recovery::ask_to_change`].
///
/// # Errors
///
/// As [`accept`].
pub async fn ask_to_change(
    author: Author,
    person_id: PersonId,
    email: &Email,
    password: &str,
    address: Option<IpAddr>,
) -> Result<()> {
    let connection = Connection::lease().await?;
    let edit = prove(connection, author, person_id, password, address).await?;
    recovery::ask_to_change(&edit, person_id, email).await?;
    edit.commit().await
}

/// Mails links to set a new password, see [`recovery::forgot_password`]. The answer is the same whosever the address is.
///
/// # Errors
///
/// [`Error::TooManyRequests`], see [`limit::count`].
pub async fn forgot(author: Author, email: &Email, address: Option<IpAddr>) -> Result<()> {
    let connection = Connection::lease().await?;
    limit::count(&connection, Asked::NewPassword, address).await?;
    let edit = Edit::begin_on(connection, author).await?;
    recovery::forgot_password(&edit, email).await?;
    edit.commit().await
}

/// Sets a new password by a link. A link that does not work costs no hash.
///
/// # Errors
///
/// As [`accept`].
pub async fn reset(author: impl FnOnce(Actor) -> Author, token: &str, password: &str) -> Result<()> {
    let connection = Connection::lease().await?;
    let person_id = recovery::to_reset(&connection, token)?.person_id;
    password::require(password, &person::credentials(&connection, person_id)?.own)?;
    still().await;
    let hash = secret::hash_password(password)?;
    let edit = Edit::begin_on(connection, author(Actor::Person(person_id))).await?;
    recovery::reset_password(&edit, token, &hash).await?;
    edit.commit().await
}

/// Changes the password of somebody who shows the one before, which the request calls `field`. Every session ends.
///
/// # Errors
///
/// As [`accept`].
pub async fn change_password(
    author: Author,
    person_id: PersonId,
    field: &str,
    current: &str,
    password: &str,
    address: Option<IpAddr>,
) -> Result<()> {
    let connection = Connection::lease().await?;
    let known = person::credentials(&connection, person_id)?;
    password::require(password, &known.own)?;
    let before = known.password_hash.as_deref();
    credentials::prove(&connection, person_id, field, current, before, address).await?;
    still().await;
    let hash = secret::hash_password(password)?;
    let edit = Edit::begin_on(connection, author).await?;
    person::require_same(&edit, person_id, field, before)?;
    person::set_password(&edit, person_id, &hash).await?;
    edit.commit().await
}

/// Begins an edit of a person who shows the password.
///
/// # Errors
///
/// As [`accept`].
async fn prove(
    connection: Connection,
    author: Author,
    person_id: PersonId,
    password: &str,
    address: Option<IpAddr>,
) -> Result<Edit> {
    let known = person::credentials(&connection, person_id)?.password_hash;
    credentials::prove(&connection, person_id, "password", password, known.as_deref(), address).await?;
    let edit = Edit::begin_on(connection, author).await?;
    person::require_same(&edit, person_id, "password", known.as_deref())?;
    Ok(edit)
}
