//! Whether this Accord is alive, and whether it can do its work: for whoever watches over it, and for the host before it
//! listens.
//!
//! This component answers for all, because it alone may open everything that has to be there: the database, and the store of
//! the private keys.

use accord_core::auth::key::Algorithm;
use accord_core::store::seal::{self, Seal};
use accord_core::store::{Connection, connection};
use accord_core::transfer::under_way;
use accord_core::values::domain;
use accord_core::values::region::{self, Region};
use accord_core::{Error, Result, log, setting};
use accord_web::{Call, cors, forwarded};
use axum::Json;
use http::{HeaderName, StatusCode, Uri, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{beginning, failure, signing};

/// Settings that are whole numbers.
const NUMBERS: [&str; 2] = ["failed_sign_in_limit", "signup_limit"];

/// Settings that are seconds, of which there has to be one at least.
const LIFETIMES: [&str; 4] =
    ["signing_key_lifetime", "access_token_lifetime", "refresh_token_lifetime", "browser_session_lifetime"];

/// How this Accord is.
#[derive(Serialize, ToSchema)]
pub struct Health {
    #[schema(example = "ready")]
    status: &'static str,
    /// What keeps it from its work. The log says more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!([]))]
    problems: Vec<String>,
    /// What works, and should be otherwise before others depend on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!([]))]
    warnings: Vec<String>,
}

type Answer = (StatusCode, [(HeaderName, &'static str); 1], Json<Health>);

/// See whether it is alive
///
/// It answers, whatever the database does.
#[utoipa::path(
    get,
    operation_id = "health_live",
    path = "/health/live",
    tag = "oauth",
    responses((status = 200, description = "It is alive.", body = Health))
)]
pub async fn live() -> Answer {
    (
        StatusCode::OK,
        [(header::CACHE_CONTROL, "no-store")],
        Json(Health { status: "live", problems: Vec::new(), warnings: Vec::new() }),
    )
}

/// See whether it is ready
///
/// The settings can be used, the database can be reached and has the schema of this release, there is a key to sign with,
/// which can be opened and is in the key-value store of this node, and no import is under way.
#[utoipa::path(
    get,
    operation_id = "health_ready",
    path = "/health/ready",
    tag = "oauth",
    responses(
        (status = 200, description = "It is ready.", body = Health),
        (status = 503, description = "It is not: `problems` says why, and `Retry-After` when to ask again.", body = Health),
        (status = 500, description = "Something went wrong in the service.", body = failure::Body),
    )
)]
pub async fn ready(call: Call) -> Answer {
    let mut problems = faults_of_settings().await;
    if problems.is_empty() {
        match work(&call).await {
            Ok(faults) => problems = faults,
            Err(Error::Internal(error)) => {
                log::error(Some(&call.request_id), format_args!("{error:#}"));
                problems.push("something is wrong that the log tells".to_owned());
            }
            Err(error) => problems.push(error.to_string()),
        }
    }
    let mut status = "not ready";
    if problems.is_empty()
        && let Err(error) = unimpeded().await
    {
        // It is all the same to be started: the import goes on, or the keys are ended.
        status = "not in service";
        problems.push(error.to_string());
    }
    let warnings = warnings().await;
    if problems.is_empty() {
        let health = Health { status: "ready", problems, warnings };
        return (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")], Json(health));
    }
    let health = Health { status, problems, warnings };
    let retry_after = if status == "not ready" { "5" } else { "60" };
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, retry_after)], Json(health))
}

/// Makes sure that nothing is in the way of its work that is set right while it runs: an import, or keys that are in the key-value store of
/// another node.
async fn unimpeded() -> Result<()> {
    let connection = Connection::lease().await?;
    under_way::refuse(&connection)?;
    if signing::is_at_home(&connection).await? { Ok(()) } else { Err(signing::ELSEWHERE) }
}

/// Does what every request for a token does, the first start included, and tells what of the settings keeps it from that.
async fn work(call: &Call) -> Result<Vec<String>> {
    let connection = Connection::lease().await?;
    connection::check(&connection)?;
    let faults = beginning::faults(&connection).await?;
    if !faults.is_empty() {
        return Ok(faults.into_iter().map(|(name, why)| format!("the setting {name} {why}")).collect());
    }
    beginning::ensure(call, &connection).await?;
    if signing::is_at_home(&connection).await? {
        signing::current(&connection).await?;
        signing::prepare(&connection).await?;
    }
    Ok(Vec::new())
}

/// What the operator should know of settings that can be used.
async fn warnings() -> Vec<String> {
    let unsealed = setting::get("encryption_key").await.is_ok_and(|value| value.trim().is_empty());
    let warning = "the setting encryption_key is empty: private keys and mails are kept as they are";
    if unsealed { vec![warning.to_owned()] } else { Vec::new() }
}

/// What is wrong with the settings, a line each. It names them, and never says their values.
async fn faults_of_settings() -> Vec<String> {
    let mut faults = Vec::new();
    let mut expect = |name: &str, is_right: bool, expected: &str| {
        if !is_right {
            faults.push(format!("the setting {name} must be {expected}"));
        }
    };
    for name in NUMBERS {
        expect(name, setting::number(name).await.is_ok(), "a whole number");
    }
    for name in LIFETIMES {
        expect(name, setting::number(name).await.is_ok_and(|seconds| seconds > 0), "a whole number of seconds, not 0");
    }
    let value = async |name| setting::get(name).await.unwrap_or_default();
    let algorithm = value("signing_algorithm").await;
    expect("signing_algorithm", Algorithm::parse(&algorithm).is_some(), "EdDSA, ES256 or RS256");
    expect("encryption_key", Seal::parse(&value("encryption_key").await).is_some(), seal::EXPECTED);
    expect("public_url", origin(&value("public_url").await).is_some(), "an address like https://accord.example.com");
    expect("audience", !value("audience").await.is_empty(), "a text");
    let country = value("default_region").await;
    expect("default_region", country.trim().is_empty() || Region::find(country.trim()).is_some(), region::EXPECTED);
    let base_domain = value("base_domain").await;
    expect("base_domain", domain::is_name(&base_domain), "the name of a domain");
    expect("cors_origins", cors::is_setting(&value("cors_origins").await), cors::EXPECTED);
    let proxies = value("trusted_proxies").await;
    expect("trusted_proxies", forwarded::parse_trusted(&proxies).is_some(), forwarded::EXPECTED);
    let (mail_url, mail_host) = (value("mail_url").await, value("mail_host").await);
    let is_granted = mail_url.is_empty() || origin(&mail_url).is_some_and(|at| Some(at) == origin(&mail_host));
    expect("mail_url", is_granted, "an address at mail_host, which is the only one that may be called, or empty");
    let is_signed = mail_url.is_empty() || !value("mail_from").await.trim().is_empty();
    expect("mail_from", is_signed, "the sender of mails, where there is a mail_url");
    for name in ["admin_email", "admin_password", "bootstrap_client_id", "bootstrap_client_secret"] {
        expect(name, setting::get(name).await.is_ok(), "there for the first start");
    }
    faults
}

/// Scheme, host and port of an address, if it is one of HTTP.
fn origin(address: &str) -> Option<(String, String, u16)> {
    let uri: Uri = address.parse().ok()?;
    let standard = match uri.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
    Some((uri.scheme_str()?.to_owned(), host, uri.port_u16().unwrap_or(standard)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_http_has_an_origin() {
        for (address, expected) in [
            ("https://Accord.example.com", ("https", "accord.example.com", 443)),
            ("http://127.0.0.1:3000/", ("http", "127.0.0.1", 3000)),
            ("https://relay.example/send?x", ("https", "relay.example", 443)),
        ] {
            let (scheme, host, port) = origin(address).unwrap_or_else(|| panic!("{address}"));
            assert_eq!((scheme.as_str(), host.as_str(), port), expected);
        }
        for bad in ["", "accord.example.com", "ftp://a", "/path", "https://", "http://a b"] {
            assert!(origin(bad).is_none(), "{bad}");
        }
    }
}
