//! What was counted, told to Prometheus at a listener of its own: `GET /metrics`.
//!
//! Whoever reaches it learns how much goes on and is asked for no credentials, so it is off unless an address is given, and
//! never a path of the application. A scrape takes a few kilobytes and one read of the database.

use crate::mail;
use crate::metrics::{CONTENT_TYPE, Metrics};
use crate::server::connections::Entrance;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections at a time: one for each of a few servers that scrape.
const CONNECTIONS: usize = 16;
/// How long one may take for its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who tells.
pub(super) struct Exporter {
    pub metrics: Arc<Metrics>,
    /// The databases by their labels, in which mails may wait.
    pub databases: BTreeMap<String, PathBuf>,
}

impl Exporter {
    /// Answers at `listener` until `stop` says so or its sender is gone.
    pub async fn serve(self, listener: TcpListener, stop: watch::Receiver<bool>) {
        let (exporter, mut entrance) = (Arc::new(self), Entrance::new(listener, CONNECTIONS, stop));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        // They end with this.
        let mut open = JoinSet::new();
        while let Some((stream, _, permit)) = entrance.next().await {
            let exporter = exporter.clone();
            let service = service_fn(move |request| {
                let exporter = exporter.clone();
                async move { Ok::<_, Infallible>(exporter.answer(&request).await) }
            });
            let connection = http.serve_connection(TokioIo::new(stream), service);
            while open.try_join_next().is_some() {}
            open.spawn(async move {
                // An error here is the client's.
                _ = connection.await;
                drop(permit);
            });
        }
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        if request.uri().path() != "/metrics" {
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        for (label, file) in &self.databases {
            let (file, now) = (file.clone(), jiff::Timestamp::now().as_millisecond());
            let counted = tokio::task::spawn_blocking(move || (mail::count(&file), mail::failed_sign_ins(&file, now)));
            // A count that fails to be made is as one that there is none of.
            let (waiting, failed) = counted.await.unwrap_or_default();
            self.metrics.set_counted(label, waiting, failed);
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        response.map(|_| Full::new(Bytes::from(self.metrics.render())))
    }
}
