use std::collections::BTreeMap;
use std::time::Duration;

use crate::Error;
use crate::accounts::manage::{self, AccountChange};
use crate::accounts::sources::Field;
use crate::accounts::sources::precedence::{self, Precedence, Ranked};
use crate::accounts::sources::readings::{self, DISAGREEMENTS, SOURCES};
use crate::auth::caller::{Caller, CallingConnector};
use crate::auth::scope::Scopes;
use crate::connectors::connector::{self, NewConnector};
use crate::connectors::identities::{AccountEntry, put_accounts};
use crate::connectors::outcome::Run;
use crate::connectors::relying_party::RelyingParty;
use crate::entry::first_start::tests::{Operator, author, first_start};
use crate::error::{Conflict, Result};
use crate::odata::listing::Item;
use crate::odata::{Filter, Listing};
use crate::store::native::run;
use crate::store::{Connection, Edit, Value};
use crate::values::change::Change;
use crate::values::id::AccountId;
use crate::values::role::Role;
use crate::values::time::clock;
use crate::values::version::Precondition;

/// Makes a connector of the operator account, which calls.
async fn connector(operator: &Operator, name: &str) -> Result<CallingConnector> {
    let edit = Edit::begin(author("accounts")).await?;
    let new = NewConnector {
        account_id: operator.id,
        name: name.to_owned(),
        integration: String::new(),
        property: String::new(),
        sandbox: false,
        scopes: Scopes::all(),
        rank: Some(Role::Owner),
        relying_party: RelyingParty::default(),
    };
    let (made, _) = connector::create(&edit, &operator.administrator, &new).await?;
    edit.commit().await?;
    Ok(CallingConnector { id: made.id, client_id: made.client_id, ..operator.connector.clone() })
}

/// A connector says something of an account, or nothing any more.
async fn push(connector: &CallingConnector, external_id: &str, said: Option<(&str, &str)>) -> Result<()> {
    let entry = said.map(|(name, registration_id)| AccountEntry {
        name: Some(name.to_owned()),
        registration_id: Some(registration_id.to_owned()),
    });
    put_accounts(author("portal"), connector, &vec![(external_id.to_owned(), entry)], Run::default()).await.map(drop)
}

/// People say something through the accounts API.
async fn change(operator: &Operator, account_id: AccountId, change: AccountChange) -> Result<()> {
    let edit = Edit::begin(author("accounts")).await?;
    manage::update(&edit, &operator.administrator, account_id, &change, &Precondition::default()).await?;
    edit.commit().await
}

fn named(name: &str) -> AccountChange {
    AccountChange { name: Change::Set(name.to_owned()), ..AccountChange::default() }
}

async fn order(operator: &Operator, sources: &[Ranked]) -> Result<()> {
    let edit = Edit::begin(author("accounts")).await?;
    let wanted: Precedence = [(Field::Name, sources.to_vec())].into();
    precedence::update(&edit, &operator.administrator, operator.id, &wanted).await?;
    edit.commit().await
}

async fn go(operator: &Operator, connector: &CallingConnector, deletes: bool) -> Result<()> {
    let edit = Edit::begin(author("accounts")).await?;
    if deletes {
        connector::delete(&edit, &operator.administrator, connector.id).await?;
    } else {
        connector::disconnect(&edit, &operator.administrator, connector.id).await?;
    }
    edit.commit().await
}

#[test]
fn what_a_connector_said_leads_on_once_it_is_gone_and_holds_nothing() {
    run(async {
        let operator = first_start().await?;
        let registered =
            |id: &str| AccountChange { registration_id: Change::Set(id.to_owned()), ..AccountChange::default() };
        for (round, deletes) in [false, true].into_iter().enumerate() {
            let (said, corrected) = (format!("77{round}-1"), format!("77{round}-8"));
            let (gone, next) = (connector(&operator, "gone").await?, connector(&operator, "next").await?);
            push(&gone, "a", Some(("Acme", &said))).await?;
            let acme = shown().await?.last().expect("an account").0;
            change(&operator, acme, registered(&corrected)).await?;
            go(&operator, &gone, deletes).await?;
            let accounts = shown().await?.len();
            push(&next, "b", Some(("Acme", &said))).await?;
            assert_eq!(shown().await?.len(), accounts, "deletes {deletes}: it is the same account");
            // Once that is gone as well, people may say it of another one, and it leads there.
            go(&operator, &next, deletes).await?;
            let edit = Edit::begin(author("accounts")).await?;
            let other =
                crate::entry::first_start::tests::account(&edit, operator.id, &format!("Other {round}")).await?;
            edit.commit().await?;
            change(&operator, other, registered(&said)).await?;
            let last = connector(&operator, "last").await?;
            push(&last, "c", Some(("Other", &said))).await?;
            let bound = "SELECT account_id AS id FROM account_identities WHERE connector_id = ?";
            let bound: AccountId = Connection::lease().await?.query_one(bound, &[last.id.into()])?.take("id")?;
            assert_eq!(bound, other);
            assert_eq!(crate::accounts::joins::tests::contradictions(&Connection::lease().await?)?, [""; 0]);
        }
        Ok(())
    });
}

/// The accounts that have an owner: id, name, registration id.
async fn shown() -> Result<Vec<(AccountId, String, Option<String>)>> {
    let statement = "SELECT id, name, registration_id FROM accounts WHERE owner_id IS NOT NULL ORDER BY id";
    let rows = Connection::lease().await?.query(statement, &[])?;
    rows.into_iter().map(|mut row| Ok((row.take("id")?, row.take("name")?, row.take("registration_id")?))).collect()
}

async fn the_name() -> Result<String> {
    Ok(shown().await?.remove(0).1)
}

async fn number(statement: &str) -> Result<i64> {
    Connection::lease().await?.query_one(statement, &[])?.take("number")
}

#[test]
fn a_hundred_syncs_of_two_connectors_that_disagree_change_nothing() {
    run(async {
        let operator = first_start().await?;
        let (one, two) = (connector(&operator, "one").await?, connector(&operator, "two").await?);
        push(&one, "a", Some(("Acme Ltd.", "1"))).await?;
        push(&two, "b", Some(("ACME", "1"))).await?;
        let rows = "SELECT (SELECT count(*) FROM audit) + (SELECT sum(version) FROM accounts) AS number";
        let before = number(rows).await?;
        for _ in 0..50 {
            push(&one, "a", Some(("Acme Ltd.", "1"))).await?;
            push(&two, "b", Some(("ACME", "1"))).await?;
        }
        assert_eq!(number(rows).await?, before);
        assert_eq!(the_name().await?, "Acme Ltd.");
        Ok(())
    });
}

#[test]
fn a_source_that_lets_go_takes_its_word_along_and_the_next_is_shown() {
    run(async {
        let operator = first_start().await?;
        let mut connectors = Vec::new();
        for name in ["one", "two", "three", "four"] {
            let connector = connector(&operator, name).await?;
            clock::advance(Duration::from_millis(1));
            push(&connector, "a", Some((name, "1"))).await?;
            connectors.push(connector);
        }
        let account_id = shown().await?[0].0;
        change(&operator, account_id, named("people")).await?;
        assert_eq!(the_name().await?, "people");
        let clear = AccountChange { name: Change::Clear, ..AccountChange::default() };
        change(&operator, account_id, clear.clone()).await?;
        assert_eq!(the_name().await?, "one");
        push(&connectors[0], "a", None).await?;
        assert_eq!(the_name().await?, "two");
        let edit = Edit::begin(author("accounts")).await?;
        connector::disconnect(&edit, &operator.administrator, connectors[1].id).await?;
        edit.commit().await?;
        assert_eq!(the_name().await?, "three");
        let edit = Edit::begin(author("accounts")).await?;
        connector::delete(&edit, &operator.administrator, connectors[2].id).await?;
        edit.commit().await?;
        assert_eq!(the_name().await?, "four");
        // What nobody says any more stays, and nobody can take back what was not said.
        let edit = Edit::begin(author("accounts")).await?;
        connector::delete(&edit, &operator.administrator, connectors[3].id).await?;
        edit.commit().await?;
        assert_eq!(the_name().await?, "four");
        assert!(matches!(change(&operator, account_id, clear).await, Err(Error::Invalid(_))));
        Ok(())
    });
}

#[test]
fn a_registration_id_that_people_corrected_stays_and_the_connector_goes_on_meaning_the_account() {
    run(async {
        let operator = first_start().await?;
        let (one, two) = (connector(&operator, "one").await?, connector(&operator, "two").await?);
        push(&one, "a", Some(("Acme", "777-1"))).await?;
        push(&one, "z", Some(("Other", "9"))).await?;
        let account_id = shown().await?[0].0;
        let registered =
            |id: &str| AccountChange { registration_id: Change::Set(id.to_owned()), ..AccountChange::default() };
        change(&operator, account_id, registered("777-8")).await?;
        push(&one, "a", Some(("Acme", "777-1"))).await?;
        // Another one that says the same means the same account, by either registration id.
        push(&two, "b", Some(("Acme", "777-1"))).await?;
        push(&two, "c", Some(("Acme", "777-8"))).await?;
        let registered_first = async || Ok::<_, Error>(shown().await?.remove(0).2);
        assert_eq!(registered_first().await?.as_deref(), Some("777-8"));
        assert_eq!(
            number("SELECT count(DISTINCT account_id) AS number FROM account_identities WHERE external_id <> 'z'")
                .await?,
            1
        );
        // No other account gets it, whoever says so.
        let other = shown().await?[1].0;
        for taken in ["777-1", "777-8"] {
            let refused = change(&operator, other, registered(taken)).await;
            assert!(matches!(refused, Err(Error::Conflict(Conflict::RegistrationIdTaken))), "{taken}");
        }
        let clear = AccountChange { registration_id: Change::Clear, ..AccountChange::default() };
        change(&operator, account_id, clear).await?;
        assert_eq!(registered_first().await?.as_deref(), Some("777-1"));
        assert_eq!(shown().await?.len(), 2);
        Ok(())
    });
}

#[test]
fn the_owners_order_comes_first_and_is_taken_back() {
    run(async {
        let operator = first_start().await?;
        let (one, two) = (connector(&operator, "one").await?, connector(&operator, "two").await?);
        push(&one, "a", Some(("One", "1"))).await?;
        clock::advance(Duration::from_millis(1));
        push(&two, "a", Some(("Two", "1"))).await?;
        let account_id = shown().await?[0].0;
        order(&operator, &[Ranked::Connector(two.id)]).await?;
        assert_eq!(the_name().await?, "Two");
        change(&operator, account_id, named("People")).await?;
        assert_eq!(the_name().await?, "Two", "people come after the connector here");
        order(&operator, &[Ranked::Connector(two.id), Ranked::Connector(one.id)]).await?;
        push(&two, "a", None).await?;
        assert_eq!(the_name().await?, "One");
        order(&operator, &[]).await?;
        assert_eq!(the_name().await?, "People");
        let twice = order(&operator, &[Ranked::Above, Ranked::Above]).await;
        assert!(matches!(twice, Err(Error::Invalid(_))));
        Ok(())
    });
}

#[test]
fn sources_and_disagreements_are_listed_for_people_alone() {
    run(async {
        let operator = first_start().await?;
        let (one, two) = (connector(&operator, "one").await?, connector(&operator, "two").await?);
        push(&one, "a", Some(("One", "1"))).await?;
        clock::advance(Duration::from_millis(1));
        push(&two, "b", Some(("Two", "1"))).await?;
        push(&two, "c", Some(("Alone", "2"))).await?;
        let account_id = shown().await?[0].0;
        let connection = Connection::lease().await?;
        let page = readings::sources(&connection, &operator.administrator, account_id, &Listing::all(&SOURCES, 50))?;
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        let lines: Vec<_> =
            page.items.iter().map(|item| item.values[..3].iter().map(text).collect::<Vec<_>>().join(" ")).collect();
        let expected = ["name One 1", "name Two 0", "registrationId 1 1", "registrationId 1 1"];
        assert_eq!(lines, expected);
        let listing = Listing::all(&DISAGREEMENTS, 50);
        let page = readings::disagreements(&connection, &operator.administrator, operator.id, &listing)?;
        let values: Vec<_> = page.items[0].values.iter().map(text).collect();
        let two_id = two.id.to_string();
        let one_id = one.id.to_string();
        let expected = [
            account_id.to_string().as_str(),
            "name",
            "Two",
            "connector",
            &two_id,
            "two",
            "b",
            "One",
            "connector",
            &one_id,
            "one",
            "default",
        ]
        .map(str::to_owned);
        assert_eq!(values, expected);
        assert_eq!(page.items.len(), 1);
        let calling = Caller::Connector(one);
        let refused = readings::disagreements(&connection, &calling, operator.id, &listing);
        assert!(matches!(refused, Err(Error::Forbidden { .. })));
        Ok(())
    });
}

#[test]
fn disagreements_come_page_by_page_as_all_at_once() {
    run(async {
        let operator = first_start().await?;
        let (one, two) = (connector(&operator, "one").await?, connector(&operator, "two").await?);
        let entries = |name: &str, of: usize| {
            let entry = |n: usize| AccountEntry {
                name: Some(if n.is_multiple_of(of) { name.to_owned() } else { format!("Account {n}") }),
                registration_id: Some(n.to_string()),
            };
            (0..60).map(|n| (format!("{n:03}"), Some(entry(n)))).collect()
        };
        put_accounts(author("portal"), &one, &entries("One", 1), Run::default()).await?;
        put_accounts(author("portal"), &two, &entries("Two", 3), Run::default()).await?;
        let connection = Connection::lease().await?;
        let read =
            |listing: &Listing| readings::disagreements(&connection, &operator.administrator, operator.id, listing);
        let all = read(&Listing { count: true, ..Listing::all(&DISAGREEMENTS, 500) })?;
        assert_eq!((all.items.len(), all.count, all.more), (60, Some(60), false));
        let keys = |items: &[Item]| items.iter().map(|item| format!("{:?}", item.keys)).collect::<Vec<_>>();
        let matching = Filter::parse("value eq 'Two'", DISAGREEMENTS.fields).expect("a filter");
        for filter in [None, Some(matching)] {
            let all = read(&Listing { filter: filter.clone(), ..Listing::all(&DISAGREEMENTS, 500) })?;
            assert_eq!(all.items.len(), if filter.is_some() { 20 } else { 60 });
            for top in [1, 7, 20, 59, 60] {
                let (mut walked, mut after) = (Vec::new(), None);
                loop {
                    let listing =
                        Listing { filter: filter.clone(), after: after.clone(), ..Listing::all(&DISAGREEMENTS, top) };
                    let page = read(&listing)?;
                    after = page.items.last().map(|last| listing.order.after(&last.keys).expect("its keys"));
                    walked.extend(keys(&page.items));
                    assert!(page.items.len() <= usize::try_from(top).expect("a size"));
                    if !page.more {
                        break;
                    }
                }
                assert_eq!(walked, keys(&all.items), "{top}");
                let skipped = Listing { filter: filter.clone(), skip: top, ..Listing::all(&DISAGREEMENTS, 5) };
                let expected: Vec<_> =
                    keys(&all.items).into_iter().skip(usize::try_from(top).expect("a size")).take(5).collect();
                assert_eq!(keys(&read(&skipped)?.items), expected, "{top}");
            }
        }
        Ok(())
    });
}

/// What is said of the name of an account, as a model of the rule: nothing else is known of how it came to be.
#[derive(Default)]
struct Model {
    people: Option<String>,
    /// In the order in which they were bound: the connector, and what it says.
    connectors: Vec<(usize, String)>,
    order: Vec<Ranked>,
}

impl Model {
    fn shown(&self, ids: &[CallingConnector]) -> Option<String> {
        let said = |ranked: &Ranked| match ranked {
            Ranked::People => self.people.clone(),
            Ranked::Above => None,
            Ranked::Connector(id) => {
                self.connectors.iter().find(|(which, _)| ids[*which].id == *id).map(|(_, name)| name.clone())
            }
        };
        let named = self.order.iter().find_map(said);
        named.or_else(|| self.people.clone()).or_else(|| self.connectors.first().map(|(_, name)| name.clone()))
    }
}

/// Dice that begin with a number: the same number, the same history.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("a side")
    }
}

#[test]
fn what_is_shown_follows_from_what_is_said_whatever_was_before() {
    run(async {
        let operator = first_start().await?;
        let mut ids = Vec::new();
        for name in ["one", "two", "three"] {
            ids.push(connector(&operator, name).await?);
        }
        // It holds the account when everybody else has let go of it, and says what nobody else does.
        let keeper = connector(&operator, "keeper").await?;
        ids.push(keeper.clone());
        push(&keeper, "a", Some(("Kept", "1"))).await?;
        let account_id = shown().await?[0].0;
        let mut model = Model { connectors: vec![(3, "Kept".to_owned())], ..Model::default() };
        let (mut dice, names) = (Dice(0x5eed_0012), ["A", "B", "C"]);
        for step in 0..400 {
            clock::advance(Duration::from_millis(1));
            let (which, name) = (dice.roll(3), names[dice.roll(3)]);
            match dice.roll(8) {
                0..=3 => {
                    push(&ids[which], "a", Some((name, "1"))).await?;
                    match model.connectors.iter_mut().find(|(of, _)| *of == which) {
                        Some((_, said)) => name.clone_into(said),
                        None => model.connectors.push((which, name.to_owned())),
                    }
                }
                4 => {
                    push(&ids[which], "a", None).await?;
                    model.connectors.retain(|(of, _)| *of != which);
                }
                5 => {
                    let shown = model.shown(&ids);
                    change(&operator, account_id, named(name)).await?;
                    // What is shown already is nothing that people say.
                    if shown.as_deref() != Some(name) {
                        model.people = Some(name.to_owned());
                    }
                }
                6 => {
                    change(&operator, account_id, AccountChange { name: Change::Clear, ..AccountChange::default() })
                        .await?;
                    model.people = None;
                }
                _ => {
                    let all = [Ranked::People, Ranked::Connector(ids[0].id), Ranked::Connector(ids[1].id)];
                    let first = dice.roll(3);
                    model.order = all.iter().cycle().skip(first).take(dice.roll(4)).copied().collect();
                    order(&operator, &model.order).await?;
                }
            }
            assert_eq!(Some(the_name().await?), model.shown(&ids), "step {step}");
        }
        // Each word is kept as it was said, and what agrees with what is shown takes no place.
        let statement = "SELECT i.connector_id, i.name AS kept, a.name FROM account_identities i JOIN accounts a ON a.id = i.account_id";
        let connection = Connection::lease().await?;
        let mut kept = BTreeMap::new();
        for mut row in connection.query(statement, &[])? {
            let (word, name): (Option<String>, String) = (row.take("kept")?, row.take("name")?);
            assert_ne!(word.as_ref(), Some(&name));
            kept.insert(row.take::<i64>("connector_id")?, word.unwrap_or(name));
        }
        let said: BTreeMap<_, _> = model
            .connectors
            .iter()
            .map(|(which, name)| (ids[*which].id.to_string().parse().expect("a number"), name.clone()))
            .collect();
        assert_eq!(kept, said);
        Ok(())
    });
}

#[test]
fn what_is_shown_does_not_depend_on_the_order_in_which_it_was_said() {
    run(async {
        let operator = first_start().await?;
        let mut ids = Vec::new();
        for name in ["one", "two", "three"] {
            ids.push(connector(&operator, name).await?);
        }
        let permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for (registration_id, permutation) in ["1", "2", "3", "4", "5", "6"].into_iter().zip(permutations) {
            for connector in &ids {
                clock::advance(Duration::from_millis(1));
                push(connector, registration_id, Some(("Before", registration_id))).await?;
            }
            for which in permutation {
                let said = ["One", "Two", "Three"][which];
                push(&ids[which], registration_id, Some((said, registration_id))).await?;
            }
            assert_eq!(shown().await?.pop().expect("an account").1, "One", "{permutation:?}");
        }
        Ok(())
    });
}
