//! What connectors call people, and the people that they bind to accounts: the portal's users. What goes with the last
//! binding is told in [`crate::connectors::unbinding`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::accounts::members::{self, Door, Grant, Status};
use crate::accounts::removals;
use crate::accounts::sources::leads_to;
use crate::auth::caller::{CallingConnector, same_connector};
use crate::auth::{secret, token};
use crate::connectors::identities::note;
use crate::connectors::outcome::{self, Identities, Outcome, Run};
use crate::connectors::unbinding::end_memberships;
use crate::error::{Error, Faults, Result, Thing};
use crate::people::address;
use crate::setting;
use crate::store::draft::{Draft, Premise, attempts};
use crate::store::sql::{Sql, rows};
use crate::store::{Author, Connection, Edit, Transaction, Value};
use crate::values::email::Email;
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;
use crate::values::time::Time;

/// External user ids, each with the person's address, or with nothing to unbind it.
pub type UserEntries = Vec<Entry>;

type Entry = (String, Option<Email>);

/// Binds people to an account by their external ids. Who is bound already stays; who is not known yet becomes a member as
/// soon as that changes.
///
/// `account` is a registration id that the connector itself says of an account, or its own external id of one: what another source
/// says leads nowhere here. Returns who is bound that was not.
///
/// # Errors
///
/// [`Error::NotFound`] if the connector is bound to no such account, whether or not there is one.
pub async fn bind_users(
    author: Author,
    connector: &CallingConnector,
    account: &str,
    users: &[String],
    run: Run,
) -> Result<Outcome> {
    let connection = Connection::lease().await?;
    let account_id = account_of(&connection, connector, account)?;
    if are_bound(&connection, connector, account_id, users).await? {
        return outcome::nothing(&connection, connector, run).await;
    }
    drop(connection);
    let edit = Edit::begin_of(users.len(), author).await?;
    let account_id = account_of(edit.connection(), connector, account)?;
    let statement = "INSERT INTO user_bindings (connector_id, external_id, account_id, created_at)
         SELECT ?1, value, ?2, ?3 FROM json_each(?4) WHERE true ON CONFLICT DO NOTHING RETURNING external_id";
    let parameters = vec![connector.id.into(), account_id.into(), Time::now().into(), rows(users)?];
    let bound = edit.batch(statement, parameters).await?;
    let bound = bound.into_iter().map(|mut row| row.take("external_id")).collect::<Result<Vec<String>>>()?;
    let notes: Vec<_> = bound.iter().map(|external_id| (external_id.as_str(), account_id)).collect();
    note(&mut edit.draft(), connector, "user bound", "accounts", &notes)?;
    join_accounts(&edit, connector, &users.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    outcome::end(edit, connector, run).await?;
    Ok(Outcome { bound, ..Outcome::default() })
}

/// The account that a connector means by a registration id or by its own external id.
fn account_of(connection: &Connection, connector: &CallingConnector, account: &str) -> Result<AccountId> {
    let found = connection.query_first(
        concat!(
            "SELECT id FROM (
                 SELECT a.id, 1 AS precedence FROM accounts a
                  WHERE a.id = ",
            leads_to!("?3"),
            "       AND EXISTS (SELECT 1 FROM account_identities i WHERE i.account_id = a.id AND i.connector_id = ?1
                                   AND coalesce(i.registration_id, a.registration_id) = ?3)
                 UNION ALL
                 SELECT account_id, 2 FROM account_identities WHERE connector_id = ?1 AND external_id = ?3)
              ORDER BY precedence LIMIT 1"
        ),
        &[connector.id.into(), connector.account_id.into(), account.into()],
    )?;
    found.ok_or(Error::NotFound(Thing::Account))?.take("id")
}

/// Whether these users are bound to the account, and those of them who are known have what that gives: a role, or one that
/// comes before it. See [`outcome::parts`].
async fn are_bound(
    connection: &Connection,
    connector: &CallingConnector,
    account_id: AccountId,
    users: &[String],
) -> Result<bool> {
    let statement = "SELECT 1 FROM json_each(?3) e
          WHERE NOT EXISTS (SELECT 1 FROM user_bindings b
                             WHERE b.connector_id = ?1 AND b.external_id = e.value AND b.account_id = ?2)
             OR EXISTS (SELECT 1 FROM person_identities i
                         WHERE i.connector_id = ?1 AND i.external_id = e.value AND NOT EXISTS (
                               SELECT 1 FROM grants g WHERE g.account_id = ?2 AND g.person_id = i.person_id
                                                        AND g.door IN ('founder', 'accounts', 'portal')))
          LIMIT 1";
    for users in outcome::parts(users) {
        let lacking = connection.read(statement, vec![connector.id.into(), account_id.into(), rows(users)?]).await?;
        if !lacking.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Binds, moves and unbinds a connector's people: all of the entries, or none. Who has one address is one person. Returns what that
/// changes of what the connector has said.
///
/// # Errors
///
/// [`Error::Invalid`] with every entry whose address is at the directory's own domain; [`Error::Unconfirmed`].
pub async fn put_users(
    author: Author,
    connector: &CallingConnector,
    entries: &UserEntries,
    run: Run,
) -> Result<Outcome> {
    let base_domain = setting::get("base_domain").await?;
    let mut faults = Faults::default();
    for (external_id, email) in entries {
        if email.as_ref().is_some_and(|email| address::is_below(&email.key, &base_domain)) {
            faults.add(external_id, address::OWN_DOMAIN);
        }
    }
    faults.into_result()?;
    let connection = Connection::lease().await?;
    // What only names people and binds them, to accounts as well, is planned before the lock, and written by one statement.
    for _ in 0..attempts(entries.len()) {
        let known = ask(&connection, connector, entries).await?;
        let plan = Plan::make(entries, &known);
        if plan.is_empty() {
            return outcome::nothing(&connection, connector, run).await;
        }
        if !plan.only_binds() {
            break;
        }
        if run.is_dry {
            return Ok(plan.outcome());
        }
        let mut draft = Draft::new(author.clone());
        plan.bind(&mut draft, connector)?;
        connector.succeeds(&mut draft)?;
        if draft.apply(&connection, &[plan.premise(connector, entries, &known)?]).await? {
            return Ok(plan.outcome());
        }
    }
    drop(connection);
    let edit = Edit::begin_of(entries.len(), author).await?;
    let known = ask(edit.connection(), connector, entries).await?;
    let plan = Plan::make(entries, &known);
    outcome::guard(&edit, connector, Identities::People, plan.unbound.len(), run)?;
    if !plan.left.is_empty() {
        removals::open(&edit, connector.account_id, removals::Kind::Sync)?;
    }
    let bound = plan.bind(&mut edit.draft(), connector)?;
    edit.write().await?;
    plan.respell(&edit, connector).await?;
    plan.unbind(&edit, connector).await?;
    end_bound(&edit, connector, &plan.left).await?;
    forget_bindings(&edit, connector, entries).await?;
    join_accounts(&edit, connector, &bound).await?;
    prune(&edit, &plan.left).await?;
    if !plan.left.is_empty() {
        removals::close(&edit).await?;
    }
    let outcome = plan.outcome();
    outcome::end(edit, connector, run).await?;
    Ok(outcome)
}

/// What an entry of the body meets in the directory.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(from = "Answer", into = "Answer")]
struct Known {
    /// The person that the external id is bound to.
    bound: Option<PersonId>,
    /// The person whom the entry's address means.
    addressed: Option<PersonId>,
    /// The person who has given that address up.
    before: Option<PersonId>,
    /// Whether the connector says that address already.
    as_said: bool,
    /// Whether the external id is bound to an account, which whoever it means becomes a member of.
    is_awaited: bool,
}

impl Known {
    /// Whether it meets nothing.
    fn is_nothing(&self) -> bool {
        self.bound.is_none() && self.addressed.is_none() && self.before.is_none() && !self.is_awaited
    }
}

/// As [`ask`] asks for it.
type Answer = (Option<PersonId>, Option<PersonId>, Option<PersonId>, i64, i64);

impl From<Answer> for Known {
    fn from((bound, addressed, before, as_said, is_awaited): Answer) -> Self {
        Self { bound, addressed, before, as_said: as_said != 0, is_awaited: is_awaited != 0 }
    }
}

impl From<Known> for Answer {
    fn from(Known { bound, addressed, before, as_said, is_awaited }: Known) -> Self {
        (bound, addressed, before, as_said.into(), is_awaited.into())
    }
}

/// What the entries of the body that are its second parameter meet. All that they change follows from them and from the answer, but for
/// memberships. Null if the connector is no more what it was when it called.
const QUESTION: &str = concat!(
    "iif(",
    same_connector!("?1", "?3"),
    ", (SELECT json_group_array(json_array(bound, addressed, before, as_said, is_awaited)) FROM (
         SELECT i.person_id AS bound, iif(d.retired_at IS NULL, d.person_id, d.next_id) AS addressed,
                iif(d.retired_at IS NULL, NULL, d.person_id) AS before, i.key IS e.value ->> 1 AS as_said,
                EXISTS (SELECT 1 FROM user_bindings b WHERE b.connector_id = ?1 AND b.external_id = e.value ->> 0) AS is_awaited
           FROM json_each(?2) e
           LEFT JOIN person_identities i ON i.connector_id = ?1 AND i.external_id = e.value ->> 0
           LEFT JOIN addresses d ON d.key = e.value ->> 1
          ORDER BY e.key)), NULL)"
);

fn parameters<'a>(connector: &CallingConnector, entries: impl Iterator<Item = &'a Entry>) -> Result<Vec<Value>> {
    let asked: Vec<_> =
        entries.map(|(external_id, email)| (external_id, email.as_ref().map(|email| &email.key))).collect();
    Ok(vec![connector.id.into(), rows(&asked)?, connector.secret_version.into()])
}

/// Asks the [`QUESTION`] of all entries.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if the connector is no more what it was when it called.
async fn ask(connection: &Connection, connector: &CallingConnector, entries: &[Entry]) -> Result<Vec<Known>> {
    let premise = Premise::ask(connection, QUESTION.to_owned(), parameters(connector, entries.iter())?).await?;
    let known = premise.answer().ok_or(token::INVALID)?;
    Ok(serde_json::from_str(known).map_err(anyhow::Error::from)?)
}

/// What a body changes. References point into the body.
#[derive(Default)]
struct Plan<'a> {
    /// Key → address of the people to make whom nobody knows by the address nor by the external id, which is the only one of the body for them.
    strangers: BTreeMap<&'a str, (&'a str, &'a Email)>,
    /// Key → address of the other people to make.
    made: BTreeMap<&'a str, &'a Email>,
    /// External id → person that it is bound to from now on, new or moved, and the key of the address that is said.
    bound: Vec<(&'a str, Target<'a>, &'a str)>,
    /// External ids that were not bound.
    new: Vec<&'a str>,
    /// External ids that were, and of which the connector says another address now.
    changed: Vec<&'a str>,
    /// Those of these that go on meaning the same person, and the key of the address.
    respelled: Vec<(&'a str, &'a str)>,
    /// External ids to unbind, and the person each was bound to.
    unbound: Vec<(&'a str, PersonId)>,
    /// External ids that leave the person whom each was bound to.
    left: Vec<(&'a str, PersonId)>,
    /// Whether somebody becomes a member of an account.
    joins: bool,
    /// Whether an external id that is unbound is bound to an account.
    forgets: bool,
}

/// The rows of the step `strangers`.
#[derive(Serialize)]
struct Strangers<'a> {
    uuids: Vec<String>,
    addresses: Vec<Json>,
    externals: Vec<&'a str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target<'a> {
    /// A person who is known.
    Known(PersonId),
    /// The person whom this request makes with the address of this key.
    Made(&'a str),
}

impl<'a> Plan<'a> {
    fn make(entries: &'a [Entry], known: &[Known]) -> Self {
        let mut plan = Self::default();
        for ((external_id, email), known) in entries.iter().zip(known) {
            let Some(email) = email else {
                // To unbind what is not bound changes nothing, but that whoever it means one day gets into no account by it.
                plan.forgets |= known.is_awaited;
                plan.unbound.extend(known.bound.map(|person| (external_id.as_str(), person)));
                plan.left.extend(known.bound.map(|person| (external_id.as_str(), person)));
                continue;
            };
            match known.bound {
                None => plan.new.push(external_id),
                Some(_) if !known.as_said => plan.changed.push(external_id),
                Some(_) => {}
            }
            let respelled =
                (known.bound.is_some() && !known.as_said).then_some((external_id.as_str(), email.key.as_str()));
            // The connector goes on saying what it said before the person took another address.
            if known.bound.is_some() && known.bound == known.before {
                plan.respelled.extend(respelled);
                continue;
            }
            let target = known.addressed.map_or(Target::Made(&email.key), Target::Known);
            if matches!(target, Target::Made(_)) {
                if let Some((first, _)) = plan.strangers.remove(&*email.key) {
                    plan.bound.push((first, target, &email.key));
                } else if known.is_nothing() && !plan.made.contains_key(&*email.key) {
                    plan.strangers.insert(&email.key, (external_id, email));
                    continue;
                }
                plan.made.insert(&email.key, email);
            }
            if known.bound.map(Target::Known) == Some(target) {
                plan.respelled.extend(respelled);
            } else {
                plan.bound.push((external_id, target, &email.key));
                plan.joins |= known.is_awaited;
                plan.left.extend(known.bound.map(|person| (external_id.as_str(), person)));
            }
        }
        plan
    }

    /// Whether it names people and binds them, and nothing else.
    fn only_binds(&self) -> bool {
        let changes_nothing_else = self.left.is_empty() && self.changed.is_empty() && self.respelled.is_empty();
        changes_nothing_else && !self.joins && !self.forgets
    }

    /// What has to be so still when the plan is written. Of strangers the step tells.
    fn premise(&self, connector: &CallingConnector, entries: &[Entry], known: &[Known]) -> Result<Premise> {
        let is_stranger = |(external_id, email): &Entry| {
            let stranger = email.as_ref().and_then(|email| self.strangers.get(&*email.key));
            stranger.is_some_and(|(stranger, _)| stranger == external_id)
        };
        let others = || entries.iter().zip(known).filter(|(entry, _)| !is_stranger(entry));
        let answer = serde_json::to_string(&others().map(|(_, known)| known).collect::<Vec<_>>());
        let parameters = parameters(connector, others().map(|(entry, _)| entry))?;
        Ok(Premise::of(QUESTION.to_owned(), parameters, Some(answer.map_err(anyhow::Error::from)?)))
    }

    /// Drafts the people whom addresses name from now on, and what is bound. Returns the external ids of those who may be awaited.
    fn bind(&self, draft: &mut Draft, connector: &CallingConnector) -> Result<Vec<&'a str>> {
        self.greet(draft, connector)?;
        let made = address::draft_all(draft, &self.made.values().copied().collect::<Vec<_>>())?;
        let bound = self.bound.iter().filter_map(|(external_id, target, key)| {
            let person = match target {
                Target::Known(person) => json!(person),
                Target::Made(key) => json!(made.get(key)?),
            };
            Some((*external_id, person, *key))
        });
        let mut bound: Vec<_> = bound.collect();
        // In order, an index takes them faster.
        bound.sort_unstable_by_key(|(external_id, ..)| *external_id);
        if !bound.is_empty() {
            let Author { actor, api, request_id } = &draft.author;
            let common = json!([connector.id, Time::now(), made.len(), actor.to_string(), api, request_id]);
            draft.step("bound_people", &bound, common)?;
        }
        Ok(bound.into_iter().map(|(external_id, ..)| external_id).collect())
    }

    /// Drafts the strangers. Comes before the step `named`, which takes the last people for those that it has made.
    fn greet(&self, draft: &mut Draft, connector: &CallingConnector) -> Result<()> {
        if self.strangers.is_empty() {
            return Ok(());
        }
        let uuids = secret::uuids(self.strangers.len())?;
        let (externals, emails): (Vec<_>, Vec<_>) = self.strangers.values().copied().unzip();
        let addresses = emails.into_iter().map(|Email { key, address }| match address {
            address if address == key => json!(key),
            address => json!([key, address]),
        });
        let addresses = addresses.collect();
        let Author { actor, api, request_id } = &draft.author;
        let (actor, origin) = (actor.to_string(), draft.author.origin());
        let common = json!([connector.id, Time::now(), uuids.len(), origin, actor, api, request_id]);
        draft.step("strangers", &Strangers { uuids, addresses, externals }, common)
    }

    /// Keeps another address that the connector says of the person whom it is bound to.
    async fn respell(&self, edit: &Edit, connector: &CallingConnector) -> Result<()> {
        if self.respelled.is_empty() {
            return Ok(());
        }
        let statement = "UPDATE person_identities SET key = e.value ->> 1 FROM json_each(?2) e
              WHERE connector_id = ?1 AND external_id = e.value ->> 0";
        edit.batch(statement, vec![connector.id.into(), rows(&self.respelled)?]).await.map(drop)
    }

    /// Whether there is nothing to do.
    fn is_empty(&self) -> bool {
        let is_bound =
            self.strangers.is_empty() && self.bound.is_empty() && self.respelled.is_empty() && self.changed.is_empty();
        is_bound && self.unbound.is_empty() && !self.forgets
    }

    fn outcome(&self) -> Outcome {
        Outcome {
            bound: self.new.iter().map(|id| (*id).to_owned()).collect(),
            changed: self.changed.iter().map(|id| (*id).to_owned()).collect(),
            unbound: self.unbound.iter().map(|(id, _)| (*id).to_owned()).collect(),
        }
    }

    async fn unbind(&self, edit: &Edit, connector: &CallingConnector) -> Result<()> {
        if self.unbound.is_empty() {
            return Ok(());
        }
        let statement = "DELETE FROM person_identities
             WHERE connector_id = ?1 AND external_id IN (SELECT value ->> 0 FROM json_each(?2))";
        edit.batch(statement, vec![connector.id.into(), rows(&self.unbound)?]).await?;
        note(&mut edit.draft(), connector, "unbound", "people", &self.unbound)
    }
}

/// Ends what these external ids, of the people whom each has left, have opened, unless others hold it.
async fn end_bound(edit: &Edit, connector: &CallingConnector, left: &[(&str, PersonId)]) -> Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let opened = "SELECT b.account_id AS account_id, e.value ->> 1 AS person_id FROM json_each(?) e
          CROSS JOIN user_bindings b ON b.connector_id = ? AND b.external_id = e.value ->> 0";
    end_memberships(edit, Sql { text: opened.to_owned(), parameters: vec![rows(left)?, connector.id.into()] }).await
}

/// An external id that is unbound is bound to no account either: were it given to another person one day, that person
/// must not inherit what it opened.
async fn forget_bindings(edit: &Edit, connector: &CallingConnector, entries: &UserEntries) -> Result<()> {
    let gone: Vec<_> =
        entries.iter().filter(|(_, email)| email.is_none()).map(|(external_id, _)| external_id).collect();
    if gone.is_empty() {
        return Ok(());
    }
    let statement = "DELETE FROM user_bindings
         WHERE connector_id = ?1 AND external_id IN (SELECT value FROM json_each(?2))";
    edit.batch(statement, vec![connector.id.into(), rows(&gone)?]).await?;
    Ok(())
}

/// Who belongs to which account by these external ids, a JSON array, of the connector. The joins are told in their order:
/// left to choose, SQLite begins with all bindings of the connector and goes through all its identities for each of them.
const BOUND: &str = "SELECT b.account_id AS account_id, i.person_id AS person_id FROM json_each(?) e
     CROSS JOIN user_bindings b ON b.connector_id = ? AND b.external_id = e.value
     CROSS JOIN person_identities i ON i.connector_id = b.connector_id AND i.external_id = b.external_id";

/// Makes the people of these external ids members of the accounts that they are bound to.
async fn join_accounts(edit: &Edit, connector: &CallingConnector, users: &[&str]) -> Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let source = Sql { text: BOUND.to_owned(), parameters: vec![rows(users)?, connector.id.into()] };
    let grant = Grant {
        door: Door::Portal,
        roles: &[Role::User],
        rank: Some(connector.rank),
        status: Status::Active,
        known_as: None,
        known_by: None,
    };
    members::grant_from(edit, source, grant).await.map(drop)
}

/// Takes away what nothing holds any more of the people `left`, see [`crate::connectors::unbinding`].
async fn prune(edit: &Edit, left: &[(&str, PersonId)]) -> Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let left = rows(&left.iter().map(|(_, person_id)| person_id).collect::<BTreeSet<_>>())?;
    let people = "DELETE FROM people
         WHERE id IN (SELECT value FROM json_each(?1)) AND origin = 'portal' AND password_hash IS NULL
           AND NOT EXISTS (SELECT 1 FROM person_identities i WHERE i.person_id = people.id)
           AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = people.id)
           AND NOT EXISTS (SELECT 1 FROM people was WHERE was.leads_to = people.id)
           AND NOT EXISTS (SELECT 1 FROM addresses d WHERE d.person_id = people.id AND d.proved_at IS NOT NULL)
         RETURNING id";
    let gone = edit.batch(people, vec![left]).await?;
    let notes = gone.into_iter().map(|mut row| Ok((row.take("id")?, Json::Null)));
    edit.record("deleted", "people", &notes.collect::<Result<Vec<(PersonId, _)>>>()?).await
}

/// What connectors call somebody whom an address has named they call the person who has proved it.
pub(crate) fn move_all(transaction: &Transaction, from: PersonId, to: PersonId) -> Result<()> {
    transaction.run("UPDATE person_identities SET person_id = ?2 WHERE person_id = ?1", &[from.into(), to.into()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::hierarchy;
    use crate::connectors::identities::{AccountEntry, put_accounts};
    use crate::entry::first_start::tests::{author, first_start};
    use crate::store::draft::MANY;
    use crate::store::native::run;
    use crate::store::{Connection, migration};
    use crate::values::id::Id as _;

    fn person(number: i64) -> PersonId {
        PersonId::from_number(number)
    }

    fn known(bound: Option<i64>, addressed: Option<i64>, before: Option<i64>) -> Known {
        Known {
            bound: bound.map(person),
            addressed: addressed.map(person),
            before: before.map(person),
            as_said: true,
            is_awaited: false,
        }
    }

    fn entry(external_id: &str, address: &str) -> (String, Option<Email>) {
        (external_id.to_owned(), Some(Email::parse(address).expect("an address")))
    }

    #[test]
    fn what_is_there_already_is_no_change() {
        let entries = [entry("a", "a@example.com"), ("b".to_owned(), None), entry("c", "c@given-up.example")];
        let known = [known(Some(1), Some(1), None), known(None, None, None), known(Some(2), None, Some(2))];
        let plan = Plan::make(&entries, &known);
        assert!(plan.made.is_empty() && plan.bound.is_empty() && plan.unbound.is_empty() && plan.left.is_empty());
    }

    #[test]
    fn two_external_ids_of_one_new_address_are_one_person() {
        let entries = [entry("a", "Jane@example.com"), entry("b", "jane@example.com")];
        let known = [known(Some(1), None, None), known(None, None, None)];
        let plan = Plan::make(&entries, &known);
        assert_eq!(plan.made.into_keys().collect::<Vec<_>>(), ["jane@example.com"]);
        let target = Target::Made("jane@example.com");
        let key = "jane@example.com";
        assert!(plan.bound == [("a", target, key), ("b", target, key)] && plan.left == [("a", person(1))]);
    }

    #[test]
    fn who_is_known_to_nobody_and_named_once_is_a_stranger() {
        let entries =
            ["a", "b", "b", "c", "d"].map(|name| entry(&format!("id-of-{name}"), &format!("{name}@example.com")));
        let nothing = known(None, None, None);
        let awaited = Known { is_awaited: true, ..nothing };
        let plan = Plan::make(&entries, &[nothing, nothing, nothing, awaited, known(None, None, Some(7))]);
        assert_eq!(plan.strangers.into_keys().collect::<Vec<_>>(), ["a@example.com"]);
        assert_eq!(plan.made.into_keys().collect::<Vec<_>>(), ["b@example.com", "c@example.com", "d@example.com"]);
        assert_eq!(plan.bound.len(), 4);
    }

    #[test]
    fn strangers_whom_somebody_has_made_known_meanwhile_are_not_made() {
        run(async {
            let connector = first_start().await?.connector;
            let entries = [entry("a", "a@example.com"), entry("b", "b@example.com")];
            account(&connector, "acme").await?;
            for meanwhile in [
                "INSERT INTO addresses (key, address, person_id) SELECT 'b@example.com', 'b@example.com', min(id) FROM people",
                "INSERT INTO person_identities (connector_id, external_id, person_id, created_at)
                 SELECT 1, 'b', min(id), 0 FROM people",
                "INSERT INTO user_bindings (connector_id, external_id, account_id, created_at) SELECT 1, 'b', max(id), 0 FROM accounts",
            ] {
                let connection = Connection::lease().await?;
                let all = "SELECT count(*) AS count FROM people UNION ALL SELECT count(*) FROM addresses
                     UNION ALL SELECT count(*) FROM person_identities UNION ALL SELECT count(*) FROM audit";
                let known = ask(&connection, &connector, &entries).await?;
                let plan = Plan::make(&entries, &known);
                assert_eq!(plan.strangers.len(), 2, "{meanwhile}");
                connection.execute(meanwhile, Vec::new()).await?;
                let before = format!("{:?}", connection.query(all, &[])?);
                let mut draft = Draft::new(author("portal"));
                plan.bind(&mut draft, &connector)?;
                let premise = plan.premise(&connector, &entries, &known)?;
                assert!(!draft.apply(&connection, &[premise]).await?, "{meanwhile}");
                assert_eq!(format!("{:?}", connection.query(all, &[])?), before, "{meanwhile}");
                for table in [
                    "addresses WHERE key = 'b@example.com'",
                    "person_identities WHERE external_id = 'b'",
                    "user_bindings",
                ] {
                    connection.execute(&format!("DELETE FROM {table}"), Vec::new()).await?;
                }
            }
            Ok(())
        });
    }

    #[test]
    fn a_large_body_means_whom_it_names_and_the_audit_says_so() {
        run(async {
            let operator = first_start().await?;
            let connector = &operator.connector;
            let put = async |entries| put_users(author("portal"), connector, entries, Run::default()).await;
            let there = vec![entry("there", "There@example.com"), entry("given-up", "up@example.com")];
            put(&there).await?;
            let statement = "UPDATE addresses SET proved_at = 0, retired_at = ? WHERE key = 'up@example.com'";
            Connection::lease().await?.execute(statement, vec![Time::now().into()]).await?;
            // New people, one with two external ids, one who is there, and one by an address that its person may take back.
            let numbers = 0..i32::try_from(MANY).expect("a number");
            let mut entries: Vec<_> =
                numbers.rev().map(|n| entry(&format!("new-{n}"), &format!("New{n}@example.com"))).collect();
            entries.push(entry("twice", "new7@example.com"));
            entries.push(entry("known", "there@example.com"));
            entries.push(entry("next", "up@example.com"));
            assert_eq!(put(&entries).await?.bound.len(), entries.len());
            let statement = "SELECT i.external_id, i.person_id = coalesce(d.next_id, d.person_id) AND i.key = d.key
                    AND (SELECT count(*) FROM audit a WHERE a.subject = 'people' AND a.subject_id = i.person_id AND a.action = 'bound'
                            AND a.detail = json_object('connector', i.connector_id, 'externalId', i.external_id)
                            AND a.actor = 'system' AND a.account_id IS NULL) = 1
                    AND (SELECT count(*) FROM audit a WHERE a.subject = 'people' AND a.subject_id = i.person_id AND a.action = 'created') = 1
                    AS is_so, d.address
               FROM person_identities i JOIN addresses d ON d.key = i.key WHERE i.external_id <> 'given-up'";
            let rows = Connection::lease().await?.query(statement, &[])?;
            assert_eq!(rows.len(), entries.len() + 1);
            for mut row in rows {
                let (id, address): (String, String) = (row.take("external_id")?, row.take("address")?);
                assert_eq!(row.take::<i64>("is_so")?, 1, "{id}");
                // Of the one who is named twice the last spelling counts.
                let number = id.strip_prefix("new-").filter(|number| *number != "7");
                assert!(number.is_none_or(|number| address == format!("New{number}@example.com")), "{id}: {address}");
            }
            let before = put(&entries).await?;
            assert_eq!(before, Outcome::default(), "a second time it changes nothing");
            Ok(())
        });
    }

    #[test]
    fn an_external_id_that_is_unbound_leaves_its_person() {
        let entries = [("a".to_owned(), None)];
        let plan = Plan::make(&entries, &[known(Some(1), None, None)]);
        assert!(plan.unbound == [("a", person(1))] && plan.left == [("a", person(1))]);
    }

    #[test]
    fn who_belongs_where_is_looked_up_by_external_id() {
        let directory = migration::in_memory();
        let mut plan = directory.prepare(&format!("EXPLAIN QUERY PLAN {BOUND}")).expect("a statement");
        let steps = plan.query_map(("[]", 1), |row| row.get::<_, String>("detail")).expect("a plan");
        let steps: Vec<_> = steps.map(|step| step.expect("a step")).collect();
        assert!(steps[0].starts_with("SCAN e "), "{steps:?}");
        assert!(steps[1..].iter().all(|step| step.contains("(connector_id=? AND external_id=?)")), "{steps:?}");
    }

    /// Binds the account `a`, or what else the connector calls it, by its registration id `1`.
    async fn account(connector: &CallingConnector, external_id: &str) -> Result<()> {
        let acme = AccountEntry { name: Some("Acme".to_owned()), registration_id: Some("1".to_owned()) };
        put_accounts(author("portal"), connector, &vec![(external_id.to_owned(), Some(acme))], Run::default())
            .await
            .map(drop)
    }

    /// The addresses of the members that the accounts of the portal have.
    async fn members() -> Result<Vec<String>> {
        let statement = "SELECT d.address FROM memberships m JOIN accounts a ON a.id = m.account_id
               JOIN addresses d ON d.person_id = m.person_id WHERE a.origin = 'portal' ORDER BY d.address";
        let rows = Connection::lease().await?.query(statement, &[])?;
        rows.into_iter().map(|mut row| row.take("address")).collect()
    }

    #[test]
    fn a_user_who_is_bound_before_it_is_known_is_a_member_as_soon_as_it_is() {
        run(async {
            let connector = first_start().await?.connector;
            account(&connector, "a").await?;
            bind_users(author("portal"), &connector, "a", &["u".to_owned()], Run::default()).await?;
            assert_eq!(members().await?, [""; 0]);
            put_users(author("portal"), &connector, &vec![entry("u", "jane@example.com")], Run::default()).await?;
            assert_eq!(members().await?, ["jane@example.com"]);
            Ok(())
        });
    }

    #[test]
    fn a_membership_goes_with_the_last_binding_behind_it() {
        run(async {
            let connector = first_start().await?.connector;
            account(&connector, "a").await?;
            let both = ["u".to_owned(), "v".to_owned()];
            bind_users(author("portal"), &connector, "1", &both, Run::default()).await?;
            let jane = vec![entry("u", "jane@example.com"), entry("v", "jane@example.com")];
            put_users(author("portal"), &connector, &jane, Run::default()).await?;
            for (external_id, left) in both.into_iter().zip([&["jane@example.com"] as &[&str], &[]]) {
                put_users(author("portal"), &connector, &vec![(external_id, None)], Run::default()).await?;
                assert_eq!(members().await?, left);
            }
            let people = Connection::lease().await?.query("SELECT 1 FROM people WHERE origin = 'portal'", &[])?;
            assert_eq!(people.len(), 0, "the person goes too");
            Ok(())
        });
    }

    #[test]
    fn an_external_id_that_was_unbound_opens_nothing_to_another_person() {
        run(async {
            let connector = first_start().await?.connector;
            account(&connector, "a").await?;
            bind_users(author("portal"), &connector, "a", &["u".to_owned()], Run::default()).await?;
            put_users(author("portal"), &connector, &vec![entry("u", "jane@example.com")], Run::default()).await?;
            put_users(author("portal"), &connector, &vec![("u".to_owned(), None)], Run::default()).await?;
            put_users(author("portal"), &connector, &vec![entry("u", "joe@example.com")], Run::default()).await?;
            assert_eq!(members().await?, [""; 0]);
            Ok(())
        });
    }

    #[test]
    fn an_external_id_that_means_nobody_and_is_unbound_opens_nothing_later() {
        run(async {
            let connector = first_start().await?.connector;
            account(&connector, "a").await?;
            bind_users(author("portal"), &connector, "a", &["u".to_owned()], Run::default()).await?;
            put_users(author("portal"), &connector, &vec![("u".to_owned(), None)], Run::default()).await?;
            put_users(author("portal"), &connector, &vec![entry("u", "joe@example.com")], Run::default()).await?;
            assert_eq!(members().await?, [""; 0]);
            Ok(())
        });
    }

    #[test]
    fn unbinding_takes_no_membership_that_was_decided_about_elsewhere() {
        run(async {
            let operator = first_start().await?;
            let connector = &operator.connector;
            account(connector, "a").await?;
            bind_users(author("portal"), connector, "a", &["u".to_owned()], Run::default()).await?;
            put_users(author("portal"), connector, &vec![entry("u", "jane@example.com")], Run::default()).await?;

            let edit = Edit::begin(author("accounts")).await?;
            let mut row = edit.run_one(
                "SELECT account_id, known_as FROM memberships m JOIN grants USING (account_id, person_id)
                  WHERE door = 'portal'",
                &[],
            )?;
            let (account_id, jane) = (row.take("account_id")?, row.take("known_as")?);
            let held = hierarchy::roles(edit.connection(), &operator.administrator, account_id)?;
            let change = members::Change { roles: Some(vec![Role::Viewer]), active: None };
            members::update(&edit, &operator.administrator, &held, account_id, jane, &change).await?;
            edit.commit().await?;

            put_users(author("portal"), connector, &vec![("u".to_owned(), None)], Run::default()).await?;
            assert_eq!(members().await?, ["jane@example.com"]);
            Ok(())
        });
    }

    #[test]
    fn users_are_bound_to_no_account_that_the_connector_is_not_bound_to() {
        run(async {
            let operator = first_start().await?;
            let connector = &operator.connector;
            account(connector, "a").await?;
            // By its registration id the account can be found as long as the connector has a name of its own for it.
            put_accounts(author("portal"), connector, &vec![("a".to_owned(), None)], Run::default()).await?;
            for account in ["a", "1"] {
                let refused = bind_users(author("portal"), connector, account, &["u".to_owned()], Run::default()).await;
                assert!(matches!(refused, Err(Error::NotFound(Thing::Account))), "{account}: {refused:?}");
            }
            Ok(())
        });
    }
}
