//! `accord token`, against a server that answers what the test has it answer.

use crate::{MANIFEST, accord, application, assert_fails};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread::JoinHandle;

/// What the first start keeps.
const CREDENTIALS: &str = r#"
admin_email = "admin@example.com"
admin_password = "a password"
bootstrap_client_id = "accord-1"
bootstrap_client_secret = "a+secret"
"#;

/// Where a server listens, and the request that it gets, which it answers with this status and body.
fn server(status: &'static str, body: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answered = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut part) = (String::new(), [0; 1024]);
        while !request.ends_with("grant_type=client_credentials") {
            let length = stream.read(&mut part).unwrap();
            assert!(length > 0, "{request}");
            request.push_str(std::str::from_utf8(&part[..length]).unwrap());
        }
        let length = body.len();
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
        request
    });
    (url, answered)
}

fn keep_credentials(directory: &Path) {
    std::fs::create_dir(directory.join(".accord")).unwrap();
    std::fs::write(directory.join(".accord/credentials.toml"), CREDENTIALS).unwrap();
}

#[test]
fn the_token_of_the_first_connector_is_printed_alone() {
    let directory = application(MANIFEST);
    keep_credentials(directory.path());
    let (url, answered) = server("200 OK", r#"{"access_token":"x.y.z","token_type":"Bearer","expires_in":3600}"#);
    let output = accord(directory.path(), &["token", "--url", &url]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!((&*output.stdout, &*output.stderr), (&b"x.y.z\n"[..], &b""[..]));
    let request = answered.join().unwrap();
    assert!(request.starts_with("POST /oauth/token HTTP/1.1\r\n"), "{request}");
    let credentials = STANDARD.encode("accord-1:a+secret");
    assert!(request.contains(&format!("\r\nauthorization: Basic {credentials}\r\n")), "{request}");
}

#[test]
fn what_gives_no_token_is_one_line() {
    let directory = application(MANIFEST);
    let file = directory.path().canonicalize().unwrap().join(".accord/credentials.toml");
    let missing = format!("{} is not there: it is made by the first `accord up` without credentials", file.display());
    assert_fails(&accord(&directory.path().canonicalize().unwrap(), &["token"]), &missing);
    keep_credentials(directory.path());
    let (url, _) =
        server("401 Unauthorized", r#"{"error":"invalid_client","error_description":"the credentials are not right"}"#);
    let expected = format!("no token from {url}: the credentials are not right");
    assert_fails(&accord(directory.path(), &["token", "--url", &url]), &expected);
    let (url, _) = server("200 OK", "hello");
    let expected = format!("no token from {url}: it answers, and is no Accord");
    assert_fails(&accord(directory.path(), &["token", "--url", &url]), &expected);
    assert_fails(
        &accord(directory.path(), &["token", "--url", "https://127.0.0.1"]),
        "https://127.0.0.1 does not begin with http://",
    );
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = accord(directory.path(), &["token", "--url", &format!("http://{closed}")]);
    let error = String::from_utf8(output.stderr).unwrap();
    let expected = format!("accord: no token from http://{closed}: is Accord running there?: Connection refused");
    assert!(error.starts_with(&expected) && error.lines().count() == 1, "{error}");
}
