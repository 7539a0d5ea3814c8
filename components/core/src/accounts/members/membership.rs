//! The table of memberships: every statement that adds to it, but for the steps that come with what is given ([`super::grants`]). A
//! membership has an id by which the account knows somebody who has
//! not entered, and the address that it was made for.

use super::standing::Status;
use crate::error::Result;
use crate::store::sql::Sql;
use crate::store::{Edit, Transaction};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;
use crate::values::time::Time;

/// How a grant came: each door takes away its own, and no other's. What whoever made the account holds came with the account, by the
/// door `founder`: see [`super::grants::found`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
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

/// Whether an account, which an expression gives, has shut out somebody else by an address that the person of another expression
/// has now. Who stands in the account already is not asked. The join is told in its order, and its index: left to choose, SQLite
/// goes through all members of the account.
macro_rules! is_shut_out {
    ($account:literal, $person:literal) => {
        concat!(
            "(NOT EXISTS (SELECT 1 FROM memberships o WHERE o.account_id = ",
            $account,
            " AND o.person_id = ",
            $person,
            ") AND EXISTS (SELECT 1 FROM addresses d
                CROSS JOIN memberships b INDEXED BY memberships_known_by ON b.account_id = ",
            $account,
            " AND b.known_by = d.key AND b.person_id <> ",
            $person,
            " AND (b.status IN ('inactive', 'removed') OR b.blocked_by IS NOT NULL)
                WHERE d.person_id = ",
            $person,
            " AND d.retired_at IS NULL OR d.next_id = ",
            $person,
            "))"
        )
    };
}

pub(crate) use is_shut_out;

/// Makes memberships of what `source` selects, `account_id` and `person_id`, for what is granted there. Returns those who have not
/// got that from this door yet, see [`super::grants::grant_from`].
pub(super) async fn insert_given(edit: &Edit, source: Sql, grant: Grant<'_>) -> Result<Vec<(PersonId, AccountId)>> {
    let now = Time::now();
    let mut sql = Sql {
        text: "INSERT INTO memberships (account_id, person_id, known_as, known_by, status, entered_at, created_at, updated_at)
                SELECT account_id, person_id, coalesce(?, ? + (random() & ?)), ?, ?, NULL, ?, ?
                  FROM (SELECT DISTINCT account_id, person_id FROM ("
            .to_owned(),
        parameters: vec![
            grant.known_as.into(),
            FIRST_OF_MEMBERSHIPS.into(),
            (IDS_OF_MEMBERSHIPS - 1).into(),
            grant.known_by.into(),
            grant.status.name().into(),
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
    granted.collect()
}

/// Makes the membership of somebody who has nothing to do with the account yet, and is shut out.
pub(super) fn insert_shut_out(
    edit: &Edit,
    account_id: AccountId,
    person_id: PersonId,
    known_by: Option<&str>,
) -> Result<()> {
    edit.run(
        "INSERT INTO memberships (account_id, person_id, known_as, known_by, status, blocked_by, created_at, updated_at)
         VALUES (?1, ?2, ?5 + (random() & ?6), ?7, 'inactive', ?3, ?4, ?4)",
        &[
            account_id.into(),
            person_id.into(),
            edit.author.api.into(),
            Time::now().into(),
            FIRST_OF_MEMBERSHIPS.into(),
            (IDS_OF_MEMBERSHIPS - 1).into(),
            known_by.into(),
        ],
    )?;
    Ok(())
}

/// Makes what `from` has in accounts that of `to`; where both have something, a block wins.
pub(super) fn insert_moved(transaction: &Transaction, from: PersonId, to: PersonId) -> Result<()> {
    transaction.run(
        "INSERT INTO memberships (account_id, person_id, known_as, known_by, status, entered_at, blocked_rank, blocked_by,
                                  created_at, updated_at, first_name, last_name)
         SELECT account_id, ?2, -known_as, known_by, status, entered_at, blocked_rank, blocked_by, created_at, updated_at,
                first_name, last_name
           FROM memberships
          WHERE person_id = ?1
             ON CONFLICT DO UPDATE SET status = excluded.status, blocked_rank = excluded.blocked_rank,
                    blocked_by = excluded.blocked_by
              WHERE excluded.status IN ('inactive', 'removed', 'refused') AND entered_at IS NULL
                AND status IN ('invited', 'awaiting', 'active')",
        &[from.into(), to.into()],
    )?;
    // What the account called the one it calls the other, where it has said nothing of that.
    transaction.run(
        "UPDATE memberships AS t SET first_name = coalesce(t.first_name, m.first_name), last_name = coalesce(t.last_name, m.last_name)
           FROM memberships m WHERE m.person_id = ?1 AND t.person_id = ?2 AND t.account_id = m.account_id
            AND (t.first_name IS NULL AND m.first_name IS NOT NULL OR t.last_name IS NULL AND m.last_name IS NOT NULL)",
        &[from.into(), to.into()],
    )?;
    Ok(())
}
