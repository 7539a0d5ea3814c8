//! Ending all signing keys at once, for when somebody else may know one.

use serde_json::json;

use crate::auth::caller::CallingConnector;
use crate::auth::key::{self, Lifetimes, Published};
use crate::auth::{scope, token};
use crate::error::{Error, Result};
use crate::store::{Author, Connection, Edit};
use crate::values::id::AccountId;
use crate::values::role::Role;
use crate::values::time::Time;

/// Refuses a connector that may not end the keys. Returns the operator account.
///
/// # Errors
///
/// [`Error::Forbidden`] unless it is one of the operator account, with the rank `owner` and the scope `accounts:manage`.
pub fn require(connection: &Connection, connector: &CallingConnector) -> Result<AccountId> {
    connector.require(scope::ACCOUNTS_MANAGE)?;
    let operator = connection.query_one("SELECT id FROM accounts WHERE owner_id IS NULL", &[])?.take("id")?;
    if connector.account_id == operator && connector.rank == Role::Owner {
        return Ok(operator);
    }
    Err(Error::Forbidden { needs: "a connector of the operator account with the rank owner" })
}

/// Ends every key, and publishes a new one. Every instance refuses what the others have signed from its next request on.
/// Returns the ids of the keys that were ended.
pub async fn replace_all(
    author: Author,
    operator: AccountId,
    new: &Published,
    public_jwk: &str,
    lifetimes: Lifetimes,
) -> Result<Vec<String>> {
    let edit = Edit::begin(author).await?;
    let now = Time::now();
    let rows = edit.run("DELETE FROM signing_keys RETURNING kid, expires_at", &[])?;
    let mut ended = Vec::with_capacity(rows.len());
    for mut row in rows {
        let (kid, expires_at): (String, Time) = (row.take("kid")?, row.take("expires_at")?);
        // An instance that knows the key goes on knowing it: that it has ended is looked up at each request.
        token::revoke(&edit, &kid, expires_at.max(now + lifetimes.overlap))?;
        ended.push(kid);
    }
    key::insert(&edit, new, public_jwk, lifetimes)?;
    edit.record("rotated", "signing_keys", &[(operator, json!({ "made": new.kid, "ended": ended }))]).await?;
    edit.commit().await?;
    Ok(ended)
}
