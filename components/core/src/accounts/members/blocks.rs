//! Blocks, which no grant overrides: how they are set, and lifted by whoever set them.

use serde_json::json;

use super::membership;
use super::owners::{has_owner, lost};
use super::standing::{MEMBER, Member, Status, shown_key, sorted};
use crate::accounts::role::Roles;
use crate::error::Result;
use crate::store::audit::Changed;
use crate::store::{Edit, Row, Transaction};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::{self, Role};
use crate::values::time::Time;

/// The keys of the addresses that a person has now.
macro_rules! addresses_of {
    ($person:literal) => {
        concat!(
            "SELECT d.key FROM addresses d WHERE d.person_id = ",
            $person,
            " AND d.retired_at IS NULL OR d.next_id = ",
            $person
        )
    };
}

/// What [`Candidate::read`] reads beside [`MEMBER`], of an account and a person.
macro_rules! stands {
    ($account:literal, $person:literal) => {
        concat!(
            "m.person_id IS NOT NULL AS is_known, CASE WHEN m.person_id IS NULL THEN (
                    SELECT group_concat(coalesce(b.blocked_rank, ''), ' ')
                      FROM memberships b INDEXED BY memberships_known_by
                     WHERE b.account_id = ",
            $account,
            " AND b.person_id <> ",
            $person,
            " AND (b.status IN ('inactive', 'removed') OR b.blocked_by IS NOT NULL) AND b.known_by IN (",
            $crate::accounts::members::addresses_of!($person),
            ")) END AS blocks"
        )
    };
}

pub(crate) use {addresses_of, stands};

/// What is written where nobody of the account blocks a membership.
pub(super) const UNBLOCKED: &str = "blocked_rank = NULL, blocked_by = NULL";

/// Shuts a member out: no grant overrides it. Somebody who refuses the account goes on refusing it, and is shut out beside that.
pub(super) fn block(edit: &Edit, account_id: AccountId, member: &Member, status: Status) -> Result<()> {
    // A refusal is the person's, and takes nobody's rank to lift.
    let by_account = status != Status::Refused;
    edit.run(
        // Whoever gets the address by which the account knows the member is shut out as well.
        concat!(
            "UPDATE memberships SET status = iif(status = 'refused', status, ?3), blocked_rank = ?4, blocked_by = ?5, updated_at = ?6,
                    known_by = iif(entered_at IS NULL, known_by, coalesce(",
            shown_key!("memberships.person_id"),
            ", known_by))
              WHERE account_id = ?1 AND person_id = ?2"
        ),
        &[
            account_id.into(),
            member.person_id.into(),
            status.name().into(),
            member.ranks().max().filter(|_| by_account).map(Role::name).into(),
            Some(edit.author.api).filter(|_| by_account).into(),
            Time::now().into(),
        ],
    )?;
    edit.run(
        "DELETE FROM refresh_tokens WHERE person_id = ?2 AND account_id = ?1",
        &[account_id.into(), member.person_id.into()],
    )?;
    Ok(())
}

/// How a person stands so far to an account that is to be added to it.
pub(crate) enum Candidate {
    /// It is a member, or was one.
    Known(Member),
    /// It is neither, and nothing stands against it.
    New,
    /// It is neither, and others are shut out by an address that is the person's: the ranks that it takes to lift that.
    ShutOut(Vec<Role>),
}

impl Candidate {
    /// The person `person_id`, or who that turned out to be, for the account.
    pub(super) fn find(transaction: &Transaction, account_id: AccountId, person_id: PersonId) -> Result<Self> {
        let statement = format!(
            "SELECT {MEMBER}, {} FROM people was JOIN people p ON p.id = coalesce(was.leads_to, was.id)
               LEFT JOIN memberships m ON m.account_id = ?1 AND m.person_id = p.id
              WHERE was.id = ?2",
            stands!("?1", "?2")
        );
        let row = transaction.run_first(&statement, &[account_id.into(), person_id.into()])?;
        row.map_or(Ok(Self::New), Self::read)
    }

    /// Reads what [`MEMBER`] and [`stands`] give, of a membership `m` that there need not be.
    pub(super) fn read(mut row: Row) -> Result<Self> {
        if row.take("is_known")? {
            return Member::read(row).map(Self::Known);
        }
        let blocks: Option<String> = row.take("blocks")?;
        Ok(blocks.map_or(Self::New, |ranks| Self::ShutOut(role::parse_all(&ranks))))
    }

    /// The roles that it takes to lift what stands against the person.
    pub(super) fn ranks(&self) -> &[Role] {
        match self {
            Self::Known(member) => member.blocked_rank.as_slice(),
            Self::New => &[],
            Self::ShutOut(ranks) => ranks,
        }
    }
}

/// Lets an address in by which the account has shut somebody else out. That one stays out.
pub(super) fn lift_by_address(transaction: &Transaction, account_id: AccountId, person_id: PersonId) -> Result<()> {
    transaction.run(
        concat!(
            "UPDATE memberships INDEXED BY memberships_known_by SET known_by = ",
            shown_key!("memberships.person_id"),
            " WHERE account_id = ?1 AND person_id <> ?2 AND (status IN ('inactive', 'removed') OR blocked_by IS NOT NULL)
                AND known_by IN (",
            addresses_of!("?2"),
            ")"
        ),
        &[account_id.into(), person_id.into()],
    )?;
    Ok(())
}

/// Lets a member in again: as far as it was. What was only offered is entered by the person.
pub(super) fn unblock(edit: &Edit, account_id: AccountId, member: &Member) -> Result<()> {
    edit.run(
        &format!(
            "UPDATE memberships SET {UNBLOCKED}, updated_at = ?3, status = CASE
                    WHEN status = 'refused' THEN status
                    WHEN entered_at IS NOT NULL THEN 'active'
                    WHEN ?4 THEN 'awaiting'
                    WHEN EXISTS (
                         SELECT 1 FROM links l WHERE l.account_id = ?1 AND l.person_id = ?2 AND l.purpose = 'invitation')
                      OR NOT EXISTS (
                         SELECT 1 FROM grants g WHERE g.account_id = ?1 AND g.person_id = ?2
                            AND g.door IN ('founder', 'accounts', 'portal'))
                    THEN 'invited' ELSE 'active' END
              WHERE account_id = ?1 AND person_id = ?2"
        ),
        &[account_id.into(), member.person_id.into(), Time::now().into(), i64::from(member.is_confined).into()],
    )?;
    Ok(())
}

pub(super) async fn end(
    edit: &Edit,
    account_id: AccountId,
    member: &Member,
    status: Status,
    action: &'static str,
) -> Result<()> {
    let owned = has_owner(edit, account_id)?;
    block(edit, account_id, member, status)?;
    for statement in [
        "DELETE FROM grants WHERE account_id = ?1 AND person_id = ?2",
        "DELETE FROM links WHERE account_id = ?1 AND person_id = ?2",
    ] {
        edit.run(statement, &[account_id.into(), member.person_id.into()])?;
    }
    lost(edit, account_id, member.person_id, owned).await?;
    let detail = json!({ "account": account_id, "before": { "roles": sorted(&member.roles) } });
    edit.record(action, "memberships", &[(member.person_id, detail)]).await
}

/// What a record says of a member, or of somebody who may become one: explicitly active or inactive (the endpoint API's document,
/// `Is_Active`).
///
/// # Errors
///
/// [`Error::Forbidden`] for a member who holds a stronger role than `rank`, what the connector never does more than;
/// [`Error::Conflict`] with [`Conflict::LastOwner`].
pub(crate) async fn set_active(
    edit: &Edit,
    rank: Role,
    account_id: AccountId,
    person_id: PersonId,
    known_by: Option<&str>,
    active: bool,
) -> Result<()> {
    let Some(member) = Member::find(edit, account_id, person_id)? else {
        return if active { Ok(()) } else { shut_out(edit, account_id, person_id, known_by).await };
    };
    // A block that somebody else has set is that one's to lift.
    let is_own = member.blocked_by.as_deref() == Some(edit.author.api);
    let differs = match member.status {
        Status::Inactive => active && is_own,
        Status::Removed => false,
        Status::Refused if active => is_own,
        Status::Refused => member.blocked_by.is_none(),
        Status::Invited | Status::Awaiting | Status::Active => !active,
    };
    if !differs {
        return Ok(());
    }
    if let Some(strongest) = member.ranks().max().filter(|strongest| *strongest > rank) {
        return Roles::default().require(strongest);
    }
    let owned = has_owner(edit, account_id)?;
    if active {
        unblock(edit, account_id, &member)?;
    } else {
        block(edit, account_id, &member, Status::Inactive)?;
    }
    lost(edit, account_id, member.person_id, owned).await?;
    let mut changed = Changed::of("account", account_id);
    changed.note("active", &!active, &active);
    edit.record("updated", "memberships", &[(member.person_id, changed.into_detail())]).await
}

/// Shuts out somebody who has nothing to do with the account yet.
async fn shut_out(edit: &Edit, account_id: AccountId, person_id: PersonId, known_by: Option<&str>) -> Result<()> {
    membership::insert_shut_out(edit, account_id, person_id, known_by)?;
    edit.record("shut out", "memberships", &[(person_id, json!({ "account": account_id }))]).await
}
