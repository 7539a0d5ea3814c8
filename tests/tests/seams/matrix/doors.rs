//! The doors: each is one call, or the few that it takes to come to it, by somebody, about somebody.

use accord_tests::accounts::{ACCEPT, PASSWORD, member, path};
use accord_tests::administration::Administrator;
use accord_tests::endpoint::RECORD;
use accord_tests::oauth::TOKEN;
use accord_tests::{Answer, answer};
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{ALIKE, COMPOSED, Caller, FORGOT, Kind, SPELLINGS, Whom, World, username};

const VERIFY: &str = "/api/accounts/email/verify";
const RESET: &str = "/api/accounts/password/reset";

/// A password that is nobody's yet, and one that is nobody's at all.
const FIRST: &str = "the first password of a guest";
const GUESSED: &str = "guessed by somebody else";

/// A name that belongs to an account, and is no mailbox.
const USERNAME: &str = "admin@made.localhost";

impl World {
    /// One call of a caller through a door, about somebody.
    pub async fn call(&self, door: &str, caller: &Caller, whom: &Whom, number: usize) -> Answer {
        if door.starts_with("PATCH") {
            self.push(door, caller, whom, number).await
        } else if door.contains("/api/me") {
            self.say_of_oneself(door, caller, whom, number).await
        } else if ["create_account", "update_account", "list_accounts"].iter().any(|action| door.starts_with(action)) {
            self.administer(door, caller, whom, number).await
        } else if ["POST email", "POST invitations", "POST password"].iter().any(|mail| door.starts_with(mail)) {
            self.follow(door, caller, whom).await
        } else if ["a token", "POST token", "POST signup"].iter().any(|entry| door.starts_with(entry)) {
            self.enter(door, caller, whom).await
        } else if door.contains("users") {
            self.decide(door, caller, whom, number).await
        } else {
            self.manage(door, caller, number).await
        }
    }

    /// What connectors push: the portal and the endpoint API.
    async fn push(&self, door: &str, caller: &Caller, whom: &Whom, number: usize) -> Answer {
        let (accord, token, email) = (&self.accord, &caller.token, &whom.email);
        let external = format!("u{number}-{}", whom.id);
        let record = async |said: Value| {
            let mut record = json!({ "Username": username(email), "Email": email });
            record.as_object_mut().expect("an object").extend(said.as_object().expect("an object").clone());
            accord.patch(token, RECORD, &record).await
        };
        match door {
            "PATCH Account, Email" => record(json!({ "FirstName": format!("F{number}") })).await,
            "PATCH Account, Is_Active true" => record(json!({ "Is_Active": true })).await,
            "PATCH Account, Is_Active false" => record(json!({ "Is_Active": false })).await,
            "PATCH Account, Username" => record(json!({ "Username": "admin", "Email": null, "Is_Active": true })).await,
            "PATCH Account, Email elsewhere" => {
                let elsewhere = format!("elsewhere-{number}@example.com");
                let answer = record(json!({ "Email": elsewhere })).await;
                accord.submit(FORGOT, &json!({ "email": elsewhere })).await;
                answer
            }
            "PATCH Account, another spelling" => {
                record(json!({})).await;
                record(json!({ "Username": format!("other {number}"), "Email": SPELLINGS[1] })).await
            }
            "PATCH users, the address" => accord.patch_users(token, &json!({ external: { "email": email } })).await,
            "PATCH users, another spelling" => {
                accord.patch_users(token, &json!({ external: { "email": SPELLINGS[0] } })).await
            }
            "PATCH users, name@subdomain" => {
                accord.patch_users(token, &json!({ external: { "email": USERNAME } })).await
            }
            "PATCH users, null" => accord.patch_users(token, &json!({ external: null })).await,
            // The account is found by its registration id by whoever is above it, and made by everybody else.
            "PATCH users and bind" => {
                accord.patch_users(token, &json!({ &external: { "email": email } })).await;
                accord.patch_accounts(token, &json!({ "home": { "name": "Bound", "id": "77" } })).await;
                accord.bind(token, "77", &json!([external])).await
            }
            "PATCH accounts, nothing" => accord.patch_accounts(token, &json!({})).await,
            other => panic!("{other} is no door"),
        }
    }

    /// What people say of themselves, at `/api/me`.
    async fn say_of_oneself(&self, door: &str, caller: &Caller, whom: &Whom, number: usize) -> Answer {
        let (accord, token, password) = (&self.accord, &caller.token, &caller.basic.1);
        let move_to = async |email: &str| {
            accord.post(token, "/api/me/email", &json!({ "email": email, "password": password })).await
        };
        let here = format!("/api/me/accounts/{}", self.account);
        match door {
            "PUT /api/me" => accord.put(token, "/api/me", &json!({ "firstName": format!("F{number}") })).await,
            "POST /api/me/email, the address" => move_to(&whom.email).await,
            "POST /api/me/email, name@subdomain" => move_to(USERNAME).await,
            "POST /api/me/email, elsewhere" => {
                let elsewhere = format!("elsewhere-{number}@example.com");
                let answer = move_to(&elsewhere).await;
                accord.submit(FORGOT, &json!({ "email": elsewhere })).await;
                answer
            }
            "POST /api/me/password" => {
                let change = json!({ "currentPassword": GUESSED, "password": FIRST });
                accord.post(token, "/api/me/password", &change).await
            }
            "PUT /api/me/accounts/{id}" => accord.put(token, &here, &json!({})).await,
            "DELETE /api/me/accounts/{id}" => accord.delete(token, &here).await,
            other => panic!("{other} is no door"),
        }
    }

    /// The administration API, for the caller's own account.
    async fn administer(&self, door: &str, caller: &Caller, whom: &Whom, number: usize) -> Answer {
        let key = format!("SELECT account_key FROM accounts WHERE id = {}", caller.own);
        let account_key = self.accord.store().lines(&key).pop().unwrap_or_default();
        let (name, password) = caller.basic.clone();
        let administrator = Administrator { name, password, account_key, account: caller.own };
        let update =
            |field: &str, value: &str| json!({ "action": "update_account", "account_key": self.key, field: value });
        let body = match door {
            "create_account, email_admin" => {
                json!({ "name": "Made", "subdomain": format!("made-{number}-{}", whom.id), "email_admin": whom.email,
                        "password": "chosen by somebody else" })
            }
            "create_account, name@subdomain" => {
                json!({ "name": "Made", "subdomain": "made", "password": GUESSED })
            }
            "update_account, inactive" => update("active", "0"),
            "update_account, active" => update("active", "1"),
            "update_account, email_admin" => update("email_admin", &whom.email),
            "list_accounts" => json!({ "action": "list_accounts" }),
            other => panic!("{other} is no door"),
        };
        answer(self.accord.as_administrator(&administrator, Method::POST, "").json(&body)).await
    }

    /// What somebody does with links out of mails.
    async fn follow(&self, door: &str, caller: &Caller, whom: &Whom) -> Answer {
        let (accord, token, squat) = (&self.accord, &caller.token, &self.squat);
        let alone = |link: &str, password: &str| json!({ "token": link, "password": password });
        match door {
            "POST email/verify, a squatter's link" if caller.kind == Kind::Nobody => {
                accord.submit(VERIFY, &alone(&squat.confirmation, GUESSED)).await
            }
            "POST email/verify, a squatter's link" => {
                accord.post(token, VERIFY, &json!({ "token": squat.confirmation })).await
            }
            "POST email/verify, the link alone" => accord.submit(VERIFY, &alone(&squat.confirmation, FIRST)).await,
            "POST invitations/accept, a session alone" => {
                accord.post(token, ACCEPT, &json!({ "token": squat.invitation })).await
            }
            "POST invitations/accept, the link alone" => accord.submit(ACCEPT, &alone(&squat.invitation, FIRST)).await,
            "POST password/reset, the link alone" => accord.submit(RESET, &alone(&squat.reset, FIRST)).await,
            "POST password/forgot, the address" => accord.submit(FORGOT, &json!({ "email": whom.email })).await,
            other => panic!("{other} is no door"),
        }
    }

    /// How somebody comes in.
    async fn enter(&self, door: &str, caller: &Caller, whom: &Whom) -> Answer {
        let accord = &self.accord;
        let (name, password) = &caller.basic;
        let sign_up = async |email: &str| accord.sign_up(email, &format!("Signed up by {email}")).await;
        match door {
            "a token" if caller.kind == Kind::Connector => {
                let form = [("grant_type", "client_credentials"), ("client_id", name), ("client_secret", password)];
                answer(accord.request(Method::POST, TOKEN).form(&form)).await
            }
            "a token" => accord.sign_in(name, password, Some(&caller.own.to_string())).await,
            "a token to it" => accord.sign_in(name, password, Some(&self.account.to_string())).await,
            "POST token, a guess" => accord.sign_in(&whom.email, GUESSED, None).await,
            "POST token, another spelling" => {
                accord.sign_in(SPELLINGS[1], PASSWORD, Some(&self.account.to_string())).await
            }
            "POST token, the password composed otherwise" => accord.sign_in(COMPOSED.0, COMPOSED.2, None).await,
            "POST signup, the address" => sign_up(&whom.email).await,
            "POST signup, another spelling" => sign_up(SPELLINGS[0]).await,
            "POST signup, a look-alike" => sign_up(ALIKE).await,
            "POST signup, name@subdomain" => sign_up(USERNAME).await,
            other => panic!("{other} is no door"),
        }
    }

    /// What people of an account decide about its members, and what is seen of people.
    async fn decide(&self, door: &str, caller: &Caller, whom: &Whom, number: usize) -> Answer {
        let (accord, token) = (&self.accord, &caller.token);
        let (here, own) = (member(self.account, whom.id), member(caller.own, whom.id));
        let user = json!({ "roles": ["user"] });
        let invite = async |account: i64, email: &str| {
            let invited = json!({ "email": email, "roles": ["user"] });
            accord.post(token, &format!("{}/users", path(account)), &invited).await
        };
        match door {
            "POST …/users, an address" => invite(self.account, &format!("new-{number}@example.com")).await,
            "POST …/users, the address" => invite(self.account, &whom.email).await,
            "POST …/users, another spelling" => invite(self.account, SPELLINGS[0]).await,
            "POST own …/users, the address" => invite(caller.own, &whom.email).await,
            "POST own …/users, name@subdomain" => invite(caller.own, USERNAME).await,
            "POST …/users/{userId}" => accord.post(token, &here, &user).await,
            "POST own …/users/{userId}" => accord.post(token, &own, &user).await,
            "POST own …/users/{userId}, once asked" => {
                invite(caller.own, &whom.email).await;
                accord.post(token, &own, &user).await
            }
            "PUT …/users/{userId}, admin" => accord.put(token, &here, &json!({ "roles": ["admin"] })).await,
            "PUT …/users/{userId}, user" => accord.put(token, &here, &user).await,
            "PUT …/users/{userId}, inactive" => accord.put(token, &here, &json!({ "status": "inactive" })).await,
            "DELETE …/users/{userId}" => accord.delete(token, &here).await,
            "GET /api/users/{userId}" => accord.get(token, &format!("/api/users/{}", whom.id)).await,
            "DELETE /api/users/{userId}" => {
                let erase = accord.request_as(token, Method::DELETE, &format!("/api/users/{}", whom.id));
                let is_own = caller.basic.0 == whom.email;
                let body = if is_own { json!({ "password": caller.basic.1 }) } else { json!({}) };
                answer(erase.json(&body)).await
            }
            other => panic!("{other} is no door"),
        }
    }

    /// Accounts and connectors.
    async fn manage(&self, door: &str, caller: &Caller, number: usize) -> Answer {
        let (accord, token) = (&self.accord, &caller.token);
        let change = async |change: Value| accord.put(token, &path(self.account), &change).await;
        match door {
            "GET own account" => accord.get(token, &path(caller.own)).await,
            "PUT /api/accounts/{id}, name" => change(json!({ "name": format!("Home {number}") })).await,
            "PUT /api/accounts/{id}, inactive" => change(json!({ "status": "inactive" })).await,
            "PUT /api/accounts/{id}, active" => change(json!({ "status": "active" })).await,
            "POST own connectors" => {
                let body = json!({ "name": "C", "accountId": caller.own, "scopes": ["accounts:read"] });
                accord.post(token, "/api/connectors", &body).await
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
}
