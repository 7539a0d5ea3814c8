//! `accord health`, against a server that answers what the test has it answer.

use crate::{MANIFEST, accord, application, assert_fails};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

/// Where a server listens that answers one request with this status and body.
fn server(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut part) = (String::new(), [0; 1024]);
        while !request.ends_with("\r\n\r\n") {
            let length = stream.read(&mut part).unwrap();
            request.push_str(std::str::from_utf8(&part[..length]).unwrap());
        }
        assert!(request.starts_with("GET /health/ready HTTP/1.1\r\n"), "{request}");
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
            .unwrap();
    });
    url
}

#[test]
fn an_accord_is_ready_or_says_why_it_is_not() {
    let directory = application(MANIFEST);
    let url = server("200 OK", r#"{"status":"ready","warnings":["no key"]}"#);
    let output = accord(directory.path(), &["health", "--url", &url]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{url} is ready.\nWarning: no key\n"));

    let url = server("503 Service Unavailable", r#"{"status":"not ready","problems":["one","two"],"warnings":[]}"#);
    let expected = format!("{url} is not ready: one; two");
    assert_fails(&accord(directory.path(), &["health", "--url", &url]), &expected);
    let url = server("404 Not Found", "");
    let expected = format!("{url} is not ready: it answers 404 Not Found");
    assert_fails(&accord(directory.path(), &["health", "--url", &url]), &expected);

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = accord(directory.path(), &["health", "--url", &format!("http://{closed}")]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with(&format!("accord: nobody answers at http://{closed}: ")), "{error}");
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1));
}
