//! A request's way to the component that answers it, and a line in the log.
//!
//! What the host answers itself: `200` at Spin's health path, `404` with an empty body where no route matches, `400` to a
//! request that does not say for which host it is or whose body breaks off, `408` to one whose body comes too slowly, and,
//! where a component gives no answer, `500` (it trapped), `503` (it stayed busy) or `504` (it took too long).

use crate::config::Clients;
use crate::engine::instances::{Failure, Instances, Kind};
use crate::log::{self, Answered, Level};
use crate::metrics::Metrics;
use crate::routes::Router;
use crate::server::answer;
use crate::server::body::{self, Late, Missing};
use anyhow::{Result, bail};
use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::{BodyExt as _, Collected, Empty, Full};
use hyper::body::Incoming;
use serde::Deserialize;
use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime_wasi_http::WasiBody;

const WELL_KNOWN: &str = "/.well-known/spin/";

static PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
static FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
static MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
static BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
static RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
static COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
static CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");

/// Asks a component to say who called, for the log. Its answer says so under these names, which no client sees.
static TELL: HeaderName = HeaderName::from_static("accord-tell");
/// Who called, as the audit has it.
static CALLER: HeaderName = HeaderName::from_static("accord-caller");
/// The connector that called, or whose token was called with.
static CONNECTOR: HeaderName = HeaderName::from_static("accord-connector");
/// The address that the component counts by: behind a proxy not the peer's.
static CLIENT: HeaderName = HeaderName::from_static("accord-client");

/// A component that answers requests.
pub(crate) struct Service {
    pub name: Arc<str>,
    pub instances: Instances,
}

/// Routes, and the components behind them.
pub(crate) struct Dispatcher {
    pub router: Router,
    pub services: Vec<Service>,
    pub clients: Clients,
    /// For whom a request is that cannot say so, one of HTTP/1.0.
    pub authority: Authority,
    pub quiet: bool,
    /// Says to other processes that the state directory is served.
    pub _lock: File,
    /// Room for large bodies.
    pub bodies: body::Room,
    /// Room for answers that clients read slowly.
    pub answers: answer::Room,
    pub metrics: Arc<Metrics>,
}

/// Where an application says whether it can do its work.
const READY: &str = "/health/ready";

/// What an application says there that does not do its work, and has to be served for that to be set right.
const OUT_OF_SERVICE: &str = "not in service";

impl Dispatcher {
    /// Asks the application whether it can do its work, if it has a route for that.
    ///
    /// # Errors
    ///
    /// If it cannot: its own words.
    pub(super) async fn ask_ready(&self) -> Result<()> {
        let Some(found) = self.router.find(READY) else { return Ok(()) };
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = Request::get(format!("http://localhost{READY}")).header(header::HOST, "localhost").body(body)?;
        let response = match self.services[found.route.component].instances.handle(request, Kind::Small).await {
            Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE => response,
            Err(Failure::Failed(error)) => bail!("the application cannot be asked whether it is ready: {error:#}"),
            _ => return Ok(()),
        };
        let body = response.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
        let Ready { status, problems } = serde_json::from_slice(&body).unwrap_or_default();
        if status == OUT_OF_SERVICE {
            log::say(format_args!("the application is not in service: {}", problems.join("; ")));
            return Ok(());
        }
        bail!("the application is not ready: {}", problems.join("; "))
    }

    /// Ends the instances, which serve no request any more.
    pub(super) async fn close(&self) {
        let close = self.services.iter().map(|service| service.instances.close(Duration::from_secs(1)));
        futures::future::join_all(close).await;
    }

    /// The response to a request, which is logged unless the server is quiet.
    pub(super) async fn respond(&self, mut request: Request<Incoming>, client: SocketAddr) -> Response<WasiBody> {
        let started = Instant::now();
        let asked = (!self.quiet).then(|| (request.method().clone(), request.uri().clone()));
        let tells = asked.is_some() && log::is_json();
        // A client's own goes: it is told nothing by this.
        request.headers_mut().remove(&TELL);
        if tells {
            request.headers_mut().insert(&TELL, HeaderValue::from_static("caller"));
        }
        let (mut response, component) = self.answer(request, client).await;
        let (status, took) = (response.status().as_u16(), started.elapsed());
        self.metrics.answered(component.unwrap_or_default(), status, took);
        let Some((method, uri)) = asked else { return response };
        let mut told = |name| if tells { response.headers_mut().remove(name) } else { None };
        let (caller, connector, address) = (told(&CALLER), told(&CONNECTOR), told(&CLIENT));
        let (path, peer) = (uri.path().escape_debug().to_string(), client.ip().to_canonical().to_string());
        let answered = Answered {
            method: method.as_str(),
            path: &path,
            status,
            took,
            client: address.as_ref().and_then(|address| address.to_str().ok()).unwrap_or(&peer),
            peer: &peer,
            caller: caller.as_ref().and_then(|caller| caller.to_str().ok()),
            connector: connector.as_ref().and_then(|connector| connector.to_str().ok()),
        };
        log::answered(component.unwrap_or("-"), request_id(&response), &answered);
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
        let Some((authority, full_url)) = address(&request, &self.authority) else {
            return (empty(StatusCode::BAD_REQUEST), name);
        };
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

        let late = Late::default();
        let (body, kind) = match body::gather(body, &head.headers, &self.clients, &self.bodies, &late).await {
            Ok(gathered) => gathered,
            Err(Missing::Late) => return (too_late(), name),
            Err(Missing::Broken) => return (empty(StatusCode::BAD_REQUEST), name),
        };
        let response = match service.instances.handle(Request::from_parts(head, body), kind).await {
            // Whatever the component made of half a body: this is what was wrong with it.
            _ if late.is_set() => too_late(),
            Ok(response) => {
                let (head, body) = response.into_parts();
                Response::from_parts(head, self.answers.keep(body).await)
            }
            Err(Failure::Timeout) => empty(StatusCode::GATEWAY_TIMEOUT),
            Err(Failure::Overloaded) => {
                let mut response = empty(StatusCode::SERVICE_UNAVAILABLE);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                response
            }
            Err(Failure::Failed(error)) => {
                let message = format_args!("gave no answer: {}", error.root_cause());
                log::line(Level::Error, &service.name, "-", message);
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        (response, name)
    }
}

/// For whom the request is, and its full URL; `None` if it does not say so or contradicts itself. HTTP/1.0 has no `Host`
/// that it would have to send (RFC 9112, section 3.2): such a request is for the `server`.
fn address<B>(request: &Request<B>, server: &Authority) -> Option<(Authority, HeaderValue)> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().map(|host| Authority::try_from(host.as_bytes()));
    let authority = match (host, request.uri().authority(), hosts.next()) {
        (Some(Ok(host)), None, None) => host,
        (Some(Ok(host)), Some(authority), None) if host == *authority => host,
        (None, Some(authority), None) => authority.clone(),
        (None, None, None) if request.version() <= Version::HTTP_10 => server.clone(),
        _ => return None,
    };
    if authority.as_str().contains('@') {
        return None;
    }
    let path = request.uri().path_and_query()?;
    let full_url = HeaderValue::from_maybe_shared(Bytes::from(format!("http://{authority}{path}"))).ok()?;
    Some((authority, full_url))
}

/// The answer to a request whose body comes too slowly (RFC 9110, section 15.5.9).
fn too_late() -> Response<WasiBody> {
    let mut response = empty(StatusCode::REQUEST_TIMEOUT);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// What an application says that is not ready.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Ready {
    status: String,
    problems: Vec<String>,
}

fn empty(status: StatusCode) -> Response<WasiBody> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// The id that a component gave to a request; `-` if it gave none, or none that is one word.
fn request_id<B>(response: &Response<B>) -> &str {
    let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    id.filter(|id| !id.is_empty() && !id.contains(char::is_whitespace)).unwrap_or("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_one_word() {
        let id = |value: &'static [u8]| {
            let mut response = Response::new(());
            response.headers_mut().insert("x-request-id", HeaderValue::from_bytes(value).unwrap());
            request_id(&response).to_owned()
        };
        assert_eq!(id(b"5f0c6a1e"), "5f0c6a1e");
        assert_eq!((id(b""), id(b"a b"), id(b"\xfc")), ("-".to_owned(), "-".to_owned(), "-".to_owned()));
        assert_eq!(request_id(&Response::new(())), "-");
    }
}
