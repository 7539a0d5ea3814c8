//! People, as those see them who see an account that they have entered; what is held of a person, and its end.

use accord_tests::Accord;
use accord_tests::accounts::{PASSWORD, Person, member, path};
use insta::assert_snapshot;
use serde_json::{Value, json};

fn user(id: i64) -> String {
    format!("/api/users/{id}")
}

async fn ids(accord: &Accord, token: &str, query: &str) -> Vec<i64> {
    let listed = accord.get(token, &format!("/api/users{query}")).await;
    assert_eq!(listed.status, 200, "{listed}");
    let value = listed.json()["value"].as_array().expect("users").clone();
    value.iter().map(|one| one["id"].as_i64().expect("an id")).collect()
}

/// Somebody whose address a connector calls so, and who has entered the account of that binding.
async fn bound(accord: &Accord, external_id: &str) -> (Person, i64) {
    let connector = accord.token().await;
    let person = accord.person(&format!("Home of {external_id}")).await;
    let account = json!({ "account": { "name": "Bound", "id": "1" } });
    assert_eq!(accord.patch_accounts(&connector, &account).await.status, 200);
    let users = json!({ external_id: { "email": person.email } });
    assert_eq!(accord.patch_users(&connector, &users).await.status, 200);
    assert_eq!(accord.bind(&connector, "1", &json!([external_id])).await.status, 200);
    let account = accord.store().number("SELECT account_id FROM account_identities");
    accord.user_token(&person.email, PASSWORD, Some(account)).await;
    (person, account)
}

#[tokio::test]
async fn a_user_is_found_by_address_name_and_external_id() {
    let accord = Accord::start().await;
    let (person, _) = bound(&accord, "user_001").await;
    let names = json!({ "name": "Jane Smith" });
    assert_eq!(accord.put(&person.token, "/api/me", &names).await.status, 200);
    let (admin, connector) = (accord.admin().await, accord.token().await);
    for query in [
        format!("?$filter=email%20eq%20'{}'", person.email),
        format!("?$filter=tolower(email)%20eq%20'{}'", person.email.to_lowercase()),
        "?$filter=name%20eq%20'Jane%20Smith'".to_owned(),
        "?$search=smith".to_owned(),
        "?externalId=user_001".to_owned(),
    ] {
        for token in [&admin, &connector] {
            assert_eq!(ids(&accord, token, &query).await, [person.id], "{query}");
        }
    }
    assert!(ids(&accord, &admin, "?externalId=user_002").await.is_empty());
    // What another connector calls somebody is nobody else's to ask by.
    let other = accord.person("Other").await;
    let other_connector = accord
        .make_connector(&other.token, &json!({ "name": "Other", "scopes": ["accounts:read", "portal:write"] }))
        .await;
    let other_token = accord.token_of(&other_connector.client_id, &other_connector.secret).await;
    for token in [&other.token, &other_token, &person.token] {
        assert!(ids(&accord, token, "?externalId=user_001").await.is_empty());
    }
    assert_eq!(accord.get(&admin, "/api/users?externalId=a&externalId=b").await.status, 400);
    let one = accord.get(&admin, &user(person.id)).await;
    assert_snapshot!("user", one.to_string().replace(&person.email, "[person]"));
}

#[tokio::test]
async fn pages_of_users_are_the_list_for_everybody() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    for number in 0..4 {
        let person = accord.person(&format!("P{number}")).await;
        accord.join(owner.account, person.id, "user").await;
        accord.user_token(&person.email, PASSWORD, Some(owner.account)).await;
    }
    for token in [&accord.admin().await, &owner.token] {
        for order in ["", "&$orderby=id%20desc", "&$orderby=email", "&$orderby=name,createdAt%20desc"] {
            let whole = ids(&accord, token, &format!("?$top=500{order}")).await;
            let (mut walked, mut next) = (Vec::new(), Some(format!("/api/users?$count=true&$top=100{order}")));
            while let Some(path) = next {
                let page = accord.request_as(token, reqwest::Method::GET, &path).header("prefer", "maxpagesize=2");
                let page = accord_tests::answer(page).await.json();
                assert_eq!(page["@odata.count"], json!(whole.len()));
                walked.extend(page["value"].as_array().expect("users").iter().filter_map(|one| one["id"].as_i64()));
                let link = page["@odata.nextLink"].as_str().map(str::to_owned);
                next = link.map(|link| link[link.find("/api/").expect("a link here")..].to_owned());
            }
            assert_eq!(walked, whole, "{order}");
            assert!(whole.len() >= 5);
        }
    }
}

#[tokio::test]
async fn nobody_is_seen_before_entering_an_account_that_the_caller_sees() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let person = accord.person("Elsewhere").await;
    let nobody = accord.get(&owner.token, &user(999_999)).await;
    assert_eq!((nobody.status, &nobody.json()["code"]), (404, &json!("USER_NOT_FOUND")));
    assert_eq!(accord.get(&owner.token, &user(person.id)).await, nobody);
    accord.join(owner.account, person.id, "user").await;
    assert_eq!(accord.get(&owner.token, &user(person.id)).await, nobody, "what is offered tells nothing");
    accord.user_token(&person.email, PASSWORD, Some(owner.account)).await;
    assert_eq!(accord.get(&owner.token, &user(person.id)).await.status, 200);
    assert_eq!(accord.get(&owner.token, &format!("{}/export", user(person.id))).await.status, 403);
    assert_eq!(accord.get(&owner.token, &format!("{}/export", user(999_999))).await, nobody);
    // A connector without a scope for it reads nothing.
    let connector = accord.make_connector(&owner.token, &json!({ "name": "Portal" })).await;
    let token = accord.token_of(&connector.client_id, &connector.secret).await;
    for path in ["/api/users".to_owned(), user(person.id)] {
        assert_eq!(accord.get(&token, &path).await.status, 403);
    }
    assert_eq!(accord.delete(&owner.token, &member(owner.account, person.id)).await.status, 200);
    assert_eq!(accord.get(&owner.token, &user(person.id)).await, nobody);
}

#[tokio::test]
async fn a_person_gets_everything_that_is_held_of_it_but_secrets() {
    let accord = Accord::start().await;
    let (person, _) = bound(&accord, "user_001").await;
    let export = format!("{}/export", user(person.id));
    let held = accord.get(&person.token, &export).await;
    assert_eq!(held.header("cache-control"), Some("no-store"));
    let mut told = held.json();
    assert_eq!(accord.get(&accord.admin().await, &export).await.json(), told);
    let text = held.body.to_lowercase();
    for secret in ["argon2", "digest", "hash\"", PASSWORD] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(
        told["identities"],
        json!([{ "connector": "Bootstrap", "externalId": "user_001", "email": person.email,
        "createdAt": told["identities"][0]["createdAt"] }])
    );
    assert_eq!(told["addresses"][0]["email"], json!(person.email));
    assert!(told["audit"].as_array_mut().expect("events").iter().any(|event| event["action"] == "entered"));
    let parts: Vec<_> = told.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(
        parts,
        [
            "addresses",
            "audit",
            "grants",
            "identities",
            "kept",
            "links",
            "memberships",
            "records",
            "sessions",
            "user",
            "usernames"
        ]
    );
    let stranger = accord.person("Stranger").await;
    assert_eq!(accord.get(&stranger.token, &export).await.status, 404);
    let connector = accord.token().await;
    assert_eq!(accord.get(&connector, &export).await.status, 403);
}

#[tokio::test]
async fn who_is_erased_leaves_an_id_and_takes_nobodys_account() {
    let accord = Accord::start().await;
    let (person, account) = bound(&accord, "user_001").await;
    let (path_of_person, password) = (user(person.id), json!({ "password": PASSWORD }));
    let erase = async |token: &str, body: &Value| {
        let request = accord.request_as(token, reqwest::Method::DELETE, &path_of_person);
        accord_tests::answer(request.json(body)).await
    };
    let last = erase(&person.token, &password).await;
    assert_eq!((last.status, &last.json()["code"]), (409, &json!("LAST_OWNER")), "{last}");
    for (body, status) in [(json!({}), 400), (json!({ "password": "wrong password" }), 400)] {
        assert_eq!(erase(&person.token, &body).await.status, status);
    }
    let stranger = accord.person("Stranger").await;
    assert_eq!(erase(&stranger.token, &password).await.status, 404);
    assert_eq!(accord.delete(&person.token, &path(person.account)).await.status, 200);
    assert_eq!(accord.get(&person.token, "/api/me").await.status, 200);
    let events = |token: String| {
        let path = format!("{}/audit", path(account));
        let accord = &accord;
        async move { accord.get(&token, &path).await.body }
    };
    assert_eq!(erase(&person.token, &password).await.status, 200);

    assert_eq!(accord.get(&person.token, "/api/me").await.status, 401);
    assert_eq!(accord.sign_in(&person.email, PASSWORD, None).await.status, 400);
    let admin = accord.admin().await;
    assert_eq!(accord.get(&admin, &path_of_person).await.status, 404);
    assert_eq!(accord.get(&admin, &format!("{path_of_person}/export")).await.status, 404);
    assert_eq!(erase(&admin, &json!({})).await.status, 404, "once");
    assert!(!events(admin).await.contains(&person.email));
    // Nothing anywhere has the address, but for what organisations have made of it themselves.
    let said = accord.store().dump(&[]).into_iter().filter(|line| line.contains(&person.email));
    // Limits count by addresses, and forget within the hour.
    let said: Vec<_> =
        said.filter(|line| !["sign_in_failures", "sign_ups"].iter().any(|of| line.starts_with(of))).collect();
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(accord.store().number(&format!("SELECT count(*) FROM people WHERE id = {}", person.id)), 1);
    assert!(accord.store().contradictions().is_empty());
    // The address is free, and whoever signs up with it is somebody else.
    let again = accord.sign_up(&person.email, "Again").await;
    assert_eq!(again.status, 201);
    assert_ne!(again.number("id"), person.id);
}

#[tokio::test]
async fn the_operator_erases_without_a_password_and_nobody_else() {
    let accord = Accord::start().await;
    let (person, account) = bound(&accord, "user_001").await;
    assert_eq!(accord.delete(&person.token, &path(person.account)).await.status, 200);
    let manager = accord.person("Manager").await;
    accord.join(account, manager.id, "manage").await;
    accord.user_token(&manager.email, PASSWORD, Some(account)).await;
    let erase = async |token: &str| {
        accord_tests::answer(accord.request_as(token, reqwest::Method::DELETE, &user(person.id)).json(&json!({}))).await
    };
    assert_eq!(erase(&manager.token).await.status, 403);
    assert_eq!(erase(&accord.token().await).await.status, 403, "no connector does");
    assert_eq!(erase(&accord.admin().await).await.status, 200);
}
