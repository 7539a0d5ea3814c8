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

use crate::App;
use crate::store::{Author, Store, now, waiting};
use crate::token::{Caller, succeeded};

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
) -> Result<StatusCode, StatusCode> {
    // What is to be done is looked up on the thread that this is on, and without the turn: as often as not it is nothing.
    let looked = app.store.with(|connection| {
        let Ok(Caller::Connector { id, account_id, succeeded_at }) = app.tokens.caller(&headers, connection) else {
            return Ok(None);
        };
        let is_done = is_done(connection, id, account_id, &entries)?;
        let is_noted = succeeded_at.is_some_and(|noted| noted / 1000 == now() / 1000);
        Ok(Some((id, account_id, succeeded_at, is_done, is_noted)))
    });
    let looked = looked.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let (id, account_id, succeeded_at, is_done, is_noted) = looked.ok_or(StatusCode::UNAUTHORIZED)?;
    if !is_done || !is_noted {
        waiting(move || {
            app.store.write(|connection| {
                if !is_done {
                    put(connection, id, account_id, &entries)?;
                }
                Ok(Ok(succeeded(connection, id, succeeded_at)?))
            })
        })
        .await?;
    }
    Ok(StatusCode::OK)
}

const INSERT_ACCOUNT: &str = "INSERT INTO accounts
        (owner_id, account_key, registration_id, name, name_key, origin, created_at, updated_at, package_id, registration_number)
     VALUES (?1, ?2, ?3, ?4, ?5, 'portal', ?6, ?6, ?7, ?8)";

/// The package of a new account: the default one of the nearest owner that has one.
const PACKAGE: &str = "WITH RECURSIVE chain(id, depth) AS (
        SELECT ?1, 0 UNION ALL
        SELECT o.owner_id, chain.depth + 1 FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
    SELECT p.id FROM chain JOIN packages p ON p.owner_id = chain.id AND p.is_default = 1 ORDER BY chain.depth LIMIT 1";

/// Counts new accounts at whoever owns them.
const COUNT: &str = "WITH RECURSIVE chain(id) AS (
        SELECT ?1 UNION ALL SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
    UPDATE accounts SET descendants = descendants + ?2 WHERE id IN (SELECT id FROM chain)";

const INSERT_IDENTITY: &str = "INSERT INTO account_identities (connector_id, external_id, account_id, created_at)
     VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT (connector_id, external_id) DO UPDATE SET account_id = excluded.account_id";

/// What a connector calls so.
const BOUND: &str = "SELECT a.id, a.registration_id FROM account_identities i JOIN accounts a ON a.id = i.account_id
  WHERE i.connector_id = ?1 AND i.external_id = ?2";

const REGISTERED: &str = "SELECT id, name FROM accounts WHERE owner_id = ?1 AND registration_id = ?2";

type Known<T> = Option<(i64, T)>;

/// What is known of an entry: what is called so, and what is registered so.
fn known(
    connection: &Connection,
    connector: i64,
    owner: i64,
    external_id: &str,
    id: &str,
) -> Result<(Known<Option<String>>, Known<String>)> {
    let bound = connection
        .prepare_cached(BOUND)?
        .query_row((connector, external_id), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let registered = connection
        .prepare_cached(REGISTERED)?
        .query_row((owner, id), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok((bound, registered))
}

/// Whether everything is as the entries say already.
fn is_done(connection: &Connection, connector: i64, owner: i64, entries: &BTreeMap<String, Entry>) -> Result<bool> {
    for (external_id, Entry { name, id }) in entries {
        let (bound, registered) = known(connection, connector, owner, external_id, id)?;
        let is_so = registered
            .is_some_and(|(account, known)| known == *name && bound.is_some_and(|(bound, _)| bound == account));
        if !is_so {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Binds and renames a connector's accounts, row by row.
fn put(connection: &Connection, connector: i64, owner: i64, entries: &BTreeMap<String, Entry>) -> Result<()> {
    let author = Author::now(format!("connector:{connector}"), "portal");
    let note = |action, account, detail| author.note(connection, action, "accounts", account, &detail);
    let mut made = 0;
    for (external_id, Entry { name, id }) in entries {
        let (bound, registered) = known(connection, connector, owner, external_id, id)?;
        let account = if let Some((account, known)) = registered {
            if known != *name {
                connection
                    .prepare_cached(
                        "UPDATE accounts SET name = ?2, name_key = ?3, name_reserved = 0, version = version + 1,
                                updated_at = ?4
                          WHERE id = ?1",
                    )?
                    .execute((account, name, name.to_lowercase(), author.at / 1000 * 1000))?;
                note("renamed", account, json!({ "before": { "name": known }, "after": { "name": name } }))?;
            }
            account
        } else {
            let package: Option<i64> =
                connection.prepare_cached(PACKAGE)?.query_row([owner], |row| row.get(0)).optional()?;
            let at = author.at / 1000 * 1000;
            let values = (owner, account_key()?, id, name, name.to_lowercase(), at, package, number(id));
            connection.prepare_cached(INSERT_ACCOUNT)?.execute(values)?;
            let account = connection.last_insert_rowid();
            note("created", account, json!({ "after": { "name": name, "registrationId": id } }))?;
            made += 1;
            account
        };
        if bound.is_none_or(|(bound, _)| bound != account) {
            connection.prepare_cached(INSERT_IDENTITY)?.execute((connector, external_id, account, author.at))?;
            note("bound", account, json!({ "connector": connector, "externalId": external_id }))?;
        }
    }
    if made > 0 {
        connection.prepare_cached(COUNT)?.execute((owner, made))?;
    }
    Ok(())
}

/// The number in a registration id.
pub fn number(id: &str) -> Option<String> {
    let plain: String = id.chars().filter(|letter| !" -./".contains(*letter)).collect();
    let number = plain.trim_start_matches(|letter: char| letter.is_ascii_alphabetic() || letter == '0');
    (!number.is_empty()).then(|| number.to_owned())
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
    let author = Author::now(format!("connector:{connector}"), "portal");
    let package: Option<i64> =
        store.with(|connection| Ok(connection.query_row(PACKAGE, [owner], |row| row.get(0)).optional()?))?;
    let rows = (0..count)
        .map(|row| {
            let (external_id, id) = (format!("{prefix}-{row}"), format!("{prefix}-r-{row}"));
            let name = format!("Company {prefix} {row}");
            let created = json!({ "after": { "name": &name, "registrationId": &id } });
            let bound = json!({ "connector": connector, "externalId": &external_id });
            Ok((account_key()?, external_id, number(&id), id, name.to_lowercase(), name, created, bound))
        })
        .collect::<Result<Vec<_>>>()?;
    let at = author.at / 1000 * 1000;
    let started = Instant::now();
    store.write(|connection| {
        let mut make = connection.prepare(INSERT_ACCOUNT)?;
        let mut bind = connection.prepare(INSERT_IDENTITY)?;
        for (key, external_id, number, id, name_key, name, created, bound) in &rows {
            make.execute((owner, key, id, name, name_key, at, package, number))?;
            let account = connection.last_insert_rowid();
            author.note(connection, "created", "accounts", account, created)?;
            bind.execute((connector, external_id, account, author.at))?;
            author.note(connection, "bound", "accounts", account, bound)?;
        }
        connection.execute(COUNT, (owner, i64::try_from(rows.len())?))?;
        Ok(())
    })?;
    Ok(started.elapsed())
}
