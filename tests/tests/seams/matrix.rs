//! Whose word counts about what: every fact of a member and of an account, every caller, and every door that reaches the fact.
//!
//! A cell is a real call: the status of the answer, and `!` if the fact is another one afterwards.

use accord_tests::accounts::{PASSWORD, Person, member, path};
use accord_tests::administration::Administrator;
use accord_tests::endpoint::RECORD;
use accord_tests::{Accord, Answer, Options, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

/// The account that the facts are of, its owner, a member whose facts are asked for, and a connector.
struct World {
    accord: Accord,
    account: i64,
    key: String,
    owner: Person,
    member: Person,
    connector: i64,
}

/// Somebody who calls: by a token, and at the administration API by a name and a password.
struct Caller {
    name: &'static str,
    token: String,
    basic: (String, String),
    /// The caller's own account.
    own: i64,
}

const SCOPES: [&str; 5] =
    ["portal:write", "AccessUser:Create", "AccessUser:Update", "accounts:manage", "accounts:read"];

impl World {
    async fn make() -> Self {
        let unlimited = Options::default().variable("signup_limit", &0).variable("failed_sign_in_limit", &1_000_000);
        let accord = Accord::start_with(unlimited).await;
        let owner = accord.person("Home").await;
        let member = accord.person("Own of the member").await;
        accord.join(owner.account, member.id, "user").await;
        accord.user_token(&member.email, PASSWORD, Some(owner.account)).await;
        let connector =
            accord.make_connector(&owner.token, &json!({ "name": "Of the owner", "scopes": SCOPES })).await.id;
        let key =
            accord.store().lines(&format!("SELECT account_key FROM accounts WHERE id = {}", owner.account)).remove(0);
        Self { accord, account: owner.account, key, owner, member, connector }
    }

    fn person(name: &'static str, person: Person) -> Caller {
        Caller { name, basic: (person.email, PASSWORD.to_owned()), own: person.account, token: person.token }
    }

    async fn connector(&self, name: &'static str, by: &str, account: i64, rank: &str) -> Caller {
        let body = json!({ "name": name, "accountId": account, "scopes": SCOPES, "rank": rank });
        let made = self.accord.make_connector(by, &body).await;
        let token = self.accord.token_of(&made.client_id, &made.secret).await;
        Caller { name, token, basic: (made.client_id, made.secret), own: account }
    }

    async fn callers(&self) -> Vec<Caller> {
        let accord = &self.accord;
        let nobody = Caller { name: "nobody", token: "none".to_owned(), basic: <_>::default(), own: 0 };
        let mut callers = vec![nobody, Self::person("stranger", accord.person("Strange").await)];
        callers.push(Self::person("confined", accord.confined("Confined").await));
        for (name, role) in
            [("viewer", "viewer"), ("user", "user"), ("manage", "manage"), ("admin", "admin"), ("owner", "owner")]
        {
            let person = accord.person(&format!("Own of {role}")).await;
            accord.join(self.account, person.id, role).await;
            accord.user_token(&person.email, PASSWORD, Some(self.account)).await;
            callers.push(Self::person(name, person));
        }
        let admin = accord.admin().await;
        let basic = (accord_tests::ADMIN_EMAIL.to_owned(), accord_tests::ADMIN_PASSWORD.to_owned());
        callers.push(Caller { name: "above", token: admin.clone(), basic, own: 1 });
        callers.push(self.connector("connector, manage", &self.owner.token, self.account, "manage").await);
        callers.push(self.connector("connector, owner", &self.owner.token, self.account, "owner").await);
        callers.push(self.connector("connector above", &admin, 1, "owner").await);
        let sibling = accord.person("Sibling").await;
        callers.push(self.connector("sibling's connector", &sibling.token, sibling.account, "owner").await);
        let suspended = accord.person("Suspended").await;
        let status = json!({ "status": "inactive" });
        assert_eq!(accord.put(&admin, &path(suspended.account), &status).await.status, 200);
        callers.push(Self::person("of a suspended account", suspended));
        callers
    }

    /// How the fact stands: texts that the directory has of it.
    fn fact(&self, fact: &str) -> Vec<String> {
        let (account, person) = (self.account, self.member.id);
        self.accord.store().lines(&match fact {
            "sign-in" => format!(
                "SELECT p.password_hash, group_concat(d.key || d.proved_at || coalesce(d.retired_at, '')) FROM people p
                   JOIN addresses d ON d.person_id = p.id WHERE p.id = {person}"
            ),
            "names" => format!("SELECT name, first_name, last_name FROM people WHERE id = {person}"),
            "membership" => format!(
                "SELECT m.status, (SELECT group_concat(g.door || g.role) FROM grants g
                                    WHERE g.account_id = m.account_id AND g.person_id = m.person_id)
                   FROM memberships m WHERE m.account_id = {account} AND m.person_id = {person}"
            ),
            "members" => format!("SELECT CAST(count(*) AS TEXT) FROM memberships WHERE account_id = {account}"),
            "account" => format!("SELECT name, description, status, email_admin FROM accounts WHERE id = {account}"),
            "connector" => {
                format!("SELECT status, CAST(secret_version AS TEXT) FROM connectors WHERE id = {}", self.connector)
            }
            "connectors" => format!("SELECT CAST(count(*) AS TEXT) FROM connectors WHERE account_id = {account}"),
            "records" => format!("SELECT CAST(count(*) AS TEXT) FROM records WHERE account_id = {account}"),
            other => panic!("{other} is no fact"),
        })
    }

    /// Makes good what a cell has changed.
    async fn restore(&self, fact: &str) {
        let accord = &self.accord;
        let admin = accord.admin().await;
        let here = member(self.account, self.member.id);
        match fact {
            "membership" => {
                let roles = json!({ "roles": ["user"], "status": "active" });
                if accord.put(&admin, &here, &roles).await.status == 404 {
                    accord.post(&admin, &here, &json!({ "roles": ["user"] })).await;
                }
            }
            "account" => {
                let active = json!({ "status": "active", "name": "Home" });
                assert_eq!(accord.put(&admin, &path(self.account), &active).await.status, 200);
            }
            "connector" => {
                accord.store().execute("UPDATE connectors SET status = 'active' WHERE id = ?", [self.connector]);
            }
            _ => {}
        }
    }

    /// One call of a caller through a door.
    async fn call(&self, door: &str, caller: &Caller, number: usize) -> Answer {
        let accord = &self.accord;
        let (token, member_here) = (&caller.token, member(self.account, self.member.id));
        let email = &self.member.email;
        match door {
            "PUT /api/me" => accord.put(token, "/api/me", &json!({ "firstName": format!("F{number}") })).await,
            "POST /api/me/email" => {
                accord.post(token, "/api/me/email", &json!({ "email": email, "password": PASSWORD })).await
            }
            "POST password/change" => {
                let change = json!({ "currentPassword": "guessed", "password": "another_password_456" });
                accord.post(token, "/api/me/password", &change).await
            }
            "PATCH Account, Email of the member" => {
                let record = json!({ "Username": "of-the-member", "Email": email, "FirstName": format!("F{number}") });
                accord.patch(token, RECORD, &record).await
            }
            "PATCH Account, Is_Active" => {
                let record = json!({ "Username": "of-the-member", "Email": email, "Is_Active": false });
                accord.patch(token, RECORD, &record).await
            }
            "PATCH users, the address" => accord.patch_users(token, &json!({ "u": { "email": email } })).await,
            "PATCH users, null" => accord.patch_users(token, &json!({ "u": null })).await,
            "create_account, email_admin" => {
                let key = format!("SELECT account_key FROM accounts WHERE id = {}", caller.own);
                let key = accord.store().lines(&key).pop().unwrap_or_default();
                let body = json!({ "name": "Made", "subdomain": format!("made-{number}"), "email_admin": email,
                                   "password": "chosen by somebody else" });
                self.administer(caller, &key, &body).await
            }
            "update_account" => {
                let key = accord.store().lines("SELECT account_key FROM accounts WHERE id = 1").remove(0);
                let body = json!({ "action": "update_account", "account_key": self.key, "active": "0" });
                self.administer(caller, &key, &body).await
            }
            "POST …/users" => {
                let invited = json!({ "email": format!("new-{number}@example.com"), "roles": ["user"] });
                accord.post(token, &format!("{}/users", path(self.account)), &invited).await
            }
            "PUT …/users/{userId}, admin" => accord.put(token, &member_here, &json!({ "roles": ["admin"] })).await,
            "PUT …/users/{userId}, inactive" => {
                accord.put(token, &member_here, &json!({ "status": "inactive" })).await
            }
            "DELETE …/users/{userId}" => accord.delete(token, &member_here).await,
            "PUT /api/accounts/{id}, name" => {
                accord.put(token, &path(self.account), &json!({ "name": format!("Home {number}") })).await
            }
            "PUT /api/accounts/{id}, inactive" => {
                accord.put(token, &path(self.account), &json!({ "status": "inactive" })).await
            }
            "POST connectors, rank owner" => {
                let body = json!({ "name": "C", "accountId": self.account, "rank": "owner" });
                accord.post(token, "/api/connectors", &body).await
            }
            "POST connectors/{id}/secret" => {
                accord.post(token, &format!("/api/connectors/{}/secret", self.connector), &json!({})).await
            }
            "POST connectors/{id}/disconnect" => {
                accord.post(token, &format!("/api/connectors/{}/disconnect", self.connector), &json!({})).await
            }
            other => panic!("{other} is no door"),
        }
    }

    async fn administer(&self, caller: &Caller, key: &str, body: &serde_json::Value) -> Answer {
        let administrator = Administrator {
            name: caller.basic.0.clone(),
            password: caller.basic.1.clone(),
            account_key: key.to_owned(),
            account: caller.own,
        };
        answer(self.accord.as_administrator(&administrator, Method::POST, "").json(body)).await
    }
}

#[tokio::test]
async fn whose_word_counts_about_what() {
    let world = World::make().await;
    let callers = world.callers().await;
    let cells = [
        ("sign-in", "POST /api/me/email"),
        ("sign-in", "POST password/change"),
        ("sign-in", "PATCH Account, Email of the member"),
        ("sign-in", "PATCH users, the address"),
        ("sign-in", "create_account, email_admin"),
        ("sign-in", "PUT …/users/{userId}, admin"),
        ("names", "PUT /api/me"),
        ("names", "PATCH Account, Email of the member"),
        ("membership", "PUT …/users/{userId}, admin"),
        ("membership", "PUT …/users/{userId}, inactive"),
        ("membership", "DELETE …/users/{userId}"),
        ("membership", "PATCH Account, Is_Active"),
        ("membership", "PATCH users, null"),
        ("members", "POST …/users"),
        ("account", "PUT /api/accounts/{id}, name"),
        ("account", "PUT /api/accounts/{id}, inactive"),
        ("account", "update_account"),
        ("connector", "POST connectors/{id}/secret"),
        ("connector", "POST connectors/{id}/disconnect"),
        ("connectors", "POST connectors, rank owner"),
        ("records", "PATCH Account, Email of the member"),
    ];
    let head: Vec<_> = callers.iter().map(|caller| caller.name).collect();
    let mut table = vec![format!("fact, door | {}", head.join(" | "))];
    let mut number = 0;
    for (fact, door) in cells {
        let mut row = Vec::new();
        for caller in &callers {
            number += 1;
            if fact == "records" {
                world.accord.store().execute("DELETE FROM records", ());
            }
            let before = world.fact(fact);
            let answer = world.call(door, caller, number).await;
            let changed = world.fact(fact) != before;
            row.push(format!("{}{}", answer.status, if changed { "!" } else { "" }));
            if changed {
                world.restore(fact).await;
            }
            if door.starts_with("PUT …/users") {
                world.restore("membership").await;
            }
            // Whatever was called: the member signs in as before.
            let signed_in =
                world.accord.sign_in(&world.member.email, PASSWORD, Some(&world.member.account.to_string())).await;
            assert_eq!(signed_in.status, 200, "{fact}, {door}, {}: {signed_in}", caller.name);
        }
        table.push(format!("{fact}, {door} | {}", row.join(" | ")));
    }
    assert_eq!(world.accord.store().contradictions(), [""; 0]);
    assert_snapshot!("whose_word_counts", table.join("\n"));
}
