//! What members are called: each source keeps its word, the person's comes first, and no account sees that of another one.

use accord_tests::accounts::{ACCEPT, PASSWORD, Person, member, path};
use accord_tests::endpoint::RECORD;
use accord_tests::{Accord, Relay};
use serde_json::{Value, json};

/// Invites `jane@example.com` by a first name, and returns the id that the account is told.
async fn invited(accord: &Accord, owner: &Person, first_name: &str) -> i64 {
    let body = json!({ "email": "jane@example.com", "firstName": first_name, "roles": ["user"] });
    let invited = accord.post(&owner.token, &format!("{}/users", path(owner.account)), &body).await;
    assert_eq!(invited.status, 201, "{invited}");
    invited.number("id")
}

/// The first name that an account shows of a member.
async fn shown(accord: &Accord, owner: &Person, id: i64) -> Value {
    let member = accord.get(&owner.token, &member(owner.account, id)).await;
    assert_eq!(member.status, 200, "{member}");
    member.json()["firstName"].clone()
}

/// What is said of members' first names in an account: value, source, whether it is shown.
async fn said(accord: &Accord, owner: &Person, query: &str) -> Vec<(String, String, bool)> {
    let list = format!("{}/names?$filter=field%20eq%20'firstName'{query}", path(owner.account));
    let listed = accord.get(&owner.token, &list).await;
    assert_eq!(listed.status, 200, "{listed}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let words = listed.json()["value"].as_array().expect("words").clone();
    words
        .iter()
        .filter(|word| word["value"] != "Owner" && word["value"] != "John")
        .map(|word| (text(&word["value"]), text(&word["source"]), word["shown"] == true))
        .collect()
}

fn words(expected: &[(&str, &str, bool)]) -> Vec<(String, String, bool)> {
    expected.iter().map(|(value, source, shown)| ((*value).to_owned(), (*source).to_owned(), *shown)).collect()
}

#[tokio::test]
async fn the_persons_own_word_comes_first_and_each_account_keeps_and_sees_its_own() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let (one, other) = (accord.person("One").await, accord.person("Other").await);
    for owner in [&one, &other] {
        let named = accord.put(&owner.token, "/api/me", &json!({ "firstName": "Owner" })).await;
        assert_eq!(named.status, 200, "{named}");
    }
    let scopes = ["AccessUser:Create", "AccessUser:Update"];
    let writer = json!({ "name": "HR", "accountId": one.account, "scopes": scopes });
    let writer = accord.make_connector(&one.token, &writer).await;
    let writer = accord.token_of(&writer.client_id, &writer.secret).await;
    let record = json!({ "Username": "jd", "FirstName": "Janet", "Email": "jane@example.com" });
    assert_eq!(accord.patch(&writer, RECORD, &record).await.status, 200);
    let here = invited(&accord, &one, "Jane").await;
    let guest = invited(&accord, &other, "J.").await;
    assert_eq!(shown(&accord, &one, here).await, "Jane");
    assert_eq!(said(&accord, &one, "").await, words(&[("Jane", "people", true), ("Janet", "record", false)]));
    assert_eq!(said(&accord, &other, "").await, words(&[("J.", "people", true)]));

    // To accept names nobody: what an account says stays there.
    let accepted = json!({ "token": relay.token_for("jane@example.com", 1).await, "password": PASSWORD });
    assert_eq!(accord.submit(ACCEPT, &accepted).await.status, 200);
    let jane = accord.user_token("jane@example.com", PASSWORD, None).await;
    assert_eq!(accord.get(&jane, "/api/me").await.json()["firstName"], Value::Null);
    assert_eq!(shown(&accord, &one, here).await, "Jane");

    // What the person says comes first where it has entered, and is seen nowhere else.
    assert_eq!(accord.put(&jane, "/api/me", &json!({ "firstName": "Jane Doe" })).await.status, 200);
    let three = [("Jane Doe", "user", true), ("Jane", "people", false), ("Janet", "record", false)];
    assert_eq!(said(&accord, &one, "").await, words(&three));
    assert_eq!(said(&accord, &one, "%20and%20shown%20eq%20false").await, words(&three[1..]));
    assert_eq!(shown(&accord, &one, here).await, "Jane Doe");
    assert_eq!(shown(&accord, &other, guest).await, "J.");
    assert_eq!(said(&accord, &other, "").await, words(&[("J.", "people", true)]));

    // A record that repeats itself, or says something else, changes nothing of what is shown.
    let changed = json!({ "Username": "jd", "FirstName": "JANET" });
    assert_eq!(accord.patch(&writer, RECORD, &changed).await.status, 200);
    assert_eq!(shown(&accord, &one, here).await, "Jane Doe");

    // Each that lets go takes its word along: the person, …
    assert_eq!(accord.put(&jane, "/api/me", &json!({ "firstName": null })).await.status, 200);
    assert_eq!(shown(&accord, &one, here).await, "Jane");
    // … the account's people, who may also say another, …
    for (word, expected) in [(json!("Janie"), "Janie"), (Value::Null, "JANET")] {
        let said = accord.put(&one.token, &member(one.account, here), &json!({ "firstName": word })).await;
        assert_eq!(said.status, 200, "{said}");
        assert_eq!(shown(&accord, &one, here).await, expected);
    }
    // … and the record.
    assert_eq!(accord.patch(&writer, RECORD, &json!({ "Username": "jd", "FirstName": null })).await.status, 200);
    assert_eq!(shown(&accord, &one, here).await, Value::Null);
    assert_eq!(said(&accord, &one, "").await, words(&[]));
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn what_an_invitation_says_goes_with_it_and_who_may_call_a_member_otherwise_is_who_may_change_it() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let guest = invited(&accord, &owner, "Jane").await;
    let listed = accord.get(&owner.token, &format!("{}/invitations?$search=jane", path(owner.account))).await;
    assert_eq!(listed.json()["value"][0]["firstName"], "Jane", "{listed}");
    let taken_back = accord.delete(&owner.token, &format!("{}/invitations/{guest}", path(owner.account))).await;
    assert_eq!(taken_back.status, 200, "{taken_back}");
    assert_eq!(said(&accord, &owner, "").await, words(&[]));
    let manager = accord.person("Manager").await;
    accord.join(owner.account, manager.id, "manage").await;
    let body = json!({ "firstName": "Boss" });
    let refused = accord.put(&manager.token, &member(owner.account, owner.id), &body).await;
    assert_eq!((refused.status, refused.text("code").as_str()), (403, "UNAUTHORIZED"), "{refused}");
    let nothing = accord.put(&owner.token, &member(owner.account, manager.id), &json!({})).await;
    assert_eq!((nothing.status, nothing.text("code").as_str()), (400, "INVALID"), "{nothing}");
    let long =
        accord.put(&owner.token, &member(owner.account, manager.id), &json!({ "lastName": "x".repeat(101) })).await;
    assert_eq!(long.status, 400, "{long}");
    assert_eq!(accord.put(&owner.token, &member(owner.account, manager.id), &body).await.status, 200);
    // The grant stays as it was.
    let shown = accord.get(&owner.token, &member(owner.account, manager.id)).await;
    assert_eq!((&shown.json()["firstName"], &shown.json()["roles"]), (&json!("Boss"), &json!(["manage"])), "{shown}");
}
