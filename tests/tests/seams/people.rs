//! Whose word counts about a person: what is given to an address belongs to whoever has proved it, whatever anybody did before.

use std::time::Duration;

use accord_tests::accounts::{ACCEPT, PASSWORD, Person, member, path};
use accord_tests::{Accord, Relay, skipped_on_spin};
use insta::assert_snapshot;
use serde_json::json;

const VERIFY: &str = "/api/accounts/email/verify";
const FORGOT: &str = "/api/accounts/password/forgot";
const RESET: &str = "/api/accounts/password/reset";
const VICTIMS: &str = "victims own password 77";

/// An Accord with mail, and somebody who has signed up with `jane@example.com`, which is Jane's.
async fn squatted() -> (Relay, Accord, Person) {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let signed_up = accord.sign_up("jane@example.com", "Squatted").await;
    assert_eq!(signed_up.status, 201, "{signed_up}");
    let account = signed_up.number("accountId");
    let token = accord.user_token("jane@example.com", PASSWORD, Some(account)).await;
    let squatter = Person { id: signed_up.number("id"), email: "jane@example.com".to_owned(), account, token };
    (relay, accord, squatter)
}

/// The story of a takeover: whoever signed up first with an address that is somebody else's gets nothing that is meant for
/// that one, through whichever door it comes, before and after the true holder comes.
#[tokio::test]
async fn who_signs_up_with_somebodys_address_gets_nothing_that_is_given_to_it() {
    let (relay, accord, squatter) = squatted().await;
    let owner = accord.person("Acme").await;
    accord.invite(&owner, "jane@example.com").await;
    let connector = accord.token().await;
    accord.patch_accounts(&connector, &json!({ "a": { "name": "Bound", "id": "1" } })).await;
    accord.patch_users(&connector, &json!({ "u": { "email": "Jane@Example.com" } })).await;
    accord.bind(&connector, "1", &json!(["u"])).await;
    let record = json!({ "Username": "jane", "Email": "jane@example.com", "Is_Active": true });
    assert_eq!(accord.patch(&connector, "/Endpoint/rest/api/v1/Account", &record).await.status, 200);

    let nothing = async |token: &str, when: &str| {
        let me = accord.get(token, "/api/me").await.json();
        let names: Vec<_> = me["accounts"].as_array().expect("a list").iter().map(|account| &account["name"]).collect();
        assert_eq!((names, &me["offers"]), (vec![&json!("Squatted")], &json!([])), "{when}");
        assert_eq!(accord.get(token, &path(owner.account)).await.status, 404, "{when}");
        for account in [owner.account.to_string(), "Bound".to_owned(), "Operator".to_owned()] {
            let refused = accord.sign_in("jane@example.com", PASSWORD, Some(&account)).await;
            assert_eq!(refused.status, 400, "{when}: {refused}");
        }
    };
    nothing(&squatter.token, "before she comes").await;

    // Jane clicks every link that came. The squatter's is none of hers, and does nothing without the squatter's password.
    let confirm = relay.token_for("jane@example.com", 1).await;
    assert_eq!(accord.submit(VERIFY, &json!({ "token": confirm })).await.status, 400);
    assert_eq!(accord.submit(VERIFY, &json!({ "token": confirm, "password": VICTIMS })).await.status, 400);
    let invitation = json!({ "token": relay.token_for("jane@example.com", 2).await, "password": VICTIMS });
    assert_eq!(accord.submit(ACCEPT, &invitation).await.status, 200);
    nothing(&squatter.token, "after she came").await;

    // All is hers, and the squatter's account is not.
    let token = accord.user_token("jane@example.com", VICTIMS, None).await;
    let me = accord.get(&token, "/api/me").await;
    assert_snapshot!("what_is_given_to_an_address", me);
    assert_eq!(accord.get(&token, &path(squatter.account)).await.status, 404);
    // The squatter cannot prove it any more, and keeps a way in to what the squatter made.
    let proved = json!({ "token": confirm, "password": PASSWORD });
    assert_eq!(accord.submit(VERIFY, &proved).await.status, 409);
    assert_eq!(accord.sign_in("jane@example.com", PASSWORD, None).await.status, 400);
    accord.user_token("jane@example.com", PASSWORD, Some(squatter.account)).await;
}

#[tokio::test]
async fn recovery_of_an_address_begins_its_person_and_leaves_the_squatter_where_the_squatter_is() {
    let (relay, accord, squatter) = squatted().await;
    let owner = accord.person("Acme").await;
    accord.invite(&owner, "jane@example.com").await;
    assert_eq!(accord.submit(FORGOT, &json!({ "email": "jane@example.com" })).await.status, 200);
    // To confirm, the invitation, one link for whom the address names, and one for the account of who claims it.
    let mails = relay.mails_to("jane@example.com", 4).await;
    let link_of = |part: &str| {
        let mail = mails.iter().filter(|mail| mail["subject"] == "Set a new password");
        let text = mail.map(|mail| mail["text"].as_str().expect("a text")).find(|text| text.contains(part));
        text.expect("a mail").split_once("#token=").expect("a link").1.trim().to_owned()
    };
    let first = json!({ "token": link_of("new password. If"), "password": VICTIMS });
    assert_eq!(accord.submit(RESET, &first).await.status, 200);
    accord.user_token("jane@example.com", VICTIMS, Some(owner.account)).await;
    // Now that the address is proved, the link of the claim does nothing.
    let claim = json!({ "token": link_of("Squatted"), "password": VICTIMS });
    assert_eq!(accord.submit(RESET, &claim).await.status, 400);
    assert_eq!(accord.get(&squatter.token, &path(squatter.account)).await.status, 200);
}

#[tokio::test]
async fn who_proves_the_address_of_the_sign_up_holds_what_was_given_to_it_by_the_ids_that_were_told() {
    let (relay, accord, person) = squatted().await;
    let owner = accord.person("Acme").await;
    let told = accord.invite(&owner, "jane@example.com").await;
    assert_ne!(told, person.id);
    let proved = json!({ "token": relay.token_for("jane@example.com", 1).await, "password": PASSWORD });
    assert_eq!(accord.submit(VERIFY, &proved).await.status, 200);
    let roles = json!({ "roles": ["viewer"] });
    assert_eq!(accord.put(&owner.token, &member(owner.account, told), &roles).await.status, 200);
    accord.user_token("jane@example.com", PASSWORD, Some(owner.account)).await;
    assert_eq!(accord.get(&person.token, &path(owner.account)).await.status, 200);
    assert_eq!(accord.delete(&owner.token, &member(owner.account, person.id)).await.status, 200, "by either id");
}

#[tokio::test]
async fn a_confined_person_is_in_nothing_that_others_give_by_id_until_the_address_is_proved() {
    let (relay, accord, person) = squatted().await;
    let owner = accord.person("Acme").await;
    accord.join(owner.account, person.id, "manage").await;
    let sees = async |expected: u16| {
        assert_eq!(accord.get(&person.token, &path(owner.account)).await.status, expected);
        let account = owner.account.to_string();
        let signed_in = accord.sign_in("jane@example.com", PASSWORD, Some(&account)).await;
        assert_eq!(signed_in.status == 200, expected == 200, "{signed_in}");
    };
    sees(404).await;
    let link = json!({ "token": relay.token_for("jane@example.com", 1).await });
    assert_eq!(accord.post(&person.token, VERIFY, &link).await.status, 200);
    sees(200).await;
}

#[tokio::test]
async fn a_removed_member_stays_out_whatever_a_connector_repeats() {
    let accord = Accord::start().await;
    let person = accord.person("Home").await;
    let connector = accord.token().await;
    accord.patch_accounts(&connector, &json!({ "a": { "name": "Bound", "id": "1" } })).await;
    let account = accord.store().number("SELECT id FROM accounts WHERE registration_id = '1'");
    let sync = async || {
        accord.patch_users(&connector, &json!({ "u": { "email": person.email } })).await;
        assert_eq!(accord.bind(&connector, "1", &json!(["u"])).await.status, 200);
        accord.get(&person.token, &path(account)).await.status
    };
    assert_eq!(sync().await, 200);
    let admin = accord.admin().await;
    // The account knows the person, who has not entered, by an id of the membership's own.
    let known = accord.known_as(account, person.id);
    assert_eq!(accord.delete(&admin, &member(account, known)).await.status, 200);
    assert_eq!(sync().await, 404);
    accord.patch_users(&connector, &json!({ "u": null })).await;
    assert_eq!(sync().await, 404, "null and again brings nobody back");
    let roles = json!({ "roles": ["user"] });
    assert_eq!(accord.post(&admin, &member(account, known), &roles).await.status, 200, "the account lifts it");
    assert_eq!(sync().await, 200);
}

#[tokio::test]
async fn a_person_leaves_and_refuses_and_nobody_brings_the_person_back() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let (owner, person) = (accord.person("Acme").await, accord.person("Home").await);
    accord.invite(&owner, &person.email).await;
    let token = relay.token_for(&person.email, 2).await;
    let leave = format!("/api/me/accounts/{}", owner.account);
    assert_eq!(accord.delete(&person.token, &leave).await.status, 200);
    assert_eq!(accord.submit(ACCEPT, &json!({ "token": token, "password": PASSWORD })).await.status, 400);
    // Nobody is told, and no mail is sent.
    accord.invite(&owner, &person.email).await;
    let refused = accord.sign_in(&person.email, PASSWORD, Some(&owner.account.to_string())).await;
    assert_eq!(refused.status, 400, "{refused}");
    assert_eq!(accord.get(&person.token, "/api/me").await.json()["offers"], json!([]));
    // The person lets the account ask again, and it does.
    let empty = json!({});
    assert_eq!(accord.put(&person.token, &leave, &empty).await.status, 200);
    assert_eq!(accord.put(&person.token, &leave, &empty).await.status, 404);
    accord.invite(&owner, &person.email).await;
    accord.user_token(&person.email, PASSWORD, Some(owner.account)).await;
    let own = format!("/api/me/accounts/{}", person.account);
    assert_eq!(accord.delete(&person.token, &own).await.status, 409, "an account keeps its last owner");
    assert_eq!(accord.delete(&person.token, "/api/me/accounts/1").await.status, 404);
}

#[tokio::test]
async fn an_offer_does_not_disturb_a_sign_in_and_the_only_one_is_entered_by_it() {
    let accord = Accord::start().await;
    let (one, other) = (accord.person("One").await, accord.person("Other").await);
    let person = accord.person("Home").await;
    for owner in [&one, &other] {
        accord.invite(owner, &person.email).await;
    }
    let signed_in = accord.sign_in(&person.email, PASSWORD, None).await;
    assert_eq!((signed_in.status, signed_in.number("account")), (200, person.account));
}

#[tokio::test]
async fn another_address_counts_once_it_is_proved_and_the_one_before_can_be_taken_back() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.person("Home").await;
    let change = |password: &str| json!({ "email": "new@example.com", "password": password });
    assert_snapshot!("change_without_password", accord.post(&person.token, "/api/me/email", &change("wrong")).await);
    assert_eq!(accord.post(&person.token, "/api/me/email", &change(PASSWORD)).await.status, 200);
    assert_eq!(accord.sign_in("new@example.com", PASSWORD, None).await.status, 400, "it is not proved yet");
    let link = relay.token_for("new@example.com", 1).await;
    assert_eq!(accord.submit(VERIFY, &json!({ "token": link })).await.status, 400);
    assert_eq!(accord.submit(VERIFY, &json!({ "token": link, "password": PASSWORD })).await.status, 200);
    assert_eq!(accord.sign_in("new@example.com", PASSWORD, None).await.status, 200);
    assert_eq!(accord.sign_in(&person.email, PASSWORD, None).await.status, 400);
    // The old one is reserved, and told. The first mail is the one of the sign-up.
    assert_eq!(accord.sign_up(&person.email, "Taken").await.status, 409);
    let undo = relay.token_for(&person.email, 2).await;
    assert_eq!(accord.submit("/api/accounts/email/undo", &json!({ "token": undo })).await.status, 200);
    for name in ["new@example.com", &person.email] {
        assert_eq!(accord.sign_in(name, PASSWORD, None).await.status, 400, "whoever knew the password is out: {name}");
    }
    assert_eq!(accord.get(&person.token, "/api/me").await.status, 401);
    relay.mails_to(&person.email, 4).await;
    let mails = relay.mails_to(&person.email, 4).await;
    let reset = mails.iter().find(|mail| mail["subject"] == "Set a new password").expect("a mail");
    let token = reset["text"].as_str().expect("a text").split_once("#token=").expect("a link").1.trim().to_owned();
    assert_eq!(accord.submit(RESET, &json!({ "token": token, "password": VICTIMS })).await.status, 200);
    accord.user_token(&person.email, VICTIMS, Some(person.account)).await;
}

#[tokio::test]
async fn nobody_has_a_mailbox_where_the_usernames_of_accounts_are() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let connector = accord.token().await;
    let address = "admin@acme.localhost";
    let invited = json!({ "email": address, "roles": ["user"] });
    let refused = [
        accord.sign_up(address, "Mine").await,
        accord.post(&owner.token, &format!("{}/users", path(owner.account)), &invited).await,
        accord.post(&owner.token, "/api/me/email", &json!({ "email": address, "password": PASSWORD })).await,
        accord.patch_users(&connector, &json!({ "u": { "email": address } })).await,
        accord
            .patch(
                &connector,
                "/Endpoint/rest/api/v1/Account",
                &json!({ "Username": "u", "Email": address, "Is_Active": true }),
            )
            .await,
        accord
            .administer(&accord.operator().await, &json!({ "name": "A", "subdomain": "acme", "email_admin": address }))
            .await,
    ];
    for answer in refused {
        assert_eq!(answer.status, 400, "{answer}");
        assert!(answer.body.contains("nobody has a mailbox there"), "{answer}");
    }
    assert_eq!(accord.store().number("SELECT count(*) FROM addresses WHERE key LIKE '%@acme.localhost'"), 0);
}

#[tokio::test]
async fn the_administrator_that_an_account_above_has_made_is_of_that_account_and_the_address_is_whose_it_is() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let operator = accord.operator().await;
    let person = accord.person("Home").await;
    let body = json!({ "name": "Made", "subdomain": "made", "email_admin": person.email, "password": "chosen by the reseller" });
    assert_eq!(accord.administer(&operator, &body).await.status, 200);
    // The password that the reseller has chosen opens nothing of the person's.
    assert_eq!(accord.sign_in(&person.email, "chosen by the reseller", None).await.status, 400);
    assert_eq!(accord.sign_in("admin@made.localhost", "chosen by the reseller", None).await.status, 200);
    let me = accord.get(&person.token, "/api/me").await.json();
    assert_eq!((&me["offers"][0]["name"], &me["offers"][0]["roles"]), (&json!("Made"), &json!(["owner"])));
    // Moved, it is another's to enter.
    let key = accord.store().lines("SELECT account_key FROM accounts WHERE subdomain = 'made'").remove(0);
    let other = accord.person("Other").await;
    let update = json!({ "action": "update_account", "account_key": key, "email_admin": other.email });
    assert_eq!(accord.administer(&operator, &update).await.status, 200);
    assert_eq!(accord.get(&person.token, "/api/me").await.json()["offers"], json!([]));
    accord
        .user_token(
            &other.email,
            PASSWORD,
            Some(accord.store().number("SELECT id FROM accounts WHERE subdomain = 'made'")),
        )
        .await;
    let back = json!({ "action": "update_account", "account_key": key, "email_admin": person.email });
    assert_eq!(accord.administer(&operator, &back).await.status, 200);
    assert_eq!(accord.get(&person.token, "/api/me").await.json()["offers"], json!([]), "somebody has entered by it");
    // An account that has its owner gets no further one by this door: who calls may be an admin, and no owner.
    let owned = accord.person("Owned").await;
    let key = accord.store().lines(&format!("SELECT account_key FROM accounts WHERE id = {}", owned.account)).remove(0);
    let update = json!({ "action": "update_account", "account_key": key, "email_admin": person.email });
    assert_eq!(accord.administer(&operator, &update).await.status, 200);
    assert_eq!(accord.get(&person.token, "/api/me").await.json()["offers"], json!([]));
}

/// The secret of the last link of a kind that was mailed to an address.
async fn last_link(relay: &Relay, address: &str, subject: &str, count: usize) -> String {
    let mut mails = relay.mails_to(address, count).await;
    // One that is sent again, where it takes long, counts twice.
    while mails.iter().all(|mail| mail["subject"] != subject) {
        mails = relay.mails_to(address, mails.len() + 1).await;
    }
    let mail = mails.iter().rev().find(|mail| mail["subject"] == subject).expect("a mail");
    mail["text"].as_str().expect("a text").split_once("#token=").expect("a link").1.trim().to_owned()
}

#[tokio::test]
async fn a_link_to_a_mailbox_that_is_a_persons_no_more_reaches_the_person_no_more() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.person("Home").await;
    // A thief who knows the password moves the sign-in, and has a link to set another password.
    let change = json!({ "email": "thief@example.com", "password": PASSWORD });
    assert_eq!(accord.post(&person.token, "/api/me/email", &change).await.status, 200);
    let link = relay.token_for("thief@example.com", 1).await;
    assert_eq!(accord.submit(VERIFY, &json!({ "token": link, "password": PASSWORD })).await.status, 200);
    assert_eq!(accord.submit(FORGOT, &json!({ "email": "thief@example.com" })).await.status, 200);
    let thiefs = last_link(&relay, "thief@example.com", "Set a new password", 2).await;
    // The person takes the address back: the sign-up's mail was the first, the notice the second.
    let undo = relay.token_for(&person.email, 2).await;
    assert_eq!(accord.submit("/api/accounts/email/undo", &json!({ "token": undo })).await.status, 200);
    let set = |token: &str, password: &str| json!({ "token": token, "password": password });
    assert_eq!(accord.submit(RESET, &set(&thiefs, "the password of a thief")).await.status, 400);
    // Meanwhile nobody takes the account over: it has its owner, who cannot come in just now.
    let manager = accord.person("Home of a manager").await;
    accord.join(1, manager.id, "manage").await;
    accord.user_token(&manager.email, PASSWORD, Some(1)).await;
    let owner = json!({ "roles": ["owner"] });
    assert_eq!(accord.post(&manager.token, &member(person.account, manager.id), &owner).await.status, 403);
    let own = last_link(&relay, &person.email, "Set a new password", 3).await;
    assert_eq!(accord.submit(RESET, &set(&own, VICTIMS)).await.status, 200);
    accord.user_token(&person.email, VICTIMS, Some(person.account)).await;
}

#[tokio::test]
async fn a_mistyped_address_of_a_sign_up_has_no_power_over_the_person_who_proved_another() {
    let (relay, accord, person) = squatted().await;
    assert_eq!(accord.submit(FORGOT, &json!({ "email": "jane@example.com" })).await.status, 200);
    let stale = last_link(&relay, "jane@example.com", "Set a new password", 2).await;
    let change = json!({ "email": "right@example.com", "password": PASSWORD });
    assert_eq!(accord.post(&person.token, "/api/me/email", &change).await.status, 200);
    let link = relay.token_for("right@example.com", 1).await;
    assert_eq!(accord.post(&person.token, VERIFY, &json!({ "token": link })).await.status, 200);
    assert_eq!(accord.submit(RESET, &json!({ "token": stale, "password": VICTIMS })).await.status, 400);
    accord.user_token("right@example.com", PASSWORD, Some(person.account)).await;
}

#[tokio::test]
async fn a_session_alone_gives_nobody_another_address_and_the_ones_before_are_told() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let (thief, person) = (accord.person("Thief").await, accord.person("Home").await);
    accord.invite(&thief, "second@example.com").await;
    let token = relay.token_for("second@example.com", 1).await;
    let alone = accord.post(&person.token, ACCEPT, &json!({ "token": token })).await;
    assert_eq!((alone.status, &alone.json()["errors"]["password"]), (400, &json!("is required")), "{alone}");
    let with = |password: &str| json!({ "token": token, "password": password });
    assert_eq!(accord.post(&person.token, ACCEPT, &with("not the password")).await.status, 400);
    assert_eq!(accord.post(&person.token, ACCEPT, &with(PASSWORD)).await.status, 200);
    for name in ["second@example.com", &person.email] {
        accord.user_token(name, PASSWORD, Some(person.account)).await;
    }
    let undo = last_link(&relay, &person.email, "Your e-mail address was changed", 2).await;
    assert_eq!(accord.submit("/api/accounts/email/undo", &json!({ "token": undo })).await.status, 200);
    assert_eq!(accord.store().lines("SELECT address FROM addresses WHERE address = 'second@example.com'"), [""; 0]);
}

#[tokio::test]
async fn an_address_that_was_given_up_is_anybodys_after_seven_days() {
    if skipped_on_spin("seven days have to pass") {
        return;
    }
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options().variable("signup_limit", &0)).await;
    let person = accord.person("Home").await;
    let change = json!({ "email": "new@example.com", "password": PASSWORD });
    assert_eq!(accord.post(&person.token, "/api/me/email", &change).await.status, 200);
    let link = relay.token_for("new@example.com", 1).await;
    assert_eq!(accord.submit(VERIFY, &json!({ "token": link, "password": PASSWORD })).await.status, 200);
    assert_eq!(accord.sign_up(&person.email, "Early").await.status, 409);
    accord.advance(Duration::from_hours(7 * 24)).await;
    assert_eq!(accord.sign_up(&person.email, "Late").await.status, 201);
    let owner = accord.person("Acme").await;
    accord.invite(&owner, &person.email).await;
    let token = last_link(&relay, &person.email, "You are invited to an account", 5).await;
    assert_eq!(accord.submit(ACCEPT, &json!({ "token": token, "password": VICTIMS })).await.status, 200);
    accord.user_token(&person.email, VICTIMS, Some(owner.account)).await;
    accord.user_token("new@example.com", PASSWORD, Some(person.account)).await;
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

/// Every door that takes a password: sign-up, reset, change, an invitation, and what the account above chooses.
#[tokio::test]
async fn no_door_takes_a_password_that_everybody_knows_since_it_leaked() {
    const LEAKED: &str = "1qaz2wsx3edc";
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let jane = accord.person("Acme").await;
    let fault = |answer: &accord_tests::Answer| answer.to_string().contains("leaked");
    let body = json!({ "email": "new@example.com", "password": LEAKED, "accountName": "New" });
    let mut answers = vec![("sign-up", accord.submit("/api/accounts/signup", &body).await)];
    let body = json!({ "currentPassword": PASSWORD, "password": LEAKED });
    answers.push(("change", accord.post(&jane.token, "/api/me/password", &body).await));
    assert_eq!(accord.submit("/api/accounts/password/forgot", &json!({ "email": jane.email })).await.status, 200);
    let body = json!({ "token": relay.token_for(&jane.email, 2).await, "password": LEAKED });
    answers.push(("reset", accord.submit("/api/accounts/password/reset", &body).await));
    accord.invite(&jane, "guest@example.com").await;
    let body = json!({ "token": relay.token_for("guest@example.com", 1).await, "password": LEAKED });
    answers.push(("invitation", accord.submit(ACCEPT, &body).await));
    let operator = accord.operator().await;
    let body = json!({ "name": "Made", "subdomain": "made", "password": LEAKED });
    answers.push(("create_account", accord.administer(&operator, &body).await));
    for (door, answer) in answers {
        assert_eq!(answer.status, 400, "{door}: {answer}");
        assert!(fault(&answer), "{door}: {answer}");
    }
}
