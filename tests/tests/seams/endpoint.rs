//! What an organisation says through the endpoint API acts in the organisation, and nowhere else.

use accord_tests::accounts::{ACCEPT, PASSWORD, path};
use accord_tests::endpoint::{Endpoint, RECORD, full};
use accord_tests::{Accord, Answer, Relay};
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn the_address_of_a_record_is_the_person_whom_the_portal_binds_by_it() {
    let relay = Relay::start().await;
    let endpoint = Endpoint::of(Accord::start_with(relay.options()).await).await;
    let Endpoint { accord, token } = &endpoint;
    endpoint.record(&json!({ "Username": "jane", "Email": "jane@example.com", "Is_Active": true })).await;
    accord.patch_accounts(token, &json!({ "a": { "name": "Acme", "id": "1" } })).await;
    accord.patch_users(token, &json!({ "u": { "email": "Jane@Example.com" } })).await;
    accord.bind(token, "1", &json!(["u"])).await;
    // A password comes by the way of all who have forgotten theirs.
    let forgot = json!({ "email": "jane@example.com" });
    assert_eq!(accord.submit("/api/accounts/password/forgot", &forgot).await.status, 200);
    let reset = json!({ "token": relay.token_for("jane@example.com", 1).await, "password": PASSWORD });
    assert_eq!(accord.submit("/api/accounts/password/reset", &reset).await.status, 200);
    let offered = accord.sign_in("jane@example.com", PASSWORD, None).await;
    assert_snapshot!("offered_by_record_and_portal", offered);
    assert_eq!(accord.sign_in("jane", PASSWORD, Some("Operator")).await.status, 400, "its username signs nobody in");
    assert_eq!(accord.sign_in("jane@example.com", PASSWORD, Some("Operator")).await.status, 200);
}

/// Sends a record by a connector.
async fn patch(accord: &Accord, token: &str, body: &Value) -> Answer {
    accord.patch(token, RECORD, body).await
}

/// A connector of an account that writes records: its access token.
async fn writer(accord: &Accord, token: &str, account: i64) -> String {
    let scopes = ["AccessUser:Create", "AccessUser:Update"];
    let made = json!({ "name": "Writer", "accountId": account, "scopes": scopes });
    let made = accord.make_connector(token, &made).await;
    accord.token_of(&made.client_id, &made.secret).await
}

/// Every way in which a record could change how somebody signs in: an organisation may say all of it, and nothing happens.
#[tokio::test]
async fn what_an_organisation_says_changes_nothing_of_how_anybody_signs_in() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let (attacker, victim_of) = (accord.person("Attacker").await, accord.person("Victim").await);
    let token = writer(&accord, &attacker.token, attacker.account).await;
    let made = json!({ "Username": "jane", "Email": "jane@example.com", "Phone": "+358401234567", "Is_Active": true });
    let id = patch(&accord, &token, &made).await.json()["Id"].clone();
    accord.invite(&victim_of, "jane@example.com").await;
    let accepted = json!({ "token": relay.token_for("jane@example.com", 1).await, "password": PASSWORD });
    assert_eq!(accord.submit(ACCEPT, &accepted).await.status, 200);
    let account = victim_of.account.to_string();
    for said in [
        json!({ "Email": "attacker@example.com" }),
        json!({ "Email": null }),
        json!({ "Username": "mallory", "Email": "jane@example.com" }),
        json!({ "ExternalId": "mallory" }),
        json!({ "Phone": "+358409999999", "PhoneVerified": true }),
        json!({ "Is_Active": false }),
        json!({ "Username": null }),
    ] {
        let mut body = said.clone();
        body["Id"] = id.clone();
        let answer = patch(&accord, &token, &body).await;
        assert_eq!(answer.status, 200, "{said}: {answer}");
        assert_eq!(answer.json()["EmailVerified"], false, "{said}: she has not entered this organisation");
        let forgot = json!({ "email": "attacker@example.com" });
        assert_eq!(accord.submit("/api/accounts/password/forgot", &forgot).await.status, 200);
        let signed_in = accord.sign_in("jane@example.com", PASSWORD, Some(&account)).await;
        assert_eq!(signed_in.status, 200, "{said}: {signed_in}");
    }
    // The organisation has shut her out of itself, and of nothing else.
    let attackers = attacker.account.to_string();
    assert_eq!(accord.sign_in("jane@example.com", PASSWORD, Some(&attackers)).await.status, 400);
    // Whoever got mail: nobody but her, at her own address.
    let elsewhere: Vec<_> = relay.mails().into_iter().filter(|mail| mail["to"] == "attacker@example.com").collect();
    assert!(elsewhere.iter().all(|mail| !mail["text"].as_str().unwrap_or_default().contains("jane")), "{elsewhere:?}");
}

#[tokio::test]
async fn a_record_shuts_out_no_member_who_ranks_above_its_client_and_not_the_last_owner() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let manager = accord.person("Home of the manager").await;
    accord.join(owner.account, manager.id, "manage").await;
    accord.user_token(&manager.email, PASSWORD, Some(owner.account)).await;
    let weak = writer(&accord, &manager.token, owner.account).await;
    let own = writer(&accord, &owner.token, owner.account).await;
    let out = json!({ "Username": "owner", "Email": owner.email, "Is_Active": false });
    assert_snapshot!("ranks_above_the_client", patch(&accord, &weak, &out).await);
    assert_snapshot!("last_owner", patch(&accord, &own, &out).await);
    // A manager it may shut out, and nothing of the refused ones was written.
    let out = json!({ "Username": "manager", "Email": manager.email, "Is_Active": false });
    assert_eq!(patch(&accord, &weak, &out).await.status, 200);
    assert_eq!(accord.get(&manager.token, &path(owner.account)).await.status, 404);
    assert_eq!(accord.store().lines("SELECT username FROM records"), ["manager"]);
    // What it has set it lifts; what somebody of the account has set it does not.
    let back = json!({ "Username": "manager", "Is_Active": true });
    assert_eq!(patch(&accord, &weak, &back).await.status, 200);
    assert_eq!(accord.get(&manager.token, &path(owner.account)).await.status, 200);
    let member = format!("{}/users/{}", path(owner.account), manager.id);
    assert_eq!(accord.put(&owner.token, &member, &json!({ "status": "inactive" })).await.status, 200);
    for said in [false, true] {
        let body = json!({ "Username": "manager", "Is_Active": said });
        assert_eq!(patch(&accord, &own, &body).await.status, 200);
    }
    assert_eq!(accord.get(&manager.token, &path(owner.account)).await.status, 404);
}

#[tokio::test]
async fn a_moved_address_of_a_record_takes_its_own_grant_along_and_no_other() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let (one, other) = (accord.person("One").await, accord.person("Other").await);
    let token = writer(&accord, &owner.token, owner.account).await;
    let offers = async |token: &str| accord.get(token, "/api/me").await.json()["offers"].as_array().map_or(0, Vec::len);
    let record = json!({ "Username": "u", "Email": one.email, "Is_Active": true });
    assert_eq!(patch(&accord, &token, &record).await.status, 200);
    assert_eq!([offers(&one.token).await, offers(&other.token).await], [1, 0]);
    let moved = json!({ "Username": "u", "Email": other.email });
    assert_eq!(patch(&accord, &token, &moved).await.status, 200);
    assert_eq!([offers(&one.token).await, offers(&other.token).await], [0, 1]);
    accord.invite(&owner, &other.email).await;
}

/// Two organisations say the same of somebody: neither an error nor a field tells one of them about the other.
#[tokio::test]
async fn nobody_learns_what_another_organisation_says() {
    let endpoint = Endpoint::start().await;
    let other = endpoint.other_tenant().await;
    let mine = endpoint.record(&full()).await;
    let theirs = patch(&endpoint.accord, &other, &full()).await;
    assert_eq!(theirs.status, 200, "{theirs}");
    let by_id = json!({ "Id": mine["Id"], "Name": "x" });
    assert_eq!(patch(&endpoint.accord, &other, &by_id).await.status, 404);
    assert_eq!(endpoint.record(&json!({ "Id": mine["Id"] })).await, mine);
}

/// Two records of one organisation name two addresses of one person: one that lets go takes nothing from the other.
#[tokio::test]
async fn what_two_records_give_to_one_person_stays_until_both_let_go() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let jane = accord.person("Home of Jane").await;
    accord.store().execute(
        "INSERT INTO addresses (key, address, person_id, proved_at) VALUES ('jane@other.example', 'jane@other.example', ?, 1)",
        [jane.id],
    );
    let token = writer(&accord, &owner.token, owner.account).await;
    let offers = async || accord.get(&jane.token, "/api/me").await.json()["offers"].as_array().map_or(0, Vec::len);
    for (name, email) in [("one", jane.email.as_str()), ("other", "jane@other.example")] {
        let record = json!({ "Username": name, "Email": email, "Is_Active": true });
        assert_eq!(patch(&accord, &token, &record).await.status, 200);
    }
    assert_eq!(offers().await, 1);
    for (name, left) in [("one", 1), ("other", 0)] {
        let record = json!({ "Username": name, "Email": null });
        assert_eq!(patch(&accord, &token, &record).await.status, 200);
        assert_eq!(offers().await, left, "{name}");
    }
}

/// Nothing was mailed for a record's offer yet: the first mail goes to the address that the record names.
#[tokio::test]
async fn an_invitation_for_a_records_offer_goes_to_the_address_that_the_record_names() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let owner = accord.person("Acme").await;
    let jane = accord.person("Home of Jane").await;
    accord.store().execute(
        "INSERT INTO addresses (key, address, person_id, proved_at) VALUES ('jane@other.example', 'jane@other.example', ?, 2)",
        [jane.id],
    );
    let token = writer(&accord, &owner.token, owner.account).await;
    let record = json!({ "Username": "jane", "Email": "jane@other.example", "Is_Active": true });
    assert_eq!(patch(&accord, &token, &record).await.status, 200);
    let invite = format!("{}/users/{}/invite", path(owner.account), accord.known_as(owner.account, jane.id));
    let invited = accord.put(&owner.token, &invite, &json!({})).await;
    assert_eq!(invited.status, 200, "{invited}");
    assert_eq!(relay.mails_to("jane@other.example", 1).await.len(), 1);
    assert_eq!(relay.mails_to(&jane.email, 1).await.len(), 1, "the mail of the sign-up only");
}

/// An account may share its data with its owner, whose members then look at it: but not those whom a record has made members.
#[tokio::test]
async fn what_a_record_gives_counts_in_its_own_account_only() {
    let accord = Accord::start().await;
    let owner = accord.person("Reseller").await;
    let (recorded, by_hand) = (accord.person("One").await, accord.person("Other").await);
    let customer = accord.person("Customer").await;
    accord
        .store()
        .execute("UPDATE accounts SET owner_id = ?1, datashare = 1 WHERE id = ?2", [owner.account, customer.account]);
    accord.store().recount();
    let token = writer(&accord, &owner.token, owner.account).await;
    let record = json!({ "Username": "u", "Email": recorded.email, "Is_Active": true });
    assert_eq!(patch(&accord, &token, &record).await.status, 200);
    accord.join(owner.account, by_hand.id, "user").await;
    for (person, status, signs_in) in [(&recorded, 404, 400), (&by_hand, 200, 200)] {
        let token = accord.user_token(&person.email, PASSWORD, Some(owner.account)).await;
        assert_eq!(accord.get(&token, &path(owner.account)).await.status, 200);
        assert_eq!(accord.get(&token, &path(customer.account)).await.status, status);
        let listed = accord.get(&token, "/api/accounts").await.json();
        let ids: Vec<_> = listed["value"].as_array().expect("a list").iter().map(|row| row["id"].as_i64()).collect();
        assert_eq!(ids.contains(&Some(customer.account)), status == 200, "{listed}");
        let account = customer.account.to_string();
        assert_eq!(accord.sign_in(&person.email, PASSWORD, Some(&account)).await.status, signs_in);
    }
}
