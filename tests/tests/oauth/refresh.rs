//! Refresh tokens, and what ends the session that they carry on.

use accord_tests::accounts::{Connector, PASSWORD};
use accord_tests::oauth::TOKEN;
use accord_tests::{Accord, CLIENT_ID, CLIENT_SECRET, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_reused_one_ends_its_family() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let signed_in = accord.sign_in(&person.email, PASSWORD, None).await;
    let first = signed_in.text("refresh_token");
    let refreshed = accord.refresh(&first).await;
    assert_snapshot!("refreshed", refreshed);
    let (second, access) = (refreshed.text("refresh_token"), refreshed.text("access_token"));
    assert_ne!(first, second);
    assert_eq!(accord.get(&access, "/api/accounts").await.status, 200);

    assert_snapshot!("reused", accord.refresh(&first).await);
    assert_eq!(accord.refresh(&second).await.status, 400, "the family has ended");
    assert_eq!(accord.get(&access, "/api/accounts").await.status, 401, "and so have its access tokens");
    assert_eq!(accord.get(&person.token, "/api/accounts").await.status, 200, "another session goes on");
    assert_eq!(accord.refresh("unknown").await.status, 400);
}

#[tokio::test]
async fn of_two_simultaneous_uses_of_a_refresh_token_one_is_a_reuse() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let token = accord.sign_in(&person.email, PASSWORD, None).await.text("refresh_token");
    let (one, other) = futures::join!(accord.refresh(&token), accord.refresh(&token));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn a_session_ends_with_the_membership_and_the_account() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    for (end, mend) in [
        (
            "UPDATE memberships SET status = 'inactive' WHERE person_id = ?1 AND account_id = ?2",
            "UPDATE memberships SET status = 'active' WHERE person_id = ?1 AND account_id = ?2",
        ),
        (
            "UPDATE accounts SET status = 'inactive' WHERE id = ?2 AND ?1 > 0",
            "UPDATE accounts SET status = 'active' WHERE id = ?2 AND ?1 > 0",
        ),
    ] {
        let token = accord.sign_in(&person.email, PASSWORD, None).await.text("refresh_token");
        accord.store().execute(end, (person.id, person.account));
        assert_eq!(accord.refresh(&token).await.status, 400, "{end}");
        accord.store().execute(mend, (person.id, person.account));
        assert_eq!(accord.refresh(&token).await.status, 400, "it stays ended: {end}");
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
    assert!(post(TOKEN, with(&grant)).await.json().get("refresh_token").is_none());

    let token = issued.text("refresh_token");
    assert_eq!(accord.refresh(&token).await.status, 400, "without the secret it is nothing");
    let form = with(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", "portal:write")]);
    let refreshed = post(endpoint, form).await;
    assert_eq!((refreshed.status, refreshed.text("scope").as_str()), (200, "portal:write"), "{refreshed}");
    let token = refreshed.text("refresh_token");
    let more = with(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", "accounts:manage")]);
    assert_eq!(post(endpoint, more).await.text("error"), "invalid_scope");
}

#[tokio::test]
async fn a_refusal_uses_no_refresh_token_up() {
    let accord = Accord::start().await;
    let token = accord.admin().await;
    let crm =
        accord.make_connector(&token, &json!({ "name": "CRM", "scopes": ["portal:write", "accounts:read"] })).await;
    let other = accord.make_connector(&token, &json!({ "name": "Other" })).await;
    let form = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    };
    let post = |of: &Connector, form: Vec<(&'static str, String)>| {
        let request = accord.request(Method::POST, "/oAuth/rest/v2/Token");
        answer(request.basic_auth(&of.client_id, Some(&of.secret)).form(&form))
    };
    let issued = post(&crm, form(&[("grant_type", "client_credentials")])).await.text("refresh_token");
    let refresh = |scope: &str| form(&[("grant_type", "refresh_token"), ("refresh_token", &issued), ("scope", scope)]);

    let wrong_secret = Connector { secret: "wrong".to_owned(), ..crm.clone() };
    assert_eq!(post(&wrong_secret, refresh("")).await.text("error"), "invalid_client");
    assert_eq!(post(&other, refresh("")).await.text("error"), "invalid_grant");
    assert_eq!(accord.refresh(&issued).await.text("error"), "invalid_grant");
    assert_eq!(post(&crm, refresh("accounts:manage")).await.text("error"), "invalid_scope");
    let refreshed = post(&crm, refresh("accounts:read")).await;
    assert_eq!((refreshed.status, refreshed.text("scope").as_str()), (200, "accounts:read"), "{refreshed}");
}

#[tokio::test]
async fn refresh_tokens_that_a_client_never_uses_do_not_pile_up() {
    let accord = Accord::start().await;
    let form = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    let mut last = String::new();
    for _ in 0..40 {
        last = answer(accord.request(Method::POST, "/oAuth/rest/v2/Token").form(&form)).await.text("refresh_token");
    }
    let kept = accord.store().number("SELECT count(*) FROM refresh_tokens");
    assert!((1..=32).contains(&kept), "{kept} are kept");
    let form = [("grant_type", "refresh_token"), ("refresh_token", last.as_str())];
    let request = accord.request(Method::POST, TOKEN).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&form);
    assert_eq!(answer(request).await.status, 200, "the newest works");
}
