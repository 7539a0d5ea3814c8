//! What is read: exactly what the rules let a caller see, and nothing that leads nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use accord_tests::accounts::{PASSWORD, Person, member, path};
use accord_tests::{Accord, Answer, Dice};
use reqwest::Method;
use serde_json::{Value, json};

/// A directory made at random: who owns whom, and who is what where.
struct Directory {
    accounts: Vec<i64>,
    /// Account → its owner, and whether it shares its data.
    owned: BTreeMap<i64, (i64, bool)>,
    people: Vec<Person>,
    /// (account, person) → role, and whether the person has entered.
    members: BTreeMap<(i64, i64), (&'static str, bool)>,
}

impl Directory {
    async fn make(accord: &Accord, dice: &mut Dice) -> Self {
        let mut people = Vec::new();
        for number in 0..5 {
            people.push(accord.person(&format!("Home {number}")).await);
        }
        let accounts: Vec<_> = people.iter().map(|person| person.account).collect();
        let operator = accord.store().number("SELECT id FROM accounts WHERE owner_id IS NULL");
        let mut owners = BTreeMap::new();
        for (index, account) in accounts.iter().enumerate() {
            // The owner is one before it, or the operator.
            let owner = accounts[..index].get(dice.roll(index + 1)).copied().unwrap_or(operator);
            let shares = dice.roll(2) == 1;
            let row = (owner, i64::from(shares), *account);
            accord.store().execute("UPDATE accounts SET owner_id = ?1, datashare = ?2 WHERE id = ?3", row);
            owners.insert(*account, (owner, shares));
        }
        accord.store().recount();
        let mut members: BTreeMap<_, _> =
            people.iter().map(|person| ((person.account, person.id), ("owner", true))).collect();
        for _ in 0..6 {
            let (account, person) = (*dice.pick(&accounts), dice.pick(&people));
            let (role, enters) = (*dice.pick(&["viewer", "user", "manage", "admin"]), dice.roll(2) == 1);
            if members.contains_key(&(account, person.id)) {
                continue;
            }
            accord.join(account, person.id, role).await;
            if enters {
                accord.user_token(&person.email, PASSWORD, Some(account)).await;
            }
            members.insert((account, person.id), (role, enters));
        }
        Self { accounts, owned: owners, people, members }
    }

    /// Whether a person sees an account, and whether it manages it: what `docs/authority.md` says, in a few lines.
    fn sees(&self, person: i64, account: i64) -> (bool, bool) {
        let (mut sees, mut manages, mut shared, mut at) = (false, false, true, Some(account));
        while let Some(here) = at {
            if let Some((role, _)) = self.members.get(&(here, person)) {
                let managing = ["owner", "admin", "manage"].contains(role);
                manages |= managing;
                sees |= managing || shared;
            }
            let above = self.owned.get(&here);
            shared &= above.is_some_and(|(_, shares)| *shares);
            at = above.map(|(owner, _)| *owner);
        }
        (sees, manages)
    }

    /// Who has entered an account.
    fn entered(&self, account: i64) -> BTreeSet<i64> {
        let entered = self.members.iter().filter(|((of, _), (_, entered))| *of == account && *entered);
        entered.map(|((_, person), _)| *person).collect()
    }
}

/// The ids of a list.
async fn ids(accord: &Accord, token: &str, list: &str) -> BTreeSet<i64> {
    let listed = accord.get(token, list).await;
    assert_eq!(listed.status, 200, "{list}: {listed}");
    let listed = listed.json();
    listed["value"].as_array().expect("a list").iter().map(|one| one["id"].as_i64().expect("an id")).collect()
}

async fn status(accord: &Accord, token: &str, path: String) -> u16 {
    accord.get(token, &path).await.status
}

#[tokio::test]
async fn lists_hold_what_the_rules_let_a_caller_see_and_what_is_listed_can_be_got() {
    let rounds = env::var("ACCORD_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    let mut dice = Dice::thrown();
    for _ in 0..rounds {
        let accord = Accord::start().await;
        let directory = Directory::make(&accord, &mut dice).await;
        for caller in &directory.people {
            look(&accord, &directory, caller).await;
        }
    }
}

/// Compares what a caller reads with what the model lets it see.
async fn look(accord: &Accord, directory: &Directory, caller: &Person) {
    let token = &caller.token;
    let sees = |account: &i64| directory.sees(caller.id, *account);
    let visible: BTreeSet<_> = directory.accounts.iter().copied().filter(|account| sees(account).0).collect();
    assert_eq!(ids(accord, token, "/api/accounts").await, visible, "accounts of {caller:?}");
    let people: BTreeSet<_> = visible.iter().flat_map(|account| directory.entered(*account)).collect();
    assert_eq!(ids(accord, token, "/api/users").await, people, "people of {caller:?}");
    for person in &directory.people {
        let expected = if people.contains(&person.id) || person.id == caller.id { 200 } else { 404 };
        assert_eq!(status(accord, token, format!("/api/users/{}", person.id)).await, expected);
    }
    for account in &directory.accounts {
        let (looks, manages) = sees(account);
        let here = |list: &str| format!("{}/{list}", path(*account));
        for list in ["invitations", "records", "identities", "audit"] {
            let expected = match (looks, manages) {
                (_, true) => 200,
                (true, false) => 403,
                (false, _) => 404,
            };
            assert_eq!(status(accord, token, here(list)).await, expected, "{list} of {account} for {caller:?}");
        }
        if !looks {
            assert_eq!(status(accord, token, here("users")).await, 404);
            continue;
        }
        let entered = directory.entered(*account);
        assert_eq!(ids(accord, token, &here("users")).await, entered);
        let every = ids(accord, token, &here("users?$filter=status%20ne%20null")).await;
        let all = directory.members.keys().filter(|(of, _)| of == account).count();
        assert_eq!(every.len(), if manages { all } else { entered.len() });
        for id in &every {
            assert_eq!(status(accord, token, member(*account, *id)).await, 200);
        }
        for person in directory.people.iter().filter(|person| !every.contains(&person.id)) {
            assert_eq!(status(accord, token, member(*account, person.id)).await, 404, "{person:?} in {account}");
        }
    }
    let managed: BTreeSet<_> = directory.accounts.iter().copied().filter(|account| sees(account).1).collect();
    let audit = accord.get(token, "/api/audit?$top=500").await.json();
    for event in audit["value"].as_array().expect("events") {
        let about = event["accountId"].as_i64();
        assert!(about.is_none_or(|account| managed.contains(&account)), "{event}");
        assert_eq!(status(accord, token, format!("/api/audit/{}", event["id"])).await, 200);
        let actor = event["actorUserId"].as_i64();
        assert!(actor.is_none_or(|actor| people.contains(&actor) || actor == caller.id), "{event}");
    }
}

/// Every address of a list, and how each of its items names what it speaks of.
const NAMES: [(&str, &str); 6] = [
    ("accountId", "/api/accounts/{}"),
    ("userId", "/api/users/{}"),
    ("actorUserId", "/api/users/{}"),
    ("connectorId", "/api/connectors/{}"),
    ("actorConnectorId", "/api/connectors/{}"),
    ("requestId", ""),
];

#[tokio::test]
async fn every_location_and_every_id_leads_somewhere() {
    let accord = Accord::start().await;
    let connector = accord.token().await;
    assert_eq!(accord.patch_accounts(&connector, &json!({ "a": { "name": "A", "id": "1" } })).await.status, 200);
    assert_eq!(accord.patch_users(&connector, &json!({ "u": { "email": "u@example.com" } })).await.status, 200);
    assert_eq!(accord.bind(&connector, "1", &json!(["u"])).await.status, 200);
    let record = json!({ "Username": "jane", "Email": "jane@example.com", "Is_Active": true });
    assert_eq!(accord.patch(&connector, "/Endpoint/rest/api/v1/Account", &record).await.status, 200);
    let owner = accord.person("Acme").await;
    let known = accord.person("Elsewhere").await;
    let users = format!("{}/users", path(owner.account));
    let mut made: Vec<Answer> = vec![
        accord.post(&owner.token, "/api/accounts", &json!({ "name": "Made" })).await,
        accord.post(&owner.token, &users, &json!({ "email": "new@example.com", "roles": ["user"] })).await,
        accord.post(&owner.token, &users, &json!({ "email": known.email, "roles": ["user"] })).await,
        accord.post(&owner.token, "/api/connectors", &json!({ "name": "C" })).await,
    ];
    // Who refuses is asked again in vain, and the answer is the same.
    let left = format!("/api/me/accounts/{}", owner.account);
    assert_eq!(accord.delete(&known.token, &left).await.status, 200);
    made.push(accord.post(&owner.token, &users, &json!({ "email": known.email, "roles": ["user"] })).await);
    for answer in &made {
        assert_eq!(answer.status, 201, "{answer}");
        let location = answer.header("location").expect("a location").to_owned();
        assert_eq!(accord.get(&owner.token, &location).await.status, 200, "{location}");
    }
    let admin = accord.admin().await;
    let bound = accord.store().number("SELECT account_id FROM account_identities");
    let operator = accord.store().number("SELECT id FROM accounts WHERE owner_id IS NULL");
    for (token, account) in [(&owner.token, owner.account), (&admin, bound), (&admin, operator)] {
        let here = |list: &str| format!("{}/{list}", path(account));
        let connectors = format!("/api/connectors?accountId={account}");
        for list in [
            "/api/accounts".to_owned(),
            "/api/users".to_owned(),
            "/api/audit".to_owned(),
            here("users?$filter=status%20ne%20null"),
            here("invitations"),
            here("identities"),
            here("records"),
            here("audit"),
        ] {
            follow(&accord, token, &list, account).await;
        }
        let listed = accord.get(token, &connectors).await.json();
        for one in listed["value"].as_array().or(listed.as_array()).expect("connectors") {
            assert_eq!(status(&accord, token, format!("/api/connectors/{}", one["id"])).await, 200);
        }
    }
}

/// Follows every id of a list.
async fn follow(accord: &Accord, token: &str, list: &str, account: i64) {
    let listed = accord.get(token, &format!("{list}{}$top=500", if list.contains('?') { "&" } else { "?" })).await;
    assert_eq!(listed.status, 200, "{list}: {listed}");
    let collection = list.split('?').next().expect("a path");
    // What is listed by its account alone is got where all of it is.
    let own = if collection.ends_with("/audit") { "/api/audit" } else { collection };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for one in listed.json()["value"].as_array().expect("a list") {
        if let Some(id) = one.get("id") {
            assert_eq!(status(accord, token, format!("{own}/{}", text(id))).await, 200, "{own}: {one}");
        }
        for (name, at) in NAMES {
            let Some(id) = one.get(name).filter(|id| !id.is_null() && !at.is_empty()) else { continue };
            let mut place = at.replace("{}", &text(id));
            // A member is known to its account.
            if name == "userId" && one["subject"] == "member" {
                place = member(one["accountId"].as_i64().unwrap_or(account), id.as_i64().expect("an id"));
            }
            let got = accord_tests::answer(accord.request_as(token, Method::GET, &place)).await;
            assert_eq!(got.status, 200, "{list}: {place}: {one}");
        }
    }
}
