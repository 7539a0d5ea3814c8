//! Users: what external user ids mean, and which accounts they are bound to.

use accord_core::Error;
use accord_core::connectors::bindings;
use accord_core::error::Thing;
use accord_web::described::ExternalId;
use accord_web::json::Value;
use accord_web::{Call, Push, Result};
use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use crate::failure::{Problem, Problems};
use crate::{Told, apply, entries, openapi};

/// Bind users to an account
///
/// Adds users to those of the account. One that is not known yet is bound as soon as it is.
#[utoipa::path(
    patch,
    operation_id = "portal_bind_users",
    path = "/api/integrations/v1/accounts/{account_id}/users",
    tag = "portal",
    params(openapi::AccountPath, openapi::Query),
    request_body(content = Vec<ExternalId>, example = json!(["user_001", "user_002"])),
    responses(
        (status = 200, description = "Every user is bound, and the answer is empty; of a dry run it is a `PortalDifference`, which nothing else is."),
        (status = 404, description = "The connector is bound to no such account.", content_type = "application/problem+json", body = Problem),
        Problems
    ),
    security(("bearer" = []))
)]
pub async fn bind(call: Call, path: Result<Path<String>, PathRejection>, push: Push) -> Result<Told> {
    apply(push, async |connector, body, run| {
        let users = entries::external_ids(&Value::parse(&body)?)?;
        // A path that is not UTF-8 once it is decoded names nothing.
        let Path(account) = path.map_err(|_| Error::NotFound(Thing::Account))?;
        let account = entries::account_id(&account)?;
        Ok(bindings::bind_users(call.author_of(connector.actor()), connector, &account, &users, run).await?)
    })
    .await
}

/// Update users
///
/// Says which user an external user id means: the one of the e-mail address, who is made if there is none; null unbinds it.
#[utoipa::path(
    patch,
    operation_id = "portal_put_users",
    path = "/api/integrations/v1/users",
    tag = "portal",
    params(openapi::Query),
    request_body(content = BTreeMap<ExternalId, openapi::body::User>, examples(
        ("update" = (summary = "Update a user", value = json!({ "user_001": { "email": "jane@example.com" } }))),
        ("remove" = (summary = "Remove a user", value = json!({ "user_001": null })))
    )),
    responses(
        (status = 200, description = "Every entry is applied, and the answer is empty; of a dry run it is a `PortalDifference`, which nothing else is."),
        Problems
    ),
    security(("bearer" = []))
)]
pub async fn put(call: Call, push: Push) -> Result<Told> {
    apply(push, async |connector, body, run| {
        let entries = entries::users(&Value::parse(&body)?)?;
        Ok(bindings::put_users(call.author_of(connector.actor()), connector, &entries, run).await?)
    })
    .await
}
