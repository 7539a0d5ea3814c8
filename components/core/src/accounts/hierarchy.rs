//! The hierarchy of accounts: who owns whom, and the roles that follow from it.
//!
//! Roles are read from the store at each request, never from the token: taking one away works at once. A role that
//! manages counts in every account that the account of the membership owns, directly or through others, so that a
//! reseller's people manage its customers. The other roles, which only look, count there as long as the accounts on the
//! way share their data with their owners (the administration API's `datashare`); what a record gives counts in its own
//! account only. Siblings do not see each other. A
//! connector's scopes count in its account and in all that this owns.
//!
//! A person whose token a connector asked for has roles where that connector's account has any: in it and in all that it
//! owns, and nowhere else, whatever the person holds elsewhere.
//!
//! A suspended account does nothing, and what hangs below it neither: roles that are held there count nowhere. Who holds
//! roles above it still manages it.
//!
//! SQL says the rule twice: [`ROLES`] climbs from one account to its owners, [`VISIBLE`] comes down to all accounts.

use crate::accounts::role::Roles;
use crate::auth::caller::{Caller, CallingPerson};
use crate::error::{Error, Result, Thing};
use crate::store::climb::{climb, live};
use crate::store::{Connection, Transaction, Value};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;

/// The roles that manage, as a list of SQL.
macro_rules! managing {
    () => {
        "('owner', 'admin', 'manage')"
    };
}

/// The roles of a caller in the account `a`, as an expression, in which `$which` memberships count.
macro_rules! roles_by {
    ($which:expr) => {
        concat!(
            "(WITH RECURSIVE ",
            $crate::store::climb::climb!("a.id"),
            " SELECT CASE WHEN ?2 IS NULL OR max(chain.id = ?2) THEN group_concat(coalesce(r.role, 'connector'), ' ')
                     FILTER (WHERE ?1 IS NULL AND chain.id = ?2
                                OR r.role IS NOT NULL AND (chain.depth = 0 OR chain.shared AND r.door <> 'endpoint' OR r.role IN ",
            $crate::accounts::hierarchy::managing!(),
            ")) END FROM chain
               LEFT JOIN memberships m ON m.account_id = chain.id AND m.person_id = ?1 AND m.status = 'active'
               LEFT JOIN grants r ON r.account_id = m.account_id AND r.person_id = m.person_id AND ",
            $which,
            ")"
        )
    };
}

/// The roles of a caller in the account `a`, as an expression: role names with a space between them, null if the caller
/// has none there. The caller is `?1` and `?2`, see [`parameters`]. Every request asks this.
pub(crate) const ROLES: &str = roles_of_caller!();

/// As [`ROLES`], of somebody who is about to lift a suspension of the account's own: roles in the account itself count.
pub(crate) const ROLES_TO_RESUME: &str = roles_by!("true");

/// Whether a person who calls manages the account `a`, as a condition: by a role, and not by a scope.
macro_rules! is_managed {
    () => {
        concat!(
            "EXISTS (SELECT 1 FROM (SELECT ",
            $crate::accounts::hierarchy::roles_of_caller!(),
            " AS names) held WHERE held.names LIKE '%owner%' OR held.names LIKE '%admin%' OR held.names LIKE '%manage%')"
        )
    };
}

/// [`ROLES`], to be a part of another constant.
macro_rules! roles_of_caller {
    () => {
        $crate::accounts::hierarchy::roles_by!($crate::store::climb::live!("m.account_id"))
    };
}

pub(crate) use {is_managed, managing, roles_by, roles_of_caller};

/// Where a caller's roles are held, as a table expression: `held(id, manages, looks)`, where `looks` is whether one of them is
/// seen further by: what a record gives counts in its own account only.
macro_rules! held {
    () => {
        concat!(
            "held(id, manages, looks) AS (
                 SELECT m.account_id, max(r.role IN ",
            managing!(),
            "), max(r.door <> 'endpoint') FROM memberships m
                   JOIN grants r ON r.account_id = m.account_id AND r.person_id = m.person_id
                  WHERE m.person_id = ?1 AND m.status = 'active' AND ",
            live!("m.account_id"),
            " GROUP BY m.account_id
                 UNION ALL SELECT id, 1, 1 FROM accounts WHERE id = ?2 AND ?1 IS NULL)"
        )
    };
}

/// The accounts that a caller has a role in, as the beginning of a statement: `visible(id, manages)`. The caller is `?1`
/// and `?2`. [`IN_VISIBLE`] asks for one of them.
pub(crate) const VISIBLE: &str = concat!(
    "WITH RECURSIVE ",
    held!(),
    ", visible(id, manages, looks) AS (
         SELECT id, manages, looks FROM held
         UNION ALL SELECT o.id, 1, 1 FROM visible JOIN accounts o ON o.owner_id = visible.id WHERE visible.manages
         UNION ALL SELECT o.id, 0, 1 FROM visible JOIN accounts o ON o.owner_id = visible.id AND o.datashare = 1
          WHERE NOT visible.manages AND visible.looks) "
);

/// Whether the account `a` is among those of [`VISIBLE`], as a condition; of a person whose token a connector asked for also
/// whether that connector's account owns it.
pub(crate) const IN_VISIBLE: &str = concat!(
    "a.id IN (SELECT id FROM visible) AND (?1 IS NULL OR ?2 IS NULL OR EXISTS (
     WITH RECURSIVE ",
    climb!("a.id"),
    " SELECT 1 FROM chain WHERE chain.id = ?2))"
);

/// How many accounts a caller has a role in, and whether these are all that there are. Of accounts held one above the other the topmost
/// counts: what an account above counts already, by a role that manages, is left out. What a role that looks sees is counted one
/// by one. Most callers have one account, which they manage: it is the `root`, and knows how many it owns.
const REACH: &str = concat!(
    "WITH RECURSIVE ",
    held!(),
    ", looked_at(id, looks) AS (
         SELECT id, looks FROM held WHERE NOT manages
         UNION SELECT o.id, 1 FROM looked_at JOIN accounts o ON o.owner_id = looked_at.id AND o.datashare = 1
          WHERE looked_at.looks),
     counted(id, accounts, manages) AS (
         SELECT a.id, 1 + a.descendants, 1 FROM held JOIN accounts a ON a.id = held.id WHERE held.manages
         UNION ALL SELECT DISTINCT id, 1, 0 FROM looked_at),
     found(everything, root, owned) AS (
         SELECT max(iif(a.owner_id IS NULL AND held.manages, 1 + a.descendants, NULL)),
                iif(count(*) = 1 AND max(held.manages), max(a.id), NULL), max(1 + a.descendants)
           FROM held JOIN accounts a ON a.id = held.id)
     SELECT everything IS NOT NULL AS everything, iif(everything IS NULL, root, NULL) AS root,
            CASE WHEN everything IS NOT NULL THEN everything WHEN root IS NOT NULL THEN owned ELSE (
                SELECT coalesce(sum(counted.accounts), 0) FROM counted
                 WHERE NOT EXISTS (
                       WITH RECURSIVE ",
    climb!("counted.id"),
    " SELECT 1 FROM chain JOIN held ON held.id = chain.id AND held.manages
       WHERE chain.depth > 0 OR NOT counted.manages)) END AS accounts
       FROM found"
);

/// How many accounts a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// How many.
    pub accounts: i64,
    /// Whether those are all that there are.
    pub everything: bool,
    /// The account that they are owned by, if that is the only one that the caller has a role in, and manages.
    pub root: Option<AccountId>,
}

/// Counts the accounts that a caller has a role in, from what each account knows of how many it owns. Only those that a
/// role that looks sees by `datashare` are counted one by one.
pub(crate) fn reach(connection: &Connection, caller: &Caller) -> Result<Reach> {
    if let Caller::Person(CallingPerson { within: Some(_), .. }) = caller {
        let statement = format!("{VISIBLE} SELECT count(*) AS accounts FROM accounts a WHERE {IN_VISIBLE}");
        let accounts = connection.query_one(&statement, &parameters(caller))?.take("accounts")?;
        return Ok(Reach { accounts, everything: false, root: None });
    }
    let mut row = connection.query_one(REACH, &parameters(caller))?;
    Ok(Reach { accounts: row.take("accounts")?, everything: row.take("everything")?, root: row.take("root")? })
}

/// Whether the person `?1` belongs to the account `a`, as a condition: by an active membership there, or in an account
/// that owns it through accounts that share their data; and the account is not suspended. Such a person may sign in to it.
pub(crate) const BELONGS: &str = concat!(
    live!("a.id"),
    " AND EXISTS (
     WITH RECURSIVE ",
    climb!("a.id"),
    " SELECT 1 FROM chain
       JOIN memberships m ON m.account_id = chain.id AND m.person_id = ?1 AND m.status = 'active'
      WHERE chain.depth = 0 OR chain.shared AND EXISTS (
            SELECT 1 FROM grants g WHERE g.account_id = m.account_id AND g.person_id = m.person_id AND g.door <> 'endpoint'))"
);

/// Whether a person belongs to an account, see [`BELONGS`].
pub(crate) fn belongs(connection: &Connection, person: PersonId, account: AccountId) -> Result<bool> {
    let statement = format!("SELECT 1 FROM accounts a WHERE a.id = ?2 AND {BELONGS}");
    Ok(connection.query_first(&statement, &[person.into(), account.into()])?.is_some())
}

/// As [`belongs`], to an account that `owner` is or owns.
pub(crate) fn belongs_below(
    connection: &Connection,
    person: PersonId,
    account: AccountId,
    owner: AccountId,
) -> Result<bool> {
    let statement = format!(
        concat!(
            "SELECT 1 FROM accounts a WHERE a.id = ?2 AND EXISTS (WITH RECURSIVE ",
            climb!("a.id"),
            " SELECT 1 FROM chain WHERE id = ?3) AND {}"
        ),
        BELONGS
    );
    Ok(connection.query_first(&statement, &[person.into(), account.into(), owner.into()])?.is_some())
}

/// Whether the account `a` is not suspended, nor one that owns it, as a condition.
pub(crate) const LIVE: &str = live!("a.id");

/// Whether no account that owns the account `a` is suspended, as a condition.
pub(crate) const OWNER_LIVE: &str = live!("a.owner_id");

/// The caller as the first two parameters of a statement: a person's id, or null for a connector; the account of the
/// connector that calls or that asked for the person's token, or null. With a token with which no role counts it is nobody.
pub(crate) fn parameters(caller: &Caller) -> [Value; 2] {
    match caller {
        Caller::Person(person) if person.most.is_none() => [Value::Null, Value::Null],
        Caller::Person(person) => [person.id.into(), person.within.into()],
        Caller::Connector(connector) => [Value::Null, connector.account_id.into()],
    }
}

/// What the caller may do in an account.
///
/// # Errors
///
/// [`Error::NotFound`] if the caller may not see it, whether or not there is one.
pub fn roles(connection: &Connection, caller: &Caller, account_id: AccountId) -> Result<Roles> {
    let [person, connector] = parameters(caller);
    let statement = format!("SELECT {ROLES} AS roles FROM accounts a WHERE a.id = ?3");
    let row = connection.query_first(&statement, &[person, connector, account_id.into()])?;
    let found = row.map(|mut row| row.take::<Option<String>>("roles")).transpose()?.flatten();
    Roles::of(caller, found.as_deref()).ok_or(Error::NotFound(Thing::Account))
}

/// Whether the caller manages the account.
pub(crate) fn manages(connection: &Connection, caller: &Caller, account_id: AccountId) -> Result<bool> {
    holds_manage(connection, caller, account_id, "?3")
}

/// Whether the caller manages the account that owns this one.
pub(crate) fn manages_above(connection: &Connection, caller: &Caller, account_id: AccountId) -> Result<bool> {
    holds_manage(connection, caller, account_id, "(SELECT owner_id FROM accounts WHERE id = ?3)")
}

/// Whether the caller manages the account of an id, which is an expression over the id `?3`.
fn holds_manage(connection: &Connection, caller: &Caller, account_id: AccountId, id: &str) -> Result<bool> {
    let [person, connector] = parameters(caller);
    let statement = format!("SELECT {ROLES} AS roles FROM accounts a WHERE a.id = {id}");
    let row = connection.query_first(&statement, &[person, connector, account_id.into()])?;
    let found = row.map(|mut row| row.take::<Option<String>>("roles")).transpose()?.flatten();
    Ok(Roles::of(caller, found.as_deref()).is_some_and(|roles| roles.hold(Role::Manage)))
}

/// The account above, of which the caller has to be an owner.
pub(super) fn require_owner_above(
    transaction: &Transaction,
    caller: &Caller,
    account_id: AccountId,
) -> Result<AccountId> {
    const NOT_ABOVE: Error = Error::Forbidden { needs: "the role owner in the account above" };
    roles(transaction.connection(), caller, account_id)?;
    caller.refuse_connector()?;
    let mut row = transaction.run_one("SELECT owner_id FROM accounts WHERE id = ?", &[account_id.into()])?;
    let owner = row.take::<Option<AccountId>>("owner_id")?.ok_or(NOT_ABOVE)?;
    match roles(transaction.connection(), caller, owner) {
        Ok(held) => held.require(Role::Owner)?,
        Err(Error::NotFound(Thing::Account)) => return Err(NOT_ABOVE),
        Err(error) => return Err(error),
    }
    Ok(owner)
}

/// Whether `owner` is the account `of`, or owns it, directly or through others.
pub(crate) fn owns(connection: &Connection, owner: AccountId, of: AccountId) -> Result<bool> {
    let statement =
        concat!("WITH RECURSIVE ", climb!("?1"), " SELECT EXISTS (SELECT 1 FROM chain WHERE id = ?2) AS owns");
    connection.query_one(statement, &[of.into(), owner.into()])?.take("owns")
}

/// Refuses an account that may not own others: one that is no reseller.
///
/// # Errors
///
/// [`Error::Forbidden`].
pub fn require_reseller(connection: &Connection, account_id: AccountId) -> Result<()> {
    let statement = "SELECT 1 FROM accounts WHERE id = ? AND type = 'reseller'";
    match connection.query_first(statement, &[account_id.into()])? {
        Some(_) => Ok(()),
        None => Err(Error::Forbidden { needs: "an account of the type reseller" }),
    }
}

/// Notes that `owner` owns so many accounts more, or fewer: it does, and so do those that own it. To be called once for all
/// accounts of an owner that a transaction makes or deletes.
pub(crate) fn count(transaction: &Transaction, owner: AccountId, more: i64) -> Result<()> {
    let statement = concat!(
        "WITH RECURSIVE ",
        climb!("?1"),
        " UPDATE accounts SET descendants = descendants + ?2 WHERE id IN (SELECT id FROM chain)"
    );
    transaction.run(statement, &[owner.into(), more.into()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use proptest::sample::subsequence;
    use rusqlite::{Connection, Params, Row};

    use super::*;
    use crate::accounts::account::{self, NewAccount};
    use crate::accounts::manage;
    use crate::accounts::members::{self, Door, Grant, Status};
    use crate::entry::first_start::tests::{account, author, first_start, person, signed_in};
    use crate::store::native::run;
    use crate::store::{Edit, migration};
    use crate::values::role::names;
    use crate::values::version::Precondition;

    /// A directory in which one person and one connector have roles. Accounts are numbered from 1, the operator.
    #[derive(Debug)]
    struct Directory {
        size: u32,
        /// Account → its owner, and whether it shares its data with that: all but the operator.
        owned: BTreeMap<u32, (u32, bool)>,
        /// Which accounts are not active.
        inactive: Vec<u32>,
        /// Account → whether the person's membership is active, and its roles.
        memberships: BTreeMap<u32, (bool, Vec<Role>)>,
        /// Where a record has given the role `user`, if the person has it there.
        recorded: Vec<u32>,
        /// The account of the connector.
        connector: u32,
    }

    prop_compose! {
        fn directories()(size in 1..12_u32)(
            size in Just(size),
            owners in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), size as usize - 1),
            inactive in prop::collection::vec(2..=size.max(2), 0..3),
            memberships in prop::collection::btree_map(
                1..=size, (prop::bool::weighted(0.8), subsequence(Role::ALL.to_vec(), 0..=2)), 0..4),
            recorded in prop::collection::vec(1..=size, 0..3),
            connector in 1..=size,
        ) -> Directory {
            // The owner of an account is older than the account.
            let owned = (2..).zip(owners).map(|(account, (owner, shares))| {
                let older: Vec<u32> = (1..account).collect();
                (account, (*owner.get(&older), shares))
            });
            let owned = owned.collect();
            Directory { size, owned, inactive, memberships, recorded, connector }
        }
    }

    impl Directory {
        fn ids(&self) -> impl Iterator<Item = u32> {
            1..=self.size
        }

        /// The account and its owners, each with whether all that are below it on the way share their data.
        fn chain(&self, account: u32) -> Vec<(u32, bool)> {
            let mut chain = vec![(account, true)];
            while let Some((above, shared)) = chain.last().copied()
                && let Some((owner, shares)) = self.owned.get(&above)
            {
                chain.push((*owner, shared && *shares));
            }
            chain
        }

        /// Whether an account works: neither it nor one that owns it is suspended.
        fn is_live(&self, account: u32) -> bool {
            self.chain(account).iter().all(|(above, _)| !self.inactive.contains(above))
        }

        /// Whether a record has given a role in an account: then it counts there only.
        fn is_recorded(&self, account: u32, role: Role) -> bool {
            role == Role::User && self.recorded.contains(&account)
        }

        /// The roles of the person in an account, in the order of their strength.
        fn roles(&self, account: u32) -> Vec<Role> {
            let mut roles = Vec::new();
            for (above, shared) in self.chain(account) {
                if let Some((true, held)) = self.memberships.get(&above)
                    && self.is_live(above)
                {
                    let looks = |role: Role| above == account || shared && !self.is_recorded(above, role);
                    roles.extend(held.iter().filter(|role| **role >= Role::Manage || looks(**role)));
                }
            }
            Role::ALL.into_iter().filter(|role| roles.contains(role)).collect()
        }

        fn store(&self) -> Connection {
            let store = migration::in_memory();
            let execute = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
                store.execute(sql, parameters).expect("the statement runs");
            };
            for account in self.ids() {
                let (owner, shares) = self.owned.get(&account).copied().unzip();
                let status = if self.inactive.contains(&account) { "inactive" } else { "active" };
                let owns = |id: &u32| self.chain(*id).iter().skip(1).any(|(above, _)| *above == account);
                let descendants = number(&self.ids().filter(owns).collect::<Vec<_>>());
                execute(
                    "INSERT INTO accounts (id, owner_id, datashare, status, descendants, account_key, name, name_key,
                                           origin, created_at, updated_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?1, 'A', 'a', 'operator', 0, 0)",
                    &[&account, &owner, &shares.unwrap_or(false), &status, &descendants],
                );
            }
            execute(
                "INSERT INTO people (id, uuid, origin, created_at, updated_at) VALUES (1, 'u', 'portal', 0, 0)",
                &[],
            );
            for (account, (active, roles)) in &self.memberships {
                let status = if *active { "active" } else { "invited" };
                execute(
                    "INSERT INTO memberships (account_id, person_id, known_as, status, created_at, updated_at)
                     VALUES (?, 1, 1, ?, 0, 0)",
                    &[account, &status],
                );
                for role in names(roles) {
                    let is_recorded = Role::parse(role).is_some_and(|role| self.is_recorded(*account, role));
                    let door = if is_recorded { "endpoint" } else { "accounts" };
                    execute(
                        "INSERT INTO grants (account_id, person_id, door, role, given_by, created_at)
                         VALUES (?, 1, ?, ?, 'system', 0)",
                        &[account, &door, &role],
                    );
                }
            }
            store
        }
    }

    fn rows<T>(
        store: &Connection,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Vec<T> {
        let mut statement = store.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        statement.query_map(parameters, read).expect("rows").collect::<Result<_, _>>().expect("values")
    }

    fn number(accounts: &[u32]) -> u32 {
        accounts.len().try_into().expect("few accounts")
    }

    proptest! {
        #[test]
        fn the_climb_and_the_descent_say_the_same(directory in directories()) {
            let store = directory.store();
            let found = format!("SELECT a.id, {ROLES} AS roles FROM accounts a ORDER BY a.id");
            let found = |person: Option<i64>, connector: Option<u32>| {
                let row = |row: &Row<'_>| Ok((row.get("id")?, row.get("roles")?));
                rows::<(u32, Option<String>)>(&store, &found, (person, connector), row)
            };
            let visible = |person: Option<i64>, connector: Option<u32>| {
                let visible = format!("{VISIBLE} SELECT DISTINCT id FROM visible ORDER BY id");
                rows::<u32>(&store, &visible, (person, connector), |row| row.get("id"))
            };
            let counted = |person: Option<i64>, connector: Option<u32>| {
                rows::<u32>(&store, REACH, (person, connector), |row| row.get("accounts"))
            };

            for (account, found) in found(Some(1), None) {
                let found: Vec<_> = found.iter().flat_map(|found| found.split(' ')).map(Role::parse).collect();
                let found = Role::ALL.into_iter().filter(|role| found.contains(&Some(*role))).collect::<Vec<_>>();
                prop_assert_eq!(found, directory.roles(account), "{}", account);
            }
            let seen: Vec<_> = directory.ids().filter(|account| !directory.roles(*account).is_empty()).collect();
            prop_assert_eq!(visible(Some(1), None), seen.clone());
            prop_assert_eq!(counted(Some(1), None), [number(&seen)]);

            let below = |account: &u32| directory.chain(*account).iter().any(|(above, _)| *above == directory.connector);
            let below: Vec<_> = directory.ids().filter(below).collect();
            let found = found(None, Some(directory.connector)).into_iter();
            let found = found.filter_map(|(id, found)| found.map(|found| (id, found)));
            let expected: Vec<_> = below.iter().map(|id| (*id, "connector".to_owned())).collect();
            prop_assert_eq!(found.collect::<Vec<_>>(), expected);
            prop_assert_eq!(visible(None, Some(directory.connector)), below.clone());
            prop_assert_eq!(counted(None, Some(directory.connector)), [number(&below)]);
        }

        #[test]
        fn a_person_belongs_to_what_works_and_shares_its_data_with_an_account_of_the_person(directory in directories()) {
            let store = directory.store();
            let belongs = format!("SELECT a.id FROM accounts a WHERE {BELONGS} ORDER BY a.id");
            let expected = directory.ids().filter(|account| {
                directory.is_live(*account) && directory.chain(*account).iter().any(|(above, shared)| {
                    directory.memberships.get(above).is_some_and(|(active, roles)| {
                        let looks = roles.iter().any(|role| !directory.is_recorded(*above, *role));
                        *active && (above == account || *shared && looks)
                    })
                })
            });
            let belongs = rows::<u32>(&store, &belongs, [1], |row| row.get("id"));
            prop_assert_eq!(belongs, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_roles_of_a_caller_take_no_table_in_between_and_no_scan() {
        let directory = Directory {
            size: 1,
            owned: BTreeMap::new(),
            inactive: vec![],
            memberships: BTreeMap::new(),
            recorded: vec![],
            connector: 1,
        };
        let statement = format!("EXPLAIN QUERY PLAN SELECT {ROLES} AS roles FROM accounts a WHERE a.id = ?3");
        let plan = rows::<String>(&directory.store(), &statement, (1, 2, 3), |row| row.get("detail"));
        let looked_up = |step: &&String| !["SCAN chain", "SCAN CONSTANT ROW"].contains(&step.as_str());
        let scans = plan.iter().filter(|step| step.starts_with("SCAN")).filter(looked_up).count();
        let between = plan.iter().filter(|step| step.contains("MATERIALIZE") || step.contains("TEMP B-TREE")).count();
        assert_eq!((scans, between), (0, 0), "{plan:#?}");
    }

    #[test]
    fn a_role_that_manages_counts_below_and_one_that_looks_as_far_as_data_is_shared() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let reseller = account(&edit, operator.id, "Reseller").await?;
            let closed = account(&edit, reseller, "Closed").await?;
            let open = NewAccount { name: "Open".to_owned(), datashare: true, ..NewAccount::default() };
            let open = account::insert(&edit, Some(reseller), &open).await?.id;
            let looks = person(&edit, "looks@example.com").await?;
            let given = Grant {
                door: Door::Portal,
                roles: &[Role::Viewer],
                rank: None,
                status: Status::Active,
                known_as: None,
                known_by: None,
            };
            members::grant(&edit, reseller, looks, given).await?;
            let looks = signed_in(looks);

            let rank = |caller: &Caller, account_id| match roles(edit.connection(), caller, account_id) {
                Ok(roles) => Ok(roles.rank()),
                Err(Error::NotFound(Thing::Account)) => Ok(None),
                Err(error) => Err(error),
            };
            let accounts = [operator.id, reseller, closed, open];
            let ranks = |caller: &Caller| accounts.into_iter().map(|id| rank(caller, id)).collect::<Result<Vec<_>>>();
            assert_eq!(ranks(&operator.administrator)?, [Some(Role::Owner); 4]);
            assert_eq!(ranks(&Caller::Connector(operator.connector))?, [Some(Role::Manage); 4]);
            assert_eq!(ranks(&looks)?, [None, Some(Role::Viewer), None, Some(Role::Viewer)]);

            edit.run("UPDATE accounts SET status = 'inactive' WHERE id = ?", &[reseller.into()])?;
            assert_eq!(ranks(&operator.administrator)?, [Some(Role::Owner); 4], "from above it is managed");
            assert_eq!(ranks(&looks)?, [None; 4], "roles that are held in it count nowhere");
            Ok(())
        });
    }

    #[test]
    fn the_accounts_that_a_caller_sees_are_counted_as_they_come_and_go() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let administrator = &operator.administrator;
            let seen = || reach(edit.connection(), administrator);
            assert_eq!(seen()?, Reach { accounts: 1, everything: true, root: None });
            let reseller = account(&edit, operator.id, "Reseller").await?;
            let customer = account(&edit, reseller, "Customer").await?;
            assert_eq!(seen()?.accounts, 3);
            let manages = person(&edit, "manages@example.com").await?;
            members::found(&edit, reseller, manages).await?;
            let expected = Reach { accounts: 2, everything: false, root: Some(reseller) };
            assert_eq!(reach(edit.connection(), &signed_in(manages))?, expected);
            manage::delete(&edit, administrator, customer, &Precondition::default()).await?;
            assert_eq!(seen()?.accounts, 2);
            assert_eq!(reach(edit.connection(), &signed_in(manages))?.accounts, 1);
            Ok(())
        });
    }
}
