//! The log of a server that is a process of its own.

use crate::{MANIFEST, build};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

#[tokio::test(flavor = "multi_thread")]
async fn each_line_has_time_level_component_request_id_and_message() {
    build().await;
    let state = tempfile::tempdir().unwrap();
    let mut up = Command::new(env!("CARGO_BIN_EXE_accord"));
    up.args(["up", "--no-build", "--listen", "127.0.0.1:0", "--from", MANIFEST, "--state-dir"]).arg(state.path());
    let mut server = up.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut greeting = BufReader::new(server.stdout.take().unwrap()).lines();
    let url = greeting.next().unwrap().unwrap().strip_prefix("Serving ").unwrap().to_owned();

    let client = reqwest::Client::new();
    let said = "WARN probe id-1 in the form\nERROR poor id-1 not by its name\nat all";
    let request = client.post(format!("{url}/log?secret")).header("x-request-id", "id-1").body(said);
    assert_eq!(request.send().await.unwrap().status(), 200);
    for path in ["/poor/fetch?http://example.com:1/", "/panic", "/.well-known/spin/health"] {
        client.get(url.clone() + path).send().await.unwrap();
    }
    let stopped = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    assert!(stopped.success() && server.wait().unwrap().success());
    let mut log = String::new();
    server.stderr.unwrap().read_to_string(&mut log).unwrap();

    let lines = log.lines().map(|line| {
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!((time.len(), time.as_bytes()[10], time.as_bytes()[23]), (24, b'T', b'Z'), "{line}");
        // How long a request took, and where a panic was, differ.
        match rest.rsplit_once(' ') {
            Some((rest, took)) if took.ends_with("ms") => format!("{rest} …"),
            _ if rest.contains("panicked at ") => "ERROR probe - …".to_owned(),
            _ => rest.to_owned(),
        }
    });
    let lines: Vec<_> = lines.collect();
    let expected = [
        "WARN probe id-1 in the form",
        "ERROR probe - ERROR poor id-1 not by its name",
        "ERROR probe - at all",
        "INFO probe - on standard output",
        "INFO probe id-1 POST /log 200 …",
        "WARN poor - http://example.com:1 is not in its allowed_outbound_hosts, and was not called",
        "INFO poor - GET /poor/fetch 400 …",
        "ERROR probe - …",
        "ERROR probe - as told",
    ];
    assert_eq!(lines[..expected.len()], expected);
    assert!(lines.iter().any(|line| line.starts_with("ERROR probe - gave no answer: ")), "{log}");
    let answered = ["INFO probe - GET /panic 500 …", "INFO - - GET /.well-known/spin/health 200 …"];
    assert!(answered.iter().all(|line| lines.iter().any(|other| other == line)), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_each_line_is_an_object_with_the_same_parts() {
    build().await;
    let state = tempfile::tempdir().unwrap();
    let mut up = Command::new(env!("CARGO_BIN_EXE_accord"));
    up.args(["up", "--no-build", "--log-format", "json", "--metrics-listen", ":0"]);
    up.args(["--listen", "127.0.0.1:0", "--from", MANIFEST, "--state-dir"]).arg(state.path());
    let mut server = up.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines().map(|line| {
        let line = line.unwrap();
        serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    });
    let serving = lines.find(|line| line["message"].as_str().unwrap().starts_with("serving ")).unwrap();
    assert_eq!(serving["level"], "INFO");
    let url = serving["message"].as_str().unwrap()["serving ".len()..].to_owned();
    let metrics = lines.next().unwrap();
    assert!(metrics["message"].as_str().unwrap().starts_with("metrics are at http://127.0.0.1:"), "{metrics}");

    let client = reqwest::Client::new();
    let said = "WARN probe id-1 in \"the\" form\nnot at\tall";
    let request = client.post(format!("{url}/log?secret")).header("x-request-id", "id-1").body(said);
    assert_eq!(request.send().await.unwrap().status(), 200);
    // What the component says of itself only the host may ask for.
    let heard = client.get(format!("{url}/header?accord-tell")).header("accord-tell", "me").send().await.unwrap();
    assert_eq!(heard.text().await.unwrap(), "caller");
    client.get(url.clone() + "/panic").send().await.unwrap();
    let stopped = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    assert!(stopped.success() && server.wait().unwrap().success());
    let mut greeting = String::new();
    server.stdout.unwrap().read_to_string(&mut greeting).unwrap();
    assert_eq!(greeting, "", "all is in the log");

    let lines: Vec<_> = lines.collect();
    for line in &lines {
        let time = line["time"].as_str().unwrap();
        assert_eq!((time.len(), time.as_bytes()[10], time.as_bytes()[23]), (24, b'T', b'Z'), "{line}");
    }
    let without_time = |line: &Value| {
        let mut line = line.clone();
        line.as_object_mut().unwrap().remove("time");
        line
    };
    assert_eq!(
        lines[..3].iter().map(without_time).collect::<Vec<_>>(),
        [
            json!({ "level": "WARN", "component_id": "probe", "request_id": "id-1", "message": "in \"the\" form" }),
            json!({ "level": "ERROR", "component_id": "probe", "message": "not at\tall" }),
            json!({ "level": "INFO", "component_id": "probe", "message": "on standard output" }),
        ]
    );
    let mut answered = without_time(&lines[3]);
    let took = answered.as_object_mut().unwrap().remove("duration_ms").unwrap();
    assert!(took.as_f64().is_some_and(|took| took > 0.0), "{took}");
    let message = answered.as_object_mut().unwrap().remove("message").unwrap();
    assert!(message.as_str().unwrap().starts_with("POST /log 200 "), "{message}");
    assert_eq!(
        answered,
        json!({
            "level": "INFO", "component_id": "probe", "request_id": "id-1",
            "http.request.method": "POST", "url.path": "/log", "http.response.status_code": 200,
            "client.address": "127.0.0.1", "network.peer.address": "127.0.0.1"
        })
    );
    let trapped = |line: &&Value| line["message"].as_str().unwrap().starts_with("gave no answer: ");
    assert_eq!(lines.iter().find(trapped).unwrap()["level"], "ERROR");
}

#[test]
fn as_json_the_reason_why_it_does_not_start_is_an_object_too() {
    let up = Command::new(env!("CARGO_BIN_EXE_accord"))
        .args(["up", "--log-format", "json", "--from", "/nowhere/spin.toml"])
        .output()
        .unwrap();
    assert_eq!(up.status.code(), Some(1));
    let error: Value = serde_json::from_slice(&up.stderr).unwrap();
    assert_eq!(error["level"], "ERROR");
    assert!(error["message"].as_str().unwrap().starts_with("cannot read /nowhere/spin.toml: "), "{error}");
}
