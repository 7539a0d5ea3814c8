//! People: they sign up, sign in and call.

use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{ADMIN_EMAIL, ADMIN_PASSWORD, Accord, Answer, answer};

/// The password of everybody who signs up in a test.
pub const PASSWORD: &str = "secure_password_123";

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

impl Accord {
    /// Somebody new, with an account of this name.
    pub async fn person(&self, account: &str) -> Person {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let email = format!("person{}@example.com", COUNT.fetch_add(1, Ordering::Relaxed));
        let signed_up = self.sign_up(&email, account).await;
        assert_eq!(signed_up.status, 201, "{signed_up}");
        let (id, account) = (&signed_up.json()["id"], &signed_up.json()["accountId"]);
        let (id, account) = (id.as_i64().expect("an id"), account.as_i64().expect("an id"));
        let token = self.user_token(&email, PASSWORD, Some(account)).await;
        Person { id, email, account, token }
    }

    /// Signs up. The first token makes the operator account, which owns the new one.
    pub async fn sign_up(&self, email: &str, account: &str) -> Answer {
        self.token().await;
        let body = json!({ "email": email, "password": PASSWORD, "firstName": "John", "lastName": "Doe",
                           "accountName": account, "country": "US" });
        answer(self.request(Method::POST, "/api/accounts/signup").json(&body)).await
    }

    /// Asks for a token as a user.
    pub async fn sign_in(&self, email: &str, password: &str, account: Option<&str>) -> Answer {
        let mut form = vec![("grant_type", "password"), ("username", email), ("password", password)];
        form.extend(account.map(|account| ("account", account)));
        answer(self.request(Method::POST, "/oauth/token").form(&form)).await
    }

    /// An access token of a user.
    pub async fn user_token(&self, email: &str, password: &str, account: Option<i64>) -> String {
        let account = account.map(|account| account.to_string());
        let answer = self.sign_in(email, password, account.as_deref()).await;
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()["access_token"].as_str().expect("an access token").to_owned()
    }

    /// An access token of the operator's admin.
    pub async fn admin(&self) -> String {
        self.user_token(ADMIN_EMAIL, ADMIN_PASSWORD, None).await
    }

    /// A request with a token.
    pub fn as_user(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(token)
    }

    /// `GET` with a token.
    pub async fn get(&self, token: &str, path: &str) -> Answer {
        answer(self.as_user(Method::GET, path, token)).await
    }

    /// `POST` of JSON with a token.
    pub async fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        answer(self.as_user(Method::POST, path, token).json(body)).await
    }

    /// `PUT` of JSON with a token.
    pub async fn put(&self, token: &str, path: &str, body: &Value) -> Answer {
        answer(self.as_user(Method::PUT, path, token).json(body)).await
    }

    /// `DELETE` with a token.
    pub async fn delete(&self, token: &str, path: &str) -> Answer {
        answer(self.as_user(Method::DELETE, path, token)).await
    }

    /// Has the accounts count again what they own, after a test has moved or made some by itself.
    pub fn recount(&self) {
        let migration = std::fs::read_to_string(crate::root().join("components/core/migrations/0003_growth.sql"));
        let migration = migration.expect("the migration is there");
        let update = migration.split(";\n").find(|statement| statement.contains("UPDATE accounts SET descendants"));
        let store = self.store();
        store.execute("UPDATE accounts SET descendants = 0", ());
        store.execute(update.expect("it counts what there is"), ());
    }

    /// Makes a user a member with one role, as the accounts API would.
    pub fn join(&self, account: i64, user: i64, role: &str) {
        let store = self.store();
        store.execute(
            "INSERT INTO memberships (account_id, user_id, status, origin, created_at, updated_at)
             VALUES (?1, ?2, 'active', 'accounts', 0, 0) ON CONFLICT DO NOTHING",
            (account, user),
        );
        store.execute("DELETE FROM membership_roles WHERE account_id = ?1 AND user_id = ?2", (account, user));
        store.execute(
            "INSERT INTO membership_roles (account_id, user_id, role) VALUES (?1, ?2, ?3)",
            (account, user, role),
        );
    }
}
