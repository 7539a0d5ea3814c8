//! What a request removes of the accounts of an owner: kept for 30 days, in which it can be brought back, see [`crate::entry::undo`].
//!
//! Triggers of the database keep each row that is deleted while a removal is open (`migrations/0017_removals.sql`), so that what goes
//! with something else is kept as well, and a request that removes nothing costs nothing.

use std::time::Duration;

use crate::error::Result;
use crate::store::sql::rows;
use crate::store::{Connection, Edit, Value};
use crate::values::id::{AccountId, ConnectorId};
use crate::values::time::Time;

/// How long what was removed is kept.
pub const KEPT: Duration = Duration::from_hours(30 * 24);

/// How many rows are forgotten at a time.
const FORGOTTEN: i64 = 5000;

/// What removes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A body of the portal.
    Sync,
    /// Somebody who disconnects or deletes a connector.
    Connector,
    /// Somebody who deletes an account.
    Account,
}

impl Kind {
    /// As the store writes it.
    fn name(self) -> &'static str {
        match self {
            // Whoever manages the owner brings either back.
            Self::Sync | Self::Connector => "sync",
            Self::Account => "account",
        }
    }
}

/// Keeps what is deleted from now on until [`close`].
pub(crate) fn open(edit: &Edit, owner: AccountId, kind: Kind) -> Result<()> {
    edit.run(
        "INSERT INTO removals (request_id, owner_id, kind, open, at) VALUES (?1, ?2, ?3, 1, ?4)",
        &[edit.author.request_id.as_str().into(), owner.into(), kind.name().into(), Time::now().into()],
    )?;
    Ok(())
}

/// Keeps what a connector says that is disconnected: it stays bound, and nothing of it is deleted. What comes back is as if its external
/// ids had moved to where they are.
pub(crate) async fn keep_words(edit: &Edit, connector_id: ConnectorId) -> Result<()> {
    let kept = "INSERT INTO removed_rows (removal_id, kind, row)
         SELECT v.id, 'disconnected', json_object('id', c.id, 'account_id', c.account_id, 'status', c.status, 'rank', c.rank)
           FROM removals v CROSS JOIN connectors c ON c.id = ?1 WHERE v.open = 1
         UNION ALL
         SELECT v.id, 'account_identities', json_object('connector_id', i.connector_id, 'external_id', i.external_id, 'account_id', i.account_id,
                'created_at', i.created_at, 'name', coalesce(i.name, a.name), 'registration_id', coalesce(i.registration_id, a.registration_id),
                'to', i.account_id)
           FROM removals v CROSS JOIN account_identities i ON i.connector_id = ?1 CROSS JOIN accounts a ON a.id = i.account_id WHERE v.open = 1";
    edit.batch(kept, vec![connector_id.into()]).await.map(drop)
}

/// Keeps which registration ids lead on to an account since a connector went: they do so no more once it is back.
pub(crate) async fn led_on(edit: &Edit, added: &[(String, AccountId)]) -> Result<()> {
    if added.is_empty() {
        return Ok(());
    }
    let kept = "INSERT INTO removed_rows (removal_id, kind, row)
         SELECT v.id, 'led on', json_object('registration_id', e.value ->> 0, 'account_id', e.value ->> 1)
           FROM removals v CROSS JOIN json_each(?1) e WHERE v.open = 1";
    edit.batch(kept, vec![rows(added)?]).await.map(drop)
}

/// Ends what [`open`] began. Some of what is kept no longer is forgotten.
pub(crate) async fn close(edit: &Edit) -> Result<()> {
    edit.run("UPDATE removals SET open = 0 WHERE open = 1", &[])?;
    if is_due(edit.connection())? {
        for statement in FORGET {
            edit.batch(statement, vec![expired(), FORGOTTEN.into()]).await?;
        }
    }
    Ok(())
}

/// Forgets some of what is kept no longer, so many rows at most, and says whether there was any.
pub async fn forget(connection: &Connection) -> Result<bool> {
    let is_due = is_due(connection)?;
    if is_due {
        for statement in FORGET {
            connection.execute(statement, vec![expired(), FORGOTTEN.into()]).await?;
        }
    }
    Ok(is_due)
}

/// The time before which what was removed is kept no longer.
pub(crate) fn expired() -> Value {
    (Time::now() - KEPT).into()
}

fn is_due(connection: &Connection) -> Result<bool> {
    let oldest = "SELECT 1 FROM removals WHERE at < ? LIMIT 1";
    Ok(connection.query_first(oldest, &[expired()])?.is_some())
}

/// Forgets the rows first, and then the removals that have none: before the time `?1`, and at most `?2` at a time.
const FORGET: [&str; 2] = [
    "DELETE FROM removed_rows WHERE rowid IN (
         SELECT r.rowid FROM removals v CROSS JOIN removed_rows r ON r.removal_id = v.id WHERE v.at < ?1 LIMIT ?2)",
    "DELETE FROM removals WHERE id IN (
         SELECT v.id FROM removals v WHERE v.at < ?1 AND NOT EXISTS (SELECT 1 FROM removed_rows r WHERE r.removal_id = v.id) LIMIT ?2)",
];

/// Forgets what is kept of somebody who is erased. The index is of an expression, which compares with what is no column.
pub(crate) const ERASED: [&str; 3] = [
    "DELETE FROM removed_rows WHERE row ->> 'person_id' IN (SELECT ?1 UNION ALL SELECT +id FROM people WHERE leads_to = ?1)",
    "DELETE FROM removed_rows WHERE kind = 'joined_rows'
        AND (row ->> 'row') ->> 'person' IN (SELECT ?1 UNION ALL SELECT +id FROM people WHERE leads_to = ?1)",
    "DELETE FROM joined_rows WHERE row ->> 'person' IN (SELECT ?1 UNION ALL SELECT +id FROM people WHERE leads_to = ?1)",
];

/// Takes an address, `?2`, of somebody who is erased out of what is kept of accounts that the person was a member of.
pub(crate) const UNNAMED: [&str; 4] = [
    "UPDATE removed_rows SET row = replace(row, trim(json_quote(?2), '\"'), 'erased')
      WHERE kind = 'accounts' AND instr(row, trim(json_quote(?2), '\"')) > 0
        AND row ->> 'id' IN (SELECT +m.account_id FROM audit m WHERE m.subject = 'memberships' AND m.subject_id = ?1)",
    "UPDATE joined_rows SET row = replace(row, trim(json_quote(?2), '\"'), 'erased')
      WHERE kind IN ('account', 'stays') AND instr(row, trim(json_quote(?2), '\"')) > 0
        AND joined_id IN (SELECT j.id FROM audit m JOIN joined_accounts j ON j.id = m.account_id OR j.into_id = m.account_id
                           WHERE m.subject = 'memberships' AND m.subject_id = ?1)",
    // An account that was joined, and deleted with the one that it was joined into.
    "UPDATE removed_rows SET row = replace(row, trim(json_quote(?2), '\"'), 'erased')
      WHERE kind = 'joined_rows' AND instr(row, trim(json_quote(?2), '\"')) > 0
        AND row ->> 'joined_id' IN (SELECT +m.account_id FROM audit m WHERE m.subject = 'memberships' AND m.subject_id = ?1)",
    "UPDATE removed_rows SET row = replace(row, trim(json_quote(?2), '\"'), 'erased')
      WHERE kind = 'joined_rows' AND instr(row, trim(json_quote(?2), '\"')) > 0 AND removal_id IN (
            SELECT k.removal_id FROM audit m CROSS JOIN removed_rows k ON k.kind = 'accounts' AND k.row ->> 'id' = +m.account_id
             WHERE m.subject = 'memberships' AND m.subject_id = ?1)",
];

#[cfg(test)]
mod tests {
    use crate::store::migration;

    /// What is kept of a row is all of it, whatever columns come to the table: a migration that adds one makes the triggers anew.
    #[test]
    fn triggers_keep_every_column() {
        let store = migration::in_memory();
        let mut triggers = store
            .prepare("SELECT t.tbl_name, t.sql, c.name FROM sqlite_schema t, pragma_table_info(t.tbl_name) c WHERE t.type = 'trigger' AND t.sql LIKE '%INTO removed_rows%'")
            .expect("a statement");
        let columns = triggers.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("triggers");
        let mut count = 0;
        for column in columns {
            let (table, trigger, column): (String, String, String) = column.expect("a column");
            assert!(trigger.contains(&format!("'{column}',")), "{table}.{column}");
            count += 1;
        }
        assert!(count > 100, "{count}");
    }
}
