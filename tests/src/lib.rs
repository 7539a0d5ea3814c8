//! What the black-box tests have in common: a running Accord, its callers, and answers to look at.
//!
//! Every test has a server of its own, on a free port and with a state directory that goes when the test ends. The
//! server is the embedded host; with `ACCORD_RUNTIME=spin` it is `spin up`, and everything else is the same.
//!
//! Each API has a module with what its tests share. Tests that look at several take from several.

pub mod accounts;
pub mod administration;
mod answer;
pub mod browser;
pub mod chromium;
mod dice;
pub mod endpoint;
pub mod npm;
pub mod oauth;
pub mod portal;
mod relay;
mod server;
mod store;
pub mod upgrade;

use std::path::{Path, PathBuf};
use std::time::Duration;

use insta::internals::SettingsBindDropGuard;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

pub use answer::{Answer, answer, read};
pub use dice::Dice;
pub use relay::Relay;
pub use server::{Options, Statement, command, skipped_on_spin};
pub use store::Store;

/// The `client_id` of the connector of the first start. It holds every scope.
pub const CLIENT_ID: &str = "bootstrap";
/// Its secret.
pub const CLIENT_SECRET: &str = "bootstrap-secret-of-the-tests-0123456789";
/// The e-mail address of the admin user.
pub const ADMIN_EMAIL: &str = "admin@example.com";
/// The admin's password.
pub const ADMIN_PASSWORD: &str = "correct horse battery staple";

/// Where clients are told to reach Accord, unless a test says otherwise.
pub const PUBLIC_URL: &str = "http://127.0.0.1:3000";

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace").to_owned()
}

/// A running Accord.
pub struct Accord {
    server: server::Server,
    http: reqwest::Client,
    /// The test's snapshots name what differs from run to run.
    _snapshots: SettingsBindDropGuard,
}

impl Accord {
    /// Starts Accord as `spin.toml` has it.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts Accord with options of the test.
    pub async fn start_with(options: Options) -> Self {
        let server = server::Server::start(options).await;
        Self { server, http: reqwest::Client::new(), _snapshots: answer::snapshots().bind_to_scope() }
    }

    /// Kills the server as a power cut would, and starts it again on the same state. Needs [`Options::process`].
    pub async fn kill_and_restart(&mut self) {
        self.server.kill_and_restart().await;
    }

    /// Stops the server and starts it again on the same state, with another value of an application variable.
    pub async fn restart_with(&mut self, name: &'static str, value: &str) {
        self.server.restart_with(name, value).await;
    }

    /// Stops the server, has `meanwhile` do something to its state directory, and starts it again on that.
    pub async fn restart_after(&mut self, meanwhile: impl FnOnce(&Path)) {
        self.server.stop().await;
        meanwhile(self.server.state_dir());
        self.server.kill_and_restart().await;
    }

    /// Has no file grow beyond so many bytes, as if the disk were full; `None` for no limit. Needs [`Options::process`].
    pub fn limit_files(&self, bytes: Option<u64>) {
        self.server.limit_files(bytes);
    }

    /// Tells the server that its terminal has closed. Needs [`Options::process`].
    pub fn hang_up(&self) {
        self.server.hang_up();
    }

    /// Kills the server as a power cut would. Needs [`Options::process`].
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Lets time pass for the components: at once on the embedded host, by waiting where nobody can set the clock. A test
    /// that needs more than seconds is [`skipped_on_spin`].
    pub async fn advance(&self, by: Duration) {
        self.server.advance(by).await;
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    /// A request without credentials.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// A request with a token.
    pub fn request_as(&self, token: &str, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(token)
    }

    /// `GET` with a token.
    pub async fn get(&self, token: &str, path: &str) -> Answer {
        answer(self.request_as(token, Method::GET, path)).await
    }

    /// `POST` of JSON with a token.
    pub async fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        answer(self.request_as(token, Method::POST, path).json(body)).await
    }

    /// `PUT` of JSON with a token.
    pub async fn put(&self, token: &str, path: &str, body: &Value) -> Answer {
        answer(self.request_as(token, Method::PUT, path).json(body)).await
    }

    /// `PATCH` of JSON with a token.
    pub async fn patch(&self, token: &str, path: &str, body: &Value) -> Answer {
        answer(self.request_as(token, Method::PATCH, path).json(body)).await
    }

    /// `DELETE` with a token.
    pub async fn delete(&self, token: &str, path: &str) -> Answer {
        answer(self.request_as(token, Method::DELETE, path)).await
    }

    /// `POST` of JSON without credentials.
    pub async fn submit(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// A file of the state directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.server.state_dir().join(name)
    }

    /// The database of the directory, to look at what no API shows and to prepare what none makes.
    pub fn store(&self) -> Store {
        Store::open(&self.server.state_dir().join("sqlite_db.db"))
    }

    /// Has a statement fail with an error of the database: the one that comes after so many others. Only on the embedded host.
    pub fn fail(&self, after: usize, error: &str) {
        self.server.fail(after, error);
    }

    /// Has no further statement fail, and tells whether one did.
    pub fn mend(&self) -> bool {
        self.server.mend()
    }

    /// Every SQL statement that components have run. Only the embedded host tells.
    pub fn statements(&self) -> Vec<Statement> {
        self.server.statements()
    }
}
