//! People who sign in through a client: their tokens belong to the client, and reach its account and what that owns.

use accord_tests::accounts::{Connector, PASSWORD, path};
use accord_tests::oauth::TOKEN;
use accord_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Accord, Answer, CLIENT_ID, CLIENT_SECRET, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

/// Asks for a person's token as a client.
async fn sign_in(accord: &Accord, client: &Connector, name: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![("grant_type", "password"), ("username", name), ("password", PASSWORD)];
    form.extend_from_slice(more);
    answer(accord.request(Method::POST, TOKEN).basic_auth(&client.client_id, Some(&client.secret)).form(&form)).await
}

#[tokio::test]
async fn a_client_that_names_itself_at_the_password_grant_proves_itself() {
    let accord = Accord::start().await;
    accord.token().await;
    let ask = async |more: &[(&str, &str)]| {
        let mut form = vec![("grant_type", "password"), ("username", ADMIN_EMAIL), ("password", ADMIN_PASSWORD)];
        form.extend_from_slice(more);
        answer(accord.request(Method::POST, TOKEN).form(&form)).await
    };
    let (id, secret) = (("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET));
    let through = ask(&[id, secret, ("account", "Operator"), ("scope", "openid")]).await;
    assert_snapshot!("through_a_client", through);
    assert_eq!(accord.introspect(&through.text("access_token")).await.text("client_id"), CLIENT_ID);
    for refused in [&[id][..], &[id, ("client_secret", "wrong")], &[("client_id", "nobody"), secret]] {
        assert_eq!(ask(refused).await.text("error"), "invalid_client", "{refused:?}");
    }
    // What needs to name a client and has none.
    assert_eq!(ask(&[("client_id", "accord"), ("account", "Operator")]).await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_of_somebody_who_signed_in_through_a_client_needs_that_client() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let client = accord.make_connector(&person.token, &json!({ "name": "App" })).await;
    let other = accord.make_connector(&person.token, &json!({ "name": "Other" })).await;
    let signed_in = sign_in(&accord, &client, &person.email, &[]).await;
    let token = signed_in.text("refresh_token");
    let of = |client: &Connector, path: &str, form: Vec<(&'static str, String)>| {
        answer(accord.request(Method::POST, path).basic_auth(&client.client_id, Some(&client.secret)).form(&form))
    };
    let refresh = |token: &str| vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", token.to_owned())];
    let show = |token: &str| vec![("token", token.to_owned())];

    assert_eq!(accord.refresh(&token).await.text("error"), "invalid_grant");
    assert_eq!(of(&other, TOKEN, refresh(&token)).await.text("error"), "invalid_grant");
    assert_eq!(accord.revoke(&token).await.text("error"), "invalid_client");
    let shown = of(&client, "/oauth/introspect", show(&token)).await;
    let subject = accord.introspect(&person.token).await.text("sub");
    assert_eq!((shown.text("sub"), shown.text("client_id")), (subject, client.client_id.clone()), "{shown}");
    assert_eq!(of(&other, "/oauth/introspect", show(&token)).await.json(), json!({ "active": false }));

    let refreshed = of(&client, TOKEN, refresh(&token)).await;
    assert_eq!(refreshed.status, 200, "{refreshed}");
    let access = refreshed.text("access_token");
    assert_eq!(accord.get(&access, &path(person.account)).await.status, 200);
    assert_eq!(of(&client, "/oauth/revoke", show(&refreshed.text("refresh_token"))).await.status, 200);
    assert_eq!(accord.get(&access, &path(person.account)).await.status, 401);

    // A client that is disconnected takes along what it has of people.
    let signed_in = sign_in(&accord, &client, &person.email, &[]).await;
    let disconnected =
        accord.post(&person.token, &format!("/api/connectors/{}/disconnect", client.id), &json!({})).await;
    assert_eq!(disconnected.status, 200, "{disconnected}");
    assert_eq!(accord.get(&signed_in.text("access_token"), &path(person.account)).await.status, 401);
    assert_eq!(of(&client, TOKEN, refresh(&signed_in.text("refresh_token"))).await.text("error"), "invalid_client");
}

#[tokio::test]
async fn a_token_that_a_client_asked_for_reaches_its_account_and_what_that_owns() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let elsewhere = accord.person("Elsewhere").await;
    let store = accord.store();
    store.execute("UPDATE accounts SET type = 'reseller' WHERE id = ?", [person.account]);
    let branch = accord.post(&person.token, "/api/accounts", &json!({ "name": "Branch" })).await.number("id");
    let twig = accord.person("Twig").await.account;
    store.execute("UPDATE accounts SET owner_id = ?1 WHERE id = ?2", (branch, twig));
    store.recount();
    accord.join(elsewhere.account, person.id, "owner").await;
    let made = json!({ "name": "App", "accountId": branch });
    let client = accord.make_connector(&accord.user_token(&person.email, PASSWORD, Some(branch)).await, &made).await;

    // Of the person's three accounts one is the client's, and no other can be signed in to through it.
    let signed_in = sign_in(&accord, &client, &person.email, &[]).await;
    assert_eq!(signed_in.number("account"), branch, "{signed_in}");
    for out_of_reach in [person.account, elsewhere.account] {
        let refused = sign_in(&accord, &client, &person.email, &[("account", &out_of_reach.to_string())]).await;
        assert_eq!(refused.text("error"), "invalid_grant", "{refused}");
    }
    let nobody = sign_in(&accord, &client, &elsewhere.email, &[]).await;
    assert_eq!(nobody.text("error"), "invalid_grant", "{nobody}");

    let token = signed_in.text("access_token");
    let by_own_token = accord.user_token(&person.email, PASSWORD, Some(branch)).await;
    for (account, through_client) in [(branch, 200), (twig, 200), (person.account, 404), (elsewhere.account, 404)] {
        assert_eq!(accord.get(&token, &path(account)).await.status, through_client, "{account}");
        assert_eq!(accord.get(&by_own_token, &path(account)).await.status, 200, "{account}");
    }
    for query in
        ["", "?$count=true&$top=1", "?$filter=startswith(name,'')", "?$filter=name in ('Acme','Twig','Branch')"]
    {
        let listed = accord.get(&token, &format!("/api/accounts{query}")).await;
        assert_eq!(listed.number("count"), 2, "{query}: {listed}");
        assert!(!listed.body.contains("Acme") && !listed.body.contains("Elsewhere"), "{query}: {listed}");
    }
    // It makes nothing out of its reach, …
    let made = accord.post(&token, "/api/accounts", &json!({ "name": "Sibling" })).await;
    assert_eq!(made.status, 403, "{made}");
    let made = accord.post(&token, "/api/connectors", &json!({ "name": "X", "accountId": elsewhere.account })).await;
    assert_eq!(made.status, 404, "{made}");
    // … and never changes the person.
    let change = json!({ "currentPassword": PASSWORD, "password": "nine purple umbrellas" });
    let refused = accord.post(&token, "/api/accounts/password/change", &change).await;
    assert_eq!(refused.status, 403, "{refused}");
    assert_eq!(accord.post(&by_own_token, "/api/accounts/password/change", &change).await.status, 200);
}
