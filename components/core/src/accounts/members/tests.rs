//! Who may decide about a member, what stands against which door, and the owner that an account keeps.

use super::standing::{Member, sorted};
use super::*;
use crate::accounts::hierarchy;
use crate::accounts::role::Roles;
use crate::auth::caller::Caller;
use crate::entry::first_start::tests::{account, author, first_start, person, signed_in};
use crate::error::{Conflict, Error, Result, Thing};
use crate::store::native::run;
use crate::store::{Connection, Edit};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;

/// Gives a person roles in an account, by hand.
async fn join(edit: &Edit, account_id: AccountId, person_id: PersonId, roles: &[Role], status: Status) -> Result<()> {
    let given = Grant {
        door: Door::Accounts,
        roles,
        rank: Some(Role::Owner),
        status,
        known_as: Some(person_id),
        known_by: None,
    };
    assert!(grant(edit, account_id, person_id, given).await?);
    Ok(())
}

/// Makes a person who has entered an account and has these roles there.
async fn member(edit: &Edit, account_id: AccountId, roles: &[Role]) -> Result<PersonId> {
    let mut row = edit.run_one("SELECT 'somebody' || count(*) || '@example.com' AS address FROM people", &[])?;
    let person_id = person(edit, &row.take::<String>("address")?).await?;
    join(edit, account_id, person_id, roles, Status::Active).await?;
    enter(edit, account_id, person_id, None).await?;
    Ok(person_id)
}

/// Somebody whom the caller adds at once.
fn at_once(id: PersonId) -> Seen {
    Seen { id, known_as: id, known_by: None, status: Status::Active }
}

/// The roles of a member, the weakest first.
fn roles_of(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<Vec<&'static str>> {
    Ok(sorted(&Member::require(edit, account_id, person_id)?.roles))
}

/// A person as a caller, and what the person holds in an account.
fn calling(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<(Caller, Roles)> {
    let caller = signed_in(person_id);
    let held = hierarchy::roles(edit.connection(), &caller, account_id)?;
    Ok((caller, held))
}

#[test]
fn nobody_gives_or_takes_a_role_that_is_stronger_than_what_they_hold() {
    run(async {
        let operator = first_start().await?;
        let edit = Edit::begin(author("accounts")).await?;
        let acme = account(&edit, operator.id, "Acme").await?;
        // An account without an owner has a rule of its own, see below.
        member(&edit, acme, &[Role::Owner]).await?;
        let somebody = async |roles: &[Role]| member(&edit, acme, roles).await;
        for holds in Role::ALL {
            let (caller, held) = calling(&edit, acme, member(&edit, acme, &[holds]).await?)?;
            for role in Role::ALL {
                let newcomer = member(&edit, operator.id, &[]).await?;
                let gets = Change { roles: Some(vec![Role::Viewer, role]), active: None };
                let loses = Change { roles: Some(vec![Role::Viewer]), active: None };
                let attempts = [
                    add(&edit, &caller, &held, acme, at_once(newcomer), &[role]).await.map(drop),
                    update(&edit, &caller, &held, acme, somebody(&[Role::Viewer]).await?, &gets).await,
                    update(&edit, &caller, &held, acme, somebody(&[role]).await?, &loses).await,
                    remove(&edit, &caller, &held, acme, somebody(&[role]).await?).await,
                ];
                for attempt in attempts {
                    match attempt {
                        Ok(()) => assert!(role <= holds, "{holds:?} {role:?}"),
                        Err(Error::Forbidden { .. }) => assert!(role > holds, "{holds:?} {role:?}"),
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(())
    });
}

#[test]
fn the_first_owner_is_given_by_whoever_manages_the_account_above() {
    run(async {
        let operator = first_start().await?;
        let edit = Edit::begin(author("accounts")).await?;
        let acme = account(&edit, operator.id, "Acme").await?;
        let (inside, held_inside) = calling(&edit, acme, member(&edit, acme, &[Role::Manage]).await?)?;
        let (above, held_above) = calling(&edit, acme, member(&edit, operator.id, &[Role::Manage]).await?)?;
        assert_eq!(held_inside, held_above, "they hold the same in the account");

        let (first, second) = (member(&edit, acme, &[]).await?, member(&edit, acme, &[]).await?);
        let owns = Change { roles: Some(vec![Role::Owner]), active: None };
        let refused = update(&edit, &inside, &held_inside, acme, first, &owns).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
        update(&edit, &above, &held_above, acme, first, &owns).await?;
        let refused = update(&edit, &above, &held_above, acme, second, &owns).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })), "it is founded: {refused:?}");
        Ok(())
    });
}

#[test]
fn an_account_keeps_an_owner_who_can_sign_in() {
    run(async {
        let operator = first_start().await?;
        let edit = Edit::begin(author("accounts")).await?;
        let acme = account(&edit, operator.id, "Acme").await?;
        let last = member(&edit, acme, &[Role::Owner]).await?;
        // Neither of these can sign in to the account.
        let invited = person(&edit, "invited@example.com").await?;
        join(&edit, acme, invited, &[Role::Owner], Status::Invited).await?;
        let elsewhere = person(&edit, "elsewhere@example.com").await?;
        join(&edit, acme, elsewhere, &[Role::Owner], Status::Active).await?;
        for cannot in [
            "UPDATE people SET password_hash = NULL WHERE id = ?",
            "UPDATE addresses SET proved_at = NULL WHERE person_id = ?",
            "UPDATE addresses SET retired_at = 1 WHERE person_id = ?",
        ] {
            let owner = member(&edit, acme, &[Role::Owner]).await?;
            edit.run(cannot, &[owner.into()])?;
        }
        edit.commit().await?;

        let caller = &operator.administrator;
        let held = hierarchy::roles(&Connection::lease().await?, caller, acme)?;
        // Each attempt is a transaction of its own, which is rolled back.
        let attempt = async |change: Option<Change>| {
            let edit = Edit::begin(author("accounts")).await?;
            match change {
                Some(change) => update(&edit, caller, &held, acme, last, &change).await,
                None => remove(&edit, caller, &held, acme, last).await,
            }
        };
        let attempts = [
            Some(Change { roles: Some(vec![Role::Admin]), active: None }),
            Some(Change { roles: None, active: Some(false) }),
            None,
        ];
        for change in attempts.clone() {
            let refused = attempt(change).await;
            assert!(matches!(refused, Err(Error::Conflict(Conflict::LastOwner))), "{refused:?}");
        }
        let edit = Edit::begin(author("accounts")).await?;
        assert_eq!(roles_of(&edit, acme, last)?, ["owner"], "what is refused is not done");
        member(&edit, acme, &[Role::Owner]).await?;
        edit.commit().await?;
        for change in attempts {
            attempt(change).await?;
        }
        Ok(())
    });
}

#[test]
fn the_roles_that_are_given_replace_those_that_were_there() {
    run(async {
        let operator = first_start().await?;
        let edit = Edit::begin(author("accounts")).await?;
        let caller = &operator.administrator;
        let held = hierarchy::roles(edit.connection(), caller, operator.id)?;
        let member = member(&edit, operator.id, &[Role::Manage, Role::User]).await?;
        let change = Change { roles: Some(vec![Role::User, Role::Viewer]), active: None };
        update(&edit, caller, &held, operator.id, member, &change).await?;
        assert_eq!(roles_of(&edit, operator.id, member)?, ["viewer", "user"]);
        let again = add(&edit, caller, &held, operator.id, at_once(member), &[Role::Admin]).await;
        assert!(matches!(again, Err(Error::Conflict(Conflict::AlreadyMember))), "{again:?}");
        assert_eq!(roles_of(&edit, operator.id, member)?, ["viewer", "user"], "they stay");
        Ok(())
    });
}

#[test]
fn who_is_removed_has_no_role_and_no_session_in_the_account() {
    run(async {
        let operator = first_start().await?;
        let edit = Edit::begin(author("accounts")).await?;
        let acme = account(&edit, operator.id, "Acme").await?;
        let caller = &operator.administrator;
        let held = hierarchy::roles(edit.connection(), caller, operator.id)?;
        let leaves = member(&edit, operator.id, &[Role::Viewer]).await?;
        join(&edit, acme, leaves, &[Role::Viewer], Status::Active).await?;
        for account_id in [operator.id, acme] {
            edit.run(
                "INSERT INTO refresh_tokens (digest, family, person_id, account_id, scopes, created_at, expires_at)
                 VALUES (randomblob(32), 'f', ?1, ?2, '', 0, 0)",
                &[leaves.into(), account_id.into()],
            )?;
        }
        remove(&edit, caller, &held, operator.id, leaves).await?;
        let found = hierarchy::roles(edit.connection(), &signed_in(leaves), operator.id);
        assert!(matches!(found, Err(Error::NotFound(Thing::Account))), "{found:?}");
        let mut sessions = edit.run("SELECT account_id FROM refresh_tokens", &[])?;
        assert_eq!((sessions.len(), sessions[0].take::<AccountId>("account_id")?), (1, acme));
        let gone = remove(&edit, caller, &held, operator.id, leaves).await;
        assert!(matches!(gone, Err(Error::NotFound(Thing::Person))), "{gone:?}");
        Ok(())
    });
}

#[test]
fn what_is_removed_or_refused_no_door_brings_back_and_only_who_set_the_block_lifts_it() {
    run(async {
        let operator = first_start().await?;
        let edit = Edit::begin(author("accounts")).await?;
        let acme = account(&edit, operator.id, "Acme").await?;
        member(&edit, acme, &[Role::Owner]).await?;
        let (manager, held) = calling(&edit, acme, member(&edit, acme, &[Role::Manage]).await?)?;
        let (admin, held_by_admin) = calling(&edit, acme, member(&edit, acme, &[Role::Admin]).await?)?;
        let portal = Grant {
            door: Door::Portal,
            roles: &[Role::User],
            rank: None,
            status: Status::Active,
            known_as: None,
            known_by: None,
        };
        let removed = member(&edit, acme, &[Role::Admin]).await?;
        remove(&edit, &admin, &held_by_admin, acme, removed).await?;
        let refuses = member(&edit, acme, &[Role::User]).await?;
        leave(&edit, acme, refuses).await?;
        for person_id in [removed, refuses] {
            assert!(!grant(&edit, acme, person_id, portal).await?, "a binding brings nobody back");
        }
        let lifted = add(&edit, &manager, &held, acme, at_once(removed), &[Role::User]).await;
        assert!(matches!(lifted, Err(Error::Forbidden { .. })), "it takes the rank of who was removed: {lifted:?}");
        let lifted = add(&edit, &admin, &held_by_admin, acme, at_once(removed), &[Role::User]).await?;
        assert_eq!(lifted, Added::Member(removed));
        let asked = add(&edit, &admin, &held_by_admin, acme, at_once(refuses), &[Role::User]).await?;
        assert_eq!(asked, Added::Refused(refuses), "nobody is drawn back");
        assert!(roles_of(&edit, acme, refuses).is_err());
        Ok(())
    });
}

#[test]
fn a_door_takes_away_what_it_gave_and_nothing_else() {
    run(async {
        let operator = first_start().await?;
        let edit = Edit::begin(author("accounts")).await?;
        let acme = account(&edit, operator.id, "Acme").await?;
        let jane = person(&edit, "jane@example.com").await?;
        for (door, role) in [(Door::Portal, Role::User), (Door::Endpoint, Role::Viewer)] {
            let given =
                Grant { door, roles: &[role], rank: None, status: Status::Active, known_as: None, known_by: None };
            assert!(grant(&edit, acme, jane, given).await?);
            assert!(!grant(&edit, acme, jane, given).await?, "again it changes nothing");
        }
        assert_eq!(roles_of(&edit, acme, jane)?, ["viewer", "user"]);
        release(&edit, acme, jane, Door::Portal).await?;
        assert_eq!(roles_of(&edit, acme, jane)?, ["viewer"]);
        release(&edit, acme, jane, Door::Endpoint).await?;
        assert!(roles_of(&edit, acme, jane).is_err(), "nobody holds the membership any more");
        Ok(())
    });
}
