//! Memberships and roles: who may do what in which account, and who decides that.
//!
//! Roles are read from the store at each request, never from the token: taking one away works at once. A role that
//! manages counts in every account that the account of the membership owns, directly or through others, so that a
//! reseller's people manage its customers. The other roles, which only look, count there as long as the accounts on the
//! way share their data with their owners (`datashare`). Siblings do not see each other. A connector counts as
//! `manage` with the scope `accounts:manage` and as `viewer` with `accounts:read`, in its account and in all that this
//! owns.
//!
//! SQL says the rule twice: [`ROLES`] climbs from one account to its owners, [`VISIBLE`] comes down to all accounts.

use anyhow::anyhow;
use serde_json::json;

use crate::audit::{self, Author};
use crate::error::{Conflict, Error, Result, Thing};
use crate::scope;
use crate::store::{Connection, Transaction, Value, now};
use crate::token::Caller;

/// What a user is in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May do everything, and delete the account.
    Owner,
    /// May manage, and use the administration API.
    Admin,
    /// May change the account and its members.
    Manage,
    /// Uses the account.
    User,
    /// Looks at the account.
    Viewer,
}

impl Role {
    /// Every role, the strongest first.
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Manage, Self::User, Self::Viewer];

    /// As the APIs and the store write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Manage => "manage",
            Self::User => "user",
            Self::Viewer => "viewer",
        }
    }

    /// The role of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// What a caller may do in an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// Whether the caller holds the manage role: through `manage`, `admin` or `owner`.
    pub fn manages(&self) -> bool {
        self.0.iter().any(|role| matches!(role, Role::Owner | Role::Admin | Role::Manage))
    }

    /// Whether the caller owns the account.
    pub fn owns(&self) -> bool {
        self.0.contains(&Role::Owner)
    }

    /// Whether the caller may use the administration API: as `admin`, or as `owner`, who may do everything.
    pub fn administers(&self) -> bool {
        self.0.iter().any(|role| matches!(role, Role::Owner | Role::Admin))
    }

    /// Refuses a caller without the manage role.
    pub fn require_manage(&self) -> Result<()> {
        if self.manages() { Ok(()) } else { Err(Error::Forbidden { needs: "the role manage" }) }
    }

    /// Refuses a caller who is no owner.
    pub fn require_owner(&self) -> Result<()> {
        if self.owns() { Ok(()) } else { Err(Error::Forbidden { needs: "the role owner" }) }
    }

    /// Reads what [`ROLES`] gives: `None` if the caller may not even see the account.
    pub(crate) fn of(caller: &Caller, found: Option<&str>) -> Option<Self> {
        match caller {
            Caller::User(_) => found.map(|found| Self(found.split(' ').filter_map(Role::parse).collect())),
            Caller::Client(_) if found.is_none() => None,
            Caller::Client(client) if client.scopes.contains(scope::ACCOUNTS_MANAGE) => Some(Self(vec![Role::Manage])),
            Caller::Client(client) if client.scopes.contains(scope::ACCOUNTS_READ) => Some(Self(vec![Role::Viewer])),
            Caller::Client(_) => None,
        }
    }
}

/// The roles that manage, as a list of SQL.
macro_rules! managing {
    () => {
        "('owner', 'admin', 'manage')"
    };
}

/// The roles of a caller in the account `a`, as an expression: role names with a space between them, null if the caller
/// has none there. The caller is `?1` and `?2`, see [`parameters`]. It climbs from the account to its owners; `shared` is
/// whether each account on the way shares its data.
///
/// Every request asks this. It is written so that SQLite needs no table in between: the chain is read once, and joined by
/// `UNION ALL` (nobody owns itself, through however many others).
pub(crate) const ROLES: &str = concat!(
    "(WITH RECURSIVE chain(id, shared) AS (
         SELECT a.id, 1
         UNION ALL SELECT o.owner_id, chain.shared AND o.datashare FROM chain JOIN accounts o ON o.id = chain.id
          WHERE o.owner_id IS NOT NULL)
     SELECT group_concat(coalesce(r.role, 'client'), ' ') FROM chain
       LEFT JOIN memberships m ON m.account_id = chain.id AND m.user_id = ?1 AND m.status = 'active'
       LEFT JOIN membership_roles r ON r.account_id = m.account_id AND r.user_id = m.user_id
      WHERE chain.id = ?2 OR r.role IS NOT NULL AND (chain.shared OR r.role IN ",
    managing!(),
    "))"
);

/// Where a caller's roles are held, as a table expression: `held(id, manages)`.
macro_rules! held {
    () => {
        concat!(
            "held(id, manages) AS (
                 SELECT m.account_id, max(r.role IN ",
            managing!(),
            ") FROM memberships m
                   JOIN membership_roles r ON r.account_id = m.account_id AND r.user_id = m.user_id
                  WHERE m.user_id = ?1 AND m.status = 'active' GROUP BY m.account_id
                 UNION ALL SELECT id, 1 FROM accounts WHERE id = ?2)"
        )
    };
}

/// The accounts that a caller has a role in, as the beginning of a statement: `visible(id, manages)`. The caller is `?1`
/// and `?2`.
pub(crate) const VISIBLE: &str = concat!(
    "WITH RECURSIVE ",
    held!(),
    ", visible(id, manages) AS (
         SELECT id, manages FROM held
         UNION ALL SELECT o.id, 1 FROM visible JOIN accounts o ON o.owner_id = visible.id WHERE visible.manages
         UNION ALL SELECT o.id, 0 FROM visible JOIN accounts o ON o.owner_id = visible.id AND o.datashare = 1
          WHERE NOT visible.manages) "
);

/// How many accounts a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// How many.
    pub accounts: i64,
    /// Whether those are all that there are.
    pub everything: bool,
    /// The account that they are owned by, if that is the only one that the caller has a role in, and manages.
    pub root: Option<i64>,
}

/// Counts the accounts that a caller has a role in, from what each account knows of how many it owns. Only those that a
/// role that looks sees by `datashare` are counted one by one.
pub(crate) fn reach(connection: &Connection, caller: &Caller) -> Result<Reach> {
    let statement = concat!(
        "WITH ",
        held!(),
        " SELECT a.id, held.manages, a.owner_id IS NULL, 1 + a.descendants FROM held JOIN accounts a ON a.id = held.id"
    );
    let held = connection.query(statement, &parameters(caller))?;
    let held = held.into_iter().map(|mut row| Ok((row.take(0)?, row.take(1)?, row.take(2)?, row.take(3)?)));
    let held = held.collect::<Result<Vec<(i64, bool, bool, i64)>>>()?;
    // Who manages the operator account sees all; and most callers have one account, which they manage.
    if let Some((_, _, _, accounts)) = held.iter().find(|(_, manages, operator, _)| *manages && *operator) {
        return Ok(Reach { accounts: *accounts, everything: true, root: None });
    }
    if let [(root, true, _, accounts)] = held.as_slice() {
        return Ok(Reach { accounts: *accounts, everything: false, root: Some(*root) });
    }
    // Of accounts held one above the other the topmost counts: `above` climbs from each to where all is counted already.
    let statement = concat!(
        "WITH RECURSIVE ",
        held!(),
        ", looked_at(id) AS (
             SELECT id FROM held WHERE NOT manages
             UNION SELECT o.id FROM looked_at JOIN accounts o ON o.owner_id = looked_at.id AND o.datashare = 1),
         counted(id, accounts, manages) AS (
             SELECT a.id, 1 + a.descendants, 1 FROM held JOIN accounts a ON a.id = held.id WHERE held.manages
             UNION ALL SELECT id, 1, 0 FROM looked_at)
         SELECT coalesce(sum(counted.accounts), 0) FROM counted
          WHERE NOT EXISTS (
                WITH RECURSIVE above(id) AS (
                    SELECT CASE WHEN counted.manages THEN a.owner_id ELSE a.id END FROM accounts a WHERE a.id = counted.id
                    UNION ALL SELECT o.owner_id FROM above JOIN accounts o ON o.id = above.id)
                SELECT 1 FROM above JOIN held ON held.id = above.id AND held.manages)"
    );
    let row = connection.query_first(statement, &parameters(caller))?;
    let mut row = row.ok_or_else(|| anyhow!("a count counts"))?;
    Ok(Reach { accounts: row.take(0)?, everything: false, root: None })
}

/// Whether the user `?1` belongs to the account `a`, as a condition: by an active membership there, or in an active
/// account that owns it through accounts that share their data. Such a user may sign in to it.
pub(crate) const BELONGS: &str = "EXISTS (
     WITH RECURSIVE chain(id) AS (
         SELECT a.id UNION ALL SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id AND o.datashare = 1
          WHERE o.owner_id IS NOT NULL)
     SELECT 1 FROM chain
       JOIN memberships m ON m.account_id = chain.id AND m.user_id = ?1 AND m.status = 'active'
       JOIN accounts h ON h.id = m.account_id AND h.status = 'active')";

/// The caller as the first two parameters of a statement: a user's id or null, a client's account or null.
pub(crate) fn parameters(caller: &Caller) -> [Value; 2] {
    match caller {
        Caller::User(user) => [user.id.into(), Value::Null],
        Caller::Client(client) => [Value::Null, client.account_id.into()],
    }
}

/// What the caller may do in an account.
///
/// # Errors
///
/// [`Error::NotFound`] if the caller may not see it, whether or not there is one.
pub fn roles(connection: &Connection, caller: &Caller, account_id: i64) -> Result<Roles> {
    let [user, client] = parameters(caller);
    let statement = format!("SELECT {ROLES} FROM accounts a WHERE a.id = ?3");
    let row = connection.query_first(&statement, &[user, client, account_id.into()])?;
    let found = row.map(|mut row| row.take::<Option<String>>(0)).transpose()?.flatten();
    Roles::of(caller, found.as_deref()).ok_or(Error::NotFound(Thing::Account))
}

/// What is decided about a member.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// All the roles from now on, if they change.
    pub roles: Option<Vec<Role>>,
    /// Whether the membership works, if that changes.
    pub active: Option<bool>,
}

/// Adds a user to an account with these roles: at once if `active`, or as invited.
///
/// # Errors
///
/// [`Error::Conflict`] ([`Conflict::AlreadyMember`]); [`Error::Forbidden`] if the caller gives away more than it holds.
pub async fn add(
    transaction: &Transaction,
    author: &Author,
    caller: &Roles,
    account_id: i64,
    user_id: i64,
    roles: &[Role],
    active: bool,
) -> Result<()> {
    guard_ownership(transaction, caller, account_id, roles.contains(&Role::Owner))?;
    let inserted = transaction.run_first(
        "INSERT INTO memberships (account_id, user_id, status, origin, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?5, ?4, ?4) ON CONFLICT DO NOTHING RETURNING user_id",
        &[
            account_id.into(),
            user_id.into(),
            if active { "active" } else { "invited" }.into(),
            now().into(),
            author.api.into(),
        ],
    )?;
    if inserted.is_none() {
        return Err(Error::Conflict(Conflict::AlreadyMember));
    }
    set_roles(transaction, account_id, user_id, roles)?;
    let detail = json!({ "account": account_id, "roles": names(roles) });
    audit::record(transaction, author, "created", "memberships", &[(user_id, detail)]).await
}

/// Changes roles or status of a member. One who was invited and has not accepted stays invited.
///
/// # Errors
///
/// [`Error::NotFound`] for somebody who is no member; [`Error::Conflict`] ([`Conflict::LastOwner`]); [`Error::Forbidden`] if
/// the caller decides about owners and is none.
pub async fn update(
    transaction: &Transaction,
    author: &Author,
    caller: &Roles,
    account_id: i64,
    user_id: i64,
    change: &Change,
) -> Result<()> {
    let was_owner = is_owner(transaction, account_id, user_id)?.ok_or(Error::NotFound(Thing::User))?;
    let stays_owner = change.roles.as_ref().map_or(was_owner, |roles| roles.contains(&Role::Owner));
    let decides_about_owners = was_owner != stays_owner || was_owner && change.active.is_some();
    guard_ownership(transaction, caller, account_id, decides_about_owners)?;
    let owned = has_owner(transaction, account_id)?;
    if let Some(roles) = &change.roles {
        transaction.run(
            "DELETE FROM membership_roles WHERE account_id = ?1 AND user_id = ?2",
            &[account_id.into(), user_id.into()],
        )?;
        set_roles(transaction, account_id, user_id, roles)?;
    }
    let status = match change.active {
        None => "status",
        Some(false) => "'inactive'",
        Some(true) => {
            "CASE WHEN EXISTS (SELECT 1 FROM one_time_tokens t
                                WHERE t.account_id = ?1 AND t.user_id = ?2 AND t.purpose = 'invitation')
                  THEN 'invited' ELSE 'active' END"
        }
    };
    // What this API decided about a membership the portal's bindings no longer take away.
    transaction.run(
        &format!(
            "UPDATE memberships SET status = {status}, origin = 'accounts', updated_at = ?3
              WHERE account_id = ?1 AND user_id = ?2"
        ),
        &[account_id.into(), user_id.into(), now().into()],
    )?;
    keep_owner(transaction, account_id, owned)?;
    let detail = json!({
        "account": account_id,
        "roles": change.roles.as_deref().map(names),
        "active": change.active,
    });
    audit::record(transaction, author, "updated", "memberships", &[(user_id, detail)]).await
}

/// Removes a member from an account, and ends the sessions that the user has in it.
///
/// # Errors
///
/// As [`update`].
pub async fn remove(
    transaction: &Transaction,
    author: &Author,
    caller: &Roles,
    account_id: i64,
    user_id: i64,
) -> Result<()> {
    let was_owner = is_owner(transaction, account_id, user_id)?.ok_or(Error::NotFound(Thing::User))?;
    guard_ownership(transaction, caller, account_id, was_owner)?;
    let owned = has_owner(transaction, account_id)?;
    transaction
        .run("DELETE FROM memberships WHERE account_id = ?1 AND user_id = ?2", &[account_id.into(), user_id.into()])?;
    keep_owner(transaction, account_id, owned)?;
    transaction.run(
        "DELETE FROM refresh_tokens WHERE user_id = ?2 AND account_id = ?1",
        &[account_id.into(), user_id.into()],
    )?;
    let detail = json!({ "account": account_id });
    audit::record(transaction, author, "deleted", "memberships", &[(user_id, detail)]).await
}

/// Makes the user who creates an account its owner and admin.
pub async fn found(transaction: &Transaction, author: &Author, account_id: i64, user_id: i64) -> Result<()> {
    let founder = Roles(vec![Role::Owner]);
    add(transaction, author, &founder, account_id, user_id, &[Role::Owner, Role::Admin], true).await
}

/// Whether the caller may see the user, who then can be added without being asked: somebody of an account that the caller
/// sees. `None` if there is no such user.
pub fn sees_user(connection: &Connection, caller: &Caller, user_id: i64) -> Result<Option<bool>> {
    let [user, client] = parameters(caller);
    let statement = format!(
        "SELECT EXISTS (
             SELECT 1 FROM (SELECT account_id FROM memberships WHERE user_id = u.id AND status = 'active'
                            UNION SELECT u.account_id) of
               JOIN accounts a ON a.id = of.account_id WHERE {ROLES} IS NOT NULL)
           FROM users u WHERE u.id = ?3"
    );
    let row = connection.query_first(&statement, &[user, client, user_id.into()])?;
    row.map(|mut row| row.take(0)).transpose()
}

fn names(roles: &[Role]) -> Vec<&'static str> {
    roles.iter().map(|role| role.name()).collect()
}

fn set_roles(transaction: &Transaction, account_id: i64, user_id: i64, roles: &[Role]) -> Result<()> {
    let roles = serde_json::to_string(&names(roles)).map_err(anyhow::Error::from)?;
    transaction.run(
        "INSERT INTO membership_roles (account_id, user_id, role)
         SELECT ?1, ?2, value FROM json_each(?3) WHERE true ON CONFLICT DO NOTHING",
        &[account_id.into(), user_id.into(), roles.into()],
    )?;
    Ok(())
}

/// Whether a member holds the role `owner`; `None` for somebody who is no member.
fn is_owner(transaction: &Transaction, account_id: i64, user_id: i64) -> Result<Option<bool>> {
    let row = transaction.run_first(
        "SELECT EXISTS (SELECT 1 FROM membership_roles r
                         WHERE r.account_id = m.account_id AND r.user_id = m.user_id AND r.role = 'owner')
           FROM memberships m WHERE m.account_id = ?1 AND m.user_id = ?2",
        &[account_id.into(), user_id.into()],
    )?;
    row.map(|mut row| row.take(0)).transpose()
}

/// Whether the account has an owner who can sign in.
fn has_owner(transaction: &Transaction, account_id: i64) -> Result<bool> {
    let row = transaction.run_first(
        "SELECT EXISTS (SELECT 1 FROM memberships m
                          JOIN membership_roles r ON r.account_id = m.account_id AND r.user_id = m.user_id
                          JOIN users u ON u.id = m.user_id
                         WHERE m.account_id = ?1 AND m.status = 'active' AND r.role = 'owner' AND u.is_active = 1)",
        &[account_id.into()],
    )?;
    row.ok_or_else(|| Error::Internal(anyhow!("no answer")))?.take(0)
}

/// Refuses what leaves an account without an owner that had one. (One that a connector made has none at first.)
fn keep_owner(transaction: &Transaction, account_id: i64, owned: bool) -> Result<()> {
    if owned && !has_owner(transaction, account_id)? { Err(Error::Conflict(Conflict::LastOwner)) } else { Ok(()) }
}

/// Only an owner decides who owns: otherwise whoever manages an account could take it over. An account without an owner
/// gets its first one from whoever manages it.
fn guard_ownership(transaction: &Transaction, caller: &Roles, account_id: i64, decides: bool) -> Result<()> {
    if decides && !caller.owns() && has_owner(transaction, account_id)? { caller.require_owner() } else { Ok(()) }
}
