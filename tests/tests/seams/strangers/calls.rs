//! What strangers call, each time something that aims at a member of the account or at its guest; and what the account
//! and its guest do meanwhile.

use accord_tests::accounts::{ACCEPT, PASSWORD, member, path};
use accord_tests::administration::Administrator;
use accord_tests::endpoint::RECORD;
use accord_tests::{Answer, Dice};
use reqwest::Method;
use serde_json::json;

use super::world::{CANARY, FORGOT, Stranger, World};

/// Whom a call aims at.
struct Aim {
    /// An address: a member's, or the guest's.
    email: String,
    is_guest: bool,
    /// A member.
    id: i64,
    is_curious: bool,
    username: String,
}

impl Aim {
    fn take(world: &World, dice: &mut Dice) -> Self {
        let number = dice.roll(world.home.members.len());
        let (victim, username) = (&world.home.members[number], world.home.usernames[number].clone());
        let is_guest = dice.roll(3) == 0;
        let email = if is_guest { world.guest.email.clone() } else { victim.email.clone() };
        Self { email, is_guest, id: victim.id, is_curious: victim.is_curious, username }
    }
}

/// Calls something. No answer is an error of Accord's, and none to a stranger tells what only members see.
pub async fn call(world: &mut World, dice: &mut Dice, number: usize, when: &str) -> Answer {
    let aim = Aim::take(world, dice);
    let stranger = dice.roll(world.strangers.len());
    // The reseller among the strangers can do the most through the administration API.
    let reseller = if dice.roll(2) == 0 { 1 } else { stranger };
    let kind = dice.roll(12);
    let answer = match kind {
        0 => sign_up(world, dice, &aim, number, when).await,
        1 => links(world, dice, stranger).await,
        2 => meanwhile(world, dice).await,
        3..6 => push(world, dice, &world.strangers[stranger], &aim).await,
        6 => administer(world, dice, &world.strangers[reseller], &aim, number).await,
        7 | 8 => recover(world, dice, &world.strangers[stranger], &aim).await,
        9 => give(world, dice, &world.strangers[stranger], &aim, when).await,
        10 => decide(world, dice, &world.strangers[stranger], &aim).await,
        _ => read(world, dice, &world.strangers[stranger], &aim, when).await,
    };
    assert!(answer.status < 500, "{when}, {kind}: {answer}");
    assert!(!answer.body.contains(CANARY), "{when}, {kind}: a stranger reads {answer}");
    answer
}

/// A token of the stranger's: the person's, the connector's, or one that somebody has let the connector have.
fn token<'a>(dice: &mut Dice, stranger: &'a Stranger) -> &'a str {
    match (dice.roll(3), &stranger.lent) {
        (0, _) => &stranger.token,
        (1, Some(lent)) => lent,
        _ => &stranger.person.token,
    }
}

/// Signs up with an address that is not the caller's, or with one that looks like it and is.
async fn sign_up(world: &mut World, dice: &mut Dice, aim: &Aim, number: usize, when: &str) -> Answer {
    let email = match dice.roll(3) {
        0 => world.guest.alike.clone(),
        1 => aim.email.to_uppercase(),
        _ => aim.email.clone(),
    };
    let answer = world.accord.sign_up(&email, &format!("Squatted {number}")).await;
    if email == world.guest.alike {
        // Once it is proved, it is.
        assert!([201, 409].contains(&answer.status), "{when}: {answer}");
    } else if aim.is_guest && !world.guest.has_come {
        assert_eq!(answer.status, 201, "{when}: an address that nobody has proved is told: {answer}");
    }
    if answer.status == 201 {
        let token = world.accord.user_token(&email, PASSWORD, Some(answer.number("accountId"))).await;
        let is_own = email == world.guest.alike;
        world.squats.push((email, token));
        if is_own && dice.roll(2) == 0 {
            let links = world.links(&format!("recipient = '{}'", world.guest.alike));
            return world.follow(links.last().expect("a mail comes to who signs up"), None).await;
        }
    }
    answer
}

/// Strangers follow the links that come to their own mailboxes, and guess.
async fn links(world: &World, dice: &mut Dice, stranger: usize) -> Answer {
    let caller = &world.strangers[stranger];
    let links = world.links(&caller.mailbox);
    if links.is_empty() || dice.roll(8) == 0 {
        return world.accord.submit(ACCEPT, &json!({ "token": "guessed", "password": PASSWORD })).await;
    }
    let by = (dice.roll(2) == 0).then_some(caller.person.token.as_str());
    world.follow(dice.pick(&links), by).await
}

/// What the account and its guest do by themselves.
async fn meanwhile(world: &mut World, dice: &mut Dice) -> Answer {
    let guest = world.guest.email.clone();
    match dice.roll(3) {
        0 => world.home.ask(&world.accord, &guest).await,
        1 => world.home.repeat(&world.accord, world.removed(), &guest).await,
        _ => {
            let links = world.links(&format!("recipient = '{guest}'"));
            if links.is_empty() {
                return world.home.ask(&world.accord, &guest).await;
            }
            let link = dice.pick(&links).clone();
            world.come(&link).await
        }
    }
}

/// Connectors push records, users and accounts.
async fn push(world: &World, dice: &mut Dice, stranger: &Stranger, aim: &Aim) -> Answer {
    let (accord, email, token) = (&world.accord, &aim.email, &stranger.token);
    let active = dice.roll(2) == 0;
    let external = format!("u{}", dice.roll(2));
    let mine = format!("mine-{}@example.com", dice.roll(3));
    match dice.roll(10) {
        0 => {
            let record = json!({ "Username": external, "Email": email, "FirstName": "Taken", "Is_Active": active });
            accord.patch(token, RECORD, &record).await
        }
        // The record takes an address of others, and then one of the stranger's.
        1 => {
            accord.patch(token, RECORD, &json!({ "Username": external, "Email": email })).await;
            accord.patch(token, RECORD, &json!({ "Username": external, "Email": mine })).await
        }
        2 => {
            let record = json!({ "Username": email, "ExternalId": external, "Email": mine, "Is_Active": active });
            accord.patch(token, RECORD, &record).await;
            accord.submit(FORGOT, &json!({ "email": email })).await
        }
        3 => {
            let record = json!({ "Username": aim.username, "Email": email, "FirstName": "Taken", "Is_Active": active });
            accord.patch(token, RECORD, &record).await
        }
        4 | 5 => accord.patch_users(token, &json!({ external: { "email": email } })).await,
        6 => accord.patch_users(token, &json!({ external: null })).await,
        7 => accord.patch_accounts(token, &json!({ "a": { "name": world.home.name, "id": "77" } })).await,
        8 => {
            let account = *dice.pick(&["a", "77"]);
            accord.bind(token, account, &json!([external])).await
        }
        _ => accord.patch_accounts(token, &json!({ "a": null })).await,
    }
}

/// The administration API, by the person or the connector, for whichever account.
async fn administer(world: &World, dice: &mut Dice, stranger: &Stranger, aim: &Aim, number: usize) -> Answer {
    let (name, password) = if dice.roll(2) == 0 {
        (stranger.person.email.clone(), PASSWORD.to_owned())
    } else {
        (stranger.connector.client_id.clone(), stranger.connector.secret.clone())
    };
    let home = &world.home;
    let account_key = (*dice.pick(&[&stranger.key, &stranger.key, &home.key, &home.above])).clone();
    let administrator = Administrator { name, password, account_key, account: stranger.person.account };
    let update =
        |field: &str, value: &str| json!({ "action": "update_account", "account_key": home.key, field: value });
    let body = match dice.roll(4) {
        0 => update("active", "0"),
        1 => update("email_admin", &stranger.person.email),
        2 => json!({ "action": "list_accounts" }),
        _ => json!({ "name": home.name, "subdomain": format!("made-{number}"), "email_admin": aim.email,
                     "password": "chosen by a stranger" }),
    };
    world.accord.administer(&administrator, &body).await
}

/// What sets a password or an address, and what signs in.
async fn recover(world: &World, dice: &mut Dice, stranger: &Stranger, aim: &Aim) -> Answer {
    let (accord, email, home) = (&world.accord, &aim.email, world.home.account.to_string());
    match dice.roll(6) {
        0 | 1 => accord.submit(FORGOT, &json!({ "email": email })).await,
        2 => {
            let change = json!({ "email": email, "password": PASSWORD });
            accord.post(&stranger.person.token, "/api/me/email", &change).await
        }
        3 => accord.sign_in(email, "not the password", Some(&stranger.person.account.to_string())).await,
        4 => accord.submit(FORGOT, &json!({ "email": world.guest.alike })).await,
        _ => {
            let lets_ask = accord.put(&stranger.person.token, &format!("/api/me/accounts/{home}"), &json!({})).await;
            accord.sign_in(&stranger.person.email, PASSWORD, Some(&home)).await;
            lets_ask
        }
    }
}

/// What a stranger gives members in an account of its own.
async fn give(world: &World, dice: &mut Dice, stranger: &Stranger, aim: &Aim, when: &str) -> Answer {
    let (accord, by, own) = (&world.accord, token(dice, stranger), stranger.person.account);
    let role = *dice.pick(&["owner", "admin", "manage", "user", "viewer"]);
    let there = member(own, aim.id);
    let roles = json!({ "roles": [role] });
    let kind = dice.roll(6);
    let answer = match kind {
        0 | 1 => {
            let invited = json!({ "email": aim.email, "roles": [role] });
            accord.post(by, &format!("{}/users", path(own)), &invited).await
        }
        2 => accord.put(by, &path(own), &json!({ "name": world.home.name })).await,
        3 => accord.post(by, &there, &roles).await,
        4 => accord.put(by, &there, &roles).await,
        _ => accord.delete(by, &there).await,
    };
    // By the id of a member nobody is found whom the stranger does not see, whatever its account says of the address.
    assert!(kind < 3 || aim.is_curious || [403, 404].contains(&answer.status), "{when}: a member by its id: {answer}");
    answer
}

/// What only those decide who have a right in the account.
async fn decide(world: &World, dice: &mut Dice, stranger: &Stranger, aim: &Aim) -> Answer {
    let (accord, by, home) = (&world.accord, token(dice, stranger), &world.home);
    let (theirs, victim) = (path(home.account), member(home.account, aim.id));
    let connector = format!("/api/connectors/{}", home.connector);
    let roles = json!({ "roles": ["owner"] });
    match dice.roll(10) {
        0 => accord.post(by, &member(home.account, stranger.person.id), &roles).await,
        1 => accord.put(by, &victim, &json!({ "roles": ["viewer"], "status": "inactive" })).await,
        2 => accord.delete(by, &victim).await,
        3 => accord.put(by, &theirs, &json!({ "name": "Mine", "status": "inactive" })).await,
        4 => accord.delete(by, &theirs).await,
        5 => accord.post(by, "/api/connectors", &json!({ "name": "Spy", "accountId": home.account })).await,
        6 => accord.post(by, &format!("{connector}/{}", dice.pick(&["secret", "disconnect"])), &json!({})).await,
        7 => accord.post(by, &format!("{theirs}/users"), &json!({ "email": aim.email, "roles": ["owner"] })).await,
        8 => {
            let erased = accord.request_as(by, Method::DELETE, &format!("/api/users/{}", aim.id));
            accord_tests::answer(erased.json(&json!({ "password": PASSWORD }))).await
        }
        _ => accord.delete(&stranger.person.token, &format!("/api/me/accounts/{}", home.account)).await,
    }
}

/// What only those read who have a right in the account.
async fn read(world: &World, dice: &mut Dice, stranger: &Stranger, aim: &Aim, when: &str) -> Answer {
    let (accord, by, home) = (&world.accord, token(dice, stranger), path(world.home.account));
    let list = *dice.pick(&["", "/users", "/records", "/identities", "/invitations", "/audit", "/sources"]);
    let theirs = match dice.roll(3) {
        0 => format!("{home}{list}"),
        1 => member(world.home.account, aim.id),
        _ => format!("/api/users/{}", aim.id),
    };
    let answer = accord.get(by, &theirs).await;
    let is_own = aim.is_curious && theirs.starts_with("/api/users");
    assert!(is_own || answer.status >= 400, "{when}: a stranger reads {theirs}: {answer}");
    let list = *dice.pick(&["/api/users", "/api/accounts", "/api/audit"]);
    accord.get(by, list).await
}
