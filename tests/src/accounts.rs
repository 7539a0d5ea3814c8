//! The accounts API: people, their accounts and their connectors.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::{Accord, Answer};

/// The password of everybody who signs up in a test.
pub const PASSWORD: &str = "secure_password_123";
/// The path where an invitation is accepted.
pub const ACCEPT: &str = "/api/accounts/invitations/accept";

/// The path of an account.
pub fn path(account: i64) -> String {
    format!("/api/accounts/{account}")
}

/// The path of a member of an account.
pub fn member(account: i64, user: i64) -> String {
    format!("/api/accounts/{account}/users/{user}")
}

/// Somebody who has signed up.
#[derive(Clone, Debug)]
pub struct Person {
    /// The user's id.
    pub id: i64,
    /// The address.
    pub email: String,
    /// The account that the sign-up made, owned by this person.
    pub account: i64,
    /// An access token.
    pub token: String,
}

/// A connector, and what it signs in with.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Its id.
    pub id: i64,
    /// The name that it signs in with.
    pub client_id: String,
    /// Its secret.
    pub secret: String,
}

impl Accord {
    /// Somebody new who has proved the address, with an account of this name.
    pub async fn person(&self, account: &str) -> Person {
        let person = self.confined(account).await;
        self.prove(person.id);
        person
    }

    /// Proves the address of a sign-up, as the link of its mail would, which `api::accounts::email` tests.
    pub fn prove(&self, person: i64) {
        for statement in [
            "UPDATE people SET confined = 0 WHERE id = ?",
            "INSERT INTO addresses (key, address, person_id, proved_at)
             SELECT key, name, person_id, 1 FROM usernames WHERE person_id = ?",
            "DELETE FROM usernames WHERE person_id = ?",
        ] {
            self.store().execute(statement, [person]);
        }
    }

    /// Somebody new who has not proved the address, with an account of this name.
    pub async fn confined(&self, account: &str) -> Person {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let email = format!("person{}@example.com", COUNT.fetch_add(1, Ordering::Relaxed));
        let signed_up = self.sign_up(&email, account).await;
        assert_eq!(signed_up.status, 201, "{signed_up}");
        let (id, account) = (signed_up.number("id"), signed_up.number("accountId"));
        let token = self.user_token(&email, PASSWORD, Some(account)).await;
        Person { id, email, account, token }
    }

    /// Signs up. The first token makes the operator account, which owns the new one.
    pub async fn sign_up(&self, email: &str, account: &str) -> Answer {
        self.token().await;
        let body = json!({ "email": email, "password": PASSWORD, "firstName": "John", "lastName": "Doe",
                           "accountName": account, "country": "US" });
        self.submit("/api/accounts/signup", &body).await
    }

    /// Makes somebody known a member of an account with one role, as the operator's admin.
    pub async fn join(&self, account: i64, user: i64, role: &str) {
        let admin = self.admin().await;
        let roles = json!({ "roles": [role] });
        let mut joined = self.post(&admin, &member(account, user), &roles).await;
        if joined.status == 409 {
            joined = self.put(&admin, &member(account, user), &roles).await;
        }
        assert_eq!(joined.status, 200, "{joined}");
    }

    /// The id by which an account knows somebody who has not entered it.
    pub fn known_as(&self, account: i64, user: i64) -> i64 {
        let known = format!("SELECT known_as FROM memberships WHERE account_id = {account} AND person_id = {user}");
        self.store().number(&known)
    }

    /// Invites an address to the person's account and returns the user's id.
    pub async fn invite(&self, person: &Person, email: &str) -> i64 {
        let body = json!({ "email": email, "roles": ["manage"] });
        let invited = self.post(&person.token, &format!("{}/users", path(person.account)), &body).await;
        assert_eq!(invited.status, 201, "{invited}");
        invited.number("id")
    }

    /// Makes a connector.
    pub async fn make_connector(&self, token: &str, body: &Value) -> Connector {
        let made = self.post(token, "/api/connectors", body).await;
        assert_eq!(made.status, 201, "{made}");
        Connector { id: made.number("id"), client_id: made.text("clientId"), secret: made.text("clientSecret") }
    }
}
