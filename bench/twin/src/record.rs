//! `PATCH /Endpoint/rest/api/v1/Account`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Field, json};
use uuid::Uuid;

use crate::App;
use crate::read::time;
use crate::store::{Author, waiting};
use crate::token::{Caller, succeeded};

/// What is said of somebody.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Given {
    id: Option<String>,
    username: Option<String>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

/// A record as Accord shows it.
#[expect(clippy::struct_excessive_bools, reason = "the document has them")]
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(skip)]
    number: i64,
    id: String,
    tenant_id: Tenant,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    phone_verified: bool,
    email: Option<String>,
    email_verified: bool,
    language_id: Option<String>,
    timezone_id: Option<String>,
    date_format_id: Option<String>,
    username: Option<String>,
    external_id: Option<String>,
    notify_by_email: bool,
    #[serde(rename = "NotifyBySMS")]
    notify_by_sms: bool,
    #[serde(rename = "Is_Active")]
    is_active: Option<bool>,
    modified_on: String,
    created_on: String,
}

/// The account that a record belongs to.
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tenant {
    id: i64,
    external_id: Option<String>,
    name: String,
    r#type: &'static str,
}

/// Who has proved the address `$key` and entered the account `$account`, which knows the person by it.
macro_rules! entered_by {
    ($key:literal, $account:literal) => {
        concat!(
            "(SELECT d.person_id FROM addresses d
                JOIN memberships m ON m.account_id = ",
            $account,
            " AND m.person_id = d.person_id AND m.entered_at IS NOT NULL
               WHERE d.key = ",
            $key,
            " AND d.proved_at IS NOT NULL AND d.retired_at IS NULL AND (m.known_by = d.key OR m.entered_at IS NOT NULL AND d.key = (
                    SELECT s.key FROM addresses s
                     WHERE s.person_id = d.person_id AND s.proved_at IS NOT NULL AND s.retired_at IS NULL
                     ORDER BY s.proved_at DESC, s.key LIMIT 1)))"
        )
    };
}

/// The connector's account, and every record of it that has something of the request's.
const MEET: &str = concat!(
    "SELECT a.name AS owner_name, a.registration_id, r.id, r.uuid, r.account_id, r.person_id, r.created_at, r.updated_at, r.name,
        r.first_name, r.last_name, r.phone, r.phone_verified, r.email, r.email_key, r.language, r.time_zone, r.date_format,
        r.username, r.external_id, r.notify_by_email, r.notify_by_sms, r.is_active, ",
    entered_by!("r.email_key", "r.account_id"),
    " IS NOT NULL AS email_verified, ",
    entered_by!("?5", "?1"),
    " AS entered
   FROM accounts a
   LEFT JOIN (
        SELECT id AS match FROM records WHERE uuid = ?2 AND account_id = ?1
        UNION SELECT id FROM records WHERE account_id = ?1 AND username_key = ?3
        UNION SELECT id FROM records WHERE account_id = ?1 AND external_id = ?4
        UNION SELECT id FROM records WHERE account_id = ?1 AND email_key = ?5
        UNION SELECT id FROM records WHERE account_id = ?1 AND phone = ?6)
   LEFT JOIN records r ON r.id = match
  WHERE a.id = ?1"
);

const INSERT: &str = "INSERT INTO records (uuid, account_id, created_at, updated_at, name, first_name, last_name, phone,
        phone_verified, email, email_key, language, time_zone, date_format, username, username_key, external_id, notify_by_email,
        notify_by_sms, is_active)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id";

const UPDATE: &str =
    "UPDATE records SET version = version + 1, updated_at = ?, name = ?, first_name = ?, last_name = ?, phone = ?,
        phone_verified = ?, email = ?, email_key = ?, language = ?, time_zone = ?, date_format = ?, username = ?,
        username_key = ?, external_id = ?, notify_by_email = ?, notify_by_sms = ?, is_active = ?
  WHERE id = ?";

impl Tenant {
    fn of(account: i64, row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: account,
            name: row.get("owner_name")?,
            external_id: row.get("registration_id")?,
            r#type: "Tenant",
        })
    }
}

impl Record {
    fn of(tenant: &Tenant, row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get("id")?,
            id: row.get("uuid")?,
            tenant_id: tenant.clone(),
            name: row.get("name")?,
            first_name: row.get("first_name")?,
            last_name: row.get("last_name")?,
            phone: row.get("phone")?,
            phone_verified: row.get("phone_verified")?,
            email: row.get("email")?,
            email_verified: row.get("email_verified")?,
            language_id: row.get("language")?,
            timezone_id: row.get("time_zone")?,
            date_format_id: row.get("date_format")?,
            username: row.get("username")?,
            external_id: row.get("external_id")?,
            notify_by_email: row.get("notify_by_email")?,
            notify_by_sms: row.get("notify_by_sms")?,
            is_active: row.get("is_active")?,
            modified_on: time(row.get("updated_at")?),
            created_on: time(row.get("created_at")?),
        })
    }

    /// One of which nothing is known yet.
    fn new(tenant: Tenant, now: i64) -> Self {
        Self {
            number: 0,
            id: Uuid::new_v4().to_string(),
            tenant_id: tenant,
            name: None,
            first_name: None,
            last_name: None,
            phone: None,
            phone_verified: false,
            email: None,
            email_verified: false,
            language_id: None,
            timezone_id: None,
            date_format_id: None,
            username: None,
            external_id: None,
            notify_by_email: false,
            notify_by_sms: false,
            is_active: None,
            modified_on: time(now),
            created_on: time(now),
        }
    }

    /// Takes over what is given, and returns what differs then: the values before and after.
    fn change(&mut self, given: &Given) -> (Map<String, Field>, Map<String, Field>) {
        let (mut before, mut after) = (Map::new(), Map::new());
        for (name, field, value) in [
            ("first_name", &mut self.first_name, &given.first_name),
            ("last_name", &mut self.last_name, &given.last_name),
            ("email", &mut self.email, &given.email),
            ("username", &mut self.username, &given.username),
        ] {
            if value.is_some() && field != value {
                before.insert(name.to_owned(), json!(field));
                after.insert(name.to_owned(), json!(value));
                field.clone_from(value);
            }
        }
        (before, after)
    }

    /// What the statements write, in their order.
    fn values(&self) -> Vec<Value> {
        let key = |value: &Option<String>| value.as_ref().map(|value| value.to_lowercase());
        vec![
            self.name.clone().into(),
            self.first_name.clone().into(),
            self.last_name.clone().into(),
            self.phone.clone().into(),
            self.phone_verified.into(),
            self.email.clone().into(),
            key(&self.email).into(),
            self.language_id.clone().into(),
            self.timezone_id.clone().into(),
            self.date_format_id.clone().into(),
            self.username.clone().into(),
            key(&self.username).into(),
            self.external_id.clone().into(),
            self.notify_by_email.into(),
            self.notify_by_sms.into(),
            self.is_active.into(),
        ]
    }
}

pub async fn account(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Json(given): Json<Given>,
) -> Result<impl IntoResponse, StatusCode> {
    let (record, request) = waiting(move || {
        let caller = app.store.with(|connection| app.tokens.caller(&headers, connection));
        let Ok(Caller::Connector { id, account_id, succeeded_at }) = caller else {
            return Ok(Err(StatusCode::UNAUTHORIZED));
        };
        app.store.write(|connection| {
            let author = Author::now(format!("connector:{id}"), "endpoint");
            let done = put(connection, account_id, &author, &given)?;
            succeeded(connection, id, succeeded_at)?;
            Ok(done.map(|record| (record, author.request)))
        })
    })
    .await?;
    Ok(([(header::HeaderName::from_static("x-request-id"), request)], Json(record)))
}

/// Changes the record that is meant, or makes one.
fn put(
    connection: &Connection,
    account: i64,
    author: &Author,
    given: &Given,
) -> anyhow::Result<Result<Record, StatusCode>> {
    let lower = |value: &Option<String>| value.as_ref().map(|value| value.to_lowercase());
    let (username, email) = (lower(&given.username), lower(&given.email));
    let none = None::<String>;
    let (mut tenant, mut records) = (None, Vec::new());
    let meet = &mut connection.prepare_cached(MEET)?;
    let mut rows = meet.query(params![account, given.id, username, none, email, none])?;
    while let Some(row) = rows.next()? {
        let tenant = match &mut tenant {
            Some(tenant) => tenant,
            missing => missing.insert(Tenant::of(account, row)?),
        };
        if row.get::<_, Option<i64>>("id")?.is_some() {
            records.push(Record::of(tenant, row)?);
        }
    }
    let Some(tenant) = tenant else { return Ok(Err(StatusCode::UNAUTHORIZED)) };
    let found = records.iter().find(|record| match &given.id {
        Some(id) => record.id == *id,
        None => username.is_some() && lower(&record.username) == username,
    });
    if given.id.is_some() && found.is_none() {
        return Ok(Err(StatusCode::NOT_FOUND));
    }
    let mut record = found.cloned().unwrap_or_else(|| Record::new(tenant, author.at));
    let others = || records.iter().filter(|other| other.number != record.number);
    let is_taken = |field: fn(&Record) -> &Option<String>, key: &Option<String>| {
        key.is_some() && others().any(|other| lower(field(other)) == *key)
    };
    if is_taken(|other| &other.username, &username) || is_taken(|other| &other.email, &email) {
        return Ok(Err(StatusCode::UNPROCESSABLE_ENTITY));
    }
    let is_new = record.number == 0;
    let (before, after) = record.change(given);
    if after.is_empty() && !is_new {
        return Ok(Ok(record));
    }
    let detail = json!({ "before": before, "after": after });
    if is_new {
        let first = [record.id.clone().into(), account.into(), author.at.into(), author.at.into()];
        let values = params_from_iter(first.into_iter().chain(record.values()));
        record.number = connection.prepare_cached(INSERT)?.query_row(values, |row| row.get(0))?;
        author.note(connection, "created", "records", record.number, &detail)?;
    } else {
        let values = [author.at.into()].into_iter().chain(record.values()).chain([record.number.into()]);
        connection.prepare_cached(UPDATE)?.execute(params_from_iter(values))?;
        record.modified_on = time(author.at);
        author.note(connection, "updated", "records", record.number, &detail)?;
    }
    Ok(Ok(record))
}
