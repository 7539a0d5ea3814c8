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
    signing::prepare(&connection).await?;
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
/// What this server is and can do (RFC 8414). At the path of OpenID Connect, which has the same members, whoever signs people in
/// here learns it.
#[utoipa::path(
    get,
    operation_id = "oauth_metadata",
    path = "/.well-known/oauth-authorization-server",
    tag = "oauth",
    responses((status = 200, description = "The metadata.", body = openapi::Metadata), Outages)
)]
pub async fn metadata(call: Call) -> Result<Json<Value>, Failure> {
    let connection = Connection::lease().await?;
    beginning::ensure(&call, &connection).await?;
    signing::prepare(&connection).await?;
    Ok(Json(describe(&setting::get("public_url").await?)))
}

fn describe(issuer: &str) -> Value {
    let base = issuer.trim_end_matches('/');
    let authentication = ["client_secret_basic", "client_secret_post", "none"];
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{base}/oauth/authorize"),
        "token_endpoint": format!("{base}/oauth/token"),
        "token_endpoint_auth_methods_supported": authentication,
        "userinfo_endpoint": format!("{base}/oauth/userinfo"),
        "end_session_endpoint": format!("{base}/oauth/logout"),
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "revocation_endpoint": format!("{base}/oauth/revoke"),
        "revocation_endpoint_auth_methods_supported": authentication,
        "introspection_endpoint": format!("{base}/oauth/introspect"),
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["authorization_code", "client_credentials", "password", "refresh_token"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        "prompt_values_supported": ["none", "login", "select_account", "consent"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "azp", "at_hash", "sid", "account", "name", "given_name",
            "family_name", "updated_at", "email", "email_verified", "phone_number", "phone_number_verified",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "scopes_supported": scope::IDENTITY.iter().chain(&scope::ALL).collect::<Vec<_>>(),
    })
}
