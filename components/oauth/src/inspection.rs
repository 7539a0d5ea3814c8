//! Revocation (RFC 7009) and introspection (RFC 7662).

use accord_core::call::Call;
use accord_core::session::{self, Kept};
use accord_core::store::{Connection, Transaction};
use accord_core::token::{self, Caller, Verified};
use accord_core::{body, setting};
use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::beginning;
use crate::failure::Failure;
use crate::token::{BODY_LIMIT, Form, authenticate, has_credentials};
#[cfg(not(target_family = "wasm"))]
use crate::{failure::Failures, openapi};

/// Revoke a token
///
/// Ends a token. A refresh token takes its family and the access tokens of that with it.
///
/// A connector's token needs that connector's credentials. A user's needs none: who has it could use it, too. The answer
/// is the same for a token that is not there (RFC 7009, section 2.2).
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "oauth_revoke", path = "/oauth/revoke", tag = "oauth",
    request_body(content = openapi::TokenToInspect, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token is good no more, or never was."), Failures),
    security(("client" = []), ())
))]
pub async fn revoke(call: Call, request: Request) -> Response {
    let done = async {
        let (parts, body) = request.into_parts();
        let form = Form::parse(&body::form(&parts.headers, body, BODY_LIMIT).await?)?;
        let connection = Connection::lease().await?;
        beginning::ensure(&connection, &call.request_id).await?;
        let client = if has_credentials(&parts.headers, &form) {
            Some(authenticate(&call, &parts.headers, &form, &connection).await?)
        } else {
            None
        };
        let shown = form.token.ok_or_else(|| Failure::InvalidRequest("token is missing".to_owned()))?;
        let client = client.map(|client| client.id);
        if let Some(kept) = session::find(&connection, &shown)? {
            if kept.connector_id == client {
                let access_lifetime = setting::number("access_token_lifetime").await? * 1000;
                let transaction = Transaction::begin_on(connection).await?;
                session::end(&transaction, &kept.family, access_lifetime)?;
                transaction.commit().await?;
            }
        } else if let Some((verified, caller)) = token::inspect(&shown, &connection).await? {
            let holder = match &caller {
                Caller::Client(client) => Some(client.connector_id),
                Caller::User(_) => None,
            };
            if holder == client {
                let transaction = Transaction::begin_on(connection).await?;
                token::revoke(&transaction, &verified.jti, verified.expires_at)?;
                transaction.commit().await?;
            }
        }
        Ok::<_, Failure>(())
    };
    match done.await {
        Ok(()) => call.sign(([(header::CACHE_CONTROL, "no-store")], StatusCode::OK).into_response()),
        Err(failure) => failure.answer(&call),
    }
}

/// Introspect a token
///
/// Tells what a token is. A connector learns of the tokens of its own account and of those that it
/// owns; any other is `{"active":false}`, as one that is not good is (RFC 7662, section 2.2).
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "oauth_introspect", path = "/oauth/introspect", tag = "oauth",
    request_body(content = openapi::TokenToInspect, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "What the token is.", body = openapi::Introspection), Failures),
    security(("client" = []), ())
))]
pub async fn introspect(call: Call, request: Request) -> Response {
    let done = async {
        let (parts, body) = request.into_parts();
        let form = Form::parse(&body::form(&parts.headers, body, BODY_LIMIT).await?)?;
        let connection = Connection::lease().await?;
        beginning::ensure(&connection, &call.request_id).await?;
        let client = authenticate(&call, &parts.headers, &form, &connection).await?;
        let shown = form.token.ok_or_else(|| Failure::InvalidRequest("token is missing".to_owned()))?;
        let issuer = setting::get("public_url").await?;
        let audience = setting::get("audience").await?;
        let found = match token::inspect(&shown, &connection).await? {
            Some((verified, caller)) => Some(access_token(&verified, &caller, &issuer, &audience)),
            None => session::find(&connection, &shown)?
                .filter(Kept::is_good)
                .map(|kept| refresh_token(&kept, &client.client_id, client.id, client.account_id)),
        };
        let visible = match &found {
            Some((Some(account), _)) => session::belongs_to(&connection, *account, client.account_id)?,
            _ => false,
        };
        let answer = found.filter(|_| visible).map_or_else(|| json!({ "active": false }), |(_, answer)| answer);
        Ok::<_, Failure>(answer)
    };
    match done.await {
        Ok(answer) => call.sign(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()),
        Err(failure) => failure.answer(&call),
    }
}

/// The account that an access token belongs to, and what to tell of it.
fn access_token(verified: &Verified, caller: &Caller, issuer: &str, audience: &str) -> (Option<i64>, Value) {
    let account = match caller {
        Caller::Client(client) => Some(client.account_id),
        Caller::User(user) => user.account_id,
    };
    let mut answer = json!({
        "active": true,
        "token_type": "Bearer",
        "client_id": verified.client_id,
        "sub": verified.subject,
        "scope": verified.scope,
        "iss": issuer,
        "aud": audience,
        "jti": verified.jti,
        "iat": verified.issued_at / 1000,
        "exp": verified.expires_at / 1000,
    });
    if let Some(account) = verified.account {
        answer["account"] = account.into();
    }
    (account, answer)
}

/// As [`access_token`], of a refresh token. A connector learns of its own only: nobody else has a use for one.
fn refresh_token(kept: &Kept, client_id: &str, connector_id: i64, account_id: i64) -> (Option<i64>, Value) {
    let own = kept.connector_id == Some(connector_id);
    let answer = json!({
        "active": true,
        "client_id": client_id,
        "sub": client_id,
        "scope": kept.scopes.as_str(),
        "exp": kept.expires_at / 1000,
    });
    (own.then_some(account_id), answer)
}
