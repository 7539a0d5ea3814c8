//! A request from its route to its signed answer. Every component answers by [`serve`]: here a request gets its id, here a
//! failure is rendered and logged, and here an answer gets what all answers have.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::thread::LocalKey;

use accord_core::auth::bearer;
use accord_core::auth::caller::Caller;
use accord_core::store::{Actor, Author, Connection, patience};
use accord_core::transfer::under_way;
use accord_core::values::id::ConnectorId;
use accord_core::{Error, log};
use axum::body::{Body, HttpBody};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use tower_service::Service as _;
use uuid::Uuid;

use crate::conditional;
use crate::cors::Cors;
use crate::failure::{Carried, Failed, Failure};
use crate::forwarded;

/// The header that names a request, in every answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The embedded host asks by this who calls, and writes it into its log: [`CALLER`], [`CONNECTOR`] and [`CLIENT`] of the answer say so. It
/// takes these out of the answer, and this out of clients' requests. A client that asks on Spin learns what it knows: itself.
const TELL: HeaderName = HeaderName::from_static("accord-tell");
/// Who calls, as the audit has it.
const CALLER: HeaderName = HeaderName::from_static("accord-caller");
/// The connector that calls, or whose token a person calls with.
const CONNECTOR: HeaderName = HeaderName::from_static("accord-connector");
/// The address that the caller is counted by.
const CLIENT: HeaderName = HeaderName::from_static("accord-client");

/// An API: what its component is called, and what is its own about answers.
pub trait Api {
    /// Its name in the audit and in the log.
    const NAME: &'static str;

    /// The name of the component in the log, if it is but a part of the API.
    const COMPONENT: &'static str = Self::NAME;

    /// Whether it limits what an address may do, so that it has to know the callers' behind proxies.
    const LIMITS_ADDRESSES: bool = false;

    /// The path in the spelling of the description, if it is in another one that is understood too.
    fn respelled(path: &str) -> Option<String> {
        _ = path;
        None
    }

    /// Whether what is at a path has versions, so that its handlers judge preconditions. Of anything else a request that
    /// demands a version is refused, once it is known who asks: see [`Call::refuse_demands`].
    fn has_versions(method: &Method, path: &str) -> bool {
        _ = (method, path);
        false
    }

    /// Whether an operation takes no credentials, or does without: nobody asks there who calls.
    fn is_open(method: &Method, path: &str) -> bool {
        _ = (method, path);
        false
    }

    /// Does what is to be done before a request is looked at.
    fn prepare() -> impl Future<Output = ()> {
        std::future::ready(())
    }

    /// What its operations fail with.
    type Failure: Failed + From<Failure> + IntoResponse;

    /// Tells a failure of a request to `path` in the shape of this API.
    fn render(call: &Call, path: &str, failure: &Self::Failure) -> Response;

    /// Adds what every answer of this API has beside [`REQUEST_ID`].
    fn sign(call: &Call, headers: &mut HeaderMap) {
        _ = (call, headers);
    }

    /// Does what is to be done after every answer. `wrote` says whether the request may have changed something.
    fn answered(wrote: bool) -> impl Future<Output = ()> {
        _ = wrote;
        std::future::ready(())
    }
}

/// Answers a request by the component's router: one that the instance made once, for making it costs more than most
/// requests.
pub async fn serve<A: Api, B>(router: &'static LocalKey<Router>, request: Request<B>) -> Response
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    log::name_component(A::COMPONENT);
    A::prepare().await;
    let mut call = Call::new(A::NAME, request.headers());
    if A::LIMITS_ADDRESSES {
        call.address = forwarded::client(call.address, request.headers()).await;
    }
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let mut request = request.map(Body::new);
    let cors = Cors::of(request.headers()).await;
    if let Some(respelled) = A::respelled(uri.path()).and_then(|path| with_path(&uri, &path)) {
        *request.uri_mut() = respelled;
    }
    let path = request.uri().path();
    call.demands_version =
        !A::has_versions(&method, path) && conditional::refuse_unversioned(&method, request.headers()).is_err();
    let refused = if A::is_open(&method, path) { call.refuse_demands().err() } else { None };
    let is_asked = request.headers().contains_key(TELL);
    request.extensions_mut().insert(call.clone());
    let mut response = if let Some(preflight) = cors.preflight(&method, request.headers()) {
        preflight
    } else if let Some(failure) = refused {
        A::Failure::from(failure).into_response()
    } else if let Some(mut again) = again(&request) {
        if let Some(response) = bearer::answer(route(router, request)).await {
            response
        } else {
            // Who calls is not who called before.
            call = call.anew();
            again.extensions_mut().insert(call.clone());
            route(router, again).await
        }
    } else {
        route(router, request).await
    };
    if let Some(Carried(failure)) = response.extensions_mut().remove::<Carried<A::Failure>>() {
        let failure = if failure.is_of_caller() { unless_importing::<A>(failure, uri.path()).await } else { failure };
        if let Some(error) = failure.internal() {
            log::error(Some(&call.request_id), format_args!("{error:#}"));
        }
        let allow = response.headers_mut().remove(header::ALLOW);
        response = whole(&method, A::render(&call, uri.path(), &failure));
        response.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
    }
    let headers = response.headers_mut();
    // A UUID is a header's value.
    headers.extend(HeaderValue::from_str(&call.request_id).map(|id| (REQUEST_ID, id)));
    if is_asked {
        call.tell(headers);
    }
    cors.sign(headers);
    A::sign(&call, headers);
    A::answered(method != Method::GET).await;
    response
}

async fn route(router: &'static LocalKey<Router>, request: Request<Body>) -> Response {
    match patience::patiently(router.with(Router::clone).call(request)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The request once more, if it only reads for somebody with a token.
fn again(request: &Request<Body>) -> Option<Request<Body>> {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    (reads && request.headers().contains_key(header::AUTHORIZATION)).then(|| {
        let mut again = Request::new(Body::empty());
        again.method_mut().clone_from(request.method());
        again.uri_mut().clone_from(request.uri());
        again.headers_mut().clone_from(request.headers());
        again
    })
}

/// The failure of a caller who is not known; while an import is under way, which knows nobody, that it is.
async fn unless_importing<A: Api>(failure: Arc<A::Failure>, path: &str) -> Arc<A::Failure> {
    // Whoever goes on with the import is known to that.
    if path == "/api/import" {
        return failure;
    }
    let refused = async { under_way::refuse(&Connection::lease().await?) }.await;
    match refused {
        Err(error @ Error::Unavailable { .. }) => Arc::new(A::Failure::from(Failure::from(error))),
        _ => failure,
    }
}

/// The address with another path.
fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{path}{query}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// What the router does to the answer of a handler, done to one that was rendered after it: its length is said, and `HEAD`
/// gets no body (RFC 9110, section 9.3.2).
fn whole(method: &Method, mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    if *method == Method::HEAD { response.map(|_| Body::empty()) } else { response }
}

/// Each operation of an API once: what is routed, and what its description is checked against. `Portal` is the API, see
/// [`Api`].
///
/// ```ignore
/// accord_web::operations! { Portal,
///     patch "/api/things/{id}" => things::update,
/// }
/// ```
#[macro_export]
macro_rules! operations {
    ($api:ty, $($method:ident $path:literal => $handler:path,)*) => {
        fn routes() -> axum::Router {
            $crate::call::with_fallbacks::<$api>(
                axum::Router::new()$(.route($path, axum::routing::$method($handler)))*
            )
        }

        thread_local! {
            static ROUTER: axum::Router = routes();
        }

        /// Answers a request. (Exported to Spin; natively, where unit tests run, there is nothing to export to.)
        #[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
        pub async fn handle(request: spin_sdk::http::Request) -> axum::response::Response {
            $crate::call::serve::<$api, _>(&ROUTER, request).await
        }

        /// Method and path of each operation.
        #[cfg(test)]
        const OPERATIONS: &[(&str, &str)] = &[$((stringify!($method), $path)),*];
    };
}

/// Adds what is answered where there is no operation: an unknown path, or another method (the router adds `Allow`).
pub fn with_fallbacks<A: Api>(router: Router) -> Router {
    router
        .fallback(async || A::Failure::from(Failure::UnknownPath))
        .method_not_allowed_fallback(async || A::Failure::from(Failure::MethodNotAllowed))
}

/// A request: its name, and where it comes from.
#[derive(Clone, Debug)]
pub struct Call {
    /// A new UUID. It stands in the answer, in the audit and in the log.
    pub request_id: Arc<str>,
    /// The address that limits count the caller by: the one that Spin saw, or that trusted proxies tell, see [`forwarded`].
    pub address: Option<IpAddr>,
    api: &'static str,
    /// Whether the request demands a version of what has none.
    demands_version: bool,
    /// Who calls, once it is known. Clones of the call have the same.
    caller: Arc<OnceLock<Actor>>,
    /// The connector that calls, or that asked for the token of the person who does, once it is known.
    connector: Arc<OnceLock<ConnectorId>>,
}

impl Call {
    fn new(api: &'static str, headers: &HeaderMap) -> Self {
        let request_id = Uuid::new_v4().to_string().into();
        Self {
            request_id,
            address: client_address(headers),
            api,
            demands_version: false,
            caller: Arc::default(),
            connector: Arc::default(),
        }
    }

    /// The same request, of which nobody knows who calls.
    fn anew(self) -> Self {
        Self { caller: Arc::default(), connector: Arc::default(), ..self }
    }

    /// Refuses a request that demands a version of what has none. Whoever finds out who calls asks this next: before, it would
    /// tell strangers what there is, and later something would be done already.
    ///
    /// # Errors
    ///
    /// [`Failure::Unversioned`].
    pub fn refuse_demands(&self) -> crate::Result<()> {
        if self.demands_version { Err(Failure::Unversioned) } else { Ok(()) }
    }

    /// Says who calls, once that is proved. The first one counts: it is who asked.
    pub fn called_by(&self, actor: Actor) {
        if let Actor::Connector(connector) = actor {
            _ = self.connector.set(connector);
        }
        if matches!(actor, Actor::Person(_) | Actor::Connector(_)) {
            _ = self.caller.set(actor);
        }
    }

    /// As [`Self::called_by`], of somebody with a token, which a connector may have asked for.
    pub fn called_with_token_of(&self, caller: &Caller) {
        self.called_by(caller.actor());
        if let Some(connector) = caller.connector() {
            _ = self.connector.set(connector);
        }
    }

    /// Says in an answer who called, for the host's log.
    fn tell(&self, headers: &mut HeaderMap) {
        // Neither a name with a number nor an address has what a header may not have.
        let caller = self.caller.get().and_then(|caller| HeaderValue::try_from(caller.to_string()).ok());
        let connector = self.connector.get().and_then(|id| HeaderValue::try_from(id.to_string()).ok());
        let client = self.address.and_then(|address| HeaderValue::try_from(address.to_string()).ok());
        headers.extend(caller.map(|caller| (CALLER, caller)));
        headers.extend(connector.map(|connector| (CONNECTOR, connector)));
        headers.extend(client.map(|client| (CLIENT, client)));
    }

    /// The author of what `caller` changes by this request.
    pub fn author(&self, caller: &Caller) -> Author {
        self.author_of(caller.actor())
    }

    /// The author of what somebody changes by this request who did not sign in for it: nobody known, or whom a link was
    /// sent to.
    pub fn author_of(&self, actor: Actor) -> Author {
        self.called_by(actor);
        Author { actor, api: self.api, request_id: self.request_id.to_string() }
    }
}

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // `serve` has put it there.
        let call = parts.extensions.get::<Self>().cloned();
        Ok(call.unwrap_or_else(|| Self::new("accord", &parts.headers)))
    }
}

/// Spin writes the peer's address over whatever the caller sent under this name.
fn client_address(headers: &HeaderMap) -> Option<IpAddr> {
    let text = headers.get("spin-client-addr")?.to_str().ok()?;
    text.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| text.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_path_keeps_the_rest_of_the_address() {
        for (uri, expected) in [
            ("http://a.example/old/b?c=/old/&d", "http://a.example/new/b%20c?c=/old/&d"),
            ("/old", "/new/b%20c"),
            ("/old?", "/new/b%20c?"),
        ] {
            let moved = with_path(&Uri::from_static(uri), "/new/b%20c").expect("an address");
            assert_eq!(moved.to_string(), expected, "{uri}");
        }
        assert_eq!(with_path(&Uri::from_static("/old"), "/a b"), None, "it is no path");
    }

    #[test]
    fn the_address_comes_with_or_without_a_port() {
        for (text, address) in [("127.0.0.1:5000", "127.0.0.1"), ("[::1]:5000", "::1"), ("10.0.0.1", "10.0.0.1")] {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static("spin-client-addr"), HeaderValue::from_static(text))]);
            assert_eq!(client_address(&headers), address.parse().ok());
        }
        assert_eq!(client_address(&HeaderMap::new()), None);
    }
}
