//! Tokens: the token endpoint at its three paths, revocation and introspection, the public keys, and the metadata that
//! names them.
//!
//! The only component that may open the key-value store, which holds the private signing keys, and the one that makes
//! the operator account at the first start.

mod beginning;
mod discovery;
mod failure;
mod inspection;
mod signing;
mod token;

use accord_core::call;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};

thread_local! {
    static ROUTER: Router = routes();
}

fn routes() -> Router {
    Router::new()
        // 001, 000 and everybody else: one endpoint.
        .route(token::ENDPOINT_PATH, post(token::token))
        .route("/realms/{realm}/protocol/openid-connect/token", post(token::token))
        .route("/oauth/token", post(token::token))
        .route("/oauth/revoke", post(inspection::revoke))
        .route("/oauth/introspect", post(inspection::introspect))
        .route("/.well-known/jwks.json", get(discovery::keys))
        .route("/.well-known/oauth-authorization-server", get(discovery::metadata))
        .fallback(failure::unknown_path)
        .method_not_allowed_fallback(failure::unknown_method)
}

/// Answers a request. (Exported to Spin; natively, where unit tests run, there is nothing to export to.)
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: spin_sdk::http::Request) -> Response {
    call::route(&ROUTER, request).await
}
