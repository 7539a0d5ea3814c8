//! Accounts that an administrator makes, lists and updates.

use std::collections::BTreeSet;

use accord_tests::accounts::PASSWORD;
use accord_tests::administration::Administrator;
use accord_tests::endpoint::RECORD;
use accord_tests::{Accord, Options};
use futures::future::join_all;
use insta::assert_snapshot;
use serde_json::{Value, json};

/// The document's first example.
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

#[tokio::test]
async fn the_examples_of_the_document_work_as_they_stand_on_a_fresh_start() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let created = accord.administer(&operator, &example()).await;
    assert_eq!(created.text("message"), "Account successfully created", "{created}");
    let listed = accord.administer(&operator, &json!({ "action": "list_accounts" })).await;
    assert_eq!(listed.column("accounts", "package_id"), ["9"], "{listed}");
    let update = json!({
        "action": "update_account",
        "account_key": created.text("account_key"),
        "package_id": "9",
        "active": "1",
        "email_admin": "newaccountadmin@email.com"
    });
    let updated = accord.administer(&operator, &update).await;
    assert_eq!(updated.text("message"), "Account successfully updated", "{updated}");
    for filters in ["", "&account_key=5aa2e93c0ea374.82746293", "&statuses=ACTIVE", "&statuses=PENDING,INACTIVE"] {
        let health = accord.connections(&operator, filters).await;
        assert_eq!(health.text("message"), "Connection health generated", "{health}");
    }
}

#[tokio::test]
async fn each_exchange_of_the_document_gets_its_answer() {
    let accord = Accord::start_with(Options::default().variable("base_domain", &"myintranetapps.com")).await;
    let operator = accord.operator().await;
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
    accord.make_connector(&admin, &app).await;
    let bootstrap = accord.token().await;
    assert_eq!(accord.patch_accounts(&bootstrap, &json!({})).await.status, 200);
    assert_eq!(accord.patch_accounts(&bootstrap, &json!({ "a": 1 })).await.status, 400);
    assert_snapshot!("connection_health", accord.connections(&operator, "").await);
}

#[tokio::test]
async fn a_domain_is_a_name_that_can_lead_somewhere_and_not_a_subdomain_of_ours() {
    let accord = Accord::start_with(Options::default().variable("base_domain", &"myintranetapps.com")).await;
    let operator = accord.operator().await;
    let make = async |domain: &str, subdomain: &str| {
        let body = json!({ "name": "Customer", "subdomain": subdomain, "domain": domain });
        accord.administer(&operator, &body).await
    };
    for bad in
        ["192.0.2.1", "printer.local", "a.localhost", "a.invalid", "other.MyIntranetApps.com", "myintranetapps.com"]
    {
        let refused = make(bad, "bad").await;
        assert_eq!(refused.status, 400, "{bad}: {refused}");
        assert!(refused.text("message").starts_with("domain "), "{refused}");
    }
    for (number, good) in ["www.redirect.com", "xn--4ca.example", "notmyintranetapps.com"].iter().enumerate() {
        assert_eq!(make(good, &format!("good-{number}")).await.status, 200, "{good}");
    }
}

#[tokio::test]
async fn a_taken_subdomain_is_409_in_http_and_in_status_code() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    accord.make_account(&operator, "example", "standard").await;
    let taken = json!({ "name": "Another", "subdomain": "EXAMPLE", "password": "newadminpassword" });
    assert_snapshot!("taken_subdomain", accord.administer(&operator, &taken).await);
    assert_eq!(accord.store().number("SELECT count(*) FROM people WHERE confined = 1"), 1, "nothing is left");
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
        accord.make_connector(&admin, &json!({ "name": name, "accountId": who.account })).await;
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
        let mut names = listed.column("accounts", "name");
        names.sort_unstable();
        assert_eq!(names, *owned, "{name} lists");

        let mut visible: BTreeSet<String> = owned.iter().map(|name| (*name).to_owned()).collect();
        visible.insert(if *name == "operator" { "Operator" } else { name }.to_owned());
        let health = accord.connections(who, "").await;
        assert_eq!(
            health.column("connections", "name").into_iter().collect::<BTreeSet<_>>(),
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
async fn lists_have_no_end() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let reseller = accord.make_account(&operator, "reseller", "reseller").await;
    let store = accord.store();
    // More than one makes by requests in a test. Their times are no matter here.
    store.execute(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1700)
         INSERT INTO accounts (owner_id, account_key, name, name_key, origin, created_at, updated_at)
         SELECT CASE WHEN n % 2 THEN 1 ELSE ?1 END, 'key-' || n, 'name ' || n, 'name ' || n, 'portal', 0, 0 FROM n",
        [reseller.account],
    );
    store.recount();
    store.execute(
        "INSERT INTO connectors (account_id, client_id, secret_hash, scopes, name, created_at, updated_at)
         SELECT id, account_key, 'x', '', name, 0, 0 FROM accounts WHERE name LIKE 'name %'",
        (),
    );
    for (who, accounts, connectors) in [(&operator, 1701, 1701), (&reseller, 850, 850)] {
        let listed = accord.administer(who, &json!({ "action": "list_accounts" })).await;
        let keys: BTreeSet<_> = listed.column("accounts", "key").into_iter().collect();
        assert_eq!((keys.len(), listed.json()["accounts"].as_array().expect("rows").len()), (accounts, accounts));
        let health = accord.connections(who, "").await;
        let keys: BTreeSet<_> = health.column("connections", "account_key").into_iter().collect();
        assert_eq!((keys.len(), health.json()["count"].as_u64()), (connectors, Some(connectors as u64)));
    }
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
    assert_eq!(accord.sign_in(&jane.email, PASSWORD, None).await.status, 200, "her password is hers");
    let no_password = json!({ "name": "Three", "subdomain": "three", "email_admin": "x@example.com", "password": "" });
    assert_eq!(accord.administer(&operator, &no_password).await.status, 200);
    assert_eq!(
        accord.sign_in("admin@three.localhost", "", None).await.status,
        400,
        "without a password there is no admin"
    );
    // What an organisation calls somebody takes nobody's name.
    let squatter = json!({ "Username": "admin@four.localhost" });
    let token = accord.token().await;
    assert_eq!(accord.patch(&token, RECORD, &squatter).await.status, 200);
    let four = json!({ "name": "Four", "subdomain": "four", "password": "newadminpassword" });
    assert_eq!(accord.administer(&operator, &four).await.status, 200);
    assert_eq!(accord.sign_in("admin@four.localhost", "newadminpassword", None).await.status, 200);
}
