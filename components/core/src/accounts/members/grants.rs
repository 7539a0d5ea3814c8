//! What the doors give and take: grants, and the memberships that are made for them.

use serde::Serialize;
use serde_json::json;

use super::membership::{self, Door, FIRST_OF_MEMBERSHIPS, Grant, IDS_OF_MEMBERSHIPS};
use crate::error::Result;
use crate::store::draft::Draft;
use crate::store::sql::{Sql, rows};
use crate::store::{Author, Edit, Transaction};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::{self, Role};
use crate::values::time::Time;

/// Grants roles in what `source` selects: `account_id` and `person_id`. Who is blocked there stays so, and whom people have
/// given roles by hand keeps those. Returns those who got something.
pub(crate) async fn grant_from(edit: &Edit, source: Sql, grant: Grant<'_>) -> Result<Vec<(PersonId, AccountId)>> {
    let granted = membership::insert_given(edit, source, grant).await?;
    give(edit, &granted, grant).await?;
    let notes: Vec<_> = granted
        .iter()
        .map(|(person_id, account_id)| {
            let roles = role::names(grant.roles);
            (*person_id, json!({ "account": account_id, "door": grant.door.name(), "after": { "roles": roles } }))
        })
        .collect();
    edit.record("granted", "memberships", &notes).await?;
    Ok(granted)
}

/// Gives roles to members.
pub(super) async fn give(edit: &Edit, members: &[(PersonId, AccountId)], grant: Grant<'_>) -> Result<()> {
    if members.is_empty() {
        return Ok(());
    }
    let statement = "INSERT INTO grants (person_id, account_id, door, role, given_by, given_rank, created_at)
         SELECT e.value ->> 0, e.value ->> 1, ?1, json_each.value, ?2, ?3, ?4 FROM json_each(?5) e, json_each(?6)
          WHERE true ON CONFLICT DO NOTHING";
    let parameters = vec![
        grant.door.name().into(),
        edit.author.actor.to_string().into(),
        grant.rank.map(Role::name).into(),
        Time::now().into(),
        rows(members)?,
        rows(&role::names(grant.roles))?,
    ];
    edit.batch(statement, parameters).await?;
    Ok(())
}

/// Gives a person what another one was given.
pub(super) fn copy_all(transaction: &Transaction, from: PersonId, to: PersonId) -> Result<()> {
    transaction.run(
        "INSERT INTO grants (account_id, person_id, door, role, given_by, given_rank, created_at)
         SELECT account_id, ?2, door, role, given_by, given_rank, created_at FROM grants WHERE person_id = ?1
             ON CONFLICT DO NOTHING",
        &[from.into(), to.into()],
    )?;
    Ok(())
}

/// As [`grant_from`], for one person in one account. Whether the person got something.
pub(crate) async fn grant(edit: &Edit, account_id: AccountId, person_id: PersonId, grant: Grant<'_>) -> Result<bool> {
    let source = Sql {
        text: "SELECT ? AS account_id, ? AS person_id".to_owned(),
        parameters: vec![account_id.into(), person_id.into()],
    };
    Ok(!grant_from(edit, source, grant).await?.is_empty())
}

/// Makes the person who makes an account its owner and admin.
pub async fn found(edit: &Edit, account_id: AccountId, person_id: PersonId) -> Result<()> {
    draft_founder(&mut edit.draft(), &account_id, person_id)?;
    edit.write().await
}

/// Drafts what [`found`] writes, of an account or of the key of one that the draft makes. The names of a confined person go along: there
/// is no other way in to the account.
pub(crate) fn draft_founder<A: Serialize>(draft: &mut Draft, account: &A, person_id: PersonId) -> Result<()> {
    // The audit tells that the account was made before it tells whose it is.
    draft.tell();
    let Author { actor, api, request_id } = &draft.author;
    let common = json!([Time::now(), actor.to_string(), api, request_id]);
    draft.step("founders", &(account, person_id), common)
}

/// Gives somebody who has nothing to do with the account, or was removed from it, what a door gives: nobody is shut out by an address of
/// the person. It is written with what was drafted before.
pub(super) async fn grant_anew(
    edit: &Edit,
    account_id: AccountId,
    person_id: PersonId,
    grant: Grant<'_>,
) -> Result<()> {
    {
        let mut draft = edit.draft();
        let roles = role::names(grant.roles);
        let common = json!([
            Time::now(),
            grant.door.name(),
            draft.author.actor.to_string(),
            grant.rank.map(Role::name),
            grant.status.name(),
            roles,
            FIRST_OF_MEMBERSHIPS,
            IDS_OF_MEMBERSHIPS - 1,
        ]);
        draft.step("granted", &(account_id, person_id, grant.known_as, grant.known_by), common)?;
        let detail = json!({ "account": account_id, "door": grant.door.name(), "after": { "roles": roles } });
        draft.note("granted", "memberships", &[(person_id, detail)])?;
    }
    edit.write_unless_planned().await
}

/// Takes away what a door has given to a person, who then is no member any more unless another door holds the membership.
pub(crate) async fn release(edit: &Edit, account_id: AccountId, person_id: PersonId, door: Door) -> Result<()> {
    edit.run(
        "DELETE FROM grants WHERE account_id = ?1 AND person_id = ?2 AND door = ?3",
        &[account_id.into(), person_id.into(), door.name().into()],
    )?;
    end_ungranted(edit, &[(person_id, account_id)]).await
}

/// Ends the memberships of people whom no door has given anything any more; who is blocked stays so.
pub(crate) async fn end_ungranted(edit: &Edit, members: &[(PersonId, AccountId)]) -> Result<()> {
    let statement = "DELETE FROM memberships
         WHERE (account_id, person_id) IN (SELECT value ->> 1, value ->> 0 FROM json_each(?))
           AND status IN ('invited', 'awaiting', 'active')
           AND NOT EXISTS (SELECT 1 FROM grants g
                            WHERE g.account_id = memberships.account_id AND g.person_id = memberships.person_id)
         RETURNING person_id, account_id";
    let gone = edit.batch(statement, vec![rows(members)?]).await?;
    let notes = gone
        .into_iter()
        .map(|mut row| Ok((row.take("person_id")?, json!({ "account": row.take::<AccountId>("account_id")? }))));
    edit.record("deleted", "memberships", &notes.collect::<Result<Vec<(PersonId, _)>>>()?).await
}
