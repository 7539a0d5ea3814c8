//! Accounts that are likely one company: proposed to people who manage what owns them, and said to be different by its owners.

use accord_tests::Accord;
use accord_tests::accounts::path;
use serde_json::{Value, json};

const DUPLICATES: &str = "/api/duplicates";

async fn proposed(accord: &Accord, token: &str) -> Value {
    let listed = accord.get(token, &format!("{DUPLICATES}?$select=registrationId,otherRegistrationId")).await;
    assert_eq!(listed.status, 200, "{listed}");
    listed.json()["value"].clone()
}

fn pair(one: &str, other: &str) -> Value {
    json!({ "registrationId": one, "otherRegistrationId": other })
}

#[tokio::test]
async fn accounts_of_one_number_are_proposed_until_an_owner_says_that_they_are_different() {
    let accord = Accord::start().await;
    let (token, admin) = (accord.token().await, accord.admin().await);
    let entry = |name: &str, id: &str| json!({ "name": name, "id": id });
    for (external_id, id) in [("a", "777-1"), ("b", "FI 007771"), ("c", "888")] {
        accord.patch_accounts(&token, &json!({ external_id: entry("Acme", id) })).await;
    }
    assert_eq!(proposed(&accord, &admin).await, json!([pair("777-1", "FI 007771")]));
    // A correction counts at once, whoever makes it.
    let id = |id: &str| accord.store().number(&format!("SELECT id FROM accounts WHERE registration_id = '{id}'"));
    let (one, other, third) = (id("777-1"), id("FI 007771"), id("888"));
    accord.put(&admin, &path(third), &json!({ "registrationId": "8-8-8-1" })).await;
    accord.put(&admin, &path(other), &json!({ "registrationId": "8881" })).await;
    assert_eq!(proposed(&accord, &admin).await, json!([pair("8881", "8-8-8-1")]));
    accord.put(&admin, &path(other), &json!({ "registrationId": null })).await;
    assert_eq!(proposed(&accord, &admin).await, json!([pair("777-1", "FI 007771")]));

    let different = format!("{}/different", path(one));
    for wrong in [json!({}), json!({ "accounts": [] }), json!({ "accounts": ["7"] }), json!({ "accounts": [one] })] {
        let refused = accord.post(&admin, &different, &wrong).await;
        assert_eq!((refused.status, refused.json()["errors"]["accounts"].is_string()), (400, true), "{wrong}");
    }
    let said = accord.post(&admin, &different, &json!({ "accounts": [other] })).await;
    assert_eq!((said.status, said.text("message").as_str()), (200, "Accounts marked as different"));
    assert_eq!(proposed(&accord, &admin).await, json!([]));
    // Twice is once.
    assert_eq!(accord.post(&admin, &different, &json!({ "accounts": [other] })).await.status, 200);
    let noted = "SELECT count(*) FROM audit WHERE action = 'marked as different'";
    assert_eq!(accord.store().number(noted), 1);
}

#[tokio::test]
async fn proposals_are_for_people_who_manage_the_owner_and_its_owners_decide() {
    let accord = Accord::start().await;
    let (token, admin) = (accord.token().await, accord.admin().await);
    for (external_id, id) in [("a", "777-1"), ("b", "7771")] {
        accord.patch_accounts(&token, &json!({ external_id: { "name": "Acme", "id": id } })).await;
    }
    let store = accord.store();
    let operator = store.number("SELECT id FROM accounts WHERE owner_id IS NULL");
    let (one, other) = (
        store.number("SELECT id FROM accounts WHERE registration_id = '777-1'"),
        store.number("SELECT id FROM accounts WHERE registration_id = '7771'"),
    );
    assert_eq!(accord.get(&token, DUPLICATES).await.status, 403, "a connector");
    let stranger = accord.person("Elsewhere").await;
    let theirs = format!("{DUPLICATES}?accountId={operator}");
    assert_eq!(accord.get(&stranger.token, &theirs).await.status, 404);
    assert_eq!(proposed(&accord, &stranger.token).await, json!([]));
    let said = json!({ "accounts": [other] });
    let different = format!("{}/different", path(one));
    assert_eq!(accord.post(&stranger.token, &different, &said).await.status, 404);
    assert_eq!(accord.post(&token, &different, &said).await.status, 403);
    // Who manages or owns one of them does not decide what it is taken for.
    let owner = accord.person("Owner").await;
    accord.join(one, owner.id, "owner").await;
    assert_eq!(accord.post(&owner.token, &different, &said).await.status, 403);
    let manager = accord.person("Manager").await;
    accord.join(operator, manager.id, "manage").await;
    let listed = accord.get(&manager.token, &theirs).await;
    assert_eq!(listed.json()["value"].as_array().map(Vec::len), Some(1));
    assert_eq!(accord.post(&manager.token, &different, &said).await.status, 403);
    assert_eq!(accord.post(&admin, &different, &said).await.status, 200);
}
