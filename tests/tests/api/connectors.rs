//! Connectors: made, shown, rotated, disconnected and deleted by who manages their account.

use accord_tests::oauth::TOKEN;
use accord_tests::{Accord, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_connector_tells_its_error_state_and_is_inactive_while_its_account_is() {
    let accord = Accord::start().await;
    let (operator, admin) = (accord.operator().await, accord.admin().await);
    let customer = accord.make_account(&operator, "customer", "reseller").await;
    let below = accord.make_account(&customer, "below", "standard").await;
    let crm = accord.make_connector(&admin, &json!({ "name": "CRM", "accountId": below.account })).await;
    let token = accord.token_of(&crm.client_id, &crm.secret).await;
    let one = format!("/api/connectors/{}", crm.id);
    let told = async || {
        let shown = accord.get(&admin, &one).await.json();
        let listed = accord.get(&admin, &format!("/api/connectors?accountId={}", below.account)).await.json();
        assert_eq!(listed["value"][0], shown);
        let health = accord.connections(&operator, &format!("&account_key={}", below.account_key)).await;
        let status = shown["status"].as_str().expect("a status").to_uppercase();
        assert_eq!(health.column("connections", "status"), [status]);
        assert_eq!(health.json()["connections"][0]["in_error_state"], shown["inErrorState"]);
        (shown["status"].clone(), shown["inErrorState"].clone())
    };
    assert_eq!(told().await, (json!("active"), json!(false)));
    for _ in 0..10 {
        assert_eq!(accord.patch_accounts(&token, &json!([])).await.status, 400);
    }
    assert_eq!(told().await, (json!("active"), json!(true)));
    // Its own account works; the one above does not.
    let suspend =
        |active: &str| json!({ "action": "update_account", "account_key": customer.account_key, "active": active });
    assert_eq!(accord.administer(&operator, &suspend("0")).await.status, 200);
    assert_eq!(told().await, (json!("inactive"), json!(true)));
    for (statuses, count) in [("ACTIVE,PENDING", 0), ("INACTIVE", 1)] {
        let filters = format!("&account_key={}&statuses={statuses}", below.account_key);
        assert_eq!(accord.connections(&operator, &filters).await.json()["count"], count, "{statuses}");
    }
    assert_eq!(accord.administer(&operator, &suspend("1")).await.status, 200);
    assert_eq!(told().await, (json!("active"), json!(true)));
}

#[tokio::test]
async fn an_accounts_manager_mints_the_credentials_that_the_portal_asks_for() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let new = json!({ "name": "Portal", "integration": "portal", "property": "main", "environment": "sandbox" });
    let made = accord.post(&person.token, "/api/connectors", &new).await;
    assert_snapshot!("connector_created", made);
    let (client_id, secret) = (made.text("clientId"), made.text("clientSecret"));
    let token = accord.token_of(&client_id, &secret).await;
    let pushed = json!({ "a": { "name": "Customer", "id": "1" } });
    assert_eq!(accord.patch_accounts(&token, &pushed).await.status, 200);

    let one = format!("/api/connectors/{}", made.number("id"));
    assert_snapshot!("connector", accord.get(&person.token, &one).await);
    assert_snapshot!("connectors", accord.get(&person.token, "/api/connectors").await);
    let rotated = accord.post(&person.token, &format!("{one}/secret"), &json!({})).await;
    assert_eq!(rotated.status, 200, "{rotated}");
    let form = [("grant_type", "client_credentials"), ("client_id", &client_id), ("client_secret", &secret)];
    assert_eq!(answer(accord.request(Method::POST, TOKEN).form(&form)).await.status, 401);
    let token = accord.token_of(&client_id, &rotated.text("clientSecret")).await;
    assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 200);
    assert_snapshot!("disconnected", accord.post(&person.token, &format!("{one}/disconnect"), &json!({})).await);
    assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 401);

    // Who may not manage the account may not see what connects to it.
    let other = accord.person("Other").await;
    assert_snapshot!("connector_not_found", accord.get(&other.token, &one).await);
    let foreign = json!({ "name": "Mine", "accountId": person.account });
    assert_eq!(accord.post(&other.token, "/api/connectors", &foreign).await.status, 404);
    accord.join(person.account, other.id, "viewer").await;
    assert_eq!(accord.get(&other.token, &one).await.status, 403);
    assert_eq!(accord.delete(&other.token, &one).await.status, 403);
    assert_eq!(accord.delete(&person.token, &one).await.status, 200);
    let bad = json!({ "name": "", "scopes": ["portal:write", "root"], "environment": "moon", "accountId": "x" });
    assert_snapshot!("connector_invalid", accord.post(&person.token, "/api/connectors", &bad).await);

    // A connector gives away no more than it holds.
    let managing = accord.connector("managing", "accounts:manage").await;
    let more = json!({ "name": "More", "scopes": ["portal:write"] });
    assert_eq!(accord.post(&managing, "/api/connectors", &more).await.status, 403);
    let same = json!({ "name": "Same", "scopes": ["accounts:manage"] });
    assert_eq!(accord.post(&managing, "/api/connectors", &same).await.status, 201);
}
