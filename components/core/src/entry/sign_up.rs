//! Sign-up: somebody whom nobody has asked becomes a person of the directory, with an account of their own.

use crate::accounts::account::{Account, NewAccount};
use crate::accounts::{manage, members, username};
use crate::auth::limit::{self, About};
use crate::entry::recovery;
use crate::error::Result;
use crate::people::address::{self, Standing};
use crate::people::person::{self, NewPerson};
use crate::store::outbox::{self, Message};
use crate::store::{Edit, Transaction};
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

/// A person and an account that a sign-up made.
#[derive(Clone, Debug)]
pub struct SignedUp {
    /// The person.
    pub person_id: PersonId,
    /// The account, which the person owns.
    pub account: Account,
}

/// Makes a person and an account of its own, and mails a link to verify the address. The operator owns the account. Until
/// the address is proved the person is confined to the account, see [`username`]; who else has given something to the
/// address, claims it or says something of it makes no difference and is not told.
///
/// `None` if somebody has proved the address: that one is told by mail, and what was written is to be committed all the same.
///
/// # Errors
///
/// [`crate::Error::Conflict`] with [`crate::error::Conflict::NameTaken`]; [`crate::Error::Invalid`] for an address at the
/// directory's own domain.
pub async fn sign_up(
    edit: &Edit,
    newcomer: &Newcomer,
    password_hash: &str,
    account: &NewAccount,
) -> Result<Option<SignedUp>> {
    let email = &newcomer.email;
    address::refuse_own_domain("email", email).await?;
    let holder = address::holder(edit.connection(), &email.key)?;
    if let Some(holder) = holder.filter(|holder| holder.standing != Standing::Named) {
        tell_holder(edit, &holder.email).await?;
        return Ok(None);
    }
    let account = manage::insert(edit, None, account).await?;
    let person = NewPerson {
        first_name: newcomer.first_name.clone(),
        last_name: newcomer.last_name.clone(),
        password_hash: Some(password_hash.to_owned()),
        is_confined: true,
        ..NewPerson::default()
    };
    let person_id = person::insert(edit, &person).await?.id;
    username::claim(edit, account.id, person_id, email)?;
    members::found(edit, account.id, person_id).await?;
    recovery::ask_to_verify(edit, person_id, email).await?;
    Ok(Some(SignedUp { person_id, account }))
}

/// Tells whoever has proved an address that somebody has tried to sign up with it.
async fn tell_holder(transaction: &Transaction, email: &Email) -> Result<()> {
    let text = "Somebody, perhaps you, tried to sign up with this e-mail address, which is yours in Accord already. \
                If you have forgotten your password, ask for a new one. If it was not you, there is nothing to do.";
    let due = limit::turn(transaction, About::Others, &email.key)?;
    outbox::write(transaction, &Message::new(&email.address, "You have signed up already", text, None), due).await
}
