//! What connectors call an account, as it is read: all of it by people who manage the account, and its own by a connector.

use crate::accounts::hierarchy::{self, is_managed};
use crate::auth::caller::Caller;
use crate::error::Result;
use crate::odata::listing::Source;
use crate::odata::{Collection, Field, Listing, Page};
use crate::store::{Connection, Value};
use crate::values::id::AccountId;
use crate::values::role::Role;

/// Identities, as they are listed. The caller is `?1` and `?2`.
pub static IDENTITIES: Collection = Collection {
    fields: &FIELDS,
    searched: &["i.external_id", "c.name"],
    words: None,
    unique: &Field::text("", "(printf('%019d', i.connector_id) || i.external_id)"),
    descending: false,
};

static FIELDS: [Field; 5] = [
    Field::text("externalId", "i.external_id"),
    // Only whoever may see the connector itself.
    Field::number("connectorId", concat!("iif(", is_managed!(), ", c.id, NULL)")),
    Field::text("connector", "c.name"),
    Field::text("environment", "c.environment"),
    Field::time("createdAt", "i.created_at"),
];

/// Lists what connectors call an account.
///
/// # Errors
///
/// [`crate::Error::NotFound`] or [`crate::Error::Forbidden`] without the manage role in the account; a connector has its own
/// by `accounts:read`.
pub fn list(connection: &Connection, caller: &Caller, account_id: AccountId, listing: &Listing) -> Result<Page> {
    let roles = hierarchy::roles(connection, caller, account_id)?;
    let own: Value = match caller {
        Caller::Person(_) => {
            roles.require(Role::Manage)?;
            Value::Null
        }
        Caller::Connector(connector) => connector.id.into(),
    };
    let [person, connector] = hierarchy::parameters(caller);
    let source = Source {
        with: "",
        from: "account_identities i JOIN connectors c ON c.id = i.connector_id JOIN accounts a ON a.id = c.account_id
                WHERE i.account_id = ?3 AND (?4 IS NULL OR i.connector_id = ?4)"
            .to_owned(),
        parameters: vec![person, connector, account_id.into(), own],
        ..Source::default()
    };
    listing.read(connection, &source)
}
