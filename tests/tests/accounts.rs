//! The accounts API (seed 003): the twelve operations, who may call them, and what they refuse.

use accord_tests::{Accord, CLIENT_ID, Person, answer};
use futures::future::join_all;
use insta::assert_snapshot;
use reqwest::{Method, Url};
use serde_json::{Value, json};

fn path(account: i64) -> String {
    format!("/api/accounts/{account}")
}

fn member(account: i64, user: i64) -> String {
    format!("/api/accounts/{account}/users/{user}")
}

#[tokio::test]
async fn each_example_of_the_seed_gets_the_seeds_answer() {
    let accord = Accord::start().await;
    let sign_up = json!({
        "email": "user@example.com",
        "password": "secure_password_123",
        "firstName": "John",
        "lastName": "Doe",
        "accountName": "Acme Corporation",
        "country": "US"
    });
    accord.token().await;
    let signed_up = answer(accord.request(Method::POST, "/api/accounts/signup").json(&sign_up)).await;
    assert_snapshot!("signup", signed_up);
    let account = signed_up.json()["accountId"].as_i64().expect("an id");
    let token = accord.user_token("user@example.com", "secure_password_123", None).await;

    let new = json!({
        "name": "Enterprise Account",
        "description": "Main enterprise account",
        "primaryContact": "contact@enterprise.com"
    });
    assert_snapshot!("create_account", accord.post(&token, "/api/accounts", &new).await);
    assert_snapshot!("list_accounts", accord.get(&token, "/api/accounts").await);
    let filtered = "/api/accounts?$filter=name%20eq%20'Acme%20Corporation'&$orderby=createdAt%20desc&$skip=0&$top=10";
    assert_snapshot!("list_accounts_filtered", accord.get(&token, filtered).await);
    assert_snapshot!("get_account_by_id", accord.get(&token, &path(account)).await);
    assert_snapshot!("get_account_by_name", accord.get(&token, "/api/accounts/Acme%20Corporation").await);

    let change = json!({ "name": "Updated Account Name", "description": "Updated description", "status": "active" });
    assert_snapshot!("update_account", accord.put(&token, &path(account), &change).await);

    let user = json!({
        "email": "newuser@example.com",
        "firstName": "Jane",
        "lastName": "Smith",
        "roles": ["user", "viewer"]
    });
    let invited = accord.post(&token, &format!("{}/users", path(account)), &user).await;
    assert_snapshot!("add_new_user", invited);
    let jane = invited.json()["id"].as_i64().expect("an id");
    let other = accord.person("Other").await;
    let known = json!({ "roles": ["user", "admin"] });
    assert_snapshot!("add_existing_user", accord.post(&token, &member(account, other.id), &known).await);
    let roles = json!({ "roles": ["admin", "user"], "status": "active" });
    assert_snapshot!("update_user_roles", accord.put(&token, &member(account, jane), &roles).await);
    let invite = accord.as_user(Method::PUT, &format!("{}/invite", member(account, jane)), &token);
    assert_snapshot!("resend_invitation", answer(invite).await);
    assert_snapshot!("remove_user", accord.delete(&token, &member(account, jane)).await);
    assert_snapshot!("delete_account", accord.delete(&token, &path(account)).await);
}

#[tokio::test]
async fn each_error_of_the_seed_has_its_code() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let viewer = accord.person("Other").await;
    accord.join(owner.account, viewer.id, "viewer");
    assert_snapshot!("account_not_found", accord.get(&owner.token, "/api/accounts/999999").await);
    let taken = accord.post(&owner.token, "/api/accounts", &json!({ "name": " aCME " })).await;
    assert_snapshot!("account_already_exists", taken);
    let refused = accord.put(&viewer.token, &path(owner.account), &json!({ "name": "Mine" })).await;
    assert_snapshot!("unauthorized", refused);
    let twice = accord.post(&owner.token, &member(owner.account, viewer.id), &json!({ "roles": ["user"] })).await;
    assert_snapshot!("user_already_in_account", twice);
    let invalid = json!({ "name": "", "country": "Finland", "description": 7 });
    assert_snapshot!("invalid", accord.post(&owner.token, "/api/accounts", &invalid).await);
    assert_snapshot!("missing_token", answer(accord.request(Method::GET, "/api/accounts")).await);
    assert_snapshot!("invalid_token", accord.get("x.y.z", "/api/accounts").await);
    assert_snapshot!("unknown_method", answer(accord.request(Method::PATCH, "/api/accounts/1")).await);
    let filter = accord.get(&owner.token, "/api/accounts?$filter=name%20eq%20&$top=501").await;
    assert_snapshot!("invalid_options", filter);
}

/// What each caller gets, per operation. The account has an owner beside the callers.
#[tokio::test]
async fn who_may_do_what() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let mut callers: Vec<(&str, String)> = vec![("nobody", "no-token".to_owned())];
    for role in ["owner", "admin", "manage", "user", "viewer"] {
        let person = accord.person(&format!("Home of {role}")).await;
        accord.join(owner.account, person.id, role);
        callers.push((role, person.token));
    }
    let stranger = accord.person("Strange").await;
    callers.push(("stranger", stranger.token));
    callers.push(("operator", accord.admin().await));
    callers.push(("accounts:manage", accord.connector("managing", "accounts:manage").await));
    callers.push(("accounts:read", accord.connector("reading", "accounts:read").await));
    callers.push(("portal:write", accord.connector("pushing", "portal:write").await));

    let names = callers.iter().map(|(name, _)| (*name).to_owned());
    let mut rows: Vec<Vec<String>> = vec![std::iter::once("operation".to_owned()).chain(names).collect()];
    let mut number = 0;
    for operation in [
        "create",
        "list",
        "get",
        "get by name",
        "update",
        "invite",
        "add",
        "roles",
        "resend",
        "remove",
        "grant owner",
        "delete",
    ] {
        let mut row = vec![operation.to_owned()];
        for (_, token) in &callers {
            number += 1;
            // A member to work on, fresh for every caller.
            let account = owner.account;
            let invited = json!({ "email": format!("m{number}@example.com"), "roles": ["user"] });
            let users = format!("{}/users", path(account));
            let subject = accord.post(&owner.token, &users, &invited).await.json()["id"].as_i64().expect("an id");
            let roles = json!({ "roles": ["user"] });
            let answer = match operation {
                "create" => accord.post(token, "/api/accounts", &json!({ "name": format!("New {number}") })).await,
                "list" => accord.get(token, "/api/accounts").await,
                "get" => accord.get(token, &path(account)).await,
                "get by name" => accord.get(token, "/api/accounts/ACME").await,
                "update" => accord.put(token, &path(account), &json!({ "description": "x" })).await,
                "invite" => {
                    let invited = json!({ "email": format!("n{number}@example.com"), "roles": ["user"] });
                    accord.post(token, &users, &invited).await
                }
                "add" => {
                    accord.delete(&owner.token, &member(account, subject)).await;
                    accord.post(token, &member(account, subject), &roles).await
                }
                "roles" => accord.put(token, &member(account, subject), &roles).await,
                "resend" => {
                    let path = format!("{}/invite", member(account, subject));
                    answer(accord.as_user(Method::PUT, &path, token)).await
                }
                "remove" => accord.delete(token, &member(account, subject)).await,
                "grant owner" => accord.put(token, &member(account, subject), &json!({ "roles": ["owner"] })).await,
                _ => {
                    // An account of its own, in which the caller is what it is in the first.
                    let name = format!("Doomed {number}");
                    let made = accord.post(&owner.token, "/api/accounts", &json!({ "name": name })).await;
                    let doomed = made.json()["id"].as_i64().expect("an id");
                    accord.store().execute(
                        "INSERT INTO memberships SELECT ?1, user_id, status, origin, 0, 0 FROM memberships
                          WHERE account_id = ?2 AND user_id <> ?3",
                        (doomed, account, owner.id),
                    );
                    accord.store().execute(
                        "INSERT INTO membership_roles SELECT ?1, user_id, role FROM membership_roles
                          WHERE account_id = ?2 AND user_id <> ?3",
                        (doomed, account, owner.id),
                    );
                    accord.delete(token, &path(doomed)).await
                }
            };
            row.push(answer.status.to_string());
        }
        rows.push(row);
    }
    let table: Vec<_> = rows.iter().map(|row| row.join(" | ")).collect();
    assert_snapshot!("who_may_do_what", table.join("\n"));
}

#[tokio::test]
async fn an_account_keeps_its_last_owner() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let me = member(owner.account, owner.id);
    for refused in [
        accord.delete(&owner.token, &me).await,
        accord.put(&owner.token, &me, &json!({ "roles": ["admin"] })).await,
        accord.put(&owner.token, &me, &json!({ "status": "inactive" })).await,
    ] {
        assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("LAST_OWNER")), "{refused}");
    }
    // An owner who has not come yet, or may not come, is none.
    let invited = json!({ "email": "second@example.com", "roles": ["owner"] });
    let invited = accord.post(&owner.token, &format!("{}/users", path(owner.account)), &invited).await;
    assert_eq!(invited.status, 201, "{invited}");
    assert_eq!(accord.delete(&owner.token, &me).await.status, 409);

    let second = accord.person("Other").await;
    accord.join(owner.account, second.id, "owner");
    assert_eq!(accord.put(&owner.token, &me, &json!({ "roles": ["user"] })).await.status, 200);
    // Two owners cannot both leave at once.
    assert_eq!(accord.put(&second.token, &me, &json!({ "roles": ["owner"] })).await.status, 200);
    let (second_path, gone) = (member(owner.account, second.id), json!({ "roles": ["viewer"] }));
    let (one, other) =
        futures::join!(accord.put(&second.token, &me, &gone), accord.put(&owner.token, &second_path, &gone));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert!(statuses == [200, 409] || statuses == [200, 403], "{statuses:?}");
    let owners = "SELECT count(*) FROM membership_roles r JOIN memberships m USING (account_id, user_id)
                   WHERE r.role = 'owner' AND m.status = 'active' AND r.account_id = ";
    assert_eq!(accord.store().number(&format!("{owners}{}", owner.account)), 1);
}

#[tokio::test]
async fn a_role_that_is_taken_away_stops_working_at_once() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let manager = accord.person("Other").await;
    accord.join(owner.account, manager.id, "manage");
    let rename = async |expected| {
        let renamed = accord.put(&manager.token, &path(owner.account), &json!({ "description": "x" })).await;
        assert_eq!(renamed.status, expected, "{renamed}");
    };
    let me = member(owner.account, manager.id);
    rename(200).await;
    assert_eq!(accord.put(&owner.token, &me, &json!({ "roles": ["user"] })).await.status, 200);
    rename(403).await;
    assert_eq!(accord.put(&owner.token, &me, &json!({ "roles": ["manage"] })).await.status, 200);
    rename(200).await;
    assert_eq!(accord.put(&owner.token, &me, &json!({ "status": "inactive" })).await.status, 200);
    rename(404).await;
    assert_eq!(accord.put(&owner.token, &me, &json!({ "status": "active" })).await.status, 200);
    rename(200).await;
    assert_eq!(accord.delete(&owner.token, &me).await.status, 200);
    rename(404).await;
}

#[tokio::test]
async fn of_two_updates_of_one_state_one_wins() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let tag = accord.get(&owner.token, &path(owner.account)).await.header("etag").expect("an ETag").to_owned();
    let put = |description: &str, tag: &str| {
        let request = accord.as_user(Method::PUT, &path(owner.account), &owner.token).header("if-match", tag);
        answer(request.json(&json!({ "description": description })))
    };
    let (one, other) = futures::join!(put("one", &tag), put("other", &tag));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let lost = if one.status == 412 { one } else { other };
    assert_snapshot!("changed_meanwhile", lost);
    assert_eq!(put("late", &tag).await.status, 412);
    let tag = accord.get(&owner.token, &path(owner.account)).await.header("etag").expect("an ETag").to_owned();
    let again = put("again", &format!("\"0\", {tag}")).await;
    assert_eq!(again.status, 200);
    assert_ne!(again.header("etag"), Some(tag.as_str()));
    assert_eq!(put("any", "*").await.status, 200);
}

#[tokio::test]
async fn an_idempotency_key_makes_one_account_however_often_it_is_sent() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let post = |name: &str, key: &str| {
        let request = accord.as_user(Method::POST, "/api/accounts", &owner.token).header("idempotency-key", key);
        answer(request.json(&json!({ "name": name })))
    };
    let answers = join_all((0..10).map(|_| post("Once", "k1"))).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (201, &answers[0].body));
        assert_eq!(answer.header("location"), answers[0].header("location"));
    }
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts WHERE name = 'Once'"), 1);
    assert_snapshot!("idempotency_key_reused", post("Twice", "k1").await);
    // What was refused may be tried again with the same key.
    assert_eq!(post("Acme", "k2").await.status, 409);
    assert_eq!(post("Acme 2", "k2").await.status, 201);
    // A key of another caller is another key.
    let other = accord.person("Other").await;
    let request = accord.as_user(Method::POST, "/api/accounts", &other.token).header("idempotency-key", "k1");
    assert_eq!(answer(request.json(&json!({ "name": "Third" }))).await.status, 201);

    let sign_up = |password: &str| {
        let body = json!({ "email": "once@example.com", "password": password, "accountName": "Sign-up" });
        answer(accord.request(Method::POST, "/api/accounts/signup").header("idempotency-key", "s").json(&body))
    };
    let answers = join_all((0..4).map(|_| sign_up("secure_password_123"))).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body), "{answers:?}");
    assert_eq!(sign_up("another_password_456").await.status, 422);
}

#[tokio::test]
async fn two_simultaneous_sign_ups_of_one_address_make_one_user() {
    let accord = Accord::start().await;
    accord.token().await;
    let (one, other) = futures::join!(accord.sign_up("a@example.com", "One"), accord.sign_up("A@Example.com", "Two"));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let refused = if one.status == 409 { one } else { other };
    assert_snapshot!("user_already_exists", refused);
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts WHERE name IN ('One', 'Two')"), 1);
}

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
    let owner = format!("SELECT owner_id FROM accounts WHERE id = {}", made.json()["id"]);
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
    accord.recount();
    let mut callers = Vec::new();
    for (place, account) in &accounts {
        for role in ["manage", "viewer"] {
            let person = accord.person(&format!("home of {role} of {place}")).await;
            accord.store().execute("DELETE FROM memberships WHERE user_id = ?", [person.id]);
            accord.join(*account, person.id, role);
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

/// A listing says the number of accounts without counting them: it has to be right whatever was made and deleted.
#[tokio::test]
async fn a_listing_knows_how_many_accounts_there_are() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    let count = async |token: &str| accord.get(token, "/api/accounts?$top=0").await.json()["count"].clone();
    let bootstrap = accord.token().await;
    // A reseller with a connector of its own, and another that the first one owns.
    let (one, other) = (accord.person("One").await, accord.person("Other").await);
    accord.store().execute("UPDATE accounts SET type = 'reseller' WHERE id IN (?1, ?2)", (one.account, other.account));
    accord.store().execute("UPDATE accounts SET owner_id = ?1 WHERE id = ?2", (one.account, other.account));
    accord.recount();
    let mut portals = vec![bootstrap];
    for person in [&one, &other] {
        let made = accord.post(&person.token, "/api/connectors", &json!({ "name": "Portal" })).await.json();
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        portals.push(accord.token_of(&text("clientId"), &text("clientSecret")).await);
    }
    // One that belongs to both: what is below both counts once.
    let both = accord.person("Both").await;
    accord.join(one.account, both.id, "admin");
    accord.join(other.account, both.id, "viewer");

    let mut random = 7_u32;
    let mut next = |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) % below
    };
    let owners = [admin.as_str(), &one.token, &other.token];
    let mut made: Vec<(usize, Value)> = Vec::new();
    for step in 0..60 {
        let who = next(3) as usize;
        match next(4) {
            0 => {
                let answer =
                    accord.post(owners[who], "/api/accounts", &json!({ "name": format!("Made {step}") })).await;
                assert_eq!(answer.status, 201, "{answer}");
                made.push((who, answer.json()["id"].clone()));
            }
            1 if !made.is_empty() => {
                let (who, account) = made.swap_remove(next(u32::try_from(made.len()).expect("few")) as usize);
                assert_eq!(accord.delete(owners[who], &format!("/api/accounts/{account}")).await.status, 200);
            }
            // Many at once, some of them there already, some to be moved, some to go.
            _ => {
                let mut body = serde_json::Map::new();
                for _ in 0..next(12) {
                    let account = json!({ "name": "Pushed", "id": format!("{}", next(10)) });
                    let entry = if next(3) == 0 { Value::Null } else { account };
                    body.insert(format!("external {}", next(14)), entry);
                }
                let answer = accord.patch_accounts(&portals[who], &Value::Object(body)).await;
                assert_eq!(answer.status, 200, "{answer}");
            }
        }
        let wrong = accord.store().lines(
            "SELECT name, CAST(descendants AS TEXT) FROM accounts a WHERE descendants <> (
                 WITH RECURSIVE owned(id) AS (
                     SELECT id FROM accounts WHERE owner_id = a.id
                     UNION SELECT o.id FROM owned JOIN accounts o ON o.owner_id = owned.id)
                 SELECT count(*) FROM owned)",
        );
        assert!(wrong.is_empty(), "step {step}: {wrong:?}");
        if step % 10 == 0 {
            assert_eq!(count(&admin).await, json!(accord.store().number("SELECT count(*) FROM accounts")));
            let owned = |account| format!("SELECT 1 + descendants FROM accounts WHERE id = {account}");
            assert_eq!(count(&one.token).await, json!(accord.store().number(&owned(one.account))));
            assert_eq!(count(&other.token).await, json!(accord.store().number(&owned(other.account))));
            // And an account of that person's own.
            assert_eq!(count(&both.token).await, json!(accord.store().number(&owned(one.account)) + 1));
        }
    }
}

/// A listing goes another way where there is much to list: the same is found there.
#[tokio::test]
async fn a_filter_finds_the_same_among_few_and_among_many() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    let (large, small) = (accord.person("Large").await, accord.person("Small").await);
    accord
        .store()
        .execute("UPDATE accounts SET type = 'reseller' WHERE id IN (?1, ?2)", (large.account, small.account));
    for (reseller, number) in [(&large, 2500), (&small, 250)] {
        accord.store().execute(
            "INSERT INTO accounts (owner_id, account_key, registration_id, subdomain, name, name_key, origin, created_at, updated_at)
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 - 1)
             SELECT ?1, ?1 || 'key' || i, 'r' || i, 's' || ?1 || '-' || i,
                    CASE i % 5 WHEN 0 THEN 'Ähtäri ' WHEN 1 THEN 'ÄHTÄRI ' ELSE 'Acme ' END || i,
                    CASE WHEN i % 5 < 2 THEN 'ähtäri ' ELSE 'acme ' END || i, 'portal', i, 0 FROM n",
            (reseller.account, number),
        );
    }
    accord.recount();
    let options = |filter: &str, rest: &str| {
        let url = Url::parse_with_params(&accord.url("/api/accounts"), [("$filter", filter)]).expect("an address");
        format!("/api/accounts?{}{rest}", url.query().expect("there are options"))
    };
    for (filter, among_large, among_small) in [
        ("name eq 'Acme 7'", 1, 1),
        ("'Acme 2497' eq name", 1, 0),
        ("name eq 'ACME 7'", 0, 0),
        ("tolower(name) eq 'ähtäri 11'", 1, 1),
        ("toupper(name) eq 'ÄHTÄRI 11' and status eq 'active'", 1, 1),
        ("startswith(name,'Ähtäri 2')", 2 + 20 + 100, 2 + 10),
        ("startswith(tolower(name),'ähtäri 11')", 1 + 4 + 40, 1 + 4),
        ("startswith(name,'')", 2500 + 1, 250 + 1),
        ("name in ('Acme 7','ÄHTÄRI 11','Acme 12','Large','Small')", 4, 4),
        ("name in ('Acme 7',null)", 1, 1),
        ("registrationId eq 'r7'", 1, 1),
        ("registrationId eq 'R7'", 0, 0),
        ("registrationId in ('r7','r2499','r8') and contains(name,'7')", 1, 1),
        ("name eq 'Acme 7' or name eq 'Acme 8'", 2, 2),
        ("not (name eq 'Acme 7')", 2500, 250),
        ("name ne 'Acme 7' and contains(name,'249')", 13, 1),
        ("contains(name,'7') and name eq 'Acme 7' and registrationId eq 'r7'", 1, 1),
    ] {
        let mut found = Vec::new();
        for token in [&large.token, &small.token, &admin] {
            let first = accord.get(token, &options(filter, "&$top=3&$orderby=createdAt%20desc")).await.json();
            let count = first["count"].as_i64().unwrap_or_else(|| panic!("{filter}: {first}"));
            let mut listed = first["value"].as_array().expect("accounts").len();
            let mut next = first["@odata.nextLink"].as_str().map(str::to_owned);
            for _ in 0..4 {
                let Some(link) = next else { break };
                let (_, path) = link.split_once("/api/").expect("a link to this API");
                let page = accord.get(token, &format!("/api/{path}")).await.json();
                listed += page["value"].as_array().expect("accounts").len();
                next = page["@odata.nextLink"].as_str().map(str::to_owned);
            }
            assert_eq!(i64::try_from(listed).expect("few"), count.min(15), "{filter}");
            found.push(count);
        }
        // The operator's admin sees both, and the operator account.
        let operator = i64::from(["not (name eq 'Acme 7')", "startswith(name,'')"].contains(&filter));
        assert_eq!(found, [among_large, among_small, among_large + among_small + operator], "{filter}");
    }
    let by_subdomain = options(&format!("subdomain eq 's{}-7'", large.account), "&$select=name");
    for (token, expected) in [(&large.token, 1), (&admin, 1), (&small.token, 0)] {
        assert_eq!(accord.get(token, &by_subdomain).await.json()["count"], expected);
    }
}

#[tokio::test]
async fn a_deleted_account_leaves_its_users() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    assert_eq!(accord.delete(&owner.token, &path(owner.account)).await.status, 200);
    assert_eq!(accord.get(&owner.token, &path(owner.account)).await.status, 404);
    // The user can sign in, to no account, and make another.
    let token = accord.user_token(&owner.email, accord_tests::PASSWORD, None).await;
    assert_eq!(accord.get(&token, "/api/accounts").await.json(), json!({ "value": [], "count": 0 }));
    assert_eq!(accord.post(&token, "/api/accounts", &json!({ "name": "Acme" })).await.status, 201);
    let admin = accord.admin().await;
    let operator = accord.get(&admin, "/api/accounts/Operator").await.json()["id"].as_i64().expect("an id");
    assert_eq!(accord.delete(&admin, &path(operator)).await.status, 409);
}

#[tokio::test]
async fn who_manages_does_not_decide_who_owns() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let manager = accord.person("Other").await;
    accord.join(owner.account, manager.id, "manage");
    for (who, roles) in [(manager.id, json!(["owner"])), (owner.id, json!(["user"]))] {
        let refused = accord.put(&manager.token, &member(owner.account, who), &json!({ "roles": roles })).await;
        assert_eq!(refused.status, 403, "{refused}");
    }
    assert_eq!(accord.delete(&manager.token, &member(owner.account, owner.id)).await.status, 403);
}

async fn expect(accord: &Accord, person: &Person, query: &[(&str, &str)], expected: &[&str]) {
    let url = Url::parse_with_params(&accord.url("/api/accounts"), query).expect("an address");
    let path = format!("/api/accounts?{}", url.query().expect("there are options"));
    let listed = accord.get(&person.token, &path).await;
    assert_eq!(listed.status, 200, "{query:?}: {listed}");
    let value = listed.json()["value"].as_array().expect("accounts").clone();
    let names: Vec<_> = value.iter().map(|account| account["name"].as_str().expect("a name")).collect();
    assert_eq!(names, expected, "{query:?}");
}

#[tokio::test]
async fn a_listing_is_filtered_ordered_searched_and_cut() {
    let accord = Accord::start().await;
    let person = accord.person("100% Pure_Oil").await;
    for (name, description) in
        [("'; DROP TABLE accounts; --", Some("injected")), ("100 Pure Oil", None), ("ÄHTÄRI Oy", Some("in Finland"))]
    {
        let new = json!({ "name": name, "description": description });
        assert_eq!(accord.post(&person.token, "/api/accounts", &new).await.status, 201);
    }
    for (query, expected) in [
        (&[("$filter", "name eq '''; DROP TABLE accounts; --'")][..], &["'; DROP TABLE accounts; --"][..]),
        (&[("$filter", "contains(name,'%')")], &["100% Pure_Oil"]),
        (&[("$filter", "contains(name,'_')")], &["100% Pure_Oil"]),
        (&[("$filter", "tolower(name) eq 'ähtäri oy'")], &["ÄHTÄRI Oy"]),
        (&[("$filter", "description eq null"), ("$orderby", "name")], &["100 Pure Oil", "100% Pure_Oil"]),
        (
            &[("$filter", "status eq 'active' and not startswith(name,'1')"), ("$orderby", "name desc")],
            &["ÄHTÄRI Oy", "'; DROP TABLE accounts; --"],
        ),
        (&[("$filter", "createdAt lt 2020-01-01")], &[]),
        (&[("$filter", "createdAt gt 2020-01-01T00:00:00Z"), ("$top", "1")], &["100% Pure_Oil"]),
        (&[("$search", "pure NOT pure_oil")], &["100 Pure Oil"]),
        (&[("$search", "FINLAND")], &["ÄHTÄRI Oy"]),
        (&[("$skip", "2"), ("$top", "1")], &["100 Pure Oil"]),
        (&[("$top", "0")], &[]),
    ] {
        expect(&accord, &person, query, expected).await;
    }
    let selected = "/api/accounts?$select=name,accountKey,country&$top=1&$count=true&$filter=country%20ne%20null";
    let selected = accord.get(&person.token, selected).await.json();
    assert_eq!(selected["value"][0].as_object().map(serde_json::Map::len), Some(3));
    assert_eq!((&selected["count"], &selected["@odata.count"]), (&json!(1), &json!(1)));
    assert_eq!(accord.store().number("SELECT count(*) FROM accounts"), 5);
}

#[tokio::test]
async fn ten_thousand_accounts_come_once_each_while_others_come_and_go() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    let store = accord.store();
    store.execute(
        "INSERT INTO accounts (owner_id, account_key, name, name_key, origin, created_at, updated_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         SELECT (SELECT id FROM accounts WHERE owner_id IS NULL), 'key' || i, 'Stays ' || (i % 100), 'stays ' || (i % 100),
                'portal', i / 10, 0 FROM n",
        (),
    );
    for order in ["id", "name desc,createdAt"] {
        let mut seen: Vec<Value> = Vec::new();
        let mut next = Some(format!("/api/accounts?$top=500&$orderby={}", order.replace(' ', "%20")));
        let mut page = 0;
        while let Some(link) = next {
            let listed = accord.get(&admin, &link).await.json();
            seen.extend(listed["value"].as_array().expect("accounts").iter().cloned());
            next = listed["@odata.nextLink"].as_str().map(|link| {
                let (_, path) = link.split_once("/api/").expect("a link to this API");
                format!("/api/{path}")
            });
            page += 1;
            // Others come before and after where the listing is, and go again.
            for (name, key) in [("Aaa", "aaa"), ("Comes", "comes"), ("Zzz", "zzz")] {
                store.execute(
                    "INSERT INTO accounts (owner_id, account_key, name, name_key, origin, created_at, updated_at)
                     SELECT id, ?1, ?2, ?3, 'portal', 0, 0 FROM accounts WHERE owner_id IS NULL",
                    (format!("{order}{name}{page}"), name, key),
                );
            }
            if page % 3 == 0 {
                store.execute("DELETE FROM accounts WHERE name IN ('Aaa', 'Comes', 'Zzz')", ());
            }
        }
        let mut ids: Vec<_> = seen
            .iter()
            .filter(|account| account["name"].as_str().expect("a name").starts_with("Stays"))
            .map(|account| account["id"].as_i64().expect("an id"))
            .collect();
        assert_eq!(ids.len(), 10_000, "{order}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 10_000, "{order}");
    }
}

#[tokio::test]
async fn a_connectors_token_is_a_role_and_a_users_token_is_no_connector() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let refused = accord.patch_accounts(&person.token, &json!({ "a": null })).await;
    assert_eq!(refused.status, 403, "{refused}");
    let bootstrap = accord.token().await;
    assert_eq!(accord.get(&bootstrap, &path(person.account)).await.status, 200, "{CLIENT_ID} is the operator's");
}
