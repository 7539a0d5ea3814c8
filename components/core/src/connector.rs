//! Connectors: the OAuth clients of an account.

use std::net::IpAddr;

use crate::error::{Error, Result, Unauthenticated};
use crate::scope::Scopes;
use crate::store::{Connection, Transaction, now};
use crate::{secret, sign_in};

/// Longest `client_id`, in bytes.
pub const CLIENT_ID_MAX: usize = 100;

/// Longest client secret, in bytes: what is longer is no secret of ours, and is not hashed.
pub const SECRET_MAX: usize = 512;

/// A connector that has shown its secret.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The connector.
    pub id: i64,
    /// Its `client_id`.
    pub client_id: String,
    /// The scopes that it holds.
    pub scopes: Scopes,
    /// The account it belongs to.
    pub account_id: i64,
    secret_version: i64,
}

/// Finds the connector that a `client_id` and a secret belong to.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if they belong to none, or it or its account is not active; [`Error::TooManyRequests`]
/// after too many such failures, see [`sign_in`].
pub async fn authenticate(
    connection: &Connection,
    client_id: &str,
    secret: &str,
    address: Option<IpAddr>,
) -> Result<Authenticated> {
    const WRONG: Error = Error::Unauthenticated(Unauthenticated::InvalidCredentials);
    if client_id.is_empty() || client_id.len() > CLIENT_ID_MAX || secret.len() > SECRET_MAX {
        return Err(WRONG);
    }
    let attempt = sign_in::attempt(connection, &format!("client:{client_id}"), address).await?;
    let row = connection.query_first(
        "SELECT c.id, c.secret_hash, c.scopes, c.secret_version, c.account_id FROM connectors c JOIN accounts a ON a.id = c.account_id
          WHERE c.client_id = ? AND c.status <> 'inactive' AND a.status = 'active'",
        &[client_id.into()],
    )?;
    if let Some(mut row) = row
        && secret::verify_secret(secret, &row.take::<String>(1)?)
    {
        return Ok(Authenticated {
            id: row.take(0)?,
            client_id: client_id.to_owned(),
            scopes: Scopes::trusted(row.take(2)?),
            secret_version: row.take(3)?,
            account_id: row.take(4)?,
        });
    }
    Err(attempt.failed(connection, WRONG).await)
}

/// Notes that the connector gets an access token that expires at `expires_at` (milliseconds since the epoch). With its
/// first one a connector becomes active.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if it was disconnected or got another secret since it was authenticated.
pub async fn token_issued(connection: &Connection, connector: &Authenticated, expires_at: i64) -> Result<()> {
    let statement = "UPDATE connectors SET status = 'active', token_expires_at = ?3
          WHERE id = ?1 AND secret_version = ?2 AND status <> 'inactive' RETURNING id";
    let parameters = vec![connector.id.into(), connector.secret_version.into(), expires_at.into()];
    match connection.execute(statement, parameters).await?.first() {
        Some(_) => Ok(()),
        None => Err(Error::Unauthenticated(Unauthenticated::InvalidCredentials)),
    }
}

/// Notes that a write of the connector succeeded, in the transaction that it made.
pub fn write_succeeded(transaction: &Transaction, connector_id: i64) -> Result<()> {
    transaction.run(
        "UPDATE connectors SET last_success_at = ?2, failures = 0 WHERE id = ?1",
        &[connector_id.into(), now().into()],
    )?;
    Ok(())
}
