//! Connectors: the OAuth clients of an account.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::accounts::hierarchy::{self, ROLES};
use crate::accounts::removals;
use crate::accounts::role::Roles;
use crate::accounts::sources::{self, Field};
use crate::auth::caller::{Caller, CallingConnector, calling};
use crate::auth::scope::Scopes;
use crate::auth::{secret, throttle};
use crate::connectors::relying_party::{self, RelyingParty};
use crate::error::{Conflict, Error, Result, Thing, Unauthenticated};
use crate::store::audit::Changed;
use crate::store::climb::live;
use crate::store::{Actor, Connection, Edit, Row, Value, still};
use crate::values::id::{AccountId, ConnectorId};
use crate::values::role::Role;
use crate::values::time::Time;

/// Longest `client_id`, in bytes.
pub const CLIENT_ID_MAX: usize = 100;

/// Longest name, integration and property, in characters.
pub const TEXT_MAX: usize = 100;

/// Longest client secret, in bytes: what is longer is no secret of ours, and is not hashed.
pub const SECRET_MAX: usize = 512;

/// After so many refused or failed writes in a row a connector is in error state (the administration API's document,
/// `last_sync_error_count`).
pub const FAILURES_MAX: i64 = 10;

/// The refusal of a `client_id` and a secret that are not right.
const WRONG: Error = Error::Unauthenticated(Unauthenticated::InvalidCredentials);

/// Finds the connector that one of `client_ids` and one of `secrets` belong to, with all the scopes that it holds. They are
/// the readings of the one id and the one secret that a client sent, and count as one attempt. Whoever knows a secret that
/// cannot be guessed is never kept out by others who guess.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if they belong to none, it is not active, or its account is suspended, or one that owns it; [`Error::TooManyRequests`]
/// after too many such failures, see [`throttle`].
pub async fn authenticate(
    connection: &Connection,
    client_ids: &[&str],
    secrets: &[&str],
    address: Option<IpAddr>,
) -> Result<CallingConnector> {
    let client_id = existing(connection, client_ids)?;
    let too_long = secrets.iter().any(|secret| secret.len() > SECRET_MAX);
    if client_id.is_empty() || client_id.len() > CLIENT_ID_MAX || too_long {
        return Err(WRONG);
    }
    let row = connection.query_first(
        concat!(
            "SELECT c.secret_hash, ",
            calling!(),
            " FROM connectors c WHERE c.client_id = ? AND c.public = 0 AND c.status <> 'inactive' AND ",
            live!("c.account_id")
        ),
        &[client_id.into()],
    )?;
    let mut found = None;
    if let Some(mut row) = row {
        let hash: String = row.take("secret_hash")?;
        let connector = CallingConnector::from_row(&mut row)?;
        if secrets.iter().any(|secret| secret::is_right_at_once(secret, &hash)) {
            return Ok(connector);
        }
        found = Some((connector, hash));
    }
    let attempt = throttle::attempt(connection, &format!("client:{client_id}"), address).await?;
    still().await;
    match found {
        Some((connector, hash)) if secrets.iter().any(|secret| secret::verify_secret(secret, &hash)) => Ok(connector),
        _ => Err(attempt.failed(connection, WRONG).await),
    }
}

/// The public connector of a `client_id`, which is all that it has to show (RFC 6749, section 3.2.1). `None` if there is no such
/// one that is active: whoever keeps a secret has to show it.
pub fn public(connection: &Connection, client_id: &str) -> Result<Option<CallingConnector>> {
    let row = connection.query_first(
        concat!(
            "SELECT ",
            calling!(),
            " FROM connectors c WHERE c.client_id = ? AND c.public = 1 AND c.status <> 'inactive' AND ",
            live!("c.account_id")
        ),
        &[client_id.into()],
    )?;
    row.map(|mut row| CallingConnector::from_row(&mut row)).transpose()
}

/// The one of several readings of a `client_id` that is a connector's; the last one if none is.
fn existing<'a>(connection: &Connection, client_ids: &[&'a str]) -> Result<&'a str> {
    let (last, others) = client_ids.split_last().unwrap_or((&"", &[]));
    for id in others {
        if connection.query_first("SELECT 1 FROM connectors WHERE client_id = ?", &[(*id).into()])?.is_some() {
            return Ok(id);
        }
    }
    Ok(last)
}

/// How much later the last token of a connector may expire than is noted.
const NOTED_WITHIN: Duration = Duration::from_mins(1);

/// Notes that the connector gets an access token that expires at `expires_at`. With its first one a connector becomes
/// active. What was noted less than a minute ago is left as it is: who asks for tokens often waits for no lock.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if that is to be noted, and the connector was disconnected or got another secret since it was
/// authenticated.
pub async fn token_issued(connection: &Connection, connector: &CallingConnector, expires_at: Time) -> Result<()> {
    let noted = connector.noted.token_expires_at;
    if noted.is_some_and(|noted| noted <= expires_at && noted >= expires_at - NOTED_WITHIN) {
        return Ok(());
    }
    let statement = "UPDATE connectors SET status = 'active', token_expires_at = ?3
          WHERE id = ?1 AND secret_version = ?2 AND status <> 'inactive' RETURNING id";
    let parameters = vec![connector.id.into(), connector.secret_version.into(), expires_at.into()];
    connection.execute(statement, parameters).await?.first().map(drop).ok_or(WRONG)
}

/// A connector, as far as it is shown.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Its id.
    pub id: ConnectorId,
    /// The account it belongs to.
    pub account_id: AccountId,
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
    /// What it never does more than: `manage`, `admin` or `owner`.
    pub rank: Role,
    /// `pending` until its first token, then `active`; `inactive` once it is disconnected, and while its account is suspended
    /// or one that owns that.
    pub status: String,
    /// Whether so many of its writes failed in a row that somebody has to look into it, see [`crate::connectors::health`].
    pub in_error_state: bool,
    /// When whoever made it lost its rank, if that happened, until somebody who holds it gives the connector a new secret.
    pub maker_lost_rank_at: Option<Time>,
    /// How people sign in to it with a browser.
    pub relying_party: RelyingParty,
    /// Which share of its external ids it unbinds at most by one body, in percent, unless the body confirms the number; any, if there
    /// is none. See [`crate::connectors::outcome`].
    pub unbind_share: Option<i64>,
    /// When it was made.
    pub created_at: Time,
}

/// The status of a connector `c` as it is shown, as an expression.
pub(super) const STATUS: &str = concat!("CASE WHEN ", live!("c.account_id"), " THEN c.status ELSE 'inactive' END");

impl Connector {
    /// The columns of a connector `c`.
    fn columns() -> String {
        format!(
            "c.id, c.account_id, c.client_id, c.name, c.integration, c.property, c.environment, c.scopes, c.rank,
             {STATUS} AS status, c.failures >= {FAILURES_MAX} AS in_error_state, c.maker_lost_rank_at, c.created_at,
             c.unbind_share, {}",
            relying_party::COLUMNS
        )
    }

    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take("id")?,
            account_id: row.take("account_id")?,
            client_id: row.take("client_id")?,
            name: row.take("name")?,
            integration: row.take("integration")?,
            property: row.take("property")?,
            environment: row.take("environment")?,
            scopes: Scopes::trusted(row.take("scopes")?),
            rank: row.take("rank")?,
            status: row.take("status")?,
            in_error_state: row.take("in_error_state")?,
            maker_lost_rank_at: row.take("maker_lost_rank_at")?,
            relying_party: RelyingParty::from_row(row)?,
            unbind_share: row.take("unbind_share")?,
            created_at: row.take("created_at")?,
        })
    }
}

/// A connector to be made. Its texts are clean, its scopes exist.
#[derive(Clone, Debug)]
pub struct NewConnector {
    /// See [`Connector`].
    pub account_id: AccountId,
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
    /// See [`Connector`]. If it is left out, it is what whoever makes it holds.
    pub rank: Option<Role>,
    /// See [`Connector`]. Its URIs have no [`relying_party::fault`].
    pub relying_party: RelyingParty,
}

/// Makes a connector and returns it with its secret, which nobody sees again. A public one has none.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account; [`Error::Forbidden`] for a rank or a
/// scope that the caller does not hold.
pub async fn create(edit: &Edit, caller: &Caller, new: &NewConnector) -> Result<(Connector, Option<String>)> {
    let roles = hierarchy::roles(edit.connection(), caller, new.account_id)?;
    roles.require(Role::Manage)?;
    let rank = new.rank.unwrap_or(rank(caller, &roles));
    require(caller, &roles, rank, &new.scopes)?;
    let secret = secret::generate()?;
    let new = NewConnector { rank: Some(rank), ..new.clone() };
    let connector = insert(edit, &new, &Uuid::new_v4().to_string(), &secret::hash_secret(&secret)?).await?;
    Ok((connector, Some(secret).filter(|_| !new.relying_party.is_public)))
}

/// What the caller holds in an account as a rank: a connector has one of its own.
fn rank(caller: &Caller, roles: &Roles) -> Role {
    match caller {
        Caller::Person(_) => roles.rank().unwrap_or(Role::Viewer),
        Caller::Connector(connector) => connector.rank,
    }
}

/// Refuses to make a connector of this rank and these scopes, or to get its secret, unless the caller holds them. A person who
/// manages the account holds every scope there.
fn require(caller: &Caller, roles: &Roles, needed: Role, scopes: &Scopes) -> Result<()> {
    if rank(caller, roles) < needed {
        return Err(Error::Forbidden { needs: "the rank of the connector" });
    }
    match caller {
        Caller::Connector(calling) if calling.scopes.grant(Some(scopes.as_str())).is_none() => {
            Err(Error::Forbidden { needs: "every scope that is given away" })
        }
        _ => Ok(()),
    }
}

/// Who makes a connector, or gives it a secret, as two expressions: the person's id, and null; for a connector the one who
/// made that, and when that one lost the rank.
macro_rules! maker {
    ($person:literal, $connector:literal) => {
        concat!(
            "coalesce(",
            $person,
            ", (SELECT maker_id FROM connectors WHERE id = ",
            $connector,
            ")), (SELECT maker_lost_rank_at FROM connectors WHERE id = ",
            $connector,
            ")"
        )
    };
}

/// The author of a change as the two parameters of `maker!`.
fn maker(actor: Actor) -> [Value; 2] {
    match actor {
        Actor::Person(id) => [id.into(), Value::Null],
        Actor::Connector(id) => [Value::Null, id.into()],
        Actor::Anonymous | Actor::System => [Value::Null, Value::Null],
    }
}

/// Makes a connector of this `client_id`, whose secret has this hash.
pub(crate) async fn insert(edit: &Edit, new: &NewConnector, client_id: &str, secret_hash: &str) -> Result<Connector> {
    let environment = if new.sandbox { "sandbox" } else { "production" };
    let rank = new.rank.unwrap_or(Role::Manage);
    let party = &new.relying_party;
    let created_at = Time::now();
    let [person, connector] = maker(edit.author.actor);
    let mut row = edit.run_one(
        concat!(
            "INSERT INTO connectors (account_id, client_id, secret_hash, scopes, name, integration, property, environment,
                                     rank, created_at, updated_at, redirect_uris, post_logout_redirect_uris, public,
                                     require_pkce, id_token_algorithm, maker_id, maker_lost_rank_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?14, ?15, ",
            maker!("?16", "?17"),
            ") RETURNING id, status, maker_lost_rank_at"
        ),
        &[
            new.account_id.into(),
            client_id.into(),
            secret_hash.into(),
            new.scopes.as_str().into(),
            new.name.as_str().into(),
            new.integration.as_str().into(),
            new.property.as_str().into(),
            environment.into(),
            rank.name().into(),
            created_at.into(),
            json!(party.redirect_uris).to_string().into(),
            json!(party.post_logout_redirect_uris).to_string().into(),
            i64::from(party.is_public).into(),
            i64::from(party.requires_pkce).into(),
            party.id_token_algorithm.name().into(),
            person,
            connector,
        ],
    )?;
    let connector = Connector {
        id: row.take("id")?,
        account_id: new.account_id,
        client_id: client_id.to_owned(),
        name: new.name.clone(),
        integration: new.integration.clone(),
        property: new.property.clone(),
        environment: environment.to_owned(),
        scopes: new.scopes.clone(),
        rank,
        status: row.take("status")?,
        in_error_state: false,
        maker_lost_rank_at: row.take("maker_lost_rank_at")?,
        relying_party: party.clone(),
        unbind_share: None,
        created_at,
    };
    let mut after =
        json!({ "clientId": client_id, "name": new.name, "scopes": new.scopes.as_str(), "rank": rank.name() });
    if *party != RelyingParty::default() {
        after["redirectUris"] = json!(party.redirect_uris);
        after["postLogoutRedirectUris"] = json!(party.post_logout_redirect_uris);
        after["public"] = json!(party.is_public);
        after["requirePkce"] = json!(party.requires_pkce);
        after["idTokenSignedResponseAlg"] = json!(party.id_token_algorithm.name());
    }
    let detail = json!({ "account": new.account_id, "after": after });
    edit.record("created", "connectors", &[(connector.id, detail)]).await?;
    Ok(connector)
}

/// The connectors of an account, the oldest first.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account.
pub fn list(connection: &Connection, caller: &Caller, account_id: AccountId) -> Result<Vec<Connector>> {
    hierarchy::roles(connection, caller, account_id)?.require(Role::Manage)?;
    let statement = format!("SELECT {} FROM connectors c WHERE c.account_id = ? ORDER BY c.id", Connector::columns());
    let rows = connection.query(&statement, &[account_id.into()])?;
    rows.into_iter().map(|mut row| Connector::from_row(&mut row)).collect()
}

/// A connector of an account that the caller manages.
///
/// # Errors
///
/// [`Error::NotFound`] if the caller may not see its account, [`Error::Forbidden`] without the manage role there.
pub fn load(connection: &Connection, caller: &Caller, id: ConnectorId) -> Result<Connector> {
    find(connection, caller, id).map(|(connector, _)| connector)
}

/// As [`load`], to change it.
///
/// # Errors
///
/// As [`load`]; [`Error::Forbidden`] for one whose rank or whose scopes the caller does not hold.
pub(super) fn load_to_change(edit: &Edit, caller: &Caller, id: ConnectorId) -> Result<Connector> {
    let (connector, roles) = find(edit.connection(), caller, id)?;
    require(caller, &roles, connector.rank, &connector.scopes)?;
    Ok(connector)
}

fn find(connection: &Connection, caller: &Caller, id: ConnectorId) -> Result<(Connector, Roles)> {
    const NONE: Error = Error::NotFound(Thing::Connector);
    let [person, connector] = hierarchy::parameters(caller);
    let statement = format!(
        "SELECT {}, {ROLES} AS roles FROM connectors c JOIN accounts a ON a.id = c.account_id WHERE c.id = ?3",
        Connector::columns()
    );
    let mut row = connection.query_first(&statement, &[person, connector, id.into()])?.ok_or(NONE)?;
    let roles = Roles::of(caller, row.take::<Option<String>>("roles")?.as_deref()).ok_or(NONE)?;
    roles.require(Role::Manage)?;
    Ok((Connector::from_row(&mut row)?, roles))
}

/// Gives a connector a new secret, and ends the sessions that it began with the old one. Its failures count
/// from 0 again, see [`crate::connectors::health`], and whoever gives the secret is its maker from now on.
///
/// # Errors
///
/// As [`load`]; [`Error::Forbidden`] for one whose rank or whose scopes the caller does not hold; [`Error::Conflict`] for a public
/// one.
pub async fn rotate(edit: &Edit, caller: &Caller, id: ConnectorId) -> Result<(Connector, String)> {
    let before = load_to_change(edit, caller, id)?;
    if before.relying_party.is_public {
        return Err(Error::Conflict(Conflict::NoSecret));
    }
    let secret = secret::generate()?;
    let [person, connector] = maker(edit.author.actor);
    let mut row = edit.run_one(
        concat!(
            "UPDATE connectors SET secret_hash = ?2, secret_version = secret_version + 1, failures = 0, updated_at = ?3,
                    (maker_id, maker_lost_rank_at) = (",
            maker!("?4", "?5"),
            ") WHERE id = ?1 RETURNING maker_lost_rank_at"
        ),
        &[id.into(), secret::hash_secret(&secret)?.into(), Time::now().into(), person, connector],
    )?;
    let maker_lost_rank_at: Option<Time> = row.take("maker_lost_rank_at")?;
    edit.run("DELETE FROM refresh_tokens WHERE connector_id = ?", &[id.into()])?;
    let mut changed = Changed::of("account", before.account_id);
    changed.note("inErrorState", &before.in_error_state, &false);
    changed.note("makerLostRank", &before.maker_lost_rank_at.is_some(), &maker_lost_rank_at.is_some());
    edit.record("secret rotated", "connectors", &[(id, changed.into_detail())]).await?;
    Ok((Connector { in_error_state: false, maker_lost_rank_at, ..before }, secret))
}

/// Counts the failures of a connector from 0 again, see [`crate::connectors::health`].
///
/// # Errors
///
/// As [`load`]; [`Error::Forbidden`] for one whose rank or whose scopes the caller does not hold.
pub async fn resume(edit: &Edit, caller: &Caller, id: ConnectorId) -> Result<()> {
    let before = load_to_change(edit, caller, id)?;
    edit.run("UPDATE connectors SET failures = 0, updated_at = ?2 WHERE id = ?1", &[id.into(), Time::now().into()])?;
    let mut changed = Changed::of("account", before.account_id);
    changed.note("inErrorState", &before.in_error_state, &false);
    edit.record("resumed", "connectors", &[(id, changed.into_detail())]).await
}

/// Disconnects a connector: it signs in no more, its tokens end, and what it says of accounts counts no more. That is kept for thirty
/// days, see [`removals`]; a connector that is disconnected already stays so.
///
/// # Errors
///
/// As [`load`]; [`Error::Forbidden`] for one whose rank or whose scopes the caller does not hold.
pub async fn disconnect(edit: &Edit, caller: &Caller, id: ConnectorId) -> Result<()> {
    let before = load_to_change(edit, caller, id)?;
    if edit.run_first("SELECT 1 FROM connectors WHERE id = ? AND status = 'inactive'", &[id.into()])?.is_some() {
        return Ok(());
    }
    let disputed = sources::disputed(edit, id, before.account_id).await?;
    let said = sources::said_by(edit, id, &disputed).await?;
    removals::open(edit, before.account_id, removals::Kind::Connector)?;
    removals::keep_words(edit, id).await?;
    edit.run(
        "UPDATE connectors SET status = 'inactive', updated_at = ?2 WHERE id = ?1",
        &[id.into(), Time::now().into()],
    )?;
    edit.run("DELETE FROM refresh_tokens WHERE connector_id = ?", &[id.into()])?;
    let mut changed = Changed::of("account", before.account_id);
    changed.note("status", &before.status.as_str(), &"inactive");
    edit.record("disconnected", "connectors", &[(id, changed.into_detail())]).await?;
    sources::forget(edit, id).await?;
    sources::settle(edit, &disputed, &Field::ALL).await?;
    sources::keep(edit, before.account_id, &said).await?;
    removals::close(edit).await
}

/// Deletes a connector with its external identities and with what it says. The accounts and people that it brought remain, and what goes is
/// kept for thirty days, see [`removals`].
///
/// # Errors
///
/// As [`load`]; [`Error::Forbidden`] for one whose rank or whose scopes the caller does not hold.
pub async fn delete(edit: &Edit, caller: &Caller, id: ConnectorId) -> Result<()> {
    let connector = load_to_change(edit, caller, id)?;
    let disputed = sources::disputed(edit, id, connector.account_id).await?;
    let said = sources::said_by(edit, id, &disputed).await?;
    removals::open(edit, connector.account_id, removals::Kind::Connector)?;
    edit.batch("DELETE FROM connectors WHERE id = ?", vec![id.into()]).await?;
    let detail = json!({
        "account": connector.account_id,
        "before": { "clientId": connector.client_id, "name": connector.name, "scopes": connector.scopes.as_str(),
                    "rank": connector.rank.name(), "status": connector.status },
    });
    edit.record("deleted", "connectors", &[(id, detail)]).await?;
    sources::settle(edit, &disputed, &Field::ALL).await?;
    sources::keep(edit, connector.account_id, &said).await?;
    removals::close(edit).await
}
