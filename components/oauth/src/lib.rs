//! Tokens: the token endpoint at its three paths, revocation and introspection, the public keys, and the metadata that
//! names them.
//!
//! The only component that may open the key-value store, which holds the private signing keys, and the one that makes
//! the operator account at the first start.

mod beginning;
mod discovery;
mod failure;
mod inspection;
#[cfg(not(target_family = "wasm"))]
mod openapi;
mod signing;
mod token;

use accord_core::call;
use axum::Router;
use axum::response::Response;

thread_local! {
    static ROUTER: Router = routes();
}

accord_core::operations! {
    // One token endpoint, at the paths of the endpoint API, of the portal, and of everybody else.
    post "/oAuth/rest/v2/Token" => token::token,
    post "/realms/{realm}/protocol/openid-connect/token" => token::token,
    post "/oauth/token" => token::token,
    post "/oauth/revoke" => inspection::revoke,
    post "/oauth/introspect" => inspection::introspect,
    get "/.well-known/jwks.json" => discovery::keys,
    get "/.well-known/oauth-authorization-server" => discovery::metadata,
    _ => failure::unknown_path, failure::unknown_method,
}

/// Answers a request. (Exported to Spin; natively, where unit tests run, there is nothing to export to.)
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: spin_sdk::http::Request) -> Response {
    call::route("oauth", &ROUTER, request).await
}
