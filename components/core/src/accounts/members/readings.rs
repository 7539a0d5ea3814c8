//! What is shown of memberships: to a person its accounts, and to a caller whom it may add.

use super::blocks::{Candidate, stands};
use super::standing::{MEMBER, Status, shown_key};
use crate::accounts::hierarchy::{LIVE, ROLES, parameters};
use crate::accounts::role::Roles;
use crate::auth::caller::Caller;
use crate::error::{Error, Result, Thing};
use crate::store::Connection;
use crate::values::id::{AccountId, PersonId};
use crate::values::role::{self, Role};
use crate::values::time::Time;

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
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who it is now.
    pub id: PersonId,
    /// The id that the caller has, by which the account knows the person until it enters.
    pub known_as: PersonId,
    /// The key of the address by which the caller knows the person, if it knows one.
    pub known_by: Option<String>,
    /// At once, for somebody who has entered an account that the caller sees; as soon as an address is proved, for somebody
    /// who is confined to one; else as invited.
    pub status: Status,
}

/// What a caller may do in an account, who is known to the caller, who wants to add the person to it, and how that one stands to the
/// account so far. Known is somebody who has entered an account that the caller sees, or has to do with the account itself, because
/// it invited or removed the person. As long as that one has not entered, by the id that the account was told: the person's own
/// would tell whose an address is.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account; [`Error::NotFound`] for any other person.
pub(crate) fn seen_person(
    connection: &Connection,
    caller: &Caller,
    account_id: AccountId,
    person_id: PersonId,
) -> Result<(Roles, Seen, Candidate)> {
    let [person, connector] = parameters(caller);
    let statement = format!(
        "SELECT {MEMBER}, {}, {ROLES} AS caller_roles, p.id, p.confined AS is_confined, {} AS shown,
                m.entered_at IS NOT NULL AS is_entered,
                m.status <> 'refused' AND (m.known_as = ?3 OR m.entered_at IS NOT NULL OR was.leads_to IS NOT NULL) AS is_here,
                EXISTS (
                SELECT 1 FROM memberships of JOIN accounts a ON a.id = of.account_id
                 WHERE of.person_id = p.id AND of.status = 'active' AND of.entered_at IS NOT NULL AND {ROLES} IS NOT NULL
                ) AS is_seen
           FROM accounts a
           LEFT JOIN people was ON was.id = coalesce(
                (SELECT k.person_id FROM memberships k WHERE k.account_id = ?4 AND k.known_as = ?3), ?3)
           LEFT JOIN people p ON p.id = coalesce(was.leads_to, was.id)
           LEFT JOIN memberships m ON m.account_id = ?4 AND m.person_id = p.id
          WHERE a.id = ?4",
        stands!("?4", "p.id"),
        shown_key!("p.id")
    );
    let parameters = [person, connector, person_id.into(), account_id.into()];
    let mut row = connection.query_first(&statement, &parameters)?.ok_or(Error::NotFound(Thing::Account))?;
    let held = Roles::of(caller, row.take::<Option<String>>("caller_roles")?.as_deref());
    let held = held.ok_or(Error::NotFound(Thing::Account))?;
    held.require(Role::Manage)?;
    let (is_seen, is_here): (bool, Option<bool>) = (row.take("is_seen")?, row.take("is_here")?);
    let is_here = is_here.unwrap_or_default();
    if !is_seen && !is_here {
        return Err(Error::NotFound(Thing::Person));
    }
    let has_entered = is_seen || is_here && row.take("is_entered")?;
    let status = match (row.take("is_confined")?, has_entered) {
        (true, _) => Status::Awaiting,
        (false, true) => Status::Active,
        (false, false) => Status::Invited,
    };
    let known_by = if is_seen { row.take("shown")? } else { None };
    let (id, candidate) = (row.take("id")?, Candidate::read(row)?);
    Ok((held, Seen { id, known_as: person_id, known_by, status }, candidate))
}
