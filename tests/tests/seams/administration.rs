//! What the administration API makes is there for the other APIs.

use std::time::Duration;

use accord_tests::Accord;
use accord_tests::accounts::{PASSWORD, path};
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn an_account_made_here_is_there_for_the_other_apis() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let made = accord.make_account(&operator, "acme", "standard").await;
    let admin = accord.admin().await;
    let seen = accord.get(&admin, &path(made.account)).await;
    assert_snapshot!("seen_by_the_accounts_api", seen);
    let token = accord.user_token(&made.name, &made.password, None).await;
    assert_eq!(accord.get(&token, &path(made.account)).await.status, 200);
    for (name, account) in
        [("ADMIN@Acme.localhost", None), ("admin", Some("acme")), ("admin", Some(&*made.account_key))]
    {
        assert_eq!(accord.sign_in(name, &made.password, account).await.status, 200, "{name} {account:?}");
    }
    assert_eq!(accord.sign_in("admin", &made.password, None).await.status, 400, "every account has its own admin");

    let crm = accord.make_connector(&token, &json!({ "name": "CRM", "integration": "crm" })).await;
    let status = async || accord.connections(&made, "").await.column("connections", "status");
    assert_eq!(status().await, ["PENDING"]);
    let token = accord.token_of(&crm.client_id, &crm.secret).await;
    let active = accord.connections(&made, "").await;
    assert_eq!(active.column("connections", "status"), ["ACTIVE"]);
    assert_eq!(active.column("connections", "last_sync"), ["null"]);
    assert_ne!(active.column("connections", "expires"), ["null"]);
    assert_eq!(accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await.status, 200);
    let first = accord.connections(&made, "").await.column("connections", "last_sync");
    assert_ne!(first, ["null"]);
    accord.advance(Duration::from_secs(2)).await;
    assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 200);
    assert!(accord.connections(&made, "").await.column("connections", "last_sync") > first, "the next one moves it");
    let listed = accord.administer(&made, &json!({ "action": "list_accounts" })).await;
    assert_eq!(listed.column("accounts", "name"), ["A"], "what its connector brought is its own");
}

/// Who administers the account above, and does not own it, gives nobody the role of an owner once the account has one.
#[tokio::test]
async fn the_address_that_looks_after_an_account_is_made_its_owner_by_owners_only_once_it_has_one() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let reseller = accord.make_account(&operator, "reseller", "reseller").await;
    let customer = accord.make_account(&reseller, "customer", "standard").await;
    let employee = accord.person("Home of the employee").await;
    accord.join(reseller.account, employee.id, "admin").await;
    accord.user_token(&employee.email, PASSWORD, Some(reseller.account)).await;
    let mut by = reseller.clone();
    (by.name, by.password) = (employee.email.clone(), PASSWORD.to_owned());
    let moved =
        json!({ "action": "update_account", "account_key": customer.account_key, "email_admin": employee.email });
    assert_eq!(accord.administer(&by, &moved).await.status, 200);
    let offers = accord.get(&employee.token, "/api/me").await.json()["offers"].clone();
    assert!(offers.as_array().expect("a list").iter().all(|offer| offer["id"] != json!(customer.account)), "{offers}");
    assert_eq!(
        accord.get(&employee.token, &path(customer.account)).await.status,
        200,
        "as before: an admin from above"
    );
    assert_eq!(accord.delete(&employee.token, &path(customer.account)).await.status, 403);
    // The reseller's owner may.
    assert_eq!(accord.administer(&reseller, &moved).await.status, 200);
    let offers = accord.get(&employee.token, "/api/me").await.json()["offers"].clone();
    assert!(offers.as_array().expect("a list").iter().any(|offer| offer["id"] == json!(customer.account)), "{offers}");
}
