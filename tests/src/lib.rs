//! What the black-box tests have in common: a running Accord, its clients, and answers to look at.
//!
//! Every test has a server of its own, on a free port and with a state directory that goes when the test ends. The
//! server is the embedded host; with `ACCORD_RUNTIME=spin` it is `spin up`, and everything else is the same.

mod administration;
mod people;
mod relay;
mod server;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::Regex;
use reqwest::{Method, RequestBuilder, Response};
use rusqlite::{Connection, Params, Row};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub use administration::Administrator;
pub use people::{PASSWORD, Person};
pub use relay::Relay;
pub use server::{Options, on_spin};

/// The `client_id` of the connector of the first start. It holds every scope.
pub const CLIENT_ID: &str = "bootstrap";
/// Its secret.
pub const CLIENT_SECRET: &str = "bootstrap-secret-of-the-tests-0123456789";
/// The e-mail address of the admin user.
pub const ADMIN_EMAIL: &str = "admin@example.com";
/// The admin's password.
pub const ADMIN_PASSWORD: &str = "correct horse battery staple";

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace").to_owned()
}

/// A running Accord.
pub struct Accord {
    server: server::Server,
    http: reqwest::Client,
}

impl Accord {
    /// Starts Accord as `spin.toml` has it.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts Accord with options of the test.
    pub async fn start_with(options: Options) -> Self {
        Self { server: server::Server::start(options).await, http: reqwest::Client::new() }
    }

    /// Kills the server as a power cut would, and starts it again on the same state. Needs [`Options::process`].
    pub async fn kill_and_restart(&mut self) {
        self.server.kill_and_restart().await;
    }

    /// Kills the server as a power cut would. Needs [`Options::process`].
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    /// A request without credentials.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// A `PATCH` with a JSON body.
    pub fn patch(&self, path: &str, token: &str, body: &Value) -> RequestBuilder {
        self.request(Method::PATCH, path).bearer_auth(token).json(body)
    }

    /// Sends a `PATCH` of accounts, as a portal connector does.
    pub async fn patch_accounts(&self, token: &str, body: &Value) -> Answer {
        answer(self.patch(ACCOUNTS, token, body)).await
    }

    /// An access token of the connector of the first start, for all of its scopes.
    pub async fn token(&self) -> String {
        self.token_of(CLIENT_ID, CLIENT_SECRET).await
    }

    /// An access token of a connector, for all of its scopes.
    pub async fn token_of(&self, client_id: &str, secret: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", secret)];
        let answer = answer(self.request(Method::POST, "/oauth/token").form(&form)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["access_token"].as_str().expect("an access token").to_owned()
    }

    /// The database of the directory, to look at what no API shows and to prepare what none makes.
    pub fn store(&self) -> Store {
        let store = Connection::open(self.server.state_dir().join("sqlite_db.db")).expect("the store opens");
        store.busy_timeout(std::time::Duration::from_secs(10)).expect("a timeout can be set");
        Store(store)
    }

    /// A connector of the operator account with these scopes, and a token of it.
    pub async fn connector(&self, client_id: &str, scopes: &str) -> String {
        // The first token makes the operator account.
        self.token().await;
        let secret = format!("the secret of {client_id}, which is a long one");
        let hash = format!("$sha256${}", URL_SAFE_NO_PAD.encode(Sha256::digest(&secret)));
        self.store().execute(
            "INSERT INTO connectors (account_id, client_id, secret_hash, scopes, name, created_at, updated_at)
             SELECT id, ?1, ?2, ?3, ?1, 0, 0 FROM accounts WHERE owner_id IS NULL",
            (client_id, hash, scopes),
        );
        self.token_of(client_id, &secret).await
    }

    /// A signing key's private JWK, from the key-value store.
    pub fn private_jwk(&self, kid: &str) -> String {
        let store = Connection::open(self.server.state_dir().join("sqlite_key_value.db")).expect("the store opens");
        let statement = "SELECT value FROM spin_key_value WHERE key = ?";
        let jwk: Vec<u8> = store
            .query_row(statement, [format!("signing-key/{kid}")], |row| row.get(0))
            .expect("the private key is in the store");
        String::from_utf8(jwk).expect("a JWK is text")
    }

    /// Empties the key-value store, as a restore from a backup without it would.
    pub fn lose_keys(&self) {
        let store = Connection::open(self.server.state_dir().join("sqlite_key_value.db")).expect("the store opens");
        store.execute("DELETE FROM spin_key_value", []).expect("the statement runs");
    }

    /// Every SQL statement that components have run. Only the embedded host tells.
    pub fn statements(&self) -> Vec<String> {
        self.server.statements()
    }
}

/// The portal's accounts.
pub const ACCOUNTS: &str = "/api/integrations/v1/accounts";
/// The portal's users.
pub const USERS: &str = "/api/integrations/v1/users";

/// The database of the directory.
pub struct Store(Connection);

impl Store {
    /// Runs a statement.
    pub fn execute(&self, sql: &str, parameters: impl Params) -> usize {
        self.0.execute(sql, parameters).expect("the statement runs")
    }

    /// Whether the database refuses a statement.
    pub fn refuses(&self, sql: &str) -> bool {
        self.0.execute(sql, []).is_err()
    }

    /// A number.
    pub fn number(&self, sql: &str) -> i64 {
        self.0.query_row(sql, [], |row| row.get(0)).expect("the query answers with a number")
    }

    /// Rows of text, a line each, with a bar between the columns.
    pub fn lines(&self, sql: &str) -> Vec<String> {
        let mut statement = self.0.prepare(sql).expect("the query is valid");
        let columns = statement.column_count();
        let line = |row: &Row<'_>| -> rusqlite::Result<String> {
            let column = |index| row.get::<_, Option<String>>(index).map(|text| text.unwrap_or_else(|| "-".to_owned()));
            Ok((0..columns).map(column).collect::<rusqlite::Result<Vec<_>>>()?.join(" | "))
        };
        let lines = statement.query_map([], line).expect("the query runs");
        lines.collect::<rusqlite::Result<_>>().expect("the columns are text")
    }

    /// What SQLite would do for a statement, a line per step.
    pub fn plan(&self, sql: &str) -> Vec<String> {
        let mut statement = self.0.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("the statement is valid");
        let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(nothing), |row| row.get(3)).expect("it explains");
        steps.collect::<rusqlite::Result<_>>().expect("a plan is text")
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Name and value of each header, in order of the names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request and reads its answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    read(request.send().await.expect("the server answers")).await
}

/// Reads an answer.
pub async fn read(response: Response) -> Answer {
    let status = response.status().as_u16();
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let mut headers: Vec<_> = response.headers().iter().map(header).collect();
    headers.sort();
    Answer { status, headers, body: response.text().await.expect("the body is text") }
}

/// The whole answer as text, for a snapshot: what differs from run to run is named instead.
impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = format!("{}\n", self.status);
        // Of the transport, not of the API.
        let transport = ["connection", "content-length", "date", "transfer-encoding"];
        for (name, value) in self.headers.iter().filter(|(name, _)| !transport.contains(&name.as_str())) {
            writeln!(text, "{name}: {value}")?;
        }
        match serde_json::from_str::<Value>(&self.body) {
            Ok(json) => writeln!(text, "\n{json:#}")?,
            Err(_) if self.body.is_empty() => {}
            Err(_) => writeln!(text, "\n{}", self.body)?,
        }
        f.write_str(&redact(&text))
    }
}

/// Names what differs from run to run.
fn redact(text: &str) -> String {
    static VOLATILE: LazyLock<[(Regex, &str); 6]> = LazyLock::new(|| {
        let regex = |pattern| Regex::new(pattern).expect("the pattern is valid");
        [
            (regex(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"), "[token]"),
            (regex(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "[uuid]"),
            (regex(r"\b[A-Za-z0-9_-]{43}\b"), "[256 bits]"),
            (regex(r"\b[0-9a-f]{14}\.\d{8}\b"), "[account key]"),
            (regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "[time]"),
            (regex(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "[UTC time]"),
        ]
    });
    VOLATILE.iter().fold(text.to_owned(), |text, (pattern, name)| pattern.replace_all(&text, *name).into_owned())
}
