//! What the sources say of an account, and about which accounts of an owner they disagree, as it is listed. It is for people: no
//! connector learns what another one says.

use crate::accounts::hierarchy::{self, is_managed};
use crate::accounts::sources::words::{Field as Spoken, ORDER, PRECEDENCE, differing, said};
use crate::auth::caller::Caller;
use crate::error::Result;
use crate::odata::listing::{self, Item, Source};
use crate::odata::{Collection, Field, Listing, Order, Page};
use crate::store::sql::Sql;
use crate::store::{Connection, Value};
use crate::values::id::AccountId;
use crate::values::role::Role;

/// What the sources say of an account, as it is listed. The caller is `?1` and `?2`.
pub static SOURCES: Collection = Collection {
    fields: &SOURCE_FIELDS,
    searched: &["s.value", "c.name"],
    words: None,
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
    words: None,
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
        ..Source::default()
    };
    listing.read(connection, &source)
}

/// Lists where the sources disagree about accounts that `owner` owns: what each says that is not what is shown.
///
/// # Errors
///
/// As [`sources`], of the owner; [`crate::Error::Invalid`] for options that would have too many accounts ranked.
pub fn disagreements(connection: &Connection, caller: &Caller, owner: AccountId, listing: &Listing) -> Result<Page> {
    require(connection, caller, owner)?;
    let conditions = listing.conditions();
    let is_usual = listing.order == Order::by(DISAGREEMENTS.unique, DISAGREEMENTS.descending);
    if !is_usual || !conditions.text.is_empty() || listing.skip > WINDOW {
        require_few(connection, owner, listing)?;
    }
    let all = || Source {
        with: concat!("WITH of(id) AS (", differing!("?1"), ") "),
        from: disagreeing(),
        parameters: vec![owner.into()],
        ..Source::default()
    };
    let mut page = if is_usual {
        walk(connection, owner, listing, &conditions)?
    } else {
        listing.page(connection, &all(), conditions.clone())?
    };
    if listing.count {
        page.count = Some(if conditions.text.is_empty() {
            let said = Spoken::ALL.map(said).join(" UNION ALL ");
            let of = concat!("WITH of(id) AS (", differing!("?1"), ") ");
            let statement = format!("{of} SELECT count(*) AS count FROM ({said}) w WHERE w.said <> w.shown");
            connection.query_one(&statement, &[owner.into()])?.take("count")?
        } else {
            listing::count(connection, &all(), conditions)?
        });
    }
    Ok(page)
}

/// Refuses what would have more accounts ranked than a request may: one takes some ten microseconds.
fn require_few(connection: &Connection, owner: AccountId, listing: &Listing) -> Result<()> {
    const RANKED: i64 = 50_000;
    let statement = concat!("SELECT count(*) AS accounts FROM (SELECT 1 FROM (", differing!("?1"), ") LIMIT ?2)");
    let most = listing.rows_max().map_or(RANKED, |max| max.min(RANKED));
    let accounts: i64 = connection.query_one(statement, &[owner.into(), (most + 1).into()])?.take("accounts")?;
    if accounts <= most { Ok(()) } else { Err(listing.refusal()) }
}

fn disagreeing() -> String {
    format!("{} WHERE s.value <> s.shown", ranked())
}

/// How many accounts are ranked at a time: to rank those of a large owner for each page would take longer than a request may.
const WINDOW: i64 = 2000;

/// The first accounts about which sources disagree, from the id `?2` on and at most `?3`.
const WINDOWED: &str = concat!(
    "WITH of(id) AS MATERIALIZED (SELECT account_id FROM (",
    differing!("?1"),
    ") WHERE account_id >= ?2 ORDER BY account_id LIMIT ?3) "
);

/// A page in the usual order, by the accounts: those are ranked that are on it, or that are looked through for what is.
fn walk(connection: &Connection, owner: AccountId, listing: &Listing, conditions: &Sql) -> Result<Page> {
    let wanted = usize::try_from(listing.skip + listing.top).unwrap_or(usize::MAX);
    let mut from = listing.after.as_ref().and_then(first_account).unwrap_or_default();
    let mut items: Vec<Item> = Vec::new();
    while items.len() <= wanted {
        let missing = i64::try_from(wanted + 1 - items.len()).unwrap_or(WINDOW);
        // Of each account there is one at least; of the first they may be on the page before.
        let size = if conditions.text.is_empty() { WINDOW.min(missing + 1) } else { WINDOW };
        let parameters = vec![owner.into(), from.into(), size.into()];
        let part = Listing { skip: 0, top: missing, ..listing.clone() };
        let source =
            Source { with: WINDOWED, from: disagreeing(), parameters: parameters.clone(), ..Source::default() };
        items.extend(part.page(connection, &source, conditions.clone())?.items);
        if items.len() > wanted {
            break;
        }
        let end = format!("{WINDOWED} SELECT count(*) AS accounts, coalesce(max(id), 0) AS last FROM of");
        let mut end = connection.query_one(&end, &parameters)?;
        if end.take::<i64>("accounts")? < size {
            break;
        }
        from = end.take::<i64>("last")? + 1;
    }
    let more = items.len() > wanted && listing.top > 0;
    items.truncate(wanted);
    let items = items.into_iter().skip(usize::try_from(listing.skip).unwrap_or(usize::MAX)).collect();
    Ok(Page { items, count: None, more, reached: None })
}

/// The account that a page goes on with, after one whose key is the only value of the condition: see [`DISAGREEMENTS`].
fn first_account(after: &Sql) -> Option<i64> {
    match after.parameters.first() {
        Some(Value::Text(key)) => key.get(..19)?.parse().ok(),
        _ => None,
    }
}

fn require(connection: &Connection, caller: &Caller, account_id: AccountId) -> Result<()> {
    hierarchy::roles(connection, caller, account_id)?.require(Role::Manage)?;
    caller.refuse_connector()
}
