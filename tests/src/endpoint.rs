//! The endpoint API: a connector that inserts and updates records.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Accord, Answer, answer};

/// The path of the records, which the API calls accounts.
pub const RECORD: &str = "/Endpoint/rest/api/v1/Account";

/// An Accord and a connector of it.
pub struct Endpoint {
    /// The Accord.
    pub accord: Accord,
    /// An access token of the connector.
    pub token: String,
}

impl Endpoint {
    /// Starts Accord; its connector is the one of the first start.
    pub async fn start() -> Self {
        Self::of(Accord::start().await).await
    }

    /// The connector of the first start of an Accord that runs.
    pub async fn of(accord: Accord) -> Self {
        let token = accord.token().await;
        Self { accord, token }
    }

    /// Inserts or updates a record.
    pub async fn patch(&self, body: &Value) -> Answer {
        self.send(Method::PATCH, &self.token, body).await
    }

    /// Inserts a record.
    pub async fn post(&self, body: &Value) -> Answer {
        self.send(Method::POST, &self.token, body).await
    }

    /// Sends a request with another connector's token.
    pub async fn send(&self, method: Method, token: &str, body: &Value) -> Answer {
        answer(self.accord.request_as(token, method, RECORD).json(body)).await
    }

    /// The record of a `PATCH` that must succeed.
    pub async fn record(&self, body: &Value) -> Value {
        let answer = self.patch(body).await;
        assert_eq!(answer.status, 200, "{body}: {answer}");
        answer.json()
    }

    /// The errors of a `PATCH` that must be refused as bad input.
    pub async fn errors(&self, body: &Value) -> Vec<String> {
        let answer = self.patch(body).await;
        assert_eq!(answer.status, 400, "{body}: {answer}");
        serde_json::from_value(answer.json()["Errors"].clone()).expect("a list of strings")
    }

    /// How many records there are, of all organisations.
    pub fn records(&self) -> i64 {
        self.accord.store().number("SELECT count(*) FROM records")
    }

    /// A token of a connector of another account, which the operator account owns.
    pub async fn other_tenant(&self) -> String {
        let account = json!({ "acme": { "name": "Acme Ltd.", "id": "123456-8" } });
        assert_eq!(self.accord.patch_accounts(&self.token, &account).await.status, 200);
        let account = self.accord.store().number("SELECT id FROM accounts WHERE registration_id = '123456-8'");
        let body =
            json!({ "name": "Other", "accountId": account, "scopes": ["AccessUser:Create", "AccessUser:Update"] });
        let made = self.accord.make_connector(&self.accord.admin().await, &body).await;
        self.accord.token_of(&made.client_id, &made.secret).await
    }
}

/// Every input field with a value.
pub fn full() -> Value {
    json!({
        "Name": "Jane Smith",
        "FirstName": "Jane",
        "LastName": "Smith",
        "Phone": "+358 40 123 4567",
        "PhoneVerified": true,
        "Email": "Jane.Smith@Example.com",
        "LanguageId": "fi-FI",
        "TimezoneId": "FLE Standard Time",
        "DateFormatId": "DD.MM.YYYY",
        "Username": "jane.smith",
        "ExternalId": "3ad64ab3-bd04-46c5-b1d7-c0b34be9e5b5",
        "NotifyByEmail": true,
        "NotifyBySMS": true,
        "Is_Active": true,
    })
}

/// `{name: value}` for a name that is not known beforehand.
pub fn field(name: &str, value: impl Into<Value>) -> Value {
    Value::Object([(name.to_owned(), value.into())].into_iter().collect())
}

/// One object of the fields of two. Of a field that both have, the second counts.
pub fn with(one: &Value, other: &Value) -> Value {
    let fields = [one, other].map(|value| value.as_object().expect("an object").clone());
    Value::Object(fields.into_iter().flatten().collect())
}
