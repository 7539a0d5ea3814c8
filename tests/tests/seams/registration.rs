//! Registration ids: what the portal finds accounts by, whichever API made them, and who may set one.

use accord_tests::accounts::path;
use accord_tests::portal::BINDINGS;
use accord_tests::{Accord, Answer};
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn a_portal_finds_what_the_other_apis_made() {
    let accord = Accord::start().await;
    let (operator, admin, portal) = (accord.operator().await, accord.admin().await, accord.token().await);
    let new = json!({ "name": "One", "registrationId": " 111111-1 " });
    let one = accord.post(&admin, "/api/accounts", &new).await.number("id");
    assert_eq!(accord.get(&admin, &path(one)).await.text("registrationId"), "111111-1");
    let new = json!({ "name": "Two", "subdomain": "two", "registration_id": "222222-2" });
    let two = accord.administer(&operator, &new).await.text("account_key");
    let pushed = json!({ "a": { "name": "One", "id": "111111-1" }, "b": { "name": "Two", "id": "222222-2" } });
    assert_eq!(accord.patch_accounts(&portal, &pushed).await.status, 200);
    let found = ["One | 111111-1 | bootstrap/a", "Two | 222222-2 | bootstrap/b"];
    assert_eq!(accord.store().lines(BINDINGS), found, "none was made");

    // Changed, it is found by the new one, and what is bound to it stays so.
    assert_eq!(accord.put(&admin, &path(one), &json!({ "registrationId": "333333-3" })).await.status, 200);
    let change = json!({ "action": "update_account", "account_key": two, "registration_id": "444444-4" });
    assert_eq!(accord.administer(&operator, &change).await.status, 200);
    let pushed = json!({ "a": { "id": "333333-3" }, "c": { "name": "Two", "id": "444444-4" } });
    assert_eq!(accord.patch_accounts(&portal, &pushed).await.status, 200);
    let found = ["One | 333333-3 | bootstrap/a", "Two | 444444-4 | bootstrap/b", "Two | 444444-4 | bootstrap/c"];
    assert_eq!(accord.store().lines(BINDINGS), found);
    // Taken back, it is what the connector says; and it is none where nobody says one.
    let null = json!({ "registrationId": null });
    assert_eq!(accord.put(&admin, &path(one), &null).await.status, 200);
    assert_eq!(accord.get(&admin, &path(one)).await.text("registrationId"), "333333-3");
    assert_eq!(accord.patch_accounts(&portal, &json!({ "a": null })).await.status, 200);
    assert_eq!(accord.put(&admin, &path(one), &null).await.status, 200);
    assert_eq!(accord.get(&admin, &path(one)).await.json()["registrationId"], Value::Null);
}

#[tokio::test]
async fn two_accounts_of_one_owner_have_not_the_same_registration_id() {
    let accord = Accord::start().await;
    let (operator, admin) = (accord.operator().await, accord.admin().await);
    let new = |name: &str| json!({ "name": name, "registrationId": "1" });
    assert_eq!(accord.post(&admin, "/api/accounts", &new("One")).await.status, 201);
    assert_snapshot!("taken_registration_id", accord.post(&admin, "/api/accounts", &new("Two")).await);
    let two = accord.post(&admin, "/api/accounts", &json!({ "name": "Two" })).await.number("id");
    assert_eq!(accord.put(&admin, &path(two), &json!({ "registrationId": "1" })).await.status, 409);
    let new = json!({ "name": "Three", "subdomain": "three", "registration_id": "1" });
    assert_eq!(accord.administer(&operator, &new).await.status, 409);
    let three = accord.make_account(&operator, "three", "reseller").await;
    let change = json!({ "action": "update_account", "account_key": three.account_key, "registration_id": "1" });
    assert_eq!(accord.administer(&operator, &change).await.status, 409);
    // Of another owner it is another id.
    let new = json!({ "name": "Four", "subdomain": "four", "registration_id": "1" });
    assert_eq!(accord.administer(&three, &new).await.status, 200);
}

/// By these ids the connectors of the account above find its accounts: whoever set one freely would be taken for another
/// company, and get its users.
#[tokio::test]
async fn only_who_manages_the_account_above_sets_a_registration_id() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let refused = |answer: &Answer| answer.status == 403 && answer.text("code") == "UNAUTHORIZED";
    let new = json!({ "name": "Mine", "registrationId": "123456-8" });
    let created = accord.post(&owner.token, "/api/accounts", &new).await;
    assert!(refused(&created), "{created}");
    for change in [json!("123456-8"), json!("x")] {
        let changed = accord.put(&owner.token, &path(owner.account), &json!({ "registrationId": change })).await;
        assert!(refused(&changed), "{changed}");
    }
    let body = json!({ "name": "CRM", "scopes": ["accounts:manage"] });
    let crm = accord.make_connector(&owner.token, &body).await;
    let crm = accord.token_of(&crm.client_id, &crm.secret).await;
    assert!(refused(&accord.put(&crm, &path(owner.account), &json!({ "registrationId": "x" })).await));
    assert!(refused(&accord.post(&crm, "/api/accounts", &new).await));
    // To say what is so already changes nothing, and is nobody's offence.
    assert_eq!(
        accord.put(&accord.admin().await, &path(owner.account), &json!({ "registrationId": "7" })).await.status,
        200
    );
    let same = json!({ "registrationId": "7", "description": "ours" });
    assert_eq!(accord.put(&owner.token, &path(owner.account), &same).await.status, 200);
    assert!(refused(&accord.put(&owner.token, &path(owner.account), &json!({ "registrationId": null })).await));
    // Below the account that one manages, one does.
    accord.store().execute("UPDATE accounts SET type = 'reseller' WHERE id = ?", [owner.account]);
    assert_eq!(accord.post(&owner.token, "/api/accounts", &new).await.status, 201);
}
