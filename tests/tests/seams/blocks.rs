//! What shuts somebody out lasts until whoever has set it lifts it, and what was given to an address goes to nobody who has given
//! the address up: in whichever order the doors are used.

use accord_tests::accounts::{ACCEPT, PASSWORD, Person, member, path};
use accord_tests::endpoint::RECORD;
use accord_tests::{Accord, Answer, Relay};
use serde_json::{Value, json};

/// An Accord with mail, the owner of Acme, and Jane, who has entered nothing there.
async fn acme() -> (Relay, Accord, Person, Person) {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let (owner, jane) = (accord.person("Acme").await, accord.person("Home of Jane").await);
    (relay, accord, owner, jane)
}

/// A connector of the person's account with every scope: its access token.
async fn connector(accord: &Accord, person: &Person) -> String {
    let scopes = ["portal:write", "AccessUser:Create", "AccessUser:Update"];
    let made = accord.make_connector(&person.token, &json!({ "name": "Tool", "scopes": scopes })).await;
    accord.token_of(&made.client_id, &made.secret).await
}

/// Makes somebody a member who has entered.
async fn enter(accord: &Accord, owner: &Person, person: &Person, role: &str) {
    accord.join(owner.account, person.id, role).await;
    accord.user_token(&person.email, PASSWORD, Some(owner.account)).await;
}

async fn invite(accord: &Accord, owner: &Person, email: &str, role: &str) -> i64 {
    let body = json!({ "email": email, "roles": [role] });
    let invited = accord.post(&owner.token, &format!("{}/users", path(owner.account)), &body).await;
    assert_eq!(invited.status, 201, "{invited}");
    invited.number("id")
}

/// Jane accepts, signed in, the invitation that was mailed to another mailbox of hers.
async fn accept(accord: &Accord, relay: &Relay, jane: &Person, email: &str) -> Answer {
    let body = json!({ "token": relay.token_for(email, 1).await, "password": PASSWORD });
    accord.post(&jane.token, ACCEPT, &body).await
}

/// Jane signs in by another address from now on.
async fn move_to(accord: &Accord, relay: &Relay, jane: &mut Person, email: &str) {
    let change = json!({ "email": email, "password": PASSWORD });
    assert_eq!(accord.post(&jane.token, "/api/me/email", &change).await.status, 200);
    let proved = json!({ "token": relay.token_for(email, 1).await, "password": PASSWORD });
    assert_eq!(accord.submit("/api/accounts/email/verify", &proved).await.status, 200);
    email.clone_into(&mut jane.email);
}

fn roles(accord: &Accord, account: i64, person: i64) -> Vec<String> {
    accord.store().lines(&format!(
        "SELECT m.status, (SELECT group_concat(g.role) FROM grants g WHERE g.account_id = m.account_id AND g.person_id = m.person_id)
           FROM memberships m WHERE m.account_id = {account} AND m.person_id = {person}"
    ))
}

async fn record(accord: &Accord, token: &str, body: Value) -> Answer {
    let answer = accord.patch(token, RECORD, &body).await;
    assert_eq!(answer.status, 200, "{answer}");
    answer
}

#[tokio::test]
async fn what_a_blocked_address_was_given_comes_alive_for_nobody_who_proves_it() {
    let (relay, accord, owner, jane) = acme().await;
    let tool = connector(&accord, &owner).await;
    enter(&accord, &owner, &jane, "viewer").await;
    // Shut out by hand, and by a record.
    let told = invite(&accord, &owner, "y@example.com", "admin").await;
    let out = json!({ "status": "inactive" });
    assert_eq!(accord.put(&owner.token, &member(owner.account, told), &out).await.status, 200);
    accept(&accord, &relay, &jane, "y@example.com").await;
    assert_eq!(roles(&accord, owner.account, jane.id), ["active | viewer"]);
    invite(&accord, &owner, "z@example.com", "owner").await;
    record(&accord, &tool, json!({ "Username": "z", "Email": "z@example.com", "Is_Active": false })).await;
    accept(&accord, &relay, &jane, "z@example.com").await;
    assert_eq!(roles(&accord, owner.account, jane.id), ["active | viewer"]);
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn nothing_slips_under_a_removal_that_a_weaker_member_could_bring_to_life() {
    let (relay, accord, owner, jane) = acme().await;
    let manager = accord.person("Home of the manager").await;
    enter(&accord, &owner, &manager, "manage").await;
    enter(&accord, &owner, &jane, "user").await;
    assert_eq!(accord.delete(&owner.token, &member(owner.account, jane.id)).await.status, 200);
    invite(&accord, &owner, "y@example.com", "admin").await;
    accept(&accord, &relay, &jane, "y@example.com").await;
    assert_eq!(roles(&accord, owner.account, jane.id), ["removed | -"]);
    let viewer = json!({ "roles": ["viewer"] });
    assert_eq!(accord.post(&manager.token, &member(owner.account, jane.id), &viewer).await.status, 200);
    assert!(roles(&accord, owner.account, jane.id)[0].ends_with("| viewer"), "what was asked for, and no more");
}

#[tokio::test]
async fn a_removal_by_people_is_not_replaced_by_what_a_connector_lifts() {
    let (relay, accord, owner, mut jane) = acme().await;
    let tool = connector(&accord, &owner).await;
    enter(&accord, &owner, &jane, "user").await;
    assert_eq!(accord.delete(&owner.token, &member(owner.account, jane.id)).await.status, 200);
    for active in [true, false] {
        record(&accord, &tool, json!({ "Username": "y", "Email": "y@example.com", "Is_Active": active })).await;
    }
    move_to(&accord, &relay, &mut jane, "y@example.com").await;
    record(&accord, &tool, json!({ "Username": "y", "Is_Active": true })).await;
    assert_eq!(roles(&accord, owner.account, jane.id), ["removed | -"]);
    assert_eq!(accord.get(&jane.token, &path(owner.account)).await.status, 404);
}

#[tokio::test]
async fn what_is_given_to_an_address_goes_to_nobody_who_has_given_it_up() {
    let (relay, accord, owner, mut jane) = acme().await;
    let tool = connector(&accord, &owner).await;
    let old = jane.email.clone();
    move_to(&accord, &relay, &mut jane, "new@example.com").await;
    // Every door that names an address.
    invite(&accord, &owner, &old, "admin").await;
    record(&accord, &tool, json!({ "Username": "old", "Email": old, "Is_Active": true })).await;
    accord.patch_accounts(&tool, &json!({ "a": { "name": "Bound", "id": "1" } })).await;
    let before = accord.store().number("SELECT count(*) FROM people");
    for _ in 0..2 {
        assert_eq!(accord.patch_users(&tool, &json!({ "u": { "email": old } })).await.status, 200);
    }
    accord.bind(&tool, "1", &json!(["u"])).await;
    assert_eq!(accord.store().number("SELECT count(*) FROM people"), before, "all of it names one person");
    let operator = accord.operator().await;
    let made = json!({ "name": "Made", "subdomain": "made", "email_admin": old });
    assert_eq!(accord.administer(&operator, &made).await.status, 200);
    let me = accord.get(&jane.token, "/api/me").await.json();
    assert_eq!((me["accounts"].as_array().map(Vec::len), &me["offers"]), (Some(1), &json!([])), "{me}");
    for account in ["Acme".to_owned(), "Bound".to_owned(), "made".to_owned(), owner.account.to_string()] {
        assert_eq!(accord.sign_in(&jane.email, PASSWORD, Some(&account)).await.status, 400, "{account}");
    }
    // Whoever has the mailbox takes it back within the seven days: then all of it is hers.
    let mails = relay.mails_to(&old, 3).await;
    let undo = mails.iter().find(|mail| mail["subject"] == "Your e-mail address was changed").expect("a mail");
    let token = undo["text"].as_str().expect("a text").split_once("#token=").expect("a link").1.trim();
    assert_eq!(accord.submit("/api/accounts/email/undo", &json!({ "token": token })).await.status, 200);
    let given = accord.store().number(&format!("SELECT count(*) FROM memberships WHERE person_id = {}", jane.id));
    assert_eq!(given, 4, "her own, Acme, Bound and Made");
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn what_waits_for_a_given_up_address_is_for_whoever_has_the_mailbox_after_it_was_reserved() {
    let (relay, accord, owner, mut jane) = acme().await;
    let old = jane.email.clone();
    move_to(&accord, &relay, &mut jane, "new@example.com").await;
    invite(&accord, &owner, &old, "admin").await;
    // Eight days later.
    accord.store().execute("UPDATE addresses SET retired_at = retired_at - 691200000 WHERE retired_at IS NOT NULL", ());
    let link =
        relay.mails_to(&old, 3).await.into_iter().find(|mail| mail["subject"] == "You are invited to an account");
    let text = link.expect("an invitation")["text"].as_str().expect("a text").to_owned();
    let token = text.split_once("#token=").expect("a link").1.trim();
    assert_eq!(accord.submit(ACCEPT, &json!({ "token": token, "password": PASSWORD })).await.status, 200);
    let next = accord.user_token(&old, PASSWORD, Some(owner.account)).await;
    assert_eq!(accord.get(&next, &path(owner.account)).await.status, 200);
    assert_eq!(accord.get(&jane.token, &path(owner.account)).await.status, 404);
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn a_connector_that_repeats_itself_does_not_throw_out_who_has_changed_the_address() {
    let (relay, accord, owner, mut jane) = acme().await;
    let tool = connector(&accord, &owner).await;
    let old = jane.email.clone();
    accord.patch_accounts(&tool, &json!({ "a": { "name": "Bound", "id": "1" } })).await;
    let users = json!({ "u": { "email": old } });
    accord.patch_users(&tool, &users).await;
    accord.bind(&tool, "1", &json!(["u"])).await;
    move_to(&accord, &relay, &mut jane, "new@example.com").await;
    assert_eq!(accord.patch_users(&tool, &users).await.status, 200);
    assert_eq!(accord.sign_in(&jane.email, PASSWORD, Some("Bound")).await.status, 200);
}

#[tokio::test]
async fn an_explicit_inactive_shuts_out_whoever_comes_later_and_an_offer_stays_one() {
    let (_relay, accord, owner, jane) = acme().await;
    let tool = connector(&accord, &owner).await;
    let said = async |active: bool| {
        record(&accord, &tool, json!({ "Username": "jane", "Email": jane.email, "Is_Active": active })).await;
    };
    said(false).await;
    record(&accord, &tool, json!({ "Username": "joe", "Email": "joe@example.com", "Is_Active": false })).await;
    invite_refused(&accord, &owner, &jane).await;
    assert_eq!(accord.sign_in(&jane.email, PASSWORD, Some(&owner.account.to_string())).await.status, 400);
    for active in [true, false, true] {
        said(active).await;
    }
    assert_eq!(roles(&accord, owner.account, jane.id), ["invited | user"], "she has not entered");
    assert_eq!(accord.get(&jane.token, &path(owner.account)).await.status, 404);
}

/// To invite somebody whom a record shuts out is a conflict, and changes nothing.
async fn invite_refused(accord: &Accord, owner: &Person, jane: &Person) {
    let body = json!({ "email": jane.email, "roles": ["user"] });
    let refused = accord.post(&owner.token, &format!("{}/users", path(owner.account)), &body).await;
    assert_eq!(refused.status, 409, "{refused}");
}

#[tokio::test]
async fn who_leaves_first_is_removed_all_the_same_and_a_removal_outlives_the_refusal() {
    let (_relay, accord, owner, jane) = acme().await;
    let tool = connector(&accord, &owner).await;
    accord.patch_accounts(&tool, &json!({ "a": { "name": "Bound", "id": "1" } })).await;
    let (bound, users) =
        ("SELECT id FROM accounts WHERE registration_id = '1'", json!({ "u": { "email": jane.email } }));
    let bound = accord.store().number(bound);
    accord.patch_users(&tool, &users).await;
    accord.bind(&tool, "1", &json!(["u"])).await;
    accord.user_token(&jane.email, PASSWORD, Some(bound)).await;
    let own = format!("/api/me/accounts/{bound}");
    assert_eq!(accord.delete(&jane.token, &own).await.status, 200);
    assert_eq!(
        accord.delete(&owner.token, &member(bound, jane.id)).await.status,
        200,
        "she has left, and is not told apart"
    );
    assert_eq!(accord.put(&jane.token, &own, &json!({})).await.status, 200);
    // Null, and again, and the account itself anew.
    accord.patch_users(&tool, &json!({ "u": null })).await;
    accord.patch_accounts(&tool, &json!({ "a": null })).await;
    accord.patch_accounts(&tool, &json!({ "a": { "name": "Bound", "id": "1" } })).await;
    accord.patch_users(&tool, &users).await;
    accord.bind(&tool, "1", &json!(["u"])).await;
    assert_eq!(accord.sign_in(&jane.email, PASSWORD, Some("Bound")).await.status, 400);
    assert_eq!(roles(&accord, bound, jane.id), ["removed | -"]);
}

#[tokio::test]
async fn a_suspension_outlives_what_the_portal_takes_away_and_brings_again() {
    let (_relay, accord, owner, _) = acme().await;
    let tool = connector(&accord, &owner).await;
    let made = json!({ "a": { "name": "Bound", "id": "1" } });
    accord.patch_accounts(&tool, &made).await;
    let bound = accord.store().number("SELECT id FROM accounts WHERE registration_id = '1'");
    assert_eq!(accord.put(&owner.token, &path(bound), &json!({ "status": "inactive" })).await.status, 200);
    accord.patch_accounts(&tool, &json!({ "a": null })).await;
    accord.patch_accounts(&tool, &made).await;
    assert_eq!(accord.store().lines("SELECT status FROM accounts WHERE registration_id = '1'"), ["inactive"]);
}

#[tokio::test]
async fn a_connector_ends_no_membership_that_another_one_has_opened() {
    let (_relay, accord, owner, jane) = acme().await;
    let tool = connector(&accord, &owner).await;
    accord.patch_accounts(&tool, &json!({ "a": { "name": "Bound", "id": "1" } })).await;
    accord.patch_users(&tool, &json!({ "u": { "email": jane.email } })).await;
    accord.bind(&tool, "1", &json!(["u"])).await;
    let id = accord.store().number("SELECT max(id) FROM connectors");
    assert_eq!(accord.delete(&owner.token, &format!("/api/connectors/{id}")).await.status, 200);
    // What it brought stays, whatever a stranger's connector binds and unbinds, or another one of the account.
    let stranger = accord.person("Strange").await;
    for person in [&stranger, &owner] {
        let other = connector(&accord, person).await;
        accord.patch_accounts(&other, &json!({ "b": { "name": "Bound", "id": "1" } })).await;
        accord.patch_users(&other, &json!({ "z": { "email": jane.email } })).await;
        accord.patch_users(&other, &json!({ "z": null })).await;
        accord.patch_users(&other, &json!({ "z": { "email": jane.email } })).await;
        accord.patch_accounts(&other, &json!({ "b": null })).await;
        assert_eq!(accord.sign_in(&jane.email, PASSWORD, Some("Bound")).await.status, 200);
    }
}

#[tokio::test]
async fn a_name_that_anybody_can_take_leads_nobody_into_what_a_stranger_offers() {
    let (_relay, accord, _, jane) = acme().await;
    let stranger = accord.person("Strange").await;
    let tool = connector(&accord, &stranger).await;
    // The stranger's account is older than the one that Jane is asked into.
    accord.patch_accounts(&tool, &json!({ "a": { "name": "Early", "id": "1" } })).await;
    let real = accord.person("Bigco").await;
    accord.patch_accounts(&tool, &json!({ "a": { "name": "Bigco" } })).await;
    accord.patch_users(&tool, &json!({ "u": { "email": jane.email }, "v": { "email": real.email } })).await;
    accord.bind(&tool, "1", &json!(["u", "v"])).await;
    let signed_in = accord.sign_in(&real.email, PASSWORD, Some("Bigco")).await;
    assert_eq!(signed_in.json()["account"], json!(real.account), "her own: {signed_in}");
    accord.join(real.account, jane.id, "user").await;
    let choice = accord.sign_in(&jane.email, PASSWORD, Some("Bigco")).await;
    assert_eq!(choice.json()["error"], "account_selection_required", "{choice}");
    assert_eq!(choice.json()["accounts"].as_array().map(Vec::len), Some(2), "{choice}");
    let entered = "SELECT count(*) FROM memberships m JOIN accounts a ON a.id = m.account_id
          WHERE a.name = 'Bigco' AND a.origin = 'portal' AND m.entered_at IS NOT NULL";
    assert_eq!(accord.store().number(entered), 0);
}

#[tokio::test]
async fn a_password_that_the_account_above_has_chosen_signs_nobody_in_elsewhere() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let operator = accord.operator().await;
    let customer = accord.make_account(&operator, "customer", "standard").await;
    let token = accord.user_token(&customer.name, &customer.password, None).await;
    let change = json!({ "email": "boss@example.com", "password": customer.password });
    let refused = accord.post(&token, "/api/me/email", &change).await;
    assert_eq!(refused.status, 400, "{refused}");
    let own = json!({ "currentPassword": customer.password, "password": PASSWORD });
    assert_eq!(accord.post(&token, "/api/me/password", &own).await.status, 200);
    let token = accord.user_token(&customer.name, PASSWORD, None).await;
    let change = json!({ "email": "boss@example.com", "password": PASSWORD });
    assert_eq!(accord.post(&token, "/api/me/email", &change).await.status, 200);
    let proved = json!({ "token": relay.token_for("boss@example.com", 1).await, "password": PASSWORD });
    assert_eq!(accord.submit("/api/accounts/email/verify", &proved).await.status, 200);
    accord.user_token("boss@example.com", PASSWORD, None).await;
}

#[tokio::test]
async fn nobody_keeps_a_link_to_a_new_password_from_whoever_asks_for_it() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options().variable("signup_limit", &0)).await;
    let jane = accord.person("Home of Jane").await;
    for n in 0..25 {
        assert_eq!(accord.sign_up(&jane.email, &format!("Squatted {n}")).await.status, 409);
    }
    let forgot = json!({ "email": jane.email });
    assert_eq!(accord.submit("/api/accounts/password/forgot", &forgot).await.status, 200);
    let late =
        "SELECT count(*) FROM outbox WHERE subject = 'Set a new password' AND next_attempt_at > created_at + 60000";
    assert_eq!(accord.store().number(late), 0, "it goes at once");
    // One that does go later is good from then on.
    for _ in 0..21 {
        accord.submit("/api/accounts/password/forgot", &forgot).await;
    }
    // Both times are read from the clock, one shortly after the other.
    let dead = "SELECT count(*) FROM links WHERE purpose = 'reset_password' AND expires_at < created_at + 3590000";
    assert_eq!(accord.store().number(dead), 0);
    let longest = "SELECT max(expires_at - created_at) FROM links WHERE purpose = 'reset_password'";
    assert!(accord.store().number(longest) >= 7_190_000);
}

#[tokio::test]
async fn a_record_takes_back_what_it_gave_itself_and_lifts_no_other_ones_block() {
    let (relay, accord, owner, jane) = acme().await;
    let tool = connector(&accord, &owner).await;
    invite(&accord, &owner, "second@example.com", "viewer").await;
    accept(&accord, &relay, &jane, "second@example.com").await;
    assert_eq!(accord.delete(&jane.token, &format!("/api/me/accounts/{}", owner.account)).await.status, 200);
    assert_eq!(accord.put(&jane.token, &format!("/api/me/accounts/{}", owner.account), &json!({})).await.status, 200);
    record(&accord, &tool, json!({ "Username": "one", "Email": jane.email, "Is_Active": true })).await;
    record(&accord, &tool, json!({ "Username": "other", "Email": "second@example.com" })).await;
    record(&accord, &tool, json!({ "Username": "other", "Email": "third@example.com" })).await;
    assert_eq!(roles(&accord, owner.account, jane.id), ["invited | user"], "one's grant is not the other's");
    record(&accord, &tool, json!({ "Username": "other", "Email": "second@example.com", "Is_Active": false })).await;
    for active in [false, true] {
        record(&accord, &tool, json!({ "Username": "one", "Is_Active": active })).await;
    }
    assert!(roles(&accord, owner.account, jane.id)[0].starts_with("inactive"));
}

#[tokio::test]
async fn who_gets_the_address_of_somebody_who_is_shut_out_is_shut_out_as_well() {
    let (relay, accord, owner, mut jane) = acme().await;
    let tool = connector(&accord, &owner).await;
    let manager = accord.person("Home of the manager").await;
    enter(&accord, &owner, &manager, "manage").await;
    enter(&accord, &owner, &jane, "admin").await;
    let old = jane.email.clone();
    assert_eq!(accord.delete(&owner.token, &member(owner.account, jane.id)).await.status, 200);
    move_to(&accord, &relay, &mut jane, "new@example.com").await;
    // What a connector says gives nothing to whoever has the mailbox next.
    record(&accord, &tool, json!({ "Username": "old", "Email": old, "Is_Active": true })).await;
    let next = accord.store().number(&format!("SELECT next_id FROM addresses WHERE key = '{old}'"));
    assert_eq!(roles(&accord, owner.account, next), [""; 0]);
    // People lift it, by the rank of who was shut out.
    let users = format!("{}/users", path(owner.account));
    let invited = json!({ "email": old, "roles": ["user"] });
    assert_eq!(accord.post(&manager.token, &users, &invited).await.status, 403);
    assert_eq!(accord.post(&owner.token, &users, &invited).await.status, 201);
    assert_eq!(roles(&accord, owner.account, next), ["invited | user"]);
    record(&accord, &tool, json!({ "Username": "new", "Email": jane.email, "Is_Active": true })).await;
    assert_eq!(roles(&accord, owner.account, jane.id), ["removed | -"], "she stays out herself");
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

/// Jane has entered Acme, and has proved another address, which Acme has never seen.
async fn with_another_address(accord: &Accord, owner: &Person, jane: &Person) -> &'static str {
    enter(accord, owner, jane, "viewer").await;
    accord.store().execute(
        "INSERT INTO addresses (key, address, person_id, proved_at) VALUES (?1, ?1, ?2, 0)",
        ("other@example.com", jane.id),
    );
    "other@example.com"
}

#[tokio::test]
async fn an_account_is_not_told_that_an_address_is_another_one_of_a_member() {
    let (_relay, accord, owner, jane) = acme().await;
    let tool = connector(&accord, &owner).await;
    let other = with_another_address(&accord, &owner, &jane).await;
    for address in [other, "nobody@example.com"] {
        let said = record(&accord, &tool, json!({ "Username": address, "Email": address })).await;
        assert_eq!(said.json()["EmailVerified"], json!(false), "{address}");
        let told = invite(&accord, &owner, address, "user").await;
        let users = format!("{}/users", path(owner.account));
        let again = accord.post(&owner.token, &users, &json!({ "email": address, "roles": ["user"] })).await;
        assert_eq!(again.status, 409, "{address}: {again}");
        let seen = format!("{users}?$filter=email%20eq%20'{address}'%20and%20status%20ne%20null");
        let seen = accord.get(&owner.token, &seen).await.json()["value"][0].clone();
        assert_eq!((&seen["status"], &seen["id"]), (&json!("invited"), &json!(told)), "{address}: {seen}");
        // Whoever is removed by it is that one, and nobody else.
        assert_eq!(accord.delete(&owner.token, &member(owner.account, told)).await.status, 200, "{address}");
        assert_eq!(roles(&accord, owner.account, jane.id), ["active | viewer"], "{address}");
        invite(&accord, &owner, address, "user").await;
    }
    let said = record(&accord, &tool, json!({ "Username": "jane", "Email": jane.email })).await;
    assert_eq!(said.json()["EmailVerified"], json!(true), "by this one she has entered");
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn a_member_who_comes_by_another_address_is_one_member_from_then_on() {
    let (relay, accord, owner, jane) = acme().await;
    let other = with_another_address(&accord, &owner, &jane).await;
    let told = invite(&accord, &owner, other, "user").await;
    let body = json!({ "token": relay.token_for(other, 1).await });
    let accepted = accord.post(&jane.token, ACCEPT, &body).await;
    assert_eq!(accepted.status, 200, "{accepted}");
    assert_eq!(roles(&accord, owner.account, jane.id), ["active | user,viewer"]);
    let by_either = accord.get(&owner.token, &member(owner.account, told)).await;
    assert_eq!(by_either.number("id"), jane.id, "{by_either}");
    assert_eq!(accord.store().contradictions(), [""; 0]);
}
