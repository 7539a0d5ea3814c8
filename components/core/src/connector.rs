//! Connectors: the OAuth clients of an account.

use std::net::IpAddr;

use anyhow::anyhow;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::audit::{self, Author};
use crate::error::{Error, Result, Thing, Unauthenticated};
use crate::membership::{self, ROLES, Roles};
use crate::scope::Scopes;
use crate::store::{Connection, Row, Transaction, now};
use crate::token::Caller;
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

/// A connector, as far as it is shown.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Its id.
    pub id: i64,
    /// The account it belongs to.
    pub account_id: i64,
    /// Its name at the token endpoint.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// What it connects to.
    pub integration: String,
    /// Which part of that.
    pub property: String,
    /// `production` or `sandbox`.
    pub environment: String,
    /// What its tokens allow at most.
    pub scopes: Scopes,
    /// `pending` until its first token, then `active`, `inactive` once it is disconnected.
    pub status: String,
    /// Milliseconds since the epoch.
    pub created_at: i64,
}

const COLUMNS: &str = "id, account_id, client_id, name, integration, property, environment, scopes, status, created_at";

impl Connector {
    fn take(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take(0)?,
            account_id: row.take(1)?,
            client_id: row.take(2)?,
            name: row.take(3)?,
            integration: row.take(4)?,
            property: row.take(5)?,
            environment: row.take(6)?,
            scopes: Scopes::trusted(row.take(7)?),
            status: row.take(8)?,
            created_at: row.take(9)?,
        })
    }
}

/// A connector to be made. Its texts are clean, its scopes exist.
#[derive(Clone, Debug)]
pub struct NewConnector {
    /// See [`Connector`].
    pub account_id: i64,
    /// See [`Connector`].
    pub name: String,
    /// See [`Connector`].
    pub integration: String,
    /// See [`Connector`].
    pub property: String,
    /// Whether its environment is the sandbox.
    pub sandbox: bool,
    /// See [`Connector`].
    pub scopes: Scopes,
}

/// Makes a connector and returns it with its secret, which nobody sees again.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account; [`Error::Forbidden`] for a
/// connector that gives away a scope which it does not hold.
pub async fn create(
    transaction: &Transaction,
    author: &Author,
    caller: &Caller,
    new: &NewConnector,
) -> Result<(Connector, String)> {
    membership::roles(transaction.connection(), caller, new.account_id)?.require_manage()?;
    if let Caller::Client(client) = caller
        && client.scopes.grant(Some(new.scopes.as_str())).is_none()
    {
        return Err(Error::Forbidden { needs: "every scope that is given away" });
    }
    let secret = secret::generate()?;
    let row = transaction.run_first(
        &format!(
            "INSERT INTO connectors (account_id, client_id, secret_hash, scopes, name, integration, property, environment,
                                     created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9) RETURNING {COLUMNS}"
        ),
        &[
            new.account_id.into(),
            Uuid::new_v4().to_string().into(),
            secret::hash_secret(&secret)?.into(),
            new.scopes.as_str().into(),
            new.name.as_str().into(),
            new.integration.as_str().into(),
            new.property.as_str().into(),
            if new.sandbox { "sandbox" } else { "production" }.into(),
            now().into(),
        ],
    )?;
    let connector = Connector::take(&mut row.ok_or_else(|| anyhow!("an insert returned nothing"))?)?;
    let detail = json!({ "account": new.account_id, "scopes": new.scopes.as_str() });
    audit::record(transaction, author, "created", "connectors", &[(connector.id, detail)]).await?;
    Ok((connector, secret))
}

/// The connectors of an account, the oldest first.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account.
pub fn list(connection: &Connection, caller: &Caller, account_id: i64) -> Result<Vec<Connector>> {
    membership::roles(connection, caller, account_id)?.require_manage()?;
    let statement = format!("SELECT {COLUMNS} FROM connectors WHERE account_id = ? ORDER BY id");
    let rows = connection.query(&statement, &[account_id.into()])?;
    rows.into_iter().map(|mut row| Connector::take(&mut row)).collect()
}

/// A connector of an account that the caller manages.
///
/// # Errors
///
/// [`Error::NotFound`] if the caller may not see its account, [`Error::Forbidden`] without the manage role there.
pub fn load(connection: &Connection, caller: &Caller, id: i64) -> Result<Connector> {
    const NONE: Error = Error::NotFound(Thing::Connector);
    let [user, client] = membership::parameters(caller);
    let statement = format!(
        "SELECT {}, {ROLES} FROM connectors c JOIN accounts a ON a.id = c.account_id WHERE c.id = ?3",
        COLUMNS.split(", ").map(|column| format!("c.{column}")).collect::<Vec<_>>().join(", ")
    );
    let mut row = connection.query_first(&statement, &[user, client, id.into()])?.ok_or(NONE)?;
    Roles::of(caller, row.take::<Option<String>>(10)?.as_deref()).ok_or(NONE)?.require_manage()?;
    Connector::take(&mut row)
}

/// Gives a connector a new secret, and ends the sessions that it began with the old one. One that was paused writes again.
///
/// # Errors
///
/// As [`load`].
pub async fn rotate(
    transaction: &Transaction,
    author: &Author,
    caller: &Caller,
    id: i64,
) -> Result<(Connector, String)> {
    let connector = load(transaction.connection(), caller, id)?;
    let secret = secret::generate()?;
    transaction.run(
        "UPDATE connectors SET secret_hash = ?2, secret_version = secret_version + 1, failures = 0, updated_at = ?3
          WHERE id = ?1",
        &[id.into(), secret::hash_secret(&secret)?.into(), now().into()],
    )?;
    transaction.run("DELETE FROM refresh_tokens WHERE connector_id = ?", &[id.into()])?;
    audit::record(transaction, author, "secret rotated", "connectors", &[(id, Json::Null)]).await?;
    Ok((connector, secret))
}

/// Lets a connector write again that was paused, see [`crate::health`].
///
/// # Errors
///
/// As [`load`].
pub async fn resume(transaction: &Transaction, author: &Author, caller: &Caller, id: i64) -> Result<()> {
    load(transaction.connection(), caller, id)?;
    transaction.run("UPDATE connectors SET failures = 0, updated_at = ?2 WHERE id = ?1", &[id.into(), now().into()])?;
    audit::record(transaction, author, "resumed", "connectors", &[(id, Json::Null)]).await
}

/// Disconnects a connector: it signs in no more, and its tokens end.
///
/// # Errors
///
/// As [`load`].
pub async fn disconnect(transaction: &Transaction, author: &Author, caller: &Caller, id: i64) -> Result<()> {
    load(transaction.connection(), caller, id)?;
    transaction
        .run("UPDATE connectors SET status = 'inactive', updated_at = ?2 WHERE id = ?1", &[id.into(), now().into()])?;
    transaction.run("DELETE FROM refresh_tokens WHERE connector_id = ?", &[id.into()])?;
    audit::record(transaction, author, "disconnected", "connectors", &[(id, Json::Null)]).await
}

/// Deletes a connector with its external identities. The accounts and users that it brought remain.
///
/// # Errors
///
/// As [`load`].
pub async fn delete(transaction: &Transaction, author: &Author, caller: &Caller, id: i64) -> Result<()> {
    let connector = load(transaction.connection(), caller, id)?;
    transaction.batch("DELETE FROM connectors WHERE id = ?", vec![id.into()]).await?;
    let detail = json!({ "account": connector.account_id, "clientId": connector.client_id });
    audit::record(transaction, author, "deleted", "connectors", &[(id, detail)]).await
}
