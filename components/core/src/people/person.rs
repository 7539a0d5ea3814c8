//! People, and the one place where they are made.
//!
//! Somebody who is only named, by an invitation or a connector, is a person without a password. Somebody who has a password
//! and no proved address is confined, see [`crate::accounts::username`].

use std::slice;

use anyhow::anyhow;
use serde_json::Value as Json;

use crate::auth::secret;
use crate::error::{Error, Faults, Result, Thing};
use crate::store::audit::Changed;
use crate::store::draft::Draft;
use crate::store::{Connection, Edit, Transaction};
use crate::values::change::Change;
use crate::values::id::PersonId;
use crate::values::time::Time;

/// A person to be made. The values are clean and valid.
#[derive(Clone, Debug, Default)]
pub struct NewPerson {
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// The Argon2id hash of the password, if the person has one.
    pub password_hash: Option<String>,
    /// Whether the sign-in is confined to the account that it is made with.
    pub is_confined: bool,
    /// The person that this one turns out to be, if that is known.
    pub leads_to: Option<PersonId>,
}

/// A person who was made.
#[derive(Clone, Debug)]
pub struct Person {
    /// The id within the directory.
    pub id: PersonId,
    /// When the person was made.
    pub created_at: Time,
}

/// Drafts people, and returns their UUIDs in the order of `people`.
pub(crate) fn draft_all(draft: &mut Draft, people: &[NewPerson]) -> Result<Vec<String>> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let uuids = secret::uuids(people.len())?;
    let made: Vec<_> = uuids
        .iter()
        .zip(people)
        .map(|(uuid, person)| {
            let NewPerson { name, first_name, last_name, password_hash, is_confined, leads_to } = person;
            // A first password is the version 1, no password the version 0.
            let version = i64::from(password_hash.is_some());
            (uuid, name, first_name, last_name, password_hash, version, is_confined, leads_to)
        })
        .collect();
    draft.step("people", &made, (draft.author.origin(), Time::now()))?;
    let notes: Vec<_> = uuids.iter().map(|uuid| (uuid, Json::Null)).collect();
    draft.note("created", "people", &notes)?;
    Ok(uuids)
}

/// The ids of the people whom a step has made, see [`Edit::write_made`].
const MADE: &str = "SELECT json_group_array(p.id) FROM json_each(rows) e CROSS JOIN people p ON p.uuid = e.value ->> 0";

/// Makes a person.
pub async fn insert(edit: &Edit, person: &NewPerson) -> Result<Person> {
    draft_all(&mut edit.draft(), slice::from_ref(person))?;
    let made = edit.write_made("people", MADE).await?.pop();
    let id = made.ok_or_else(|| Error::Internal(anyhow!("an insert returned nobody")))?;
    Ok(Person { id, created_at: Time::now() })
}

/// What a person is called.
#[derive(Clone, Debug)]
pub struct Known {
    /// The id for the world outside, a UUID: the `sub` of the person's tokens.
    pub uuid: String,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// Whether the sign-in is confined, see [`crate::accounts::username`].
    pub is_confined: bool,
}

/// See [`Known`].
///
/// # Errors
///
/// [`Error::NotFound`] if there is no such person.
pub fn load(connection: &Connection, person_id: PersonId) -> Result<Known> {
    let statement = "SELECT uuid, name, first_name, last_name, confined FROM people WHERE id = ?";
    let mut row = connection.query_first(statement, &[person_id.into()])?.ok_or(Error::NotFound(Thing::Person))?;
    Ok(Known {
        uuid: row.take("uuid")?,
        name: row.take("name")?,
        first_name: row.take("first_name")?,
        last_name: row.take("last_name")?,
        is_confined: row.take("confined")?,
    })
}

/// What is to be known of a person to judge and to change the password by.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The hash of the password.
    pub password_hash: Option<String>,
    /// Words that a password of this person must not be made of: the address, the names.
    pub own: Vec<String>,
}

/// See [`Credentials`].
///
/// # Errors
///
/// [`Error::NotFound`] if there is no such person.
pub fn credentials(connection: &Connection, person_id: PersonId) -> Result<Credentials> {
    let row = connection.query_first(
        "SELECT p.password_hash, p.name,
                coalesce(p.first_name, (SELECT m.first_name FROM memberships m
                          WHERE m.person_id = p.id AND m.first_name IS NOT NULL LIMIT 1)) AS first_name,
                coalesce(p.last_name, (SELECT m.last_name FROM memberships m
                          WHERE m.person_id = p.id AND m.last_name IS NOT NULL LIMIT 1)) AS last_name,
                (SELECT d.address FROM addresses d WHERE d.person_id = p.id ORDER BY d.proved_at DESC LIMIT 1) AS address,
                (SELECT n.name FROM usernames n WHERE n.person_id = p.id LIMIT 1) AS username
           FROM people p WHERE p.id = ?",
        &[person_id.into()],
    )?;
    let mut row = row.ok_or(Error::NotFound(Thing::Person))?;
    let mut own = Vec::new();
    for column in ["address", "username", "name", "first_name", "last_name"] {
        own.extend(row.take::<Option<String>>(column)?);
    }
    Ok(Credentials { password_hash: row.take("password_hash")?, own })
}

/// Makes sure, under the lock, that the password is still the one that was proved before: `hash` is what was kept of that.
///
/// # Errors
///
/// [`Error::Invalid`] of `field`, what the request calls the password.
pub fn require_same(transaction: &Transaction, person_id: PersonId, field: &str, hash: Option<&str>) -> Result<()> {
    let statement = "SELECT 1 FROM people WHERE id = ?1 AND password_hash IS ?2";
    match transaction.run_first(statement, &[person_id.into(), hash.into()])? {
        Some(_) => Ok(()),
        None => Err(Error::Invalid(Faults::of(field, NOT_RIGHT))),
    }
}

/// Makes sure that whoever proves an address has a password of their own: by that address it signs in everywhere. The one of an
/// administrator whom the account above has made (see [`crate::accounts::username::ADMINISTRATOR`]) is known there until the
/// person has changed it.
///
/// # Errors
///
/// [`Error::Invalid`] of `password`.
pub fn require_own_password(transaction: &Transaction, person_id: PersonId) -> Result<()> {
    let statement = "SELECT 1 FROM people p JOIN usernames n ON n.person_id = p.id AND n.kind = 'name'
          WHERE p.id = ? AND p.origin = 'administration' AND p.password_version = 1 LIMIT 1";
    match transaction.run_first(statement, &[person_id.into()])? {
        Some(_) => {
            Err(Error::Invalid(Faults::of("password", "was chosen by somebody else: set one of your own first")))
        }
        None => Ok(()),
    }
}

/// What is said of a password that is not the person's.
pub(crate) const NOT_RIGHT: &str = "is not right";

/// Sets a password, and ends every session of the person: refresh tokens go, and access tokens know the version of the
/// password that they were issued with. Links that would set another one work no more.
pub async fn set_password(edit: &Edit, person_id: PersonId, password_hash: &str) -> Result<()> {
    edit.run(
        "UPDATE people SET password_hash = ?2, password_version = password_version + 1, version = version + 1, updated_at = ?3
          WHERE id = ?1",
        &[person_id.into(), password_hash.into(), Time::now().into()],
    )?;
    edit.run("DELETE FROM links WHERE person_id = ? AND purpose = 'reset_password'", &[person_id.into()])?;
    end_sessions(edit, person_id)?;
    edit.record("password changed", "people", &[(person_id, Json::Null)]).await
}

/// Ends the sessions of a person. Access tokens end with the password that they were issued with.
fn end_sessions(transaction: &Transaction, person_id: PersonId) -> Result<()> {
    transaction.run("DELETE FROM refresh_tokens WHERE person_id = ?", &[person_id.into()])?;
    Ok(())
}

/// Forgets the password of a person whom somebody else may have acted for, and ends every session and every link that was
/// made for the person, but for invitations.
pub(crate) fn lock(transaction: &Transaction, person_id: PersonId) -> Result<()> {
    transaction.run(
        "UPDATE people SET password_hash = NULL, password_version = password_version + 1, version = version + 1,
                updated_at = ?2
          WHERE id = ?1",
        &[person_id.into(), Time::now().into()],
    )?;
    transaction.run("DELETE FROM links WHERE person_id = ? AND purpose <> 'invitation'", &[person_id.into()])?;
    end_sessions(transaction, person_id)
}

/// The names of a person, as the person changes them.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The full name.
    pub name: Change<String>,
    /// The given name.
    pub first_name: Change<String>,
    /// The family name.
    pub last_name: Change<String>,
}

/// Changes the names of a person.
pub async fn rename(edit: &Edit, person_id: PersonId, names: Names) -> Result<()> {
    let statement = "SELECT name, first_name, last_name FROM people WHERE id = ?";
    let mut row = edit.run_first(statement, &[person_id.into()])?.ok_or(Error::NotFound(Thing::Person))?;
    let mut changed = Changed::default();
    let mut parameters = vec![person_id.into(), Time::now().into()];
    for (column, change) in [("name", names.name), ("first_name", names.first_name), ("last_name", names.last_name)] {
        let before: Option<String> = row.take(column)?;
        let mut after = before.clone();
        change.apply(&mut after);
        changed.note(column, &before, &after);
        parameters.push(after.into());
    }
    edit.run(
        "UPDATE people SET version = version + 1, updated_at = ?2, name = ?3, first_name = ?4, last_name = ?5 WHERE id = ?1",
        &parameters,
    )?;
    edit.record("updated", "people", &[(person_id, changed.into_detail())]).await
}
