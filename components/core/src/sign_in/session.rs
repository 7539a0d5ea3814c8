//! Sessions: families of refresh tokens (RFC 6749, section 6).
//!
//! Each use of a refresh token marks it as used and adds its successor to the family. A used one that comes again was
//! stolen, or its successor was: the whole family ends, its access tokens included (RFC 9700, section 4.14.2). A request that
//! is refused for another reason uses nothing up. Tokens are kept as digests.
//!
//! The table has what else such sessions are made of, and what ends these ends it too: authorization codes, each the first of
//! its family (see [`crate::sign_in::code`]), and browsers in which people are signed in (see [`crate::sign_in::browser`]).

use std::time::Duration;

use uuid::Uuid;

use crate::accounts::hierarchy::{self, BELONGS};
use crate::auth::caller::CallingConnector;
use crate::auth::scope::Scopes;
use crate::auth::{secret, token};
use crate::connectors::connector;
use crate::error::Result;
use crate::log;
use crate::setting;
use crate::sign_in::credentials::{SignedIn, WRONG};
use crate::store::{Connection, Transaction, Value};
use crate::values::id::{AccountId, ConnectorId, PersonId};
use crate::values::time::Time;

/// Whose session it is.
#[derive(Clone, Debug)]
pub enum Holder {
    /// A connector that has shown its secret.
    Connector(CallingConnector),
    /// A person, and the connector that the person signed in through, if it was one.
    Person(SignedIn, Option<CallingConnector>),
}

impl Holder {
    /// The connector that the session belongs to, by itself or together with a person.
    pub fn connector(&self) -> Option<&CallingConnector> {
        match self {
            Self::Connector(connector) => Some(connector),
            Self::Person(_, connector) => connector.as_ref(),
        }
    }
}

/// Where a session of a person comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// When the person gave the password in a browser.
    pub authenticated_at: Option<Time>,
    /// The browser's session, see [`crate::sign_in::browser`].
    pub browser: Option<String>,
}

/// How many refresh tokens a connector has of its own: with a further one its oldest goes.
const OF_A_CONNECTOR: i64 = 32;

/// What a refresh token gives.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// The next refresh token. The one that was shown does not work again.
    pub refresh_token: String,
    /// The family, which the access token names.
    pub family: String,
    /// Whose it is.
    pub holder: Holder,
    /// What the access token allows.
    pub scopes: Scopes,
    /// Where it began.
    pub origin: Origin,
}

/// Begins a family and returns its name and its first refresh token.
pub async fn begin(connection: &Connection, holder: &Holder, scopes: &Scopes) -> Result<(String, String)> {
    let family = Uuid::new_v4().to_string();
    let refresh_token = secret::generate()?;
    let lifetime = setting::seconds("refresh_token_lifetime").await?;
    if let Holder::Connector(connector) = holder {
        forget_oldest(connection, connector.id).await?;
    }
    let entry = Entry::refresh(&refresh_token, &family, holder, scopes, lifetime);
    let (statement, parameters) = entry.insertion();
    // Nothing is written if the password or the secret has changed since it was shown.
    let begun = connection.execute(statement, parameters).await?;
    if begun.is_empty() { Err(WRONG) } else { Ok((family, refresh_token)) }
}

/// Makes room for another refresh token of a connector's own. One that asks for a token by its secret each time never uses
/// those that it gets, and they would pile up.
async fn forget_oldest(connection: &Connection, connector: ConnectorId) -> Result<()> {
    let excess = "SELECT created_at FROM refresh_tokens WHERE connector_id = ?1 AND person_id IS NULL
                   ORDER BY created_at DESC LIMIT 1 OFFSET ?2";
    if let Some(mut row) = connection.query_first(excess, &[connector.into(), (OF_A_CONNECTOR - 1).into()])? {
        let until: Time = row.take("created_at")?;
        let forget = "DELETE FROM refresh_tokens WHERE connector_id = ?1 AND person_id IS NULL AND created_at <= ?2";
        connection.execute(forget, vec![connector.into(), until.into()]).await?;
    }
    Ok(())
}

/// What a row of the table is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    /// A refresh token.
    Refresh,
    /// A browser in which a person is signed in.
    Browser,
    /// An authorization code, and what it is bound to.
    Code(&'a Binding),
}

/// What an authorization code is bound to.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    /// What the ID token repeats.
    pub nonce: Option<String>,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// What the verifier answers (RFC 7636, section 4.2): always by `S256`.
    pub code_challenge: Option<String>,
}

/// A row to be added.
pub(super) struct Entry<'a> {
    pub secret: &'a str,
    pub kind: Kind<'a>,
    pub family: &'a str,
    pub holder: &'a Holder,
    pub scopes: &'a Scopes,
    pub lifetime: Duration,
    pub origin: Origin,
}

impl<'a> Entry<'a> {
    /// A refresh token of a session that began in no browser.
    fn refresh(secret: &'a str, family: &'a str, holder: &'a Holder, scopes: &'a Scopes, lifetime: Duration) -> Self {
        Self { secret, kind: Kind::Refresh, family, holder, scopes, lifetime, origin: Origin::default() }
    }

    /// The one insert into the table: the first of a family is written by itself, the next ones in a transaction. It gives no
    /// row, and adds none, if the password or the connector's secret has changed since it was shown, if the account is gone, or if the
    /// browser that a code is for has been signed out.
    pub fn insertion(&self) -> (&'static str, Vec<Value>) {
        let (person, account, password_version) = match self.holder {
            Holder::Connector(_) => (None, None, None),
            Holder::Person(person, _) => (Some(person.person_id), person.account_id, Some(person.password_version)),
        };
        let (kind, binding) = match self.kind {
            Kind::Refresh => ("refresh", None),
            Kind::Browser => ("browser", None),
            Kind::Code(binding) => ("code", Some(binding)),
        };
        let connector = self.holder.connector();
        let now = Time::now();
        let parameters = vec![
            digest(self.secret),
            self.family.into(),
            connector.map(|connector| connector.id).into(),
            person.into(),
            account.into(),
            self.scopes.as_str().into(),
            now.into(),
            (now + self.lifetime).into(),
            password_version.into(),
            connector.map(|connector| connector.secret_version).into(),
            kind.into(),
            self.origin.authenticated_at.into(),
            self.origin.browser.as_deref().into(),
            binding.and_then(|binding| binding.nonce.as_deref()).into(),
            binding.map(|binding| binding.redirect_uri.as_str()).into(),
            binding.and_then(|binding| binding.code_challenge.as_deref()).into(),
        ];
        let statement = "INSERT INTO refresh_tokens
                (digest, family, connector_id, person_id, account_id, scopes, created_at, expires_at, kind, authenticated_at,
                 browser, nonce, redirect_uri, code_challenge)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?11, ?12, ?13, ?14, ?15, ?16
              WHERE (?4 IS NULL OR EXISTS (SELECT 1 FROM people WHERE id = ?4 AND password_version = ?9))
                AND (?5 IS NULL OR EXISTS (SELECT 1 FROM accounts WHERE id = ?5))
                AND (?3 IS NULL OR EXISTS (
                     SELECT 1 FROM connectors WHERE id = ?3 AND secret_version = ?10 AND status <> 'inactive'))
                AND (?11 <> 'code' OR EXISTS (
                     SELECT 1 FROM refresh_tokens WHERE family = ?13 AND kind = 'browser' AND expires_at > ?7))
             RETURNING family";
        (statement, parameters)
    }
}

/// What the store knows a refresh token by, a code and a browser's secret.
pub(super) fn digest(refresh_token: &str) -> Value {
    Value::Blob(secret::digest(refresh_token.as_bytes()).to_vec())
}

/// A refresh token as the store has it.
#[derive(Debug)]
pub struct Kept {
    /// Its family.
    pub family: String,
    /// The connector that it belongs to; with a person as well, the one that the person signed in through.
    pub connector_id: Option<ConnectorId>,
    /// The person that it belongs to.
    pub person_id: Option<PersonId>,
    /// What tokens name that person by.
    pub person_uuid: Option<String>,
    /// The account that the person signed in to.
    pub account_id: Option<AccountId>,
    /// What it allows.
    pub scopes: Scopes,
    /// When it expires.
    pub expires_at: Time,
    /// Where its session began.
    pub origin: Origin,
    used: bool,
}

impl Kept {
    /// Whether it could be used now.
    pub fn is_good(&self) -> bool {
        !self.used && Time::now() < self.expires_at
    }
}

/// Finds a refresh token, used and expired ones too.
pub fn find(connection: &Connection, refresh_token: &str) -> Result<Option<Kept>> {
    let row = connection.query_first(
        "SELECT t.family, t.connector_id, t.person_id, p.uuid, t.account_id, t.scopes, t.expires_at,
                t.used_at IS NOT NULL AS used, t.authenticated_at, t.browser
           FROM refresh_tokens t LEFT JOIN people p ON p.id = t.person_id WHERE t.digest = ? AND t.kind = 'refresh'",
        &[digest(refresh_token)],
    )?;
    let Some(mut row) = row else { return Ok(None) };
    Ok(Some(Kept {
        family: row.take("family")?,
        connector_id: row.take("connector_id")?,
        person_id: row.take("person_id")?,
        person_uuid: row.take("uuid")?,
        account_id: row.take("account_id")?,
        scopes: Scopes::trusted(row.take("scopes")?),
        expires_at: row.take("expires_at")?,
        origin: Origin { authenticated_at: row.take("authenticated_at")?, browser: row.take("browser")? },
        used: row.take("used")?,
    }))
}

/// Uses a refresh token. One that belongs to a connector needs that connector, authenticated. `scope` is what it asks for, of
/// what the session began with and it still holds: `None` if that is too much, and then the token is as good as before. The
/// log names the request in which a token came again.
///
/// # Errors
///
/// [`crate::Error::Unauthenticated`] if it is unknown, expired, of somebody else or of somebody who may not sign in any
/// more; also if it was used before, which ends its family.
pub async fn refresh(
    refresh_token: &str,
    connector: Option<&CallingConnector>,
    scope: Option<&str>,
    request_id: &str,
) -> Result<Option<Refreshed>> {
    let lifetime = setting::seconds("refresh_token_lifetime").await?;
    let access_lifetime = setting::seconds("access_token_lifetime").await?;
    let transaction = Transaction::begin().await?;
    let kept = find(transaction.connection(), refresh_token)?.ok_or(WRONG)?;
    // Whoever shows another's token learns nothing and ends nothing.
    if kept.connector_id != connector.map(|connector| connector.id) {
        return Err(WRONG);
    }
    let holder = match (connector, kept.person_id) {
        (connector, Some(person)) => signed_in(&transaction, person, kept.account_id, connector)?
            .map(|person| Holder::Person(person, connector.cloned())),
        (Some(connector), None) => Some(Holder::Connector(connector.clone())),
        (None, None) => None,
    };
    let (Some(holder), true) = (holder, kept.is_good()) else {
        if kept.used {
            let family = &kept.family;
            log::warning(
                Some(request_id),
                format_args!("a refresh token came a second time; its family {family} ends"),
            );
        }
        end(&transaction, &kept.family, access_lifetime)?;
        transaction.commit().await?;
        return Err(WRONG);
    };
    let scopes = match &holder {
        // What the connector lost meanwhile it does not get back.
        Holder::Connector(connector) => kept.scopes.common(&connector.scopes).grant(scope),
        Holder::Person(_, Some(connector)) if !kept.scopes.is_empty() => {
            kept.scopes.common(&connector.scopes.with_identity()).grant(scope)
        }
        // The password grant grants none, whatever is asked for.
        Holder::Person(..) => Some(Scopes::default()),
    };
    let Some(scopes) = scopes else { return Ok(None) };
    let now = Time::now();
    if let Some(connector) = connector {
        connector::token_issued(transaction.connection(), connector, now + access_lifetime).await?;
    }
    transaction.run(
        "DELETE FROM refresh_tokens
          WHERE digest IN (SELECT digest FROM refresh_tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT 100)",
        &[now.into()],
    )?;
    transaction
        .run("UPDATE refresh_tokens SET used_at = ?2 WHERE digest = ?1", &[digest(refresh_token), now.into()])?;
    let next = secret::generate()?;
    let entry = Entry::refresh(&next, &kept.family, &holder, &kept.scopes, lifetime);
    let (statement, parameters) = Entry { origin: kept.origin.clone(), ..entry }.insertion();
    transaction.run(statement, &parameters)?;
    transaction.commit().await?;
    Ok(Some(Refreshed { refresh_token: next, family: kept.family, holder, scopes, origin: kept.origin }))
}

/// The person of a session, if the person still may sign in there, through the connector if it was one.
pub(super) fn signed_in(
    transaction: &Transaction,
    person_id: PersonId,
    account_id: Option<AccountId>,
    connector: Option<&CallingConnector>,
) -> Result<Option<SignedIn>> {
    if !reaches(transaction.connection(), connector, account_id)? {
        return Ok(None);
    }
    let row = transaction.run_first(
        &format!(
            "SELECT p.uuid, p.password_version FROM people p
              WHERE p.id = ?1 AND (?2 IS NULL OR EXISTS (
                    SELECT 1 FROM accounts a WHERE a.id = ?2 AND {BELONGS}))"
        ),
        &[person_id.into(), account_id.into()],
    )?;
    let Some(mut row) = row else { return Ok(None) };
    let (uuid, password_version) = (row.take("uuid")?, row.take("password_version")?);
    Ok(Some(SignedIn { person_id, uuid, password_version, account_id }))
}

/// Whether somebody may sign in to the account through the connector: only to the connector's own and to what that owns.
fn reaches(
    connection: &Connection,
    connector: Option<&CallingConnector>,
    account_id: Option<AccountId>,
) -> Result<bool> {
    match (connector, account_id) {
        (None, _) => Ok(true),
        (Some(_), None) => Ok(false),
        (Some(connector), Some(account_id)) => hierarchy::owns(connection, connector.account_id, account_id),
    }
}

/// Ends a family: its refresh tokens, and for `access_lifetime`, how long an access token works, its access tokens.
pub fn end(transaction: &Transaction, family: &str, access_lifetime: Duration) -> Result<()> {
    transaction.run("DELETE FROM refresh_tokens WHERE family = ?", &[family.into()])?;
    token::revoke(transaction, family, Time::now() + access_lifetime)
}
