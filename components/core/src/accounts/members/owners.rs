//! Who may give and take which roles, and the owners: the first one that an account gets, and the last one that it keeps.

use crate::accounts::hierarchy;
use crate::accounts::makers;
use crate::accounts::role::Roles;
use crate::auth::caller::Caller;
use crate::error::{Conflict, Error, Result};
use crate::store::{Edit, Transaction};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;

/// Whether the account has an owner who can come in: somebody who has entered it, is not blocked, and has a password and an
/// address that is proved, or is confined to what the person made.
pub(super) fn has_owner(transaction: &Transaction, account_id: AccountId) -> Result<bool> {
    let mut row = transaction.run_one(
        "SELECT EXISTS (
             SELECT 1 FROM memberships m
               JOIN grants g ON g.account_id = m.account_id AND g.person_id = m.person_id AND g.role = 'owner'
               JOIN people p ON p.id = m.person_id
              WHERE m.account_id = ?1 AND m.status = 'active' AND m.entered_at IS NOT NULL AND p.password_hash IS NOT NULL
                AND (p.confined = 1 OR EXISTS (
                     SELECT 1 FROM addresses d
                      WHERE d.person_id = p.id AND d.proved_at IS NOT NULL AND d.retired_at IS NULL))) AS owned",
        &[account_id.into()],
    )?;
    row.take("owned")
}

/// Whether an owner has entered the account and is not blocked, also one who cannot come in just now: to have lost a password
/// is not to have lost the account.
pub(crate) fn was_entered_by_an_owner(transaction: &Transaction, account_id: AccountId) -> Result<bool> {
    let owner = transaction.run_first(
        "SELECT 1 FROM memberships m
           JOIN grants g ON g.account_id = m.account_id AND g.person_id = m.person_id AND g.role = 'owner'
          WHERE m.account_id = ? AND m.status = 'active' AND m.entered_at IS NOT NULL LIMIT 1",
        &[account_id.into()],
    )?;
    Ok(owner.is_some())
}

/// What follows when a person may have lost roles in an account. The last way in stays: it refuses what leaves an account
/// without an owner who can come in, if it had one.
pub(super) async fn lost(edit: &Edit, account_id: AccountId, person_id: PersonId, owned: bool) -> Result<()> {
    if owned && !has_owner(edit, account_id)? {
        return Err(Error::Conflict(Conflict::LastOwner));
    }
    makers::lost_roles(edit, person_id).await
}

/// Refuses to give or to take roles that are stronger than those that the caller has: `held`. The first owner of an account
/// is given by whoever manages the account above.
pub(super) fn guard(
    transaction: &Transaction,
    caller: &Caller,
    held: &Roles,
    account_id: AccountId,
    roles: impl IntoIterator<Item = Role>,
) -> Result<()> {
    let Some(strongest) = roles.into_iter().max().filter(|strongest| !held.hold(*strongest)) else { return Ok(()) };
    let founds = strongest == Role::Owner
        && !was_entered_by_an_owner(transaction, account_id)?
        && hierarchy::manages_above(transaction.connection(), caller, account_id)?;
    if founds { Ok(()) } else { held.require(strongest) }
}
