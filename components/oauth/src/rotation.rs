//! Ending the keys that sign, at once: for the operator, when one of them may be known to somebody else.

use accord_core::auth::rotation;
use accord_core::store::Connection;
use accord_web::Call;
use axum::Json;
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::{Failure, Failures};
use crate::form::Form;
use crate::token::{Unkept, unkept};
use crate::{beginning, client, openapi, signing};

/// What has become of the keys.
#[derive(Serialize, ToSchema)]
pub struct Rotated {
    /// The key that signs from now on.
    #[schema(value_type = openapi::KeyPart)]
    kid: String,
    /// The keys that were ended.
    #[schema(value_type = Vec<openapi::KeyPart>)]
    ended: Vec<String>,
}

/// End all keys
///
/// Makes a new key. Every other one is ended at once: its tokens are refused, and its private half is forgotten.
///
/// It is for a connector of the operator account with the rank `owner` and the scope `accounts:manage`, by its secret: a token
/// would prove nothing, for whoever knows a key can sign one. Refresh tokens go on: they are not signed.
#[utoipa::path(
    post,
    operation_id = "oauth_rotate_keys",
    path = "/oauth/keys/rotate",
    tag = "oauth",
    request_body(content = openapi::Client, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The keys are ended.", body = Rotated),
        (status = 403, description = "The connector is not the operator's.", body = crate::failure::Body),
        Failures,
    ),
    security(("client" = []))
)]
pub async fn rotate(call: Call, headers: HeaderMap, form: Form) -> Result<Unkept<Json<Rotated>>, Failure> {
    let connection = Connection::lease().await?;
    beginning::ensure(&call, &connection).await?;
    let connector = client::require(&call, &headers, &form, &connection).await?;
    let operator = rotation::require(&connection, &connector)?;
    drop(connection);
    let (kid, ended) = signing::rotate(call.author_of(connector.actor()), operator).await?;
    // Nobody who signs in next waits for a key of ID tokens.
    signing::prepare(&Connection::lease().await?).await?;
    Ok(unkept(Json(Rotated { kid, ended })))
}
