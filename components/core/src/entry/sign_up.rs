//! Sign-up: somebody whom nobody has asked becomes a person of the directory, with an account of their own.

use crate::accounts::account::{Account, NewAccount};
use crate::accounts::{manage, members};
use crate::error::{Conflict, Error, Result};
use crate::people::link::{self, Purpose};
use crate::people::person::{self, NewPerson, Profile};
use crate::store::{Edit, outbox};
use crate::values::email::Email;
use crate::values::id::PersonId;

/// Longest first or last name, in characters.
pub const NAME_MAX: usize = 100;

/// Somebody who signs up, or is invited.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The address.
    pub email: Email,
    /// Clean, if given.
    pub first_name: Option<String>,
    /// Clean, if given.
    pub last_name: Option<String>,
}

impl Newcomer {
    /// The person to be made.
    pub(super) fn person(&self, password_hash: Option<&str>) -> NewPerson {
        let profile = Profile {
            email: Some(self.email.clone()),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            ..Profile::default()
        };
        NewPerson { profile, password_hash: password_hash.map(str::to_owned) }
    }
}

/// A person and an account that a sign-up made.
#[derive(Clone, Debug)]
pub struct SignedUp {
    /// The person.
    pub person_id: PersonId,
    /// The account, which the person owns.
    pub account: Account,
}

/// Makes a person and an account of its own, and mails a link to verify the address. The operator owns the account.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::AddressTaken`] or [`Conflict::NameTaken`].
pub async fn sign_up(edit: &Edit, newcomer: &Newcomer, password_hash: &str, account: &NewAccount) -> Result<SignedUp> {
    if person::find_by_address(edit, &newcomer.email.key)?.is_some() {
        return Err(Error::Conflict(Conflict::AddressTaken));
    }
    let account = manage::insert(edit, None, account).await?;
    let person_id = person::insert(edit, account.id, &newcomer.person(Some(password_hash))).await?.id;
    members::found(edit, account.id, person_id).await?;
    let link = link::make(edit, Purpose::VerifyEmail, person_id, None, &newcomer.email.key).await?;
    let text = "Welcome to Accord. Please confirm that this e-mail address is yours:";
    outbox::write(edit, &link::message(&newcomer.email.address, "Confirm your e-mail address", text, &link))?;
    Ok(SignedUp { person_id, account })
}
