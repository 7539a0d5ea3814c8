//! What an access token stands for, for those who rely on the answer: introspection (RFC 7662) and `userinfo` (OpenID Connect
//! Core 1.0, section 5.3).
//!
//! The APIs of Accord ask for a person's roles at each request, so a token is of no use where the person has none. Others do
//! not ask: to them a token is good as long as the person belongs to the account that the token names.

use std::sync::Arc;

use crate::accounts::hierarchy;
use crate::auth::bearer;
use crate::auth::caller::{Caller, CallingConnector, CallingPerson};
use crate::auth::token::Verified;
use crate::error::Result;
use crate::sign_in::session::{self, Kept};
use crate::store::Connection;
use crate::values::id::{AccountId, PersonId};

/// What a token says, and who is behind it. `None` if it is not good, or if its person belongs to its account no more: removed, made
/// inactive, or because the account is suspended.
pub async fn inspect(token: &str, connection: &Connection) -> Result<Option<(Arc<Verified>, Caller)>> {
    let Some((verified, caller)) = bearer::inspect(token, connection).await? else { return Ok(None) };
    let belongs = match &caller {
        Caller::Person(CallingPerson { id, account_id, .. }) => belongs(connection, Some(*id).zip(*account_id))?,
        Caller::Connector(_) => true,
    };
    Ok(Some((verified, caller)).filter(|_| belongs))
}

/// As [`inspect`], for a connector: it learns of the tokens of its own account and of those that it owns.
pub async fn inspect_for(
    connector: &CallingConnector,
    token: &str,
    connection: &Connection,
) -> Result<Option<(Arc<Verified>, Caller)>> {
    let Some((verified, caller)) = bearer::inspect(token, connection).await? else { return Ok(None) };
    let owner = connector.account_id;
    let is_told = match &caller {
        Caller::Person(CallingPerson { account_id: None, .. }) => false,
        Caller::Person(CallingPerson { id, account_id: Some(account), .. }) => {
            hierarchy::belongs_below(connection, *id, *account, owner)?
        }
        Caller::Connector(holder) => hierarchy::owns(connection, owner, holder.account_id)?,
    };
    Ok(Some((verified, caller)).filter(|_| is_told))
}

/// As [`inspect_for`], of a refresh token. A connector learns of its own only: nobody else has a use for one.
pub fn inspect_refresh_for(connector: &CallingConnector, token: &str, connection: &Connection) -> Result<Option<Kept>> {
    let is_own = |kept: &Kept| kept.is_good() && kept.connector_id == Some(connector.id);
    let Some(kept) = session::find(connection, token)?.filter(is_own) else { return Ok(None) };
    let belongs = belongs(connection, kept.person_id.zip(kept.account_id))?;
    Ok(Some(kept).filter(|_| belongs))
}

/// Whether a person belongs to an account. A token of somebody who named no account, and a connector's, belong nowhere else.
fn belongs(connection: &Connection, whose: Option<(PersonId, AccountId)>) -> Result<bool> {
    whose.map_or(Ok(true), |(person, account)| hierarchy::belongs(connection, person, account))
}
