//! What an access token stands for, for those who rely on the answer: introspection (RFC 7662) and `userinfo` (OpenID Connect
//! Core 1.0, section 5.3).
//!
//! The APIs of Accord ask for a person's roles at each request, so a token is of no use where the person has none. Others do
//! not ask: to them a token is good as long as the person belongs to the account that the token names.

use crate::accounts::hierarchy;
use crate::auth::caller::{self, Caller, CallingPerson};
use crate::auth::token::Verified;
use crate::error::Result;
use crate::sign_in::session::{self, Kept};
use crate::store::Connection;
use crate::values::id::{AccountId, PersonId};

/// What a token says, and who is behind it. `None` if it is not good, or if its person belongs to its account no more: removed, made
/// inactive, or because the account is suspended.
pub async fn inspect(token: &str, connection: &Connection) -> Result<Option<(Verified, Caller)>> {
    let Some((verified, caller)) = caller::inspect(token, connection).await? else { return Ok(None) };
    let whose = match &caller {
        Caller::Person(CallingPerson { id, account_id, .. }) => Some(*id).zip(*account_id),
        Caller::Connector(_) => None,
    };
    let belongs = belongs(connection, whose)?;
    Ok(Some((verified, caller)).filter(|_| belongs))
}

/// As [`inspect`], of a refresh token.
pub fn inspect_refresh(connection: &Connection, token: &str) -> Result<Option<Kept>> {
    let Some(kept) = session::find(connection, token)?.filter(Kept::is_good) else { return Ok(None) };
    let belongs = belongs(connection, kept.person_id.zip(kept.account_id))?;
    Ok(Some(kept).filter(|_| belongs))
}

/// Whether a person belongs to an account. A token of somebody who named no account, and a connector's, belong nowhere else.
fn belongs(connection: &Connection, whose: Option<(PersonId, AccountId)>) -> Result<bool> {
    whose.map_or(Ok(true), |(person, account)| hierarchy::belongs(connection, person, account))
}
