//! The HTTP server in front of the components.
//!
//! What it answers itself: `200` at Spin's health path, `404` with an empty body where no route matches, `400` to a
//! request that does not say for which host it is, and, where a component gives no answer, `500` (it trapped), `503` (it
//! stayed busy) or `504` (it took too long).

use crate::instances::{Failure, Instances};
use crate::routes::Router;
use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use wasmtime_wasi_http::WasiBody;

/// A client has this long to send a request's head, and to begin the next one on a connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections served at a time. Further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;
/// Requests in progress have this long to end when the server is told to stop.
const GRACE: Duration = Duration::from_secs(20);

const WELL_KNOWN: &str = "/.well-known/spin/";

static PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
static FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
static MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
static BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
static RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
static COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
static CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");

/// A component that answers requests.
pub(crate) struct Service {
    pub name: Arc<str>,
    pub instances: Instances,
}

/// The application: routes and the components behind them.
pub(crate) struct App {
    pub router: Router,
    pub services: Vec<Service>,
    pub quiet: bool,
}

/// Accepts connections until `stop` says so or its sender is gone, then lets the requests in progress end.
pub(crate) async fn serve(app: Arc<App>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut http = Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    http.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_TIMEOUT);
    loop {
        let accept = async {
            // The semaphore is never closed.
            let connection = connections.clone().acquire_owned().await.ok();
            (listener.accept().await, connection)
        };
        let (accepted, permit) = tokio::select! {
            accepted = accept => accepted,
            _ = stop.changed() => break,
        };
        let Ok((stream, client)) = accepted else {
            // Out of file descriptors, most likely. Some will be free again.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Without it small responses wait for the client's acknowledgement. To fail costs only that.
        _ = stream.set_nodelay(true);
        let app = app.clone();
        let service = service_fn(move |request| {
            let app = app.clone();
            async move { Ok::<_, Infallible>(app.respond(request, client).await) }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service).into_owned());
        tokio::spawn(async move {
            // An error here is the client's: it went away or spoke no HTTP.
            _ = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    let close = app.services.iter().map(|service| service.instances.close(Duration::from_secs(1)));
    futures::future::join_all(close).await;
}

impl App {
    async fn respond(&self, request: Request<Incoming>, client: SocketAddr) -> Response<WasiBody> {
        if self.quiet {
            return self.answer(request, client).await.0;
        }
        let started = Instant::now();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (response, service) = self.answer(request, client).await;
        log(&method, &uri, response.status(), started.elapsed(), service);
        response
    }

    /// The response, and the component that it comes from.
    async fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> (Response<WasiBody>, Option<&str>) {
        let path = request.uri().path();
        if let Some(well_known) = path.strip_prefix(WELL_KNOWN) {
            let healthy = Full::new(Bytes::from_static(b"OK")).map_err(|never| match never {}).boxed_unsync();
            let found = well_known == "health";
            return (if found { Response::new(healthy) } else { empty(StatusCode::NOT_FOUND) }, None);
        }
        let Some(found) = self.router.find(path) else { return (empty(StatusCode::NOT_FOUND), None) };
        let service = &self.services[found.route.component];
        let name = Some(&*service.name);
        let Some((authority, full_url)) = address(&request) else { return (empty(StatusCode::BAD_REQUEST), name) };
        let Ok(path_info) = HeaderValue::from_maybe_shared(Bytes::from(found.path_info)) else {
            return (empty(StatusCode::BAD_REQUEST), name);
        };

        let (mut head, body) = request.into_parts();
        let headers = &mut head.headers;
        // What the client sent under these names goes: components trust them.
        headers.insert(&PATH_INFO, path_info);
        headers.insert(&FULL_URL, full_url);
        headers.insert(&MATCHED_ROUTE, found.route.matched.clone());
        headers.insert(&BASE_PATH, HeaderValue::from_static("/"));
        headers.insert(&RAW_COMPONENT_ROUTE, found.route.raw.clone());
        headers.insert(&COMPONENT_ROUTE, found.route.prefix.clone());
        if let Ok(client) = HeaderValue::try_from(client.to_string()) {
            headers.insert(&CLIENT_ADDR, client);
        }
        for (name, value) in found.named {
            headers.insert(name, value);
        }
        let mut uri = head.uri.into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(authority);
        let Ok(uri) = Uri::from_parts(uri) else { return (empty(StatusCode::BAD_REQUEST), name) };
        head.uri = uri;

        let body = body.map_err(wasmtime_wasi_http::Error::from).boxed_unsync();
        let response = match service.instances.handle(Request::from_parts(head, body)).await {
            Ok(response) => response,
            Err(Failure::Timeout) => empty(StatusCode::GATEWAY_TIMEOUT),
            Err(Failure::Overloaded) => {
                let mut response = empty(StatusCode::SERVICE_UNAVAILABLE);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                response
            }
            Err(Failure::Failed(error)) => {
                eprintln!("accord: {} gave no answer: {}", service.name, error.root_cause());
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        (response, name)
    }
}

/// For whom the request is, and its full URL; `None` if it does not say so or contradicts itself.
fn address<B>(request: &Request<B>) -> Option<(Authority, HeaderValue)> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().map(|host| Authority::try_from(host.as_bytes()));
    let authority = match (host, request.uri().authority(), hosts.next()) {
        (Some(Ok(host)), None, None) => host,
        (Some(Ok(host)), Some(authority), None) if host == *authority => host,
        (None, Some(authority), None) => authority.clone(),
        _ => return None,
    };
    if authority.as_str().contains('@') {
        return None;
    }
    let path = request.uri().path_and_query()?;
    let full_url = HeaderValue::from_maybe_shared(Bytes::from(format!("http://{authority}{path}"))).ok()?;
    Some((authority, full_url))
}

fn empty(status: StatusCode) -> Response<WasiBody> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// Writes a line for a request. Neither its query nor its headers are in it: they may hold secrets.
fn log(method: &Method, uri: &Uri, status: StatusCode, took: Duration, service: Option<&str>) {
    let (now, path, status) = (jiff::Timestamp::now(), uri.path().escape_debug(), status.as_u16());
    let (took, service) = (took.as_secs_f64() * 1000.0, service.unwrap_or("-"));
    let line = format!("{now:.3} {method} {path} {status} {took:.1}ms {service}\n");
    // There is nowhere to report that standard error is gone.
    _ = std::io::stderr().write_all(line.as_bytes());
}
