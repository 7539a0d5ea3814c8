//! Tokens: the token endpoint at its three paths, revocation and introspection, the public keys, and the metadata that
//! names them. And whether all that they need is there.
//!
//! The only component that may open the key-value store, which holds the private signing keys, and the one that makes
//! the operator account at the first start.

mod beginning;
mod client;
mod discovery;
mod ed25519;
mod failure;
mod form;
mod health;
mod inspection;
mod openapi;
mod rotation;
mod signing;
mod token;
mod userinfo;

use accord_web::{Api, Call};
use axum::response::Response;
use http::Method;

use crate::failure::Failure;

struct OAuth;

impl Api for OAuth {
    const NAME: &'static str = "oauth";
    const LIMITS_ADDRESSES: bool = true;
    type Failure = Failure;

    fn is_open(_: &Method, path: &str) -> bool {
        path.starts_with("/health/") || path.contains("/.well-known/") || path.ends_with("/openid-connect/certs")
    }

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        failure.render()
    }
}

accord_web::operations! { OAuth,
    // One token endpoint, at the paths of the endpoint API, of the portal, and of everybody else.
    post "/oAuth/rest/v2/Token" => token::token,
    post "/realms/{realm}/protocol/openid-connect/token" => token::token,
    post "/oauth/token" => token::token,
    post "/oauth/revoke" => inspection::revoke,
    post "/oauth/introspect" => inspection::introspect,
    post "/oauth/keys/rotate" => rotation::rotate,
    get "/oauth/userinfo" => userinfo::get,
    post "/oauth/userinfo" => userinfo::post,
    // Where clients of Keycloak look.
    get "/realms/{realm}/.well-known/openid-configuration" => discovery::metadata,
    get "/realms/{realm}/protocol/openid-connect/certs" => discovery::keys,
    get "/realms/{realm}/protocol/openid-connect/userinfo" => userinfo::get,
    post "/realms/{realm}/protocol/openid-connect/userinfo" => userinfo::post,
    post "/realms/{realm}/protocol/openid-connect/token/introspect" => inspection::introspect,
    post "/realms/{realm}/protocol/openid-connect/revoke" => inspection::revoke,
    post "/realms/{realm}/protocol/openid-connect/logout" => inspection::log_out,
    get "/health/live" => health::live,
    get "/health/ready" => health::ready,
    get "/.well-known/jwks.json" => discovery::keys,
    get "/.well-known/oauth-authorization-server" => discovery::metadata,
    get "/.well-known/openid-configuration" => discovery::metadata,
}
