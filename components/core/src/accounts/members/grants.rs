//! What the doors give and take: grants, and the memberships that are made for them.

use serde_json::json;

use super::blocks::is_shut_out;
use super::standing::Status;
use crate::error::Result;
use crate::store::Edit;
use crate::store::sql::{Sql, rows};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::{self, Role};
use crate::values::time::Time;

/// How a grant came: each door takes away its own, and no other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Whoever made the account.
    Founder,
    /// People, by hand: an invitation, an addition, a change (the accounts API).
    Accounts,
    /// A binding of a connector (the portal).
    Portal,
    /// An active record (the endpoint API).
    Endpoint,
    /// The address that the account above keeps for the account (the administration API).
    Administration,
}

impl Door {
    /// As the store writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Founder => "founder",
            Self::Accounts => "accounts",
            Self::Portal => "portal",
            Self::Endpoint => "endpoint",
            Self::Administration => "administration",
        }
    }
}

/// What is given.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// How it comes.
    pub door: Door,
    /// The roles.
    pub roles: &'a [Role],
    /// What whoever gives it holds in the account.
    pub rank: Option<Role>,
    /// How a membership that is made for it begins.
    pub status: Status,
    /// By which id the account knows the person until it enters: one that was told already. If there is none a membership
    /// gets an id of its own, that is nobody's, so that nobody learns of a person what the person has not told.
    pub known_as: Option<PersonId>,
    /// The key of the address that is given it, if it is given to one.
    pub known_by: Option<&'a str>,
}

/// Ids of memberships begin here, above those of people: 2 to the power of 52, so that all are exact as numbers of JSON.
pub(super) const FIRST_OF_MEMBERSHIPS: i64 = 1 << 52;
/// How many there are. They are drawn: who is asked into an account does not tell how many are asked elsewhere.
pub(super) const IDS_OF_MEMBERSHIPS: i64 = 1 << 51;

/// Grants roles in what `source` selects: `account_id` and `person_id`. Who is blocked there stays so, and whom people have
/// given roles by hand keeps those. Returns those who got something.
pub(crate) async fn grant_from(edit: &Edit, source: Sql, grant: Grant<'_>) -> Result<Vec<(PersonId, AccountId)>> {
    let now = Time::now();
    let mut sql = Sql {
        text: "INSERT INTO memberships (account_id, person_id, known_as, known_by, status, entered_at, created_at, updated_at)
                SELECT account_id, person_id, coalesce(?, iif(?, person_id, ? + (random() & ?))), ?, ?, ?, ?, ?
                  FROM (SELECT DISTINCT account_id, person_id FROM ("
            .to_owned(),
        parameters: vec![
            grant.known_as.into(),
            i64::from(grant.door == Door::Founder).into(),
            FIRST_OF_MEMBERSHIPS.into(),
            (IDS_OF_MEMBERSHIPS - 1).into(),
            grant.known_by.into(),
            grant.status.name().into(),
            Some(now).filter(|_| grant.door == Door::Founder).into(),
            now.into(),
            now.into(),
        ],
    };
    sql.append(source);
    // Nor is anything given to an address by which the account has shut somebody out. Who has this door's grant already is not told.
    sql.push(concat!(
        ")) AS given WHERE NOT ",
        is_shut_out!("given.account_id", "given.person_id"),
        " ON CONFLICT DO UPDATE SET known_by = coalesce(known_by, excluded.known_by)
            WHERE status IN ('invited', 'awaiting', 'active') AND NOT EXISTS (
                  SELECT 1 FROM grants g WHERE g.account_id = memberships.account_id
                     AND g.person_id = memberships.person_id AND g.door IN ('founder', 'accounts', ",
    ));
    sql.bind(grant.door.name());
    sql.push(")) RETURNING person_id, account_id");
    let granted = edit.batch(&sql.text, sql.parameters).await?;
    let granted = granted.into_iter().map(|mut row| Ok((row.take("person_id")?, row.take("account_id")?)));
    let granted = granted.collect::<Result<Vec<(PersonId, AccountId)>>>()?;
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
    let roles = &[Role::Owner, Role::Admin];
    let founder = Grant {
        door: Door::Founder,
        roles,
        rank: Some(Role::Owner),
        status: Status::Active,
        known_as: None,
        known_by: None,
    };
    grant(edit, account_id, person_id, founder).await.map(drop)
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
