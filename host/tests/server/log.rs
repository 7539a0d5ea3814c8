//! The log of a server that is a process of its own.

use crate::{MANIFEST, build};
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
