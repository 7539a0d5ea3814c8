//! Members of an account: added, changed, removed, and the one place where memberships and grants are made.
//!
//! A membership is how a person stands to an account; its roles follow from grants, each of which knows the door by which it
//! came. What people decide by hand stands for the grants of all other doors. Three states are blocks, and no grant
//! overrides them: an account makes a member inactive or removes it, and a person refuses an account. Whoever set a block
//! lifts it.
//!
//! Nobody gives or takes a role that is stronger than what they hold: otherwise whoever manages an account could take it
//! over. An account without an owner (one that a connector made has none at first) gets its first one from whoever manages
//! the account above.

use serde_json::json;

use crate::accounts::hierarchy::{self, LIVE, ROLES, parameters};
use crate::accounts::makers;
use crate::accounts::role::Roles;
use crate::auth::caller::Caller;
use crate::error::{Conflict, Error, Result, Thing};
use crate::store::audit::Changed;
use crate::store::sql::{Sql, rows};
use crate::store::{Connection, Edit, Transaction};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::{self, Role};
use crate::values::time::Time;

/// How a person stands to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The person is asked, and has not entered yet.
    Invited,
    /// The person is confined to another account, and in once an address is proved.
    Awaiting,
    /// It works.
    Active,
    /// The account shuts the member out.
    Inactive,
    /// The account has removed the member.
    Removed,
    /// The person has refused the account, or left it.
    Refused,
}

impl Status {
    /// As the store writes it.
    fn name(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Awaiting => "awaiting",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Removed => "removed",
            Self::Refused => "refused",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Invited, Self::Awaiting, Self::Active, Self::Inactive, Self::Removed, Self::Refused]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

/// How a grant came: each door takes away its own, and no other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Whoever made the account.
    Founder,
    /// People, by hand: an invitation, an addition, a change (the accounts API).
    Accounts,
    /// A binding of a connector (the portal).
    Portal,
    /// An active record (the endpoint API).
    Endpoint,
    /// The address that the account above keeps for the account (the administration API).
    Administration,
}

impl Door {
    /// As the store writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Founder => "founder",
            Self::Accounts => "accounts",
            Self::Portal => "portal",
            Self::Endpoint => "endpoint",
            Self::Administration => "administration",
        }
    }
}

/// What is given.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// How it comes.
    pub door: Door,
    /// The roles.
    pub roles: &'a [Role],
    /// What whoever gives it holds in the account.
    pub rank: Option<Role>,
    /// How a membership that is made for it begins.
    pub status: Status,
    /// By which id the account knows the person until it enters: one that was told already. If there is none a membership
    /// gets an id of its own, that is nobody's, so that nobody learns of a person what the person has not told.
    pub known_as: Option<PersonId>,
}

/// Ids of memberships begin here, above those of people: 2 to the power of 52, so that all are exact as numbers of JSON.
const FIRST_OF_MEMBERSHIPS: i64 = 1 << 52;
/// How many there are. They are drawn: who is asked into an account does not tell how many are asked elsewhere.
const IDS_OF_MEMBERSHIPS: i64 = 1 << 51;

/// Grants roles in what `source` selects: `account_id` and `person_id`. Who is blocked there stays so, and whom people have
/// given roles by hand keeps those. Returns those who got something.
pub(crate) async fn grant_from(edit: &Edit, source: Sql, grant: Grant<'_>) -> Result<Vec<(PersonId, AccountId)>> {
    let now = Time::now();
    let mut sql = Sql {
        text: "INSERT INTO memberships (account_id, person_id, known_as, status, entered_at, created_at, updated_at)
                SELECT account_id, person_id, coalesce(?, iif(?, person_id, ? + (random() & ?))), ?, ?, ?, ?
                  FROM (SELECT DISTINCT account_id, person_id FROM ("
            .to_owned(),
        parameters: vec![
            grant.known_as.into(),
            i64::from(grant.door == Door::Founder).into(),
            FIRST_OF_MEMBERSHIPS.into(),
            (IDS_OF_MEMBERSHIPS - 1).into(),
            grant.status.name().into(),
            Some(now).filter(|_| grant.door == Door::Founder).into(),
            now.into(),
            now.into(),
        ],
    };
    sql.append(source);
    // Without a condition SQLite takes ON for that of a join. Who has this door's grant already is not told.
    sql.push(
        ")) WHERE true ON CONFLICT DO UPDATE SET updated_at = updated_at
            WHERE status IN ('invited', 'awaiting', 'active') AND NOT EXISTS (
                  SELECT 1 FROM grants g WHERE g.account_id = memberships.account_id
                     AND g.person_id = memberships.person_id AND g.door IN ('founder', 'accounts', ",
    );
    sql.bind(grant.door.name());
    sql.push(")) RETURNING person_id, account_id");
    let granted = edit.batch(&sql.text, sql.parameters).await?;
    let granted = granted.into_iter().map(|mut row| Ok((row.take("person_id")?, row.take("account_id")?)));
    let granted = granted.collect::<Result<Vec<(PersonId, AccountId)>>>()?;
    give(edit, &granted, grant).await?;
    let notes: Vec<_> = granted
        .iter()
        .map(|(person_id, account_id)| {
            let roles = role::names(grant.roles);
            (*person_id, json!({ "account": account_id, "door": grant.door.name(), "after": { "roles": roles } }))
        })
        .collect();
    edit.record("granted", "memberships", &notes).await?;
    Ok(granted)
}

/// Gives roles to members.
async fn give(edit: &Edit, members: &[(PersonId, AccountId)], grant: Grant<'_>) -> Result<()> {
    if members.is_empty() {
        return Ok(());
    }
    let statement = "INSERT INTO grants (person_id, account_id, door, role, given_by, given_rank, created_at)
         SELECT e.value ->> 0, e.value ->> 1, ?1, json_each.value, ?2, ?3, ?4 FROM json_each(?5) e, json_each(?6)
          WHERE true ON CONFLICT DO NOTHING";
    let parameters = vec![
        grant.door.name().into(),
        edit.author.actor.to_string().into(),
        grant.rank.map(Role::name).into(),
        Time::now().into(),
        rows(members)?,
        rows(&role::names(grant.roles))?,
    ];
    edit.batch(statement, parameters).await?;
    Ok(())
}

/// As [`grant_from`], for one person in one account. Whether the person got something.
pub(crate) async fn grant(edit: &Edit, account_id: AccountId, person_id: PersonId, grant: Grant<'_>) -> Result<bool> {
    let source = Sql {
        text: "SELECT ? AS account_id, ? AS person_id".to_owned(),
        parameters: vec![account_id.into(), person_id.into()],
    };
    Ok(!grant_from(edit, source, grant).await?.is_empty())
}

/// Makes the person who makes an account its owner and admin.
pub async fn found(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let roles = &[Role::Owner, Role::Admin];
    let founder = Grant { door: Door::Founder, roles, rank: Some(Role::Owner), status: Status::Active, known_as: None };
    grant(edit, account_id, person_id, founder).await.map(drop)
}

/// A member, or somebody who was one.
struct Member {
    /// Who it is now: an id that was given out before may lead there.
    person_id: PersonId,
    status: Status,
    roles: Vec<Role>,
    /// What it takes to lift a block.
    blocked_rank: Option<Role>,
    /// The API through which the account has set a block.
    blocked_by: Option<String>,
    /// Whether the person's sign-in is confined.
    is_confined: bool,
}

impl Member {
    /// The person `person_id`, or who that turned out to be, in the account. `None` if they have nothing to do with each other.
    fn find(transaction: &Transaction, account_id: AccountId, person_id: PersonId) -> Result<Option<Self>> {
        Self::find_by(transaction, account_id, person_id, "?2")
    }

    /// As [`Self::find`], of the person whose id an expression over the account `?1` and the id `?2` gives.
    fn find_by(
        transaction: &Transaction,
        account_id: AccountId,
        id: PersonId,
        expression: &str,
    ) -> Result<Option<Self>> {
        let statement = format!(
            "SELECT m.person_id, m.status, m.blocked_rank, m.blocked_by, p.confined,
                    (SELECT group_concat(g.role, ' ') FROM grants g
                      WHERE g.account_id = m.account_id AND g.person_id = m.person_id) AS roles
               FROM people was JOIN people p ON p.id = coalesce(was.leads_to, was.id)
               JOIN memberships m ON m.account_id = ?1 AND m.person_id = p.id
              WHERE was.id = {expression}"
        );
        let row = transaction.run_first(&statement, &[account_id.into(), id.into()])?;
        let Some(mut row) = row else { return Ok(None) };
        let roles: Option<String> = row.take("roles")?;
        let status: String = row.take("status")?;
        Ok(Some(Self {
            person_id: row.take("person_id")?,
            status: Status::parse(&status).unwrap_or(Status::Inactive),
            roles: role::parse_all(roles.as_deref().unwrap_or_default()),
            blocked_rank: row.take("blocked_rank")?,
            blocked_by: row.take("blocked_by")?,
            is_confined: row.take("confined")?,
        }))
    }

    /// As [`Self::find`], of somebody who belongs to the account.
    fn require(transaction: &Transaction, account_id: AccountId, person_id: PersonId) -> Result<Self> {
        Self::find(transaction, account_id, person_id)?.filter(Self::belongs).ok_or(Error::NotFound(Thing::Person))
    }

    /// As [`Self::require`], of whom the account knows by this id, see [`known`].
    fn require_known(transaction: &Transaction, account_id: AccountId, id: PersonId) -> Result<Self> {
        let member = Self::find_by(transaction, account_id, id, KNOWN)?;
        member.filter(Self::belongs).ok_or(Error::NotFound(Thing::Person))
    }

    /// Whether the member is neither removed nor gone.
    fn belongs(&self) -> bool {
        !matches!(self.status, Status::Removed | Status::Refused)
    }

    /// The roles that it takes to touch the member.
    fn ranks(&self) -> impl Iterator<Item = Role> {
        self.roles.iter().copied().chain(self.blocked_rank)
    }
}

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
    let Seen { id: person_id, status, known_as } = seen;
    let was = Member::find(edit, account_id, person_id)?;
    let ranks: Vec<_> = was.iter().filter_map(|member| member.blocked_rank).chain(roles.iter().copied()).collect();
    guard(edit, caller, held, account_id, ranks)?;
    let grant = Grant { door: Door::Accounts, roles, rank: held.rank(), status, known_as: Some(known_as) };
    match was {
        None => {
            self::grant(edit, account_id, person_id, grant).await?;
            Ok(Added::Member(person_id))
        }
        Some(Member { status: Status::Removed, person_id, .. }) => {
            edit.run(
                &format!(
                    "UPDATE memberships SET status = ?3, updated_at = ?4, {UNBLOCKED},
                            entered_at = iif(?3 = 'invited', NULL, entered_at)
                      WHERE account_id = ?1 AND person_id = ?2"
                ),
                &[account_id.into(), person_id.into(), status.name().into(), Time::now().into()],
            )?;
            self::grant(edit, account_id, person_id, grant).await?;
            Ok(Added::Member(person_id))
        }
        Some(Member { status: Status::Refused, person_id, .. }) => {
            let here = [account_id.into(), person_id.into()];
            edit.run(&format!("UPDATE memberships SET {UNBLOCKED} WHERE account_id = ?1 AND person_id = ?2"), &here)?;
            Ok(Added::Refused(person_id))
        }
        // What another door offers does not keep people from inviting.
        Some(Member { status: Status::Invited, person_id, .. })
            if self::grant(edit, account_id, person_id, grant).await? =>
        {
            Ok(Added::Member(person_id))
        }
        Some(_) => Err(Error::Conflict(Conflict::AlreadyMember)),
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
    let grant = Grant { door: Door::Accounts, roles: after, rank: held.rank(), status: member.status, known_as: None };
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

/// The names of roles, each once, the weakest first: as the audit has them.
fn sorted(roles: &[Role]) -> Vec<&'static str> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    role::names(&roles)
}

/// What is written where nobody of the account blocks a membership.
const UNBLOCKED: &str = "blocked_rank = NULL, blocked_by = NULL";

/// Shuts a member out: no grant overrides it. Somebody who refuses the account goes on refusing it, and is shut out beside that.
fn block(edit: &Edit, account_id: AccountId, member: &Member, status: Status) -> Result<()> {
    // A refusal is the person's, and takes nobody's rank to lift.
    let by_account = status != Status::Refused;
    edit.run(
        "UPDATE memberships SET status = iif(status = 'refused', status, ?3), blocked_rank = ?4, blocked_by = ?5, updated_at = ?6
          WHERE account_id = ?1 AND person_id = ?2",
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

/// Lets a member in again: as far as it was. What was only offered is entered by the person.
fn unblock(edit: &Edit, account_id: AccountId, member: &Member) -> Result<()> {
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

async fn end(edit: &Edit, account_id: AccountId, member: &Member, status: Status, action: &'static str) -> Result<()> {
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

/// The person enters an account that has given it something: accepts an invitation, or signs in there for the first time.
/// Whether it did: nobody enters past a block of the account.
pub(crate) async fn enter(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<bool> {
    let now = Time::now();
    let entered = edit.run(
        "UPDATE memberships SET status = 'active', entered_at = ?3, updated_at = ?3
          WHERE account_id = ?1 AND person_id = ?2
            AND (status = 'invited' OR status = 'active' AND entered_at IS NULL)
         RETURNING person_id",
        &[account_id.into(), person_id.into(), now.into()],
    )?;
    if entered.is_empty() {
        return Ok(false);
    }
    edit.run(
        "DELETE FROM links WHERE account_id = ?1 AND person_id = ?2 AND purpose = 'invitation'",
        &[account_id.into(), person_id.into()],
    )?;
    // What the organisation says of an address is said of this person from now on, whatever becomes of the address.
    edit.run(
        "UPDATE records SET person_id = ?2
          WHERE account_id = ?1 AND person_id IS NULL
            AND email_key IN (
                SELECT key FROM addresses WHERE person_id = ?2 AND proved_at IS NOT NULL AND retired_at IS NULL)",
        &[account_id.into(), person_id.into()],
    )?;
    edit.record("entered", "memberships", &[(person_id, json!({ "account": account_id }))]).await?;
    Ok(true)
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
    for statement in [
        "DELETE FROM grants WHERE person_id = ?1 AND EXISTS (
                SELECT 1 FROM memberships m JOIN memberships t ON t.account_id = m.account_id AND t.person_id = ?2
                 WHERE m.account_id = grants.account_id AND m.person_id = ?1
                   AND (m.status IN ('inactive', 'removed', 'refused') OR t.status IN ('inactive', 'removed', 'refused')))",
        "INSERT INTO memberships (account_id, person_id, known_as, status, entered_at, blocked_rank, blocked_by, created_at,
                                  updated_at)
         SELECT account_id, ?2, -known_as, status, entered_at, blocked_rank, blocked_by, created_at, updated_at FROM memberships
          WHERE person_id = ?1
             ON CONFLICT DO UPDATE SET status = excluded.status, blocked_rank = excluded.blocked_rank,
                    blocked_by = excluded.blocked_by
              WHERE excluded.status IN ('inactive', 'removed', 'refused') AND entered_at IS NULL
                AND status IN ('invited', 'awaiting', 'active')",
        "INSERT INTO grants (account_id, person_id, door, role, given_by, given_rank, created_at)
         SELECT account_id, ?2, door, role, given_by, given_rank, created_at FROM grants WHERE person_id = ?1
             ON CONFLICT DO NOTHING",
        "UPDATE links SET person_id = ?2 WHERE person_id = ?1",
    ] {
        transaction.run(statement, &[from.into(), to.into()])?;
    }
    transaction.run("DELETE FROM memberships WHERE person_id = ?", &[from.into()])?;
    Ok(())
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
    active: bool,
) -> Result<()> {
    let Some(member) = Member::find(edit, account_id, person_id)? else {
        return if active { Ok(()) } else { shut_out(edit, account_id, person_id).await };
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
async fn shut_out(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<()> {
    edit.run(
        "INSERT INTO memberships (account_id, person_id, known_as, status, blocked_by, created_at, updated_at)
         VALUES (?1, ?2, ?5 + (random() & ?6), 'inactive', ?3, ?4, ?4)",
        &[
            account_id.into(),
            person_id.into(),
            edit.author.api.into(),
            Time::now().into(),
            FIRST_OF_MEMBERSHIPS.into(),
            (IDS_OF_MEMBERSHIPS - 1).into(),
        ],
    )?;
    edit.record("shut out", "memberships", &[(person_id, json!({ "account": account_id }))]).await
}

/// Takes away what a door has given to a person, who then is no member any more unless another door holds the membership.
pub(crate) async fn release(edit: &Edit, account_id: AccountId, person_id: PersonId, door: Door) -> Result<()> {
    edit.run(
        "DELETE FROM grants WHERE account_id = ?1 AND person_id = ?2 AND door = ?3",
        &[account_id.into(), person_id.into(), door.name().into()],
    )?;
    end_ungranted(edit, &[(person_id, account_id)]).await
}

/// Ends the memberships of people whom no door has given anything any more; who is blocked stays so.
pub(crate) async fn end_ungranted(edit: &Edit, members: &[(PersonId, AccountId)]) -> Result<()> {
    let statement = "DELETE FROM memberships
         WHERE (account_id, person_id) IN (SELECT value ->> 1, value ->> 0 FROM json_each(?))
           AND status IN ('invited', 'awaiting', 'active')
           AND NOT EXISTS (SELECT 1 FROM grants g
                            WHERE g.account_id = memberships.account_id AND g.person_id = memberships.person_id)
         RETURNING person_id, account_id";
    let gone = edit.batch(statement, vec![rows(members)?]).await?;
    let notes = gone
        .into_iter()
        .map(|mut row| Ok((row.take("person_id")?, json!({ "account": row.take::<AccountId>("account_id")? }))));
    edit.record("deleted", "memberships", &notes.collect::<Result<Vec<(PersonId, _)>>>()?).await
}

/// An account as one of its members sees it.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The account.
    pub account_id: AccountId,
    /// What it is called.
    pub account_name: String,
    /// What the account is called that owns it.
    pub owner_name: Option<String>,
    /// The roles that the person has there, or is offered.
    pub roles: Vec<Role>,
    /// When the person entered it; an offer was never entered.
    pub entered_at: Option<Time>,
    /// When the person was given something there for the first time.
    pub created_at: Time,
}

/// How many memberships of one person are shown.
const SHOWN: i64 = 1_000;

/// The accounts that a person is a member of, and those that the person is asked into, the newest of these first.
pub fn of_person(connection: &Connection, person_id: PersonId) -> Result<Vec<Membership>> {
    let statement = format!(
        "SELECT m.account_id, a.name, o.name AS owner_name, m.entered_at, m.created_at,
                (SELECT group_concat(g.role, ' ') FROM grants g
                  WHERE g.account_id = m.account_id AND g.person_id = m.person_id) AS roles
           FROM memberships m JOIN accounts a ON a.id = m.account_id LEFT JOIN accounts o ON o.id = a.owner_id
          WHERE m.person_id = ?1 AND m.status IN ('active', 'invited') AND {LIVE}
          ORDER BY m.entered_at IS NULL, iif(m.entered_at IS NULL, -m.created_at, m.account_id) LIMIT ?2"
    );
    let rows = connection.query(&statement, &[person_id.into(), SHOWN.into()])?;
    rows.into_iter()
        .map(|mut row| {
            let roles: Option<String> = row.take("roles")?;
            let mut roles = role::parse_all(roles.as_deref().unwrap_or_default());
            roles.sort_unstable_by(|one, other| other.cmp(one));
            roles.dedup();
            Ok(Membership {
                account_id: row.take("account_id")?,
                account_name: row.take("name")?,
                owner_name: row.take("owner_name")?,
                roles,
                entered_at: row.take("entered_at")?,
                created_at: row.take("created_at")?,
            })
        })
        .collect()
}

/// A person whom a caller may know of, and how the person comes in if the caller adds it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Who it is now.
    pub id: PersonId,
    /// The id that the caller has, by which the account knows the person until it enters.
    pub known_as: PersonId,
    /// At once, for somebody who has entered an account that the caller sees; as soon as an address is proved, for somebody
    /// who is confined to one; else as invited.
    pub status: Status,
}

/// Who is known to a caller, who wants to add the person to an account: somebody who has entered an account that the caller
/// sees, or has to do with the account itself, because it invited or removed the person.
///
/// # Errors
///
/// [`Error::NotFound`] for anybody else.
pub fn seen_person(
    connection: &Connection,
    caller: &Caller,
    account_id: AccountId,
    person_id: PersonId,
) -> Result<Seen> {
    const NONE: Error = Error::NotFound(Thing::Person);
    let [person, connector] = parameters(caller);
    let statement = format!(
        "SELECT p.id, p.confined, here.entered_at IS NOT NULL AS entered_here, here.status IS NOT NULL AS is_here, EXISTS (
                SELECT 1 FROM memberships of JOIN accounts a ON a.id = of.account_id
                 WHERE of.person_id = p.id AND of.status = 'active' AND of.entered_at IS NOT NULL AND {ROLES} IS NOT NULL
                ) AS is_seen
           FROM people was JOIN people p ON p.id = coalesce(was.leads_to, was.id)
           LEFT JOIN memberships here ON here.account_id = ?4 AND here.person_id = p.id AND here.status <> 'refused'
          WHERE was.id = coalesce(
                (SELECT k.person_id FROM memberships k WHERE k.account_id = ?4 AND k.known_as = ?3), ?3)"
    );
    let parameters = [person, connector, person_id.into(), account_id.into()];
    let mut row = connection.query_first(&statement, &parameters)?.ok_or(NONE)?;
    let is_seen: bool = row.take("is_seen")?;
    if !is_seen && !row.take::<bool>("is_here")? {
        return Err(NONE);
    }
    let status = match (row.take("confined")?, is_seen || row.take("entered_here")?) {
        (true, _) => Status::Awaiting,
        (false, true) => Status::Active,
        (false, false) => Status::Invited,
    };
    Ok(Seen { id: row.take("id")?, status, known_as: person_id })
}

/// Whom an account knows by this id: a person who has entered it, by the person's own id; anybody else, by the id that the
/// account was told. Ids that were told before it was known whose address it is lead on.
pub(crate) fn known(connection: &Connection, account_id: AccountId, id: PersonId) -> Result<Option<PersonId>> {
    let statement = format!("SELECT {KNOWN} AS person_id");
    connection.query_one(&statement, &[account_id.into(), id.into()])?.take("person_id")
}

/// See [`known`], as an expression over the account `?1` and the id `?2`.
const KNOWN: &str = "(SELECT k.person_id FROM memberships k WHERE k.account_id = ?1 AND k.known_as = ?2
     UNION ALL
     SELECT e.person_id FROM people told
       JOIN memberships e ON e.account_id = ?1 AND e.person_id = coalesce(told.leads_to, told.id)
      WHERE told.id = ?2 AND (e.entered_at IS NOT NULL OR told.leads_to IS NOT NULL)
      LIMIT 1)";

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

/// Whether the account has an owner who can come in: somebody who has entered it, is not blocked, and has a password and an
/// address that is proved, or is confined to what the person made.
fn has_owner(transaction: &Transaction, account_id: AccountId) -> Result<bool> {
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
async fn lost(edit: &Edit, account_id: AccountId, person_id: PersonId, owned: bool) -> Result<()> {
    if owned && !has_owner(edit, account_id)? {
        return Err(Error::Conflict(Conflict::LastOwner));
    }
    makers::lost_roles(edit, person_id).await
}

/// Refuses to give or to take roles that are stronger than those that the caller has: `held`. The first owner of an account
/// is given by whoever manages the account above.
fn guard(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::first_start::tests::{account, author, first_start, person, signed_in};
    use crate::store::native::run;

    /// Gives a person roles in an account, by hand.
    async fn join(
        edit: &Edit,
        account_id: AccountId,
        person_id: PersonId,
        roles: &[Role],
        status: Status,
    ) -> Result<()> {
        let given = Grant { door: Door::Accounts, roles, rank: Some(Role::Owner), status, known_as: Some(person_id) };
        assert!(grant(edit, account_id, person_id, given).await?);
        Ok(())
    }

    /// Makes a person who has entered an account and has these roles there.
    async fn member(edit: &Edit, account_id: AccountId, roles: &[Role]) -> Result<PersonId> {
        let mut row = edit.run_one("SELECT 'somebody' || count(*) || '@example.com' AS address FROM people", &[])?;
        let person_id = person(edit, &row.take::<String>("address")?).await?;
        join(edit, account_id, person_id, roles, Status::Active).await?;
        enter(edit, account_id, person_id).await?;
        Ok(person_id)
    }

    /// Somebody whom the caller adds at once.
    fn at_once(id: PersonId) -> Seen {
        Seen { id, known_as: id, status: Status::Active }
    }

    /// The roles of a member, the weakest first.
    fn roles_of(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<Vec<&'static str>> {
        Ok(sorted(&Member::require(edit, account_id, person_id)?.roles))
    }

    /// A person as a caller, and what the person holds in an account.
    fn calling(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<(Caller, Roles)> {
        let caller = signed_in(person_id);
        let held = hierarchy::roles(edit.connection(), &caller, account_id)?;
        Ok((caller, held))
    }

    #[test]
    fn nobody_gives_or_takes_a_role_that_is_stronger_than_what_they_hold() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let acme = account(&edit, operator.id, "Acme").await?;
            // An account without an owner has a rule of its own, see below.
            member(&edit, acme, &[Role::Owner]).await?;
            let somebody = async |roles: &[Role]| member(&edit, acme, roles).await;
            for holds in Role::ALL {
                let (caller, held) = calling(&edit, acme, member(&edit, acme, &[holds]).await?)?;
                for role in Role::ALL {
                    let newcomer = member(&edit, operator.id, &[]).await?;
                    let gets = Change { roles: Some(vec![Role::Viewer, role]), active: None };
                    let loses = Change { roles: Some(vec![Role::Viewer]), active: None };
                    let attempts = [
                        add(&edit, &caller, &held, acme, at_once(newcomer), &[role]).await.map(drop),
                        update(&edit, &caller, &held, acme, somebody(&[Role::Viewer]).await?, &gets).await,
                        update(&edit, &caller, &held, acme, somebody(&[role]).await?, &loses).await,
                        remove(&edit, &caller, &held, acme, somebody(&[role]).await?).await,
                    ];
                    for attempt in attempts {
                        match attempt {
                            Ok(()) => assert!(role <= holds, "{holds:?} {role:?}"),
                            Err(Error::Forbidden { .. }) => assert!(role > holds, "{holds:?} {role:?}"),
                            Err(error) => return Err(error),
                        }
                    }
                }
            }
            Ok(())
        });
    }

    #[test]
    fn the_first_owner_is_given_by_whoever_manages_the_account_above() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let acme = account(&edit, operator.id, "Acme").await?;
            let (inside, held_inside) = calling(&edit, acme, member(&edit, acme, &[Role::Manage]).await?)?;
            let (above, held_above) = calling(&edit, acme, member(&edit, operator.id, &[Role::Manage]).await?)?;
            assert_eq!(held_inside, held_above, "they hold the same in the account");

            let (first, second) = (member(&edit, acme, &[]).await?, member(&edit, acme, &[]).await?);
            let owns = Change { roles: Some(vec![Role::Owner]), active: None };
            let refused = update(&edit, &inside, &held_inside, acme, first, &owns).await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
            update(&edit, &above, &held_above, acme, first, &owns).await?;
            let refused = update(&edit, &above, &held_above, acme, second, &owns).await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "it is founded: {refused:?}");
            Ok(())
        });
    }

    #[test]
    fn an_account_keeps_an_owner_who_can_sign_in() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let acme = account(&edit, operator.id, "Acme").await?;
            let last = member(&edit, acme, &[Role::Owner]).await?;
            // Neither of these can sign in to the account.
            let invited = person(&edit, "invited@example.com").await?;
            join(&edit, acme, invited, &[Role::Owner], Status::Invited).await?;
            let elsewhere = person(&edit, "elsewhere@example.com").await?;
            join(&edit, acme, elsewhere, &[Role::Owner], Status::Active).await?;
            for cannot in [
                "UPDATE people SET password_hash = NULL WHERE id = ?",
                "UPDATE addresses SET proved_at = NULL WHERE person_id = ?",
                "UPDATE addresses SET retired_at = 1 WHERE person_id = ?",
            ] {
                let owner = member(&edit, acme, &[Role::Owner]).await?;
                edit.run(cannot, &[owner.into()])?;
            }
            edit.commit().await?;

            let caller = &operator.administrator;
            let held = hierarchy::roles(&Connection::lease().await?, caller, acme)?;
            // Each attempt is a transaction of its own, which is rolled back.
            let attempt = async |change: Option<Change>| {
                let edit = Edit::begin(author("accounts")).await?;
                match change {
                    Some(change) => update(&edit, caller, &held, acme, last, &change).await,
                    None => remove(&edit, caller, &held, acme, last).await,
                }
            };
            let attempts = [
                Some(Change { roles: Some(vec![Role::Admin]), active: None }),
                Some(Change { roles: None, active: Some(false) }),
                None,
            ];
            for change in attempts.clone() {
                let refused = attempt(change).await;
                assert!(matches!(refused, Err(Error::Conflict(Conflict::LastOwner))), "{refused:?}");
            }
            let edit = Edit::begin(author("accounts")).await?;
            assert_eq!(roles_of(&edit, acme, last)?, ["owner"], "what is refused is not done");
            member(&edit, acme, &[Role::Owner]).await?;
            edit.commit().await?;
            for change in attempts {
                attempt(change).await?;
            }
            Ok(())
        });
    }

    #[test]
    fn the_roles_that_are_given_replace_those_that_were_there() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let caller = &operator.administrator;
            let held = hierarchy::roles(edit.connection(), caller, operator.id)?;
            let member = member(&edit, operator.id, &[Role::Manage, Role::User]).await?;
            let change = Change { roles: Some(vec![Role::User, Role::Viewer]), active: None };
            update(&edit, caller, &held, operator.id, member, &change).await?;
            assert_eq!(roles_of(&edit, operator.id, member)?, ["viewer", "user"]);
            let again = add(&edit, caller, &held, operator.id, at_once(member), &[Role::Admin]).await;
            assert!(matches!(again, Err(Error::Conflict(Conflict::AlreadyMember))), "{again:?}");
            assert_eq!(roles_of(&edit, operator.id, member)?, ["viewer", "user"], "they stay");
            Ok(())
        });
    }

    #[test]
    fn who_is_removed_has_no_role_and_no_session_in_the_account() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let acme = account(&edit, operator.id, "Acme").await?;
            let caller = &operator.administrator;
            let held = hierarchy::roles(edit.connection(), caller, operator.id)?;
            let leaves = member(&edit, operator.id, &[Role::Viewer]).await?;
            join(&edit, acme, leaves, &[Role::Viewer], Status::Active).await?;
            for account_id in [operator.id, acme] {
                edit.run(
                    "INSERT INTO refresh_tokens (digest, family, person_id, account_id, scopes, created_at, expires_at)
                     VALUES (randomblob(32), 'f', ?1, ?2, '', 0, 0)",
                    &[leaves.into(), account_id.into()],
                )?;
            }
            remove(&edit, caller, &held, operator.id, leaves).await?;
            let found = hierarchy::roles(edit.connection(), &signed_in(leaves), operator.id);
            assert!(matches!(found, Err(Error::NotFound(Thing::Account))), "{found:?}");
            let mut sessions = edit.run("SELECT account_id FROM refresh_tokens", &[])?;
            assert_eq!((sessions.len(), sessions[0].take::<AccountId>("account_id")?), (1, acme));
            let gone = remove(&edit, caller, &held, operator.id, leaves).await;
            assert!(matches!(gone, Err(Error::NotFound(Thing::Person))), "{gone:?}");
            Ok(())
        });
    }

    #[test]
    fn what_is_removed_or_refused_no_door_brings_back_and_only_who_set_the_block_lifts_it() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let acme = account(&edit, operator.id, "Acme").await?;
            member(&edit, acme, &[Role::Owner]).await?;
            let (manager, held) = calling(&edit, acme, member(&edit, acme, &[Role::Manage]).await?)?;
            let (admin, held_by_admin) = calling(&edit, acme, member(&edit, acme, &[Role::Admin]).await?)?;
            let portal =
                Grant { door: Door::Portal, roles: &[Role::User], rank: None, status: Status::Active, known_as: None };
            let removed = member(&edit, acme, &[Role::Admin]).await?;
            remove(&edit, &admin, &held_by_admin, acme, removed).await?;
            let refuses = member(&edit, acme, &[Role::User]).await?;
            leave(&edit, acme, refuses).await?;
            for person_id in [removed, refuses] {
                assert!(!grant(&edit, acme, person_id, portal).await?, "a binding brings nobody back");
            }
            let lifted = add(&edit, &manager, &held, acme, at_once(removed), &[Role::User]).await;
            assert!(matches!(lifted, Err(Error::Forbidden { .. })), "it takes the rank of who was removed: {lifted:?}");
            let lifted = add(&edit, &admin, &held_by_admin, acme, at_once(removed), &[Role::User]).await?;
            assert_eq!(lifted, Added::Member(removed));
            let asked = add(&edit, &admin, &held_by_admin, acme, at_once(refuses), &[Role::User]).await?;
            assert_eq!(asked, Added::Refused(refuses), "nobody is drawn back");
            assert!(roles_of(&edit, acme, refuses).is_err());
            Ok(())
        });
    }

    #[test]
    fn a_door_takes_away_what_it_gave_and_nothing_else() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let acme = account(&edit, operator.id, "Acme").await?;
            let jane = person(&edit, "jane@example.com").await?;
            for (door, role) in [(Door::Portal, Role::User), (Door::Endpoint, Role::Viewer)] {
                let given = Grant { door, roles: &[role], rank: None, status: Status::Active, known_as: None };
                assert!(grant(&edit, acme, jane, given).await?);
                assert!(!grant(&edit, acme, jane, given).await?, "again it changes nothing");
            }
            assert_eq!(roles_of(&edit, acme, jane)?, ["viewer", "user"]);
            release(&edit, acme, jane, Door::Portal).await?;
            assert_eq!(roles_of(&edit, acme, jane)?, ["viewer"]);
            release(&edit, acme, jane, Door::Endpoint).await?;
            assert!(roles_of(&edit, acme, jane).is_err(), "nobody holds the membership any more");
            Ok(())
        });
    }
}
