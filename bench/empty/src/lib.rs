//! A component that answers 200 with nothing: what the runtime costs before any code of ours.
//!
//! It is reached as Accord's components are, through a router that the instance made once.

use accord_web::{Api, Call, Failure, call};
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

thread_local! {
    static ROUTER: Router = Router::new().route("/empty", get(async || ()));
}

struct Empty;

impl Api for Empty {
    const NAME: &'static str = "empty";
    type Failure = Failure;

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        failure.status().into_response()
    }
}

/// Answers a request. (Exported to Spin; natively there is nothing to export to.)
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: spin_sdk::http::Request) -> Response {
    call::serve::<Empty, _>(&ROUTER, request).await
}
