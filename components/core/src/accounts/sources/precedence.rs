//! The order in which sources count about the accounts of an owner: as the people who manage the owner want it.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::accounts::hierarchy;
use crate::accounts::sources::words::{Field, differing, settle};
use crate::auth::caller::Caller;
use crate::error::{Faults, Result};
use crate::store::audit::Changed;
use crate::store::sql::rows;
use crate::store::{Connection, Edit, Row};
use crate::values::id::{AccountId, ConnectorId};
use crate::values::role::Role;

/// Most sources that an order names.
pub const SOURCES_MAX: usize = 100;

/// As how many accounts a change of the order counts, see [`Edit::begin_of`]: it may show another value of every account.
pub const ACCOUNTS: usize = 100_000;

/// A source that has a place in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ranked {
    /// People, through the accounts API.
    People,
    /// The account above, through the administration API.
    Above,
    /// A connector of the owner.
    Connector(ConnectorId),
}

impl Ranked {
    /// As the APIs and the store write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Above => "above",
            Self::Connector(_) => "connector",
        }
    }

    /// The connector, if it is one.
    pub fn connector(self) -> Option<ConnectorId> {
        match self {
            Self::Connector(id) => Some(id),
            Self::People | Self::Above => None,
        }
    }

    fn from_row(row: &mut Row) -> Result<Self> {
        let source: String = row.take("source")?;
        Ok(match (row.take("connector_id")?, source.as_str()) {
            (Some(id), _) => Self::Connector(id),
            (None, "people") => Self::People,
            (None, _) => Self::Above,
        })
    }

    fn told(self) -> Json {
        self.connector().map_or_else(|| json!(self.name()), |id| json!({ "connector": id }))
    }
}

/// Field → the sources that come first, in their order. All others follow in the usual order.
pub type Precedence = BTreeMap<Field, Vec<Ranked>>;

/// The order of an owner, of each field.
///
/// # Errors
///
/// [`crate::Error::NotFound`], or [`crate::Error::Forbidden`] without the manage role, and for a connector.
pub fn load(connection: &Connection, caller: &Caller, owner: AccountId) -> Result<Precedence> {
    hierarchy::roles(connection, caller, owner)?.require(Role::Manage)?;
    caller.refuse_connector()?;
    of(connection, owner)
}

fn of(connection: &Connection, owner: AccountId) -> Result<Precedence> {
    let mut precedence: Precedence = Field::ALL.map(|field| (field, Vec::new())).into();
    let statement = "SELECT field, source, connector_id FROM precedences WHERE owner_id = ? ORDER BY field, position";
    for mut row in connection.query(statement, &[owner.into()])? {
        let field: String = row.take("field")?;
        let ranked = Ranked::from_row(&mut row)?;
        for (of, sources) in &mut precedence {
            if of.name() == field {
                sources.push(ranked);
            }
        }
    }
    Ok(precedence)
}

/// Changes the order of an owner, of the fields that are named, and shows what follows from it of all accounts of that owner.
/// Returns the whole order.
///
/// # Errors
///
/// As [`load`]; [`crate::Error::Invalid`] for an order that names a source twice, too many sources, or a connector that is not the owner's.
pub async fn update(edit: &Edit, caller: &Caller, owner: AccountId, wanted: &Precedence) -> Result<Precedence> {
    let before = load(edit.connection(), caller, owner)?;
    let mut after = before.clone();
    after.extend(wanted.iter().map(|(field, sources)| (*field, sources.clone())));
    refuse_wrong(edit, owner, wanted)?;
    if after == before {
        return Ok(after);
    }
    edit.run("DELETE FROM precedences WHERE owner_id = ?", &[owner.into()])?;
    let places: Vec<_> = after
        .iter()
        .flat_map(|(field, sources)| {
            let places = sources.iter().enumerate();
            places.map(|(position, source)| (field.name(), position, source.name(), source.connector()))
        })
        .collect();
    let statement = "INSERT INTO precedences (owner_id, field, position, source, connector_id)
         SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?2)";
    edit.run(statement, &[owner.into(), rows(&places)?])?;
    let mut changed = Changed::default();
    let told = |sources: &[Ranked]| -> Vec<Json> { sources.iter().map(|source| source.told()).collect() };
    for (field, sources) in &after {
        changed.note(field.name(), &told(&before[field]), &told(sources));
    }
    edit.record("precedence changed", "accounts", &[(owner, changed.into_detail())]).await?;
    let disputed = edit.batch(differing!("?1"), vec![owner.into()]).await?;
    let disputed = disputed.into_iter().map(|mut row| row.take("account_id")).collect::<Result<Vec<AccountId>>>()?;
    let fields: Vec<_> = Field::ALL.into_iter().filter(|field| after[field] != before[field]).collect();
    settle(edit, &disputed, &fields).await?;
    Ok(after)
}

fn refuse_wrong(edit: &Edit, owner: AccountId, wanted: &Precedence) -> Result<()> {
    let connectors: Vec<_> = wanted.values().flatten().filter_map(|source| source.connector()).collect();
    let mut known: Vec<ConnectorId> = Vec::new();
    if !connectors.is_empty() {
        let statement = "SELECT id FROM connectors WHERE account_id = ?1 AND id IN (SELECT value FROM json_each(?2))";
        let found = edit.run(statement, &[owner.into(), rows(&connectors)?])?;
        known = found.into_iter().map(|mut row| row.take("id")).collect::<Result<_>>()?;
    }
    let mut faults = Faults::default();
    for (field, sources) in wanted {
        let mut distinct = sources.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if sources.len() > SOURCES_MAX {
            faults.add(field.name(), format!("must name at most {SOURCES_MAX} sources"));
        } else if distinct.len() < sources.len() {
            faults.add(field.name(), "names a source twice");
        } else if let Some(id) = sources.iter().filter_map(|source| source.connector()).find(|id| !known.contains(id)) {
            faults.add(field.name(), format!("names the connector {id}, which is none of this account"));
        }
    }
    faults.into_result()
}
