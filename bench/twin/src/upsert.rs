//! `PATCH /api/integrations/v1/accounts`, and the same rows inserted without a server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use rusqlite::{Connection, OptionalExtension as _};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::App;
use crate::store::{Store, now};
use crate::token::Caller;

/// What a connector says of one of its accounts.
#[derive(Deserialize)]
pub struct Entry {
    name: String,
    id: String,
}

pub async fn accounts(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Json(entries): Json<BTreeMap<String, Entry>>,
) -> StatusCode {
    let write = move || {
        let caller = app.store.with(|connection| app.tokens.caller(&headers, connection));
        let Ok(Caller::Connector { id, account_id }) = caller else { return StatusCode::UNAUTHORIZED };
        match app.store.write(|connection| put(connection, id, account_id, &entries)) {
            Ok(()) => StatusCode::OK,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    };
    tokio::task::spawn_blocking(write).await.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

const INSERT_ACCOUNT: &str = "INSERT INTO accounts
        (owner_id, account_key, registration_id, name, name_key, origin, created_at, updated_at)
     VALUES (?1, ?2, ?3, ?4, ?5, 'portal', ?6, ?6)";

const INSERT_IDENTITY: &str = "INSERT INTO account_identities (connector_id, external_id, account_id, created_at)
     VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT (connector_id, external_id) DO UPDATE SET account_id = excluded.account_id";

const INSERT_AUDIT: &str =
    "INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id, account_id)
     VALUES (?1, ?2, 'portal', ?3, 'accounts', ?4, ?5, ?6, ?4)";

/// Binds and renames a connector's accounts, row by row.
fn put(connection: &Connection, connector: i64, owner: i64, entries: &BTreeMap<String, Entry>) -> Result<()> {
    let (now, actor, request) = (now(), format!("connector:{connector}"), Uuid::new_v4().to_string());
    let mut bound = connection.prepare_cached(
        "SELECT a.id, a.registration_id FROM account_identities i JOIN accounts a ON a.id = i.account_id
          WHERE i.connector_id = ?1 AND i.external_id = ?2",
    )?;
    let mut registered =
        connection.prepare_cached("SELECT id, name FROM accounts WHERE owner_id = ?1 AND registration_id = ?2")?;
    let mut make = connection.prepare_cached(INSERT_ACCOUNT)?;
    let mut rename = connection.prepare_cached(
        "UPDATE accounts SET name = ?2, name_key = ?3, name_reserved = 0, version = version + 1, updated_at = ?4
          WHERE id = ?1",
    )?;
    let mut bind = connection.prepare_cached(INSERT_IDENTITY)?;
    let mut note = connection.prepare_cached(INSERT_AUDIT)?;
    for (external_id, Entry { name, id }) in entries {
        let was = bound
            .query_row((connector, external_id), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?)))
            .optional()?;
        let known = registered
            .query_row((owner, id), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
            .optional()?;
        let account = if let Some((account, known)) = known {
            if known != *name {
                rename.execute((account, name, name.to_lowercase(), now))?;
                let detail = json!({ "name": name }).to_string();
                note.execute((now, &actor, "renamed", account, detail, &request))?;
            }
            account
        } else {
            make.execute((owner, account_key()?, id, name, name.to_lowercase(), now))?;
            let account = connection.last_insert_rowid();
            let detail = json!({ "registrationId": id }).to_string();
            note.execute((now, &actor, "created", account, detail, &request))?;
            account
        };
        if was.map(|(account, _)| account) != Some(account) {
            bind.execute((connector, external_id, account, now))?;
            let detail = json!({ "connector": connector, "externalId": external_id }).to_string();
            note.execute((now, &actor, "bound", account, detail, &request))?;
        }
    }
    connection
        .prepare_cached("UPDATE connectors SET last_success_at = ?2, failures = 0 WHERE id = ?1")?
        .execute((connector, now))?;
    Ok(())
}

fn account_key() -> Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).ok().context("no random numbers")?;
    let random = u64::from_be_bytes(random);
    Ok(format!("{:014x}.{:08}", random >> 8 & 0xff_ffff_ffff_ffff, random % 100_000_000))
}

/// Inserts the rows that a portal PATCH of `count` new accounts makes, in one transaction, and returns how long that
/// took. All values are made before.
pub fn insert(store: &Store, count: usize, prefix: &str) -> Result<Duration> {
    let connector: i64 =
        store.with(|connection| Ok(connection.query_row("SELECT min(id) FROM connectors", [], |row| row.get(0))?))?;
    let owner: i64 = store.with(|connection| {
        Ok(connection.query_row("SELECT id FROM accounts WHERE owner_id IS NULL", [], |row| row.get(0))?)
    })?;
    let (now, actor, request) = (now(), format!("connector:{connector}"), Uuid::new_v4().to_string());
    let rows = (0..count)
        .map(|number| {
            let (external_id, id) = (format!("{prefix}-{number}"), format!("{prefix}-r-{number}"));
            let created = json!({ "registrationId": &id }).to_string();
            let bound = json!({ "connector": connector, "externalId": &external_id }).to_string();
            let name = format!("Company {prefix} {number}");
            Ok((account_key()?, external_id, id, name.to_lowercase(), name, created, bound))
        })
        .collect::<Result<Vec<_>>>()?;
    let started = Instant::now();
    store.write(|connection| {
        let mut make = connection.prepare(INSERT_ACCOUNT)?;
        let mut bind = connection.prepare(INSERT_IDENTITY)?;
        let mut note = connection.prepare(INSERT_AUDIT)?;
        for (key, external_id, id, name_key, name, created, bound) in &rows {
            make.execute((owner, key, id, name, name_key, now))?;
            let account = connection.last_insert_rowid();
            note.execute((now, &actor, "created", account, created, &request))?;
            bind.execute((connector, external_id, account, now))?;
            note.execute((now, &actor, "bound", account, bound, &request))?;
        }
        Ok(())
    })?;
    Ok(started.elapsed())
}
