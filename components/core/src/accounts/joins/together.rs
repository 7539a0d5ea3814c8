//! What stands against joining two accounts, and how the one is joined into the other.

use serde_json::json;

use super::{as_json, find, settle_below};
use crate::accounts::members::joined;
use crate::accounts::sources::{Field, Words};
use crate::accounts::{hierarchy, suspension};
use crate::auth::caller::Caller;
use crate::error::{Conflict, Error, Faults, Result};
use crate::store::sql::named;
use crate::store::{Edit, Value};
use crate::values::id::AccountId;
use crate::values::time::Time;

/// Joins accounts into one of the same owner, one after the other. What was joined into it already stays so.
///
/// # Errors
///
/// [`Error::NotFound`] for an account that the caller may not see; [`Error::Forbidden`] without the role owner in the account above, and
/// for a connector; [`Error::Invalid`] for others that are none of the same owner; [`Error::Conflict`] with what stands against it:
/// [`Conflict::NoCommonOwner`], [`Conflict::Unproved`], [`Conflict::HasConnectors`], [`Conflict::Colliding`],
/// [`Conflict::NoReseller`], or [`Conflict::LastOwner`] where a block of the one shuts out the only owner of the other.
pub async fn join(edit: &Edit, caller: &Caller, into: AccountId, others: &[AccountId]) -> Result<()> {
    let owner = hierarchy::require_owner_above(edit, caller, into)?;
    for from in others {
        if find(edit.connection(), *from)? == Some(into) {
            continue;
        }
        let is_other = "SELECT 1 FROM accounts WHERE id = ?1 AND owner_id = ?2 AND id <> ?3";
        if edit.run_first(is_other, &[(*from).into(), owner.into(), into.into()])?.is_none() {
            return Err(Error::Invalid(Faults::of("accounts", "must be other accounts of the same owner")));
        }
        refuse(edit, *from, into)?;
        join_one(edit, owner, *from, into).await?;
    }
    Ok(())
}

/// Whether an owner has entered the account of an expression and is not blocked, as a condition over the grants `$g` and memberships `$m`.
macro_rules! entered_owners {
    ($account:literal) => {
        concat!(
            "SELECT m.person_id FROM memberships m
               JOIN grants g ON g.account_id = m.account_id AND g.person_id = m.person_id AND g.role = 'owner'
              WHERE m.account_id = ",
            $account,
            " AND m.status = 'active' AND m.entered_at IS NOT NULL"
        )
    };
}

/// The registration ids that lead to accounts of the account of an expression, as a query.
macro_rules! registered {
    ($owner:literal) => {
        concat!(
            "SELECT registration_id AS id FROM accounts WHERE owner_id = ",
            $owner,
            " UNION SELECT people_registration_id FROM accounts WHERE owner_id = ",
            $owner,
            " UNION SELECT above_registration_id FROM accounts WHERE owner_id = ",
            $owner,
            " UNION SELECT i.registration_id FROM accounts a JOIN account_identities i ON i.account_id = a.id WHERE a.owner_id = ",
            $owner,
            " UNION SELECT r.registration_id FROM accounts a JOIN joined_accounts j ON j.account_id = a.id
                JOIN joined_registration_ids r ON r.joined_id = j.id WHERE a.owner_id = ",
            $owner
        )
    };
}

/// Refuses to join an account into another one where that would give somebody what others have to give, or where one account cannot
/// have what both have.
fn refuse(edit: &Edit, from: AccountId, into: AccountId) -> Result<()> {
    let mut row = edit.run_one(
        concat!(
            "SELECT EXISTS (",
            entered_owners!("?1"),
            ") AS from_owned, EXISTS (",
            entered_owners!("?2"),
            ") AS into_owned, EXISTS (",
            entered_owners!("?1"),
            " INTERSECT ",
            entered_owners!("?2"),
            ") AS owned_in_common,
             EXISTS (SELECT 1 FROM usernames WHERE account_id IN (?1, ?2) AND kind = 'claim') AS is_claimed,
             EXISTS (SELECT 1 FROM usernames n JOIN usernames o ON o.account_id = ?2 AND o.key = n.key WHERE n.account_id = ?1) AS collides,
             EXISTS (SELECT 1 FROM connectors WHERE account_id = ?1 AND status <> 'inactive') AS connects,
             f.descendants > 0 AS from_owns, t.descendants > 0 AS into_owns, t.type = 'reseller' AS may_own
               FROM accounts f, accounts t WHERE f.id = ?1 AND t.id = ?2"
        ),
        &[from.into(), into.into()],
    )?;
    let mut is = |column: &str| row.take::<bool>(column);
    let (from_owns, into_owned) = (is("from_owns")?, is("into_owned")?);
    let conflict = if into_owned && is("from_owned")? && !is("owned_in_common")? {
        Conflict::NoCommonOwner
    } else if is("is_claimed")? {
        Conflict::Unproved
    } else if into_owned && is("connects")? {
        Conflict::HasConnectors
    } else if is("collides")? || from_owns && is("into_owns")? && collide_below(edit, from, into)? {
        Conflict::Colliding
    } else if from_owns && !is("may_own")? {
        Conflict::NoReseller
    } else {
        return Ok(());
    };
    Err(Error::Conflict(conflict))
}

/// Whether one registration id leads to an account of each of the two.
fn collide_below(edit: &Edit, from: AccountId, into: AccountId) -> Result<bool> {
    let statement = concat!(
        "SELECT 1 FROM (",
        registered!("?1"),
        ") f JOIN (",
        registered!("?2"),
        ") t ON t.id = f.id WHERE f.id IS NOT NULL LIMIT 1"
    );
    Ok(edit.run_first(statement, &[from.into(), into.into()])?.is_some())
}

/// What is kept of the account `?1` that is joined into `?2`: a kind of rows, and a query for them as JSON objects.
const KEPT: [(&str, &str); 12] = [
    ("identities", "SELECT json_object('connector', connector_id, 'externalId', external_id) FROM account_identities WHERE account_id = ?1"),
    (
        "bindings",
        "SELECT json_object('connector', b.connector_id, 'externalId', b.external_id, 'createdAt', b.created_at, 'there', EXISTS (
                SELECT 1 FROM user_bindings o WHERE o.account_id = ?2 AND o.connector_id = b.connector_id AND o.external_id = b.external_id))
           FROM user_bindings b WHERE b.account_id = ?1",
    ),
    ("connectors", "SELECT json_object('id', id) FROM connectors WHERE account_id = ?1"),
    ("records", "SELECT json_object('id', id) FROM records WHERE account_id = ?1"),
    ("usernames", "SELECT json_object('key', key) FROM usernames WHERE account_id = ?1"),
    ("accounts", "SELECT json_object('id', id) FROM accounts WHERE owner_id = ?1"),
    ("suspended", "SELECT json_object('id', id) FROM accounts WHERE suspended_by = ?1"),
    ("packages", "SELECT json_object('id', id, 'isDefault', is_default) FROM packages WHERE owner_id = ?1"),
    ("removals", "SELECT json_object('id', id) FROM removals WHERE owner_id = ?1"),
    ("links", "SELECT json_object('digest', hex(digest)) FROM links WHERE account_id = ?1"),
    (
        "former",
        "SELECT json_object('registrationId', f.registration_id, 'there', EXISTS (
                SELECT 1 FROM former_registration_ids o WHERE o.account_id = ?2 AND o.registration_id = f.registration_id))
           FROM former_registration_ids f WHERE f.account_id = ?1",
    ),
    (
        "different",
        "SELECT json_object('other', d.other, 'there', EXISTS (
                SELECT 1 FROM different_accounts o WHERE o.account_id = min(?2, d.other) AND o.other_id = max(?2, d.other)))
           FROM (SELECT other_id AS other FROM different_accounts WHERE account_id = ?1
                 UNION ALL SELECT account_id FROM different_accounts WHERE other_id = ?1) d",
    ),
];

/// Moves what is of the account `?1` to `?2`.
const MOVED: [&str; 11] = [
    // Of what a connector says nothing is left out from now on: another value may be shown.
    "UPDATE account_identities AS i SET name = coalesce(i.name, a.name), registration_id = coalesce(i.registration_id, a.registration_id),
            account_id = ?2 FROM accounts a WHERE a.id = ?1 AND i.account_id = ?1",
    "UPDATE OR IGNORE user_bindings SET account_id = ?2 WHERE account_id = ?1",
    "UPDATE connectors SET account_id = ?2 WHERE account_id = ?1",
    "UPDATE records SET account_id = ?2 WHERE account_id = ?1",
    "UPDATE usernames SET account_id = ?2 WHERE account_id = ?1",
    "UPDATE packages SET is_default = is_default AND NOT EXISTS (
            SELECT 1 FROM packages d WHERE d.owner_id = ?2 AND d.is_default = 1), owner_id = ?2 WHERE owner_id = ?1",
    "UPDATE accounts SET suspended_by = ?2 WHERE suspended_by = ?1",
    "INSERT INTO different_accounts (account_id, other_id)
     SELECT min(?2, r.row ->> 'other'), max(?2, r.row ->> 'other') FROM joined_rows r
      WHERE r.joined_id = ?1 AND r.kind = 'different' AND r.row ->> 'other' <> ?2 ON CONFLICT DO NOTHING",
    // The row of the one goes with it.
    "INSERT INTO former_registration_ids (registration_id, account_id)
     SELECT registration_id, ?2 FROM former_registration_ids WHERE account_id = ?1 ON CONFLICT DO NOTHING",
    "UPDATE removals SET owner_id = ?2 WHERE owner_id = ?1",
    "UPDATE accounts SET owner_id = ?2 WHERE owner_id = ?1",
];

async fn join_one(edit: &Edit, owner: AccountId, from: AccountId, into: AccountId) -> Result<()> {
    let here: [Value; 2] = [from.into(), into.into()];
    let have_owners = joined::Owned::now(edit, from, into)?;
    edit.run(
        "INSERT INTO joined_accounts (id, account_key, subdomain, account_id, into_id, joined_at)
         SELECT id, account_key, subdomain, ?2, ?2, ?3 FROM accounts WHERE id = ?1",
        &[from.into(), into.into(), Time::now().into()],
    )?;
    edit.run("UPDATE joined_accounts SET account_id = ?2 WHERE account_id = ?1", &here)?;
    edit.run(
        "INSERT INTO joined_registration_ids (registration_id, joined_id)
         SELECT id, ?1 FROM (SELECT registration_id AS id FROM accounts WHERE id = ?1
                       UNION SELECT people_registration_id FROM accounts WHERE id = ?1
                       UNION SELECT above_registration_id FROM accounts WHERE id = ?1
                       UNION SELECT registration_id FROM account_identities WHERE account_id = ?1) WHERE id IS NOT NULL",
        &here[..1],
    )?;
    for (kind, query) in KEPT {
        let statement = format!(
            "WITH kept(row) AS ({query}) INSERT INTO joined_rows (joined_id, kind, row) SELECT ?1, '{kind}', row FROM kept"
        );
        edit.batch(&statement, named(&statement, &here)).await?;
    }
    let ordered = keep_accounts(edit, from, into, have_owners)?;
    for statement in MOVED {
        edit.batch(statement, here.to_vec()).await.map_err(collides)?;
    }
    joined::join(edit, from, into).await?;
    succeed(edit, owner, from, into).await?;
    if ordered {
        settle_below(edit, into).await?;
    }
    let detail = json!({ "account": owner, "into": into });
    edit.record("joined", "accounts", &[(from, detail)]).await?;
    edit.record("joined", "accounts", &[(into, json!({ "joined": from }))]).await
}

/// What it means that one account cannot have what both have.
fn collides(error: Error) -> Error {
    match error {
        Error::Duplicate { .. } => Error::Conflict(Conflict::Colliding),
        other => other,
    }
}

/// Keeps both accounts as they are, and the order in which sources count about what the one owns. Where the other owns nothing and has
/// no order, it gets that; whether either has one.
fn keep_accounts(edit: &Edit, from: AccountId, into: AccountId, owned: joined::Owned) -> Result<bool> {
    let statement = format!(
        "INSERT INTO joined_rows (joined_id, kind, row)
         SELECT ?1, iif(a.id = ?1, 'account', 'stays'), json_set({}, '$.owned', iif(a.id = ?1, ?3, ?4)) FROM accounts a WHERE a.id IN (?1, ?2)",
        as_json()
    );
    let owned = [i64::from(owned.from).into(), i64::from(owned.into).into()];
    let here = [from.into(), into.into()];
    edit.run(&statement, &[&here[..], &owned[..]].concat())?;
    let mut row = edit.run_one(
        "SELECT EXISTS (SELECT 1 FROM precedences WHERE owner_id = ?1) AS has, EXISTS (SELECT 1 FROM precedences WHERE owner_id = ?2)
                AS has_other, (SELECT descendants FROM accounts WHERE id = ?2) AS descendants",
        &here,
    )?;
    let (has, has_other): (bool, bool) = (row.take("has")?, row.take("has_other")?);
    edit.run(
        "INSERT INTO joined_rows (joined_id, kind, row)
         SELECT owner_id, 'precedences', json_object('field', field, 'position', position, 'source', source, 'connector', connector_id)
           FROM precedences WHERE owner_id = ?",
        &here[..1],
    )?;
    if has && !has_other && row.take::<i64>("descendants")? == 0 {
        edit.run("UPDATE precedences SET owner_id = ?2 WHERE owner_id = ?1", &here)?;
        edit.run("INSERT INTO joined_rows (joined_id, kind, row) VALUES (?1, 'ordered', '{}')", &here[..1])?;
    }
    Ok(has || has_other)
}

/// Ends the account that was joined, once nothing is of it any more, and gives the other one what it said and how it stood.
async fn succeed(edit: &Edit, owner: AccountId, from: AccountId, into: AccountId) -> Result<()> {
    let statement = "SELECT row FROM joined_rows WHERE joined_id = ? AND kind = 'account'";
    let was: String = edit.run_one(statement, &[from.into()])?.take("row")?;
    edit.batch("DELETE FROM accounts WHERE id = ?", vec![from.into()]).await?;
    hierarchy::count(edit, owner, -1)?;
    let mut row = edit.run_one(
        "UPDATE accounts SET descendants = descendants + (?2 ->> 'descendants'), datashare = datashare AND (?2 ->> 'datashare'),
                people_name = coalesce(people_name, ?2 ->> 'people_name'), above_name = coalesce(above_name, ?2 ->> 'above_name'),
                people_registration_id = coalesce(people_registration_id, ?2 ->> 'people_registration_id'),
                above_registration_id = coalesce(above_registration_id, ?2 ->> 'above_registration_id'),
                version = version + 1, updated_at = ?3
          WHERE id = ?1
         RETURNING (?2 ->> 'status') = 'inactive' AS was_suspended,
                   iif(?2 ->> 'suspended_from_above', coalesce(?2 ->> 'suspended_by', owner_id), NULL) AS suspended_by",
        &[into.into(), was.as_str().into(), Time::this_second().into()],
    )?;
    // A suspension of either stays one.
    if row.take("was_suspended")? {
        let by: Option<AccountId> = row.take("suspended_by")?;
        edit.run(
            "UPDATE accounts SET status = 'inactive', suspended_from_above = max(suspended_from_above, ?2) WHERE id = ?1",
            &[into.into(), i64::from(by.is_some()).into()],
        )?;
        if let Some(by) = by {
            suspension::suspended(edit, into, by)?;
        }
        edit.run("UPDATE joined_accounts SET suspends = 1 WHERE id = ?1", &[from.into()])?;
    }
    Words::of(edit, &[into], &Field::ALL).await?.settle(edit).await?;
    // A name that was kept apart from others goes on being so.
    edit.run(
        "UPDATE accounts SET name_reserved = 1 WHERE id = ?1 AND (?2 ->> 'name_reserved') = 1 AND name_key = (?2 ->> 'name_key')
            AND people_name = name
            AND (SELECT r.row ->> 'people_name' FROM joined_rows r WHERE r.joined_id = ?3 AND r.kind = 'stays') IS NULL AND NOT EXISTS (SELECT 1 FROM accounts o WHERE o.name_key = accounts.name_key AND o.name_reserved = 1)",
        &[into.into(), was.as_str().into(), from.into()],
    )?;
    Ok(())
}
