//! The document's own examples, one after the other, and its error codes.

use accord_tests::accounts::{member, path};
use accord_tests::{Accord, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn each_example_of_the_document_gets_its_answer() {
    let accord = Accord::start().await;
    let sign_up = json!({
        "email": "user@example.com",
        "password": "secure_password_123",
        "firstName": "John",
        "lastName": "Doe",
        "accountName": "Acme Corporation",
        "country": "US"
    });
    accord.token().await;
    let signed_up = accord.submit("/api/accounts/signup", &sign_up).await;
    assert_snapshot!("signup", signed_up);
    let account = signed_up.number("accountId");
    let token = accord.user_token("user@example.com", "secure_password_123", None).await;

    let new = json!({
        "name": "Enterprise Account",
        "description": "Main enterprise account",
        "primaryContact": "contact@enterprise.com"
    });
    assert_snapshot!("create_account", accord.post(&token, "/api/accounts", &new).await);
    assert_snapshot!("list_accounts", accord.get(&token, "/api/accounts").await);
    let filtered = "/api/accounts?$filter=name%20eq%20'Acme%20Corporation'&$orderby=createdAt%20desc&$skip=0&$top=10";
    assert_snapshot!("list_accounts_filtered", accord.get(&token, filtered).await);
    assert_snapshot!("get_account_by_id", accord.get(&token, &path(account)).await);
    assert_snapshot!("get_account_by_name", accord.get(&token, "/api/accounts/Acme%20Corporation").await);

    let change = json!({ "name": "Updated Account Name", "description": "Updated description", "status": "active" });
    assert_snapshot!("update_account", accord.put(&token, &path(account), &change).await);

    let user = json!({
        "email": "newuser@example.com",
        "firstName": "Jane",
        "lastName": "Smith",
        "roles": ["user", "viewer"]
    });
    let invited = accord.post(&token, &format!("{}/users", path(account)), &user).await;
    assert_snapshot!("add_new_user", invited);
    let jane = invited.number("id");
    // Whom the caller sees: somebody who has entered an account that this one owns.
    let other = accord.person("Other").await;
    accord.store().execute("UPDATE accounts SET owner_id = ?1 WHERE id = ?2", (account, other.account));
    accord.store().recount();
    let known = json!({ "roles": ["user", "admin"] });
    assert_snapshot!("add_existing_user", accord.post(&token, &member(account, other.id), &known).await);
    let roles = json!({ "roles": ["admin", "user"], "status": "active" });
    assert_snapshot!("update_user_roles", accord.put(&token, &member(account, jane), &roles).await);
    let invite = accord.request_as(&token, Method::PUT, &format!("{}/invite", member(account, jane)));
    assert_snapshot!("resend_invitation", answer(invite).await);
    assert_snapshot!("remove_user", accord.delete(&token, &member(account, jane)).await);
    assert_eq!(accord.delete(&token, &path(other.account)).await.status, 200);
    assert_snapshot!("delete_account", accord.delete(&token, &path(account)).await);
}

#[tokio::test]
async fn each_error_of_the_document_has_its_code() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let viewer = accord.person("Other").await;
    accord.join(owner.account, viewer.id, "viewer").await;
    assert_snapshot!("account_not_found", accord.get(&owner.token, "/api/accounts/999999").await);
    let taken = accord.post(&owner.token, "/api/accounts", &json!({ "name": " aCME " })).await;
    assert_snapshot!("account_already_exists", taken);
    let refused = accord.put(&viewer.token, &path(owner.account), &json!({ "name": "Mine" })).await;
    assert_snapshot!("unauthorized", refused);
    let twice = accord.post(&owner.token, &member(owner.account, viewer.id), &json!({ "roles": ["user"] })).await;
    assert_snapshot!("user_already_in_account", twice);
    let invalid = json!({ "name": "", "country": "Finland", "description": 7 });
    assert_snapshot!("invalid", accord.post(&owner.token, "/api/accounts", &invalid).await);
    assert_snapshot!("missing_token", answer(accord.request(Method::GET, "/api/accounts")).await);
    assert_snapshot!("invalid_token", accord.get("x.y.z", "/api/accounts").await);
    assert_snapshot!("unknown_method", answer(accord.request(Method::PATCH, "/api/accounts/1")).await);
    let filter = accord.get(&owner.token, "/api/accounts?$filter=name%20eq%20&$top=-1").await;
    assert_snapshot!("invalid_options", filter);
}
