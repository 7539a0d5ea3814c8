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
use crate::token::{Caller, live};

/// An account as Accord shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    pub id: i64,
    pub name: String,
    pub description: Option<String>,
    pub status: String,
    created_at: String,
    pub updated_at: String,
    account_key: String,
    pub registration_id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    subdomain: Option<String>,
    pub country: Option<String>,
    pub primary_contact: Option<String>,
    #[serde(skip)]
    pub version: i64,
    #[serde(skip)]
    pub roles: String,
}

/// The account, and the caller's roles in it and in its owners, of which those count that reach so far down and are not suspended.
pub const STATEMENT: &str = concat!(
    "SELECT a.id, a.name, a.description, a.status, a.type, a.account_key, a.registration_id, a.subdomain,
        a.country, a.primary_contact, a.created_at, a.updated_at, a.version,
        (WITH RECURSIVE chain(id, depth, shared) AS (
             SELECT a.id, 0, 1 UNION ALL
             SELECT o.owner_id, chain.depth + 1, chain.shared AND o.datashare
               FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
         SELECT CASE WHEN ?2 IS NULL OR max(chain.id = ?2) THEN group_concat(coalesce(r.role, 'connector'), ' ') FILTER (
                    WHERE ?1 IS NULL AND chain.id = ?2 OR r.role IS NOT NULL
                      AND (chain.depth = 0 OR chain.shared AND r.door <> 'endpoint' OR r.role IN ('owner', 'admin', 'manage'))) END
           FROM chain
           LEFT JOIN memberships m ON m.account_id = chain.id AND m.person_id = ?1 AND m.status = 'active'
           LEFT JOIN grants r ON r.account_id = m.account_id AND r.person_id = m.person_id AND ",
    live!("m.account_id"),
    ") AS roles
   FROM accounts a WHERE a.id = ?3 AND roles IS NOT NULL"
);

pub fn shown(row: &Row<'_>) -> rusqlite::Result<Shown> {
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
        roles: row.get(13)?,
    })
}

/// A time of the store as it is shown.
pub fn time(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default().to_string()
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
