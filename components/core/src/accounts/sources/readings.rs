//! What the sources say of an account, and about which accounts of an owner they disagree, as it is listed. It is for people: no
//! connector learns what another one says.

use crate::accounts::hierarchy::{self, is_managed};
use crate::accounts::sources::words::{Field as Spoken, ORDER, PRECEDENCE, differing, said};
use crate::auth::caller::Caller;
use crate::error::Result;
use crate::odata::listing::Source;
use crate::odata::{Collection, Field, Listing, Page};
use crate::store::Connection;
use crate::values::id::AccountId;
use crate::values::role::Role;

/// What the sources say of an account, as it is listed. The caller is `?1` and `?2`.
pub static SOURCES: Collection = Collection {
    fields: &SOURCE_FIELDS,
    searched: &["s.value", "c.name"],
    unique: &Field::text("", "(s.field || printf('%019d', s.rank))"),
    descending: false,
};

static SOURCE_FIELDS: [Field; 9] = [
    Field::text("field", "s.field"),
    Field::text("value", "s.value"),
    Field::boolean("shown", "(s.value = s.shown)"),
    Field::text("source", "s.source"),
    // Only whoever may see the connector itself.
    Field::number("connectorId", concat!("iif(", is_managed!(), ", c.id, NULL)")),
    Field::text("connector", "c.name"),
    Field::text("externalId", "s.external_id"),
    Field::time("boundAt", "s.since"),
    Field::number("rank", "s.rank"),
];

/// What sources say of accounts of an owner that is not what is shown, as it is listed.
pub static DISAGREEMENTS: Collection = Collection {
    fields: &DISAGREEMENT_FIELDS,
    searched: &["s.value", "s.shown", "c.name"],
    unique: &Field::text("", "(printf('%019d', s.account_id) || s.field || printf('%019d', s.rank))"),
    descending: false,
};

static DISAGREEMENT_FIELDS: [Field; 12] = [
    Field::number("accountId", "s.account_id"),
    Field::text("field", "s.field"),
    Field::text("value", "s.value"),
    Field::text("source", "s.source"),
    Field::number("connectorId", "c.id"),
    Field::text("connector", "c.name"),
    Field::text("externalId", "s.external_id"),
    Field::text("shown", "s.shown"),
    Field::text("shownSource", "s.first_source"),
    Field::number("shownConnectorId", "s.first_connector"),
    Field::text("shownConnector", "(SELECT f.name FROM connectors f WHERE f.id = s.first_connector)"),
    // The order that the owner wants, or the usual one.
    Field::text("because", "iif(s.first_named, 'precedence', 'default')"),
];

/// The words about the accounts of `of`, each with its place, and with the one that comes first.
fn ranked() -> String {
    let said = Spoken::ALL.map(said).join(" UNION ALL ");
    format!(
        "(SELECT w.*, iif(w.source = 'connector', coalesce(w.said, w.shown), w.said) AS value,
                 row_number() OVER words AS rank, first_value(w.source) OVER words AS first_source,
                 first_value(w.connector_id) OVER words AS first_connector,
                 first_value(p.position IS NOT NULL) OVER words AS first_named
            FROM ({said}) w {PRECEDENCE}
           WHERE w.said IS NOT NULL OR w.source = 'connector' AND w.shown IS NOT NULL
          WINDOW words AS (PARTITION BY w.account_id, w.field ORDER BY {ORDER})) s
           LEFT JOIN connectors c ON c.id = s.connector_id"
    )
}

/// Lists what the sources say of an account.
///
/// # Errors
///
/// [`crate::Error::NotFound`], or [`crate::Error::Forbidden`] without the manage role in the account, and for a connector.
pub fn sources(connection: &Connection, caller: &Caller, account_id: AccountId, listing: &Listing) -> Result<Page> {
    require(connection, caller, account_id)?;
    let [person, connector] = hierarchy::parameters(caller);
    let source = Source {
        with: "WITH of(id) AS (SELECT ?3) ",
        from: format!("{} LEFT JOIN accounts a ON a.id = c.account_id WHERE true", ranked()),
        parameters: vec![person, connector, account_id.into()],
    };
    listing.read(connection, &source)
}

/// Lists where the sources disagree about accounts that `owner` owns: what each says that is not what is shown.
///
/// # Errors
///
/// As [`sources`], of the owner.
pub fn disagreements(connection: &Connection, caller: &Caller, owner: AccountId, listing: &Listing) -> Result<Page> {
    require(connection, caller, owner)?;
    let source = Source {
        with: concat!("WITH of(id) AS (", differing!("?1"), ") "),
        from: format!("{} WHERE s.value <> s.shown", ranked()),
        parameters: vec![owner.into()],
    };
    listing.read(connection, &source)
}

fn require(connection: &Connection, caller: &Caller, account_id: AccountId) -> Result<()> {
    hierarchy::roles(connection, caller, account_id)?.require(Role::Manage)?;
    caller.refuse_connector()
}
