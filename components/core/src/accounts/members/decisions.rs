//! What people of an account decide about its members: who is added, changed, removed.

use super::blocks::{Candidate, UNBLOCKED, block, end, lift_by_address, unblock};
use super::grants::{self, end_ungranted, give};
use super::membership::{Door, Grant};
use super::owners::{guard, has_owner, lost};
use super::readings::Seen;
use super::standing::{KNOWN, Member, Status, sorted};
use crate::accounts::role::Roles;
use crate::auth::caller::Caller;
use crate::error::{Conflict, Error, Result, Thing};
use crate::store::audit::Changed;
use crate::store::{Edit, Transaction};
use crate::values::change::Change as FieldChange;
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;
use crate::values::time::Time;

/// Whom an addition reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// The person is a member, or invited.
    Member(PersonId),
    /// The person refuses the account: it gets no mail, and nobody is told.
    Refused(PersonId),
}

/// Adds a person whom the caller may know of to an account with these roles. `held` is what the caller holds there. A removal is
/// lifted.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::AlreadyMember`]; [`Error::Forbidden`] if the caller gives away more than it holds,
/// or lifts the removal of somebody who held more.
pub async fn add(
    edit: &Edit,
    caller: &Caller,
    held: &Roles,
    account_id: AccountId,
    seen: Seen,
    roles: &[Role],
) -> Result<Added> {
    let candidate = Candidate::find(edit, account_id, seen.id)?;
    add_candidate(edit, caller, held, account_id, (seen, candidate), roles).await
}

/// As [`add`], of a person of whom it is known how it stands to the account so far.
///
/// # Errors
///
/// As [`add`].
pub(crate) async fn add_candidate(
    edit: &Edit,
    caller: &Caller,
    held: &Roles,
    account_id: AccountId,
    (seen, candidate): (Seen, Candidate),
    roles: &[Role],
) -> Result<Added> {
    let Seen { id: person_id, status, known_as, known_by } = seen;
    guard(edit, caller, held, account_id, candidate.ranks().iter().chain(roles).copied())?;
    let known_by = known_by.as_deref();
    let grant = Grant { door: Door::Accounts, roles, rank: held.rank(), status, known_as: Some(known_as), known_by };
    let member = match candidate {
        Candidate::Known(member) => member,
        Candidate::New => {
            grants::grant_anew(edit, account_id, person_id, grant).await?;
            return Ok(Added::Member(person_id));
        }
        Candidate::ShutOut(_) => {
            lift_by_address(edit, account_id, person_id)?;
            grants::grant(edit, account_id, person_id, grant).await?;
            return Ok(Added::Member(person_id));
        }
    };
    match member {
        Member { status: Status::Removed, person_id, roles, .. } if roles.is_empty() => {
            grants::grant_anew(edit, account_id, person_id, grant).await?;
            Ok(Added::Member(person_id))
        }
        Member { status: Status::Removed, person_id, .. } => {
            edit.run(
                &format!(
                    "UPDATE memberships SET status = ?3, updated_at = ?4, {UNBLOCKED},
                            entered_at = iif(?3 = 'invited', NULL, entered_at)
                      WHERE account_id = ?1 AND person_id = ?2"
                ),
                &[account_id.into(), person_id.into(), status.name().into(), Time::now().into()],
            )?;
            grants::grant(edit, account_id, person_id, grant).await?;
            Ok(Added::Member(person_id))
        }
        Member { status: Status::Refused, person_id, .. } => {
            let here = [account_id.into(), person_id.into()];
            edit.run(&format!("UPDATE memberships SET {UNBLOCKED} WHERE account_id = ?1 AND person_id = ?2"), &here)?;
            Ok(Added::Refused(person_id))
        }
        // What another door offers does not keep people from inviting.
        Member { status: Status::Invited, person_id, .. }
            if grants::grant(edit, account_id, person_id, grant).await? =>
        {
            Ok(Added::Member(person_id))
        }
        _ => Err(Error::Conflict(Conflict::AlreadyMember)),
    }
}

/// What is decided about a member.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// All the roles from now on, if they change.
    pub roles: Option<Vec<Role>>,
    /// Whether the membership works, if that changes.
    pub active: Option<bool>,
}

/// Changes roles or status of a member. One who was invited and has not entered stays invited.
///
/// # Errors
///
/// [`Error::NotFound`] for somebody who is no member; [`Error::Conflict`] with [`Conflict::LastOwner`];
/// [`Error::Forbidden`] if the member holds or gets a role that is stronger than the caller's.
pub async fn update(
    edit: &Edit,
    caller: &Caller,
    held: &Roles,
    account_id: AccountId,
    person_id: PersonId,
    change: &Change,
) -> Result<()> {
    let member = Member::require_known(edit, account_id, person_id)?;
    let person_id = member.person_id;
    guard(edit, caller, held, account_id, member.ranks().chain(change.roles.iter().flatten().copied()))?;
    let owned = has_owner(edit, account_id)?;
    let after = change.roles.as_ref().unwrap_or(&member.roles);
    // What people decide stands for what came by any other door.
    edit.run("DELETE FROM grants WHERE account_id = ?1 AND person_id = ?2", &[account_id.into(), person_id.into()])?;
    let grant = Grant {
        door: Door::Accounts,
        roles: after,
        rank: held.rank(),
        status: member.status,
        known_as: None,
        known_by: None,
    };
    give(edit, &[(person_id, account_id)], grant).await?;
    match change.active {
        Some(true) if member.status == Status::Inactive => unblock(edit, account_id, &member)?,
        Some(false) => block(edit, account_id, &member, Status::Inactive)?,
        _ => {}
    }
    // Whom no door has given anything while it was blocked is no member any more.
    end_ungranted(edit, &[(person_id, account_id)]).await?;
    lost(edit, account_id, person_id, owned).await?;
    let mut changed = Changed::of("account", account_id);
    changed.note("roles", &sorted(&member.roles), &sorted(after));
    if let Some(active) = change.active {
        changed.note("active", &(member.status != Status::Inactive), &active);
    }
    edit.record("updated", "memberships", &[(person_id, changed.into_detail())]).await
}

/// What the people of an account call a member: clean texts.
#[derive(Clone, Debug, Default)]
pub struct Called {
    /// The given name.
    pub first_name: FieldChange<String>,
    /// The family name.
    pub last_name: FieldChange<String>,
}

impl Called {
    /// Whether nothing changes.
    pub fn is_keep(&self) -> bool {
        self.first_name.is_keep() && self.last_name.is_keep()
    }
}

/// Calls a member by other names in the account. What the person calls itself, and what the account's records say, stays, and so do the
/// grants: see [`crate::people::names`].
///
/// # Errors
///
/// As [`update`].
pub async fn name(
    edit: &Edit,
    caller: &Caller,
    held: &Roles,
    account_id: AccountId,
    person_id: PersonId,
    names: &Called,
) -> Result<()> {
    let member = Member::require_known(edit, account_id, person_id)?;
    guard(edit, caller, held, account_id, member.ranks())?;
    let person_id = member.person_id;
    let before = "SELECT first_name, last_name FROM memberships WHERE account_id = ?1 AND person_id = ?2";
    let mut before = edit.run_one(before, &[account_id.into(), person_id.into()])?;
    let mut changed = Changed::of("account", account_id);
    for (column, change) in [("first_name", &names.first_name), ("last_name", &names.last_name)] {
        let before: Option<String> = before.take(column)?;
        let mut after = before.clone();
        change.apply(&mut after);
        changed.note(column, &before, &after);
    }
    if changed.is_empty() {
        return Ok(());
    }
    call(edit, account_id, person_id, names)?;
    edit.record("updated", "memberships", &[(person_id, changed.into_detail())]).await
}

/// Keeps what an account calls a member.
pub(crate) fn call(
    transaction: &Transaction,
    account_id: AccountId,
    person_id: PersonId,
    names: &Called,
) -> Result<()> {
    if names.is_keep() {
        return Ok(());
    }
    let Called { first_name, last_name } = names;
    transaction.run(
        "UPDATE memberships SET first_name = iif(?3, first_name, ?4), last_name = iif(?5, last_name, ?6), updated_at = ?7
          WHERE account_id = ?1 AND person_id = ?2",
        &[
            account_id.into(),
            person_id.into(),
            i64::from(first_name.is_keep()).into(),
            first_name.value().map(String::as_str).into(),
            i64::from(last_name.is_keep()).into(),
            last_name.value().map(String::as_str).into(),
            Time::now().into(),
        ],
    )?;
    Ok(())
}

/// Removes a member from an account, and ends the sessions that the person has in it. That lasts: whatever a connector says
/// later, the person is out until somebody of the account adds it again.
///
/// # Errors
///
/// As [`update`].
pub async fn remove(
    edit: &Edit,
    caller: &Caller,
    held: &Roles,
    account_id: AccountId,
    person_id: PersonId,
) -> Result<()> {
    // Who has refused the account is removed like somebody who has not answered, and is not let in by taking that back.
    let member = Member::find_by(edit, account_id, person_id, KNOWN)?.filter(|member| member.status != Status::Removed);
    let member = member.ok_or(Error::NotFound(Thing::Person))?;
    guard(edit, caller, held, account_id, member.ranks())?;
    end(edit, account_id, &member, Status::Removed, "deleted").await
}

/// Finds somebody whom an open invitation waits for, to invite again.
///
/// # Errors
///
/// [`Error::NotFound`] for somebody who is no member, [`Error::Conflict`] with [`Conflict::NotInvited`];
/// [`Error::Forbidden`] if the member holds a stronger role than the caller does.
pub(crate) fn require_invited(
    transaction: &Transaction,
    caller: &Caller,
    held: &Roles,
    account_id: AccountId,
    person_id: PersonId,
) -> Result<PersonId> {
    let member = Member::require_known(transaction, account_id, person_id)?;
    if member.status != Status::Invited {
        return Err(Error::Conflict(Conflict::NotInvited));
    }
    guard(transaction, caller, held, account_id, member.ranks())?;
    Ok(member.person_id)
}
