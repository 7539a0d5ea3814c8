//! What the host promises to components and to clients, seen through a component that does what the path says.

mod clients;
mod clock;
mod grants;
mod instances;
mod key_value;
mod log;
mod metrics;
mod requests;
mod sqlite;

use accord::{Config, Limits, Server};
use reqwest::StatusCode;
use std::path::Path;
use std::sync::LazyLock;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/probe/spin.toml");

struct Probe {
    server: Server,
    client: reqwest::Client,
    state: tempfile::TempDir,
}

impl Probe {
    async fn start(change: impl FnOnce(&mut Config)) -> Self {
        build().await;
        let state = tempfile::tempdir().unwrap();
        let mut config = Config::new(MANIFEST, state.path().join("state"));
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        Self { server, client: reqwest::Client::new(), state }
    }

    async fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
        Self::start(|config| change(&mut config.limits)).await
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = self.client.get(self.server.url() + path).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Runs the statements on one connection and gives the last one's rows.
    async fn sql(&self, statements: &[&str]) -> Result<String, String> {
        let request = self.client.post(self.server.url() + "/sql").body(statements.join("\n"));
        let response = request.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        if status == StatusCode::OK { Ok(text) } else { Err(text) }
    }

    /// The first line of the answer to `request`, sent as it stands.
    async fn raw(&self, request: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(self.server.addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut line = String::new();
        tokio::io::BufReader::new(stream).read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }
}

/// Builds the component, once.
async fn build() {
    static BUILT: LazyLock<()> = LazyLock::new(|| accord::build(Path::new(MANIFEST)).unwrap());
    tokio::task::spawn_blocking(|| *BUILT).await.unwrap();
}

fn ok(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

fn refused(text: &str) -> (u16, String) {
    (400, text.to_owned())
}
