//! Members of an account that is joined into another one, and of one that is taken apart from it again: see
//! [`crate::accounts::joins`].
//!
//! Nobody gains a role over the other side without a confirmation there. Where an owner has entered the account that stays, its
//! own members keep what they have and get nothing, and the members of the other one come as inactive: whoever holds the rank of
//! one of them there lets that one in. What bindings alone have given is the word of a connector of the account above both, and comes along.
//! Where no owner has entered the account that stays, it is the account above that speaks for it, and the members come as they are.
//! Blocks of either side win.

use crate::accounts::makers;
use crate::accounts::members::membership::{FIRST_OF_MEMBERSHIPS, IDS_OF_MEMBERSHIPS, is_shut_out};
use crate::accounts::members::owners::{has_owner, was_entered_by_an_owner};
use crate::accounts::members::shown_key;
use crate::error::{Conflict, Error, Result};
use crate::store::sql::named;
use crate::store::{Edit, Transaction, Value};
use crate::values::id::{AccountId, PersonId};
use crate::values::time::Time;

/// The strongest of the roles that an expression selects, as a subquery.
macro_rules! strongest {
    ($roles:expr) => {
        concat!(
            "(SELECT role FROM (",
            $roles,
            ") WHERE role IS NOT NULL ORDER BY instr('owner admin manage user viewer', role) LIMIT 1)"
        )
    };
}

/// Keeps what the members of the account `?1` have, before it is joined into `?2`.
const KEPT: [&str; 2] = [
    "INSERT INTO joined_rows (joined_id, kind, row)
     SELECT ?1, 'memberships', json_object('person', m.person_id, 'knownAs', m.known_as, 'knownBy', m.known_by, 'status', m.status,
            'enteredAt', m.entered_at, 'blockedRank', m.blocked_rank, 'blockedBy', m.blocked_by, 'createdAt', m.created_at,
            'updatedAt', m.updated_at, 'firstName', m.first_name, 'lastName', m.last_name, 'there', json(iif(s.person_id IS NULL, NULL, json_object('status', s.status, 'enteredAt',
            s.entered_at, 'knownBy', s.known_by, 'blockedRank', s.blocked_rank, 'blockedBy', s.blocked_by, 'updatedAt', s.updated_at))))
       FROM memberships m LEFT JOIN memberships s ON s.account_id = ?2 AND s.person_id = m.person_id WHERE m.account_id = ?1",
    "INSERT INTO joined_rows (joined_id, kind, row)
     SELECT ?1, iif(g.account_id = ?1, 'grants', 'grants there'), json_object('person', g.person_id, 'door', g.door, 'role', g.role,
            'givenBy', g.given_by, 'givenRank', g.given_rank, 'createdAt', g.created_at)
       FROM grants g WHERE g.account_id = ?1
         OR g.account_id = ?2 AND EXISTS (SELECT 1 FROM memberships m WHERE m.account_id = ?1 AND m.person_id = g.person_id)",
];

/// Moves the members of the account `?1` to `?2`. `?3` says whether an owner has entered that, `?4` is the time.
const MOVED: [&str; 9] = [
    // Blocks win, also over who is in; a refusal wins over an offer.
    concat!(
        "UPDATE memberships AS t
            SET status = CASE WHEN t.status = 'refused' THEN t.status
                              WHEN m.status = 'refused' AND t.entered_at IS NOT NULL THEN 'removed' ELSE m.status END,
                blocked_rank = iif(m.blocked_by IS NULL, NULL, ",
        strongest!(
            "SELECT m.blocked_rank AS role UNION ALL SELECT g.role FROM grants g
              WHERE g.account_id = t.account_id AND g.person_id = t.person_id"
        ),
        "), blocked_by = m.blocked_by, updated_at = ?4, known_by = iif(t.entered_at IS NULL, t.known_by, coalesce(",
        shown_key!("t.person_id"),
        ", t.known_by))
           FROM memberships m
          WHERE t.account_id = ?2 AND m.account_id = ?1 AND m.person_id = t.person_id
            AND (m.blocked_by IS NOT NULL AND t.blocked_by IS NULL
                 OR m.status = 'refused' AND t.entered_at IS NULL AND t.status IN ('invited', 'awaiting', 'active'))"
    ),
    "DELETE FROM grants WHERE account_id = ?2 AND person_id IN (SELECT person_id FROM memberships
          WHERE account_id = ?2 AND status IN ('removed', 'refused'))",
    // Where nobody of the account itself can say so, who has entered the one has entered the other.
    "UPDATE memberships AS s SET status = 'active', entered_at = coalesce(s.entered_at, m.entered_at), updated_at = ?4
       FROM memberships m
      WHERE NOT ?3 AND s.account_id = ?2 AND m.account_id = ?1 AND m.person_id = s.person_id
        AND s.status IN ('invited', 'awaiting') AND m.status = 'active'",
    // What people have decided by hand stands for what came by any other door.
    "INSERT INTO grants (account_id, person_id, door, role, given_by, given_rank, created_at)
     SELECT ?2, g.person_id, g.door, g.role, g.given_by, g.given_rank, g.created_at
       FROM grants g JOIN memberships s ON s.account_id = ?2 AND s.person_id = g.person_id
      WHERE g.account_id = ?1 AND s.status IN ('invited', 'awaiting', 'active') AND (NOT ?3 OR g.door = 'portal')
        AND (g.door IN ('founder', 'accounts', 'administration') OR NOT EXISTS (
             SELECT 1 FROM grants h WHERE h.account_id = ?2 AND h.person_id = g.person_id AND h.door IN ('founder', 'accounts')))
         ON CONFLICT DO NOTHING",
    "UPDATE links SET account_id = ?2 WHERE account_id = ?1 AND EXISTS (
            SELECT 1 FROM memberships s WHERE s.account_id = ?2 AND s.person_id = links.person_id)",
    "DELETE FROM memberships WHERE account_id = ?1 AND EXISTS (
            SELECT 1 FROM memberships s WHERE s.account_id = ?2 AND s.person_id = memberships.person_id)",
    // Those who were in the one alone. An id by which the other one knows somebody else is nobody's any more.
    concat!(
        "INSERT INTO memberships (account_id, person_id, known_as, known_by, status, entered_at, blocked_rank, blocked_by,
                                  created_at, updated_at, first_name, last_name)
         SELECT ?2, m.person_id,
                iif(EXISTS (SELECT 1 FROM memberships k WHERE k.account_id = ?2 AND k.known_as = m.known_as), ?5 + (random() & ?6), m.known_as),
                m.known_by, iif(m.waits, 'inactive', m.status), m.entered_at, iif(m.waits, ",
        strongest!("SELECT g.role FROM grants g WHERE g.account_id = ?1 AND g.person_id = m.person_id"),
        ", m.blocked_rank), iif(m.waits, 'accounts', m.blocked_by), m.created_at, iif(m.waits, ?4, m.updated_at), m.first_name, m.last_name
           FROM (SELECT n.*, n.status IN ('invited', 'awaiting', 'active') AND (
                        ?3 AND EXISTS (SELECT 1 FROM grants g
                                        WHERE g.account_id = ?1 AND g.person_id = n.person_id AND g.door <> 'portal')
                        OR ",
        is_shut_out!("?2", "n.person_id"),
        ") AS waits FROM memberships n WHERE n.account_id = ?1) m"
    ),
    "UPDATE grants SET account_id = ?2 WHERE account_id = ?1",
    "UPDATE links SET account_id = ?2 WHERE account_id = ?1",
];

/// Notes what the members of `?1` have in `?2` now: what is another thing later was decided since.
const NOTED: [&str; 2] = [
    "UPDATE joined_rows SET row = json_set(row, '$.after', s.status, '$.afterBy', s.blocked_by) FROM memberships s
      WHERE joined_id = ?1 AND kind = 'memberships' AND s.account_id = ?2 AND s.person_id = row ->> 'person'",
    "UPDATE joined_rows SET kind = 'grants kept' WHERE joined_id = ?1 AND kind = 'grants there' AND EXISTS (
            SELECT 1 FROM grants g WHERE g.account_id = ?2 AND g.person_id = row ->> 'person' AND g.door = row ->> 'door'
               AND g.role = row ->> 'role')",
];

/// Moves the members of an account to the one that it is joined into.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::LastOwner`] if a block of the one leaves the other without an owner.
pub(crate) async fn join(edit: &Edit, from: AccountId, into: AccountId) -> Result<()> {
    let owned = has_owner(edit, into)? || has_owner(edit, from)?;
    let here: [Value; 6] = [
        from.into(),
        into.into(),
        i64::from(was_entered_by_an_owner(edit, into)?).into(),
        Time::now().into(),
        FIRST_OF_MEMBERSHIPS.into(),
        (IDS_OF_MEMBERSHIPS - 1).into(),
    ];
    let managing = managing(edit, &[from, into])?;
    for statement in KEPT {
        edit.batch(statement, named(statement, &here)).await?;
    }
    for statement in MOVED {
        edit.batch(statement, named(statement, &here)).await?;
    }
    edit.batch("DELETE FROM memberships WHERE account_id = ?", vec![from.into()]).await?;
    for statement in NOTED {
        edit.batch(statement, named(statement, &here)).await?;
    }
    settled(edit, into, &managing, owned).await
}

/// Who manages one of these accounts by a membership there.
fn managing(transaction: &Transaction, accounts: &[AccountId]) -> Result<Vec<PersonId>> {
    let mut people = Vec::new();
    for account_id in accounts {
        let statement =
            "SELECT DISTINCT person_id FROM grants WHERE account_id = ? AND role IN ('owner', 'admin', 'manage')";
        for mut row in transaction.run(statement, &[(*account_id).into()])? {
            people.push(row.take("person_id")?);
        }
    }
    Ok(people)
}

/// Ends what who is shut out of an account has there, and marks what was made by those who have lost a rank. The last way in stays.
async fn settled(edit: &Edit, account_id: AccountId, managed: &[PersonId], owned: bool) -> Result<()> {
    if owned && !has_owner(edit, account_id)? {
        return Err(Error::Conflict(Conflict::LastOwner));
    }
    let sessions = "DELETE FROM refresh_tokens WHERE account_id = ?1 AND person_id IN (
             SELECT person_id FROM memberships WHERE account_id = ?1 AND status IN ('inactive', 'removed', 'refused'))";
    edit.batch(sessions, vec![account_id.into()]).await?;
    for person_id in managed {
        makers::lost_roles(edit, *person_id).await?;
    }
    Ok(())
}

/// What is kept of the members of `?1`, with who each is now: `told(person, row)`.
macro_rules! told {
    () => {
        "told(person, row) AS MATERIALIZED (
             SELECT p.id, r.row FROM joined_rows r JOIN people was ON was.id = r.row ->> 'person'
               JOIN people p ON p.id = coalesce(was.leads_to, was.id) AND p.erased_at IS NULL
              WHERE r.joined_id = ?1 AND r.kind = 'memberships')"
    };
}

/// Whether somebody is in another state in the account that stays, the row `s`, than the join has left there: then that was decided since.
const DECIDED: &str = "(s.status IS NOT told.row ->> 'after' OR s.blocked_by IS NOT told.row ->> 'afterBy')";

/// Whether somebody came as inactive and was let in since: what is held in the account that stays stays there.
const LET_IN: &str =
    "(told.row ->> 'there' IS NULL AND told.row ->> 'after' = 'inactive' AND told.row ->> 'status' <> 'inactive'
     AND s.status IN ('invited', 'awaiting', 'active'))";

/// Gives the account `?1` its members back, out of `?2`. What was decided since about somebody's coming in stands: who was shut out, or
/// has left, stays out of both; and who is no member of the one any more, but by what that gave, is none of the other.
fn parted() -> Vec<String> {
    vec![
        format!(
            "WITH {}
             INSERT INTO memberships (account_id, person_id, known_as, known_by, status, entered_at, blocked_rank, blocked_by,
                                      created_at, updated_at, first_name, last_name)
             SELECT ?1, told.person, told.row ->> 'knownAs', told.row ->> 'knownBy',
                    CASE WHEN s.status IN ('inactive', 'removed', 'refused') AND {DECIDED} THEN s.status
                         WHEN told.row ->> 'there' IS NULL AND told.row ->> 'status' IN ('invited', 'awaiting') AND s.status = 'active'
                         THEN s.status ELSE told.row ->> 'status' END,
                    iif(told.row ->> 'there' IS NULL, coalesce(told.row ->> 'enteredAt', s.entered_at), told.row ->> 'enteredAt'),
                    iif(s.status IN ('inactive', 'removed', 'refused') AND {DECIDED}, s.blocked_rank, told.row ->> 'blockedRank'),
                    iif(s.status IN ('inactive', 'removed', 'refused') AND {DECIDED}, s.blocked_by, told.row ->> 'blockedBy'),
                    told.row ->> 'createdAt', told.row ->> 'updatedAt', told.row ->> 'firstName', told.row ->> 'lastName'
               FROM told LEFT JOIN memberships s ON s.account_id = ?2 AND s.person_id = told.person
              WHERE s.person_id IS NOT NULL OR told.row ->> 'there' IS NOT NULL
              ORDER BY told.row ->> 'status' IN ('invited', 'awaiting', 'active') ON CONFLICT DO NOTHING",
            told!()
        ),
        // What a binding or a record has given goes with that.
        "INSERT INTO grants (account_id, person_id, door, role, given_by, given_rank, created_at)
         SELECT ?1, m.person_id, r.row ->> 'door', r.row ->> 'role', r.row ->> 'givenBy', r.row ->> 'givenRank', r.row ->> 'createdAt'
           FROM joined_rows r JOIN people was ON was.id = r.row ->> 'person'
           JOIN memberships m ON m.account_id = ?1 AND m.person_id = coalesce(was.leads_to, was.id)
          WHERE r.joined_id = ?1 AND r.kind = 'grants' AND m.status NOT IN ('removed', 'refused')
            AND CASE r.row ->> 'door'
                WHEN 'portal' THEN EXISTS (
                     SELECT 1 FROM person_identities i
                       JOIN user_bindings b ON b.connector_id = i.connector_id AND b.external_id = i.external_id
                      WHERE i.person_id = m.person_id AND b.account_id = ?1)
                WHEN 'endpoint' THEN EXISTS (
                     SELECT 1 FROM records e WHERE e.account_id = ?1 AND e.is_active = 1 AND (
                            e.person_id = m.person_id OR e.email_key = m.known_by OR e.email_key IN (
                            SELECT d.key FROM addresses d WHERE d.person_id = m.person_id OR d.next_id = m.person_id)))
                ELSE true END
             ON CONFLICT DO NOTHING"
            .to_owned(),
        "DELETE FROM memberships WHERE account_id = ?1 AND status IN ('invited', 'awaiting', 'active') AND NOT EXISTS (
                SELECT 1 FROM grants g WHERE g.account_id = ?1 AND g.person_id = memberships.person_id)"
            .to_owned(),
        "UPDATE links SET account_id = ?1 WHERE account_id = ?2
            AND hex(digest) IN (SELECT r.row ->> 'digest' FROM joined_rows r WHERE r.joined_id = ?1 AND r.kind = 'links')
            AND EXISTS (SELECT 1 FROM memberships m WHERE m.account_id = ?1 AND m.person_id = links.person_id)"
            .to_owned(),
        // What the other one had of its own stays with it, and so does whoever it has let in.
        format!(
            "WITH {}, came(person, door, role, at, by) AS MATERIALIZED (
                 SELECT coalesce(was.leads_to, was.id), r.row ->> 'door', r.row ->> 'role', r.row ->> 'createdAt', r.row ->> 'givenBy'
                   FROM joined_rows r JOIN people was ON was.id = r.row ->> 'person' WHERE r.joined_id = ?1 AND r.kind = 'grants')
             DELETE FROM grants WHERE account_id = ?2
                AND (person_id, door, role, created_at, given_by) IN (SELECT person, door, role, at, by FROM came)
                AND NOT EXISTS (SELECT 1 FROM joined_rows r
                      WHERE r.joined_id = ?1 AND r.kind = 'grants kept' AND r.row ->> 'person' = grants.person_id
                        AND r.row ->> 'door' = grants.door AND r.row ->> 'role' = grants.role)
                AND NOT EXISTS (SELECT 1 FROM told JOIN memberships s ON s.account_id = ?2 AND s.person_id = told.person
                      WHERE told.person = grants.person_id AND {LET_IN})",
            told!()
        ),
        format!(
            "WITH {}
             DELETE FROM memberships WHERE account_id = ?2
                AND person_id IN (SELECT told.person FROM told JOIN memberships s ON s.account_id = ?2 AND s.person_id = told.person
                      WHERE told.row ->> 'there' IS NULL AND (s.status IN ('invited', 'awaiting', 'active') OR NOT {DECIDED}))
                AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.account_id = ?2 AND g.person_id = memberships.person_id)",
            told!()
        ),
        format!(
            "WITH {}, back(person, there) AS MATERIALIZED (
                 SELECT told.person, told.row -> 'there' FROM told JOIN memberships s ON s.account_id = ?2 AND s.person_id = told.person
                  WHERE told.row ->> 'there' IS NOT NULL AND NOT {DECIDED})
             UPDATE memberships SET status = back.there ->> 'status', entered_at = back.there ->> 'enteredAt', known_by = back.there ->> 'knownBy',
                    blocked_rank = back.there ->> 'blockedRank', blocked_by = back.there ->> 'blockedBy',
                    updated_at = back.there ->> 'updatedAt'
               FROM back WHERE memberships.account_id = ?2 AND memberships.person_id = back.person",
            told!()
        ),
        "INSERT INTO grants (account_id, person_id, door, role, given_by, given_rank, created_at)
         SELECT ?2, m.person_id, r.row ->> 'door', r.row ->> 'role', r.row ->> 'givenBy', r.row ->> 'givenRank', r.row ->> 'createdAt'
           FROM joined_rows r JOIN people was ON was.id = r.row ->> 'person'
           JOIN memberships m ON m.account_id = ?2 AND m.person_id = coalesce(was.leads_to, was.id)
          WHERE r.joined_id = ?1 AND r.kind = 'grants there' AND m.status NOT IN ('removed', 'refused')
             ON CONFLICT DO NOTHING"
            .to_owned(),
        // What the other one had given may have ended since: then nothing but what came held the member there.
        format!(
            "WITH {}
             DELETE FROM memberships WHERE account_id = ?2 AND status IN ('invited', 'awaiting', 'active')
                AND person_id IN (SELECT person FROM told)
                AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.account_id = ?2 AND g.person_id = memberships.person_id)",
            told!()
        ),
    ]
}

/// Gives an account its members back that was joined into `into`, once it has its records and bindings again.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::LastOwner`] if that leaves one of the two without an owner which had one of its own.
pub(crate) async fn part(edit: &Edit, from: AccountId, into: AccountId, owned: Owned) -> Result<()> {
    let managing = managing(edit, &[into])?;
    let owned_now = has_owner(edit, into)?;
    for statement in parted() {
        edit.batch(&statement, named(&statement, &[from.into(), into.into()])).await?;
    }
    if owned.from && !has_owner(edit, from)? {
        return Err(Error::Conflict(Conflict::LastOwner));
    }
    settled(edit, into, &managing, owned.into && owned_now).await
}

/// Which of two accounts had an owner of its own when they were joined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owned {
    /// The one that was joined.
    pub from: bool,
    /// The one that stayed.
    pub into: bool,
}

impl Owned {
    /// Those of two accounts that have one now.
    pub(crate) fn now(transaction: &Transaction, from: AccountId, into: AccountId) -> Result<Self> {
        Ok(Self { from: has_owner(transaction, from)?, into: has_owner(transaction, into)? })
    }
}
