//! What was removed comes back.

use accord_core::accounts::joins;
use accord_core::entry::undo;
use accord_core::error::{Error, Thing};
use accord_core::store::Edit;
use accord_resources::{Done, Problems};
use accord_web::described::Uuid;
use accord_web::{Bearer, Call, Result};
use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;

/// Which request is meant.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "read by the generator only")]
struct ByRequest {
    /// The `X-Request-Id` of its answer.
    #[param(inline, rename = "requestId")]
    request_id: Uuid,
}

/// Bring back what a request has removed
///
/// What a body of the portal has unbound, and what went with that, or an account that somebody deleted: for 30 days, and all or none. The
/// caller has to manage the account that owns the accounts, and to own it to bring back a deleted one.
#[utoipa::path(
    post, operation_id = "undo", path = "/api/undo/{requestId}", tag = "accounts",
    params(ByRequest),
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn undo(call: Call, Bearer(caller): Bearer, path: Result<Path<String>, PathRejection>) -> Result<Json<Done>> {
    let Path(request_id) = path.map_err(|_| Error::NotFound(Thing::Event))?;
    let edit = Edit::begin_of(joins::ROWS, call.author(&caller)).await?;
    undo::undo(&edit, &caller, &request_id).await?;
    edit.commit().await?;
    Ok(Done::answer("Brought back"))
}
