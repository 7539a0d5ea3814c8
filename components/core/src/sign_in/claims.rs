//! What a relying party learns of a person, by the scopes that the person was asked for (OpenID Connect Core 1.0, section 5.4).

use crate::accounts::username;
use crate::auth::id_token::PersonClaims;
use crate::auth::scope::Scopes;
use crate::error::{Error, Result, Thing};
use crate::people::names::called;
use crate::store::Connection;
use crate::values::id::{AccountId, PersonId};
use crate::values::time::Time;

/// What `scopes` allow to tell of a person who has signed in to the account. The telephone is what the account's organisation
/// says of the person, in its record; the address is the person's own, and so are the names, or else what the account calls it.
///
/// # Errors
///
/// [`Error::NotFound`] if there is no such person.
pub fn of(
    connection: &Connection,
    person_id: PersonId,
    account_id: Option<AccountId>,
    scopes: &Scopes,
) -> Result<PersonClaims> {
    let mut claims = PersonClaims::default();
    let row = connection.query_first(
        concat!(
            "SELECT ",
            called!("name"),
            " AS name, ",
            called!("first_name"),
            " AS first_name, ",
            called!("last_name"),
            " AS last_name, p.updated_at, r.phone, r.phone_verified,
                (SELECT d.address FROM addresses d
                  WHERE d.person_id = p.id AND d.proved_at IS NOT NULL AND d.retired_at IS NULL
                  ORDER BY d.proved_at DESC, d.key LIMIT 1) AS address
           FROM people p LEFT JOIN records r ON r.person_id = p.id AND r.account_id = ?2 AND r.phone IS NOT NULL
           LEFT JOIN memberships m ON m.account_id = ?2 AND m.person_id = p.id
          WHERE p.id = ?1 LIMIT 1"
        ),
        &[person_id.into(), account_id.into()],
    )?;
    let mut row = row.ok_or(Error::NotFound(Thing::Person))?;
    if scopes.contains("profile") {
        claims.name = row.take("name")?;
        claims.given_name = row.take("first_name")?;
        claims.family_name = row.take("last_name")?;
        claims.updated_at = Some(row.take::<Time>("updated_at")?.seconds());
    }
    if scopes.contains("email") {
        let proved: Option<String> = row.take("address")?;
        claims.email_verified = Some(proved.is_some());
        claims.email = match proved {
            None => username::claimed(connection, person_id)?.map(|email| email.address),
            proved => proved,
        };
        claims.email_verified = claims.email_verified.filter(|_| claims.email.is_some());
    }
    if scopes.contains("phone") {
        claims.phone_number = row.take("phone")?;
        claims.phone_number_verified = row.take("phone_verified")?;
        claims.phone_number_verified = claims.phone_number_verified.filter(|_| claims.phone_number.is_some());
    }
    Ok(claims)
}
