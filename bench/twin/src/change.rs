//! `PUT /api/accounts/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use rusqlite::OptionalExtension as _;
use serde::Deserialize;
use serde_json::json;

use crate::App;
use crate::read;
use crate::store::{Author, waiting};
use crate::token::Caller;

/// What is to be changed of an account.
#[derive(Deserialize)]
pub struct Change {
    description: String,
}

/// The columns that Accord's statement writes, each index over them included.
const UPDATE: &str = "UPDATE accounts SET name = ?2, name_key = ?3, name_reserved = coalesce(NULL, name_reserved), description = ?4,
        status = ?5, primary_contact = ?6, country = ?7, version = ?8, updated_at = ?9,
        suspended_from_above = ?5 = 'inactive' AND suspended_from_above, registration_id = ?10, people_name = people_name,
        people_registration_id = people_registration_id, registration_number = ?11
  WHERE id = ?1";

pub async fn account(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Json(change): Json<Change>,
) -> Result<impl IntoResponse, StatusCode> {
    let (account, request) = waiting(move || {
        let caller = app.store.with(|connection| app.tokens.caller(&headers, connection));
        let Ok(Caller::User(user)) = caller else { return Ok(Err(StatusCode::UNAUTHORIZED)) };
        app.store.write(|connection| {
            let find = &mut connection.prepare_cached(read::STATEMENT)?;
            let Some(before) = find.query_row((user, None::<i64>, id), read::shown).optional()? else {
                return Ok(Err(StatusCode::NOT_FOUND));
            };
            if !before.roles.split(' ').any(|role| matches!(role, "owner" | "admin" | "manage")) {
                return Ok(Err(StatusCode::FORBIDDEN));
            }
            let author = Author::now(format!("user:{user}"), "accounts");
            let updated_at = author.at / 1000 * 1000;
            let number = before.registration_id.as_deref().and_then(crate::upsert::number);
            connection.prepare_cached(UPDATE)?.execute((
                id,
                &before.name,
                before.name.to_lowercase(),
                &change.description,
                &before.status,
                &before.primary_contact,
                &before.country,
                before.version + 1,
                updated_at,
                &before.registration_id,
                number,
            ))?;
            let detail = json!({
                "before": { "description": before.description }, "after": { "description": change.description },
            });
            author.note(connection, "updated", "accounts", id, &detail)?;
            let mut account = before;
            account.version += 1;
            account.updated_at = read::time(updated_at);
            Ok(Ok((account, author.request)))
        })
    })
    .await?;
    let headers = [
        (header::ETAG, format!("\"{}\"", account.version)),
        (header::HeaderName::from_static("x-request-id"), request),
    ];
    Ok((headers, Json(json!({ "id": account.id, "name": account.name, "updatedAt": account.updated_at }))))
}
