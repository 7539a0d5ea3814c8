//! Who sees which account: owners, siblings, and accounts that share their data.

use accord_tests::Accord;
use accord_tests::accounts::path;
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn nobody_sees_a_sibling_and_an_owner_sees_all() {
    let accord = Accord::start().await;
    let (one, other) = (accord.person("One").await, accord.person("Other").await);
    let names = async |token: &str| -> Vec<String> {
        let listed = accord.get(token, "/api/accounts?$orderby=name").await.json();
        let value = listed["value"].as_array().expect("accounts").clone();
        value.iter().map(|account| account["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&one.token).await, ["One"]);
    assert_eq!(names(&other.token).await, ["Other"]);
    assert_eq!(names(&accord.admin().await).await, ["One", "Operator", "Other"]);
    assert_eq!(accord.get(&one.token, &path(other.account)).await.status, 404);
    assert_eq!(accord.get(&one.token, "/api/accounts/Other").await.status, 404);

    // A reseller sees and manages what it owns, however deep.
    accord.store().execute("UPDATE accounts SET type = 'reseller' WHERE id = ?", [one.account]);
    accord.store().execute("UPDATE accounts SET owner_id = ?1 WHERE id = ?2", (one.account, other.account));
    assert_eq!(names(&one.token).await, ["One", "Other"]);
    assert_eq!(names(&other.token).await, ["Other"]);
    assert_eq!(accord.put(&one.token, &path(other.account), &json!({ "description": "x" })).await.status, 200);
    assert_eq!(accord.delete(&one.token, &path(one.account)).await.status, 409, "it owns another");
    // What it makes is its own.
    let made = accord.post(&one.token, "/api/accounts", &json!({ "name": "Made" })).await;
    let owner = format!("SELECT owner_id FROM accounts WHERE id = {}", made.number("id"));
    assert_eq!(accord.store().number(&owner), one.account);
}

/// Four accounts, of which each but the sibling owns the next: grandparent, parent, child; the sibling is the child's. Who has
/// a role in one of them sees which of the others, by whether the parent and the child share their data with their owner?
#[tokio::test]
async fn who_manages_sees_what_is_owned_and_who_looks_what_is_shared() {
    let accord = Accord::start().await;
    let mut accounts = Vec::new();
    for name in ["grandparent", "parent", "sibling", "child"] {
        accounts.push((name, accord.person(name).await.account));
    }
    let [grandparent, parent, sibling, child] = [0, 1, 2, 3].map(|index: usize| accounts[index].1);
    for (owner, owned) in [(grandparent, parent), (parent, sibling), (parent, child)] {
        accord.store().execute("UPDATE accounts SET owner_id = ?1 WHERE id = ?2", (owner, owned));
    }
    accord.store().recount();
    let mut callers = Vec::new();
    for (place, account) in &accounts {
        for role in ["manage", "viewer"] {
            let person = accord.person(&format!("home of {role} of {place}")).await;
            accord.join(*account, person.id, role).await;
            let home = (person.id, person.account);
            accord.store().execute("DELETE FROM memberships WHERE person_id = ?1 AND account_id = ?2", home);
            callers.push((format!("{role} of {place}"), person.token));
        }
    }
    let mut rows = vec!["parent shares, child shares: caller sees".to_owned()];
    for (parent_shares, child_shares) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for (account, shares) in [(parent, parent_shares), (child, child_shares)] {
            accord.store().execute("UPDATE accounts SET datashare = ?1 WHERE id = ?2", (shares, account));
        }
        for (caller, token) in &callers {
            let listed = accord.get(token, "/api/accounts").await.json();
            let listed_names: Vec<_> = listed["value"].as_array().expect("accounts").iter().collect();
            let listed_names: Vec<_> = listed_names.iter().map(|one| one["name"].as_str().expect("a name")).collect();
            assert_eq!(listed["count"], json!(listed_names.len()), "{caller}");
            let mut seen = Vec::new();
            for (name, account) in &accounts {
                let got = accord.get(token, &path(*account)).await.status;
                assert_eq!(
                    got == 200,
                    listed_names.contains(name),
                    "{caller}: {name} is in the listing if it can be got"
                );
                let change = accord.put(token, &path(*account), &json!({ "description": "x" })).await.status;
                match (got, change) {
                    (200, 200) => seen.push((*name).to_owned()),
                    (200, 403) => seen.push(format!("({name})")),
                    (404, 404) => {}
                    other => panic!("{caller}: {name}: {other:?}"),
                }
            }
            rows.push(format!("{parent_shares}, {child_shares}: {caller} sees {}", seen.join(" ")));
        }
    }
    rows.push("In parentheses: sees it and may not change it.".to_owned());
    assert_snapshot!("who_sees_what", rows.join("\n"));
}
