//! What tells others how to get and how to check a token: the JWKS (RFC 7517) and the metadata (RFC 8414).

use accord_core::auth::{key, scope};
use accord_core::setting;
use accord_core::store::Connection;
use accord_web::Call;
use anyhow::anyhow;
use axum::Json;
use http::{HeaderName, header};
use serde_json::{Value, json};

use crate::failure::{Failure, Outages};
use crate::{beginning, openapi, signing};

/// Get the public keys
///
/// The keys that verify access tokens now (RFC 7517).
#[utoipa::path(
    get,
    operation_id = "oauth_keys",
    path = "/.well-known/jwks.json",
    tag = "oauth",
    responses((status = 200, description = "The keys.", body = openapi::KeySet), Outages)
)]
pub async fn keys(call: Call) -> Result<([(HeaderName, &'static str); 1], Json<Value>), Failure> {
    let connection = Connection::lease().await?;
    beginning::ensure(&call, &connection).await?;
    // Whoever asks before the first token is issued gets the key that will sign it.
    signing::current(&connection).await?;
    let keys = key::all(&connection)?.into_iter().map(|(algorithm, jwk)| {
        let mut jwk: Value = serde_json::from_str(&jwk).map_err(|error| anyhow!("stored JWK: {error}"))?;
        jwk["alg"] = algorithm.into();
        jwk["use"] = "sig".into();
        Ok(jwk)
    });
    let keys = json!({ "keys": keys.collect::<anyhow::Result<Vec<_>>>()? });
    // A minute: a key signs at once when it is new, and clients fetch again for an unknown `kid`.
    Ok(([(header::CACHE_CONTROL, "public, max-age=60")], Json(keys)))
}

/// Get the metadata
///
/// What this server is and can do (RFC 8414).
#[utoipa::path(
    get,
    operation_id = "oauth_metadata",
    path = "/.well-known/oauth-authorization-server",
    tag = "oauth",
    responses((status = 200, description = "The metadata.", body = openapi::Metadata), Outages)
)]
pub async fn metadata() -> Result<Json<Value>, Failure> {
    Ok(Json(describe(&setting::get("public_url").await?)))
}

fn describe(issuer: &str) -> Value {
    let base = issuer.trim_end_matches('/');
    json!({
        "issuer": issuer,
        "token_endpoint": format!("{base}/oauth/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "revocation_endpoint": format!("{base}/oauth/revoke"),
        "introspection_endpoint": format!("{base}/oauth/introspect"),
        "grant_types_supported": ["client_credentials", "password", "refresh_token"],
        // There is no authorization endpoint, hence no response type; the member itself is required.
        "response_types_supported": [],
        "scopes_supported": scope::ALL,
    })
}
