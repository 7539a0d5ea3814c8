//! What is said of an account and of its people elsewhere: what connectors call it, and the records of the endpoint API.

use accord_tests::Accord;
use accord_tests::accounts::path;
use accord_tests::endpoint::RECORD;
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn who_manages_an_account_sees_what_connectors_call_it_and_a_connector_its_own() {
    let accord = Accord::start().await;
    let connector = accord.token().await;
    let other = accord.connector("Other", "portal:write accounts:manage").await;
    for (token, external_id) in [(&connector, "account_123"), (&other, "A-1"), (&other, "A-2")] {
        let body = json!({ external_id: { "name": "Acme", "id": "123456-8" } });
        assert_eq!(accord.patch_accounts(token, &body).await.status, 200);
    }
    let account = accord.store().number("SELECT DISTINCT account_id FROM account_identities");
    let list = format!("{}/identities", path(account));
    let names = async |token: &str| -> Vec<String> {
        let listed = accord.get(token, &format!("{list}?$orderby=externalId")).await;
        assert_eq!(listed.status, 200, "{listed}");
        let value = listed.json()["value"].as_array().expect("identities").clone();
        value.iter().map(|one| one["externalId"].as_str().expect("an id").to_owned()).collect()
    };
    let admin = accord.admin().await;
    assert_eq!(names(&admin).await, ["A-1", "A-2", "account_123"]);
    assert_eq!(names(&connector).await, ["account_123"]);
    assert_eq!(names(&other).await, ["A-1", "A-2"]);
    // Who manages the account and not what owns it sees the connector's name and not its id.
    let manager = accord.person("Manager").await;
    accord.join(account, manager.id, "manage").await;
    let listed = accord.get(&manager.token, &format!("{list}?$filter=externalId%20eq%20'account_123'")).await;
    assert_snapshot!("identities", listed);
    let listed = accord.get(&admin, &list).await.json();
    for one in listed["value"].as_array().expect("identities") {
        let id = one["connectorId"].as_i64().expect("an id");
        assert_eq!(accord.get(&admin, &format!("/api/connectors/{id}")).await.status, 200);
    }
}

#[tokio::test]
async fn who_manages_an_account_sees_its_records_and_no_connector_does() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let record = json!({ "Username": "jane", "Email": "jane@example.com", "FirstName": "Jane", "Is_Active": true });
    let made = accord.patch(&token, RECORD, &record).await;
    assert_eq!(made.status, 200, "{made}");
    let admin = accord.admin().await;
    let operator = accord.store().number("SELECT id FROM accounts WHERE owner_id IS NULL");
    let list = format!("{}/records", path(operator));
    let listed = accord.get(&admin, &list).await;
    assert_snapshot!("records", listed);
    let one = format!("{list}/{}", listed.json()["value"][0]["id"].as_str().expect("an id"));
    assert_eq!(accord.get(&admin, &one).await.json(), listed.json()["value"][0]);
    assert_eq!(accord.get(&token, &list).await.status, 403);
    assert_eq!(accord.get(&token, &one).await.status, 403);
    // Another account's is not found.
    let owner = accord.person("Acme").await;
    let elsewhere = one.replace(&path(operator), &path(owner.account));
    assert_eq!(accord.get(&owner.token, &elsewhere).await.status, 404);
    assert_eq!(accord.get(&owner.token, &one).await.json()["code"], "ACCOUNT_NOT_FOUND");
    for nonsense in ["x", "%00", "%ff"] {
        assert_eq!(accord.get(&admin, &format!("{list}/{nonsense}")).await.status, 404, "{nonsense}");
    }
}
