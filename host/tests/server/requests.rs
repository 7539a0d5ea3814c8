//! What goes in and out over HTTP.

use crate::{Probe, ok};
use std::time::Duration;

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
        ("GET /count HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK"),
        ("GET /count HTTP/1.0\r\nHost: a b\r\n\r\n", "HTTP/1.0 400 Bad Request"),
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

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_is_served_once() {
    let mut state = None;
    let probe = Probe::start(|config| state = Some(config.state_dir.clone())).await;
    let state = state.unwrap();
    let other = || accord::Server::start(accord::Config::new(crate::MANIFEST, &state));
    let refused = other().await.err().map(|error| error.to_string());
    assert_eq!(refused, Some(format!("another process serves from {}", state.display())));
    probe.server.shutdown().await;
    other().await.unwrap().shutdown().await;
}
