//! Who changed what. A row is written in the transaction that makes the change.

use serde_json::Value;

use crate::error::Result;
use crate::store::{Transaction, now};

/// On whose behalf a change is made, through which API, in which request.
#[derive(Clone, Debug)]
pub struct Author {
    /// `user:<id>`, `connector:<id>`, `anonymous` or `system`.
    pub actor: String,
    /// `portal`, `endpoint`, `administration`, `accounts` or `oauth`.
    pub api: &'static str,
    /// The id of the request, a UUID, as its answer's `X-Request-Id` has it.
    pub request_id: String,
}

/// Notes that `action` was done to rows of the table `subject`: the id of each, and what more there is to say of it, an
/// object or null.
pub async fn record(
    transaction: &Transaction,
    author: &Author,
    action: &'static str,
    subject: &'static str,
    rows: &[(i64, Value)],
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = serde_json::to_string(rows).map_err(anyhow::Error::from)?;
    let statement = "INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id)
         SELECT ?1, ?2, ?3, ?4, ?5, value ->> 0, value ->> 1, ?6 FROM json_each(?7)";
    let parameters = vec![
        now().into(),
        author.actor.as_str().into(),
        author.api.into(),
        action.into(),
        subject.into(),
        author.request_id.as_str().into(),
        rows.into(),
    ];
    transaction.batch(statement, parameters).await?;
    Ok(())
}
