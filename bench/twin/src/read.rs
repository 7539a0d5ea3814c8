//! `GET /api/accounts/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row};
use serde::Serialize;
use uuid::Uuid;

use crate::App;
use crate::token::Caller;

/// An account as Accord shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: i64,
    name: String,
    description: Option<String>,
    status: String,
    created_at: String,
    updated_at: String,
    account_key: String,
    registration_id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    subdomain: Option<String>,
    country: Option<String>,
    primary_contact: Option<String>,
    #[serde(skip)]
    version: i64,
}

/// The account, and the caller's roles in it and in its owners.
const STATEMENT: &str = "SELECT a.id, a.name, a.description, a.status, a.type, a.account_key, a.registration_id, a.subdomain,
        a.country, a.primary_contact, a.created_at, a.updated_at, a.version,
        (WITH RECURSIVE chain(id) AS (
             SELECT a.id UNION SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
         SELECT group_concat(role, ' ') FROM (
             SELECT r.role FROM chain
               JOIN memberships m ON m.account_id = chain.id AND m.person_id = ?1 AND m.status = 'active'
               JOIN grants r ON r.account_id = m.account_id AND r.person_id = m.person_id
             UNION ALL SELECT 'connector' FROM chain WHERE chain.id = ?2)) AS roles
   FROM accounts a WHERE a.id = ?3 AND roles IS NOT NULL";

fn shown(row: &Row<'_>) -> rusqlite::Result<Shown> {
    let time = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap_or_default().to_string();
    Ok(Shown {
        id: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        status: row.get(3)?,
        kind: row.get(4)?,
        account_key: row.get(5)?,
        registration_id: row.get(6)?,
        subdomain: row.get(7)?,
        country: row.get(8)?,
        primary_contact: row.get(9)?,
        created_at: time(row.get(10)?),
        updated_at: time(row.get(11)?),
        version: row.get(12)?,
    })
}

pub async fn account(State(app): State<Arc<App>>, Path(id): Path<i64>, headers: HeaderMap) -> Response {
    // Short reads run on the thread that they are on, as in Accord's host.
    let found = app.store.with(|connection| {
        let Ok(caller) = app.tokens.caller(&headers, connection) else { return Ok(Err(StatusCode::UNAUTHORIZED)) };
        let (user, connector) = match caller {
            Caller::User(id) => (Some(id), None),
            Caller::Connector { account_id, .. } => (None, Some(account_id)),
        };
        let found = connection.prepare_cached(STATEMENT)?.query_row((user, connector, id), shown).optional()?;
        Ok(found.ok_or(StatusCode::NOT_FOUND))
    });
    match found {
        Ok(Ok(account)) => {
            let headers = [
                (header::ETAG, format!("\"{}\"", account.version)),
                (header::HeaderName::from_static("x-request-id"), Uuid::new_v4().to_string()),
            ];
            (headers, Json(account)).into_response()
        }
        Ok(Err(status)) => status.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
