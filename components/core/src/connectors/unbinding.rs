//! What goes with the last binding of an account or a person.
//!
//! Unbinding never takes what somebody else holds. An account goes with its last external identity if the portal made it
//! and it is not suspended and has no members (nor somebody whom it has shut out), connectors, people or accounts of its own, and none was joined into it; a
//! membership goes with the last binding behind it if the portal made it; a person goes with the last identity if the portal made it and it has no membership and no password.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::accounts::{hierarchy, members};
use crate::error::Result;
use crate::store::Edit;
use crate::store::sql::{Sql, rows};
use crate::values::id::{AccountId, ConnectorId, PersonId};

/// Takes away what the connector no longer holds of the accounts `left`, see the documentation of this module.
pub(crate) async fn prune(edit: &Edit, connector_id: ConnectorId, left: &BTreeSet<AccountId>) -> Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let left = rows(left)?;
    let bindings = "DELETE FROM user_bindings
         WHERE connector_id = ?1 AND account_id IN (SELECT value FROM json_each(?2))
           AND NOT EXISTS (SELECT 1 FROM account_identities i
                            WHERE i.account_id = user_bindings.account_id AND i.connector_id = ?1)
         RETURNING external_id, account_id";
    let gone = edit.batch(bindings, vec![connector_id.into(), left.clone()]).await?;
    let gone = gone.into_iter().map(|mut row| Ok((row.take("external_id")?, row.take("account_id")?)));
    let gone = gone.collect::<Result<Vec<(String, AccountId)>>>()?;
    if !gone.is_empty() {
        let opened = "SELECT e.value ->> 1 AS account_id, i.person_id AS person_id FROM json_each(?) e
              CROSS JOIN person_identities i ON i.connector_id = ? AND i.external_id = e.value ->> 0";
        let opened = Sql { text: opened.to_owned(), parameters: vec![rows(&gone)?, connector_id.into()] };
        end_memberships(edit, opened).await?;
    }
    let accounts = "DELETE FROM accounts
         WHERE id IN (SELECT value FROM json_each(?1)) AND origin = 'portal'
           AND NOT EXISTS (SELECT 1 FROM account_identities i WHERE i.account_id = accounts.id)
           AND accounts.status = 'active'
           AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.account_id = accounts.id)
           AND NOT EXISTS (SELECT 1 FROM connectors c WHERE c.account_id = accounts.id)
           AND NOT EXISTS (SELECT 1 FROM records r WHERE r.account_id = accounts.id)
           AND NOT EXISTS (SELECT 1 FROM accounts o WHERE o.owner_id = accounts.id)
           AND NOT EXISTS (SELECT 1 FROM joined_accounts j WHERE j.account_id = accounts.id)
         RETURNING id, name, registration_id, owner_id";
    let mut notes: Vec<(AccountId, _)> = Vec::new();
    let mut fewer: BTreeMap<AccountId, i64> = BTreeMap::new();
    for mut row in edit.batch(accounts, vec![left]).await? {
        let owner = row.take("owner_id")?;
        let before = json!({ "name": row.take::<String>("name")?,
                             "registrationId": row.take::<Option<String>>("registration_id")? });
        notes.push((row.take("id")?, json!({ "account": owner, "before": before })));
        *fewer.entry(owner).or_default() -= 1;
    }
    for (owner, fewer) in fewer {
        hierarchy::count(edit, owner, fewer)?;
    }
    edit.record("deleted", "accounts", &notes).await
}

/// Ends what the portal has granted where `opened` selects, `account_id` and `person_id`, and no binding holds any more, and the
/// memberships that had no other grant. What other bindings have opened, those of connectors that are gone included, is theirs.
pub(crate) async fn end_memberships(edit: &Edit, opened: Sql) -> Result<()> {
    let grants = format!(
        "DELETE FROM grants
          WHERE (account_id, person_id) IN ({})
            AND door = 'portal' AND NOT EXISTS (
                SELECT 1 FROM person_identities i
                  JOIN user_bindings b ON b.connector_id = i.connector_id AND b.external_id = i.external_id
                 WHERE i.person_id = grants.person_id AND b.account_id = grants.account_id)
          RETURNING person_id, account_id",
        opened.text
    );
    let gone = edit.batch(&grants, opened.parameters).await?;
    let gone = gone.into_iter().map(|mut row| Ok((row.take("person_id")?, row.take("account_id")?)));
    let gone = gone.collect::<Result<Vec<(PersonId, AccountId)>>>()?;
    if gone.is_empty() {
        return Ok(());
    }
    members::end_ungranted(edit, &gone).await
}
