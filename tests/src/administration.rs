//! The administration API: administrators, who make accounts and look at connections.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{ADMIN_EMAIL, ADMIN_PASSWORD, Accord, Answer, answer};

/// The path of the administration API.
const PATH: &str = "/app/api.php";

/// Who calls the administration API, and for which account.
#[derive(Clone, Debug)]
pub struct Administrator {
    /// An e-mail address, a username or a `client_id`.
    pub name: String,
    /// The password.
    pub password: String,
    /// The account's key.
    pub account_key: String,
    /// The account's id.
    pub account: i64,
}

impl Answer {
    /// The values of a field of a list in the body, in order.
    pub fn column(&self, list: &str, field: &str) -> Vec<String> {
        let json = self.json();
        let rows = json[list].as_array().unwrap_or_else(|| panic!("{list}: {self}"));
        rows.iter().map(|row| row[field].as_str().map_or_else(|| row[field].to_string(), str::to_owned)).collect()
    }
}

impl Accord {
    /// The operator's administrator.
    pub async fn operator(&self) -> Administrator {
        self.token().await;
        self.administrator(ADMIN_EMAIL, ADMIN_PASSWORD, "owner_id IS NULL")
    }

    /// An account that an administrator makes, and its own administrator.
    pub async fn make_account(&self, owner: &Administrator, subdomain: &str, kind: &str) -> Administrator {
        let (email, password) = (format!("owner@{subdomain}.example.com"), format!("the password of {subdomain}"));
        let body = json!({ "name": subdomain, "subdomain": subdomain, "type": kind, "email_admin": email,
                           "password": password });
        let made = self.administer(owner, &body).await;
        assert_eq!(made.status, 200, "{made}");
        self.administrator(&format!("admin@{subdomain}.localhost"), &password, &format!("subdomain = '{subdomain}'"))
    }

    fn administrator(&self, name: &str, password: &str, account: &str) -> Administrator {
        let store = self.store();
        Administrator {
            name: name.to_owned(),
            password: password.to_owned(),
            account_key: store.lines(&format!("SELECT account_key FROM accounts WHERE {account}")).remove(0),
            account: store.number(&format!("SELECT id FROM accounts WHERE {account}")),
        }
    }

    /// A request of an administrator.
    pub fn as_administrator(&self, administrator: &Administrator, method: Method, query: &str) -> RequestBuilder {
        self.request(method, &format!("{PATH}{query}"))
            .basic_auth(&administrator.name, Some(&administrator.password))
            .header("Account-Key", &administrator.account_key)
    }

    /// A `POST` of an administrator.
    pub async fn administer(&self, administrator: &Administrator, body: &Value) -> Answer {
        answer(self.as_administrator(administrator, Method::POST, "").json(body)).await
    }

    /// The connections that an administrator sees; `filters` begins with `&` if there are any.
    pub async fn connections(&self, administrator: &Administrator, filters: &str) -> Answer {
        let query = format!("?action=connection_health{filters}");
        answer(self.as_administrator(administrator, Method::GET, &query)).await
    }
}
