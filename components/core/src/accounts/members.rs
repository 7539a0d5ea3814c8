//! Members of an account: added, changed, removed, and the one place where memberships are made.
//!
//! Nobody gives or takes a role that is stronger than what they hold: otherwise whoever manages an account could take it
//! over. An account without an owner (one that a connector made has none at first) gets its first one from whoever manages
//! the account above.

use serde_json::json;

use crate::accounts::hierarchy::{self, ROLES, parameters};
use crate::accounts::role::Roles;
use crate::auth::caller::Caller;
use crate::error::{Conflict, Error, Result, Thing};
use crate::store::sql::{Sql, rows};
use crate::store::{Connection, Edit, Transaction};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::{self, Role};
use crate::values::time::Time;

/// How a membership begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The person is asked, and has not accepted yet.
    Invited,
    /// It works.
    Active,
}

impl Status {
    /// As the store writes it.
    fn name(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
        }
    }
}

/// Makes memberships, all with these roles, of what `source` selects: `account_id` and `user_id`. Who is a member already
/// stays as that. Returns those who became members.
pub(crate) async fn insert_from(
    edit: &Edit,
    source: Sql,
    status: Status,
    roles: &[Role],
) -> Result<Vec<(PersonId, AccountId)>> {
    let origin = match edit.author.api {
        "oauth" => "operator",
        api => api,
    };
    let now = Time::now();
    let mut sql = Sql {
        text: "INSERT INTO memberships (account_id, user_id, status, origin, created_at, updated_at)
                SELECT account_id, user_id, ?, ?, ?, ? FROM ("
            .to_owned(),
        parameters: vec![status.name().into(), origin.into(), now.into(), now.into()],
    };
    sql.append(source);
    // Without a condition SQLite takes ON for that of a join.
    sql.push(") WHERE true ON CONFLICT DO NOTHING RETURNING user_id, account_id");
    let made = edit.batch(&sql.text, sql.parameters).await?;
    let made = made.into_iter().map(|mut row| Ok((row.take("user_id")?, row.take("account_id")?)));
    let made = made.collect::<Result<Vec<(PersonId, AccountId)>>>()?;
    give(edit, &made, roles).await?;
    let notes: Vec<_> = made
        .iter()
        .map(|(person_id, account_id)| (*person_id, json!({ "account": account_id, "roles": role::names(roles) })))
        .collect();
    edit.record("created", "memberships", &notes).await?;
    Ok(made)
}

/// Gives roles to members. Those that they have they keep.
async fn give(edit: &Edit, members: &[(PersonId, AccountId)], roles: &[Role]) -> Result<()> {
    if members.is_empty() {
        return Ok(());
    }
    let statement = "INSERT INTO membership_roles (user_id, account_id, role)
         SELECT e.value ->> 0, e.value ->> 1, json_each.value FROM json_each(?1) e, json_each(?2)
          WHERE true ON CONFLICT DO NOTHING";
    edit.batch(statement, vec![rows(members)?, rows(&role::names(roles))?]).await?;
    Ok(())
}

/// Adds a person to an account with these roles: at once if `active`, or as invited. `held` is what the caller holds there.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::AlreadyMember`]; [`Error::Forbidden`] if the caller gives away more than it holds.
pub async fn add(
    edit: &Edit,
    caller: &Caller,
    held: &Roles,
    account_id: AccountId,
    person_id: PersonId,
    roles: &[Role],
    active: bool,
) -> Result<()> {
    guard(edit, caller, held, account_id, roles.iter().copied())?;
    insert(edit, account_id, person_id, roles, if active { Status::Active } else { Status::Invited }).await
}

async fn insert(edit: &Edit, account_id: AccountId, person_id: PersonId, roles: &[Role], status: Status) -> Result<()> {
    let source = Sql {
        text: "SELECT ? AS account_id, ? AS user_id".to_owned(),
        parameters: vec![account_id.into(), person_id.into()],
    };
    if insert_from(edit, source, status, roles).await?.is_empty() {
        return Err(Error::Conflict(Conflict::AlreadyMember));
    }
    Ok(())
}

/// Makes the person who makes an account its owner and admin.
pub async fn found(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<()> {
    insert(edit, account_id, person_id, &[Role::Owner, Role::Admin], Status::Active).await
}

/// What is decided about a member.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// All the roles from now on, if they change.
    pub roles: Option<Vec<Role>>,
    /// Whether the membership works, if that changes.
    pub active: Option<bool>,
}

/// Changes roles or status of a member. One who was invited and has not accepted stays invited.
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
    let had = roles_of(edit, account_id, person_id)?.ok_or(Error::NotFound(Thing::Person))?;
    guard(edit, caller, held, account_id, had.into_iter().chain(change.roles.iter().flatten().copied()))?;
    let owned = has_owner(edit, account_id)?;
    if let Some(roles) = &change.roles {
        edit.run(
            "DELETE FROM membership_roles WHERE account_id = ?1 AND user_id = ?2",
            &[account_id.into(), person_id.into()],
        )?;
        give(edit, &[(person_id, account_id)], roles).await?;
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
    edit.run(
        &format!(
            "UPDATE memberships SET status = {status}, origin = 'accounts', updated_at = ?3
              WHERE account_id = ?1 AND user_id = ?2"
        ),
        &[account_id.into(), person_id.into(), Time::now().into()],
    )?;
    keep_owner(edit, account_id, owned)?;
    let detail = json!({
        "account": account_id,
        "roles": change.roles.as_deref().map(role::names),
        "active": change.active,
    });
    edit.record("updated", "memberships", &[(person_id, detail)]).await
}

/// Removes a member from an account, and ends the sessions that the person has in it.
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
    let had = roles_of(edit, account_id, person_id)?.ok_or(Error::NotFound(Thing::Person))?;
    guard(edit, caller, held, account_id, had)?;
    let owned = has_owner(edit, account_id)?;
    edit.run("DELETE FROM memberships WHERE account_id = ?1 AND user_id = ?2", &[account_id.into(), person_id.into()])?;
    keep_owner(edit, account_id, owned)?;
    edit.run(
        "DELETE FROM refresh_tokens WHERE user_id = ?2 AND account_id = ?1",
        &[account_id.into(), person_id.into()],
    )?;
    edit.record("deleted", "memberships", &[(person_id, json!({ "account": account_id }))]).await
}

/// Whether the caller may see the person, who then can be added without being asked: somebody of an account that the
/// caller sees. `None` if there is no such person.
pub fn sees_person(connection: &Connection, caller: &Caller, person_id: PersonId) -> Result<Option<bool>> {
    let [person, connector] = parameters(caller);
    let statement = format!(
        "SELECT EXISTS (
             SELECT 1 FROM (SELECT account_id FROM memberships WHERE user_id = u.id AND status = 'active'
                            UNION SELECT u.account_id) of
               JOIN accounts a ON a.id = of.account_id WHERE {ROLES} IS NOT NULL) AS seen
           FROM users u WHERE u.id = ?3"
    );
    let row = connection.query_first(&statement, &[person, connector, person_id.into()])?;
    row.map(|mut row| row.take("seen")).transpose()
}

/// The roles of a member; `None` for somebody who is no member.
fn roles_of(transaction: &Transaction, account_id: AccountId, person_id: PersonId) -> Result<Option<Vec<Role>>> {
    let row = transaction.run_first(
        "SELECT (SELECT group_concat(r.role, ' ') FROM membership_roles r
                  WHERE r.account_id = m.account_id AND r.user_id = m.user_id) AS roles
           FROM memberships m WHERE m.account_id = ?1 AND m.user_id = ?2",
        &[account_id.into(), person_id.into()],
    )?;
    let Some(mut row) = row else { return Ok(None) };
    let roles: Option<String> = row.take("roles")?;
    Ok(Some(roles.unwrap_or_default().split(' ').filter_map(Role::parse).collect()))
}

/// Refuses to act for a member who holds a stronger role than the caller does: to invite again, for example.
pub(crate) fn require_rank(
    transaction: &Transaction,
    caller: &Caller,
    held: &Roles,
    account_id: AccountId,
    person_id: PersonId,
) -> Result<()> {
    let roles = roles_of(transaction, account_id, person_id)?.unwrap_or_default();
    guard(transaction, caller, held, account_id, roles)
}

/// Whether the account has an owner who can sign in.
fn has_owner(transaction: &Transaction, account_id: AccountId) -> Result<bool> {
    let mut row = transaction.run_one(
        "SELECT EXISTS (SELECT 1 FROM memberships m
                          JOIN membership_roles r ON r.account_id = m.account_id AND r.user_id = m.user_id
                          JOIN users u ON u.id = m.user_id
                         WHERE m.account_id = ?1 AND m.status = 'active' AND r.role = 'owner' AND u.is_active = 1) AS owned",
        &[account_id.into()],
    )?;
    row.take("owned")
}

/// Refuses what leaves an account without an owner that had one.
fn keep_owner(transaction: &Transaction, account_id: AccountId, owned: bool) -> Result<()> {
    if owned && !has_owner(transaction, account_id)? { Err(Error::Conflict(Conflict::LastOwner)) } else { Ok(()) }
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
        && !has_owner(transaction, account_id)?
        && hierarchy::manages_above(transaction.connection(), caller, account_id)?;
    if founds { Ok(()) } else { held.require(strongest) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::first_start::tests::{account, author, first_start, person, signed_in};
    use crate::store::native::run;

    /// Makes a person who has these roles in an account.
    async fn member(edit: &Edit, account_id: AccountId, roles: &[Role]) -> Result<PersonId> {
        let mut row = edit.run_one("SELECT 'somebody' || count(*) || '@example.com' AS address FROM users", &[])?;
        let person_id = person(edit, account_id, &row.take::<String>("address")?).await?;
        insert(edit, account_id, person_id, roles, Status::Active).await?;
        Ok(person_id)
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
                        add(&edit, &caller, &held, acme, newcomer, &[role], true).await,
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
            let invited = person(&edit, acme, "invited@example.com").await?;
            insert(&edit, acme, invited, &[Role::Owner], Status::Invited).await?;
            let asleep = member(&edit, acme, &[Role::Owner]).await?;
            edit.run("UPDATE users SET is_active = 0 WHERE id = ?", &[asleep.into()])?;
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
            assert_eq!(roles_of(&edit, acme, last)?, Some(vec![Role::Owner]), "what is refused is not done");
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
            assert_eq!(roles_of(&edit, operator.id, member)?, Some(vec![Role::User, Role::Viewer]));
            let again = add(&edit, caller, &held, operator.id, member, &[Role::Admin], true).await;
            assert!(matches!(again, Err(Error::Conflict(Conflict::AlreadyMember))), "{again:?}");
            assert_eq!(roles_of(&edit, operator.id, member)?, Some(vec![Role::User, Role::Viewer]), "they stay");
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
            insert(&edit, acme, leaves, &[Role::Viewer], Status::Active).await?;
            for account_id in [operator.id, acme] {
                edit.run(
                    "INSERT INTO refresh_tokens (digest, family, user_id, account_id, scopes, created_at, expires_at)
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
}
