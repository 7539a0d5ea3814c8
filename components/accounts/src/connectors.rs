//! Connectors: the OAuth clients of an account, made and ended by those who manage it.
//!
//! A secret is shown once, in the answer that makes it. Creations therefore take no `Idempotency-Key`: the answer would
//! have to be kept, secret and all.

use accord_core::Error;
use accord_core::call::Call;
use accord_core::connector::{self, Connector, NewConnector};
use accord_core::error::Thing;
use accord_core::fields::Fields;
use accord_core::scope::{self, Scopes};
use accord_core::store::{Connection, Transaction};
use accord_core::token::Caller;
use axum::Json;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::Serialize;

use crate::accounts::time;
use crate::answer::done;
use crate::input::{self, API, Authorized};
use crate::problem;
#[cfg(not(target_family = "wasm"))]
use crate::problem::Problems;

/// Longest name, integration and property, in characters.
const TEXT_MAX: usize = 100;

#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConnectorShown {
    id: i64,
    account_id: i64,
    name: String,
    integration: String,
    property: String,
    environment: String,
    scopes: Vec<String>,
    status: String,
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    created_at: String,
}

impl ConnectorShown {
    fn of(connector: Connector, client_secret: Option<String>) -> Self {
        Self {
            id: connector.id,
            account_id: connector.account_id,
            name: connector.name,
            integration: connector.integration,
            property: connector.property,
            environment: connector.environment,
            scopes: connector.scopes.as_str().split_whitespace().map(str::to_owned).collect(),
            status: connector.status,
            client_id: connector.client_id,
            client_secret,
            created_at: time(connector.created_at),
        }
    }
}

/// Create a connector
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "connectors_create", path = "/api/connectors", tag = "accounts",
    request_body = crate::openapi::body::NewConnector,
    responses((status = 201, description = "It is made.", body = ConnectorShown), Problems),
    security(("bearer" = []))
))]
pub async fn create(call: Call, request: Request) -> Response {
    let created = async {
        let Authorized { caller, body, .. } = input::authorized(request).await?;
        let mut fields = Fields::read(&body)?;
        let account_id = fields.integer("accountId").or_else(|| home(&caller));
        if account_id.is_none() {
            fields.refuse("accountId", "is required for a user without an account");
        }
        let scopes = fields.names("scopes").unwrap_or_else(|| vec![scope::PORTAL_WRITE.to_owned()]);
        let unknown = scopes.iter().find(|scope| !scope::ALL.contains(&scope.as_str()));
        if let Some(unknown) = unknown {
            fields.refuse("scopes", format!("there is no scope {unknown:?}"));
        } else if scopes.is_empty() {
            fields.refuse("scopes", "must not be empty");
        }
        let new = NewConnector {
            account_id: account_id.unwrap_or_default(),
            name: fields.required("name", TEXT_MAX),
            integration: fields.optional("integration", TEXT_MAX).unwrap_or_default(),
            property: fields.optional("property", TEXT_MAX).unwrap_or_default(),
            sandbox: fields.either("environment", "sandbox", "production").unwrap_or(false),
            scopes: Scopes::trusted(scopes.join(" ")),
        };
        fields.finish()?;
        let transaction = Transaction::begin().await?;
        let made = connector::create(&transaction, &call.author_of(&caller, API), &caller, &new).await?;
        transaction.commit().await?;
        Ok::<_, Error>(made)
    };
    match created.await {
        Ok((connector, secret)) => {
            let location = format!("/api/connectors/{}", connector.id);
            let mut response = once(StatusCode::CREATED, ConnectorShown::of(connector, Some(secret)));
            if let Ok(location) = HeaderValue::from_str(&location) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            call.sign(response)
        }
        Err(error) => problem::answer(&call, &error),
    }
}

/// An answer with a secret in it: nobody on the way may keep it.
fn once(status: StatusCode, body: ConnectorShown) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// The account that a caller means without naming one.
fn home(caller: &Caller) -> Option<i64> {
    match caller {
        Caller::User(user) => user.account_id,
        Caller::Client(client) => Some(client.account_id),
    }
}

#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Listed {
    value: Vec<ConnectorShown>,
    count: usize,
}

/// List the connectors of an account
///
/// All of them, the oldest first.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(get, operation_id = "connectors_list", path = "/api/connectors", tag = "accounts",
    params(("accountId" = Option<i64>, Query, description = "The account that the caller signed in to, if left out.")),
    responses((status = 200, description = "It is done.", body = Listed), Problems),
    security(("bearer" = []))
))]
pub async fn list(call: Call, uri: Uri, headers: HeaderMap) -> Response {
    let listed = async {
        let caller = input::caller(&headers).await?;
        let query = uri.query().unwrap_or_default();
        let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "accountId");
        let account_id = match named {
            Some((_, id)) => input::id(&id, Thing::Account)?,
            None => home(&caller).ok_or(Error::NotFound(Thing::Account))?,
        };
        connector::list(&Connection::lease().await?, &caller, account_id)
    };
    match listed.await {
        Ok(connectors) => {
            let value: Vec<_> = connectors.into_iter().map(|connector| ConnectorShown::of(connector, None)).collect();
            call.sign(Json(Listed { count: value.len(), value }).into_response())
        }
        Err(error) => problem::answer(&call, &error),
    }
}

/// Get a connector
#[cfg_attr(not(target_family = "wasm"), utoipa::path(get, operation_id = "connectors_get", path = "/api/connectors/{id}", tag = "accounts",
    params(("id" = i64, Path, description = "The id.")),
    responses((status = 200, description = "It is done.", body = ConnectorShown), Problems),
    security(("bearer" = []))
))]
pub async fn get(call: Call, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let found = async {
        let caller = input::caller(&headers).await?;
        connector::load(&Connection::lease().await?, &caller, input::id(&id, Thing::Connector)?)
    };
    match found.await {
        Ok(connector) => call.sign(Json(ConnectorShown::of(connector, None)).into_response()),
        Err(error) => problem::answer(&call, &error),
    }
}

/// Give a connector a new secret
///
/// The old one works no more, nor do refresh tokens got with it; access tokens last until they expire.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "connectors_rotate", path = "/api/connectors/{id}/secret", tag = "accounts",
    params(("id" = i64, Path, description = "The id.")),
    responses((status = 200, description = "It is done.", body = ConnectorShown), Problems),
    security(("bearer" = []))
))]
pub async fn rotate(call: Call, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let rotated = async {
        let caller = input::caller(&headers).await?;
        let id = input::id(&id, Thing::Connector)?;
        let transaction = Transaction::begin().await?;
        let rotated = connector::rotate(&transaction, &call.author_of(&caller, API), &caller, id).await?;
        transaction.commit().await?;
        Ok::<_, Error>(rotated)
    };
    match rotated.await {
        Ok((connector, secret)) => call.sign(once(StatusCode::OK, ConnectorShown::of(connector, Some(secret)))),
        Err(error) => problem::answer(&call, &error),
    }
}

/// Resume a connector
///
/// One that was paused after ten failed writes writes again.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "connectors_resume", path = "/api/connectors/{id}/resume", tag = "accounts",
    params(("id" = i64, Path, description = "The id.")),
    responses((status = 200, description = "It is done.", body = crate::answer::Done), Problems),
    security(("bearer" = []))
))]
pub async fn resume(call: Call, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let resumed = async {
        let caller = input::caller(&headers).await?;
        let id = input::id(&id, Thing::Connector)?;
        let transaction = Transaction::begin().await?;
        connector::resume(&transaction, &call.author_of(&caller, API), &caller, id).await?;
        transaction.commit().await
    };
    done(&call, resumed.await, "Connector resumed")
}

/// Disconnect a connector
///
/// Its tokens work no more. What it brought stays.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "connectors_disconnect", path = "/api/connectors/{id}/disconnect", tag = "accounts",
    params(("id" = i64, Path, description = "The id.")),
    responses((status = 200, description = "It is done.", body = crate::answer::Done), Problems),
    security(("bearer" = []))
))]
pub async fn disconnect(call: Call, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let disconnected = async {
        let caller = input::caller(&headers).await?;
        let id = input::id(&id, Thing::Connector)?;
        let transaction = Transaction::begin().await?;
        connector::disconnect(&transaction, &call.author_of(&caller, API), &caller, id).await?;
        transaction.commit().await
    };
    done(&call, disconnected.await, "Connector disconnected")
}

/// Delete a connector
///
/// With its external identities.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(delete, operation_id = "connectors_delete", path = "/api/connectors/{id}", tag = "accounts",
    params(("id" = i64, Path, description = "The id.")),
    responses((status = 200, description = "It is done.", body = crate::answer::Done), Problems),
    security(("bearer" = []))
))]
pub async fn delete(call: Call, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let deleted = async {
        let caller = input::caller(&headers).await?;
        let id = input::id(&id, Thing::Connector)?;
        let transaction = Transaction::begin().await?;
        connector::delete(&transaction, &call.author_of(&caller, API), &caller, id).await?;
        transaction.commit().await
    };
    done(&call, deleted.await, "Connector deleted")
}
