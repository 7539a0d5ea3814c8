//! The log of an Accord, as JSON: one request can be followed through it.

use std::time::Duration;

use accord_tests::oauth::TOKEN;
use accord_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Accord, Answer, CLIENT_ID, CLIENT_SECRET, Options, answer};
use reqwest::Method;
use serde_json::{Value, json};

/// The lines so far.
fn lines(accord: &Accord) -> Vec<Value> {
    let log = std::fs::read_to_string(accord.file("log")).expect("a log");
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().map(parse).collect()
}

/// The lines of an answered request, once its own is there.
async fn of(accord: &Accord, answered: &Answer) -> Vec<Value> {
    let request_id = answered.header("x-request-id").expect("every answer has one");
    for _ in 0..200 {
        let mut of_request = lines(accord);
        of_request.retain(|line| line["request_id"] == request_id);
        if of_request.iter().any(|line| line["http.request.method"].is_string()) {
            return of_request;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no line of the request {request_id}: {:?}", lines(accord));
}

#[tokio::test]
async fn a_request_is_followed_by_its_id_from_whoever_called_to_what_went_wrong() {
    let options = Options { process: true, log: true, ..Options::default() };
    let accord = Accord::start_with(options.variable("trusted_proxies", &"127.0.0.1")).await;
    let token = accord.token().await;
    let connector = accord.store().number("SELECT id FROM connectors").to_string();
    let caller = format!("connector:{connector}");
    assert!(
        lines(&accord).iter().any(|line| line["url.path"] == "/oauth/token" && line["caller"] == caller.as_str()),
        "whoever asks for a token is known by its secret: {:?}",
        lines(&accord)
    );

    let request = || accord.request_as(&token, Method::GET, "/api/accounts").header("X-Forwarded-For", "203.0.113.9");
    let fine = answer(request().header("accord-tell", "caller")).await;
    assert_eq!(fine.status, 200);
    for name in ["accord-caller", "accord-client", "accord-connector"] {
        assert_eq!(fine.header(name), None, "{name} is for the log alone");
    }
    let lines = of(&accord, &fine).await;
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let told =
        ["component_id", "caller", "connector", "client.address", "network.peer.address"].map(|name| &line[name]);
    assert_eq!(told, ["accounts", &caller, &connector, "203.0.113.9", "127.0.0.1"]);

    // Somebody who signed in through a connector, and somebody who did without.
    let form = [("grant_type", "password"), ("username", ADMIN_EMAIL), ("password", ADMIN_PASSWORD)];
    let through =
        answer(accord.request(Method::POST, TOKEN).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&form)).await;
    for (token, connector) in [(through.text("access_token"), json!(connector)), (accord.admin().await, json!(null))] {
        let listed = accord.get(&token, "/api/accounts").await;
        let told = of(&accord, &listed).await;
        assert_eq!((&told[0]["caller"], &told[0]["connector"]), (&json!("user:1"), &connector), "{listed}");
    }

    let refused = answer(accord.request(Method::GET, "/api/accounts").bearer_auth(format!("{token}x"))).await;
    assert_eq!(refused.status, 401);
    assert_eq!(of(&accord, &refused).await[0].get("caller"), None, "what is not proved is not told");

    let broken = "CREATE TRIGGER broken BEFORE INSERT ON accounts BEGIN SELECT RAISE(ABORT, 'broken'); END";
    accord.store().execute(broken, ());
    let failed = answer(accord.request_as(&token, Method::POST, "/api/accounts").json(&json!({ "name": "A" }))).await;
    assert_eq!(failed.status, 500, "{failed}");
    let levels: Vec<_> = of(&accord, &failed).await.iter().map(|line| line["level"].clone()).collect();
    assert_eq!(levels, ["ERROR", "INFO"], "why, and that it was answered");
}
