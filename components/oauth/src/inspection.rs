//! Revocation (RFC 7009) and introspection (RFC 7662).

use accord_core::auth::token::{self, FIRST_PARTY, Verified};
use accord_core::error::Error;
use accord_core::setting;
use accord_core::sign_in::inspection;
use accord_core::sign_in::session::{self, Kept};
use accord_core::store::{Connection, Transaction};
use accord_web::Call;
use axum::Json;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::failure::{Failure, Failures};
use crate::form::{Form, required};
use crate::token::{Unkept, unkept};
use crate::{beginning, client, openapi};

/// Revoke a token
///
/// Ends a token. A refresh token takes its family and the access tokens of that with it.
///
/// A token that was issued to a connector needs that connector's credentials, also if it is a user's; any other needs none,
/// for who has it could use it, too. The answer is the same for a token that is not there (RFC 7009, section 2.2).
#[utoipa::path(
    post,
    operation_id = "oauth_revoke",
    path = "/oauth/revoke",
    tag = "oauth",
    request_body(content = openapi::TokenToInspect, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token is good no more, or never was."), Failures),
    security(("client" = []), ())
)]
pub async fn revoke(call: Call, headers: HeaderMap, form: Form) -> Result<Unkept<StatusCode>, Failure> {
    let connection = Connection::lease().await?;
    beginning::ensure(&call, &connection).await?;
    let connector = client::find(&call, &headers, &form, &connection).await?;
    let shown = required(form.token, "token")?;
    // RFC 7009, section 2.1: a token that was issued to another client is refused, and the client is told.
    let refusal = connector.as_ref().map_or(Failure::from(client::MISSING), |_| Failure::OfAnotherClient);
    if let Some(kept) = session::find(&connection, &shown)? {
        if kept.connector_id != connector.map(|connector| connector.id) {
            return Err(refusal);
        }
        let lifetime = setting::seconds("access_token_lifetime").await?;
        let transaction = Transaction::begin_on(connection).await?;
        session::end(&transaction, &kept.family, lifetime)?;
        transaction.commit().await?;
        return Ok(unkept(StatusCode::OK));
    }
    match token::verify(&shown, &connection).await {
        Ok(verified) if verified.client_id == connector.map_or(FIRST_PARTY.to_owned(), |own| own.client_id) => {
            let transaction = Transaction::begin_on(connection).await?;
            token::revoke(&transaction, &verified.jti, verified.expires_at)?;
            transaction.commit().await?;
            Ok(unkept(StatusCode::OK))
        }
        Ok(_) => Err(refusal),
        Err(Error::Unauthenticated(_)) => Ok(unkept(StatusCode::OK)),
        Err(error) => Err(error.into()),
    }
}

/// A realm, which clients of Keycloak name.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "read by the generator only")]
struct OfRealm {
    /// Any: there is one directory.
    #[param(inline, example = "accord")]
    realm: openapi::Realm,
}

/// End a session
///
/// By its refresh token, at the path where clients of Keycloak do so: as to revoke that. (People sign out in a browser at the
/// `end_session_endpoint`.)
#[utoipa::path(
    post,
    operation_id = "oauth_logout_of_realm",
    path = "/realms/{realm}/protocol/openid-connect/logout",
    tag = "oauth",
    params(OfRealm),
    request_body(content = openapi::SessionToEnd, content_type = "application/x-www-form-urlencoded"),
    responses((status = 204, description = "The session has ended, or never was."), Failures),
    security(("client" = []), ())
)]
pub async fn log_out(call: Call, headers: HeaderMap, form: Form) -> Result<Unkept<StatusCode>, Failure> {
    let token = Some(required(form.refresh_token.clone(), "refresh_token")?);
    revoke(call, headers, Form { token, ..form }).await?;
    Ok(unkept(StatusCode::NO_CONTENT))
}

/// Introspect a token
///
/// Tells what a token is. A connector learns of the tokens of its own account and of those that it
/// owns; any other is `{"active":false}`, as one that is not good is (RFC 7662, section 2.2).
#[utoipa::path(
    post,
    operation_id = "oauth_introspect",
    path = "/oauth/introspect",
    tag = "oauth",
    request_body(content = openapi::TokenToInspect, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "What the token is.", body = openapi::Introspection), Failures),
    security(("client" = []), ())
)]
pub async fn introspect(call: Call, headers: HeaderMap, form: Form) -> Result<Unkept<Json<Value>>, Failure> {
    let connection = Connection::lease().await?;
    beginning::ensure(&call, &connection).await?;
    let connector = client::require(&call, &headers, &form, &connection).await?;
    let shown = required(form.token, "token")?;
    let answer = match inspection::inspect_for(&connector, &shown, &connection).await? {
        Some((verified, _)) => {
            let (issuer, audience) = (setting::get("public_url").await?, setting::get("audience").await?);
            Some(access_token(&verified, &issuer, &audience))
        }
        None => inspection::inspect_refresh_for(&connector, &shown, &connection)?
            .map(|kept| refresh_token(&kept, &connector.client_id)),
    };
    let answer = answer.unwrap_or_else(|| json!({ "active": false }));
    Ok(unkept(Json(answer)))
}

/// What is told of an access token.
fn access_token(verified: &Verified, issuer: &str, audience: &str) -> Value {
    let mut answer = json!({
        "active": true,
        "token_type": "Bearer",
        "client_id": verified.client_id,
        "sub": verified.subject,
        "scope": verified.scope,
        "iss": issuer,
        "aud": audience,
        "jti": verified.jti,
        "iat": verified.issued_at.seconds(),
        "exp": verified.expires_at.seconds(),
    });
    if let Some(account) = verified.account {
        answer["account"] = json!(account);
    }
    answer
}

/// What is told of a refresh token to the connector that has it.
fn refresh_token(kept: &Kept, client_id: &str) -> Value {
    json!({
        "active": true,
        "client_id": client_id,
        "sub": kept.person_uuid.as_deref().unwrap_or(client_id),
        "scope": kept.scopes.as_str(),
        "exp": kept.expires_at.seconds(),
    })
}
