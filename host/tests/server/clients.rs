//! Clients that are slow or silent, and those beside them.

use crate::{Probe, ok};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A host with the patience of a second, whose component has 16 turns.
async fn impatient() -> Probe {
    Probe::start(|config| {
        config.clients.timeout = Duration::from_secs(1);
        config.clients.rate = 64 << 10;
        config.limits.max_instances = 2;
    })
    .await
}

/// Opens a connection and sends the beginning of a request.
async fn begin(probe: &Probe, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(probe.server.addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// All that a client gets until its connection is closed.
async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset is an end as well.
    _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("it is closed");
    String::from_utf8(answer).unwrap()
}

/// A request whose body stays out.
fn post(length: usize) -> String {
    format!("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_not_waited_for() {
    let probe = impatient().await;
    let half_a_preface = "PRI * HTTP/2.0\r\n";
    for beginning in ["", half_a_preface, "GET /count HTTP/1.1\r\nHost: a\r\n"] {
        let answer = rest(begin(&probe, beginning).await).await;
        assert_eq!(answer, "", "{beginning}");
    }
    assert_eq!(probe.get("/count").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stays_out_or_trickles_in_is_408_and_takes_no_turn_from_others() {
    let probe = impatient().await;
    let turns = 16 * 2;
    let mut slow = Vec::new();
    for _ in 0..turns * 2 {
        slow.push(begin(&probe, &post(1000)).await);
        slow.push(begin(&probe, &post(1 << 20)).await);
        slow.push(
            begin(&probe, "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n").await,
        );
    }
    for _ in 0..20 {
        assert_eq!(probe.get("/count").await.0, 200);
        let request = probe.client.post(probe.server.url() + "/length").body("four");
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "4");
    }
    for answer in futures::future::join_all(slow.into_iter().map(rest)).await {
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    }

    let mut trickle = begin(&probe, &post(1 << 20)).await;
    let mut sent = 0;
    let answer = loop {
        let mut buffer = [0; 64];
        if trickle.write_all(b"a").await.is_err() {
            break String::new();
        }
        sent += 1;
        assert!(sent < 1000, "it is refused at last");
        match tokio::time::timeout(Duration::from_millis(20), trickle.read(&mut buffer)).await {
            Ok(Ok(read)) => break String::from_utf8_lossy(&buffer[..read]).into_owned(),
            Ok(Err(_)) => break String::new(),
            Err(_) => {}
        }
    };
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_read_slowly_takes_no_turn_from_others() {
    let probe = Probe::start(|config| {
        config.limits.max_instances = 1;
        config.limits.max_concurrent_per_instance = 2;
        config.limits.request_timeout = Duration::from_secs(1);
    })
    .await;
    let statement = "SELECT hex(zeroblob(400000))";
    let ask = format!(
        "POST /sql HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{statement}",
        statement.len()
    );
    let mut slow = Vec::new();
    for _ in 0..16 {
        slow.push(begin(&probe, &ask).await);
    }
    // Longer than a request may have its turn.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for _ in 0..20 {
        assert_eq!(probe.get("/count").await.0, 200);
    }
    for answer in futures::future::join_all(slow.into_iter().map(rest)).await {
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200 OK") && body.contains(&"0".repeat(800_000)), "{head} {}", body.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_connections_and_one_more_is_429() {
    let probe = Probe::start(|config| config.clients.connections_per_address = 8).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(begin(&probe, "GET /count HTTP/1.1\r\n").await);
    }
    let refused = rest(begin(&probe, "GET /count HTTP/1.1\r\nHost: a\r\n\r\n").await).await;
    assert!(refused.starts_with("HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\n"), "{refused}");
    drop(held);
    // The server finds out by itself that they are gone.
    let again = async {
        while rest(begin(&probe, "GET /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await)
            .await
            .contains("429")
        {}
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_reads_does_not_cost_the_answer() {
    let probe = Probe::start(|_| ()).await;
    // Enough to fill what lies between client and server.
    for _ in 0..20 {
        let request = probe.client.post(probe.server.url() + "/header?host").body(vec![b'a'; 12 << 20]);
        assert_eq!(request.send().await.expect("the answer is read").status(), 200);
    }
    assert_eq!(probe.get("/poor/count").await, ok("0"));
}
