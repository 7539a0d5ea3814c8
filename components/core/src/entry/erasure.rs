//! What is held of a person, told to the person, and taken away for good.
//!
//! Only the person and the owners of the operator account do either. To erase takes nobody's account: it is refused as long as
//! an account would be left without an owner. What organisations say of somebody in their records is theirs, and stays.

use std::net::IpAddr;

use serde_json::Value as Json;

use crate::accounts::hierarchy::{self, ROLES};
use crate::accounts::members;
use crate::accounts::removals;
use crate::accounts::role::Roles;
use crate::auth::caller::Caller;
use crate::error::{Error, Result, Thing};
use crate::people::{listing, person};
use crate::sign_in::credentials;
use crate::store::{Connection, Edit, Row};
use crate::values::id::PersonId;
use crate::values::role::Role;
use crate::values::time::Time;

/// Who asks for what is held of a person, or for its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// The person.
    Person,
    /// An owner of the operator account.
    Operator,
}

/// Whether the caller may have what is held of a person: the person itself, or an owner of the operator account.
///
/// # Errors
///
/// [`Error::NotFound`] for a person whom the caller may not see, whether or not there is one; [`Error::Forbidden`] for another one,
/// for a connector, and for a token that was issued to a client.
pub fn require(connection: &Connection, caller: &Caller, id: PersonId) -> Result<Asking> {
    let calling = caller.require_person()?;
    if calling.id == id {
        return Ok(Asking::Person);
    }
    let [person, connector] = hierarchy::parameters(caller);
    let statement = format!(
        "SELECT {ROLES} AS roles FROM accounts a WHERE a.owner_id IS NULL
            AND EXISTS (SELECT 1 FROM people p WHERE p.id = ?3 AND p.erased_at IS NULL AND p.leads_to IS NULL)"
    );
    let row = connection.query_first(&statement, &[person, connector, id.into()])?;
    let found = row.map(|mut row| row.take::<Option<String>>("roles")).transpose()?.flatten();
    let roles = Roles::of(caller, found.as_deref()).unwrap_or_default();
    if roles.hold(Role::Owner) {
        return Ok(Asking::Operator);
    }
    // Whom the caller may not see is not found.
    listing::load(connection, caller, id)?;
    Err(Error::Forbidden { needs: "to be the user, or the role owner in the operator account" })
}

/// What is held of a person.
#[derive(Clone, Debug)]
pub struct Held {
    /// The person: id, sub, names, times.
    pub person: Json,
    /// What each of the others is called, and its rows.
    pub parts: Vec<(&'static str, Vec<Json>)>,
}

/// The parts of what is held, each a query of rows of one column: a JSON object. The person is `?1`.
const PARTS: [(&str, &str); 10] = [
    (
        "addresses",
        "SELECT json_object('email', d.address, 'verifiedAt', d.proved_at, 'retiredAt', d.retired_at) AS it
           FROM addresses d WHERE d.person_id = ?1 ORDER BY d.key",
    ),
    (
        "usernames",
        "SELECT json_object('accountId', n.account_id, 'username', n.name, 'kind', n.kind) AS it
           FROM usernames n WHERE n.person_id = ?1 ORDER BY n.account_id, n.key",
    ),
    (
        "memberships",
        "SELECT json_object('accountId', m.account_id, 'account', a.name, 'status', m.status, 'firstName', m.first_name,
                            'lastName', m.last_name, 'enteredAt', m.entered_at, 'createdAt', m.created_at) AS it
           FROM memberships m JOIN accounts a ON a.id = m.account_id WHERE m.person_id = ?1 ORDER BY m.account_id",
    ),
    (
        "grants",
        "SELECT json_object('accountId', g.account_id, 'role', g.role, 'door', g.door, 'createdAt', g.created_at) AS it
           FROM memberships m JOIN grants g ON g.account_id = m.account_id AND g.person_id = m.person_id
          WHERE m.person_id = ?1 ORDER BY g.account_id, g.door, g.role",
    ),
    (
        "identities",
        "SELECT json_object('connector', c.name, 'externalId', i.external_id, 'email', i.key, 'createdAt', i.created_at) AS it
           FROM person_identities i JOIN connectors c ON c.id = i.connector_id WHERE i.person_id = ?1
          ORDER BY i.connector_id, i.external_id",
    ),
    (
        "records",
        "SELECT json_object('id', r.uuid, 'accountId', r.account_id, 'username', r.username, 'email', r.email,
                            'phone', r.phone, 'name', r.name, 'firstName', r.first_name, 'lastName', r.last_name,
                            'externalId', r.external_id, 'language', r.language, 'timeZone', r.time_zone,
                            'createdAt', r.created_at, 'updatedAt', r.updated_at) AS it
           FROM records r WHERE r.person_id = ?1 ORDER BY r.id",
    ),
    // What is kept of the person to be brought back, and of accounts that were joined: see accounts/removals.rs and accounts/joins.rs.
    (
        "kept",
        "WITH was(id) AS (SELECT ?1 UNION ALL SELECT +id FROM people WHERE leads_to = ?1)
         SELECT json_patch('{}', json_object('of', r.kind, 'accountId', r.row ->> 'account_id', 'status', r.row ->> 'status', 'role', r.row ->> 'role',
                'door', r.row ->> 'door', 'username', coalesce(r.row ->> 'username', iif(r.kind = 'usernames', r.row ->> 'name', NULL)),
                'externalId', r.row ->> 'external_id', 'email', coalesce(r.row ->> 'address', r.row ->> 'email', r.row ->> 'key'),
                'phone', r.row ->> 'phone', 'name', iif(r.kind IN ('people', 'records'), r.row ->> 'name', NULL),
                'firstName', r.row ->> 'first_name', 'lastName', r.row ->> 'last_name', 'removedAt', v.at)) AS it
           FROM removed_rows r JOIN removals v ON v.id = r.removal_id WHERE r.row ->> 'person_id' IN (SELECT id FROM was)
         UNION ALL
         SELECT json_patch('{}', json_object('of', r.kind, 'accountId', j.id, 'status', r.row ->> 'status', 'role', r.row ->> 'role', 'door', r.row ->> 'door',
                'firstName', r.row ->> 'firstName', 'lastName', r.row ->> 'lastName', 'joinedInto', j.account_id, 'joinedAt', j.joined_at))
           FROM joined_rows r JOIN joined_accounts j ON j.id = r.joined_id
          WHERE r.row ->> 'person' IN (SELECT id FROM was) AND r.kind IN ('memberships', 'grants')",
    ),
    (
        "sessions",
        "SELECT json_object('accountId', t.account_id, 'createdAt', t.created_at, 'expiresAt', t.expires_at) AS it
           FROM refresh_tokens t WHERE t.person_id = ?1 AND t.used_at IS NULL ORDER BY t.created_at",
    ),
    (
        "links",
        "SELECT json_object('purpose', l.purpose, 'accountId', l.account_id, 'email', l.address, 'createdAt', l.created_at,
                            'expiresAt', l.expires_at) AS it
           FROM links l WHERE l.person_id = ?1 ORDER BY l.created_at",
    ),
    (
        "audit",
        "SELECT json_object('at', e.at, 'api', e.api, 'subject', e.subject, 'action', e.action, 'accountId', e.account_id,
                            'detail', json(e.detail)) AS it
           FROM audit e WHERE e.subject IN ('people', 'memberships') AND e.subject_id = ?1 ORDER BY e.id",
    ),
];

/// Everything that is held of a person, but for secrets and their hashes. Times are milliseconds since 1970.
///
/// # Errors
///
/// As [`require`].
pub fn export(connection: &Connection, caller: &Caller, id: PersonId) -> Result<Held> {
    require(connection, caller, id)?;
    let one = "SELECT json_object('id', p.id, 'sub', p.uuid, 'name', p.name, 'firstName', p.first_name, 'lastName', p.last_name,
                      'hasPassword', json(iif(p.password_hash IS NULL, 'false', 'true')), 'createdAt', p.created_at,
                      'updatedAt', p.updated_at) AS it
                 FROM people p WHERE p.id = ?1 AND p.erased_at IS NULL";
    let person = connection.query_first(one, &[id.into()])?.map(object).transpose()?;
    let parts = PARTS.iter().map(|(name, statement)| {
        let rows = connection.query(statement, &[id.into()])?;
        Ok((*name, rows.into_iter().map(object).collect::<Result<Vec<_>>>()?))
    });
    let parts = parts.collect::<Result<Vec<_>>>()?;
    Ok(Held { person: person.ok_or(Error::NotFound(Thing::Person))?, parts })
}

fn object(mut row: Row) -> Result<Json> {
    let text: String = row.take("it")?;
    Ok(serde_json::from_str(&text).map_err(anyhow::Error::from)?)
}

/// Makes sure that the person who asks for its own end knows its password, before the lock is taken: proof costs time. The hash
/// of the password is what [`erase`] takes.
///
/// # Errors
///
/// [`Error::Invalid`] of `password` if it is wrong.
pub async fn prove(
    connection: &Connection,
    id: PersonId,
    password: &str,
    address: Option<IpAddr>,
) -> Result<Option<String>> {
    let known = person::credentials(connection, id)?.password_hash;
    credentials::prove(connection, id, "password", password, known.as_deref(), address).await?;
    Ok(known)
}

/// Erases a person: addresses, names, password, memberships, sessions, what connectors call it, and its values in the audit. The
/// id stays as that of nobody.
///
/// # Errors
///
/// As [`require`]; [`Error::Invalid`] of `password` if the person's is another than the one that was proved, whose `hash` that is;
/// [`Error::Conflict`] with [`crate::error::Conflict::LastOwner`] while an account would be left without an owner.
pub async fn erase(edit: &Edit, caller: &Caller, id: PersonId, hash: Option<&str>) -> Result<()> {
    if require(edit.connection(), caller, id)? == Asking::Person {
        person::require_same(edit, id, "password", hash)?;
    }
    members::end_all(edit, id).await?;
    // What was noted of the memberships that end tells of the person, too.
    edit.write().await?;
    let named = edit.run(
        "SELECT address FROM addresses WHERE person_id = ?1 UNION SELECT name AS address FROM usernames WHERE person_id = ?1",
        &[id.into()],
    )?;
    for mut row in named {
        let named: String = row.take("address")?;
        // Of the accounts that the person was a member of, some are called after the person.
        edit.run(
            "UPDATE audit SET detail = replace(detail, trim(json_quote(?2), '\"'), 'erased')
              WHERE subject = 'accounts' AND instr(detail, trim(json_quote(?2), '\"')) > 0
                AND subject_id IN (SELECT m.account_id FROM audit m WHERE m.subject = 'memberships' AND m.subject_id = ?1)",
            &[id.into(), named.as_str().into()],
        )?;
        for statement in removals::UNNAMED {
            edit.run(statement, &[id.into(), named.as_str().into()])?;
        }
    }
    for statement in removals::ERASED {
        edit.run(statement, &[id.into()])?;
    }
    for statement in [
        // Mail that waits is for the person, too.
        "DELETE FROM outbox WHERE recipient IN (SELECT address FROM addresses WHERE person_id = ?1
                                                UNION ALL SELECT name FROM usernames WHERE person_id = ?1)",
        // Whoever an address that was given up names meanwhile it goes on naming.
        "UPDATE addresses SET next_id = NULL WHERE next_id = ?1",
        "DELETE FROM addresses WHERE person_id = ?1 AND next_id IS NULL",
        "UPDATE addresses SET person_id = next_id, proved_at = NULL, retired_at = NULL, next_id = NULL WHERE person_id = ?1",
        "DELETE FROM usernames WHERE person_id = ?1",
        "DELETE FROM links WHERE person_id = ?1",
        "DELETE FROM refresh_tokens WHERE person_id = ?1",
        "DELETE FROM person_identities WHERE person_id = ?1",
        "UPDATE records SET person_id = NULL WHERE person_id = ?1",
        "DELETE FROM idempotency_keys WHERE caller = 'user:' || ?1",
        // What was told of an id that leads to the person is told of the person.
        "UPDATE audit SET detail = NULL WHERE subject = 'people'
            AND subject_id IN (SELECT ?1 UNION ALL SELECT id FROM people WHERE leads_to = ?1)",
        "DELETE FROM people WHERE leads_to = ?1",
    ] {
        edit.run(statement, &[id.into()])?;
    }
    edit.run(
        "UPDATE people SET name = NULL, first_name = NULL, last_name = NULL, password_hash = NULL,
                password_version = password_version + 1, confined = 0, version = version + 1, updated_at = ?2, erased_at = ?2
          WHERE id = ?1",
        &[id.into(), Time::now().into()],
    )?;
    edit.record("erased", "people", &[(id, Json::Null)]).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::first_start::tests::{author, first_start, person};
    use crate::store::native::run;

    #[test]
    fn no_trigram_of_who_is_erased_is_left_in_the_index_of_words() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            // Letters that nothing else has.
            let id = person(&edit, "\u{290}\u{291}\u{292}@example.com").await?;
            edit.run(
                "INSERT INTO memberships (account_id, person_id, status, entered_at, created_at, updated_at, known_as)
                 SELECT id, ?1, 'active', 1, 0, 0, ?1 FROM accounts",
                &[id.into()],
            )?;
            edit.run(
                "INSERT INTO grants (account_id, person_id, door, role, given_by, created_at)
                 SELECT id, ?1, 'accounts', 'user', 'system', 0 FROM accounts",
                &[id.into()],
            )?;
            edit.commit().await?;
            for name in ["\u{290}\u{291}\u{292}", "\u{292}\u{290}\u{291}\u{292}"] {
                let edit = Edit::begin(author("accounts")).await?;
                edit.run("UPDATE people SET name = ?2 WHERE id = ?1", &[id.into(), name.into()])?;
                edit.commit().await?;
                // Others come meanwhile, so that the index has more than one part.
                let edit = Edit::begin(author("accounts")).await?;
                let other = person(&edit, &format!("other-{}@example.com", name.len())).await?;
                edit.run(
                    "INSERT INTO memberships (account_id, person_id, status, entered_at, created_at, updated_at, known_as)
                     SELECT id, ?1, 'active', 1, 0, 0, ?1 FROM accounts",
                    &[other.into()],
                )?;
                edit.commit().await?;
            }
            let left = async || -> Result<i64> {
                let parts = "SELECT count(*) AS parts FROM person_words_data
                              WHERE instr(block, x'ca90') > 0 OR instr(block, x'ca91') > 0 OR instr(block, x'ca92') > 0";
                Connection::lease().await?.query_one(parts, &[])?.take("parts")
            };
            assert!(left().await? > 0, "it is there before");
            let edit = Edit::begin(author("accounts")).await?;
            erase(&edit, &operator.administrator, id, None).await?;
            edit.commit().await?;
            assert_eq!(left().await?, 0);
            Ok(())
        });
    }
}
