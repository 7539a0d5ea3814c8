//! Proof: an address becomes somebody's. Whoever has used a link that was mailed to an address has its mailbox.
//!
//! A link acts for the address, whoever asks. It gives the address to a person only together with that person's own password
//! or session; alone it acts for whoever has proved the address, or else for whoever is named by it and nothing else. So
//! nobody gains anything by a mail that somebody else confirms.

use serde_json::json;

use crate::accounts::members;
use crate::connectors::bindings;
use crate::error::Result;
use crate::people::address::{self, Standing};
use crate::people::person;
use crate::store::Edit;
use crate::values::email::Email;
use crate::values::id::PersonId;

/// A person has proved an address. What others have given to it is the person's from now on, a sign-in that was confined is
/// so no more, and nobody else claims the address.
///
/// # Errors
///
/// [`crate::Error::Conflict`] with [`crate::error::Conflict::AddressTaken`] if somebody else has proved it;
/// [`crate::Error::Invalid`] for a person whose password somebody else has chosen, see [`person::require_own_password`].
pub(crate) async fn prove(edit: &Edit, person_id: PersonId, email: &Email) -> Result<()> {
    let named = address::holder(edit.connection(), &email.key)?.and_then(|holder| match holder.standing {
        Standing::Named => Some(holder.person_id),
        Standing::Proved | Standing::Retired => holder.next,
    });
    address::proved(edit, email, person_id)?;
    if let Some(named) = named.filter(|named| *named != person_id) {
        merge(edit, named, person_id).await?;
    }
    let freed = edit.run(
        "UPDATE people SET confined = 0, version = version + 1 WHERE id = ? AND confined = 1 RETURNING id",
        &[person_id.into()],
    )?;
    if !freed.is_empty() {
        person::require_own_password(edit, person_id)?;
        edit.run("DELETE FROM usernames WHERE person_id = ? AND kind = 'claim'", &[person_id.into()])?;
        members::set_free(edit, person_id)?;
    }
    edit.record("e-mail verified", "people", &[(person_id, json!({ "email": email.address }))]).await
}

/// Somebody whom an address has named turns out to be a person: the one is the other from now on.
pub(super) async fn merge(edit: &Edit, named: PersonId, person_id: PersonId) -> Result<()> {
    members::move_all(edit, named, person_id)?;
    bindings::move_all(edit, named, person_id)?;
    for statement in [
        "UPDATE people SET leads_to = ?2 WHERE leads_to = ?1",
        "UPDATE people SET leads_to = ?2, name = NULL, first_name = NULL, last_name = NULL WHERE id = ?1",
    ] {
        edit.run(statement, &[named.into(), person_id.into()])?;
    }
    edit.record("merged", "people", &[(named, json!({ "into": person_id }))]).await
}
