//! How accounts that were joined are taken apart again: what came with the one goes back to it, if it is there still, and what was made
//! since stays with the one that stays.

use anyhow::anyhow;
use serde_json::{Value as Json, json};

use super::{COLUMNS, settle_below};
use crate::accounts::members::{self, Door, Grant, Status, joined};
use crate::accounts::packages::DEFAULT_PACKAGE;
use crate::accounts::sources::{Field, Words};
use crate::accounts::taken::taken;
use crate::accounts::{duplicates, hierarchy};
use crate::auth::caller::Caller;
use crate::error::{Conflict, Error, Faults, Result};
use crate::store::audit::Changed;
use crate::store::sql::{Sql, named};
use crate::store::{Edit, Value};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;
use crate::values::text;

/// Takes accounts out of the one into which they were joined, the last one first.
///
/// # Errors
///
/// As [`super::join`]; [`Error::Invalid`] for others that were not joined into it; [`Error::Conflict`] with [`Conflict::JoinedLater`],
/// [`Conflict::RegistrationIdTaken`] or [`Conflict::SubdomainTaken`] for what is another's by now, and with [`Conflict::LastOwner`] where
/// one of the two would have no owner any more.
pub async fn separate(edit: &Edit, caller: &Caller, into: AccountId, others: &[AccountId]) -> Result<()> {
    let owner = hierarchy::require_owner_above(edit, caller, into)?;
    let mut joined = Vec::new();
    for from in others {
        let statement = "SELECT number FROM joined_accounts WHERE id = ?1 AND into_id = ?2";
        let row = edit.run_first(statement, &[(*from).into(), into.into()])?;
        let mut row = row
            .ok_or_else(|| Error::Invalid(Faults::of("accounts", "must be accounts that were joined into this one")))?;
        joined.push((row.take::<i64>("number")?, *from));
    }
    joined.sort_unstable();
    joined.dedup();
    for (number, from) in joined.into_iter().rev() {
        let later = "SELECT 1 FROM joined_accounts WHERE into_id = ?1 AND number > ?2 LIMIT 1";
        if edit.run_first(later, &[into.into(), number.into()])?.is_some() {
            return Err(Error::Conflict(Conflict::JoinedLater));
        }
        separate_one(edit, owner, from, into).await?;
    }
    Ok(())
}

/// What the account that stays said before it was joined, `?3`, and what it says of its own now, without what the other one, `?2`, said.
const OWN_WORDS: &str = "UPDATE accounts
        SET people_name = iif(?3 ->> 'people_name' IS NULL AND people_name IS (?2 ->> 'people_name'), NULL, people_name),
            above_name = iif(?3 ->> 'above_name' IS NULL AND above_name IS (?2 ->> 'above_name'), NULL, above_name),
            people_registration_id = iif(?3 ->> 'people_registration_id' IS NULL
                AND people_registration_id IS (?2 ->> 'people_registration_id'), NULL, people_registration_id),
            above_registration_id = iif(?3 ->> 'above_registration_id' IS NULL
                AND above_registration_id IS (?2 ->> 'above_registration_id'), NULL, above_registration_id)
      WHERE id = ?1
     RETURNING iif(people_name = name, name, ?3 ->> 'name') AS own_name, name, registration_id,
            coalesce(people_registration_id IN (?2 ->> 'registration_id', ?2 ->> 'people_registration_id', ?2 ->> 'above_registration_id'), 0)
            OR coalesce(above_registration_id IN (?2 ->> 'registration_id', ?2 ->> 'people_registration_id', ?2 ->> 'above_registration_id'), 0)
            AS is_taken";

/// Moves the external ids that are the account's that was joined, `?1`, and not of `?2`: those that came with it, or that say what led
/// to it, unless they say by now what the other one says, which was `?3`.
const IDENTITIES: &str = "WITH own(id) AS MATERIALIZED (
         SELECT people_registration_id FROM accounts WHERE id = ?2
         UNION SELECT above_registration_id FROM accounts WHERE id = ?2
         UNION SELECT ?3 ->> 'registration_id'),
     led(id) AS MATERIALIZED (SELECT registration_id FROM joined_registration_ids WHERE joined_id = ?1),
     came(connector_id, external_id) AS MATERIALIZED (
         SELECT row ->> 'connector', row ->> 'externalId' FROM joined_rows WHERE joined_id = ?1 AND kind = 'identities'),
     others(id) AS MATERIALIZED (
         SELECT registration_id FROM account_identities
          WHERE account_id = ?2 AND registration_id IS NOT NULL AND registration_id NOT IN (SELECT id FROM led)
            AND (connector_id, external_id) NOT IN (SELECT connector_id, external_id FROM came))
     UPDATE account_identities SET account_id = ?1
      WHERE account_id = ?2
        AND (registration_id IN (SELECT id FROM led) OR (connector_id, external_id) IN (SELECT connector_id, external_id FROM came))
        AND (registration_id IS NULL OR registration_id NOT IN (
             SELECT id FROM own WHERE id IS NOT NULL UNION ALL SELECT id FROM others))";

/// Gives the account `?1` back what came with it, out of `?2`.
const PARTED: [&str; 16] = [
    "UPDATE connectors SET account_id = ?1 WHERE account_id = ?2 AND id IN (
            SELECT row ->> 'id' FROM joined_rows WHERE joined_id = ?1 AND kind = 'connectors')",
    "UPDATE records SET account_id = ?1 WHERE account_id = ?2 AND id IN (
            SELECT row ->> 'id' FROM joined_rows WHERE joined_id = ?1 AND kind = 'records')",
    "UPDATE usernames SET account_id = ?1 WHERE account_id = ?2 AND key IN (
            SELECT row ->> 'key' FROM joined_rows WHERE joined_id = ?1 AND kind = 'usernames')",
    "UPDATE packages SET owner_id = ?1, is_default = r.row ->> 'isDefault' FROM joined_rows r
      WHERE packages.owner_id = ?2 AND r.joined_id = ?1 AND r.kind = 'packages' AND r.row ->> 'id' = packages.id",
    "UPDATE accounts SET owner_id = ?1 WHERE owner_id = ?2 AND id IN (
            SELECT row ->> 'id' FROM joined_rows WHERE joined_id = ?1 AND kind = 'accounts')",
    "UPDATE accounts SET suspended_by = ?1 WHERE suspended_by = ?2 AND id IN (
            SELECT row ->> 'id' FROM joined_rows WHERE joined_id = ?1 AND kind = 'suspended')",
    "UPDATE removals SET owner_id = ?1 WHERE owner_id = ?2 AND id IN (
            SELECT row ->> 'id' FROM joined_rows WHERE joined_id = ?1 AND kind = 'removals')",
    "DELETE FROM different_accounts WHERE (account_id, other_id) IN (
            SELECT min(?2, row ->> 'other'), max(?2, row ->> 'other') FROM joined_rows
             WHERE joined_id = ?1 AND kind = 'different' AND row ->> 'there' = 0)",
    "INSERT INTO different_accounts (account_id, other_id)
     SELECT min(?1, o.id), max(?1, o.id) FROM joined_rows r JOIN accounts o ON o.id = r.row ->> 'other' AND o.id <> ?1
      WHERE r.joined_id = ?1 AND r.kind = 'different' ON CONFLICT DO NOTHING",
    "INSERT INTO former_registration_ids (registration_id, account_id)
     SELECT f.registration_id, ?1 FROM joined_rows r JOIN former_registration_ids f ON f.account_id = ?2 AND f.registration_id = r.row ->> 'registrationId'
      WHERE r.joined_id = ?1 AND r.kind = 'former' ON CONFLICT DO NOTHING",
    "DELETE FROM former_registration_ids WHERE account_id = ?2 AND registration_id IN (
            SELECT row ->> 'registrationId' FROM joined_rows WHERE joined_id = ?1 AND kind = 'former' AND row ->> 'there' = 0)",
    // The order of the one may have become that of the other, which had none.
    "DELETE FROM precedences WHERE owner_id = ?2 AND (connector_id IN (SELECT id FROM connectors WHERE account_id = ?1)
        OR EXISTS (SELECT 1 FROM joined_rows WHERE joined_id = ?1 AND kind = 'ordered')
           AND (field, position, source) IN (SELECT row ->> 'field', row ->> 'position', row ->> 'source' FROM joined_rows
                                              WHERE joined_id = ?1 AND kind = 'precedences'))",
    "INSERT INTO precedences (owner_id, field, position, source, connector_id)
     SELECT ?1, r.row ->> 'field', r.row ->> 'position', r.row ->> 'source', c.id FROM joined_rows r
       LEFT JOIN connectors c ON c.id = r.row ->> 'connector' AND c.account_id = ?1
      WHERE r.joined_id = ?1 AND r.kind = 'precedences' AND (c.id IS NOT NULL OR r.row ->> 'source' <> 'connector')",
    // Whom a connector binds belongs where the connector's external id is.
    "UPDATE user_bindings AS b SET account_id = ?1 WHERE account_id = ?2
        AND EXISTS (SELECT 1 FROM account_identities i WHERE i.account_id = ?1 AND i.connector_id = b.connector_id)
        AND ((connector_id, external_id) IN (SELECT row ->> 'connector', row ->> 'externalId' FROM joined_rows
                                              WHERE joined_id = ?1 AND kind = 'bindings' AND row ->> 'there' = 0)
             OR NOT EXISTS (SELECT 1 FROM account_identities i WHERE i.account_id = ?2 AND i.connector_id = b.connector_id))",
    "INSERT INTO user_bindings (connector_id, external_id, account_id, created_at)
     SELECT b.connector_id, b.external_id, ?1, r.row ->> 'createdAt' FROM joined_rows r
       JOIN user_bindings b ON b.connector_id = r.row ->> 'connector' AND b.external_id = r.row ->> 'externalId' AND b.account_id = ?2
      WHERE r.joined_id = ?1 AND r.kind = 'bindings' AND r.row ->> 'there' = 1
        AND EXISTS (SELECT 1 FROM account_identities i WHERE i.account_id = ?1 AND i.connector_id = b.connector_id)
         ON CONFLICT DO NOTHING",
    // What was joined into it before leads to it again.
    "WITH RECURSIVE below(id) AS (
         SELECT id FROM joined_accounts WHERE into_id = ?1
         UNION SELECT j.id FROM below JOIN joined_accounts j ON j.into_id = below.id)
     UPDATE joined_accounts SET account_id = ?1 WHERE id IN (SELECT id FROM below)",
];

async fn separate_one(edit: &Edit, owner: AccountId, from: AccountId, into: AccountId) -> Result<()> {
    let here: [Value; 2] = [from.into(), into.into()];
    let [was, stayed] = kept(edit, from)?;
    let shown = let_go(edit, from, into, &was, &stayed).await?;
    restore(edit, owner, from, &was)?;
    let identities = vec![from.into(), into.into(), stayed.to_string().into()];
    edit.batch(IDENTITIES, identities).await?;
    for statement in PARTED {
        edit.batch(statement, named(statement, &here)).await?;
    }
    recount(edit, owner, from, into)?;
    let had_owners = joined::Owned { from: was["owned"] == 1, into: stayed["owned"] == 1 };
    joined::part(edit, from, into, had_owners).await?;
    hold_what_is_bound(edit, from, into).await?;
    edit.run(
        "UPDATE accounts SET status = ?3 ->> 'status', suspended_from_above = ?3 ->> 'suspended_from_above',
                suspended_by = (SELECT o.id FROM accounts o WHERE o.id = (?3 ->> 'suspended_by'))
          WHERE id = ?2 AND EXISTS (SELECT 1 FROM joined_accounts WHERE id = ?1 AND suspends = 1)",
        &[from.into(), into.into(), stayed.to_string().into()],
    )?;
    Words::of(edit, &[from, into], &Field::ALL).await?.settle(edit).await?;
    for owner in [from, into] {
        settle_below(edit, owner).await?;
    }
    edit.batch("DELETE FROM joined_accounts WHERE id = ?", vec![from.into()]).await?;
    edit.record("separated", "accounts", &[(from, json!({ "from": into }))]).await?;
    edit.record("separated", "accounts", &[(into, shown)]).await
}

/// Both accounts as they were when they were joined.
fn kept(edit: &Edit, from: AccountId) -> Result<[Json; 2]> {
    let statement = "SELECT row FROM joined_rows WHERE joined_id = ? AND kind IN ('account', 'stays') ORDER BY kind";
    let rows = edit.run(statement, &[from.into()])?;
    let rows = rows.into_iter().map(|mut row| {
        let row: String = row.take("row")?;
        Ok(serde_json::from_str(&row).map_err(anyhow::Error::from)?)
    });
    let rows = rows.collect::<Result<Vec<Json>>>()?;
    rows.try_into().map_err(|_| Error::Internal(anyhow!("an account that was joined is not kept")))
}

/// Has the account that stays let go of what the other one said: its connectors say each of their words by themselves, and what is shown is
/// what was. Returns what the audit tells of that.
async fn let_go(edit: &Edit, from: AccountId, into: AccountId, was: &Json, stayed: &Json) -> Result<Json> {
    let statement = "UPDATE account_identities AS i SET name = coalesce(i.name, a.name), registration_id = coalesce(i.registration_id, a.registration_id)
           FROM accounts a WHERE a.id = ?1 AND i.account_id = ?1";
    edit.batch(statement, vec![into.into()]).await?;
    let mut row = edit.run_one(OWN_WORDS, &[into.into(), was.to_string().into(), stayed.to_string().into()])?;
    if row.take("is_taken")? {
        return Err(Error::Conflict(Conflict::RegistrationIdTaken));
    }
    let (name, registration_id): (String, Option<String>) = (row.take("name")?, row.take("registration_id")?);
    // What people of its own have called it since stays, and kept apart from other names.
    let own: String = row.take("own_name")?;
    let own_registration_id = stayed["registration_id"].as_str();
    let mut changed = Changed::of("separated", from);
    changed.note("name", &name, &own);
    changed.note("registrationId", &registration_id.as_deref(), &own_registration_id);
    edit.run(
        "UPDATE accounts SET name = ?2, name_key = ?3, registration_id = ?4, registration_number = ?5, datashare = ?6 ->> 'datashare',
                name_reserved = iif(name = ?2, name_reserved, (?6 ->> 'name_reserved') AND NOT EXISTS (
                    SELECT 1 FROM accounts o WHERE o.name_key = ?3 AND o.name_reserved = 1 AND o.id <> ?1)),
                version = version + 1 WHERE id = ?1",
        &[
            into.into(),
            own.as_str().into(),
            text::fold(&own).into(),
            own_registration_id.into(),
            own_registration_id.and_then(duplicates::number).into(),
            stayed.to_string().into(),
        ],
    )
    .map_err(taken)?;
    Ok(changed.into_detail())
}

/// Makes the account again as it was, but for what is another's by now.
fn restore(edit: &Edit, owner: AccountId, from: AccountId, was: &Json) -> Result<()> {
    let value = |column: &str| match column {
        "owner_id" => "?1".to_owned(),
        "descendants" => "0".to_owned(),
        // The name that was kept apart may be another's since.
        "name_reserved" => "(?3 ->> 'name_reserved') AND NOT EXISTS (
              SELECT 1 FROM accounts o WHERE o.name_key = (?3 ->> 'name_key') AND o.name_reserved = 1)"
            .to_owned(),
        "package_id" => format!(
            "iif((?3 ->> 'package_id') IS NULL, NULL,
                 coalesce((SELECT id FROM packages WHERE id = (?3 ->> 'package_id')), {DEFAULT_PACKAGE}))"
        ),
        "suspended_by" => "(SELECT id FROM accounts WHERE id = (?3 ->> 'suspended_by'))".to_owned(),
        column => format!("?3 ->> '{column}'"),
    };
    let values: Vec<_> = COLUMNS.iter().map(|column| value(column)).collect();
    let statement = format!("INSERT INTO accounts (id, {}) SELECT ?2, {}", COLUMNS.join(", "), values.join(", "));
    edit.run(&statement, &[owner.into(), from.into(), was.to_string().into()]).map_err(taken)?;
    Ok(())
}

/// Counts anew what the two own.
fn recount(edit: &Edit, owner: AccountId, from: AccountId, into: AccountId) -> Result<()> {
    edit.run(
        "UPDATE accounts SET descendants = iif(id = ?1, 0, descendants)
              + iif(id = ?1, 1, -1) * (SELECT coalesce(sum(1 + o.descendants), 0) FROM accounts o WHERE o.owner_id = ?1)
          WHERE id IN (?1, ?2)",
        &[from.into(), into.into()],
    )?;
    hierarchy::count(edit, owner, 1)
}

/// Whom connectors have bound to the account of an expression since it was joined, or bind it now, and did not bind to it before.
macro_rules! bound_since {
    ($account:literal) => {
        concat!(
            "SELECT DISTINCT b.account_id, i.person_id FROM user_bindings b
               JOIN person_identities i ON i.connector_id = b.connector_id AND i.external_id = b.external_id
              WHERE b.account_id = ",
            $account,
            " AND NOT EXISTS (SELECT 1 FROM joined_rows r WHERE r.joined_id = b.account_id AND r.kind = 'bindings'
                     AND r.row ->> 'connector' = b.connector_id AND r.row ->> 'externalId' = b.external_id)"
        )
    };
}

/// Whom the connectors of the account have bound since the join belongs to it; and to the other one no more, unless others bind them
/// there.
async fn hold_what_is_bound(edit: &Edit, from: AccountId, into: AccountId) -> Result<()> {
    let grant = Grant {
        door: Door::Portal,
        roles: &[Role::User],
        rank: Some(Role::Manage),
        status: Status::Active,
        known_as: None,
        known_by: None,
    };
    let bound = Sql { text: bound_since!("?").to_owned(), parameters: vec![from.into()] };
    members::grant_from(edit, bound, grant).await?;
    let statement = concat!(
        "DELETE FROM grants WHERE account_id = ?2 AND door = 'portal' AND person_id IN (SELECT person_id FROM (",
        bound_since!("?1"),
        ")) AND NOT EXISTS (
                SELECT 1 FROM person_identities i
                  JOIN user_bindings b ON b.connector_id = i.connector_id AND b.external_id = i.external_id
                 WHERE i.person_id = grants.person_id AND b.account_id = ?2)
          RETURNING person_id"
    );
    let gone = edit.batch(statement, vec![from.into(), into.into()]).await?;
    let gone = gone.into_iter().map(|mut row| Ok((row.take("person_id")?, into)));
    members::end_ungranted(edit, &gone.collect::<Result<Vec<(PersonId, AccountId)>>>()?).await
}
