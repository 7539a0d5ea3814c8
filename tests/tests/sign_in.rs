//! Sign-in of users at the token endpoint, refresh tokens, revocation and introspection.

use std::time::{Duration, Instant};

use accord_tests::{ACCOUNTS, Accord, Answer, CLIENT_ID, CLIENT_SECRET, Options, PASSWORD, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

async fn refresh(accord: &Accord, token: &str) -> Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    answer(accord.request(Method::POST, "/oauth/token").form(&form)).await
}

fn text(answer: &Answer, name: &str) -> String {
    answer.json()[name].as_str().unwrap_or_else(|| panic!("{name}: {answer}")).to_owned()
}

#[tokio::test]
async fn a_user_signs_in_by_password() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    assert_snapshot!("password_grant", accord.sign_in(&person.email, PASSWORD, None).await);
    assert_eq!(accord.sign_in(&person.email.to_uppercase(), PASSWORD, None).await.status, 200, "case does not count");
    assert_snapshot!("missing_username", accord.sign_in("", PASSWORD, None).await);
}

#[tokio::test]
async fn a_user_with_several_accounts_names_one() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    assert_eq!(accord.post(&person.token, "/api/accounts", &json!({ "name": "Second" })).await.status, 201);
    assert_snapshot!("account_selection_required", accord.sign_in(&person.email, PASSWORD, None).await);
    for named in ["Acme", "second", &person.account.to_string()] {
        assert_eq!(accord.sign_in(&person.email, PASSWORD, Some(named)).await.status, 200, "{named}");
    }
    let other = accord.person("Other").await;
    let foreign = other.account.to_string();
    for not_theirs in ["Other", &foreign, "Nowhere"] {
        let refused = accord.sign_in(&person.email, PASSWORD, Some(not_theirs)).await;
        assert_eq!((refused.status, text(&refused, "error").as_str()), (400, "invalid_grant"));
    }
}

#[tokio::test]
async fn a_user_may_sign_in_to_what_an_account_of_theirs_owns_if_that_shares_its_data() {
    let accord = Accord::start().await;
    let person = accord.person("Reseller").await;
    let (customer, branch) = (accord.person("Customer").await.account, accord.person("Branch").await.account);
    let store = accord.store();
    store.execute("UPDATE accounts SET type = 'reseller' WHERE id = ?", [person.account]);
    for (owner, owned) in [(person.account, customer), (customer, branch)] {
        store.execute("UPDATE accounts SET owner_id = ?1 WHERE id = ?2", (owner, owned));
    }
    accord.recount();
    let share = |account: i64, shares: bool| {
        store.execute("UPDATE accounts SET datashare = ?1 WHERE id = ?2", (shares, account));
    };
    let sign_in = async |account: &str| accord.sign_in(&person.email, PASSWORD, Some(account)).await;
    let named = [customer.to_string(), branch.to_string()];
    for (customer_shares, branch_shares, expected) in
        [(false, false, [400, 400]), (false, true, [400, 400]), (true, false, [200, 400]), (true, true, [200, 200])]
    {
        share(customer, customer_shares);
        share(branch, branch_shares);
        let statuses = [sign_in(&named[0]).await.status, sign_in(&named[1]).await.status];
        assert_eq!(statuses, expected, "{customer_shares} {branch_shares}");
    }
    // The token carries the account, and what is not named is not asked for.
    let signed_in = sign_in(" branch ").await;
    let shown = at(&accord, "/oauth/introspect", &text(&signed_in, "access_token"), true).await.json();
    assert_eq!(shown["account"], json!(branch), "{shown}");
    let unnamed = accord.sign_in(&person.email, PASSWORD, None).await;
    let shown = at(&accord, "/oauth/introspect", &text(&unnamed, "access_token"), true).await.json();
    assert_eq!(shown["account"], json!(person.account), "{shown}");
    // What the user is a member of comes before what it owns, if both have one name.
    store.execute(
        "UPDATE accounts SET name = 'Reseller', name_key = 'reseller', name_reserved = 0 WHERE id = ?",
        [customer],
    );
    let of_name = sign_in("Reseller").await;
    let shown = at(&accord, "/oauth/introspect", &text(&of_name, "access_token"), true).await.json();
    assert_eq!(shown["account"], json!(person.account), "{shown}");

    // The session lives as long as there is a way to the account.
    let refreshed = refresh(&accord, &text(&signed_in, "refresh_token")).await;
    assert_eq!(refreshed.status, 200, "{refreshed}");
    for end in [
        format!("UPDATE accounts SET datashare = 0 WHERE id = {customer}"),
        format!("UPDATE memberships SET status = 'inactive' WHERE account_id = {}", person.account),
        format!("UPDATE accounts SET status = 'inactive' WHERE id = {}", person.account),
    ] {
        let token = text(&sign_in(&named[1]).await, "refresh_token");
        store.execute(&end, ());
        assert_eq!(refresh(&accord, &token).await.status, 400, "{end}");
        assert_eq!(sign_in(&named[1]).await.status, 400, "{end}");
        share(customer, true);
        store.execute("UPDATE memberships SET status = 'active' WHERE account_id = ?", [person.account]);
        store.execute("UPDATE accounts SET status = 'active' WHERE id = ?", [person.account]);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_cannot_be_told_apart() {
    let accord = Accord::start_with(Options::default().variable("failed_sign_in_limit", &1000)).await;
    let person = accord.person("Acme").await;
    let inactive = accord.person("Other").await;
    accord.store().execute("UPDATE users SET is_active = 0 WHERE id = ?", [inactive.id]);
    let wrong = accord.sign_in(&person.email, "wrong password", None).await;
    assert_snapshot!("wrong_password", wrong);
    for (email, password) in [("nobody@example.com", PASSWORD), (inactive.email.as_str(), PASSWORD)] {
        let refused = accord.sign_in(email, password, None).await;
        assert_eq!(refused.to_string(), wrong.to_string(), "{email}");
    }
    // The medians of 15 each, interleaved; hashing takes most of either.
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..15 {
        for (times, email) in times.iter_mut().zip([person.email.as_str(), "nobody@example.com"]) {
            let start = Instant::now();
            accord.sign_in(email, "wrong password", None).await;
            times.push(start.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    });
    assert!(known / unknown > 0.6 && known / unknown < 1.7, "{known} s for a user, {unknown} s for none");
}

#[tokio::test]
async fn guessing_a_password_leads_to_429() {
    let accord = Accord::start_with(Options::default().variable("failed_sign_in_limit", &3)).await;
    let person = accord.person("Acme").await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(accord.sign_in(&person.email, "wrong password", None).await.status);
    }
    assert_eq!(statuses, [400, 400, 400, 429, 429]);
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_reused_one_ends_its_family() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let signed_in = accord.sign_in(&person.email, PASSWORD, None).await;
    let first = text(&signed_in, "refresh_token");
    let refreshed = refresh(&accord, &first).await;
    assert_snapshot!("refreshed", refreshed);
    let (second, access) = (text(&refreshed, "refresh_token"), text(&refreshed, "access_token"));
    assert_ne!(first, second);
    assert_eq!(accord.get(&access, "/api/accounts").await.status, 200);

    assert_snapshot!("reused", refresh(&accord, &first).await);
    assert_eq!(refresh(&accord, &second).await.status, 400, "the family has ended");
    assert_eq!(accord.get(&access, "/api/accounts").await.status, 401, "and so have its access tokens");
    assert_eq!(accord.get(&person.token, "/api/accounts").await.status, 200, "another session goes on");
    assert_eq!(refresh(&accord, "unknown").await.status, 400);
}

#[tokio::test]
async fn of_two_simultaneous_uses_of_a_refresh_token_one_is_a_reuse() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let token = text(&accord.sign_in(&person.email, PASSWORD, None).await, "refresh_token");
    let (one, other) = futures::join!(refresh(&accord, &token), refresh(&accord, &token));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn a_session_ends_with_the_user_the_membership_and_the_account() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    for (end, mend) in [
        (
            "UPDATE users SET is_active = 0 WHERE id = ?1 AND ?2 > 0",
            "UPDATE users SET is_active = 1 WHERE id = ?1 AND ?2 > 0",
        ),
        (
            "UPDATE memberships SET status = 'inactive' WHERE user_id = ?1 AND account_id = ?2",
            "UPDATE memberships SET status = 'active' WHERE user_id = ?1 AND account_id = ?2",
        ),
        (
            "UPDATE accounts SET status = 'inactive' WHERE id = ?2 AND ?1 > 0",
            "UPDATE accounts SET status = 'active' WHERE id = ?2 AND ?1 > 0",
        ),
    ] {
        let token = text(&accord.sign_in(&person.email, PASSWORD, None).await, "refresh_token");
        accord.store().execute(end, (person.id, person.account));
        assert_eq!(refresh(&accord, &token).await.status, 400, "{end}");
        accord.store().execute(mend, (person.id, person.account));
        assert_eq!(refresh(&accord, &token).await.status, 400, "it stays ended: {end}");
    }
}

#[tokio::test]
async fn a_client_gets_a_refresh_token_at_the_endpoints_path_and_needs_its_secret_to_use_it() {
    let accord = Accord::start().await;
    let endpoint = "/oAuth/rest/v2/Token";
    let credentials = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    let post =
        |path: &'static str, form: Vec<(&'static str, String)>| answer(accord.request(Method::POST, path).form(&form));
    let with = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        credentials.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect()
    };
    let grant = [("grant_type", "client_credentials"), ("scope", "portal:write accounts:read")];
    let issued = post(endpoint, with(&grant)).await;
    assert_snapshot!("endpoint_token", issued);
    assert!(post("/oauth/token", with(&grant)).await.json().get("refresh_token").is_none());

    let token = text(&issued, "refresh_token");
    assert_eq!(refresh(&accord, &token).await.status, 400, "without the secret it is nothing");
    let form = with(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", "portal:write")]);
    let refreshed = post(endpoint, form).await;
    assert_eq!((refreshed.status, text(&refreshed, "scope").as_str()), (200, "portal:write"), "{refreshed}");
    let token = text(&refreshed, "refresh_token");
    let more = with(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", "accounts:manage")]);
    assert_eq!(text(&post(endpoint, more).await, "error"), "invalid_scope");
}

async fn at(accord: &Accord, path: &str, token: &str, credentials: bool) -> Answer {
    let mut request = accord.request(Method::POST, path);
    if credentials {
        request = request.basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    }
    answer(request.form(&[("token", token)])).await
}

#[tokio::test]
async fn a_revoked_token_works_no_more() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let signed_in = accord.sign_in(&person.email, PASSWORD, None).await;
    let (access, token) = (text(&signed_in, "access_token"), text(&signed_in, "refresh_token"));
    assert_eq!(at(&accord, "/oauth/revoke", &person.token, false).await.status, 200);
    assert_eq!(accord.get(&person.token, "/api/accounts").await.status, 401);
    assert_eq!(accord.get(&access, "/api/accounts").await.status, 200, "another session goes on");
    assert_snapshot!("revoked", at(&accord, "/oauth/revoke", &token, false).await);
    assert_eq!(refresh(&accord, &token).await.status, 400);
    assert_eq!(accord.get(&access, "/api/accounts").await.status, 401);

    // A connector's token needs the connector.
    let access = accord.token().await;
    assert_eq!(at(&accord, "/oauth/revoke", &access, false).await.status, 200);
    assert_eq!(accord.patch_accounts(&access, &json!({})).await.status, 200);
    assert_eq!(at(&accord, "/oauth/revoke", &access, true).await.status, 200);
    assert_eq!(accord.patch_accounts(&access, &json!({})).await.status, 401);
    assert_eq!(at(&accord, "/oauth/revoke", "unknown", false).await.status, 200);
    assert_eq!(answer(accord.request(Method::POST, "/oauth/revoke").form(&[("x", "y")])).await.status, 400);
}

#[tokio::test]
async fn introspection_tells_those_who_own_what_a_token_is() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let mut told = at(&accord, "/oauth/introspect", &person.token, true).await.json();
    for volatile in ["iat", "exp"] {
        assert!(told[volatile].is_number());
        told[volatile] = json!("[seconds]");
    }
    assert_snapshot!("introspected", Answer { status: 200, headers: Vec::new(), body: told.to_string() });
    for unknown in ["unknown", "x.y.z"] {
        assert_eq!(at(&accord, "/oauth/introspect", unknown, true).await.json(), json!({ "active": false }));
    }
    assert_eq!(at(&accord, "/oauth/introspect", &person.token, false).await.status, 401);
    assert_eq!(at(&accord, "/oauth/revoke", &person.token, false).await.status, 200);
    assert_eq!(at(&accord, "/oauth/introspect", &person.token, true).await.json(), json!({ "active": false }));

    // A connector of Acme learns nothing of another's tokens.
    let token = accord.user_token(&person.email, PASSWORD, None).await;
    let made = accord.post(&token, "/api/connectors", &json!({ "name": "Reader", "scopes": "accounts:read" })).await;
    let introspect = |shown: String| {
        let request = accord.request(Method::POST, "/oauth/introspect");
        answer(request.basic_auth(text(&made, "clientId"), Some(text(&made, "clientSecret"))).form(&[("token", shown)]))
    };
    assert_eq!(introspect(token.clone()).await.json()["active"], true);
    let other = accord.person("Other").await;
    assert_eq!(introspect(other.token.clone()).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn an_accounts_manager_mints_the_credentials_that_the_portal_asks_for() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let new = json!({ "name": "Portal", "integration": "portal", "property": "main", "environment": "sandbox" });
    let made = accord.post(&person.token, "/api/connectors", &new).await;
    assert_snapshot!("connector_created", made);
    let (client_id, secret) = (text(&made, "clientId"), text(&made, "clientSecret"));
    let token = accord.token_of(&client_id, &secret).await;
    let pushed = json!({ "a": { "name": "Customer", "id": "1" } });
    assert_eq!(accord.patch_accounts(&token, &pushed).await.status, 200);

    let one = format!("/api/connectors/{}", made.json()["id"]);
    assert_snapshot!("connector", accord.get(&person.token, &one).await);
    assert_snapshot!("connectors", accord.get(&person.token, "/api/connectors").await);
    let rotated = accord.post(&person.token, &format!("{one}/secret"), &json!({})).await;
    assert_eq!(rotated.status, 200, "{rotated}");
    let form = [("grant_type", "client_credentials"), ("client_id", &client_id), ("client_secret", &secret)];
    assert_eq!(answer(accord.request(Method::POST, "/oauth/token").form(&form)).await.status, 401);
    let token = accord.token_of(&client_id, &text(&rotated, "clientSecret")).await;
    assert_eq!(answer(accord.patch(ACCOUNTS, &token, &json!({}))).await.status, 200);
    assert_snapshot!("disconnected", accord.post(&person.token, &format!("{one}/disconnect"), &json!({})).await);
    assert_eq!(answer(accord.patch(ACCOUNTS, &token, &json!({}))).await.status, 401);

    // Who may not manage the account may not see what connects to it.
    let other = accord.person("Other").await;
    assert_snapshot!("connector_not_found", accord.get(&other.token, &one).await);
    let foreign = json!({ "name": "Mine", "accountId": person.account });
    assert_eq!(accord.post(&other.token, "/api/connectors", &foreign).await.status, 404);
    accord.join(person.account, other.id, "viewer");
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
