//! Invitations: people who are asked into an account, and come in by the link that was mailed to them, or by signing in.
//!
//! An invitation is to an address. Who has proved that may enter, by the link or by naming the account at a sign-in; nobody
//! learns from an invitation whether there is such a person, for each gets an id of its own.

use serde_json::json;

use crate::accounts::hierarchy;
use crate::accounts::members::{self, Added, Called, Door, Meant, Seen, Status};
use crate::auth::caller::Caller;
use crate::auth::limit;
use crate::entry::sign_up::Newcomer;
use crate::entry::{proof, recovery};
use crate::error::{Conflict, Error, Faults, Result};
use crate::people::address::{self, Standing};
use crate::people::link::{self, Link, Purpose};
use crate::people::person::{self, NOT_RIGHT, NewPerson};
use crate::store::draft::ATTEMPTS;
use crate::store::outbox::{self, Message};
use crate::store::{Author, Connection, Edit, Settled};
use crate::values::change::Change;
use crate::values::email::Email;
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;

/// Invites somebody to an account by e-mail, and returns the id by which the account knows the person.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account; [`Error::Invalid`] for an address at
/// the directory's own domain; [`Error::TooManyRequests`] for too many mails to the address; see [`members::add`].
pub async fn invite(
    edit: &Edit,
    caller: &Caller,
    account_id: AccountId,
    newcomer: &Newcomer,
    roles: &[Role],
) -> Result<PersonId> {
    let held = hierarchy::roles(edit.connection(), caller, account_id)?;
    held.require(Role::Manage)?;
    address::refuse_own_domain("email", &newcomer.email).await?;
    let known = address::holder(edit.connection(), &newcomer.email.key)?;
    // Whether the address is known or not, the id that is told was not given out before.
    let holder = known.and_then(|holder| holder.meant());
    let key = newcomer.email.key.as_str();
    let leads_to = match holder.map(|holder| members::meant(edit, account_id, key, holder)).transpose()? {
        Some(Meant::Holder) => holder,
        Some(Meant::StandIn(stand_in)) => Some(stand_in),
        Some(Meant::Nobody) | None => None,
    };
    let told = person::insert(edit, &NewPerson { leads_to, ..NewPerson::default() }).await?.id;
    if holder.is_none() {
        address::insert(edit, &newcomer.email, told, None)?;
    }
    let known_by = Some(key.to_owned());
    let invited = Seen { id: leads_to.unwrap_or(told), known_as: told, known_by, status: Status::Invited };
    if let Added::Member(person_id) = members::add(edit, caller, &held, account_id, invited, roles).await? {
        let names = Called {
            first_name: newcomer.first_name.clone().map_or(Change::Keep, Change::Set),
            last_name: newcomer.last_name.clone().map_or(Change::Keep, Change::Set),
        };
        members::call(edit, account_id, person_id, &names)?;
        send(edit, account_id, person_id, &newcomer.email).await?;
    }
    Ok(told)
}

/// As [`add_known`], in a transaction by itself, planned before the lock.
///
/// # Errors
///
/// As [`add_known`].
pub async fn add_known_alone(
    author: Author,
    caller: &Caller,
    account_id: AccountId,
    person_id: PersonId,
    roles: &[Role],
) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let plan = Edit::plan(author.clone()).await?;
        let added = add_known(&plan, caller, account_id, person_id, roles).await;
        match plan.settle(added).await? {
            Settled::Done(()) => return Ok(()),
            Settled::Overtaken => {}
            Settled::UnderTheLock => break,
        }
    }
    let edit = Edit::begin(author).await?;
    add_known(&edit, caller, account_id, person_id, roles).await?;
    edit.commit().await
}

/// Adds a person whom the caller may see to an account, see [`members::seen_person`].
///
/// # Errors
///
/// As [`invite`]; [`Error::NotFound`] for a person whom the caller may not see, whether or not there is one.
pub async fn add_known(
    edit: &Edit,
    caller: &Caller,
    account_id: AccountId,
    person_id: PersonId,
    roles: &[Role],
) -> Result<()> {
    let (held, seen, candidate) = members::seen_person(edit.connection(), caller, account_id, person_id)?;
    let status = seen.status;
    let added = members::add_candidate(edit, caller, &held, account_id, (seen, candidate), roles).await?;
    match added {
        Added::Member(person_id) if status == Status::Invited => send_again(edit, account_id, person_id).await,
        Added::Member(_) | Added::Refused(_) => Ok(()),
    }
}

/// Sends an invitation again. The link of the one before works no more.
///
/// # Errors
///
/// As [`invite`]; [`Error::NotFound`] for somebody who is no member, [`Error::Conflict`] with [`Conflict::NotInvited`].
pub async fn invite_again(edit: &Edit, caller: &Caller, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let held = hierarchy::roles(edit.connection(), caller, account_id)?;
    held.require(Role::Manage)?;
    let person_id = members::require_invited(edit, caller, &held, account_id, person_id)?;
    send_again(edit, account_id, person_id).await?;
    edit.record("invited", "memberships", &[(person_id, json!({ "account": account_id }))]).await
}

/// Takes an invitation back: its link works no more, and what it offered is gone. What another door has given stays.
///
/// # Errors
///
/// As [`invite_again`].
pub async fn take_back(edit: &Edit, caller: &Caller, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let held = hierarchy::roles(edit.connection(), caller, account_id)?;
    held.require(Role::Manage)?;
    let person_id = members::require_invited(edit, caller, &held, account_id, person_id)?;
    edit.run(
        "DELETE FROM links WHERE account_id = ?1 AND person_id = ?2 AND purpose = 'invitation'",
        &[account_id.into(), person_id.into()],
    )?;
    members::release(edit, account_id, person_id, Door::Accounts).await?;
    // Where another door has opened as well, what the invitation called the person goes with it.
    members::call(edit, account_id, person_id, &Called { first_name: Change::Clear, last_name: Change::Clear })?;
    edit.record("invitation taken back", "memberships", &[(person_id, json!({ "account": account_id }))]).await
}

/// Sends an invitation to the address that the one before went to; or else to the person's own that a record of the account
/// names, or the account above as its administrator's; or else to the first that the person has proved.
async fn send_again(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<()> {
    let row = edit.run_first(
        "SELECT l.address, l.key, 0 AS turn FROM links l
          WHERE l.account_id = ?1 AND l.person_id = ?2 AND l.purpose = 'invitation'
         UNION ALL
         SELECT d.address, d.key, CASE
                WHEN EXISTS (SELECT 1 FROM records r WHERE r.account_id = ?1 AND r.email_key = d.key) THEN 1
                WHEN lower(d.address) = (SELECT lower(a.email_admin) FROM accounts a WHERE a.id = ?1) THEN 2
                ELSE 3 + ifnull(d.proved_at, 0) END
           FROM addresses d WHERE d.person_id = ?2 AND d.retired_at IS NULL
         UNION ALL
         SELECT m.known_by, m.known_by, 1 FROM memberships m
          WHERE m.account_id = ?1 AND m.person_id = ?2 AND m.known_by IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM addresses d WHERE d.person_id = m.person_id)
          ORDER BY turn LIMIT 1",
        &[account_id.into(), person_id.into()],
    )?;
    let mut row = row.ok_or(Error::Conflict(Conflict::NoAddress))?;
    let email = Email { address: row.take("address")?, key: row.take("key")? };
    send(edit, account_id, person_id, &email).await
}

async fn send(edit: &Edit, account_id: AccountId, person_id: PersonId, email: &Email) -> Result<()> {
    let due = limit::turn_from(edit, &format!("account {account_id}"), &email.key)?;
    let mut row = edit.run_one("SELECT name FROM accounts WHERE id = ?", &[account_id.into()])?;
    let account: String = row.take("name")?;
    let link = link::make(edit, Purpose::Invitation, person_id, Some(account_id), email, due).await?;
    // What an account calls itself is no subject: it would let anybody write one.
    let text = format!("You are invited to join “{account}”. The invitation is good for seven days:");
    let message = Message::new(&email.address, "You are invited to an account", &text, Some(&link));
    outbox::write(edit, &message, due).await
}

/// Who comes in by an invitation, alone: whoever has proved the address that it was mailed to, or else whoever is named by it.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The person.
    pub person_id: PersonId,
    /// The hash of the person's password: none for somebody who begins with this.
    pub password_hash: Option<String>,
}

/// Who comes in by the link `token` alone.
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work.
pub fn guest(connection: &Connection, token: &str) -> Result<Guest> {
    let link = link::find(connection, Purpose::Invitation, token)?;
    guest_of(connection, &link)
}

/// What an invitation says.
#[derive(Clone, Debug)]
pub struct Invited {
    /// What the account is called: the words of others.
    pub account_name: String,
    /// The address that it was mailed to.
    pub email: Email,
    /// Whether the address is that of somebody who has a password. Who has the link may know.
    pub is_known: bool,
}

/// What the invitation of the link `token` says.
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work.
pub fn look(connection: &Connection, token: &str) -> Result<Invited> {
    let link = link::find(connection, Purpose::Invitation, token)?;
    let is_known = guest_of(connection, &link)?.password_hash.is_some();
    let mut row = connection.query_one("SELECT name FROM accounts WHERE id = ?", &[link.account_id.into()])?;
    Ok(Invited { account_name: row.take("name")?, email: link.email, is_known })
}

/// Refuses an invitation by the link.
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work.
pub(super) async fn refuse(edit: &Edit, token: &str) -> Result<()> {
    let link = link::spend(edit, Purpose::Invitation, token)?;
    let guest = guest_of(edit.connection(), &link)?;
    let account_id = link.account_id.ok_or_else(link::refused)?;
    let stands_in = members::stands_in(edit, link.person_id)?;
    let person_id = if stands_in { link.person_id } else { guest.person_id };
    match members::leave(edit, account_id, person_id).await {
        // Who has entered meanwhile, or is shut out, has nothing to refuse.
        Err(Error::NotFound(_)) => Err(link::refused()),
        left => left,
    }
}

fn guest_of(connection: &Connection, link: &Link) -> Result<Guest> {
    let holder = address::holder(connection, &link.email.key)?;
    let holder = holder.filter(|holder| holder.standing != Standing::Retired).ok_or_else(link::refused)?;
    let password_hash = person::credentials(connection, holder.person_id)?.password_hash;
    Ok(Guest { person_id: holder.person_id, password_hash })
}

/// Accepts an invitation by the link alone. `password_hash` is the hash of a password for somebody who has none; somebody
/// who has one keeps it, and has proved it, see [`crate::sign_in::credentials::prove`].
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work, and for a new password of somebody who has one.
pub async fn accept(edit: &Edit, token: &str, password_hash: Option<&str>) -> Result<()> {
    let link = link::spend(edit, Purpose::Invitation, token)?;
    let guest = guest_of(edit.connection(), &link)?;
    join(edit, &link, guest.person_id).await?;
    match (&guest.password_hash, password_hash) {
        (None, Some(hash)) => person::set_password(edit, guest.person_id, hash).await,
        // Set by another link between the look and the lock: it was not proved.
        (Some(_), Some(_)) => Err(Error::Invalid(Faults::of("password", NOT_RIGHT))),
        (_, None) => Ok(()),
    }
}

/// Whether the address that an invitation was mailed to is the person's already: to get another one takes the password.
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work.
pub fn is_to(connection: &Connection, token: &str, person_id: PersonId) -> Result<bool> {
    let link = link::find(connection, Purpose::Invitation, token)?;
    let holder = address::holder(connection, &link.email.key)?;
    Ok(holder.is_some_and(|holder| holder.person_id == person_id && holder.standing == Standing::Proved))
}

/// Accepts an invitation as somebody who is signed in: the address becomes the person's, and those that the person has are told
/// of it.
///
/// # Errors
///
/// [`Error::Invalid`] for a link that does not work; [`Error::Conflict`] with [`Conflict::AddressTaken`] if somebody else has
/// proved the address.
pub async fn accept_as(edit: &Edit, token: &str, person_id: PersonId) -> Result<()> {
    let link = link::spend(edit, Purpose::Invitation, token)?;
    let before = address::list(edit.connection(), person_id)?;
    join(edit, &link, person_id).await?;
    let is_new = !before.iter().any(|held| held.email.key == link.email.key && held.retired_at.is_none());
    if is_new { recovery::tell_before(edit, person_id, &before, &link.email).await } else { Ok(()) }
}

/// The person enters the account of an invitation. Whom the account has shut out meanwhile stays so.
async fn join(edit: &Edit, link: &Link, person_id: PersonId) -> Result<()> {
    proof::prove(edit, person_id, &link.email).await?;
    let account_id = link.account_id.ok_or_else(link::refused)?;
    // Who stood for the address in the account turns out to be a member of it.
    if link.person_id != person_id && members::stands_in(edit, link.person_id)? {
        proof::merge(edit, link.person_id, person_id).await?;
    }
    members::enter(edit, account_id, person_id, Some(&link.email.key)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::accounts::members::Change as MemberChange;
    use crate::entry::first_start::tests::{Operator, account, author, first_start, person, signed_in};
    use crate::error::Thing;
    use crate::setting;
    use crate::store::native::run;
    use crate::values::email::Email;
    use crate::values::id::Id as _;
    use crate::values::time::{Time, clock};

    /// An edit, in it the account Acme, and its manager.
    async fn acme(operator: &Operator) -> Result<(Edit, AccountId, Caller)> {
        setting::set("public_url", "https://accord.example/");
        let edit = Edit::begin(author("accounts")).await?;
        let acme = account(&edit, operator.id, "Acme").await?;
        let manager = person(&edit, "manager@example.com").await?;
        let roles = hierarchy::roles(edit.connection(), &operator.administrator, acme)?;
        let at_once = Seen { id: manager, known_as: manager, known_by: None, status: Status::Active };
        members::add(&edit, &operator.administrator, &roles, acme, at_once, &[Role::Manage]).await?;
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
        let statement = "SELECT status FROM memberships WHERE account_id = ? AND person_id = ?";
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
            let known = person::credentials(edit.connection(), jane)?;
            assert_eq!(known.password_hash.as_deref(), Some("$argon2id$"));
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
            let stranger = signed_in(person(&edit, "stranger@example.com").await?);
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
    fn a_person_is_added_by_whoever_sees_the_person_and_is_unknown_to_everybody_else() {
        run(async {
            let operator = first_start().await?;
            let (edit, acme, manager) = acme(&operator).await?;
            let other = account(&edit, operator.id, "Other").await?;
            let elsewhere = person(&edit, "elsewhere@example.com").await?;
            members::found(&edit, other, elsewhere).await?;
            for unknown in [elsewhere, person(&edit, "nowhere@example.com").await?] {
                let refused = add_known(&edit, &manager, acme, unknown, &[Role::User]).await;
                assert!(matches!(refused, Err(Error::NotFound(Thing::Person))), "{refused:?}");
            }
            add_known(&edit, &operator.administrator, acme, elsewhere, &[Role::User]).await?;
            assert_eq!(status(&edit, acme, elsewhere)?, "active");
            Ok(())
        });
    }

    #[test]
    fn who_does_not_manage_an_account_learns_of_nobody_by_adding() {
        run(async {
            let operator = first_start().await?;
            let (edit, acme, manager) = acme(&operator).await?;
            let other = account(&edit, operator.id, "Other").await?;
            let user = invite(&edit, &manager, acme, &newcomer("user@example.com"), &[Role::User]).await?;
            accept(&edit, &mailed(&edit)?.1, None).await?;
            let gone = AccountId::from_number(i64::from(u32::MAX));
            for person in [user, person(&edit, "nowhere@example.com").await?] {
                for unseen in [other, gone] {
                    let refused = add_known(&edit, &manager, unseen, person, &[Role::User]).await;
                    assert!(matches!(refused, Err(Error::NotFound(Thing::Account))), "{refused:?}");
                }
                let refused = add_known(&edit, &signed_in(user), acme, person, &[Role::User]).await;
                assert!(matches!(refused, Err(Error::Forbidden { needs: "the role manage" })), "{refused:?}");
            }
            Ok(())
        });
    }

    #[test]
    fn who_is_asked_by_an_address_is_unknown_by_the_id_of_its_person_until_that_one_enters() {
        run(async {
            let (edit, acme, manager) = acme(&first_start().await?).await?;
            let jane = person(&edit, "jane@example.com").await?;
            let told = invite(&edit, &manager, acme, &newcomer("jane@example.com"), &[Role::User]).await?;
            let add = async |id| add_known(&edit, &manager, acme, id, &[Role::User]).await;
            let refused = add(jane).await;
            assert!(matches!(refused, Err(Error::NotFound(Thing::Person))), "whose the address is: {refused:?}");
            let refused = add(told).await;
            assert!(matches!(refused, Err(Error::Conflict(Conflict::AlreadyMember))), "{refused:?}");
            accept(&edit, &mailed(&edit)?.1, None).await?;
            let refused = add(jane).await;
            assert!(matches!(refused, Err(Error::Conflict(Conflict::AlreadyMember))), "it has entered: {refused:?}");
            Ok(())
        });
    }

    #[test]
    fn an_invitation_sets_no_password_where_there_is_one() {
        run(async {
            let operator = first_start().await?;
            let (edit, acme, manager) = acme(&operator).await?;
            let jane = person(&edit, "jane@example.com").await?;
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
            let known = person::credentials(edit.connection(), jane)?;
            assert_eq!(known.password_hash.as_deref(), Some("$argon2id$of-jane"));
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
                let change = MemberChange { roles: None, active: Some(active) };
                members::update(&edit, &manager, &held, acme, jane, &change).await?;
                assert_eq!(status(&edit, acme, jane)?, expected);
            }
            accept(&edit, &mailed(&edit)?.1, None).await?;
            assert_eq!(status(&edit, acme, jane)?, "inactive");
            Ok(())
        });
    }

    #[test]
    fn to_refuse_what_came_to_another_address_of_a_member_is_not_to_leave() {
        run(async {
            let (edit, acme, manager) = acme(&first_start().await?).await?;
            let jane = person(&edit, "jane@example.com").await?;
            members::found(&edit, acme, jane).await?;
            let other = newcomer("other@example.com");
            address::insert(&edit, &other.email, jane, Some(Time::now() - Duration::from_secs(1)))?;
            let told = invite(&edit, &manager, acme, &other, &[Role::User]).await?;
            refuse(&edit, &mailed(&edit)?.1).await?;
            assert_eq!(
                (status(&edit, acme, jane)?, status(&edit, acme, told)?),
                ("active".to_owned(), "refused".to_owned())
            );
            let again = invite(&edit, &manager, acme, &other, &[Role::User]).await?;
            assert_eq!(mailed(&edit)?.0, 1, "nobody asks {again} again");
            Ok(())
        });
    }
}
