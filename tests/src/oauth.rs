//! Tokens: who gets one, and what becomes of it.

use reqwest::{Method, RequestBuilder};
use rusqlite::Connection;
use serde_json::json;

use crate::{ADMIN_EMAIL, ADMIN_PASSWORD, Accord, Answer, CLIENT_ID, CLIENT_SECRET, answer};

/// The path of the token endpoint.
pub const TOKEN: &str = "/oauth/token";

impl Accord {
    /// An access token of the connector of the first start, for all of its scopes. The first one makes the operator
    /// account.
    pub async fn token(&self) -> String {
        self.token_of(CLIENT_ID, CLIENT_SECRET).await
    }

    /// An access token of a connector, for all of its scopes.
    pub async fn token_of(&self, client_id: &str, secret: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", secret)];
        let issued = answer(self.request(Method::POST, TOKEN).form(&form)).await;
        assert_eq!(issued.status, 200, "{issued}");
        issued.text("access_token")
    }

    /// A connector of the operator account with this name and these scopes: an access token of it.
    pub async fn connector(&self, name: &str, scopes: &str) -> String {
        let scopes: Vec<_> = scopes.split_whitespace().collect();
        let made = self.make_connector(&self.admin().await, &json!({ "name": name, "scopes": scopes })).await;
        self.token_of(&made.client_id, &made.secret).await
    }

    /// Asks for a token by a password.
    pub async fn sign_in(&self, name: &str, password: &str, account: Option<&str>) -> Answer {
        let mut form = vec![("grant_type", "password"), ("username", name), ("password", password)];
        form.extend(account.map(|account| ("account", account)));
        answer(self.request(Method::POST, TOKEN).form(&form)).await
    }

    /// An access token of somebody who signs in.
    pub async fn user_token(&self, name: &str, password: &str, account: Option<i64>) -> String {
        let account = account.map(|account| account.to_string());
        let issued = self.sign_in(name, password, account.as_deref()).await;
        assert_eq!(issued.status, 200, "{issued}");
        issued.text("access_token")
    }

    /// An access token of the operator's admin, who signs in to the operator account.
    pub async fn admin(&self) -> String {
        // The first token makes the operator account.
        self.token().await;
        let issued = self.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD, Some("Operator")).await;
        assert_eq!(issued.status, 200, "{issued}");
        issued.text("access_token")
    }

    /// Asks for a token by a refresh token.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        answer(self.request(Method::POST, TOKEN).form(&form)).await
    }

    /// A request that shows a token, without credentials.
    pub fn present(&self, path: &str, token: &str) -> RequestBuilder {
        self.request(Method::POST, path).form(&[("token", token)])
    }

    /// Revokes a token as somebody who has it and nothing else.
    pub async fn revoke(&self, token: &str) -> Answer {
        answer(self.present("/oauth/revoke", token)).await
    }

    /// Introspects a token as the connector of the first start.
    pub async fn introspect(&self, token: &str) -> Answer {
        answer(self.present("/oauth/introspect", token).basic_auth(CLIENT_ID, Some(CLIENT_SECRET))).await
    }

    /// A signing key's private JWK, from the key-value store.
    pub fn private_jwk(&self, kid: &str) -> String {
        let statement = "SELECT value FROM spin_key_value WHERE key = ?";
        let jwk: Vec<u8> = self
            .key_value_store()
            .query_row(statement, [format!("signing-key/{kid}")], |row| row.get(0))
            .expect("the private key is in the store");
        String::from_utf8(jwk).expect("a JWK is text")
    }

    /// Has the key-value store lose the keys.
    pub fn lose_keys(&self) {
        self.key_value_store()
            .execute("DELETE FROM spin_key_value WHERE key LIKE 'signing-key/%'", [])
            .expect("the statement runs");
    }

    /// Empties the key-value store, as that of another node would be.
    pub fn empty_key_value_store(&self) {
        self.key_value_store().execute("DELETE FROM spin_key_value", []).expect("the statement runs");
    }

    /// What the bootstrap connector's request for a token is answered.
    pub async fn ask_for_token(&self) -> Answer {
        let request = self.request(Method::POST, TOKEN).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
        answer(request.form(&[("grant_type", "client_credentials")])).await
    }

    /// What the store of the private keys has: name and value of each.
    pub fn kept_keys(&self) -> Vec<(String, String)> {
        let store = self.key_value_store();
        let mut statement = store
            .prepare("SELECT key, value FROM spin_key_value WHERE key LIKE 'signing-key/%' ORDER BY key")
            .expect("the query is valid");
        let text = |value: Vec<u8>| String::from_utf8(value).expect("a key is text");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, text(row.get(1)?))));
        rows.expect("the query runs").collect::<Result<_, _>>().expect("rows")
    }

    fn key_value_store(&self) -> Connection {
        Connection::open(self.server.state_dir().join("sqlite_key_value.db")).expect("the store opens")
    }
}
