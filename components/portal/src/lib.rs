//! The portal API: connectors push accounts and users, and read nothing.
//!
//! Three operations, all `PATCH` with a JSON body, all answered by `200` and an empty body:
//!
//! | path | body |
//! |---|---|
//! | `/api/integrations/v1/accounts` | external account id → `{"name","id"}` or null |
//! | `/api/integrations/v1/accounts/{account_id}/users` | array of external user ids |
//! | `/api/integrations/v1/users` | external user id → `{"email"}` or null |
//!
//! A body is applied whole or not at all. No answer tells anything that another connector brought.

mod entries;
#[cfg(not(target_family = "wasm"))]
mod openapi;
mod problem;

use accord_core::call::{self, Call};
use accord_core::error::Thing;
use accord_core::store::Connection;
use accord_core::token::{self, Client};
use accord_core::{Error, body, health, identity, json, scope};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

#[cfg(not(target_family = "wasm"))]
use crate::problem::Problems;

/// Largest body, in bytes.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

thread_local! {
    static ROUTER: Router = routes();
}

accord_core::operations! {
    patch "/api/integrations/v1/accounts" => put_accounts,
    patch "/api/integrations/v1/accounts/{account_id}/users" => bind_users,
    patch "/api/integrations/v1/users" => put_users,
    _ => problem::unknown_path, problem::unknown_method,
}

/// Answers a request. (Exported to Spin; natively, where unit tests run, there is nothing to export to.)
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: spin_sdk::http::Request) -> Response {
    call::route("portal", &ROUTER, request).await
}

/// Update accounts
///
/// Binds each external id to the account of the registration id, which is made if there is none; null unbinds it. All
/// entries are applied or none. An `id` or a `name` may be left out for an external id that is bound.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(patch, operation_id = "portal_put_accounts",
    path = "/api/integrations/v1/accounts", tag = "portal",
    request_body(content = BTreeMap<String, openapi::body::Account>, examples(
        ("update" = (summary = "Update an account", value = json!({ "account_123": { "name": "Acme Ltd.", "id": "123456-8" } }))),
        ("remove" = (summary = "Remove an account", value = json!({ "account_123": null })))
    )),
    responses((status = 200, description = "Every entry is applied."), Problems),
    security(("bearer" = []))
))]
async fn put_accounts(call: Call, request: Request) -> Response {
    let done = async {
        let (client, body) = client(request).await?;
        let put = async {
            let body = body.read(&client).await?;
            let entries = entries::accounts(&json::Value::parse(&body)?)?;
            identity::put_accounts(&call.author(&client, API), &client, &entries).await
        };
        health::write(&client, API, put).await
    };
    answer(&call, done.await)
}

/// Bind users to an account
///
/// Adds users to those of the account. One that is not known yet is bound as soon as it is.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(patch, operation_id = "portal_bind_users",
    path = "/api/integrations/v1/accounts/{account_id}/users", tag = "portal",
    params(("account_id" = String, Path, example = "123456-8", description = "The registration id of an account that the connector is bound to, or the connector's external id of it.")),
    request_body(content = Vec<String>, example = json!(["user_001", "user_002"])),
    responses(
        (status = 200, description = "Every user is bound."),
        (status = 404, description = "The connector is bound to no such account.", content_type = "application/problem+json", body = problem::Problem),
        Problems
    ),
    security(("bearer" = []))
))]
async fn bind_users(call: Call, path: Result<Path<String>, PathRejection>, request: Request) -> Response {
    let done = async {
        let (client, body) = client(request).await?;
        let bind = async {
            let body = body.read(&client).await?;
            let users = entries::external_ids(&json::Value::parse(&body)?)?;
            // A path that is not UTF-8 once it is decoded names nothing.
            let Path(account) = path.map_err(|_| Error::NotFound(Thing::Account))?;
            let account = entries::account_id(&account)?;
            identity::bind_users(&call.author(&client, API), &client, &account, &users).await
        };
        health::write(&client, API, bind).await
    };
    answer(&call, done.await)
}

/// Update users
///
/// Says which user an external user id means: the one of the e-mail address, who is made if there is none; null unbinds it.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(patch, operation_id = "portal_put_users",
    path = "/api/integrations/v1/users", tag = "portal",
    request_body(content = BTreeMap<String, openapi::body::User>, examples(
        ("update" = (summary = "Update a user", value = json!({ "user_001": { "email": "jane@example.com" } }))),
        ("remove" = (summary = "Remove a user", value = json!({ "user_001": null })))
    )),
    responses((status = 200, description = "Every entry is applied."), Problems),
    security(("bearer" = []))
))]
async fn put_users(call: Call, request: Request) -> Response {
    let done = async {
        let (client, body) = client(request).await?;
        let put = async {
            let body = body.read(&client).await?;
            let entries = entries::users(&json::Value::parse(&body)?)?;
            identity::put_users(&call.author(&client, API), &client, &entries).await
        };
        health::write(&client, API, put).await
    };
    answer(&call, done.await)
}

/// The name of this API in the audit.
const API: &str = "portal";

/// Who calls, and the body, which is still to be read.
async fn client(request: Request) -> Result<(Client, Unread), Error> {
    let (parts, body) = request.into_parts();
    // The connection is given back before the body is read: a slow sender holds none.
    let client = token::client(&parts.headers, &Connection::lease().await?).await?;
    Ok((client, Unread { headers: parts.headers, body }))
}

/// A body that has not been read.
struct Unread {
    headers: HeaderMap,
    body: Body,
}

impl Unread {
    /// Reads the body, if the caller may send it.
    async fn read(self, client: &Client) -> Result<Bytes, Error> {
        client.require(scope::PORTAL_WRITE)?;
        body::json(&self.headers, self.body, BODY_LIMIT).await
    }
}

fn answer(call: &Call, done: Result<(), Error>) -> Response {
    match done {
        Ok(()) => call.sign(StatusCode::OK.into_response()),
        Err(error) => problem::answer(call, &error),
    }
}
