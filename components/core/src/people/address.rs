//! Addresses: mailboxes, each of one person. An address that is proved signs its person in, wherever; one that somebody has
//! only named stands for whoever will prove it, and is kept with a person who has no password.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use crate::auth::secret;
use crate::error::{Conflict, Error, Faults, Result};
use crate::people::person::{self, NewPerson};
use crate::setting;
use crate::store::draft::Draft;
use crate::store::{Author, Connection, Edit, Transaction};
use crate::values::email::Email;
use crate::values::id::PersonId;
use crate::values::time::Time;

/// How long an address that its person has given up stays reserved: so long the person can take it back.
pub const RESERVED: Duration = Duration::from_hours(7 * 24);

/// What an address is to its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody has named it, and nobody has proved it.
    Named,
    /// The person has proved it.
    Proved,
    /// The person has given it up, and may take it back for [`RESERVED`].
    Retired,
}

/// Whose mailbox an address is.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The person.
    pub person_id: PersonId,
    /// How far it is the person's.
    pub standing: Standing,
    /// Who is named by the address since the person has given it up.
    pub next: Option<PersonId>,
    /// The address, as the person or whoever named it wrote it.
    pub email: Email,
}

impl Holder {
    /// The person whom the address means, to give something to it: never somebody who has given it up.
    pub fn meant(&self) -> Option<PersonId> {
        if self.standing == Standing::Retired { self.next } else { Some(self.person_id) }
    }
}

/// Until when an address was given up for nobody to have it any more.
pub(crate) fn released() -> Time {
    Time::now() - RESERVED
}

/// Whose mailbox the address of this key is, if anybody has proved or named it. One that was given up long ago is nobody's, or
/// names whoever something was given to meanwhile.
pub fn holder(connection: &Connection, key: &str) -> Result<Option<Holder>> {
    let row = connection.query_first(
        "SELECT person_id, address, proved_at IS NOT NULL AS proved, retired_at, next_id FROM addresses WHERE key = ?1",
        &[key.into()],
    )?;
    let Some(mut row) = row else { return Ok(None) };
    let (person_id, next): (PersonId, Option<PersonId>) = (row.take("person_id")?, row.take("next_id")?);
    let email = Email { address: row.take("address")?, key: key.to_owned() };
    let retired_at: Option<Time> = row.take("retired_at")?;
    Ok(match (row.take("proved")?, retired_at) {
        (_, Some(since)) if since <= released() => {
            next.map(|person_id| Holder { person_id, standing: Standing::Named, next: None, email })
        }
        (_, Some(_)) => Some(Holder { person_id, standing: Standing::Retired, next, email }),
        (true, None) => Some(Holder { person_id, standing: Standing::Proved, next, email }),
        (false, None) => Some(Holder { person_id, standing: Standing::Named, next, email }),
    })
}

/// Drafts a person of each address, who is named by it and nothing else, and returns by the keys of the addresses as what the step
/// `bound_people` of the same draft knows them. Nobody has or is named by one of the addresses yet; what is there already was given up.
pub(crate) fn draft_all<'a>(draft: &mut Draft, addresses: &[&'a Email]) -> Result<HashMap<&'a str, i64>> {
    if addresses.is_empty() {
        return Ok(HashMap::new());
    }
    let uuids = secret::uuids(addresses.len())?;
    let named = uuids.iter().zip(addresses).map(|(uuid, email)| {
        let written = (email.address != email.key).then_some(&email.address);
        (uuid, &email.key, written)
    });
    let Author { actor, api, request_id } = &draft.author;
    let common = json!([draft.author.origin(), Time::now(), released(), actor.to_string(), api, request_id]);
    draft.step("named", &named.collect::<Vec<_>>(), common)?;
    Ok(addresses.iter().map(|email| email.key.as_str()).zip((1..).map(|place: i64| -place)).collect())
}

/// The person whom an address means: who has proved it, or else is named by it, from now on if need be.
pub async fn person_of(edit: &Edit, email: &Email) -> Result<PersonId> {
    if let Some(meant) = holder(edit.connection(), &email.key)?.and_then(|holder| holder.meant()) {
        return Ok(meant);
    }
    let named = person::insert(edit, &NewPerson::default()).await?.id;
    insert(edit, email, named, None)?;
    Ok(named)
}

/// Makes an address somebody's, which is nobody's, or was given up: one that its person has given up, and may take back, stays the person's
/// and names somebody beside. (The step `named` does the same for many.)
pub(crate) fn insert(
    transaction: &Transaction,
    email: &Email,
    person_id: PersonId,
    proved_at: Option<Time>,
) -> Result<()> {
    transaction.run(
        "INSERT INTO addresses (key, address, person_id, proved_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (key) DO UPDATE SET next_id = CASE WHEN retired_at > ?5 THEN excluded.person_id END,
                    person_id = CASE WHEN retired_at > ?5 THEN person_id ELSE excluded.person_id END,
                    address = CASE WHEN retired_at > ?5 THEN address ELSE excluded.address END,
                    proved_at = CASE WHEN retired_at > ?5 THEN proved_at ELSE excluded.proved_at END,
                    retired_at = CASE WHEN retired_at > ?5 THEN retired_at END",
        &[
            email.key.as_str().into(),
            email.address.as_str().into(),
            person_id.into(),
            proved_at.into(),
            released().into(),
        ],
    )?;
    Ok(())
}

/// Notes that a person has proved an address. Whoever it named before has come to nothing: that is for the caller to move.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::AddressTaken`] if somebody else has proved it.
pub(crate) fn proved(transaction: &Transaction, email: &Email, person_id: PersonId) -> Result<()> {
    let written = transaction.run(
        "INSERT INTO addresses (key, address, person_id, proved_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (key) DO UPDATE SET address = excluded.address, person_id = excluded.person_id,
                    proved_at = coalesce(proved_at, excluded.proved_at), retired_at = NULL, next_id = NULL
              WHERE person_id = excluded.person_id OR proved_at IS NULL OR retired_at <= ?5
             RETURNING key",
        &[
            email.key.as_str().into(),
            email.address.as_str().into(),
            person_id.into(),
            Time::now().into(),
            released().into(),
        ],
    )?;
    if written.is_empty() { Err(Error::Conflict(Conflict::AddressTaken)) } else { Ok(()) }
}

/// An address that a person has proved.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The address.
    pub email: Email,
    /// When it was proved.
    pub proved_at: Time,
    /// Since when it signs in no more, if it was given up.
    pub retired_at: Option<Time>,
}

/// The addresses that a person has proved, the newest first.
pub fn list(connection: &Connection, person_id: PersonId) -> Result<Vec<Proved>> {
    let rows = connection.query(
        "SELECT key, address, proved_at, retired_at FROM addresses WHERE person_id = ? AND proved_at IS NOT NULL
          ORDER BY proved_at DESC, key",
        &[person_id.into()],
    )?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Proved {
                email: Email { address: row.take("address")?, key: row.take("key")? },
                proved_at: row.take("proved_at")?,
                retired_at: row.take("retired_at")?,
            })
        })
        .collect()
}

/// Notes since when an address signs in no more.
pub(crate) fn retire(transaction: &Transaction, key: &str, since: Time) -> Result<()> {
    transaction.run("UPDATE addresses SET retired_at = ?2 WHERE key = ?1", &[key.into(), since.into()])?;
    Ok(())
}

/// Takes an address from its person. Whoever it named meanwhile it goes on naming.
pub(crate) fn remove(transaction: &Transaction, key: &str) -> Result<()> {
    transaction.run("DELETE FROM addresses WHERE key = ? AND next_id IS NULL", &[key.into()])?;
    transaction.run(
        "UPDATE addresses SET person_id = next_id, proved_at = NULL, retired_at = NULL, next_id = NULL WHERE key = ?",
        &[key.into()],
    )?;
    Ok(())
}

/// Refuses an address at a subdomain of the setting `base_domain`: there the usernames of accounts are, see
/// [`crate::accounts::username`], and nobody has a mailbox.
///
/// # Errors
///
/// [`Error::Invalid`] of `field`.
pub async fn refuse_own_domain(field: &str, email: &Email) -> Result<()> {
    if is_below(&email.key, &setting::get("base_domain").await?) {
        return Err(Error::Invalid(Faults::of(field, OWN_DOMAIN)));
    }
    Ok(())
}

/// What is said of such an address.
pub const OWN_DOMAIN: &str = "is at a domain that Accord gives to accounts: nobody has a mailbox there";

/// Whether an address is at the domain, or at one below it.
pub fn is_below(key: &str, base_domain: &str) -> bool {
    let base = base_domain.to_lowercase();
    let Some((_, domain)) = key.rsplit_once('@') else { return false };
    !base.is_empty() && (domain == base || domain.strip_suffix(&base).is_some_and(|rest| rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_at_a_subdomain_of_the_base_domain_is_nobodys_mailbox() {
        for below in ["admin@example.localhost", "a@localhost", "a@b.c.localhost"] {
            assert!(is_below(below, "LocalHost"), "{below}");
        }
        for elsewhere in ["a@notlocalhost", "a@localhost.example", "localhost"] {
            assert!(!is_below(elsewhere, "localhost"), "{elsewhere}");
        }
        assert!(!is_below("a@b.fi", ""));
    }
}
