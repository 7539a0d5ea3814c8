//! Who takes the directory out, or brings one in: a person who owns the operator account, by address and password at each request.
//!
//! A token would not do: one may be an hour old, and be read by somebody else, and what is told holds the hash of every password. A
//! connector never does it.

use std::net::IpAddr;

use crate::accounts::hierarchy::{self, ROLES};
use crate::accounts::role::Roles;
use crate::auth::caller::{Caller, CallingPerson};
use crate::auth::{secret, throttle};
use crate::error::{Error, Result};
use crate::sign_in::credentials::{Candidate, WRONG};
use crate::store::{Connection, still};
use crate::transfer::under_way::{self, Begun};
use crate::values::id::AccountId;
use crate::values::role::Role;

/// Somebody who may take the whole directory out.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Who it is.
    pub caller: Caller,
    /// The operator account.
    pub account_id: AccountId,
    /// What the person has signed in by.
    pub(super) name: String,
    /// The hash of the password.
    pub(super) password_hash: String,
}

/// Finds who calls by an address and a password.
///
/// # Errors
///
/// [`Error::Unauthenticated`] for a wrong name or password, and for a connector's; [`Error::TooManyRequests`], see [`throttle`];
/// [`Error::Forbidden`] for a person who does not own the operator account;
/// [`Error::Unavailable`] while an import is under way.
pub async fn authenticate(
    connection: &Connection,
    name: &str,
    password: &str,
    address: Option<IpAddr>,
) -> Result<Operator> {
    under_way::refuse(connection)?;
    let candidate = Candidate::find(connection, name, password, None).await?;
    let password_hash = candidate.hash();
    let person = candidate.verify(connection, password, address).await?;
    let caller = Caller::Person(CallingPerson {
        id: person.person_id,
        account_id: None,
        within: None,
        through: None,
        most: Some(Role::Owner),
    });
    let [id, connector] = hierarchy::parameters(&caller);
    let statement = format!("SELECT a.id, {ROLES} AS roles FROM accounts a WHERE a.owner_id IS NULL");
    let found = connection.query_first(&statement, &[id, connector])?;
    if let (Some(mut row), Some(password_hash)) = (found, password_hash) {
        let roles = Roles::of(&caller, row.take::<Option<String>>("roles")?.as_deref());
        if roles.is_some_and(|roles| roles.hold(Role::Owner)) {
            return Ok(Operator { account_id: row.take("id")?, caller, name: plain(name), password_hash });
        }
    }
    Err(Error::Forbidden { needs: "the role owner in the operator account" })
}

/// Makes sure that whoever goes on with an import is who has begun it.
///
/// # Errors
///
/// As [`authenticate`].
pub(super) async fn recognize(
    connection: &Connection,
    begun: &Begun,
    name: &str,
    password: &str,
    address: Option<IpAddr>,
) -> Result<()> {
    if plain(name) == begun.name && secret::is_verified(password, &begun.password_hash) {
        return Ok(());
    }
    let attempt = throttle::attempt(connection, "import", address).await?;
    still().await;
    // Both are looked at, so that the time does not tell which of them is wrong.
    let matches = secret::verify_password(password, Some(&begun.password_hash));
    if matches && plain(name) == begun.name { Ok(()) } else { Err(attempt.failed(connection, WRONG).await) }
}

/// A name as it is compared with the one of before.
fn plain(name: &str) -> String {
    name.trim().to_lowercase()
}
