//! A mail relay: it takes what Accord sends, and can be broken and mended.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::Options;

/// The bearer token that the relay asks for.
const TOKEN: &str = "relay-token";

/// A running relay.
pub struct Relay {
    address: String,
    taken: Arc<Mutex<Vec<Value>>>,
    broken: Arc<AtomicBool>,
}

impl Relay {
    /// Starts a relay on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = format!("http://{}", listener.local_addr().expect("it listens"));
        let relay = Self { address, taken: Arc::default(), broken: Arc::default() };
        let (taken, broken) = (Arc::clone(&relay.taken), Arc::clone(&relay.broken));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (taken, broken) = (Arc::clone(&taken), Arc::clone(&broken));
                let service = service_fn(move |request| take(request, Arc::clone(&taken), Arc::clone(&broken)));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        relay
    }

    /// Options of an Accord that sends its mail here.
    pub fn options(&self) -> Options {
        Options::default()
            .variable("mail_host", &self.address)
            .variable("mail_url", &format!("{}/send", self.address))
            .variable("mail_token", &TOKEN)
            .variable("mail_from", &"accord@example.com")
    }

    /// From now on every mail is refused, or taken.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// Every mail so far.
    pub fn mails(&self) -> Vec<Value> {
        self.taken.lock().expect("nobody panics with the lock").clone()
    }

    /// The mails to an address, once there are as many as expected.
    pub async fn mails_to(&self, address: &str, expected: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let mails: Vec<_> = self.mails().into_iter().filter(|mail| mail["to"] == address).collect();
            if mails.len() >= expected {
                return mails;
            }
            assert!(Instant::now() < deadline, "{} of {expected} mails came to {address}", mails.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The secret in the link of the last of `count` mails to an address.
    pub async fn token_for(&self, address: &str, count: usize) -> String {
        let mails = self.mails_to(address, count).await;
        let text = mails[count - 1]["text"].as_str().expect("a mail has a text").to_owned();
        text.split_once("#token=").expect("a mail has a link").1.trim().to_owned()
    }
}

async fn take(
    request: Request<Incoming>,
    taken: Arc<Mutex<Vec<Value>>>,
    broken: Arc<AtomicBool>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let authorized = request.headers().get("authorization").is_some_and(|value| value == &format!("Bearer {TOKEN}"));
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let status = match serde_json::from_slice(&body) {
        _ if broken.load(Ordering::SeqCst) => 503,
        Ok(mail) if authorized => {
            taken.lock().expect("nobody panics with the lock").push(mail);
            202
        }
        _ => 400,
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = hyper::StatusCode::from_u16(status).expect("a status");
    Ok(response)
}
