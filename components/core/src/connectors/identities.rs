//! What connectors call accounts: the portal's accounts by their external ids.
//!
//! A connector speaks of an account or a person by an external id of its own. Several connectors bind their external ids
//! to one account (by its registration id, unique among the accounts of one owner) and to one person (by e-mail address,
//! see [`crate::connectors::bindings`]). No connector sees or touches another's. What each says of an account is kept with its
//! external id, and what is shown follows from it: see [`crate::accounts::sources`].
//!
//! Each function of this module and of that one takes a whole body and is one transaction: it reads in one statement what
//! there is, decides, and writes only what differs. The same body twice therefore changes nothing. What takes nothing away is
//! planned before the write lock, see [`crate::store::draft`]. What goes with the last binding is told in
//! [`crate::connectors::unbinding`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::accounts::account::{self, NewAccount};
use crate::accounts::removals;
use crate::accounts::sources::{self, Field, Source, UNSHOWN, Words, former, unshown};
use crate::auth::caller::{CallingConnector, same_connector};
use crate::auth::token;
use crate::connectors::outcome::{self, Identities, Outcome, Run};
use crate::connectors::unbinding::prune;
use crate::error::{Error, Faults, Result};
use crate::store::draft::{Draft, MANY, Premise, attempts};
use crate::store::sql::rows;
use crate::store::{Author, Connection, Edit};
use crate::values::id::AccountId;
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
pub type AccountEntries = Vec<Entry>;

type Entry = (String, Option<AccountEntry>);

/// Binds, moves, renames and unbinds a connector's accounts: all of the entries, or none. Returns what that changes of what the
/// connector has said.
///
/// # Errors
///
/// [`crate::Error::Invalid`] with every entry that cannot be applied; [`crate::Error::Unconfirmed`].
pub async fn put_accounts(
    author: Author,
    connector: &CallingConnector,
    entries: &AccountEntries,
    run: Run,
) -> Result<Outcome> {
    let connection = Connection::lease().await?;
    // What takes nothing away is planned before the lock, and written by one statement.
    for _ in 0..attempts(entries.len()) {
        let (premise, known) = ask(&connection, connector, entries).await?;
        let plan = Plan::make(entries, &known)?;
        if plan.is_empty() {
            return outcome::nothing(&connection, connector, run).await;
        }
        let Some(how) = plan.before_the_lock() else { break };
        if run.is_dry {
            return Ok(plan.outcome());
        }
        let (mut draft, mut premises) = (Draft::new(author.clone()), vec![premise]);
        match how {
            Early::Binds => plan.bind(&mut draft, connector).map(drop)?,
            // What many sources say of many accounts is looked at in pages, under the lock.
            Early::Says if plan.said.len() >= MANY => break,
            Early::Says => {
                let (premise, words) = plan.words(&connection, connector).await?;
                premises.push(premise);
                words.draft(&mut draft)?;
            }
        }
        connector.succeeds(&mut draft)?;
        match draft.apply(&connection, &premises).await {
            Ok(true) => return Ok(plan.outcome()),
            // What the database refuses is told apart under the lock.
            Ok(false) | Err(Error::Duplicate { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    drop(connection);
    let edit = Edit::begin_of(entries.len(), author).await?;
    let (_, known) = ask(edit.connection(), connector, entries).await?;
    let plan = Plan::make(entries, &known)?;
    outcome::guard(&edit, connector, Identities::Accounts, plan.unbound.len(), run)?;
    if plan.left.is_empty() {
        plan.apply(&edit, connector).await?;
    } else {
        removals::open(&edit, connector.account_id, removals::Kind::Sync)?;
        plan.apply(&edit, connector).await?;
        removals::close(&edit).await?;
    }
    let outcome = plan.outcome();
    outcome::end(edit, connector, run).await?;
    Ok(outcome)
}

/// What an entry of the body meets in the directory.
#[derive(Default, Deserialize)]
#[serde(from = "Answer")]
struct Known {
    /// The account that the external id is bound to.
    bound: Option<Bound>,
    /// The account that the entry's registration id leads to.
    registered: Option<Registered>,
}

/// What an external id is bound to.
struct Bound {
    account: AccountId,
    /// What the connector says the account is called.
    name: String,
    /// Whether the connector says the entry's registration id of it already.
    as_said: bool,
}

/// What a registration id leads to.
struct Registered {
    account: AccountId,
    /// The name that is shown, unless the external id is bound to this account.
    name: String,
    /// Whether it is the registration id that is shown.
    as_said: bool,
}

/// As [`ask`] asks for it: of what is bound and of what is registered the account, the name, and whether it is as said.
type Answer = (Option<AccountId>, Option<String>, i64, Option<AccountId>, Option<String>, i64);

impl From<Answer> for Known {
    fn from((bound, bound_name, bound_as_said, registered, registered_name, registered_as_said): Answer) -> Self {
        let bound = bound.zip(bound_name);
        let registered = registered.zip(registered_name);
        Self {
            bound: bound.map(|(account, name)| Bound { account, name, as_said: bound_as_said != 0 }),
            registered: registered.map(|(account, name)| Registered {
                account,
                name,
                as_said: registered_as_said != 0,
            }),
        }
    }
}

/// Asks what the entries meet. All that a body changes follows from it and from the answer.
///
/// # Errors
///
/// [`Error::Unauthenticated`](crate::Error::Unauthenticated) if the connector is no more what it was when it called.
async fn ask(
    connection: &Connection,
    connector: &CallingConnector,
    entries: &[Entry],
) -> Result<(Premise, Vec<Known>)> {
    let asked: Vec<_> = entries
        .iter()
        .map(|(external_id, entry)| (external_id, entry.as_ref().and_then(|entry| entry.registration_id.as_ref())))
        .collect();
    // Of ten thousand entries that change nothing this is the whole cost: no name comes twice, no text is taken out of an entry that need
    // not be, and an account that is bound and has the registration id is not looked for by that.
    let question = format!(
        "iif({}, (
         SELECT json_group_array(json_array(bound, bound_name, bound_as_said, registered, registered_name, registered_as_said)) FROM (
         SELECT i.account_id AS bound, coalesce(i.name, b.name) AS bound_name,
                iif(i.registration_id IS NULL, r.id IS i.account_id, i.registration_id IS e.value ->> 1) AS bound_as_said,
                coalesce(r.id, u.id) AS registered, r.id IS NOT NULL AS registered_as_said,
                iif(coalesce(r.id, u.id) IS i.account_id, '', coalesce(r.name, u.name)) AS registered_name
           FROM json_each(?3) e
           LEFT JOIN account_identities i ON i.connector_id = ?1 AND i.external_id = e.value ->> 0
           LEFT JOIN accounts b ON b.id = i.account_id
           LEFT JOIN accounts r ON r.id = CASE WHEN b.registration_id = e.value ->> 1 AND b.owner_id = ?2 THEN b.id
                ELSE (SELECT s.id FROM accounts s WHERE s.owner_id = ?2 AND s.registration_id = e.value ->> 1) END
           LEFT JOIN accounts u ON u.id = CASE WHEN r.id IS NULL AND {UNSHOWN} THEN coalesce({}, {}) END
          ORDER BY e.key)), NULL)",
        same_connector!("?1", "?4"),
        unshown!("e.value ->> 1"),
        former!("e.value ->> 1"),
    );
    let parameters =
        vec![connector.id.into(), connector.account_id.into(), rows(&asked)?, connector.secret_version.into()];
    let premise = Premise::ask(connection, question, parameters).await?;
    let known = premise.answer().ok_or(token::INVALID)?;
    let known = serde_json::from_str(known).map_err(anyhow::Error::from)?;
    Ok((premise, known))
}

/// What a body changes. References point into the body, and into what it meets.
#[derive(Default)]
struct Plan<'a> {
    /// Registration id → external id that it is made for, and name, of the accounts to make.
    made: BTreeMap<&'a str, (&'a str, &'a str)>,
    /// External id → account that it is bound to from now on, new or moved.
    bound: Vec<(&'a str, Target<'a>)>,
    /// What the connector says from now on that is not what is shown, or not what it said.
    said: Vec<Said<'a>>,
    /// External ids that were not bound.
    new: Vec<&'a str>,
    /// External ids that were, and of which the connector says something else now.
    changed: Vec<&'a str>,
    /// External ids to unbind, and the account each was bound to.
    unbound: Vec<(&'a str, AccountId)>,
    /// Accounts that lose an external id.
    left: BTreeSet<AccountId>,
}

/// What the connector says of an account from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said<'a> {
    external_id: &'a str,
    target: Target<'a>,
    field: Field,
    value: &'a str,
}

impl Said<'_> {
    fn say(&self, words: &mut Words, account: AccountId, connector: &CallingConnector) {
        let source = Source::Connector { id: connector.id, external_id: self.external_id.to_owned() };
        words.say(account, self.field, &source, Some(self.value));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target<'a> {
    /// An account that exists.
    Known(AccountId),
    /// The account that this request makes with this registration id.
    Made(&'a str),
}

/// What is planned before the lock.
enum Early {
    /// Accounts are made and bound, and nothing is said but what is shown.
    Binds,
    /// Something else is said of accounts that are bound.
    Says,
}

impl Target<'_> {
    /// The account, once the new ones are made.
    fn account(self, made: &HashMap<&str, AccountId>) -> Option<AccountId> {
        match self {
            Self::Known(account) => Some(account),
            Self::Made(registration_id) => made.get(registration_id).copied(),
        }
    }
}

impl<'a> Plan<'a> {
    fn make(entries: &'a [Entry], known: &'a [Known]) -> Result<Self> {
        let mut plan = Self::default();
        let mut faults = Faults::default();
        for ((external_id, entry), known) in entries.iter().zip(known) {
            let bound = known.bound.as_ref();
            let Some(entry) = entry else {
                // To unbind what is not bound changes nothing.
                plan.unbound.extend(bound.map(|bound| (external_id.as_str(), bound.account)));
                continue;
            };
            // An identity that moves without a name takes along what the connector said.
            let Some(name) = entry.name.as_deref().or(bound.map(|bound| bound.name.as_str())) else {
                faults.add(external_id, "name is required for a new account");
                continue;
            };
            let target = match (&entry.registration_id, &known.registered, bound) {
                (Some(_), Some(registered), _) => Target::Known(registered.account),
                (Some(registration_id), None, _) => Target::Made(registration_id),
                (None, _, Some(bound)) => Target::Known(bound.account),
                (None, _, None) => {
                    faults.add(external_id, "id is required for a new account");
                    continue;
                }
            };
            plan.target(external_id, target, name, entry.registration_id.as_deref(), known);
        }
        faults.into_result()?;
        // What is said of a new account is shown, but where two external ids of it have two names.
        let Self { made, said, .. } = &mut plan;
        said.retain(
            |said| !matches!(said.target, Target::Made(id) if made.get(id).is_some_and(|made| made.1 == said.value)),
        );
        plan.left.extend(plan.unbound.iter().map(|(_, account)| *account));
        Ok(plan)
    }

    /// Plans what an entry says of its account.
    fn target(
        &mut self,
        external_id: &'a str,
        target: Target<'a>,
        name: &'a str,
        registration_id: Option<&'a str>,
        known: &'a Known,
    ) {
        let bound = known.bound.as_ref();
        match bound {
            None => self.new.push(external_id),
            Some(bound) if bound.name != name || registration_id.is_some() && !bound.as_said => {
                self.changed.push(external_id);
            }
            Some(_) => {}
        }
        let stays = bound.map(|bound| Target::Known(bound.account)) == Some(target);
        if !stays {
            self.bound.push((external_id, target));
            self.left.extend(bound.map(|bound| bound.account));
        }
        // What the external id says already, or says by being bound: what is shown.
        let (named, registered) = match (target, bound, &known.registered) {
            (Target::Made(registration_id), ..) => {
                // The first of several external ids of a new account, in their order, names it.
                let made = self.made.entry(registration_id).or_insert((external_id, name));
                *made = (*made).min((external_id, name));
                (None, true)
            }
            (_, Some(bound), _) if stays => (Some(bound.name.as_str()), bound.as_said),
            (_, _, Some(registered)) => (Some(registered.name.as_str()), registered.as_said),
            (_, _, None) => (None, true),
        };
        if named != Some(name) {
            self.said.push(Said { external_id, target, field: Field::Name, value: name });
        }
        if let Some(value) = registration_id.filter(|_| !registered) {
            self.said.push(Said { external_id, target, field: Field::RegistrationId, value });
        }
    }

    /// Whether there is nothing to do.
    fn is_empty(&self) -> bool {
        self.bound.is_empty() && self.said.is_empty() && self.changed.is_empty() && self.unbound.is_empty()
    }

    fn outcome(&self) -> Outcome {
        let told = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let unbound = self.unbound.iter().map(|(external_id, _)| (*external_id).to_owned()).collect();
        Outcome { bound: told(&self.new), changed: told(&self.changed), unbound }
    }

    /// Whether it takes nothing away, and so can be written by one statement. What is said of what it binds itself follows from how that is
    /// bound.
    fn before_the_lock(&self) -> Option<Early> {
        match (self.left.is_empty(), self.bound.is_empty(), self.said.is_empty()) {
            (true, false, true) => Some(Early::Binds),
            (true, true, false) => Some(Early::Says),
            _ => None,
        }
    }

    async fn apply(&self, edit: &Edit, connector: &CallingConnector) -> Result<()> {
        let keys = self.bind(&mut edit.draft(), connector)?;
        edit.write().await?;
        let made = self.made(edit, &keys)?;
        self.unbind(edit, connector).await?;
        prune(edit, connector.id, &self.left).await?;
        self.settle(edit, connector, &made).await
    }

    /// Keeps what the connector says, and shows what follows from it and from what it says no more.
    async fn settle(
        &self,
        edit: &Edit,
        connector: &CallingConnector,
        made: &HashMap<&'a str, AccountId>,
    ) -> Result<()> {
        let mut accounts: BTreeMap<AccountId, Vec<&Said>> = self.left.iter().map(|left| (*left, Vec::new())).collect();
        for said in &self.said {
            if let Some(account) = said.target.account(made) {
                accounts.entry(account).or_default().push(said);
            }
        }
        let accounts: Vec<_> = accounts.into_iter().collect();
        for page in accounts.chunks(sources::PAGE) {
            let ids: Vec<_> = page.iter().map(|(account, _)| *account).collect();
            let mut words = Words::of(edit, &ids, self.fields()).await?;
            for (account, said) in page {
                for said in said {
                    said.say(&mut words, *account, connector);
                }
            }
            words.settle(edit).await?;
        }
        Ok(())
    }

    /// What is said of the accounts of which the connector says something else, once it has said it.
    async fn words(&self, connection: &Connection, connector: &CallingConnector) -> Result<(Premise, Words)> {
        let said = || self.said.iter().filter_map(|said| Some((said.target.account(&HashMap::new())?, said)));
        let accounts: BTreeSet<_> = said().map(|(account, _)| account).collect();
        let (premise, mut words) = Words::ask(connection, &accounts, self.fields(), false).await?;
        said().for_each(|(account, said)| said.say(&mut words, account, connector));
        Ok((premise, words))
    }

    /// The fields of which it says something, or no more.
    fn fields(&self) -> &'static [Field] {
        let both = !self.left.is_empty() || self.said.iter().any(|said| said.field == Field::RegistrationId);
        if both { &Field::ALL } else { &[Field::Name] }
    }

    /// Drafts the new accounts and what is bound, and returns the keys of the accounts by registration id.
    fn bind(&self, draft: &mut Draft, connector: &CallingConnector) -> Result<HashMap<&'a str, String>> {
        let accounts = self.made.iter().map(|(registration_id, (_, name))| NewAccount {
            name: (*name).to_owned(),
            registration_id: Some((*registration_id).to_owned()),
            ..NewAccount::default()
        });
        let keys = account::draft_all(draft, Some(connector.account_id), &accounts.collect::<Vec<_>>())?;
        let keys: HashMap<_, _> = self.made.keys().copied().zip(keys).collect();
        let places: HashMap<_, _> = self.made.keys().copied().zip((1..).map(|place: i64| -place)).collect();
        let bound = self.bound.iter().filter_map(|(external_id, target)| {
            let account = match target {
                Target::Known(account) => json!(account),
                Target::Made(registration_id) => json!(places.get(registration_id)?),
            };
            Some((*external_id, account))
        });
        let mut bound: Vec<_> = bound.collect();
        // In order, an index takes them faster.
        bound.sort_unstable_by_key(|(external_id, _)| *external_id);
        if !bound.is_empty() {
            let Author { actor, api, request_id } = &draft.author;
            let common = json!([connector.id, Time::now(), places.len(), actor.to_string(), api, request_id]);
            // The audit tells that they were made before it tells that they are bound.
            draft.tell();
            draft.step("bound_accounts", &bound, common)?;
        }
        Ok(keys)
    }

    /// The ids of the new accounts of which something is said that is not shown, by registration id.
    fn made(&self, edit: &Edit, keys: &HashMap<&'a str, String>) -> Result<HashMap<&'a str, AccountId>> {
        let mut made = HashMap::new();
        for said in &self.said {
            if let Target::Made(registration_id) = said.target
                && let Some(key) = keys.get(registration_id)
            {
                let statement = "SELECT id FROM accounts WHERE account_key = ?";
                made.insert(registration_id, edit.run_one(statement, &[key.as_str().into()])?.take("id")?);
            }
        }
        Ok(made)
    }

    async fn unbind(&self, edit: &Edit, connector: &CallingConnector) -> Result<()> {
        if self.unbound.is_empty() {
            return Ok(());
        }
        let statement = "DELETE FROM account_identities
             WHERE connector_id = ?1 AND external_id IN (SELECT value ->> 0 FROM json_each(?2))";
        edit.batch(statement, vec![connector.id.into(), rows(&self.unbound)?]).await?;
        note(&mut edit.draft(), connector, "unbound", "accounts", &self.unbound)
    }
}

/// Notes in the audit what was done to external ids of the connector, and to the account or the person behind each.
pub(super) fn note<I: Serialize>(
    draft: &mut Draft,
    connector: &CallingConnector,
    action: &'static str,
    subject: &'static str,
    pairs: &[(&str, I)],
) -> Result<()> {
    let note = |external_id: &str| json!({ "connector": connector.id, "externalId": external_id });
    let notes: Vec<_> = pairs.iter().map(|(external_id, id)| (id, note(external_id))).collect();
    draft.note(action, subject, &notes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::members;
    use crate::entry::first_start::tests::{author, first_start, person};
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

    /// What is bound and what is registered: the account, the name, and whether the entry's registration id is said or shown.
    fn known(bound: Option<(i64, &str, bool)>, registered: Option<(i64, &str, bool)>) -> Known {
        Known {
            bound: bound.map(|(id, name, as_said)| Bound { account: account(id), name: name.to_owned(), as_said }),
            registered: registered.map(|(id, name, as_said)| Registered {
                account: account(id),
                name: name.to_owned(),
                as_said,
            }),
        }
    }

    #[test]
    fn what_is_there_already_is_no_change() {
        let entries = [entry("a", Some("A"), Some("1")), entry("b", Some("B"), None), ("c".to_owned(), None)];
        let known =
            [known(Some((1, "A", true)), Some((1, "", false))), known(Some((2, "B", false)), None), known(None, None)];
        let plan = Plan::make(&entries, &known).expect("good entries");
        assert!(plan.made.is_empty() && plan.said.is_empty() && plan.bound.is_empty());
        assert!(plan.unbound.is_empty() && plan.left.is_empty());
    }

    #[test]
    fn an_identity_that_moves_without_a_name_takes_the_name_along_and_leaves_its_account() {
        let entries = [entry("a", None, Some("2"))];
        let known = [known(Some((1, "A", false)), None)];
        let plan = Plan::make(&entries, &known).expect("a good entry");
        assert_eq!(plan.made, BTreeMap::from([("2", ("a", "A"))]));
        assert!(plan.bound == [("a", Target::Made("2"))] && plan.left == BTreeSet::from([account(1)]));
        assert!(plan.said.is_empty());
    }

    #[test]
    fn of_two_external_ids_of_a_new_account_the_first_names_it_and_the_other_keeps_its_word() {
        let entries = [entry("b", Some("B"), Some("1")), entry("a", Some("A"), Some("1"))];
        let known = [known(None, None), known(None, None)];
        let plan = Plan::make(&entries, &known).expect("good entries");
        assert_eq!(plan.made, BTreeMap::from([("1", ("a", "A"))]));
        let other = Said { external_id: "b", target: Target::Made("1"), field: Field::Name, value: "B" };
        assert_eq!(plan.said, [other]);
    }

    #[test]
    fn what_is_said_is_kept_where_it_is_not_what_is_shown() {
        let entries = [entry("a", Some("A"), Some("1")), entry("b", None, Some("2"))];
        let known = [known(None, Some((1, "Acme", true))), known(Some((2, "B", false)), Some((2, "", true)))];
        let plan = Plan::make(&entries, &known).expect("good entries");
        let said = |external_id, number, field, value| Said {
            external_id,
            target: Target::Known(account(number)),
            field,
            value,
        };
        assert_eq!(plan.said, [said("a", 1, Field::Name, "A"), said("b", 2, Field::RegistrationId, "2")]);
        assert_eq!(plan.bound, [("a", Target::Known(account(1)))]);
    }

    #[test]
    fn every_entry_that_cannot_be_applied_is_told() {
        let entries = [entry("a", None, Some("1")), entry("b", Some("B"), None)];
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
                put_accounts(
                    author("portal"),
                    &operator.connector,
                    &vec![(external_id.to_owned(), None)],
                    Run::default(),
                )
                .await
                .map(drop)
            };
            let accounts = async || -> Result<Vec<AccountId>> {
                let statement = "SELECT id FROM accounts WHERE registration_id = '1'";
                let rows = Connection::lease().await?.query(statement, &[])?;
                rows.into_iter().map(|mut row| row.take("id")).collect()
            };
            put_accounts(author("portal"), &operator.connector, &both, Run::default()).await?;
            unbind("a").await?;
            assert_eq!(accounts().await?.len(), 1, "it has another identity");
            unbind("b").await?;
            assert_eq!(accounts().await?.len(), 0);

            put_accounts(author("portal"), &operator.connector, &both, Run::default()).await?;
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
