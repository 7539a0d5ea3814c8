//! The administration API (seed 002): its exchanges, who sees what, and connection health that is true.

use std::collections::BTreeSet;
use std::net::IpAddr;

use accord_tests::{ACCOUNTS, ADMIN_EMAIL, ADMIN_PASSWORD, Accord, Administrator, Answer, Options, answer, on_spin};
use futures::future::join_all;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

/// The seed's first example.
fn example() -> Value {
    json!({
        "name": "new client name",
        "package_id": "9",
        "active": "1",
        "email_admin": "newaccountadmin@email.com",
        "password": "newadminpassword",
        "subdomain": "example",
        "type": "standard",
        "domain": "www.redirect.com",
        "datashare": "1"
    })
}

/// The values of a field, in order.
fn column(answer: &Answer, rows: &str, field: &str) -> Vec<String> {
    let json = answer.json();
    let rows = json[rows].as_array().unwrap_or_else(|| panic!("{rows}: {answer}"));
    rows.iter().map(|row| row[field].as_str().map_or_else(|| row[field].to_string(), str::to_owned)).collect()
}

/// A connector of an account, made through the accounts API: its `client_id` and its secret.
async fn connector(accord: &Accord, token: &str, body: &Value) -> (String, String, i64) {
    let made = accord.post(token, "/api/connectors", body).await;
    assert_eq!(made.status, 201, "{made}");
    let text = |name: &str| made.json()[name].as_str().expect("text").to_owned();
    (text("clientId"), text("clientSecret"), made.json()["id"].as_i64().expect("an id"))
}

#[tokio::test]
async fn each_exchange_of_the_seed_gets_the_seeds_answer() {
    let accord = Accord::start_with(Options::default().variable("base_domain", &"myintranetapps.com")).await;
    let operator = accord.operator().await;
    accord.store().execute("INSERT INTO packages (id, owner_id, name) VALUES (9, 1, 'Nine')", ());
    let created = accord.administer(&operator, &example()).await;
    assert_snapshot!("create_account", created);
    let account_key = created.json()["account_key"].clone();
    let listed = accord.administer(&operator, &json!({ "action": "list_accounts" })).await;
    assert_snapshot!("list_accounts", listed);
    let update = json!({
        "action": "update_account",
        "account_key": account_key,
        "package_id": "1",
        "active": "0",
        "email_admin": "cfo@example.com"
    });
    assert_snapshot!("update_account", accord.administer(&operator, &update).await);
    let row = accord.store().lines(
        "SELECT name, status, subdomain, domain, CAST(package_id AS TEXT), email_admin, type, CAST(datashare AS TEXT)
           FROM accounts WHERE subdomain = 'example'",
    );
    assert_eq!(
        row,
        ["new client name | inactive | example | www.redirect.com | 1 | cfo@example.com | standard | 1"],
        "nothing else changed"
    );

    let admin = accord.admin().await;
    let app = json!({ "name": "Books", "integration": "quickbooks", "property": "Boss Widgets Inc", "accountId": 2,
                      "environment": "sandbox" });
    connector(&accord, &admin, &app).await;
    let bootstrap = accord.token().await;
    assert_eq!(accord.patch_accounts(&bootstrap, &json!({})).await.status, 200);
    assert_eq!(accord.patch_accounts(&bootstrap, &json!({ "a": 1 })).await.status, 400);
    assert_snapshot!("connection_health", accord.connections(&operator, "").await);
}

#[tokio::test]
async fn a_taken_subdomain_is_409_in_http_and_in_status_code() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    accord.make_account(&operator, "example", "standard").await;
    let taken = json!({ "name": "Another", "subdomain": "EXAMPLE", "password": "newadminpassword" });
    assert_snapshot!("taken_subdomain", accord.administer(&operator, &taken).await);
    assert_eq!(
        accord.store().number("SELECT count(*) FROM users WHERE origin = 'administration'"),
        1,
        "nothing is left"
    );
}

#[tokio::test]
async fn of_32_creations_of_one_subdomain_at_once_one_succeeds() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let body = json!({ "name": "Race", "subdomain": "race" });
    let answers = join_all((0..32).map(|_| accord.administer(&operator, &body))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[409; 31]].concat());
}

#[tokio::test]
async fn an_account_made_here_is_there_for_the_other_doors() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let made = accord.make_account(&operator, "acme", "standard").await;
    let admin = accord.admin().await;
    let seen = accord.get(&admin, &format!("/api/accounts/{}", made.account)).await;
    assert_snapshot!("seen_by_the_accounts_api", seen);
    let token = accord.user_token(&made.name, &made.password, None).await;
    assert_eq!(accord.get(&token, &format!("/api/accounts/{}", made.account)).await.status, 200);
    assert_eq!(
        accord.sign_in("ADMIN@acme.localhost", &made.password, None).await.status,
        200,
        "the username works too"
    );

    let (client_id, secret, _) = connector(&accord, &token, &json!({ "name": "CRM", "integration": "crm" })).await;
    let status = async || column(&accord.connections(&made, "").await, "connections", "status");
    assert_eq!(status().await, ["PENDING"]);
    let token = accord.token_of(&client_id, &secret).await;
    let active = accord.connections(&made, "").await;
    assert_eq!(column(&active, "connections", "status"), ["ACTIVE"]);
    assert_eq!(column(&active, "connections", "last_sync"), ["null"]);
    assert_ne!(column(&active, "connections", "expires"), ["null"]);
    assert_eq!(accord.patch_accounts(&token, &json!({ "a": { "name": "A", "id": "1" } })).await.status, 200);
    let first = column(&accord.connections(&made, "").await, "connections", "last_sync");
    assert_ne!(first, ["null"]);
    accord.store().execute("UPDATE connectors SET last_success_at = last_success_at - 60000", ());
    assert_eq!(accord.patch_accounts(&token, &json!({})).await.status, 200);
    assert!(column(&accord.connections(&made, "").await, "connections", "last_sync") >= first, "the next one moves it");
    let listed = accord.administer(&made, &json!({ "action": "list_accounts" })).await;
    assert_eq!(column(&listed, "accounts", "name"), ["A"], "what its connector brought is its own");
}

#[tokio::test]
async fn ten_failed_writes_in_a_row_pause_a_connector_until_its_secret_is_rotated_or_it_is_resumed() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let admin = accord.admin().await;
    let body = json!({ "name": "CRM", "scopes": ["portal:write", "AccessUser:Create", "AccessUser:Update"] });
    let (client_id, secret, id) = connector(&accord, &admin, &body).await;
    let token = accord.token_of(&client_id, &secret).await;
    let good = json!({ "a": { "name": "A", "id": "1" } });
    let health = async || {
        let connections = accord.connections(&operator, "").await;
        let rows = connections.json()["connections"].as_array().expect("rows").clone();
        let row = rows.into_iter().nth(1).expect("the second connector");
        (row["last_sync_error_count"].clone(), row["in_error_state"].clone(), row["last_sync_error_message"].clone())
    };
    assert_eq!(health().await, (Value::Null, json!(false), Value::Null));
    let fail = async |times: usize| {
        for time in 0..times {
            // Refused by both doors, and for another reason each time.
            let refused = match time % 4 {
                0 => accord.patch_accounts(&token, &json!({ "a": 1 })).await,
                1 => answer(accord.patch(&format!("{ACCOUNTS}/nowhere/users"), &token, &json!(["u"]))).await,
                2 => answer(accord.patch("/Endpoint/rest/api/v1/Account", &token, &json!({ "Email": "?" }))).await,
                _ => answer(accord.request(Method::PATCH, ACCOUNTS).bearer_auth(&token).body("{")).await,
            };
            assert!((400..=415).contains(&refused.status), "{refused}");
        }
    };
    fail(9).await;
    assert_eq!(
        health().await,
        (json!("9"), json!(false), json!("portal: one value is not valid; a must be an object or null, not a number"))
    );
    assert_eq!(accord.patch_accounts(&token, &good).await.status, 200);
    assert_eq!(health().await.0, json!("0"), "a success ends the row");

    fail(10).await;
    assert_eq!(health().await, (json!("10"), json!(true), json!("portal: account not found")));
    assert_snapshot!("paused_at_the_portal", accord.patch_accounts(&token, &good).await);
    let user = json!({ "Username": "jane" });
    assert_snapshot!(
        "paused_at_the_endpoint",
        answer(accord.patch("/Endpoint/rest/api/v1/Account", &token, &user)).await
    );
    assert_eq!(health().await.0, json!("10"), "what is refused for the pause does not count");
    assert_eq!(accord.patch_accounts(&accord.token().await, &good).await.status, 200, "others go on");

    let rotated = accord.post(&admin, &format!("/api/connectors/{id}/secret"), &json!({})).await;
    let secret = rotated.json()["clientSecret"].as_str().expect("a secret").to_owned();
    let token = accord.token_of(&client_id, &secret).await;
    assert_eq!(health().await.0, json!("0"));
    assert_eq!(accord.patch_accounts(&token, &good).await.status, 200);

    for _ in 0..10 {
        assert_eq!(accord.patch_accounts(&token, &json!([])).await.status, 400);
    }
    assert_eq!(accord.patch_accounts(&token, &good).await.status, 409);
    let resume = format!("/api/connectors/{id}/resume");
    assert_snapshot!("resumed", accord.post(&admin, &resume, &json!({})).await);
    assert_eq!(accord.patch_accounts(&token, &good).await.status, 200);
    let stranger = accord.person("Strange").await;
    assert_eq!(accord.post(&stranger.token, &resume, &json!({})).await.status, 404);
}

/// Operator › two resellers › two customers each, and a connector in each account.
#[tokio::test]
async fn an_account_sees_itself_and_what_it_owns_and_nothing_beside_or_above() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let mut family: Vec<(&str, Administrator)> = vec![("operator", operator.clone())];
    for reseller in ["east", "west"] {
        family.push((reseller, accord.make_account(&operator, reseller, "reseller").await));
        let owner = family.last().expect("just pushed").1.clone();
        for customer in if reseller == "east" { ["east-1", "east-2"] } else { ["west-1", "west-2"] } {
            family.push((customer, accord.make_account(&owner, customer, "standard").await));
        }
    }
    let admin = accord.admin().await;
    for (name, who) in &family {
        connector(&accord, &admin, &json!({ "name": name, "accountId": who.account })).await;
    }
    let sees = [
        ("operator", vec!["east", "east-1", "east-2", "west", "west-1", "west-2"]),
        ("east", vec!["east-1", "east-2"]),
        ("east-1", vec![]),
        ("east-2", vec![]),
        ("west", vec!["west-1", "west-2"]),
        ("west-1", vec![]),
        ("west-2", vec![]),
    ];
    let find = |name: &str| &family.iter().find(|(known, _)| *known == name).expect("one of the family").1;
    for (name, owned) in &sees {
        let who = find(name);
        let listed = accord.administer(who, &json!({ "action": "list_accounts" })).await;
        let mut names = column(&listed, "accounts", "name");
        names.sort_unstable();
        assert_eq!(names, *owned, "{name} lists");

        let mut visible: BTreeSet<String> = owned.iter().map(|name| (*name).to_owned()).collect();
        visible.insert(if *name == "operator" { "Operator" } else { name }.to_owned());
        let health = accord.connections(who, "").await;
        assert_eq!(
            column(&health, "connections", "name").into_iter().collect::<BTreeSet<_>>(),
            visible,
            "{name} watches"
        );

        for (other, target) in &family {
            let update = json!({ "action": "update_account", "account_key": target.account_key, "active": "1" });
            let updated = accord.administer(who, &update).await.status;
            let expected = match (owned.contains(other), other == name) {
                (true, _) => 200,
                (_, true) => 403,
                _ => 404,
            };
            assert_eq!(updated, expected, "{name} updates {other}");

            let filtered = accord.connections(who, &format!("&account_key={}", target.account_key)).await;
            let shown = usize::from(expected != 404) + usize::from(other == name && *name == "operator");
            assert_eq!(filtered.json()["count"], shown, "{name} watches {other}: {filtered}");

            // The key of an account opens it to its own administrators and to those of its owners.
            let foreign = Administrator { account_key: target.account_key.clone(), ..who.clone() };
            let listed = accord.administer(&foreign, &json!({ "action": "list_accounts" })).await.status;
            assert_eq!(listed, if expected == 404 { 403 } else { 200 }, "{name} with the key of {other}");
        }
    }
}

#[tokio::test]
async fn only_a_reseller_makes_accounts() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let customer = accord.make_account(&operator, "customer", "standard").await;
    let body = json!({ "name": "Nested", "subdomain": "nested" });
    assert_snapshot!("no_reseller", accord.administer(&customer, &body).await);
    let package = json!({ "action": "create_package", "name": "Gold" });
    assert_eq!(accord.administer(&customer, &package).await.status, 403);
}

#[tokio::test]
async fn connections_are_filtered_by_status() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let admin = accord.admin().await;
    let (_, _, gone) = connector(&accord, &admin, &json!({ "name": "gone", "integration": "gone" })).await;
    connector(&accord, &admin, &json!({ "name": "new", "integration": "new" })).await;
    assert_eq!(accord.post(&admin, &format!("/api/connectors/{gone}/disconnect"), &json!({})).await.status, 200);
    for (filter, expected) in [
        ("", vec!["", "gone", "new"]),
        ("&statuses=ACTIVE", vec![""]),
        ("&statuses=PENDING,INACTIVE", vec!["gone", "new"]),
        ("&statuses=inactive", vec!["gone"]),
    ] {
        let shown = accord.connections(&operator, filter).await;
        assert_eq!(column(&shown, "connections", "integration"), expected, "{filter}");
        assert_eq!(shown.json()["count"], expected.len(), "{filter}");
    }
    let disconnected = accord.connections(&operator, "&statuses=INACTIVE").await;
    assert_eq!(column(&disconnected, "connections", "active"), ["false"]);
    assert_snapshot!("unknown_status", accord.connections(&operator, "&statuses=ASLEEP").await);
}

#[tokio::test]
async fn lists_have_no_end() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let reseller = accord.make_account(&operator, "reseller", "reseller").await;
    let store = accord.store();
    store.execute(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1700)
         INSERT INTO accounts (owner_id, account_key, name, name_key, origin, created_at, updated_at)
         SELECT CASE WHEN n % 2 THEN 1 ELSE ?1 END, 'key-' || n, 'name ' || n, 'name ' || n, 'portal', 0, 0 FROM n",
        [reseller.account],
    );
    accord.recount();
    store.execute(
        "INSERT INTO connectors (account_id, client_id, secret_hash, scopes, name, created_at, updated_at)
         SELECT id, account_key, 'x', '', name, 0, 0 FROM accounts WHERE name LIKE 'name %'",
        (),
    );
    for (who, accounts, connectors) in [(&operator, 1701, 1701), (&reseller, 850, 850)] {
        let listed = accord.administer(who, &json!({ "action": "list_accounts" })).await;
        let keys: BTreeSet<_> = column(&listed, "accounts", "key").into_iter().collect();
        assert_eq!((keys.len(), listed.json()["accounts"].as_array().expect("rows").len()), (accounts, accounts));
        let health = accord.connections(who, "").await;
        let keys: BTreeSet<_> = column(&health, "connections", "account_key").into_iter().collect();
        assert_eq!((keys.len(), health.json()["count"].as_u64()), (connectors, Some(connectors as u64)));
    }
}

#[tokio::test]
async fn accounts_get_the_default_package_of_the_nearest_owner_that_has_one() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let east = accord.make_account(&operator, "east", "reseller").await;
    let west = accord.make_account(&operator, "west", "reseller").await;
    let package = |name: &str, default: &str| json!({ "action": "create_package", "name": name, "default": default });
    assert_snapshot!("create_package", accord.administer(&east, &package("Gold", "1")).await);
    assert_eq!(accord.administer(&east, &package(" gOLD", "0")).await.status, 409);
    let silver = accord.administer(&west, &package("Silver", "0")).await.json()["package_id"].clone();
    accord.make_account(&east, "east-1", "standard").await;
    accord.make_account(&west, "west-1", "standard").await;
    let named = json!({ "name": "W", "subdomain": "west-2", "package_id": silver });
    assert_eq!(accord.administer(&west, &named).await.status, 200);
    let foreign = json!({ "name": "E", "subdomain": "east-2", "package_id": silver });
    assert_snapshot!("unknown_package", accord.administer(&east, &foreign).await);
    let packages = accord.store().lines(
        "SELECT a.subdomain, p.name FROM accounts a JOIN packages p ON p.id = a.package_id
          WHERE a.subdomain IS NOT NULL ORDER BY 1",
    );
    assert_eq!(packages, ["east | Default", "east-1 | Gold", "west | Default", "west-1 | Default", "west-2 | Silver"]);
    assert_snapshot!("list_packages", accord.administer(&east, &json!({ "action": "list_packages" })).await);
}

#[tokio::test]
async fn one_address_may_look_after_many_accounts_and_nobodys_password_is_set_by_another() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let jane = accord.person("Janes own").await;
    for subdomain in ["one", "two"] {
        let body = json!({ "name": subdomain, "subdomain": subdomain, "email_admin": jane.email,
                           "password": format!("password of {subdomain}") });
        let made = accord.administer(&operator, &body).await;
        assert_eq!((made.status, &made.json()["admin_email"]), (200, &json!(jane.email)));
        let username = format!("admin@{subdomain}.localhost");
        assert_eq!(accord.sign_in(&username, &format!("password of {subdomain}"), None).await.status, 200);
        assert_ne!(accord.sign_in(&jane.email, &format!("password of {subdomain}"), None).await.status, 200);
    }
    assert_eq!(accord.sign_in(&jane.email, accord_tests::PASSWORD, None).await.status, 200, "her password is hers");
    let no_password = json!({ "name": "Three", "subdomain": "three", "email_admin": "x@example.com", "password": "" });
    assert_eq!(accord.administer(&operator, &no_password).await.status, 200);
    assert_eq!(accord.store().number("SELECT count(*) FROM users WHERE email = 'x@example.com'"), 0);
    let squatter = json!({ "Username": "admin@four.localhost" });
    let token = accord.token().await;
    assert_eq!(answer(accord.patch("/Endpoint/rest/api/v1/Account", &token, &squatter)).await.status, 200);
    let four = json!({ "name": "Four", "subdomain": "four", "password": "newadminpassword" });
    assert_snapshot!("taken_username", accord.administer(&operator, &four).await);
}

#[tokio::test]
async fn an_inactive_account_lets_nobody_in_until_it_is_active_again() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let acme = accord.make_account(&operator, "acme", "standard").await;
    let token = accord.user_token(&acme.name, &acme.password, None).await;
    let (client_id, secret, _) = connector(&accord, &token, &json!({ "name": "CRM" })).await;
    let client = accord.token_of(&client_id, &secret).await;
    for (active, administers, writes) in [("0", 403, 401), ("1", 200, 200)] {
        let update = json!({ "action": "update_account", "account_key": acme.account_key, "active": active });
        assert_eq!(accord.administer(&operator, &update).await.status, 200);
        assert_eq!(accord.administer(&acme, &json!({ "action": "list_accounts" })).await.status, administers);
        assert_eq!(accord.patch_accounts(&client, &json!({})).await.status, writes);
    }
    let body = json!({ "name": "Asleep", "subdomain": "asleep", "active": 0, "type": "reseller" });
    assert_eq!(accord.administer(&operator, &body).await.status, 200);
    assert_eq!(accord.store().lines("SELECT status FROM accounts WHERE subdomain = 'asleep'"), ["inactive"]);
}

#[tokio::test]
async fn a_connector_administers_with_the_scope_for_it() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let admin = accord.admin().await;
    let list = json!({ "action": "list_accounts" });
    for (scope, status) in [("accounts:manage", 200), ("accounts:read", 403), ("portal:write", 403)] {
        let (name, password, _) = connector(&accord, &admin, &json!({ "name": "C", "scopes": [scope] })).await;
        let client = Administrator { name, password, ..operator.clone() };
        assert_eq!(accord.administer(&client, &list).await.status, status, "{scope}");
        let wrong = Administrator { password: "wrong".to_owned(), ..client };
        assert_eq!(accord.administer(&wrong, &list).await.status, 401);
    }
    for role in ["manage", "user", "viewer"] {
        let person = accord.person(role).await;
        accord.join(operator.account, person.id, role);
        let weak =
            Administrator { name: person.email, password: accord_tests::PASSWORD.to_owned(), ..operator.clone() };
        assert_eq!(accord.administer(&weak, &list).await.status, 403, "{role}");
    }
}

#[tokio::test]
async fn each_refusal_has_its_status_and_says_why() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let post = || accord.as_administrator(&operator, Method::POST, "");
    let json_body = |body: &'static str| post().header("content-type", "application/json").body(body);
    let wrong = Administrator { password: "wrong".to_owned(), ..operator.clone() };
    let nobody = Administrator { name: "nobody@example.com".to_owned(), ..operator.clone() };
    let foreign = Administrator { account_key: "5a70d8fcd44aa9.76285892".to_owned(), ..operator.clone() };
    let list = json!({ "action": "list_accounts" });
    assert_snapshot!("missing_credentials", answer(accord.request(Method::POST, "/app/api.php").json(&list)).await);
    let refused = accord.administer(&wrong, &list).await;
    assert_snapshot!("wrong_password", refused);
    assert_eq!(accord.administer(&nobody, &list).await.to_string(), refused.to_string());
    let refused = accord.administer(&foreign, &list).await;
    assert_snapshot!("wrong_key", refused);
    let keyless =
        accord.request(Method::POST, "/app/api.php").basic_auth(ADMIN_EMAIL, Some(ADMIN_PASSWORD)).json(&list);
    assert_eq!(answer(keyless).await.to_string(), refused.to_string(), "a missing key is a wrong one");
    assert_snapshot!("malformed", answer(json_body(r#"{"action":"list_accounts""#)).await);
    assert_snapshot!("no_object", answer(json_body("[]")).await);
    assert_snapshot!("repeated_key", answer(json_body(r#"{"name":"a","name":"b"}"#)).await);
    assert_snapshot!("unknown_action", answer(json_body(r#"{"action":"delete_account"}"#)).await);
    assert_snapshot!("nothing_given", answer(json_body("{}")).await);
    let invalid = json_body(
        r#"{"name":"a\u0000","subdomain":"-a","type":"other","domain":"x","active":"2","datashare":[],"password":"short",
            "email_admin":"x","package_id":"nine"}"#,
    );
    assert_snapshot!("invalid", answer(invalid).await);
    assert_snapshot!("nothing_to_update", answer(json_body(r#"{"action":"update_account","account_key":"x"}"#)).await);
    let unknown = json_body(r#"{"action":"update_account","account_key":"x","active":1}"#);
    assert_snapshot!("unknown_account", answer(unknown).await);
    assert_snapshot!("wrong_content_type", answer(post().header("content-type", "text/plain").body("{}")).await);
    assert_snapshot!("unknown_query", answer(accord.as_administrator(&operator, Method::GET, "?action=health")).await);
    assert_snapshot!("unknown_method", answer(accord.request(Method::PUT, "/app/api.php")).await);
    assert_snapshot!("unknown_path", answer(accord.request(Method::GET, "/app/other")).await);
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(70_000));
    assert_eq!(answer(post().header("content-type", "application/json").body(large)).await.status, 413);
}

#[tokio::test]
async fn a_guesser_meets_the_limit_and_a_working_integration_does_not() {
    let accord = Accord::start_with(Options::default().variable("failed_sign_in_limit", &3)).await;
    let operator = accord.operator().await;
    let list = json!({ "action": "list_accounts" });
    let elsewhere = reqwest::Client::builder().local_address(IpAddr::from([127, 0, 0, 2])).build().expect("a client");
    let guess = async |password: String| {
        let guesser = Administrator { password, ..operator.clone() };
        let request = accord.as_administrator(&guesser, Method::POST, "").json(&list).build().expect("a request");
        accord_tests::read(elsewhere.execute(request).await.expect("the server answers")).await
    };
    let mut statuses = Vec::new();
    for number in 0..5 {
        statuses.push(guess(format!("guess {number}")).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    assert_snapshot!("guessing", guess("guess 5".to_owned()).await);
    assert_eq!(accord.administer(&operator, &list).await.status, 200, "elsewhere nobody notices");
    if !on_spin() {
        // The instance has seen the right password, and does not take its holder for a guesser.
        assert_eq!(guess(ADMIN_PASSWORD.to_owned()).await.status, 200);
    }
}

#[tokio::test]
async fn a_remembered_password_ends_with_its_change() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let list = json!({ "action": "list_accounts" });
    assert_eq!(accord.administer(&operator, &list).await.status, 200);
    let change = json!({ "currentPassword": ADMIN_PASSWORD, "password": "another_password_456" });
    assert_eq!(accord.post(&accord.admin().await, "/api/accounts/password/change", &change).await.status, 200);
    assert_eq!(accord.administer(&operator, &list).await.status, 401);
    let changed = Administrator { password: "another_password_456".to_owned(), ..operator };
    assert_eq!(accord.administer(&changed, &list).await.status, 200);
    accord.store().execute("UPDATE users SET is_active = 0", ());
    assert_eq!(accord.administer(&changed, &list).await.status, 401);
}
