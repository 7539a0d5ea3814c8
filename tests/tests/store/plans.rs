//! No request reads a growing table from end to end.

use std::collections::BTreeSet;

use accord_tests::accounts::PASSWORD;
use accord_tests::administration::Administrator;
use accord_tests::endpoint::RECORD;
use accord_tests::oauth::TOKEN;
use accord_tests::portal::{USERS, users_of};
use accord_tests::{ADMIN_EMAIL, Accord, CLIENT_ID, CLIENT_SECRET, answer, skipped_on_spin};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn every_query_that_a_request_makes_uses_an_index() {
    if skipped_on_spin("it does not tell which statements it ran; they are the same") {
        return;
    }
    let accord = Accord::start().await;
    use_integrations(&accord).await;
    use_accounts(&accord).await;
    use_administration(&accord).await;
    use_pages(&accord).await;
    list_all(&accord).await;
    read_all(&accord).await;

    let statements: BTreeSet<_> = accord.statements().into_iter().map(|statement| statement.sql).collect();
    let queries: Vec<_> = statements
        .iter()
        // A migration runs once.
        .filter(|sql| !sql.trim_end().ends_with(';'))
        .filter(|sql| {
            ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| sql.trim_start().starts_with(verb))
        })
        .collect();
    assert!(queries.len() > 30, "the requests above run the statements that there are");
    let store = accord.store();
    // A body's entries, literal rows and the results of subqueries are read from end to end: none grows with the
    // directory. A chain of owners is short, memberships are of one user, and what a caller may see is what a listing is
    // about. The tables of keys and of migrations have a handful of rows.
    let bounded = |step: &str| {
        let common = ["e ", "json_each", "(subquery", "wanted", "candidate", "signing_keys", "migrations", "of"];
        let of_the_caller = ["chain", "above", "held", "looked_at", "counted", "visible", "v", "owned"];
        common.iter().chain(&of_the_caller).any(|name| step.contains(&format!("SCAN {name}")))
            || step.contains(" CONSTANT ROW")
            || step.ends_with("VALUES CLAUSE")
    };
    // Whoever sees all accounts gets a page of them by walking an order that there is: the page bounds the walk, for
    // nothing is sorted.
    let walked = |step: &str, sql: &str, plan: &[String]| {
        let page = sql.contains(" ORDER BY ") && sql.contains(" LIMIT ") && !sql.contains("count(");
        let in_order = !plan.iter().any(|step| step.starts_with("USE TEMP B-TREE"));
        let walks = |name: &str| {
            let indexed = ["", "COVERING "].map(|kind| format!("SCAN {name} USING {kind}INDEX"));
            step == format!("SCAN {name}") || indexed.iter().any(|indexed| step.starts_with(indexed))
        };
        page && in_order && ["a", "m", "e", "audit"].into_iter().any(walks)
    };
    // What an index of words finds is counted to a bound.
    let matched = |step: &str| step.contains(" VIRTUAL TABLE INDEX ") && step.contains(":M");
    let scans: Vec<_> = queries
        .iter()
        .flat_map(|sql| {
            let plan = store.plan(sql);
            let scans = plan.iter().filter(|step| {
                step.starts_with("SCAN")
                    && !bounded(step)
                    && !walked(step, sql, &plan)
                    && !matched(step)
                    && !is_found(step, &plan)
            });
            scans.map(|step| (step.clone(), sql)).collect::<Vec<_>>()
        })
        .map(|(step, sql)| format!("{step}: {sql}"))
        .collect();
    assert!(scans.is_empty(), "{}", scans.join("\n\n"));
}

/// Whether a step goes through what a subquery has found: that is written down under the name of what is found in it.
fn is_found(step: &str, plan: &[String]) -> bool {
    let name = step.strip_prefix("SCAN ").unwrap_or_default().trim_end_matches(" LEFT-JOIN");
    plan.iter().any(|of| *of == format!("CO-ROUTINE {name}") || *of == format!("MATERIALIZE {name}"))
}

#[tokio::test]
async fn what_triggers_write_is_found_by_an_index() {
    let accord = Accord::start().await;
    // The first request makes the schema.
    accord.token().await;
    let store = accord.store();
    let statements = store.triggered();
    assert!(statements.len() > 30, "steps, and what keeps what goes, are triggers");
    let dear = statements.iter().filter(|sql| {
        let plan = store.plan(sql);
        let scans = plan.iter().any(|step| {
            let are_few = ["json_each", "chain", "CONSTANT ROW", "VALUES CLAUSE"].iter().any(|few| step.contains(few));
            step.starts_with("SCAN") && !are_few && !is_found(step, &plan)
        });
        // The rows of a step lead to what they change. Else each row of an account would be compared with each of the step.
        let begins = plan.iter().position(|step| step.starts_with("SCAN json_each")).unwrap_or(0);
        let leads = |step: &String| step.starts_with("SEARCH") && !step.contains("INTEGER PRIMARY KEY");
        scans || sql.starts_with("UPDATE") && plan[..begins].iter().any(leads)
    });
    let dear: Vec<_> = dear.map(|sql| format!("{sql}\n  {}", store.plan(sql).join("\n  "))).collect();
    assert!(dear.is_empty(), "{}", dear.join("\n\n"));
}

/// What connectors ask for, and what people undo of it.
async fn use_integrations(accord: &Accord) {
    let token = accord.token().await;
    // Every path through every statement: make, rename, move, bind, unbind, and each way to fail to sign in.
    let members = users_of("1");
    for body in [
        json!({ "a": { "name": "A", "id": "1" }, "b": { "name": "B", "id": "2" } }),
        json!({ "a": { "name": "A2", "id": "1" }, "b": { "name": "B", "id": "1" } }),
    ] {
        assert_eq!(accord.patch_accounts(&token, &body).await.status, 200);
    }
    for (path, body) in [
        (members.as_str(), json!(["u", "v"])),
        (USERS, json!({ "u": { "email": "u@example.com" } })),
        (USERS, json!({ "u": { "email": "v@example.com" } })),
        (USERS, json!({ "u": null, "v": null })),
    ] {
        assert_eq!(accord.patch(&token, path, &body).await.status, 200);
    }
    assert_eq!(accord.patch_accounts(&token, &json!({ "a": null, "b": null })).await.status, 200);
    let gone = accord.patch_accounts(&token, &json!({ "e": { "name": "E", "id": "5" } })).await;
    assert_eq!(gone.status, 200);
    let gone = accord.patch_accounts(&token, &json!({ "e": null })).await;
    let undo = format!("/api/undo/{}", gone.header("x-request-id").expect("the request's id"));
    assert_eq!(accord.post(&accord.admin().await, &undo, &json!({})).await.status, 200);
    let two = json!({ "c": { "name": "C", "id": "3" }, "d": { "name": "D", "id": "4" } });
    assert_eq!(accord.patch_accounts(&token, &two).await.status, 200);
    let admin = accord.admin().await;
    let known = |id: i64| accord.store().number(&format!("SELECT id FROM accounts WHERE registration_id = '{id}'"));
    let (into, from) = (known(3), known(4));
    for action in ["join", "separate"] {
        let path = format!("/api/accounts/{into}/{action}");
        assert_eq!(accord.post(&admin, &path, &json!({ "accounts": [from] })).await.status, 200);
    }
    // The admin is the last owner, which takes a look at the memberships.
    for (body, status) in [
        (json!({ "Username": "w", "ExternalId": "x", "Email": "w@example.com", "Phone": "+358401234567" }), 200),
        (json!({ "Username": "w", "Name": "W" }), 200),
        (json!({ "Username": "w", "Is_Active": true }), 200),
        (json!({ "Username": "w", "Email": "y@example.com" }), 200),
        (json!({ "Username": "a", "Email": ADMIN_EMAIL, "Is_Active": false }), 400),
    ] {
        assert_eq!(accord.patch(&token, RECORD, &body).await.status, status);
    }
    for path in [format!("{RECORD}/894ea43c-b8a6-4195-9a9c-82c07d9cc33a"), format!("{RECORD}s?After=1")] {
        accord.get(&token, &path).await;
    }
    for (client, secret) in [(CLIENT_ID, "wrong"), ("nobody", CLIENT_SECRET)] {
        let request = accord.request(Method::POST, TOKEN).basic_auth(client, Some(secret));
        answer(request.form(&[("grant_type", "client_credentials")])).await;
    }
    answer(accord.request(Method::GET, "/.well-known/jwks.json")).await;
}

/// The listings of somebody who sees all accounts that have to stay as fast in a large directory: in an order that an index
/// has, or with a filter that leads to one, or a search.
async fn list_all(accord: &Accord) {
    let admin = accord.admin().await;
    // Among few nothing is looked for by words.
    let owned = accord.store().number("SELECT descendants FROM accounts WHERE owner_id IS NULL");
    accord.store().execute("UPDATE accounts SET descendants = 100000 WHERE owner_id IS NULL", ());
    for list in [
        "",
        "?$orderby=id%20desc",
        "?$orderby=createdAt",
        "?$orderby=createdAt%20desc",
        "?$filter=name%20eq%20'Acme'&$orderby=createdAt%20desc",
        "?$filter=startswith(tolower(name),'acme')",
        "?$filter=accountKey%20eq%20'x'",
        "?$filter=registrationId%20eq%20'1'%20and%20status%20eq%20'active'",
        "?$filter=subdomain%20in%20('a','b')",
        "?$filter=id%20eq%201",
        "?$filter=contains(name,'Acme')",
        "?$search=acme&$orderby=createdAt",
    ] {
        let mut next = Some(format!("/api/accounts{list}"));
        for _ in 0..2 {
            let Some(path) = next else { break };
            let listed = accord.request_as(&admin, Method::GET, &path).header("prefer", "maxpagesize=1");
            let listed = answer(listed).await;
            assert_eq!(listed.status, 200, "{listed}");
            let link = listed.json()["@odata.nextLink"].as_str().map(str::to_owned);
            next = link.and_then(|link| Some(format!("/api/accounts?{}", link.split_once('?')?.1)));
        }
    }
    accord.store().execute("UPDATE accounts SET descendants = ? WHERE owner_id IS NULL", [owned]);
}

/// What is read of the directory, by somebody who sees all of it and by somebody who sees a part.
async fn read_all(accord: &Accord) {
    let owner = accord.person("Reads").await;
    accord.invite(&owner, "read@example.com").await;
    let admin = accord.admin().await;
    let operator = accord.store().number("SELECT id FROM accounts WHERE owner_id IS NULL");
    let connector = accord.token().await;
    for (token, account) in [(&admin, operator), (&owner.token, owner.account), (&connector, operator)] {
        for list in [
            "users",
            "users?$filter=status%20ne%20null",
            "invitations",
            "identities",
            "records",
            "audit",
            "sources",
            "disagreements",
            "names",
            "joined",
            "precedence",
        ] {
            accord.get(token, &format!("/api/accounts/{account}/{list}")).await;
        }
        for list in [
            "/api/duplicates",
            "/api/users",
            "/api/users?$orderby=id%20desc",
            "/api/users?$orderby=name",
            "/api/users?$search=jane&$count=true",
            "/api/users?$filter=contains(name,'Jane')",
            "/api/users?$filter=email%20eq%20'read@example.com'",
            "/api/users?$filter=sub%20eq%20'x'",
            "/api/users?externalId=u",
            "/api/users/1",
            "/api/users/1/export",
            "/api/audit",
            "/api/audit/1",
            "/api/accounts?$orderby=name",
            "/api/accounts?$orderby=name%20desc",
        ] {
            accord.get(token, list).await;
        }
        for (place, id) in [("users", owner.id), ("invitations", owner.id), ("records", 1)] {
            accord.get(token, &format!("/api/accounts/{account}/{place}/{id}")).await;
        }
    }
    // An account of many, whose events are walked.
    accord.store().execute("UPDATE accounts SET descendants = 100000 WHERE id = ?", [owner.account]);
    // One of many records, too: those of the operator are counted before they are looked for by words.
    accord.store().execute(
        "INSERT INTO records (account_id, uuid, name, created_at, updated_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2001)
         SELECT ?, 'many-' || i, 'One of many', 0, 0 FROM n",
        [owner.account],
    );
    for list in
        ["audit", "users", "records?$search=many", "records?$search=jane", "records?$filter=contains(email,'jane@')"]
    {
        assert_eq!(accord.get(&owner.token, &format!("/api/accounts/{}/{list}", owner.account)).await.status, 200);
    }
    let erased = accord.person("Erased").await;
    assert_eq!(accord.delete(&erased.token, &format!("/api/accounts/{}", erased.account)).await.status, 200);
    let path = format!("/api/users/{}", erased.id);
    let erased = accord.request_as(&erased.token, Method::DELETE, &path).json(&json!({ "password": PASSWORD }));
    assert_eq!(answer(erased).await.status, 200);
}

/// Every statement of the administration API.
async fn use_administration(accord: &Accord) {
    let operator = accord.operator().await;
    let reseller = accord.make_account(&operator, "reseller", "reseller").await;
    accord.make_account(&reseller, "customer", "standard").await;
    let key = &reseller.account_key;
    for body in [
        json!({ "action": "create_package", "name": "Gold", "default": "1" }),
        json!({ "action": "list_packages" }),
        json!({ "action": "list_accounts" }),
        json!({ "action": "update_account", "account_key": key, "package_id": 1, "active": "1" }),
    ] {
        assert_eq!(accord.administer(&operator, &body).await.status, 200);
    }
    for filter in ["", "&statuses=ACTIVE", &format!("&account_key={key}")] {
        assert_eq!(accord.connections(&operator, filter).await.status, 200);
    }
    let client = Administrator { name: CLIENT_ID.to_owned(), password: CLIENT_SECRET.to_owned(), ..operator };
    assert_eq!(accord.connections(&client, "").await.status, 200);
    let admin = accord.admin().await;
    let connector = accord.post(&admin, "/api/connectors", &json!({ "name": "C" })).await.json()["id"].clone();
    let resumed = accord.post(&admin, &format!("/api/connectors/{connector}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 200);
}

/// Every statement of the pages for people.
async fn use_pages(accord: &Accord) {
    let (person, one, other) = (accord.person("Page").await, accord.person("One").await, accord.person("Other").await);
    accord.invite(&one, &person.email).await;
    accord.invite(&other, &person.email).await;
    let admin = accord.admin().await;
    let body = json!({ "name": "App", "redirectUris": ["https://app.example/"], "postLogoutRedirectUris": ["https://app.example/"] });
    let client_id = accord.make_connector(&admin, &body).await.client_id;
    let browser = accord.browser();
    for path in ["verify-email", "reset-password", "accept-invitation", "undo-email"] {
        browser.open_link(&format!("/{path}"), "x").await;
    }
    let page = browser.open("/forgot-password").await;
    browser.send(&page, "/forgot-password", &[("email", &person.email)]).await;
    let mine = browser.sign_in(&person.email, PASSWORD).await;
    browser.open_link("/accept-invitation", "x").await;
    for (account, answer) in [(one.account, "yes"), (other.account, "no")] {
        browser.send(&mine, &format!("/me/accounts/{account}"), &[("answer", answer)]).await;
    }
    let request = format!(
        "/oauth/authorize?client_id={client_id}&redirect_uri=https://app.example/&response_type=code&scope=openid\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    );
    let asked = browser.open(&request).await;
    let sent = browser.send(&asked, "/choose-account", &[("account", &one.account.to_string())]).await;
    assert_eq!(sent.answer.status, 303, "{sent}");
    let leave = format!("/me/accounts/{}/leave", one.account);
    let page = browser.open(&leave).await;
    browser.send(&page, &leave, &[("password", PASSWORD)]).await;
    let mine = browser.open("/me").await;
    let session = mine.form("/me/sessions").fields;
    browser.post("/me/sessions", &session).await;
    let mine = browser.sign_in(&person.email, PASSWORD).await;
    browser.send(&mine, "/me/sessions", &[("session", "")]).await;
    browser.sign_in(&person.email, PASSWORD).await;
    let logout = format!("/oauth/logout?client_id={client_id}&post_logout_redirect_uri=https://app.example/");
    let asked = browser.open(&logout).await;
    assert_eq!(browser.send(&asked, "/oauth/logout/confirm", &[]).await.sent_to(), Some("https://app.example/"));
}

/// Every statement of the accounts API.
async fn use_accounts(accord: &Accord) {
    let person = accord.person("Acme").await;
    let token = &person.token;
    let made = accord.post(token, "/api/accounts", &json!({ "name": "Made" })).await.json()["id"].clone();
    let account = format!("/api/accounts/{}", person.account);
    for list in ["", "?$orderby=name%20desc&$top=1", "?$filter=name%20eq%20'Acme'&$search=acme"] {
        let listed = accord.get(token, &format!("/api/accounts{list}")).await.json();
        if let Some(next) = listed["@odata.nextLink"].as_str() {
            let (_, query) = next.split_once('?').expect("a link has a query");
            assert_eq!(accord.get(token, &format!("/api/accounts?{query}")).await.status, 200);
        }
    }
    accord.get(token, "/api/accounts/Acme").await;
    accord.put(token, &account, &json!({ "name": "Acme 2" })).await;
    let new = json!({ "email": "guest@example.com", "roles": ["user"] });
    let guest = accord.post(token, &format!("{account}/users"), &new).await.json()["id"].clone();
    let guest = format!("{account}/users/{guest}");
    answer(accord.request_as(token, Method::PUT, &format!("{guest}/invite"))).await;
    accord.put(token, &guest, &json!({ "roles": ["viewer"], "status": "active" })).await;
    accord.delete(token, &guest).await;
    accord.post(token, &guest, &json!({ "roles": ["user"] })).await;
    let connector = accord.post(token, "/api/connectors", &json!({ "name": "C" })).await.json()["id"].clone();
    let connector = format!("/api/connectors/{connector}");
    accord.get(token, "/api/connectors").await;
    accord.get(token, &connector).await;
    accord.post(token, &format!("{connector}/secret"), &json!({})).await;
    accord.post(token, &format!("{connector}/disconnect"), &json!({})).await;
    accord.delete(token, &connector).await;
    for path in ["invitations/accept", "email/verify", "password/reset", "password/forgot"] {
        let body = json!({ "token": "x", "password": PASSWORD, "email": person.email });
        answer(accord.request(Method::POST, &format!("/api/accounts/{path}")).json(&body)).await;
    }
    let issued = accord.sign_in(&person.email, PASSWORD, Some("Acme 2")).await.json()["refresh_token"].clone();
    for _ in 0..2 {
        let form = [("grant_type", "refresh_token"), ("refresh_token", issued.as_str().expect("a refresh token"))];
        answer(accord.request(Method::POST, "/oauth/token").form(&form)).await;
    }
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let request = accord.request(Method::POST, path).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
        answer(request.form(&[("token", token)])).await;
    }
    let token = accord.user_token(&person.email, PASSWORD, Some(person.account)).await;
    let change = json!({ "currentPassword": PASSWORD, "password": "another_password_456" });
    assert_eq!(accord.post(&token, "/api/accounts/password/change", &change).await.status, 200);
    let token = accord.user_token(&person.email, "another_password_456", Some(person.account)).await;
    assert_eq!(accord.delete(&token, &format!("/api/accounts/{made}")).await.status, 200);
}
