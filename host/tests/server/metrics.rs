//! What is counted, as a Prometheus server reads it.

use crate::{Probe, ok};
use accord::Config;
use prometheus_parse::{Sample, Scrape, Value};
use std::time::Duration;
use tokio::net::TcpStream;

async fn counting(change: impl FnOnce(&mut Config)) -> Probe {
    Probe::start(|config| {
        config.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
        change(config);
    })
    .await
}

async fn scrape(probe: &Probe) -> Scrape {
    let url = format!("http://{}/metrics", probe.server.metrics_addr().unwrap());
    let response = probe.client.get(url).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text().await.unwrap();
    Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap()
}

/// The samples of a name that have this label.
fn samples<'a>(scrape: &'a Scrape, name: &str, label: (&str, &str)) -> Vec<&'a Sample> {
    let all = scrape.samples.iter().filter(|sample| sample.metric == name);
    all.filter(|sample| label.0.is_empty() || sample.labels.get(label.0) == Some(label.1)).collect()
}

fn number(scrape: &Scrape, name: &str, label: (&str, &str)) -> f64 {
    match samples(scrape, name, label).as_slice() {
        [] => 0.0,
        [Sample { value: Value::Counter(number) | Value::Gauge(number) | Value::Untyped(number), .. }] => *number,
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_component_and_status_with_the_time_that_they_took() {
    let probe = counting(|_| ()).await;
    assert_eq!(probe.get("/count").await, ok("0"));
    assert_eq!(probe.get("/count").await, ok("1"));
    assert_eq!(probe.get("/unknown").await.0, 400);
    assert_eq!(probe.get("/poor/count").await, ok("0"));
    assert_eq!(probe.get("/.well-known/spin/health").await, ok("OK"));
    let scrape = scrape(&probe).await;
    let counted = scrape.samples.iter().filter(|sample| sample.metric == "spin_request_count_total");
    let mut counted: Vec<_> = counted
        .map(|sample| {
            let label = |name| sample.labels.get(name).unwrap().to_owned();
            assert_eq!((label("trigger_type"), label("app_id")), ("http".to_owned(), "probe".to_owned()));
            let Value::Counter(count) = sample.value else { panic!("{sample:?}") };
            format!("{} {} {count}", label("component_id"), label("status"))
        })
        .collect();
    counted.sort();
    assert_eq!(counted, [" 200 1", "poor 200 1", "probe 200 2", "probe 400 1"]);

    let took = samples(&scrape, "http_server_request_duration_seconds", ("component_id", "probe"));
    let [Sample { value: Value::Histogram(buckets), .. }] = took.as_slice() else { panic!("{took:?}") };
    assert!(
        (buckets.last().unwrap().count - 3.0).abs() < f64::EPSILON && buckets.last().unwrap().less_than.is_infinite()
    );
    assert!(buckets.windows(2).all(|two| two[0].count <= two[1].count && two[0].less_than < two[1].less_than));
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_and_those_that_wait_for_one_are_told() {
    let probe = counting(|config| {
        config.limits.max_instances = 2;
        config.limits.max_concurrent_per_instance = 1;
        config.limits.request_timeout = Duration::from_secs(2);
    })
    .await;
    let held = async || drop(probe.get("/loop").await);
    let looked = async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(1);
        loop {
            let scrape = scrape(&probe).await;
            let of = |name| number(&scrape, name, ("component_id", "probe"));
            if (of("accord_instances"), of("accord_requests_waiting")) == (1.0, 1.0) {
                return true;
            }
            if tokio::time::Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ((), (), seen) = tokio::join!(held(), held(), looked);
    assert!(seen, "one of two requests has the only instance, and the other waits");
    let scrape = scrape(&probe).await;
    let of = |name| number(&scrape, name, ("component_id", "probe"));
    assert!(of("accord_instances_made_total") >= 1.0);
    assert!(of("accord_requests_waiting").abs() < f64::EPSILON, "nobody waits any more");
    assert!(number(&scrape, "accord_instances_made_total", ("component_id", "poor")).abs() < f64::EPSILON);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_tells_its_connections_its_queue_and_when_it_is_locked() {
    let probe = counting(|_| ()).await;
    probe.sql(&["PRAGMA journal_mode = WAL", "CREATE TABLE t (id INTEGER PRIMARY KEY)"]).await.unwrap();
    let file = probe.state.path().join("state/sqlite_db.db");
    let other = rusqlite::Connection::open(file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let locked = probe.sql(&["PRAGMA busy_timeout = 1", "INSERT INTO t VALUES (1)"]).await.unwrap_err();
    assert!(locked.contains("database is locked"), "{locked}");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    other
        .execute_batch(&format!(
            "CREATE TABLE sign_in_failures (subject TEXT, window_start INTEGER, failures INTEGER);
             INSERT INTO sign_in_failures VALUES ('address 192.0.2.1', {now}, 3), ('address 192.0.2.2', {now}, 4),
               ('identity user:a', {now}, 7), ('address 192.0.2.3', {now} - 1000000, 9)"
        ))
        .unwrap();
    other
        .execute_batch("COMMIT; CREATE TABLE outbox (id INTEGER PRIMARY KEY); INSERT INTO outbox VALUES (1), (2)")
        .unwrap();
    let scrape = scrape(&probe).await;
    let of = |name| number(&scrape, name, ("database", "default"));
    let expected = [
        ("accord_database_busy_total", 1.0),
        ("accord_database_writers_waiting", 0.0),
        ("accord_database_connections_lent", 0.0),
        ("accord_database_connections_idle", 1.0),
        ("accord_outbox_mails", 2.0),
        ("accord_failed_sign_ins", 7.0),
    ];
    assert_eq!(expected.map(|(name, _)| (name, of(name))), expected);
    let waits = samples(&scrape, "accord_database_write_wait_seconds", ("database", "default"));
    let [Sample { value: Value::Histogram(buckets), .. }] = waits.as_slice() else { panic!("{waits:?}") };
    assert!((buckets.last().unwrap().count - 2.0).abs() < f64::EPSILON, "a table was made, and a row was not");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_refused_ones_are_counted() {
    let probe = counting(|config| config.clients.connections_per_address = 1).await;
    let held = TcpStream::connect(probe.server.addr()).await.unwrap();
    assert_eq!(probe.raw("GET /count HTTP/1.1\r\nHost: a\r\n\r\n").await, "HTTP/1.1 429 Too Many Requests");
    let scrape = scrape(&probe).await;
    let of = |name| number(&scrape, name, ("", ""));
    let counted =
        ["accord_connections", "accord_connections_accepted_total", "accord_connections_refused_total"].map(of);
    assert_eq!(counted.map(|count| count.to_string()), ["1", "2", "1"]);
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_unless_an_address_is_given_and_nothing_but_metrics_there() {
    let probe = Probe::start(|_| ()).await;
    assert_eq!(probe.server.metrics_addr(), None);
    let probe = counting(|_| ()).await;
    let url = format!("http://{}", probe.server.metrics_addr().unwrap());
    for (path, status) in [("/metrics", 200), ("/", 404), ("/count", 404)] {
        assert_eq!(probe.client.get(format!("{url}{path}")).send().await.unwrap().status(), status, "{path}");
    }
    assert_eq!(probe.client.post(format!("{url}/metrics")).send().await.unwrap().status(), 405);
    probe.server.shutdown().await;
    assert!(probe.client.get(format!("{url}/metrics")).send().await.is_err(), "it ends with the server");
}
