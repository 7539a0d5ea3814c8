//! Invitations: people who are asked into an account, and come in by the link that was mailed to them.

use serde_json::json;

use crate::accounts::{hierarchy, members};
use crate::auth::caller::Caller;
use crate::entry::sign_up::Newcomer;
use crate::error::{Conflict, Error, Faults, Result, Thing};
use crate::people::link::{self, Purpose};
use crate::people::person;
use crate::sign_in::credentials::NOT_RIGHT;
use crate::store::{Edit, outbox};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;
use crate::values::time::Time;

/// Invites somebody to an account by e-mail. Who is not known yet becomes a person of that account; who is known is asked.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account; see [`members::add`].
pub async fn invite(
    edit: &Edit,
    caller: &Caller,
    account_id: AccountId,
    newcomer: &Newcomer,
    roles: &[Role],
) -> Result<PersonId> {
    let held = hierarchy::roles(edit.connection(), caller, account_id)?;
    held.require(Role::Manage)?;
    let person_id = match person::find_by_address(edit, &newcomer.email.key)? {
        Some((id, _)) => id,
        None => person::insert(edit, account_id, &newcomer.person(None)).await?.id,
    };
    members::add(edit, caller, &held, account_id, person_id, roles, false).await?;
    send(edit, account_id, person_id).await?;
    Ok(person_id)
}

/// Adds a known person to an account: at once if the caller may see the person, else by an invitation. So nobody is drawn
/// into a stranger's account.
///
/// # Errors
///
/// As [`invite`]; [`Error::NotFound`] for an unknown person.
pub async fn add_known(
    edit: &Edit,
    caller: &Caller,
    account_id: AccountId,
    person_id: PersonId,
    roles: &[Role],
) -> Result<()> {
    let held = hierarchy::roles(edit.connection(), caller, account_id)?;
    held.require(Role::Manage)?;
    let seen = members::sees_person(edit.connection(), caller, person_id)?.ok_or(Error::NotFound(Thing::Person))?;
    members::add(edit, caller, &held, account_id, person_id, roles, seen).await?;
    if !seen {
        send(edit, account_id, person_id).await?;
    }
    Ok(())
}

/// Sends an invitation again. The link of the one before works no more.
///
/// # Errors
///
/// As [`invite`]; [`Error::NotFound`] for somebody who is no member, [`Error::Conflict`] with [`Conflict::NotInvited`].
pub async fn invite_again(edit: &Edit, caller: &Caller, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let held = hierarchy::roles(edit.connection(), caller, account_id)?;
    held.require(Role::Manage)?;
    let row = edit.run_first(
        "SELECT status = 'invited' AS invited FROM memberships WHERE account_id = ?1 AND user_id = ?2",
        &[account_id.into(), person_id.into()],
    )?;
    if !row.ok_or(Error::NotFound(Thing::Person))?.take::<bool>("invited")? {
        return Err(Error::Conflict(Conflict::NotInvited));
    }
    members::require_rank(edit, caller, &held, account_id, person_id)?;
    send(edit, account_id, person_id).await?;
    edit.record("invited", "memberships", &[(person_id, json!({ "account": account_id }))]).await
}

async fn send(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let row = edit.run_first(
        "SELECT u.email, u.email_key, a.name FROM users u, accounts a
          WHERE u.id = ?1 AND a.id = ?2 AND u.email IS NOT NULL",
        &[person_id.into(), account_id.into()],
    )?;
    let mut row = row.ok_or(Error::Conflict(Conflict::NoAddress))?;
    let (to, key, account): (String, String, String) = (row.take("email")?, row.take("email_key")?, row.take("name")?);
    let link = link::make(edit, Purpose::Invitation, person_id, Some(account_id), &key).await?;
    let text = format!("You are invited to join {account}. The invitation is good for seven days:");
    outbox::write(edit, &link::message(&to, &format!("Invitation to {account}"), &text, &link))
}

/// Accepts an invitation. `password_hash` is the hash of a password for somebody who has none; somebody who has one keeps
/// it, and has proved it, see [`crate::sign_in::credentials::prove`].
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work, and for a new password of somebody who has one.
pub async fn accept(edit: &Edit, token: &str, password_hash: Option<&str>) -> Result<()> {
    let bearer = link::spend(edit, Purpose::Invitation, token)?;
    // One who was made inactive meanwhile stays so.
    edit.run(
        "UPDATE memberships SET status = 'active', updated_at = ?3
          WHERE account_id = ?1 AND user_id = ?2 AND status = 'invited'",
        &[bearer.account_id.into(), bearer.person_id.into(), Time::now().into()],
    )?;
    match (&bearer.password_hash, password_hash) {
        (None, Some(hash)) => person::set_password(edit, bearer.person_id, hash).await?,
        // Set by another link between the look and the lock: it was not proved.
        (Some(_), Some(_)) => return Err(Error::Invalid(Faults::of("password", NOT_RIGHT))),
        (_, None) => {}
    }
    edit.record("accepted", "memberships", &[(bearer.person_id, json!({ "account": bearer.account_id }))]).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::accounts::members::Change;
    use crate::entry::first_start::tests::{Operator, account, author, first_start, person, signed_in};
    use crate::setting;
    use crate::store::native::run;
    use crate::values::email::Email;
    use crate::values::time::clock;

    /// An edit, in it the account Acme, and its manager.
    async fn acme(operator: &Operator) -> Result<(Edit, AccountId, Caller)> {
        setting::set("public_url", "https://accord.example/");
        let edit = Edit::begin(author("accounts")).await?;
        let acme = account(&edit, operator.id, "Acme").await?;
        let manager = person(&edit, acme, "manager@example.com").await?;
        let roles = hierarchy::roles(edit.connection(), &operator.administrator, acme)?;
        members::add(&edit, &operator.administrator, &roles, acme, manager, &[Role::Manage], true).await?;
        Ok((edit, acme, signed_in(manager)))
    }

    fn newcomer(address: &str) -> Newcomer {
        let email = Email::parse(address).expect("an address");
        Newcomer { email, first_name: None, last_name: None }
    }

    /// How many mails there are, and what the link of the last one carries.
    fn mailed(edit: &Edit) -> Result<(usize, String)> {
        let mut mails = edit.run("SELECT text FROM outbox ORDER BY id DESC", &[])?;
        let text: String = mails[0].take("text")?;
        let (_, token) = text.split_once("https://accord.example/accept-invitation#token=").expect("a link");
        Ok((mails.len(), token.trim().to_owned()))
    }

    fn status(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<String> {
        let statement = "SELECT status FROM memberships WHERE account_id = ? AND user_id = ?";
        edit.run_one(statement, &[account_id.into(), person_id.into()])?.take("status")
    }

    #[test]
    fn who_accepts_an_invitation_has_the_roles_that_were_given_and_nobody_before() {
        run(async {
            let (edit, acme, manager) = acme(&first_start().await?).await?;
            let jane = invite(&edit, &manager, acme, &newcomer("jane@example.com"), &[Role::User]).await?;
            let roles = || hierarchy::roles(edit.connection(), &signed_in(jane), acme);
            assert!(matches!(roles(), Err(Error::NotFound(Thing::Account))), "{:?}", roles());
            accept(&edit, &mailed(&edit)?.1, Some("$argon2id$")).await?;
            assert_eq!(roles()?.rank(), Some(Role::User));
            let (_, hash) = person::credentials(edit.connection(), jane)?;
            assert_eq!(hash.as_deref(), Some("$argon2id$"));
            Ok(())
        });
    }

    #[test]
    fn an_invitation_works_once_for_seven_days_and_until_the_next_one() {
        run(async {
            let (edit, acme, manager) = acme(&first_start().await?).await?;
            let jane = invite(&edit, &manager, acme, &newcomer("jane@example.com"), &[Role::User]).await?;
            let first = mailed(&edit)?.1;
            invite_again(&edit, &manager, acme, jane).await?;
            let second = mailed(&edit)?.1;
            let refused = accept(&edit, &first, None).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "another followed: {refused:?}");
            clock::advance(Duration::from_hours(7 * 24));
            let refused = accept(&edit, &second, None).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "seven days are over: {refused:?}");
            invite_again(&edit, &manager, acme, jane).await?;
            let third = mailed(&edit)?.1;
            clock::advance(Duration::from_hours(7 * 24) - Duration::from_millis(1));
            accept(&edit, &third, None).await?;
            let refused = accept(&edit, &third, None).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "it was used: {refused:?}");
            let refused = invite_again(&edit, &manager, acme, jane).await;
            assert!(matches!(refused, Err(Error::Conflict(Conflict::NotInvited))), "{refused:?}");
            Ok(())
        });
    }

    #[test]
    fn nobody_invites_who_does_not_manage_the_account_or_to_more_than_they_hold() {
        run(async {
            let operator = first_start().await?;
            let (edit, acme, manager) = acme(&operator).await?;
            let jane = newcomer("jane@example.com");
            let stranger = signed_in(person(&edit, operator.id, "stranger@example.com").await?);
            let refused = invite(&edit, &stranger, acme, &jane, &[Role::Viewer]).await;
            assert!(matches!(refused, Err(Error::NotFound(Thing::Account))), "{refused:?}");
            let user = invite(&edit, &manager, acme, &newcomer("user@example.com"), &[Role::User]).await?;
            accept(&edit, &mailed(&edit)?.1, None).await?;
            let refused = invite(&edit, &signed_in(user), acme, &jane, &[Role::Viewer]).await;
            assert!(matches!(refused, Err(Error::Forbidden { needs: "the role manage" })), "{refused:?}");
            let refused = invite(&edit, &manager, acme, &jane, &[Role::Admin]).await;
            assert!(matches!(refused, Err(Error::Forbidden { needs: "the role admin" })), "{refused:?}");
            Ok(())
        });
    }

    #[test]
    fn a_known_person_is_asked_unless_the_caller_sees_the_person_already() {
        run(async {
            let operator = first_start().await?;
            let (edit, acme, manager) = acme(&operator).await?;
            let elsewhere = person(&edit, operator.id, "elsewhere@example.com").await?;
            let inside = person(&edit, acme, "inside@example.com").await?;
            add_known(&edit, &manager, acme, elsewhere, &[Role::User]).await?;
            assert_eq!((status(&edit, acme, elsewhere)?.as_str(), mailed(&edit)?.0), ("invited", 1));
            add_known(&edit, &manager, acme, inside, &[Role::User]).await?;
            assert_eq!((status(&edit, acme, inside)?.as_str(), mailed(&edit)?.0), ("active", 1));
            Ok(())
        });
    }

    #[test]
    fn an_invitation_sets_no_password_where_there_is_one() {
        run(async {
            let operator = first_start().await?;
            let (edit, acme, manager) = acme(&operator).await?;
            let jane = person(&edit, operator.id, "jane@example.com").await?;
            person::set_password(&edit, jane, "$argon2id$of-jane").await?;
            invite(&edit, &manager, acme, &newcomer("Jane@example.com"), &[Role::User]).await?;
            edit.commit().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let token = mailed(&edit)?.1;
            let refused = accept(&edit, &token, Some("$argon2id$another")).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
            drop(edit);
            let edit = Edit::begin(author("accounts")).await?;
            accept(&edit, &token, None).await?;
            let (_, hash) = person::credentials(edit.connection(), jane)?;
            assert_eq!(hash.as_deref(), Some("$argon2id$of-jane"));
            Ok(())
        });
    }

    #[test]
    fn who_was_invited_is_active_only_by_accepting_and_not_if_made_inactive_meanwhile() {
        run(async {
            let (edit, acme, manager) = acme(&first_start().await?).await?;
            let held = hierarchy::roles(edit.connection(), &manager, acme)?;
            let jane = invite(&edit, &manager, acme, &newcomer("jane@example.com"), &[Role::User]).await?;
            for (active, expected) in [(true, "invited"), (false, "inactive"), (true, "invited"), (false, "inactive")] {
                let change = Change { roles: None, active: Some(active) };
                members::update(&edit, &manager, &held, acme, jane, &change).await?;
                assert_eq!(status(&edit, acme, jane)?, expected);
            }
            accept(&edit, &mailed(&edit)?.1, None).await?;
            assert_eq!(status(&edit, acme, jane)?, "inactive");
            Ok(())
        });
    }
}
