//! Registration ids that a connector said which is gone. Each leads on to the account of which it said it, so that the connector that
//! comes in its place finds that one, and makes no second. It holds nothing: of another account of the owner anybody may say it like any
//! other, and it leads there then.

use crate::accounts::removals;
use crate::error::Result;
use crate::store::Edit;
use crate::store::sql::rows;
use crate::values::id::{AccountId, ConnectorId};

/// The account of the owner `?2` that a registration id, which an expression gives, led to by a connector that is gone, as an expression.
macro_rules! former {
    ($id:literal) => {
        concat!(
            "(SELECT s.account_id FROM former_registration_ids s CROSS JOIN accounts o ON o.id = s.account_id AND o.owner_id = ?2
               WHERE s.registration_id = ",
            $id,
            " LIMIT 1)"
        )
    };
}

pub(crate) use former;

/// What a connector says that is about to go: the registration ids of accounts about which sources disagree. Of all others what it says is
/// shown, and stays so.
pub(crate) async fn said_by(
    edit: &Edit,
    connector_id: ConnectorId,
    disputed: &[AccountId],
) -> Result<Vec<(String, AccountId)>> {
    if disputed.is_empty() {
        return Ok(Vec::new());
    }
    let statement = "SELECT DISTINCT coalesce(i.registration_id, a.registration_id) AS said, a.id
           FROM json_each(?2) d CROSS JOIN accounts a ON a.id = d.value
          CROSS JOIN account_identities i ON i.account_id = a.id AND i.connector_id = ?1
          WHERE coalesce(i.registration_id, a.registration_id) IS NOT NULL";
    let said = edit.batch(statement, vec![connector_id.into(), rows(disputed)?]).await?;
    said.into_iter().map(|mut row| Ok((row.take("said")?, row.take("id")?))).collect()
}

/// Keeps what a connector of the account `owner` said that is gone, see [`said_by`], where that is not what is shown. What led elsewhere
/// by one that was gone before does so no more. The removal that is open knows which were added.
pub(crate) async fn keep(edit: &Edit, owner: AccountId, said: &[(String, AccountId)]) -> Result<()> {
    if said.is_empty() {
        return Ok(());
    }
    let superseded = "DELETE FROM former_registration_ids
          WHERE registration_id IN (SELECT value ->> 0 FROM json_each(?1))
            AND account_id IN (SELECT id FROM accounts WHERE owner_id = ?2)
            AND (registration_id, account_id) NOT IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";
    edit.batch(superseded, vec![rows(said)?, owner.into()]).await?;
    let added = "INSERT INTO former_registration_ids (registration_id, account_id)
         SELECT e.value ->> 0, a.id FROM json_each(?1) e CROSS JOIN accounts a ON a.id = e.value ->> 1
          WHERE a.owner_id = ?2 AND a.registration_id IS NOT e.value ->> 0 ON CONFLICT DO NOTHING
         RETURNING registration_id, account_id";
    let added = edit.batch(added, vec![rows(said)?, owner.into()]).await?;
    let added = added.into_iter().map(|mut row| Ok((row.take("registration_id")?, row.take("account_id")?)));
    removals::led_on(edit, &added.collect::<Result<Vec<(String, AccountId)>>>()?).await
}
