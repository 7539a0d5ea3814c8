//! The audit: who changed what.

use accord_core::people::history::{self, EVENTS};
use accord_core::store::Connection;
use accord_core::values::id::{AccountId, EventId};
use accord_resources::list::{self, Preference, Query};
use accord_resources::parameters::{ById, OfEvent};
use accord_resources::{Options, Problems, Target};
use accord_web::{Bearer, Result};
use axum::Json;
use http::{HeaderMap, Uri};
use serde_json::Value;

/// List what was changed
///
/// Of the accounts that the user who calls manages, and of that user, the newest first. Who made a change is named to whoever
/// may see that one. It is kept for as long as the operator has set.
#[utoipa::path(
    get, operation_id = "audit_list", path = "/api/audit", tag = "accounts",
    params(Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::EventPage), Problems),
    security(("bearer" = []))
)]
pub async fn list(Bearer(caller): Bearer, uri: Uri, headers: HeaderMap) -> Result<Json<Value>> {
    let options = Options::of(&EVENTS, &[], &uri, &headers)?;
    let page = history::list(&Connection::lease().await?, &caller, &options.listing).await?;
    Ok(Json(options.render(page, "/api/audit").await?))
}

/// Get one of the things that were changed
#[utoipa::path(
    get, operation_id = "audit_get", path = "/api/audit/{eventId}", tag = "accounts",
    params(OfEvent),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::SelectedEvent), Problems),
    security(("bearer" = []))
)]
pub async fn get(Bearer(caller): Bearer, Target(id): Target<EventId>) -> Result<Json<Value>> {
    let event = history::load(&Connection::lease().await?, &caller, id).await?;
    Ok(Json(list::render(&EVENTS.fields.iter().collect::<Vec<_>>(), event)))
}

/// List what was changed of an account
///
/// And of what it owns, the newest first, for a user who manages the account.
#[utoipa::path(
    get, operation_id = "audit_list_of_account", path = "/api/accounts/{id}/audit", tag = "accounts",
    params(ById, Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::EventPage), Problems),
    security(("bearer" = []))
)]
pub async fn list_of_account(
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let options = Options::of(&EVENTS, &[], &uri, &headers)?;
    let page = history::list_of(&Connection::lease().await?, &caller, account_id, &options.listing).await?;
    Ok(Json(options.render(page, &format!("/api/accounts/{account_id}/audit")).await?))
}
