//! What was joined into an account, as it is listed: so that somebody finds what to separate.

use crate::accounts::hierarchy;
use crate::auth::caller::Caller;
use crate::error::Result;
use crate::odata::listing::Source;
use crate::odata::{Collection, Field, Listing, Page};
use crate::store::Connection;
use crate::values::id::AccountId;
use crate::values::role::Role;

/// Accounts that were joined, as they were, the last one first: in this order they are taken apart.
pub static JOINED: Collection = Collection {
    fields: &FIELDS,
    searched: &[NAME, REGISTRATION_ID],
    words: None,
    unique: &Field::number("", "j.number"),
    descending: true,
};

/// Columns of the account as it was.
const NAME: &str = "(r.row ->> 'name')";
const REGISTRATION_ID: &str = "(r.row ->> 'registration_id')";

static FIELDS: [Field; 7] = [
    Field::number("id", "j.id"),
    Field::text("name", NAME),
    Field::text("registrationId", REGISTRATION_ID),
    Field::text("accountKey", "j.account_key"),
    Field::text("subdomain", "j.subdomain"),
    // What it was joined into may have been joined into another one since.
    Field::number("intoId", "j.into_id"),
    Field::time("joinedAt", "j.joined_at"),
];

/// Lists what leads to an account by a join.
///
/// # Errors
///
/// [`crate::Error::NotFound`], or [`crate::Error::Forbidden`] without the manage role in the account, and for a connector.
pub fn list(connection: &Connection, caller: &Caller, account_id: AccountId, listing: &Listing) -> Result<Page> {
    hierarchy::roles(connection, caller, account_id)?.require(Role::Manage)?;
    caller.refuse_connector()?;
    let from =
        "joined_accounts j JOIN joined_rows r ON r.joined_id = j.id AND r.kind = 'account' WHERE j.account_id = ?1";
    listing
        .read(connection, &Source { from: from.to_owned(), parameters: vec![account_id.into()], ..Source::default() })
}
