//! Credentials of people: who a name and a password belong to, and which account is signed in to.

use std::net::IpAddr;

use crate::accounts::account;
use crate::accounts::hierarchy::{BELONGS, LIVE};
use crate::auth::{secret, throttle};
use crate::error::{Error, Faults, Result, Unauthenticated};
use crate::sign_in::password::PASSWORD_MAX;
use crate::store::Connection;
use crate::values::email::Email;
use crate::values::id::{AccountId, PersonId};
use crate::values::text;

/// The refusal of a name and a password that do not belong together.
pub(crate) const WRONG: Error = Error::Unauthenticated(Unauthenticated::InvalidCredentials);

/// What is said of a password that is not the person's.
pub(crate) const NOT_RIGHT: &str = "is not right";

/// A person who has shown the password, and the account to sign in to.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The person.
    pub person_id: PersonId,
    /// What the token names the person by.
    pub uuid: String,
    /// The version of the password.
    pub password_version: i64,
    /// The account, if the person has one.
    pub account_id: Option<AccountId>,
}

/// How a sign-in ended.
pub enum SignIn {
    /// The person is in.
    Done(SignedIn),
    /// The person has several accounts, and named none: id and name of each (the portal's document, its last paragraph on
    /// users).
    Select(Vec<(AccountId, String)>),
}

/// A person whose password is still to be checked, or nobody.
pub(crate) struct Candidate {
    /// What failures are counted by.
    identity: String,
    person: Option<SignedIn>,
    hash: Option<String>,
}

impl Candidate {
    /// Finds a person by e-mail address or username.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] for what can be no name or no password.
    pub fn find(connection: &Connection, name: &str, password: &str) -> Result<Self> {
        let key = match text::clean(name, Email::MAX) {
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
        let mut candidate = Self { identity: format!("user:{key}"), person: None, hash: None };
        if let Some(mut row) = row {
            candidate.hash = row.take("password_hash")?;
            if row.take("is_active")? {
                candidate.person = Some(SignedIn {
                    person_id: row.take("id")?,
                    uuid: row.take("uuid")?,
                    password_version: row.take("password_version")?,
                    account_id: None,
                });
            }
        }
        Ok(candidate)
    }

    /// Whether there is a person of the name, who has a password.
    pub fn has_password(&self) -> bool {
        self.hash.is_some()
    }

    /// Checks the password. One that this instance has found right before is right at once, whatever limits there are.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] for an unknown person, a wrong password and a person who is not active: the same for
    /// all, after the same time. [`Error::TooManyRequests`], see [`throttle`].
    pub async fn verify(self, connection: &Connection, password: &str, address: Option<IpAddr>) -> Result<SignedIn> {
        if let (Some(person), Some(hash)) = (&self.person, &self.hash)
            && secret::is_verified(password, hash)
        {
            return Ok(person.clone());
        }
        let attempt = throttle::attempt(connection, &self.identity, address).await?;
        let matches = secret::verify_password(password, self.hash.as_deref());
        match self.person.filter(|_| matches) {
            Some(person) => Ok(person),
            None => Err(attempt.failed(connection, WRONG).await),
        }
    }
}

/// Signs a person in by e-mail address or username and password. `wanted` is the account to sign in to, an id or a name:
/// one that the person is a member of, or that such a one owns and that shares its data with it (the administration API's
/// `datashare`).
///
/// # Errors
///
/// [`Error::Unauthenticated`] for an unknown person, a wrong password, a person who is not active and an account that the
/// person does not belong to: the same for all, after the same time. [`Error::TooManyRequests`], see [`throttle`].
pub async fn sign_in(
    connection: &Connection,
    name: &str,
    password: &str,
    wanted: Option<&str>,
    address: Option<IpAddr>,
) -> Result<SignIn> {
    let person = Candidate::find(connection, name, password)?.verify(connection, password, address).await?;
    choose(connection, person, wanted)
}

/// Picks the account to sign in to: the one that is `wanted`, or the only one that the person is a member of.
fn choose(connection: &Connection, person: SignedIn, wanted: Option<&str>) -> Result<SignIn> {
    if let Some(wanted) = wanted {
        let key = text::clean(wanted, account::NAME_MAX).map_or_else(|_| String::new(), |name| text::fold(&name));
        // An id before a name; of accounts of one name first those that the person is a member of, then the oldest.
        let statement = format!(
            "SELECT a.id FROM accounts a
              WHERE (a.id = ?2 OR a.name_key = ?3) AND {BELONGS}
              ORDER BY a.id IS NOT ?2, NOT EXISTS (
                    SELECT 1 FROM memberships m WHERE m.account_id = a.id AND m.user_id = ?1 AND m.status = 'active'), a.id
              LIMIT 1"
        );
        let parameters = [person.person_id.into(), wanted.parse::<i64>().ok().into(), key.into()];
        let account_id = connection.query_first(&statement, &parameters)?.ok_or(WRONG)?.take("id")?;
        return Ok(SignIn::Done(SignedIn { account_id: Some(account_id), ..person }));
    }
    let statement = format!(
        "SELECT a.id, a.name FROM memberships m JOIN accounts a ON a.id = m.account_id
          WHERE m.user_id = ? AND m.status = 'active' AND {LIVE} ORDER BY a.id LIMIT 1000"
    );
    let rows = connection.query(&statement, &[person.person_id.into()])?;
    let accounts = rows.into_iter().map(|mut row| Ok((row.take("id")?, row.take("name")?)));
    let accounts = accounts.collect::<Result<Vec<(AccountId, String)>>>()?;
    match accounts.as_slice() {
        [] => Ok(SignIn::Done(person)),
        [(account_id, _)] => Ok(SignIn::Done(SignedIn { account_id: Some(*account_id), ..person })),
        _ => Ok(SignIn::Select(accounts)),
    }
}

/// Makes sure that a password is the one of a person who is known already. `hash` is what was kept of that, if there is
/// one, and `field` is what the request calls the password.
///
/// # Errors
///
/// [`Error::Invalid`] of `field` if it is not; [`Error::TooManyRequests`], see [`throttle`].
pub async fn prove(
    connection: &Connection,
    person_id: PersonId,
    field: &str,
    password: &str,
    hash: Option<&str>,
    address: Option<IpAddr>,
) -> Result<()> {
    let attempt = throttle::attempt(connection, &format!("user-id:{person_id}"), address).await?;
    if secret::verify_password(password, hash) {
        return Ok(());
    }
    Err(attempt.failed(connection, Error::Invalid(Faults::of(field, NOT_RIGHT))).await)
}
