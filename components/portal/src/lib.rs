//! The portal API: connectors push accounts and users, and read nothing.
//!
//! Three operations, all `PATCH` with a JSON body, all answered by `200` and an empty body:
//!
//! | path | body |
//! |---|---|
//! | `/api/integrations/v1/accounts` | external account id → `{"name","id"}` or null |
//! | `/api/integrations/v1/accounts/{account_id}/users` | array of external user ids |
//! | `/api/integrations/v1/users` | external user id → `{"email"}` or null |
//!
//! A body is applied whole or not at all. No answer tells anything that another connector brought. With `dryRun=true` a body changes
//! nothing, and the answer tells what it would change.

mod accounts;
mod entries;
mod failure;
mod openapi;
mod users;

use accord_core::Faults;
use accord_core::auth::caller::CallingConnector;
use accord_core::auth::scope;
use accord_core::connectors::health;
use accord_core::connectors::outcome::{Outcome, Run};
use accord_web::described::ExternalId;
use accord_web::{Api, Call, Failure, Push, Result};
use axum::Json;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

/// Largest body, in bytes.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

struct Portal;

impl Api for Portal {
    const NAME: &'static str = "portal";
    type Failure = Failure;

    /// The paths began with `/integrations/` before.
    fn respelled(path: &str) -> Option<String> {
        path.strip_prefix("/integrations/").map(|rest| format!("/api/integrations/{rest}"))
    }

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        failure::render(failure)
    }
}

accord_web::operations! { Portal,
    patch "/api/integrations/v1/accounts" => accounts::put,
    patch "/api/integrations/v1/accounts/{account_id}/users" => users::bind,
    patch "/api/integrations/v1/users" => users::put,
}

/// Applies the body as the query asks for: as a write of the connector, or only to tell what it would change.
async fn apply(push: Push, apply: impl AsyncFnOnce(&CallingConnector, Bytes, Run) -> Result<Outcome>) -> Result<Told> {
    let Push { connector, query, body } = push;
    let run = run(&query);
    // Whoever misspells a dry run has not tried to write.
    let is_dry = run.as_ref().map_or(true, |run| run.is_dry);
    let applied = async {
        connector.require(scope::PORTAL_WRITE)?;
        let body = body.json(BODY_LIMIT).await?;
        apply(&connector, body, run?).await
    };
    if is_dry {
        // It is no write, whatever becomes of it.
        return applied.await.map(|outcome| Told(Some(outcome)));
    }
    health::write(&connector, Portal::NAME, applied).await.map(|_| Told(None))
}

/// How a query asks for the body to be applied. Names are taken in any case and with `_` or `-` between their words: whoever
/// misspells a dry run would write.
fn run(query: &str) -> Result<Run> {
    let (mut run, mut faults) = (Run::default(), Faults::default());
    let mut is_dry: Option<bool> = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let name: String = name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect();
        match (name.as_str(), value.as_ref()) {
            ("dryrun", "true" | "1" | "" | "false" | "0") => {
                let wanted = !matches!(value.as_ref(), "false" | "0");
                if is_dry.replace(wanted).is_some_and(|before| before != wanted) {
                    faults.add("dryRun", "is there twice, and says two things");
                }
                run.is_dry = wanted;
            }
            ("dryrun", _) => faults.add("dryRun", "must be true or false"),
            (name, _) if name.starts_with("dry") => {
                faults.add(name, "is unknown: dryRun tells what a body would change");
            }
            ("unbind", number) => match number.parse() {
                Ok(number) => run.unbinds = Some(number),
                Err(_) => faults.add("unbind", "must be the number of external ids that are to be unbound"),
            },
            _ => {}
        }
    }
    faults.into_result()?;
    Ok(run)
}

/// What is answered: nothing, or what a dry run tells.
struct Told(Option<Outcome>);

/// What a body would change of what the connector has said: its external ids.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PortalDifference)]
pub struct Difference {
    /// Those that would be bound, and are not.
    #[schema(value_type = Vec<ExternalId>)]
    bound: Vec<String>,
    /// Those that are bound, and of which something else would be said.
    #[schema(value_type = Vec<ExternalId>)]
    changed: Vec<String>,
    /// Those that would be bound no more.
    #[schema(value_type = Vec<ExternalId>)]
    unbound: Vec<String>,
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        let Some(Outcome { bound, changed, unbound }) = self.0 else { return ().into_response() };
        Json(Difference { bound, changed, unbound }).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_is_asked_for_in_any_spelling_and_a_wrong_value_is_refused() {
        for query in ["dryRun=true", "a=b&DRYRUN=1", "dry_run", "dry-run=true"] {
            assert!(run(query).is_ok_and(|run| run.is_dry), "{query}");
        }
        assert!(run("dryRun=false&unbind=12").is_ok_and(|run| run == Run { is_dry: false, unbinds: Some(12) }));
        for query in ["dryRun=yes", "dryRun=true&dryRun=false", "dry=true", "dry.run=1", "unbind=all", "unbind=-1"] {
            assert!(run(query).is_err(), "{query}");
        }
    }
}
