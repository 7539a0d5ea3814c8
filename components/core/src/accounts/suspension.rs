//! Who suspended an account, and so who lifts it: what suspended itself lifts that, and what an account above suspended only
//! that one lifts, or one above that. The account in between, which owns it too, does not.

use crate::accounts::hierarchy;
use crate::auth::caller::Caller;
use crate::error::{Conflict, Error, Result};
use crate::store::Transaction;
use crate::store::climb::climb;
use crate::values::id::AccountId;

/// As which account a caller suspends another one: the topmost above that which the caller manages; none, if it suspends itself.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::IsOperator`]: there is nobody above who could lift that.
pub(super) fn suspends_as(
    transaction: &Transaction,
    caller: &Caller,
    account_id: AccountId,
) -> Result<Option<AccountId>> {
    let statement = concat!(
        "WITH RECURSIVE ",
        climb!("?1"),
        " SELECT chain.id FROM chain WHERE chain.depth > 0 ORDER BY chain.depth"
    );
    let owners = transaction.run(statement, &[account_id.into()])?;
    if owners.is_empty() {
        return Err(Error::Conflict(Conflict::IsOperator));
    }
    let mut topmost = None;
    for mut owner in owners {
        let owner = owner.take("id")?;
        // Who manages an account manages all that this owns.
        if !hierarchy::manages(transaction.connection(), caller, owner)? {
            break;
        }
        topmost = Some(owner);
    }
    Ok(topmost)
}

/// Notes that `by` has suspended an account, unless one above that has already.
pub(super) fn suspended(transaction: &Transaction, account_id: AccountId, by: AccountId) -> Result<()> {
    let before = suspended_by(transaction, account_id)?;
    let stays = before.map_or(Ok(false), |before| hierarchy::owns(transaction.connection(), before, by))?;
    if !stays {
        let statement = "UPDATE accounts SET suspended_by = ?2 WHERE id = ?1";
        transaction.run(statement, &[account_id.into(), by.into()])?;
    }
    Ok(())
}

/// Notes that somebody has decided whether an account works: that stands, whatever is separated from the account.
pub(super) fn decided(transaction: &Transaction, account_id: AccountId) -> Result<()> {
    transaction
        .run("UPDATE joined_accounts SET suspends = 0 WHERE account_id = ? AND suspends = 1", &[account_id.into()])?;
    Ok(())
}

/// Which account above has suspended this one, if one has.
pub(super) fn suspended_by(transaction: &Transaction, account_id: AccountId) -> Result<Option<AccountId>> {
    let row = transaction.run_first(
        "SELECT coalesce(suspended_by, owner_id) AS id FROM accounts
          WHERE id = ? AND status = 'inactive' AND suspended_from_above = 1",
        &[account_id.into()],
    )?;
    row.map(|mut row| row.take("id")).transpose()
}

/// Lets an account work again, if whoever lifts the suspension may: `manages` says so of the account that has set it.
///
/// # Errors
///
/// [`Error::Forbidden`].
pub(super) fn lift(
    transaction: &Transaction,
    account_id: AccountId,
    manages: impl FnOnce(AccountId) -> Result<bool>,
) -> Result<()> {
    let Some(by) = suspended_by(transaction, account_id)? else { return Ok(()) };
    if !manages(by)? {
        return Err(Error::Forbidden { needs: "the role manage in the account that suspended it" });
    }
    transaction.run("UPDATE accounts SET suspended_by = NULL WHERE id = ?", &[account_id.into()])?;
    Ok(())
}
