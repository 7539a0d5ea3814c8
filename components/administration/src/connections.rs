//! Connection health: how the connectors of the account, and of the accounts that it owns, fare.

use accord_core::Faults;
use accord_core::connectors::health::Health;
use accord_core::connectors::listing::Connections;
use accord_core::store::Connection;
use accord_core::values::time::Time;
use accord_web::described::{AccountName, ConnectorText, Count, Environment};
use accord_web::{Failure, Result};
use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use serde::Serialize;

use crate::answer::{self, Message};
use crate::failure::Failures;
use crate::openapi::{Digits, Key, Seconds};
use crate::{Caller, openapi};

/// The states of a connector, as this API and as the store write them.
const STATUSES: [(&str, &str); 3] = [("ACTIVE", "active"), ("PENDING", "pending"), ("INACTIVE", "inactive")];

/// A connector (the API's document, "Connection Health"). Times are `YYYY-MM-DD HH:MM:SS` in UTC.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ConnectionRow {
    /// The unique identifying key for a particular app
    #[schema(value_type = ConnectorText)]
    integration: String,
    /// The name of the property of the app, where it has several
    #[schema(value_type = ConnectorText)]
    property: String,
    /// When the last access token expires
    #[schema(value_type = Option<Seconds>)]
    expires: Option<String>,
    /// When the connection was created
    #[schema(value_type = Seconds)]
    created: String,
    /// `PENDING` until the first access token, then `ACTIVE`; `INACTIVE` once it is disconnected, and while its account is
    #[schema(value_type = openapi::Status)]
    status: &'static str,
    /// What it is for
    #[schema(value_type = Environment)]
    environment: String,
    /// The last write that succeeded
    #[schema(value_type = Option<Seconds>)]
    last_sync: Option<String>,
    /// The last write that was refused or failed
    #[schema(value_type = Option<Seconds>)]
    last_sync_error: Option<String>,
    /// How many writes failed since one succeeded; null if none ever did
    #[schema(value_type = Option<Digits>)]
    last_sync_error_count: Option<String>,
    /// Why the last of them failed
    #[schema(example = "portal: one value is not valid")]
    last_sync_error_message: Option<String>,
    /// Whether `status` is `ACTIVE`. Deprecated
    #[schema(deprecated)]
    active: bool,
    /// The name of the account associated with the connection
    #[schema(value_type = AccountName)]
    name: String,
    /// The account key associated with the connection
    #[schema(value_type = Key)]
    account_key: String,
    /// Whether its last ten writes failed. None is refused for that, and one that succeeds ends it
    in_error_state: bool,
}

impl From<Health> for ConnectionRow {
    fn from(health: Health) -> Self {
        let status = STATUSES.iter().find(|(_, stored)| *stored == health.status).map_or("INACTIVE", |(name, _)| *name);
        Self {
            in_error_state: health.is_in_error_state(),
            integration: health.integration,
            property: health.property,
            expires: health.token_expires_at.map(seconds),
            created: seconds(health.created_at),
            status,
            environment: health.environment,
            last_sync: health.last_success_at.map(seconds),
            last_sync_error_count: health.last_failure_at.map(|_| health.failures.to_string()),
            last_sync_error: health.last_failure_at.map(seconds),
            last_sync_error_message: health.last_failure,
            active: status == "ACTIVE",
            name: health.account_name,
            account_key: health.account_key,
        }
    }
}

/// The connectors of the account and of those that it owns.
#[expect(dead_code, reason = "read by the generator only")]
#[derive(utoipa::ToSchema)]
#[schema(as = AdministrationConnections)]
pub struct ConnectionList {
    #[schema(minimum = 200, maximum = 200, example = 200)]
    status_code: u16,
    #[schema(example = "Connection health generated")]
    message: String,
    /// How many there are.
    count: Count,
    connections: Vec<ConnectionRow>,
}

/// A time as this API writes it: UTC, to the second.
fn seconds(time: Time) -> String {
    let written = time.to_the_second().rfc3339();
    written.trim_end_matches('Z').replacen('T', " ", 1)
}

/// What a query asks for. The first of two parameters of a name counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query {
    account_key: Option<String>,
    statuses: Vec<&'static str>,
}

impl Query {
    fn parse(query: &str) -> Result<Self> {
        let value = |name| {
            let named = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
            named.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let mut faults = Faults::default();
        if value("action").as_deref() != Some("connection_health") {
            faults.add("action", "must be connection_health");
        }
        let mut statuses = Vec::new();
        let names = value("statuses").unwrap_or_default();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match STATUSES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((_, stored)) => statuses.push(*stored),
                None => {
                    faults.add("statuses", "must be a list of ACTIVE, PENDING and INACTIVE with commas between them");
                }
            }
        }
        faults.into_result()?;
        Ok(Self { account_key: value("account_key"), statuses })
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

/// Look at connections
///
/// Lists the connectors of the account and of those that it owns, and how they fare.
#[utoipa::path(
    get,
    operation_id = "connection_health",
    path = "/app/api.php",
    tag = "administration",
    params(openapi::AccountKey, openapi::Filters),
    responses((status = 200, description = "It is done.", body = ConnectionList), Failures),
    security(("basic" = []))
)]
pub async fn health(caller: Caller, query: Query) -> Result<Response> {
    let (connection, account_id) = (Connection::lease().await?, caller.administrator.account_id);
    let mut connections = Connections::of(connection, account_id, query.account_key.as_deref(), &query.statuses)?;
    let next_page =
        move || Ok(connections.next_page()?.map(|page| page.into_iter().map(ConnectionRow::from).collect()));
    let head = Message::done("Connection health generated");
    Ok(answer::list::<ConnectionRow>(&head, "connections", true, next_page)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_the_action_and_may_name_an_account_and_states() {
        let query =
            Query::parse("action=connection_health&account_key=5a.7&statuses=PENDING,%20inactive").expect("good");
        assert_eq!((query.account_key.as_deref(), query.statuses), (Some("5a.7"), vec!["pending", "inactive"]));
        let query = Query::parse("statuses=&action=connection_health&account_key=").expect("blank is left out");
        assert_eq!((query.account_key, query.statuses), (None, vec![]));
        for bad in ["", "action=list", "action=connection_health&statuses=ASLEEP"] {
            let failure = Query::parse(bad).expect_err(bad);
            assert!(failure.faults().is_some(), "{bad}");
        }
    }

    #[test]
    fn times_are_written_as_in_the_document() {
        assert_eq!(seconds(Time::from_milliseconds(1_636_138_943_999)), "2021-11-05 19:02:23");
    }
}
