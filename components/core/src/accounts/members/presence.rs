//! What a person does with its memberships: enters an account, leaves it, lets it ask again, and takes all of them along.

use serde_json::json;

use super::blocks::end;
use super::owners::{has_owner, lost};
use super::standing::{Member, Status, knows, shown_key};
use super::{grants, membership};
use crate::error::{Error, Result, Thing};
use crate::store::{Edit, Transaction};
use crate::values::id::{AccountId, PersonId};
use crate::values::time::Time;

/// The person enters an account that has given it something: accepts an invitation, which was mailed to the address of the key
/// `by`, or signs in there for the first time. Whether it did: nobody enters past a block of the account.
pub(crate) async fn enter(edit: &Edit, account_id: AccountId, person_id: PersonId, by: Option<&str>) -> Result<bool> {
    let now = Time::now();
    let entered = edit.run(
        concat!(
            "UPDATE memberships SET status = 'active', entered_at = ?3, updated_at = ?3, known_by = coalesce(?4, known_by, ",
            shown_key!("memberships.person_id"),
            ") WHERE account_id = ?1 AND person_id = ?2
                AND (status = 'invited' OR status = 'active' AND entered_at IS NULL)
             RETURNING person_id"
        ),
        &[account_id.into(), person_id.into(), now.into(), by.into()],
    )?;
    if entered.is_empty() {
        return Ok(false);
    }
    edit.run(
        "DELETE FROM links WHERE account_id = ?1 AND person_id = ?2 AND purpose = 'invitation'",
        &[account_id.into(), person_id.into()],
    )?;
    // What the organisation says of the address by which it knows the person is said of this person from now on, whatever becomes
    // of the address.
    edit.run(
        concat!(
            "UPDATE records SET person_id = ?2
              WHERE account_id = ?1 AND person_id IS NULL
                AND email_key IN (
                    SELECT d.key FROM addresses d JOIN memberships m ON m.account_id = ?1 AND m.person_id = d.person_id
                     WHERE d.person_id = ?2 AND d.proved_at IS NOT NULL AND d.retired_at IS NULL AND ",
            knows!(),
            ")"
        ),
        &[account_id.into(), person_id.into()],
    )?;
    edit.record("entered", "memberships", &[(person_id, json!({ "account": account_id }))]).await?;
    Ok(true)
}

/// A person leaves an account, or refuses one that it was asked into. That lasts as long as the person wants.
///
/// # Errors
///
/// [`Error::NotFound`] for an account that has given the person nothing; [`Error::Conflict`] with [`Conflict::LastOwner`].
pub async fn leave(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let member = Member::require(edit, account_id, person_id);
    // Who is shut out is told of nothing, and leaves nothing.
    let member = member.ok().filter(|member| matches!(member.status, Status::Active | Status::Invited));
    end(edit, account_id, &member.ok_or(Error::NotFound(Thing::Account))?, Status::Refused, "left").await
}

/// A person who has refused an account, or left it, lets that ask again.
///
/// # Errors
///
/// [`Error::NotFound`] for an account that the person has not refused.
pub async fn welcome(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let here = [account_id.into(), person_id.into()];
    let gone = edit.run(
        "DELETE FROM memberships WHERE account_id = ?1 AND person_id = ?2 AND status = 'refused' AND blocked_by IS NULL
         RETURNING person_id",
        &here,
    )?;
    // The account has removed the person meanwhile, and is not told.
    let shut_out =
        "UPDATE memberships SET status = 'removed' WHERE account_id = ?1 AND person_id = ?2 AND status = 'refused'
         RETURNING person_id";
    if gone.is_empty() && edit.run(shut_out, &here)?.is_empty() {
        return Err(Error::NotFound(Thing::Account));
    }
    edit.record("welcomed", "memberships", &[(person_id, json!({ "account": account_id }))]).await
}

/// A confined person has proved an address: what waited for that works.
pub(crate) fn set_free(transaction: &Transaction, person_id: PersonId) -> Result<()> {
    transaction.run(
        "UPDATE memberships SET status = 'active', updated_at = ?2 WHERE person_id = ?1 AND status = 'awaiting'",
        &[person_id.into(), Time::now().into()],
    )?;
    Ok(())
}

/// Moves what was given to `from`, whom an address has named, to the person who has proved the address. Where both were
/// given something, a block wins: what `from` was given is void if either is blocked there. The block of `from` goes along unless
/// the person has entered, or is blocked already.
pub(crate) fn move_all(transaction: &Transaction, from: PersonId, to: PersonId) -> Result<()> {
    // The row that leaves makes room for the one that comes: an account knows two by different ids.
    transaction.run("UPDATE memberships SET known_as = -known_as WHERE person_id = ?", &[from.into()])?;
    let both = [from.into(), to.into()];
    transaction.run(
        "DELETE FROM grants WHERE person_id = ?1 AND EXISTS (
                SELECT 1 FROM memberships m JOIN memberships t ON t.account_id = m.account_id AND t.person_id = ?2
                 WHERE m.account_id = grants.account_id AND m.person_id = ?1
                   AND (m.status IN ('inactive', 'removed', 'refused') OR t.status IN ('inactive', 'removed', 'refused')))",
        &both,
    )?;
    membership::insert_moved(transaction, from, to)?;
    grants::copy_all(transaction, from, to)?;
    transaction.run("UPDATE links SET person_id = ?2 WHERE person_id = ?1", &both)?;
    transaction.run("DELETE FROM memberships WHERE person_id = ?", &[from.into()])?;
    Ok(())
}

/// Ends every membership of a person who is erased.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::LastOwner`] while an account would be left without an owner.
pub(crate) async fn end_all(edit: &Edit, person_id: PersonId) -> Result<()> {
    let held = edit.run(
        "SELECT m.account_id, EXISTS (
                SELECT 1 FROM grants g WHERE g.account_id = m.account_id AND g.person_id = m.person_id AND g.role = 'owner'
                ) AS owns
           FROM memberships m WHERE m.person_id = ?",
        &[person_id.into()],
    )?;
    let held = held.into_iter().map(|mut row| {
        let account_id: AccountId = row.take("account_id")?;
        Ok((account_id, row.take("owns")? && has_owner(edit, account_id)?))
    });
    let held = held.collect::<Result<Vec<_>>>()?;
    edit.batch("DELETE FROM memberships WHERE person_id = ?", vec![person_id.into()]).await?;
    for (account_id, owned) in &held {
        lost(edit, *account_id, person_id, *owned).await?;
    }
    let notes: Vec<_> = held.iter().map(|(account_id, _)| (person_id, json!({ "account": account_id }))).collect();
    edit.record("deleted", "memberships", &notes).await
}
