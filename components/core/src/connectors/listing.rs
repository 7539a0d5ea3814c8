//! The connectors of an account and of all that it owns, page by page (the administration API's document, "Connection
//! Health").

use std::collections::VecDeque;

use serde_json::Value as Json;

use crate::connectors::connector::STATUS;
use crate::connectors::health::Health;
use crate::error::Result;
use crate::store::climb::climb;
use crate::store::{Connection, Value};
use crate::values::id::AccountId;

/// How many rows are read at a time: a list of any length takes the memory of so many.
const PAGE: i64 = 500;

/// What a listing begins after: ids begin with 1.
const START: [Value; 2] = [Value::Integer(0), Value::Integer(0)];

/// The connectors of an account and of those that it owns, directly and through others, page by page: its own, then those
/// of the accounts of one owner after the other, by the ids of accounts and connectors.
pub struct Connections {
    connection: Connection,
    /// A JSON array of the states to show.
    statuses: String,
    steps: VecDeque<Step>,
    /// The ids of the account and the connector that were listed last.
    after: [Value; 2],
}

/// Whose connectors are listed.
#[derive(Clone, Copy)]
enum Step {
    /// Those of an account.
    Of(AccountId),
    /// Those of the accounts that an account owns directly.
    OwnedBy(AccountId),
}

impl Connections {
    /// Those of `account_id` and of what it owns: only those of the account of this key, if there is one, and only
    /// those in one of `statuses`, unless that is empty.
    pub fn of(
        connection: Connection,
        account_id: AccountId,
        account_key: Option<&str>,
        statuses: &[&str],
    ) -> Result<Self> {
        let steps = match account_key {
            None => VecDeque::from([Step::Of(account_id), Step::OwnedBy(account_id)]),
            Some(key) => {
                let rows = connection.query(
                    concat!(
                        "SELECT a.id FROM accounts a WHERE a.account_key = ?1 AND EXISTS (WITH RECURSIVE ",
                        climb!("a.id"),
                        " SELECT 1 FROM chain WHERE chain.id = ?2)"
                    ),
                    &[key.into(), account_id.into()],
                )?;
                rows.into_iter().map(|mut row| Ok(Step::Of(row.take("id")?))).collect::<Result<_>>()?
            }
        };
        Ok(Self { connection, statuses: Json::from(statuses).to_string(), steps, after: START })
    }

    /// The next page: none after the last.
    pub fn next_page(&mut self) -> Result<Option<Vec<Health>>> {
        while let Some(step) = self.steps.front().copied() {
            let (condition, id) = match step {
                Step::Of(account) => ("a.id", account),
                Step::OwnedBy(owner) => ("a.owner_id", owner),
            };
            let statement = format!(
                "SELECT {} FROM accounts a JOIN connectors c ON c.account_id = a.id
                  WHERE {condition} = ?1 AND a.id >= ?2 AND (a.id > ?2 OR c.id > ?3)
                    AND (?4 = '[]' OR {STATUS} IN (SELECT value FROM json_each(?4)))
                  ORDER BY a.id, c.id LIMIT ?5",
                Health::columns()
            );
            let [account, connector] = self.after.clone();
            let parameters = [id.into(), account, connector, self.statuses.as_str().into(), PAGE.into()];
            let rows = self.connection.query(&statement, &parameters)?;
            let page = rows.into_iter().map(|mut row| Health::from_row(&mut row)).collect::<Result<Vec<_>>>()?;
            if let Some(last) = page.last() {
                self.after = [last.account_id.into(), last.connector_id.into()];
                return Ok(Some(page));
            }
            self.after = START;
            self.steps.pop_front();
            if let Step::OwnedBy(owner) = step {
                let rows = self.connection.query(
                    "SELECT a.id FROM accounts a WHERE a.owner_id = ? AND a.descendants > 0 ORDER BY a.id",
                    &[owner.into()],
                )?;
                for mut row in rows {
                    self.steps.push_back(Step::OwnedBy(row.take("id")?));
                }
            }
        }
        Ok(None)
    }
}
