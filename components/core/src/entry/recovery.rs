//! Recovery: proof that an e-mail address is somebody's, and a new password for who has forgotten the old one.
//!
//! Passwords come here as Argon2id hashes, made before the write lock is taken: hashing takes long.

use serde_json::json;

use crate::accounts::username;
use crate::auth::limit::{self, About};
use crate::entry::proof;
use crate::error::{Error, Result};
use crate::people::address::{self, Proved, Standing};
use crate::people::link::{self, Link, Purpose};
use crate::people::person;
use crate::store::outbox::{self, Message, Secret};
use crate::store::{Connection, Edit};
use crate::values::email::Email;
use crate::values::id::PersonId;
use crate::values::time::Time;

/// How many of those who claim one address get a link each.
const CLAIMS: usize = 3;

/// What a link confirms, if it still works: the address of a sign-up, or a person's next one.
///
/// # Errors
///
/// [`Error::Invalid`] if it does not work.
pub fn to_confirm(connection: &Connection, token: &str) -> Result<(Purpose, Link)> {
    match link::find(connection, Purpose::VerifyEmail, token) {
        Err(Error::Invalid(_)) => {
            link::find(connection, Purpose::ChangeEmail, token).map(|link| (Purpose::ChangeEmail, link))
        }
        found => found.map(|link| (Purpose::VerifyEmail, link)),
    }
}

/// Gives a person the address that a link was mailed to. The person has shown the password, or is signed in.
///
/// If it is the person's next address, the ones before sign in no more and are told, each with a link that undoes the change
/// for seven days.
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work, or is another person's; [`Error::Conflict`] with
/// [`crate::error::Conflict::AddressTaken`] if somebody else has proved the address meanwhile.
pub async fn confirm(edit: &Edit, token: &str, person_id: PersonId) -> Result<()> {
    let (purpose, _) = to_confirm(edit.connection(), token)?;
    let link = link::spend(edit, purpose, token)?;
    if link.person_id != person_id {
        return Err(link::refused());
    }
    let before = address::list(edit.connection(), person_id)?;
    proof::prove(edit, person_id, &link.email).await?;
    if purpose == Purpose::VerifyEmail {
        return Ok(());
    }
    for old in before.iter().filter(|old| old.retired_at.is_none() && old.email.key != link.email.key) {
        address::retire(edit, &old.email.key, Time::now())?;
    }
    tell_before(edit, person_id, &before, &link.email).await
}

/// Tells the addresses that a person had `before` of another one, each with a link that takes that away again for seven days.
pub(super) async fn tell_before(edit: &Edit, person_id: PersonId, before: &[Proved], new: &Email) -> Result<()> {
    for old in before.iter().filter(|old| old.retired_at.is_none() && old.email.key != new.key) {
        let due = limit::turn(edit, About::Own, &old.email.key)?;
        let undo = link::make_undo(edit, person_id, &old.email, new, due).await?;
        let text = format!(
            "From now on you sign in by {}. If this was not you, take your address back within seven days:",
            new.address
        );
        let message = Message::new(&old.email.address, "Your e-mail address was changed", &text, Some(&undo));
        outbox::write(edit, &message, due).await?;
    }
    Ok(())
}

/// Mails a link to confirm the address that a confined person claims.
pub(crate) async fn ask_to_verify(edit: &Edit, person_id: PersonId, email: &Email) -> Result<()> {
    let due = limit::turn(edit, About::Others, &email.key)?;
    let link = link::make(edit, Purpose::VerifyEmail, person_id, None, email, due).await?;
    let text = "Please confirm that this e-mail address is yours, with the password that you have chosen. \
                If you did not sign up, do nothing:";
    outbox::write(edit, &Message::new(&email.address, "Confirm your e-mail address", text, Some(&link)), due).await
}

/// Mails links to set a new password: to whoever has proved the address; else one to begin with, if anybody has given
/// something to it, and one to each of the newest who claim it. The answer never tells, and for an address that is nobody's it
/// takes as long: the same number of statements, and as much is written.
pub async fn forgot_password(edit: &Edit, email: &Email) -> Result<()> {
    let holder = address::holder(edit.connection(), &email.key)?;
    let is_proved = holder.as_ref().is_some_and(|holder| holder.standing == Standing::Proved);
    let known = holder.filter(|holder| holder.standing != Standing::Retired);
    let mut asked: Vec<_> = known.map(|holder| (holder.person_id, holder.email, None)).into_iter().collect();
    let claims = username::claims(edit, &email.key, CLAIMS)?;
    if !is_proved {
        asked.extend(claims.into_iter().map(|(person_id, email, account)| (person_id, email, Some(account))));
    }
    if asked.is_empty() {
        limit::turn(edit, About::Own, &email.key)?;
        let link = link::lookalike(edit, Purpose::ResetPassword).await?;
        return outbox::pretend(edit, &reset_message(email, &link, None)).await;
    }
    for (person_id, to, account) in asked {
        ask_to_reset(edit, person_id, &to, account.as_deref()).await?;
    }
    Ok(())
}

/// Mails a link to set a new password.
async fn ask_to_reset(edit: &Edit, person_id: PersonId, email: &Email, account: Option<&str>) -> Result<()> {
    let due = limit::turn(edit, About::Own, &email.key)?;
    let link = link::make(edit, Purpose::ResetPassword, person_id, None, email, due).await?;
    outbox::write(edit, &reset_message(email, &link, account), due).await
}

fn reset_message(email: &Email, link: &Secret, account: Option<&str>) -> Message {
    let whose = account.map_or_else(String::new, |account| format!(" for the account “{account}”"));
    let text =
        format!("Somebody, probably you, asked for a new password{whose}. If it was you, set it within an hour:");
    Message::new(&email.address, "Set a new password", &text, Some(link))
}

/// The person whose password a link sets, if it still works: one who has proved the address, or is named by it and nothing
/// else, or claims it while nobody has. A person who has given the address up is reached by it no more.
///
/// # Errors
///
/// [`Error::Invalid`] if it does not.
pub fn to_reset(connection: &Connection, token: &str) -> Result<Link> {
    let link = link::find(connection, Purpose::ResetPassword, token)?;
    let works = match address::holder(connection, &link.email.key)? {
        Some(holder) if holder.person_id == link.person_id => holder.standing != Standing::Retired,
        Some(holder) if holder.standing == Standing::Proved => false,
        _ => username::claimed(connection, link.person_id)?.is_some_and(|claimed| claimed.key == link.email.key),
    };
    if works { Ok(link) } else { Err(link::refused()) }
}

/// Sets a new password by a link, and ends every session of the person. Who is known by the address has proved it; a
/// confined person has not: that takes the link of the sign-up, and the password.
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work.
pub async fn reset_password(edit: &Edit, token: &str, password_hash: &str) -> Result<()> {
    let link = to_reset(edit.connection(), token)?;
    link::spend(edit, Purpose::ResetPassword, token)?;
    let holder = address::holder(edit.connection(), &link.email.key)?;
    if holder.is_some_and(|holder| holder.person_id == link.person_id) {
        proof::prove(edit, link.person_id, &link.email).await?;
    }
    person::set_password(edit, link.person_id, password_hash).await
}

/// Mails a link to the next address of a person who has shown the password, or again to the one that a confined person claims.
/// It counts once the link is used. Whose the address is now is not told.
///
/// # Errors
///
/// [`Error::Invalid`] for an address at the directory's own domain, and for a person whose password somebody else has chosen;
/// [`Error::TooManyRequests`] for too many mails to it.
pub async fn ask_to_change(edit: &Edit, person_id: PersonId, email: &Email) -> Result<()> {
    address::refuse_own_domain("email", email).await?;
    person::require_own_password(edit, person_id)?;
    limit::count_from(edit, &format!("person {person_id}"), &email.key)?;
    if username::claimed(edit.connection(), person_id)?.is_some_and(|claimed| claimed.key == email.key) {
        return ask_to_verify(edit, person_id, email).await;
    }
    let due = limit::turn(edit, About::Others, &email.key)?;
    let link = link::make(edit, Purpose::ChangeEmail, person_id, None, email, due).await?;
    let text = "Somebody, probably you, wants to sign in by this e-mail address from now on. If it was you, confirm it within \
                an hour, with your password:";
    outbox::write(edit, &Message::new(&email.address, "Confirm your new e-mail address", text, Some(&link)), due).await
}

/// The address that a link takes back, if it still works.
///
/// # Errors
///
/// [`Error::Invalid`] if it does not.
pub fn to_undo(connection: &Connection, token: &str) -> Result<Email> {
    link::find(connection, Purpose::UndoEmail, token).map(|link| link.email)
}

/// Takes an address back that was changed: it signs in again, and the one that was added and what came after that do not.
/// Whoever changed it knew the password: that is forgotten, every session and every other link ends, and a link to set another
/// is mailed to the address.
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work.
pub async fn undo_email(edit: &Edit, token: &str) -> Result<()> {
    let link = link::spend(edit, Purpose::UndoEmail, token)?;
    let held = address::list(edit.connection(), link.person_id)?;
    let is_held = held.iter().any(|held| held.email.key == link.email.key);
    let undone = held.iter().find(|held| Some(&held.email.key) == link.undoes.as_ref());
    let Some(undone) = undone.filter(|_| is_held) else { return Err(link::refused()) };
    // What came after it was added by whoever added it.
    for later in held.iter().filter(|held| held.proved_at >= undone.proved_at && held.email.key != link.email.key) {
        address::remove(edit, &later.email.key)?;
    }
    proof::prove(edit, link.person_id, &link.email).await?;
    person::lock(edit, link.person_id)?;
    ask_to_reset(edit, link.person_id, &link.email, None).await?;
    edit.record("e-mail taken back", "people", &[(link.person_id, json!({ "email": link.email.address }))]).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::first_start::tests::{author, first_start, person};
    use crate::setting;
    use crate::store::native::run;

    /// Asks for a new password for an address, and says how it went and how many mails wait then.
    async fn asked(address: &str) -> Result<(bool, i64)> {
        let edit = Edit::begin(author("accounts")).await?;
        let is_done = forgot_password(&edit, &Email::parse(address).expect("an address")).await.is_ok();
        if is_done {
            edit.commit().await?;
        }
        let mails = Connection::lease().await?.query_one("SELECT count(*) AS mails FROM outbox", &[])?.take("mails")?;
        Ok((is_done, mails))
    }

    #[test]
    fn a_forgotten_password_of_nobody_is_answered_as_somebodys_is_also_if_nothing_can_be_sealed() {
        run(async {
            first_start().await?;
            setting::set("public_url", "https://accord.example");
            let edit = Edit::begin(author("accounts")).await?;
            person(&edit, "jane@example.com").await?;
            edit.commit().await?;
            assert_eq!(asked("jane@example.com").await?, (true, 1));
            assert_eq!(asked("nobody@example.com").await?, (true, 1), "nothing is sent");
            setting::set("encryption_key", "no key");
            for address in ["jane@example.com", "nobody@example.com"] {
                assert_eq!(asked(address).await?, (false, 1), "{address}");
            }
            Ok(())
        });
    }
}
