//! The records of an account, as those see them who manage it. What an organisation says stays there: connectors read the
//! records of their own account by the endpoint API, and nobody else's.

use crate::accounts::hierarchy;
use crate::auth::caller::Caller;
use crate::error::{Error, Result, Thing};
use crate::odata::listing::Source;
use crate::odata::{Collection, Field, Item, Listing, Page, Words};
use crate::people::inside;
use crate::store::Connection;
use crate::values::id::AccountId;
use crate::values::role::Role;

/// Records, as they are listed.
pub static RECORDS: Collection = Collection {
    fields: &FIELDS,
    searched: &["r.name", "r.first_name", "r.last_name", "r.email", "r.username", "r.external_id"],
    words: Some(&Words { table: "record_words", id: "r.id" }),
    unique: &Field::number("", "r.id"),
    descending: false,
};

static FIELDS: [Field; 18] = [
    Field::text("id", "r.uuid"),
    // Who has entered the account by it. Who has left since is known by nothing.
    Field::number(
        "userId",
        "(SELECT m.person_id FROM memberships m
           WHERE m.account_id = r.account_id AND m.person_id = r.person_id AND m.entered_at IS NOT NULL
             AND m.status = 'active')",
    ),
    Field::text("username", "r.username"),
    Field::text("externalId", "r.external_id"),
    Field::text("email", "r.email"),
    Field::text("phone", "r.phone"),
    Field::boolean("phoneVerified", "r.phone_verified"),
    Field::text("name", "r.name"),
    Field::text("firstName", "r.first_name"),
    Field::text("lastName", "r.last_name"),
    Field::text("language", "r.language"),
    Field::text("timeZone", "r.time_zone"),
    Field::text("dateFormat", "r.date_format"),
    Field::boolean("notifyByEmail", "r.notify_by_email"),
    Field::boolean("notifyBySms", "r.notify_by_sms"),
    // Null until the organisation says so or the contrary.
    Field::boolean("isActive", "r.is_active"),
    Field::time("createdAt", "r.created_at"),
    Field::time("updatedAt", "r.updated_at"),
];

/// Lists the records of an account.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account, and for a connector.
pub fn list(connection: &Connection, caller: &Caller, account_id: AccountId, listing: &Listing) -> Result<Page> {
    let mut source = source(connection, caller, account_id)?;
    source.sees_all = listing.seeks_words() && hierarchy::reach(connection, caller)?.everything;
    listing.read(connection, &source)
}

/// The record of this id, a UUID.
///
/// # Errors
///
/// As [`list`]; [`Error::NotFound`] if the account has no such record.
pub fn load(connection: &Connection, caller: &Caller, account_id: AccountId, uuid: &str) -> Result<Item> {
    let joined = "records r ON r.account_id = a.id AND r.uuid = ?4";
    let (roles, found) = inside::find(connection, caller, account_id, uuid, &RECORDS, joined)?;
    roles.require(Role::Manage)?;
    caller.refuse_connector()?;
    found.ok_or(Error::NotFound(Thing::Record))
}

fn source(connection: &Connection, caller: &Caller, account_id: AccountId) -> Result<Source> {
    hierarchy::roles(connection, caller, account_id)?.require(Role::Manage)?;
    caller.refuse_connector()?;
    let from = "records r WHERE r.account_id = ?1".to_owned();
    Ok(Source { from, parameters: vec![account_id.into()], ..Source::default() })
}
