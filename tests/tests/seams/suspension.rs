//! A suspended account, and what hangs below it, does nothing. What the account above suspended only that lifts.

use accord_tests::accounts::{PASSWORD, member, path};
use accord_tests::administration::Administrator;
use accord_tests::{Accord, answer};
use reqwest::Method;
use serde_json::json;

/// Suspends or resumes an account as somebody.
async fn set(accord: &Accord, token: &str, account: i64, status: &str) -> u16 {
    accord.put(token, &path(account), &json!({ "status": status })).await.status
}

#[tokio::test]
async fn a_suspended_account_and_what_it_owns_sign_nobody_in_and_hold_no_role_and_no_connector() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let reseller = accord.make_account(&operator, "reseller", "reseller").await;
    let customer = accord.make_account(&reseller, "customer", "standard").await;
    let mut doors = Vec::new();
    for Administrator { name, password, account, .. } in [&reseller, &customer] {
        let token = accord.user_token(name, password, None).await;
        // A session that is refused ends, and its access tokens with it: this one is another.
        let refresh = accord.sign_in(name, password, None).await.text("refresh_token");
        let scopes = ["portal:write", "accounts:manage", "AccessUser:Create"];
        let tool = json!({ "name": "Tool", "accountId": account, "scopes": scopes });
        let tool = accord.make_connector(&token, &tool).await;
        let tool_token = accord.token_of(&tool.client_id, &tool.secret).await;
        doors.push((token, refresh, tool, tool_token, *account));
    }
    assert_eq!(set(&accord, &accord.admin().await, reseller.account, "inactive").await, 200);

    for (administrator, (token, refresh, tool, tool_token, account)) in [&reseller, &customer].into_iter().zip(&doors) {
        let Administrator { name, password, .. } = administrator;
        let to_account = accord.sign_in(name, password, Some(&account.to_string())).await;
        assert_eq!(to_account.status, 400, "{name} signs in: {to_account}");
        assert_eq!(accord.refresh(refresh).await.status, 400, "{name} goes on");
        assert_eq!(accord.get(token, &path(*account)).await.status, 404, "{name} looks");
        let invited = json!({ "email": "a@example.com", "roles": ["user"] });
        assert_eq!(
            accord.post(token, &format!("{}/users", path(*account)), &invited).await.status,
            404,
            "{name} invites"
        );
        let more = json!({ "name": "More", "accountId": account });
        assert_eq!(accord.post(token, "/api/connectors", &more).await.status, 404, "{name} makes a connector");
        assert_eq!(set(&accord, token, *account, "active").await, 404, "{name} lifts it");
        assert_eq!(accord.administer(administrator, &json!({ "action": "list_accounts" })).await.status, 403, "{name}");
        assert_eq!(accord.patch_accounts(tool_token, &json!({})).await.status, 401, "the connector of {name} pushes");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", tool.client_id.as_str()),
            ("client_secret", tool.secret.as_str()),
        ];
        let issued = answer(accord.request(Method::POST, "/oauth/token").form(&form)).await;
        assert_eq!(issued.status, 401, "the connector of {name} gets a token");
    }

    // Who is above still manages what is suspended, and lifts it.
    let admin = accord.admin().await;
    assert_eq!(accord.get(&admin, &path(customer.account)).await.status, 200);
    assert_eq!(set(&accord, &admin, reseller.account, "active").await, 200);
    for (token, _, _, tool_token, account) in &doors {
        assert_eq!(accord.get(token, &path(*account)).await.status, 200);
        assert_eq!(accord.patch_accounts(tool_token, &json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn an_account_lifts_its_own_suspension_and_not_the_one_from_above() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    let owner = accord.person("Acme").await;
    let viewer = accord.person("Home of the viewer").await;
    accord.join(owner.account, viewer.id, "viewer").await;
    assert_eq!(set(&accord, &owner.token, owner.account, "inactive").await, 200);
    assert_eq!(accord.get(&owner.token, &path(owner.account)).await.status, 404, "it does nothing meanwhile");
    assert_eq!(accord.put(&owner.token, &path(owner.account), &json!({ "name": "Else" })).await.status, 404);
    assert_eq!(
        set(&accord, &viewer.token, owner.account, "active").await,
        403,
        "who did not manage it does not lift it"
    );
    assert_eq!(set(&accord, &owner.token, owner.account, "active").await, 200);
    assert_eq!(accord.get(&owner.token, &path(owner.account)).await.status, 200);

    // The account above suspends on top of the account's own suspension.
    for first in [&owner.token, &admin] {
        assert_eq!(set(&accord, first, owner.account, "inactive").await, 200);
        assert_eq!(set(&accord, &admin, owner.account, "inactive").await, 200);
        assert_eq!(set(&accord, &owner.token, owner.account, "active").await, 404);
        assert_eq!(set(&accord, &admin, owner.account, "active").await, 200);
    }
}

#[tokio::test]
async fn what_an_account_two_levels_above_suspended_the_one_between_does_not_lift() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let reseller = accord.make_account(&operator, "reseller", "reseller").await;
    let customer = accord.make_account(&reseller, "customer", "standard").await;
    let admin = accord.admin().await;
    let between = accord.user_token(&reseller.name, &reseller.password, None).await;
    let own = accord.user_token(&customer.name, &customer.password, None).await;
    let tool = json!({ "name": "Tool", "scopes": ["accounts:manage"], "rank": "owner" });
    let tool = accord.make_connector(&between, &tool).await;
    let tool = accord.token_of(&tool.client_id, &tool.secret).await;
    let update = async |by: &Administrator, active: &str| {
        let change = json!({ "action": "update_account", "account_key": customer.account_key, "active": active });
        accord.administer(by, &change).await.status
    };
    let stays = async |when: &str| {
        for token in [&between, &tool] {
            assert_eq!(set(&accord, token, customer.account, "active").await, 403, "{when}");
            // To suspend it as well changes nothing of who lifts it.
            assert_eq!(set(&accord, token, customer.account, "inactive").await, 200, "{when}");
            assert_eq!(set(&accord, token, customer.account, "active").await, 403, "{when}");
        }
        assert_eq!(update(&reseller, "0").await, 200, "{when}");
        assert_eq!(update(&reseller, "1").await, 403, "{when}");
        assert_eq!(set(&accord, &own, customer.account, "active").await, 404, "{when}");
    };
    assert_eq!(set(&accord, &admin, customer.account, "inactive").await, 200);
    stays("suspended through the accounts API").await;
    assert_eq!(update(&operator, "1").await, 200, "who is above lifts it, through whichever API");
    assert_eq!(update(&operator, "0").await, 200);
    stays("suspended through the administration API").await;
    assert_eq!(set(&accord, &admin, customer.account, "active").await, 200);
    // What the one between suspended, that lifts, and so does who is above.
    for lifts in [&between, &tool, &admin] {
        assert_eq!(set(&accord, &between, customer.account, "inactive").await, 200);
        assert_eq!(set(&accord, lifts, customer.account, "active").await, 200);
    }
    assert_eq!(set(&accord, &own, customer.account, "inactive").await, 200);
    assert_eq!(set(&accord, &admin, customer.account, "inactive").await, 200);
    stays("suspended by itself before").await;
}

#[tokio::test]
async fn an_account_that_the_reseller_made_inactive_waits_for_the_reseller() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let made = json!({ "name": "Late", "subdomain": "late", "active": "0", "email_admin": "late@example.com",
                       "password": "the password of late" });
    assert_eq!(accord.administer(&operator, &made).await.status, 200);
    let (account, key) = (
        accord.store().number("SELECT id FROM accounts WHERE subdomain = 'late'"),
        accord.store().lines("SELECT account_key FROM accounts WHERE subdomain = 'late'").remove(0),
    );
    let token = accord.user_token("admin@late.localhost", "the password of late", None).await;
    assert_eq!(set(&accord, &token, account, "active").await, 404);
    for (active, seen) in [("1", 200), ("0", 404), ("1", 200)] {
        let change = json!({ "action": "update_account", "account_key": key, "active": active });
        assert_eq!(accord.administer(&operator, &change).await.status, 200);
        assert_eq!(accord.get(&token, &path(account)).await.status, seen, "{active}");
    }
}

#[tokio::test]
async fn the_operator_account_cannot_be_suspended() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    let operator = accord.operator().await.account;
    let refused = accord.put(&admin, &path(operator), &json!({ "status": "inactive", "description": "gone" })).await;
    assert_eq!((refused.status, refused.text("code")), (409, "ACCOUNT_IN_USE".to_owned()));
    assert!(accord.store().refuses(&format!("UPDATE accounts SET status = 'inactive' WHERE id = {operator}")));
    assert_eq!(accord.get(&admin, &path(operator)).await.status, 200);
}

#[tokio::test]
async fn an_account_is_suspended_once_whoever_is_first_and_the_suspension_from_above_stays() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    let owner = accord.person("Acme").await;
    for _ in 0..10 {
        let (own, above) = tokio::join!(
            set(&accord, &owner.token, owner.account, "inactive"),
            set(&accord, &admin, owner.account, "inactive"),
        );
        assert_eq!(above, 200);
        assert!([200, 404].contains(&own), "{own}");
        assert_eq!(set(&accord, &owner.token, owner.account, "active").await, 404);
        assert_eq!(set(&accord, &admin, owner.account, "active").await, 200);
    }
    assert_eq!(accord.sign_in(&owner.email, PASSWORD, None).await.status, 200);
    assert_eq!(accord.get(&owner.token, &member(owner.account, owner.id)).await.status, 200);
}
