//! Records, as they are read: one by its id, or all of an account, page by page. A connector reads those of the account
//! that it belongs to.

use crate::auth::caller::CallingConnector;
use crate::auth::scope::RECORD_READ;
use crate::auth::token;
use crate::error::{Error, Result, Thing};
use crate::people::record::{COLUMNS, Owner, Record};
use crate::store::{Connection, Value};
use crate::values::id::{Id as _, RecordId};

/// A page of an account's records.
#[derive(Debug)]
pub struct Page {
    /// The account.
    pub owner: Owner,
    /// The records, by their ids.
    pub records: Vec<Record>,
    /// What the next page begins after, if there is one.
    pub next: Option<RecordId>,
}

/// Loads the record of an id.
///
/// # Errors
///
/// [`Error::Forbidden`] without the scope; [`Error::NotFound`] if the connector's account has no record of the id.
pub fn load(connection: &Connection, connector: &CallingConnector, uuid: &str) -> Result<(Record, Owner)> {
    let (owner, records) = read(connection, connector, "r.uuid = ?2", "", &[uuid.into()])?;
    records.into_iter().next().map(|(_, record)| (record, owner)).ok_or(Error::NotFound(Thing::Record))
}

/// Lists at most `limit` records of the connector's account, from the first whose id comes after `after`.
///
/// # Errors
///
/// [`Error::Forbidden`] without the scope.
pub fn list(
    connection: &Connection,
    connector: &CallingConnector,
    after: Option<RecordId>,
    limit: u16,
) -> Result<Page> {
    let after = after.map_or(0, RecordId::number);
    // One more than asked for tells whether there are more.
    let parameters = [after.into(), (i64::from(limit) + 1).into()];
    let (owner, mut records) = read(connection, connector, "r.id > ?2", "ORDER BY r.id LIMIT ?3", &parameters)?;
    let more = records.len() > usize::from(limit);
    records.truncate(limit.into());
    let next = records.last().map(|(id, _)| *id).filter(|_| more);
    Ok(Page { owner, records: records.into_iter().map(|(_, record)| record).collect(), next })
}

/// The connector's account, and, each with its id, those of its records that meet the condition, as far as `rest` wants them. The parameters of
/// both begin with `?2`.
fn read(
    connection: &Connection,
    connector: &CallingConnector,
    condition: &str,
    rest: &str,
    parameters: &[Value],
) -> Result<(Owner, Vec<(RecordId, Record)>)> {
    connector.require_any(&RECORD_READ)?;
    // The account comes even if none of its records does.
    let statement = format!(
        "SELECT {COLUMNS} FROM accounts a LEFT JOIN records r ON r.account_id = a.id AND {condition} WHERE a.id = ?1 {rest}"
    );
    let parameters = [&[connector.account_id.into()], parameters].concat();
    let (mut owner, mut records) = (None, Vec::new());
    for mut row in connection.query(&statement, &parameters)? {
        if owner.is_none() {
            owner = Some(Owner::from_row(connector, &mut row)?);
        }
        let id: Option<RecordId> = row.take("id")?;
        records.extend(id.zip(Record::from_row(&mut row)?));
    }
    // An account that is gone since the token was looked at took the connector with it.
    Ok((owner.ok_or(token::INVALID)?, records))
}
