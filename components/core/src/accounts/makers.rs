//! Makers of connectors. A connector has at most the rank of the person who made it. When that person loses the rank, the
//! connector goes on, for what it feeds would stand still: it is marked, and the owners are told. The mark goes when somebody
//! who holds the rank gives the connector a new secret, which the one before does not know.

use serde_json::{Value as Json, json};

use crate::auth::limit::{self, About};
use crate::error::Result;
use crate::store::climb::climb;
use crate::store::outbox::{self, Message};
use crate::store::{Edit, Row};
use crate::values::id::{AccountId, ConnectorId, PersonId};
use crate::values::time::Time;

/// How many owners are told.
const TOLD: i64 = 20;

/// Marks the connectors that the person `?1` made and holds the rank of no more, in their accounts or above them.
const MARK: &str = concat!(
    "UPDATE connectors SET maker_lost_rank_at = ?2
      WHERE maker_id = ?1 AND maker_lost_rank_at IS NULL AND status <> 'inactive' AND NOT EXISTS (
            WITH RECURSIVE ",
    climb!("connectors.account_id"),
    " SELECT 1 FROM chain
        JOIN memberships m ON m.account_id = chain.id AND m.person_id = ?1 AND m.status = 'active'
        JOIN grants g ON g.account_id = m.account_id AND g.person_id = m.person_id
       WHERE g.role IN ('owner', 'admin', 'manage')
         AND instr('owner admin manage', g.role) <= instr('owner admin manage', connectors.rank))
     RETURNING id, account_id, name"
);

/// The owners who can come in and get mail, of an account or else of the nearest one above it.
const OWNERS: &str = concat!(
    "WITH RECURSIVE ",
    climb!("?1"),
    ", owners(depth, address, key) AS (
         SELECT chain.depth, d.address, d.key FROM chain
           JOIN memberships m ON m.account_id = chain.id AND m.status = 'active' AND m.entered_at IS NOT NULL
           JOIN grants g ON g.account_id = m.account_id AND g.person_id = m.person_id AND g.role = 'owner'
           JOIN addresses d ON d.person_id = m.person_id AND d.proved_at IS NOT NULL AND d.retired_at IS NULL)
     SELECT DISTINCT address, key FROM owners WHERE depth = (SELECT min(depth) FROM owners) LIMIT ?2"
);

/// Marks what a person made and ranks below from now on, and tells the owners. To be called once the person has lost a role.
pub(crate) async fn lost_roles(edit: &Edit, person_id: PersonId) -> Result<()> {
    let marked = edit.run(MARK, &[person_id.into(), Time::now().into()])?;
    let mut marked = marked.into_iter().map(Marked::from_row).collect::<Result<Vec<_>>>()?;
    let notes: Vec<_> =
        marked.iter().map(|marked| (marked.id, json!({ "maker": person_id }))).collect::<Vec<(_, Json)>>();
    edit.record("maker lost the rank", "connectors", &notes).await?;
    marked.sort_by_key(|marked| marked.account_id);
    for of_account in marked.chunk_by(|one, other| one.account_id == other.account_id) {
        tell_owners(edit, of_account).await?;
    }
    Ok(())
}

/// A connector that was marked.
struct Marked {
    id: ConnectorId,
    account_id: AccountId,
    name: String,
}

impl Marked {
    fn from_row(mut row: Row) -> Result<Self> {
        Ok(Self { id: row.take("id")?, account_id: row.take("account_id")?, name: row.take("name")? })
    }
}

/// Tells the owners of connectors of one account.
async fn tell_owners(edit: &Edit, marked: &[Marked]) -> Result<()> {
    let Some(account_id) = marked.first().map(|marked| marked.account_id) else { return Ok(()) };
    let names: Vec<_> = marked.iter().map(|marked| format!("“{}” ({})", marked.name, marked.id)).collect();
    let text = format!(
        "Whoever made these connectors of account {account_id} does not hold their rank any more: {}. They go on as before, and \
         whoever made them may know their secrets. Give them new secrets, or disconnect them.",
        names.join(", ")
    );
    for mut owner in edit.run(OWNERS, &[account_id.into(), TOLD.into()])? {
        let (address, key): (String, String) = (owner.take("address")?, owner.take("key")?);
        let due = limit::turn(edit, About::Others, &key)?;
        outbox::write(edit, &Message::new(&address, "Connectors have lost their maker", &text, None), due).await?;
    }
    Ok(())
}
