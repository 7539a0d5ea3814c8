//! Sign-in of users, and sessions: families of refresh tokens (RFC 6749, section 6).
//!
//! Each use of a refresh token marks it as used and adds its successor to the family. A used one that comes again was
//! stolen, or its successor was: the whole family ends, its access tokens included (RFC 9700, section 4.14.2). Tokens
//! are kept as digests.

use std::net::IpAddr;

use anyhow::anyhow;
use uuid::Uuid;

use crate::connector::Authenticated;
use crate::error::{Error, Result, Unauthenticated};
use crate::membership::BELONGS;
use crate::scope::Scopes;
use crate::store::{Connection, Row, Transaction, Value, now};
use crate::{account, log, secret, setting, sign_in, text, token};

const WRONG: Error = Error::Unauthenticated(Unauthenticated::InvalidCredentials);

/// Shortest password that is taken, in characters.
pub const PASSWORD_MIN: usize = 12;

/// Longest password, in bytes: what is longer is not hashed.
pub const PASSWORD_MAX: usize = 1024;

/// A user who has shown the password, and the account to sign in to.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The user.
    pub user_id: i64,
    /// What the token names the user by.
    pub uuid: String,
    /// The version of the password.
    pub password_version: i64,
    /// The account, if the user has one.
    pub account_id: Option<i64>,
}

/// How a sign-in ended.
pub enum SignIn {
    /// The user is in.
    Done(SignedIn),
    /// The user has several accounts, and named none: id and name of each (the portal's document, last paragraph on users).
    Select(Vec<(i64, String)>),
}

/// A user whose password is still to be checked, or nobody.
pub(crate) struct Candidate {
    /// What failures are counted by.
    identity: String,
    user: Option<SignedIn>,
    hash: Option<String>,
}

impl Candidate {
    /// Finds a user by e-mail address or username.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] for what can be no name or no password.
    pub fn find(connection: &Connection, name: &str, password: &str) -> Result<Self> {
        let key = match text::clean(name, text::Email::MAX) {
            Ok(name) if password.len() <= PASSWORD_MAX => text::fold(&name),
            _ => return Err(WRONG),
        };
        // A username may be written like somebody's address: the address counts.
        let row = connection.query_first(
            "SELECT id, uuid, password_version, password_hash, is_active FROM (
                 SELECT *, 1 AS precedence FROM users WHERE email_key = ?1
                 UNION ALL SELECT *, 2 FROM users WHERE username_key = ?1)
              ORDER BY precedence LIMIT 1",
            &[key.as_str().into()],
        )?;
        let mut candidate = Self { identity: format!("user:{key}"), user: None, hash: None };
        if let Some(mut row) = row {
            candidate.hash = row.take(3)?;
            let user = SignedIn {
                user_id: row.take(0)?,
                uuid: row.take(1)?,
                password_version: row.take(2)?,
                account_id: None,
            };
            candidate.user = Some(user).filter(|_| row.take::<bool>(4).unwrap_or(false));
        }
        Ok(candidate)
    }

    /// Whether there is a user of the name, who has a password.
    pub fn has_password(&self) -> bool {
        self.hash.is_some()
    }

    /// Checks the password. One that this instance has found right before is right at once, whatever limits there are.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] for an unknown user, a wrong password and a user who is not active: the same for all,
    /// after the same time. [`Error::TooManyRequests`], see [`sign_in`].
    pub async fn verify(self, connection: &Connection, password: &str, address: Option<IpAddr>) -> Result<SignedIn> {
        if let (Some(user), Some(hash)) = (&self.user, &self.hash)
            && secret::is_verified(password, hash)
        {
            return Ok(user.clone());
        }
        let attempt = sign_in::attempt(connection, &self.identity, address).await?;
        let matches = secret::verify_password(password, self.hash.as_deref());
        match self.user.filter(|_| matches) {
            Some(user) => Ok(user),
            None => Err(attempt.failed(connection, WRONG).await),
        }
    }
}

/// Signs a user in by e-mail address or username and password. `wanted` is the account to sign in to, an id or a name: one
/// that the user is a member of, or that such a one owns and that shares its data with it (`datashare`).
///
/// # Errors
///
/// [`Error::Unauthenticated`] for an unknown user, a wrong password, a user who is not active and an account that the user
/// does not belong to: the same for all, after the same time. [`Error::TooManyRequests`], see [`sign_in`].
pub async fn sign_in(
    connection: &Connection,
    name: &str,
    password: &str,
    wanted: Option<&str>,
    address: Option<IpAddr>,
) -> Result<SignIn> {
    let user = Candidate::find(connection, name, password)?.verify(connection, password, address).await?;
    choose(connection, user, wanted)
}

/// Picks the account to sign in to: the one that is `wanted`, or the only one that the user is a member of.
fn choose(connection: &Connection, user: SignedIn, wanted: Option<&str>) -> Result<SignIn> {
    if let Some(wanted) = wanted {
        let key = text::clean(wanted, account::NAME_MAX).map_or_else(|_| String::new(), |name| text::fold(&name));
        // An id before a name; of accounts of one name first those that the user is a member of, then the oldest.
        let statement = format!(
            "SELECT a.id FROM accounts a
              WHERE (a.id = ?2 OR a.name_key = ?3) AND a.status = 'active' AND {BELONGS}
              ORDER BY a.id IS NOT ?2, NOT EXISTS (
                    SELECT 1 FROM memberships m WHERE m.account_id = a.id AND m.user_id = ?1 AND m.status = 'active'), a.id
              LIMIT 1"
        );
        let parameters = [user.user_id.into(), wanted.parse::<i64>().ok().into(), key.into()];
        let account_id = connection.query_first(&statement, &parameters)?.ok_or(WRONG)?.take(0)?;
        return Ok(SignIn::Done(SignedIn { account_id: Some(account_id), ..user }));
    }
    let rows = connection.query(
        "SELECT a.id, a.name FROM memberships m JOIN accounts a ON a.id = m.account_id
          WHERE m.user_id = ? AND m.status = 'active' AND a.status = 'active' ORDER BY a.id LIMIT 1000",
        &[user.user_id.into()],
    )?;
    let accounts =
        rows.into_iter().map(|mut row| Ok((row.take(0)?, row.take(1)?))).collect::<Result<Vec<(i64, String)>>>()?;
    match accounts.as_slice() {
        [] => Ok(SignIn::Done(user)),
        [(account_id, _)] => Ok(SignIn::Done(SignedIn { account_id: Some(*account_id), ..user })),
        _ => Ok(SignIn::Select(accounts)),
    }
}

/// Whose session it is.
#[derive(Clone, Debug)]
pub enum Holder {
    /// A connector, authenticated.
    Connector(Authenticated),
    /// A user.
    User(SignedIn),
}

/// What a refresh token gives.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// The next refresh token. The one that was shown does not work again.
    pub refresh_token: String,
    /// The family, which the access token names.
    pub family: String,
    /// Whose it is.
    pub holder: Holder,
    /// What the access token allows at most.
    pub scopes: Scopes,
}

/// Begins a family and returns its name and its first refresh token.
pub async fn begin(connection: &Connection, holder: &Holder, scopes: &Scopes) -> Result<(String, String)> {
    let family = Uuid::new_v4().to_string();
    let refresh_token = secret::generate()?;
    let lifetime = setting::number("refresh_token_lifetime").await? * 1000;
    let (statement, parameters) = insertion(&refresh_token, &family, holder, scopes, lifetime);
    connection.execute(statement, parameters).await?;
    Ok((family, refresh_token))
}

fn insertion(
    refresh_token: &str,
    family: &str,
    holder: &Holder,
    scopes: &Scopes,
    lifetime: i64,
) -> (&'static str, Vec<Value>) {
    let (connector, user, account) = match holder {
        Holder::Connector(connector) => (Some(connector.id), None, None),
        Holder::User(user) => (None, Some(user.user_id), user.account_id),
    };
    let now = now();
    let parameters = vec![
        Value::Blob(secret::digest(refresh_token.as_bytes()).to_vec()),
        family.into(),
        connector.into(),
        user.into(),
        account.into(),
        scopes.as_str().into(),
        now.into(),
        (now + lifetime).into(),
    ];
    let statement = "INSERT INTO refresh_tokens
            (digest, family, connector_id, user_id, account_id, scopes, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    (statement, parameters)
}

/// A refresh token as the store has it.
#[derive(Debug)]
pub struct Kept {
    /// Its family.
    pub family: String,
    /// The connector it belongs to, or …
    pub connector_id: Option<i64>,
    /// … the user.
    pub user_id: Option<i64>,
    /// The account that the user signed in to.
    pub account_id: Option<i64>,
    /// What it allows.
    pub scopes: Scopes,
    /// When it expires, in milliseconds since the epoch.
    pub expires_at: i64,
    used: bool,
}

impl Kept {
    /// Whether it could be used now.
    pub fn is_good(&self) -> bool {
        !self.used && now() < self.expires_at
    }
}

/// Finds a refresh token, used and expired ones too.
pub fn find(connection: &Connection, refresh_token: &str) -> Result<Option<Kept>> {
    let row = connection.query_first(
        "SELECT family, connector_id, user_id, account_id, scopes, expires_at, used_at IS NOT NULL
           FROM refresh_tokens WHERE digest = ?",
        &[Value::Blob(secret::digest(refresh_token.as_bytes()).to_vec())],
    )?;
    row.map(|mut row: Row| {
        Ok(Kept {
            family: row.take(0)?,
            connector_id: row.take(1)?,
            user_id: row.take(2)?,
            account_id: row.take(3)?,
            scopes: Scopes::trusted(row.take(4)?),
            expires_at: row.take(5)?,
            used: row.take(6)?,
        })
    })
    .transpose()
}

/// Uses a refresh token. One of a connector needs that connector, authenticated.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if it is unknown, expired, of somebody else or of somebody who may not sign in any more; also
/// if it was used before, which ends its family.
pub async fn refresh(refresh_token: &str, connector: Option<&Authenticated>) -> Result<Refreshed> {
    let lifetime = setting::number("refresh_token_lifetime").await? * 1000;
    let access_lifetime = setting::number("access_token_lifetime").await? * 1000;
    let transaction = Transaction::begin().await?;
    let kept = find(transaction.connection(), refresh_token)?.ok_or(WRONG)?;
    // Whoever shows another's token learns nothing and ends nothing.
    if kept.connector_id != connector.map(|connector| connector.id) {
        return Err(WRONG);
    }
    let holder = match (connector, kept.user_id) {
        (Some(connector), _) => Some(Holder::Connector(connector.clone())),
        (None, Some(user)) => signed_in(&transaction, user, kept.account_id)?.map(Holder::User),
        (None, None) => None,
    };
    let (Some(holder), true) = (holder, kept.is_good()) else {
        if kept.used {
            log::warning(None, format_args!("a refresh token came a second time; its family {} ends", kept.family));
        }
        end(&transaction, &kept.family, access_lifetime)?;
        transaction.commit().await?;
        return Err(WRONG);
    };
    let now = now();
    transaction.run("DELETE FROM refresh_tokens WHERE expires_at <= ?", &[now.into()])?;
    transaction.run(
        "UPDATE refresh_tokens SET used_at = ?2 WHERE digest = ?1",
        &[Value::Blob(secret::digest(refresh_token.as_bytes()).to_vec()), now.into()],
    )?;
    let next = secret::generate()?;
    let (statement, parameters) = insertion(&next, &kept.family, &holder, &kept.scopes, lifetime);
    transaction.run(statement, &parameters)?;
    transaction.commit().await?;
    Ok(Refreshed { refresh_token: next, family: kept.family, holder, scopes: kept.scopes })
}

/// The user of a session, if the user still may sign in there.
fn signed_in(transaction: &Transaction, user_id: i64, account_id: Option<i64>) -> Result<Option<SignedIn>> {
    let row = transaction.run_first(
        &format!(
            "SELECT u.uuid, u.password_version FROM users u
              WHERE u.id = ?1 AND u.is_active = 1 AND (?2 IS NULL OR EXISTS (
                    SELECT 1 FROM accounts a WHERE a.id = ?2 AND a.status = 'active' AND {BELONGS}))"
        ),
        &[user_id.into(), account_id.into()],
    )?;
    row.map(|mut row| Ok(SignedIn { user_id, uuid: row.take(0)?, password_version: row.take(1)?, account_id }))
        .transpose()
}

/// Ends a family: its refresh tokens, and for `access_lifetime` milliseconds its access tokens.
pub fn end(transaction: &Transaction, family: &str, access_lifetime: i64) -> Result<()> {
    transaction.run("DELETE FROM refresh_tokens WHERE family = ?", &[family.into()])?;
    token::revoke(transaction, family, now() + access_lifetime)
}

/// Whether the account `of` is `account`, or owned by it, directly or through others.
pub fn belongs_to(connection: &Connection, of: i64, account: i64) -> Result<bool> {
    let row = connection.query_first(
        "WITH RECURSIVE chain(id) AS (
             SELECT ?1 UNION ALL SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
         SELECT EXISTS (SELECT 1 FROM chain WHERE id = ?2)",
        &[of.into(), account.into()],
    )?;
    row.ok_or_else(|| anyhow!("no answer"))?.take(0)
}
