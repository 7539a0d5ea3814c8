//! What connectors call accounts: the portal's accounts by their external ids.
//!
//! A connector speaks of an account or a person by an external id of its own. Several connectors bind their external ids
//! to one account (by its registration id, unique among the accounts of one owner) and to one person (by e-mail address,
//! see [`crate::connectors::bindings`]). No connector sees or touches another's.
//!
//! Each function of this module and of that one takes a whole body and is one transaction: it reads in one statement what
//! there is, decides, and writes only what differs, a statement per kind of change. The same body twice therefore changes
//! nothing.
//!
//! # What goes with the last binding
//!
//! Unbinding never takes what somebody else holds. An account goes with its last external identity if the portal made it
//! and it is not suspended and has no members (nor somebody whom it has shut out), connectors, people or accounts of its own; a
//! membership goes with the last binding behind it if the portal made it; a person goes with the last identity if the portal made it and it has no membership and no password.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::json;

use crate::accounts::account::{self, NewAccount};
use crate::accounts::{hierarchy, members};
use crate::auth::caller::CallingConnector;
use crate::connectors::health;
use crate::error::{Faults, Result};
use crate::store::sql::{Sql, rows};
use crate::store::{Author, Edit, Row};
use crate::values::id::{AccountId, PersonId};
use crate::values::text;
use crate::values::time::Time;

/// Longest external id, in characters.
pub const EXTERNAL_ID_MAX: usize = 255;

/// What a connector says of one of its accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountEntry {
    /// The account's name; may be left out for an identity that exists.
    pub name: Option<String>,
    /// The registration id; may be left out for an identity that exists.
    pub registration_id: Option<String>,
}

/// External account ids, each with what is said of it, or with nothing to unbind it.
pub type AccountEntries = Vec<(String, Option<AccountEntry>)>;

/// Binds, moves, renames and unbinds a connector's accounts: all of the entries, or none.
///
/// # Errors
///
/// [`crate::Error::Invalid`] with every entry that cannot be applied.
pub async fn put_accounts(author: Author, connector: &CallingConnector, entries: &AccountEntries) -> Result<()> {
    let edit = Edit::begin_of(entries.len(), author).await?;
    let known = known(&edit, connector, entries).await?;
    let plan = Plan::make(entries, &known)?;
    plan.apply(&edit, connector).await?;
    health::write_succeeded(&edit, connector.id)?;
    edit.commit().await
}

/// An account that an entry of the body meets in the directory, and its name.
type Met = Option<(AccountId, String)>;

/// What an entry of the body meets in the directory.
struct Known {
    /// The account that the external id is bound to.
    bound: Met,
    /// The account that has the entry's registration id.
    registered: Met,
}

async fn known(edit: &Edit, connector: &CallingConnector, entries: &AccountEntries) -> Result<Vec<Known>> {
    let asked: Vec<_> = entries
        .iter()
        .map(|(external_id, entry)| (external_id, entry.as_ref().and_then(|entry| entry.registration_id.as_ref())))
        .collect();
    let statement = "SELECT i.account_id AS bound, b.name AS bound_name, r.id AS registered, r.name AS registered_name
           FROM json_each(?3) e
           LEFT JOIN account_identities i ON i.connector_id = ?1 AND i.external_id = e.value ->> 0
           LEFT JOIN accounts b ON b.id = i.account_id
           LEFT JOIN accounts r ON r.owner_id = ?2 AND r.registration_id = e.value ->> 1
          ORDER BY e.key";
    let parameters = vec![connector.id.into(), connector.account_id.into(), rows(&asked)?];
    let met = |row: &mut Row, id, name| -> Result<Met> {
        Ok(row.take::<Option<AccountId>>(id)?.zip(row.take::<Option<String>>(name)?))
    };
    edit.batch(statement, parameters)
        .await?
        .into_iter()
        .map(|mut row| {
            let bound = met(&mut row, "bound", "bound_name")?;
            Ok(Known { bound, registered: met(&mut row, "registered", "registered_name")? })
        })
        .collect()
}

/// What a body changes. References point into the body, and into what it meets.
#[derive(Default)]
struct Plan<'a> {
    /// Registration id → name of the accounts to make.
    made: BTreeMap<&'a str, &'a str>,
    /// Account → its name before, and its new one.
    renamed: BTreeMap<AccountId, (&'a str, &'a str)>,
    /// External id → account that it is bound to from now on, new or moved.
    bound: Vec<(&'a str, Target<'a>)>,
    /// External ids to unbind, and the account each was bound to.
    unbound: Vec<(&'a str, AccountId)>,
    /// Accounts that lose an external id.
    left: BTreeSet<AccountId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target<'a> {
    /// An account that exists.
    Known(AccountId),
    /// The account that this request makes with this registration id.
    Made(&'a str),
}

impl<'a> Plan<'a> {
    fn make(entries: &'a AccountEntries, known: &'a [Known]) -> Result<Self> {
        let mut plan = Self::default();
        let mut faults = Faults::default();
        let (mut names, mut renamed): (BTreeMap<AccountId, &str>, BTreeMap<AccountId, &str>) = <_>::default();
        for ((external_id, entry), known) in entries.iter().zip(known) {
            let bound = known.bound.as_ref();
            let Some(entry) = entry else {
                // To unbind what is not bound changes nothing.
                plan.unbound.extend(bound.map(|(account, _)| (external_id.as_str(), *account)));
                continue;
            };
            let name = entry.name.as_deref();
            if bound.is_none() && name.is_none() {
                faults.add(external_id, "name is required for a new account");
                continue;
            }
            let target = match (&entry.registration_id, &known.registered, bound) {
                (Some(_), Some((account, _)), _) | (None, _, Some((account, _))) => Target::Known(*account),
                (Some(registration_id), None, _) => Target::Made(registration_id),
                (None, _, None) => {
                    faults.add(external_id, "id is required for a new account");
                    continue;
                }
            };
            match target {
                Target::Known(account) => {
                    names.extend(known.registered.iter().chain(bound).map(|(account, name)| (*account, name.as_str())));
                    renamed.extend(name.map(|name| (account, name)));
                }
                // An identity that moves without a name takes its account's name along. Two entries of one new
                // account: the last name counts, as it would if they came one after the other.
                Target::Made(registration_id) => match (name, bound) {
                    (Some(name), _) => drop(plan.made.insert(registration_id, name)),
                    (None, Some((_, name))) => drop(plan.made.entry(registration_id).or_insert(name)),
                    (None, None) => {}
                },
            }
            if bound.map(|(account, _)| Target::Known(*account)) != Some(target) {
                plan.bound.push((external_id, target));
                plan.left.extend(bound.map(|(account, _)| *account));
            }
        }
        faults.into_result()?;
        let before = |account| names.get(&account).copied().unwrap_or_default();
        plan.renamed = renamed.into_iter().map(|(account, name)| (account, (before(account), name))).collect();
        plan.renamed.retain(|_, (before, after)| before != after);
        plan.left.extend(plan.unbound.iter().map(|(_, account)| *account));
        Ok(plan)
    }

    async fn apply(&self, edit: &Edit, connector: &CallingConnector) -> Result<()> {
        let made = self.make_accounts(edit, connector).await?;
        self.rename_accounts(edit).await?;
        self.bind(edit, connector, &made).await?;
        self.unbind(edit, connector).await?;
        prune(edit, connector, &self.left).await
    }

    /// Makes the new accounts and returns their ids by registration id.
    async fn make_accounts(&self, edit: &Edit, connector: &CallingConnector) -> Result<HashMap<&'a str, AccountId>> {
        let accounts = self.made.iter().map(|(registration_id, name)| NewAccount {
            name: (*name).to_owned(),
            registration_id: Some((*registration_id).to_owned()),
            ..NewAccount::default()
        });
        let made = account::insert_all(edit, Some(connector.account_id), &accounts.collect::<Vec<_>>()).await?;
        Ok(self.made.keys().copied().zip(made).collect())
    }

    async fn rename_accounts(&self, edit: &Edit) -> Result<()> {
        if self.renamed.is_empty() {
            return Ok(());
        }
        let accounts: Vec<_> = self.renamed.iter().map(|(id, (_, name))| (id, name, text::fold(name))).collect();
        let statement = "UPDATE accounts
                SET name = e.value ->> 1, name_key = e.value ->> 2, name_reserved = 0, version = version + 1, updated_at = ?1
               FROM json_each(?2) e WHERE accounts.id = e.value ->> 0";
        edit.batch(statement, vec![Time::this_second().into(), rows(&accounts)?]).await?;
        let note = |(before, after): &(&str, &str)| json!({ "before": { "name": before }, "after": { "name": after } });
        let notes: Vec<_> = self.renamed.iter().map(|(id, names)| (*id, note(names))).collect();
        edit.record("renamed", "accounts", &notes).await
    }

    async fn bind(&self, edit: &Edit, connector: &CallingConnector, made: &HashMap<&'a str, AccountId>) -> Result<()> {
        let account = |target| match target {
            Target::Known(account) => Some(account),
            Target::Made(registration_id) => made.get(registration_id).copied(),
        };
        let bound: Vec<_> =
            self.bound.iter().filter_map(|(external_id, target)| Some((*external_id, account(*target)?))).collect();
        if bound.is_empty() {
            return Ok(());
        }
        let statement = "INSERT INTO account_identities (connector_id, external_id, account_id, created_at)
             SELECT ?1, value ->> 0, value ->> 1, ?2 FROM json_each(?3) WHERE true
             ON CONFLICT (connector_id, external_id) DO UPDATE SET account_id = excluded.account_id";
        edit.batch(statement, vec![connector.id.into(), Time::now().into(), rows(&bound)?]).await?;
        note(edit, connector, "bound", "accounts", &bound).await
    }

    async fn unbind(&self, edit: &Edit, connector: &CallingConnector) -> Result<()> {
        if self.unbound.is_empty() {
            return Ok(());
        }
        let statement = "DELETE FROM account_identities
             WHERE connector_id = ?1 AND external_id IN (SELECT value ->> 0 FROM json_each(?2))";
        edit.batch(statement, vec![connector.id.into(), rows(&self.unbound)?]).await?;
        note(edit, connector, "unbound", "accounts", &self.unbound).await
    }
}

/// Notes in the audit what was done to external ids of the connector, and to the account or the person behind each.
pub(super) async fn note<I: Copy + Serialize>(
    edit: &Edit,
    connector: &CallingConnector,
    action: &'static str,
    subject: &'static str,
    pairs: &[(&str, I)],
) -> Result<()> {
    let note = |external_id: &str| json!({ "connector": connector.id, "externalId": external_id });
    let notes: Vec<_> = pairs.iter().map(|(external_id, id)| (*id, note(external_id))).collect();
    edit.record(action, subject, &notes).await
}

/// Takes away what the connector no longer holds of the accounts `left`, see the module's documentation.
async fn prune(edit: &Edit, connector: &CallingConnector, left: &BTreeSet<AccountId>) -> Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let left = rows(left)?;
    let bindings = "DELETE FROM user_bindings
         WHERE connector_id = ?1 AND account_id IN (SELECT value FROM json_each(?2))
           AND NOT EXISTS (SELECT 1 FROM account_identities i
                            WHERE i.account_id = user_bindings.account_id AND i.connector_id = ?1)
         RETURNING external_id, account_id";
    let gone = edit.batch(bindings, vec![connector.id.into(), left.clone()]).await?;
    let gone = gone.into_iter().map(|mut row| Ok((row.take("external_id")?, row.take("account_id")?)));
    let gone = gone.collect::<Result<Vec<(String, AccountId)>>>()?;
    if !gone.is_empty() {
        let opened = "SELECT e.value ->> 1 AS account_id, i.person_id AS person_id FROM json_each(?) e
              CROSS JOIN person_identities i ON i.connector_id = ? AND i.external_id = e.value ->> 0";
        let opened = Sql { text: opened.to_owned(), parameters: vec![rows(&gone)?, connector.id.into()] };
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
pub(super) async fn end_memberships(edit: &Edit, opened: Sql) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::members;
    use crate::entry::first_start::tests::{author, first_start, person};
    use crate::error::Error;
    use crate::store::Connection;
    use crate::store::native::run;
    use crate::values::id::Id as _;

    fn account(number: i64) -> AccountId {
        AccountId::from_number(number)
    }

    fn entry(external_id: &str, name: Option<&str>, registration_id: Option<&str>) -> (String, Option<AccountEntry>) {
        let entry = AccountEntry { name: name.map(str::to_owned), registration_id: registration_id.map(str::to_owned) };
        (external_id.to_owned(), Some(entry))
    }

    fn known(bound: Option<(i64, &str)>, registered: Option<(i64, &str)>) -> Known {
        let met = |met: Option<(i64, &str)>| met.map(|(id, name)| (account(id), name.to_owned()));
        Known { bound: met(bound), registered: met(registered) }
    }

    #[test]
    fn what_is_there_already_is_no_change() {
        let entries = [entry("a", Some("A"), Some("1")), entry("b", Some("B"), None), ("c".to_owned(), None)].into();
        let known = [known(Some((1, "A")), Some((1, "A"))), known(Some((2, "B")), None), known(None, None)];
        let plan = Plan::make(&entries, &known).expect("good entries");
        assert!(plan.made.is_empty() && plan.renamed.is_empty() && plan.bound.is_empty());
        assert!(plan.unbound.is_empty() && plan.left.is_empty());
    }

    #[test]
    fn an_identity_that_moves_without_a_name_takes_the_name_along_and_leaves_its_account() {
        let entries = [entry("a", None, Some("2"))].into();
        let known = [known(Some((1, "A")), None)];
        let plan = Plan::make(&entries, &known).expect("a good entry");
        assert_eq!(plan.made, BTreeMap::from([("2", "A")]));
        assert!(plan.bound == [("a", Target::Made("2"))] && plan.left == BTreeSet::from([account(1)]));
    }

    #[test]
    fn of_two_entries_of_one_account_the_last_name_counts() {
        let entries = [entry("a", Some("A"), Some("1")), entry("b", Some("B"), Some("1"))].into();
        let known = [known(None, None), known(None, None)];
        let plan = Plan::make(&entries, &known).expect("good entries");
        assert_eq!(plan.made, BTreeMap::from([("1", "B")]));
    }

    #[test]
    fn every_entry_that_cannot_be_applied_is_told() {
        let entries = [entry("a", None, Some("1")), entry("b", Some("B"), None)].into();
        let Err(Error::Invalid(faults)) = Plan::make(&entries, &[known(None, None), known(None, None)]).map(drop)
        else {
            panic!("bad entries are refused");
        };
        let told: Vec<_> = faults.shown().iter().map(|(field, fault)| (field.as_str(), fault.as_str())).collect();
        let expected = [("a", "name is required for a new account"), ("b", "id is required for a new account")];
        assert_eq!(told, expected);
    }

    #[test]
    fn an_account_goes_with_its_last_identity_unless_somebody_else_holds_it() {
        run(async {
            let operator = first_start().await?;
            let both = vec![entry("a", Some("Acme"), Some("1")), entry("b", Some("Acme"), Some("1"))];
            let unbind = async |external_id: &str| {
                put_accounts(author("portal"), &operator.connector, &vec![(external_id.to_owned(), None)]).await
            };
            let accounts = async || -> Result<Vec<AccountId>> {
                let statement = "SELECT id FROM accounts WHERE registration_id = '1'";
                let rows = Connection::lease().await?.query(statement, &[])?;
                rows.into_iter().map(|mut row| row.take("id")).collect()
            };
            put_accounts(author("portal"), &operator.connector, &both).await?;
            unbind("a").await?;
            assert_eq!(accounts().await?.len(), 1, "it has another identity");
            unbind("b").await?;
            assert_eq!(accounts().await?.len(), 0);

            put_accounts(author("portal"), &operator.connector, &both).await?;
            let edit = Edit::begin(author("accounts")).await?;
            let jane = person(&edit, "jane@example.com").await?;
            members::found(&edit, accounts().await?[0], jane).await?;
            edit.commit().await?;
            unbind("a").await?;
            unbind("b").await?;
            assert_eq!(accounts().await?.len(), 1, "it has a member");
            Ok(())
        });
    }
}
