//! Administrators: who calls the administration API, by name and password and for which account.

use std::net::IpAddr;

use crate::accounts::hierarchy::{self, LIVE, ROLES};
use crate::accounts::joins::of_key;
use crate::accounts::role::Roles;
use crate::auth::caller::{Caller, CallingPerson};
use crate::auth::secret;
use crate::connectors::connector;
use crate::error::{Error, Result, Unauthenticated};
use crate::sign_in::credentials::Candidate;
use crate::store::{Connection, still};
use crate::values::id::AccountId;
use crate::values::role::Role;

/// Somebody who administers an account.
#[derive(Clone, Debug)]
pub struct Administrator {
    /// Who it is.
    pub caller: Caller,
    /// The account.
    pub account_id: AccountId,
}

/// Finds who calls by a name and a password, and the account that an account key is of: a person who administers the
/// account, by e-mail address or by a username of it, or a connector of it with the scope `accounts:manage` and the rank `admin`, by
/// `client_id` and secret. As everywhere, what somebody is in an account counts in the accounts that this one owns.
///
/// # Errors
///
/// [`Error::Unauthenticated`] for a wrong name or password, after the same time whether or not there is such a person;
/// [`Error::TooManyRequests`], see [`crate::auth::throttle`]; [`Error::Forbidden`] if the caller does not administer an
/// active account of this key.
pub async fn authenticate(
    connection: &Connection,
    name: &str,
    password: &str,
    account_key: Option<&str>,
    address: Option<IpAddr>,
) -> Result<Administrator> {
    let caller = identify(connection, name, password, account_key, address).await?;
    let found = account_key.map_or(Ok(None), |key| {
        let [person, account] = hierarchy::parameters(&caller);
        let statement = format!(
            concat!("SELECT a.id, {} AS roles FROM accounts a WHERE a.id = ", of_key!("?3"), " AND {}"),
            ROLES, LIVE
        );
        connection.query_first(&statement, &[person, account, key.into()])
    });
    if let Some(mut row) = found? {
        let roles = Roles::of(&caller, row.take::<Option<String>>("roles")?.as_deref());
        let administers = roles.is_some_and(|roles| match &caller {
            Caller::Person(_) => roles.hold(Role::Admin),
            Caller::Connector(connector) => roles.hold(Role::Manage) && connector.rank >= Role::Admin,
        });
        if administers {
            return Ok(Administrator { account_id: row.take("id")?, caller });
        }
    }
    Err(Error::Forbidden { needs: "the Account-Key of an active account that the caller administers" })
}

async fn identify(
    connection: &Connection,
    name: &str,
    password: &str,
    account_key: Option<&str>,
    address: Option<IpAddr>,
) -> Result<Caller> {
    let candidate = Candidate::find(connection, name, password, account_key).await?;
    if candidate.has_password() {
        let person = candidate.verify(connection, password, address).await?;
        return Ok(Caller::Person(CallingPerson {
            id: person.person_id,
            account_id: None,
            within: None,
            through: None,
            most: Some(Role::Owner),
        }));
    }
    match connector::authenticate(connection, &[name], &[password], address).await {
        Ok(connector) => Ok(Caller::Connector(connector)),
        Err(error @ Error::Unauthenticated(Unauthenticated::InvalidCredentials)) => {
            // As long as the password of a person would have taken.
            still().await;
            secret::verify_password(password, None);
            Err(error)
        }
        Err(error) => Err(error),
    }
}
