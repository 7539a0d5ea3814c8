//! Invitations: people who are asked into an account, and come in by the link that was mailed to them.

use serde_json::json;

use crate::accounts::{hierarchy, members};
use crate::auth::caller::Caller;
use crate::entry::sign_up::Newcomer;
use crate::error::{Conflict, Error, Faults, Result, Thing};
use crate::people::link::{self, Purpose};
use crate::people::person;
use crate::sign_in::credentials::NOT_RIGHT;
use crate::store::{Edit, outbox};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;
use crate::values::time::Time;

/// Invites somebody to an account by e-mail. Who is not known yet becomes a person of that account; who is known is asked.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account; see [`members::add`].
pub async fn invite(
    edit: &Edit,
    caller: &Caller,
    account_id: AccountId,
    newcomer: &Newcomer,
    roles: &[Role],
) -> Result<PersonId> {
    let held = hierarchy::roles(edit.connection(), caller, account_id)?;
    held.require(Role::Manage)?;
    let person_id = match person::find_by_address(edit, &newcomer.email.key)? {
        Some((id, _)) => id,
        None => person::insert(edit, account_id, &newcomer.person(None)).await?.id,
    };
    members::add(edit, caller, &held, account_id, person_id, roles, false).await?;
    send(edit, account_id, person_id).await?;
    Ok(person_id)
}

/// Adds a known person to an account: at once if the caller may see the person, else by an invitation. So nobody is drawn
/// into a stranger's account.
///
/// # Errors
///
/// As [`invite`]; [`Error::NotFound`] for an unknown person.
pub async fn add_known(
    edit: &Edit,
    caller: &Caller,
    account_id: AccountId,
    person_id: PersonId,
    roles: &[Role],
) -> Result<()> {
    let held = hierarchy::roles(edit.connection(), caller, account_id)?;
    held.require(Role::Manage)?;
    let seen = members::sees_person(edit.connection(), caller, person_id)?.ok_or(Error::NotFound(Thing::Person))?;
    members::add(edit, caller, &held, account_id, person_id, roles, seen).await?;
    if !seen {
        send(edit, account_id, person_id).await?;
    }
    Ok(())
}

/// Sends an invitation again. The link of the one before works no more.
///
/// # Errors
///
/// As [`invite`]; [`Error::NotFound`] for somebody who is no member, [`Error::Conflict`] with [`Conflict::NotInvited`].
pub async fn invite_again(edit: &Edit, caller: &Caller, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let held = hierarchy::roles(edit.connection(), caller, account_id)?;
    held.require(Role::Manage)?;
    let row = edit.run_first(
        "SELECT status = 'invited' AS invited FROM memberships WHERE account_id = ?1 AND user_id = ?2",
        &[account_id.into(), person_id.into()],
    )?;
    if !row.ok_or(Error::NotFound(Thing::Person))?.take::<bool>("invited")? {
        return Err(Error::Conflict(Conflict::NotInvited));
    }
    members::require_rank(edit, caller, &held, account_id, person_id)?;
    send(edit, account_id, person_id).await?;
    edit.record("invited", "memberships", &[(person_id, json!({ "account": account_id }))]).await
}

async fn send(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let row = edit.run_first(
        "SELECT u.email, u.email_key, a.name FROM users u, accounts a
          WHERE u.id = ?1 AND a.id = ?2 AND u.email IS NOT NULL",
        &[person_id.into(), account_id.into()],
    )?;
    let mut row = row.ok_or(Error::Conflict(Conflict::NoAddress))?;
    let (to, key, account): (String, String, String) = (row.take("email")?, row.take("email_key")?, row.take("name")?);
    let link = link::make(edit, Purpose::Invitation, person_id, Some(account_id), &key).await?;
    let text = format!("You are invited to join {account}. The invitation is good for seven days:");
    outbox::write(edit, &link::message(&to, &format!("Invitation to {account}"), &text, &link))
}

/// Accepts an invitation. `password_hash` is the hash of a password for somebody who has none; somebody who has one keeps
/// it, and has proved it, see [`crate::sign_in::credentials::prove`].
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work, and for a new password of somebody who has one.
pub async fn accept(edit: &Edit, token: &str, password_hash: Option<&str>) -> Result<()> {
    let bearer = link::spend(edit, Purpose::Invitation, token)?;
    // One who was made inactive meanwhile stays so.
    edit.run(
        "UPDATE memberships SET status = 'active', updated_at = ?3
          WHERE account_id = ?1 AND user_id = ?2 AND status = 'invited'",
        &[bearer.account_id.into(), bearer.person_id.into(), Time::now().into()],
    )?;
    match (&bearer.password_hash, password_hash) {
        (None, Some(hash)) => person::set_password(edit, bearer.person_id, hash).await?,
        // Set by another link between the look and the lock: it was not proved.
        (Some(_), Some(_)) => return Err(Error::Invalid(Faults::of("password", NOT_RIGHT))),
        (_, None) => {}
    }
    edit.record("accepted", "memberships", &[(bearer.person_id, json!({ "account": bearer.account_id }))]).await
}
