//! Usernames: names to sign in by that belong to an account. Two accounts may each have somebody of one name.
//!
//! A person whose address is not proved is confined: the sign-in belongs to one account and reaches that and what it owns,
//! nothing else. The address is a username of that account then, a claim; it also signs in by itself as long as nobody has
//! proved it. The administrator that an account above has made is the account's `admin`, by the password that the account
//! above has chosen, and confined as well.

use crate::error::Result;
use crate::store::{Connection, Transaction};
use crate::values::email::Email;
use crate::values::id::{AccountId, PersonId};

/// The username of the administrator that an account above has made (the administration API's document, "admin").
pub const ADMINISTRATOR: &str = "admin";

/// Gives an account somebody called [`ADMINISTRATOR`].
pub(crate) fn name_administrator(transaction: &Transaction, account_id: AccountId, person_id: PersonId) -> Result<()> {
    transaction.run(
        "INSERT INTO usernames (account_id, key, name, person_id, kind) VALUES (?1, ?2, ?2, ?3, 'name')",
        &[account_id.into(), ADMINISTRATOR.into(), person_id.into()],
    )?;
    Ok(())
}

/// Makes an address that is not proved the username of whoever claims it, in the account that the person made.
pub(crate) fn claim(
    transaction: &Transaction,
    account_id: AccountId,
    person_id: PersonId,
    email: &Email,
) -> Result<()> {
    transaction.run(
        "INSERT INTO usernames (account_id, key, name, person_id, kind) VALUES (?1, ?2, ?3, ?4, 'claim')",
        &[account_id.into(), email.key.as_str().into(), email.address.as_str().into(), person_id.into()],
    )?;
    Ok(())
}

/// The address that a confined person claims, if there is one.
pub fn claimed(connection: &Connection, person_id: PersonId) -> Result<Option<Email>> {
    let statement = "SELECT key, name FROM usernames WHERE person_id = ? AND kind = 'claim' LIMIT 1";
    let row = connection.query_first(statement, &[person_id.into()])?;
    row.map(|mut row| Ok(Email { address: row.take("name")?, key: row.take("key")? })).transpose()
}

/// The newest who claim an address: who it is, the address as it was written, and the account that the person made.
pub(crate) fn claims(transaction: &Transaction, key: &str, most: usize) -> Result<Vec<(PersonId, Email, String)>> {
    let rows = transaction.run(
        // SQLite does not see by itself that a claim is none of the names that the index leaves out.
        "SELECT n.person_id, n.name, a.name AS account FROM usernames n JOIN accounts a ON a.id = n.account_id
          WHERE n.key = ? AND n.kind = 'claim' AND n.kind <> 'name' ORDER BY n.person_id DESC, a.id",
        &[key.into()],
    )?;
    let mut claims: Vec<(PersonId, Email, String)> = Vec::new();
    for mut row in rows {
        let person_id = row.take("person_id")?;
        if claims.last().is_none_or(|(last, _, _)| *last != person_id) {
            let email = Email { address: row.take("name")?, key: key.to_owned() };
            claims.push((person_id, email, row.take("account")?));
        }
        if claims.len() == most {
            break;
        }
    }
    Ok(claims)
}
