//! What the host promises to components and to clients, seen through a component that does what the path says.

use accord::{Config, Limits, Server};
use reqwest::StatusCode;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/probe/spin.toml");

struct Probe {
    server: Server,
    client: reqwest::Client,
    _state: tempfile::TempDir,
}

impl Probe {
    async fn start(change: impl FnOnce(&mut Config)) -> Self {
        static BUILT: LazyLock<()> = LazyLock::new(|| accord::build(Path::new(MANIFEST)).unwrap());
        tokio::task::spawn_blocking(|| *BUILT).await.unwrap();
        let state = tempfile::tempdir().unwrap();
        let mut config = Config::new(MANIFEST, state.path().join("state"));
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        Self { server, client: reqwest::Client::new(), _state: state }
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

fn ok(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

fn refused(text: &str) -> (u16, String) {
    (400, text.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_used_again_until_its_requests_are_spent() {
    let probe = Probe::with_limits(|limits| limits.max_requests_per_instance = 3).await;
    for expected in ["0", "1", "2", "0", "1"] {
        assert_eq!(probe.get("/count").await, ok(expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_instance_ends() {
    let probe = Probe::with_limits(|limits| limits.idle_timeout = Duration::from_millis(500)).await;
    assert_eq!(probe.get("/count").await, ok("0"));
    assert_eq!(probe.get("/count").await, ok("1"));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(probe.get("/count").await, ok("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_told_what_spin_tells_and_not_what_the_client_claims() {
    let probe = Probe::start(|_| ()).await;
    let path = "/named/42/a/header";
    for (header, expected) in [
        ("spin-path-info", "/a/header"),
        ("spin-matched-route", "/named/:id/..."),
        ("spin-raw-component-route", "/named/:id/..."),
        ("spin-component-route", "/named/:id"),
        ("spin-base-path", "/"),
        ("spin-path-match-id", "42"),
        ("spin-full-url", &format!("{}{path}?spin-full-url", probe.server.url())),
    ] {
        let request = probe.client.get(format!("{}{path}?{header}", probe.server.url())).header(header, "a lie");
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), expected, "{header}");
    }
    let (_, client) = probe.get("/header?spin-client-addr").await;
    assert!(client.starts_with("127.0.0.1:"), "{client}");
    assert_eq!(probe.get("/url?a=%20b").await, ok(&format!("{}/url?a=%20b", probe.server.url())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_has_what_it_is_granted_and_no_more() {
    let probe = Probe::start(|config| _ = config.variables.insert("greeting".to_owned(), "Moi".to_owned())).await;
    let other = format!("/fetch?{}/count", probe.server.url());
    for (path, granted, poor) in [
        (
            "/variable?greeting",
            ok("Moi, world"),
            refused(r#"Error::Undefined("no variable for \"poor\".\"greeting\"")"#),
        ),
        ("/open?default", ok(""), refused("Error::AccessDenied")),
        ("/open?undefined", refused("Error::NoSuchDatabase"), refused("Error::AccessDenied")),
        ("/open?other", refused("Error::AccessDenied"), refused("Error::AccessDenied")),
        ("/store?default", ok(""), refused("Error::AccessDenied")),
        ("/store?undefined", refused("Error::NoSuchStore"), refused("Error::AccessDenied")),
        ("/environment", ok("PROBE=yes"), ok("")),
        (&other, ok("200 OK"), refused("ErrorCode::HttpRequestDenied")),
        (
            "/fetch?http://example.com/",
            refused("ErrorCode::HttpRequestDenied"),
            refused("ErrorCode::HttpRequestDenied"),
        ),
    ] {
        assert_eq!(probe.get(path).await, granted, "{path}");
        assert_eq!(probe.get(&format!("/poor{path}")).await, poor, "/poor{path}");
    }
    let (status, error) = probe.get("/variable?No").await;
    assert!(status == 400 && error.starts_with("Error::InvalidName("), "{error}");
    for path in ["/files", &format!("/connect?{}", probe.server.addr())] {
        assert_eq!(probe.get(path).await.0, 400, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_has_what_accord_needs() {
    let probe = Probe::start(|_| ()).await;
    let expected =
        r#"a,b [Value::Integer(-1), Value::Real(0.5), Value::Text("ü"), Value::Blob([0, 255]), Value::Null]"#;
    assert_eq!(probe.get("/values").await, ok(expected));
    for (statements, expected) in [
        (&["PRAGMA journal_mode = WAL"][..], "wal"),
        (&["CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT"], ""),
        (&["INSERT INTO t (name) SELECT value FROM json_each('[\"a\", \"b\"]') RETURNING id"], "1;2"),
        (&["INSERT INTO t (name) VALUES ('a') ON CONFLICT (name) DO UPDATE SET name = 'c' RETURNING id, name"], "1,c"),
        (&["SELECT name, row_number() OVER (ORDER BY name DESC) FROM t"], "c,1;b,2"),
        (&["SELECT count(*) FROM t -- and no more"], "2"),
    ] {
        assert_eq!(probe.sql(statements).await.as_deref(), Ok(expected), "{statements:?}");
    }
    for (statement, message) in [
        ("INSERT INTO t (name) VALUES ('b')", "UNIQUE constraint failed: t.name"),
        ("INSERT INTO t (id) VALUES ('x')", "datatype mismatch"),
        ("SELECT * FROM missing", "no such table: missing"),
        ("SELECT 1; SELECT 2", "Multiple statements provided"),
    ] {
        let error = probe.sql(&[statement]).await.unwrap_err();
        assert!(error.starts_with("Error::Io(") && error.contains(message), "{error}");
    }
    assert_eq!(
        probe.get("/insert?two").await,
        refused(r#"Error::Io("table t has 2 columns but 1 values were supplied")"#)
    );
    assert_eq!(probe.sql(&["DROP TABLE t", "CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await.as_deref(), Ok(""));
    assert_eq!(probe.get("/insert?two").await, ok("2 2"));
    assert_eq!(probe.get("/exhaust").await, ok(r#"256 Error::Io("too many connections opened")"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_query_is_run_whole() {
    let probe = Probe::start(|_| ()).await;
    probe.sql(&["PRAGMA journal_mode = WAL"]).await.unwrap();
    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT sum(i) FROM n";
    for _ in 0..3 {
        assert_eq!(probe.sql(&[long]).await.as_deref(), Ok("45000150000"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_left_open_is_rolled_back() {
    let probe = Probe::start(|_| ()).await;
    probe.sql(&["PRAGMA journal_mode = WAL", "CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await.unwrap();
    probe.sql(&["BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)"]).await.unwrap();
    assert_eq!(probe.sql(&["BEGIN IMMEDIATE", "SELECT count(*) FROM t", "COMMIT"]).await.as_deref(), Ok(""));
    assert_eq!(probe.sql(&["SELECT count(*) FROM t"]).await.as_deref(), Ok("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_take_turns_and_none_is_lost() {
    let probe = Probe::start(|_| ()).await;
    probe.sql(&["PRAGMA journal_mode = WAL", "CREATE TABLE t (n INTEGER)", "INSERT INTO t VALUES (0)"]).await.unwrap();
    let increment = ["BEGIN IMMEDIATE", "SELECT n FROM t", "UPDATE t SET n = n + 1", "COMMIT"];
    let all = futures::future::join_all((0..60).map(|_| probe.sql(&increment))).await;
    assert_eq!(all.iter().filter(|result| result.is_err()).count(), 0, "{all:?}");
    assert_eq!(probe.sql(&["SELECT n FROM t"]).await.as_deref(), Ok("60"));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_shown_to_the_observer() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let observer = Arc::new(move |statement: &str| sink.lock().unwrap().push(statement.to_owned()));
    let probe = Probe::start(|config| config.statement_observer = Some(observer)).await;
    probe.sql(&["SELECT 1", "SELECT 2"]).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["SELECT 1", "SELECT 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_value_store_keeps_what_is_set_through_a_restart() {
    let state = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let probe = Probe::start(|config| config.state_dir = state.path().to_owned()).await;
        assert_eq!(probe.get("/keys").await, ok(r#"Some([50]) None true ["a"]"#));
        probe.server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_what_the_instances_take_wait_their_turn() {
    for (instances, concurrent) in [(1, 1), (2, 16), (6, 2)] {
        let probe = Probe::with_limits(|limits| {
            limits.max_instances = instances;
            limits.max_concurrent_per_instance = concurrent;
            limits.max_requests_per_instance = 10;
        })
        .await;
        let paths = (0..200).map(|number| if number % 2 == 0 { "/values" } else { "/poor/count" });
        let all = futures::future::join_all(paths.map(|path| probe.get(path))).await;
        assert_eq!(all.iter().filter(|(status, _)| *status != 200).count(), 0, "{instances}, {concurrent}: {all:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_costs_one_answer() {
    let probe = Probe::with_limits(|limits| limits.memory = 16 << 20).await;
    assert_eq!(probe.get("/count").await, ok("0"));
    for path in ["/panic", "/fill"] {
        assert_eq!(probe.get(path).await, (500, String::new()), "{path}");
        assert_eq!(probe.get("/count").await, ok("0"), "a new instance");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_that_never_end_are_ended_and_do_not_stop_the_others() {
    let probe = Probe::with_limits(|limits| limits.request_timeout = Duration::from_secs(4)).await;
    let started = Instant::now();
    let endless = futures::future::join_all((0..4).map(|_| probe.get("/loop")));
    let others = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for _ in 0..5 {
            assert_eq!(probe.get("/poor/count").await.0, 200);
        }
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    };
    let (ended, ()) = tokio::join!(endless, others);
    assert!(ended.iter().all(|answer| *answer == (504, String::new())), "{ended:?}");
    assert_eq!(probe.get("/count").await, ok("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_component_answers_is_answered_as_in_spin() {
    let probe = Probe::start(|_| ()).await;
    assert_eq!(probe.get("/.well-known/spin/health").await, ok("OK"));
    assert_eq!(probe.get("/.well-known/spin/other").await, (404, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_get_an_answer() {
    let probe = Probe::start(|_| ()).await;
    let long = "a".repeat(100_000);
    for (request, expected) in [
        ("GET /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK"),
        ("GET /count HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /count HTTP/1.0\r\n\r\n", "HTTP/1.0 400 Bad Request"),
        ("GET /count HTTP/1.1\r\nHost:\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /count HTTP/1.1\r\nHost: a b\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /count HTTP/1.1\r\nHost: a@b\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /count HTTP/1.1\r\nHost: \u{e9}\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /count HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET http://a/count HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK"),
        ("GET http://b/count HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET count HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 414 URI Too Long"),
    ] {
        assert_eq!(probe.raw(request).await, expected, "{}", &request[..request.len().min(80)]);
    }
    // How far hyper reads before it gives up, and with what, depends on how the bytes arrive.
    let header = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", long.repeat(5));
    let line = probe.raw(&header).await;
    assert!(["HTTP/1.1 431 Request Header Fields Too Large", "HTTP/1.1 400 Bad Request"].contains(&&*line), "{line}");
    assert_eq!(probe.get("/count").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_pass() {
    let probe = Probe::start(|_| ()).await;
    let request = probe.client.post(probe.server.url() + "/length").body(vec![b'a'; 10 << 20]);
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), (10 << 20).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_progress_end_before_the_server_does() {
    let probe = Probe::start(|_| ()).await;
    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT max(i) FROM n";
    let request = probe.client.post(probe.server.url() + "/sql").body(long);
    let answer = tokio::spawn(async { request.send().await.unwrap().text().await.unwrap() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let addr = probe.server.addr();
    probe.server.shutdown().await;
    assert_eq!(answer.await.unwrap(), "3000000");
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}
