//! How a body of the portal is applied, and what it changes of what the connector itself has said.
//!
//! What is told of a body depends on the body and on what the connector said before, and on nothing else: not on whether an
//! account or a person was made or found, nor on what other sources say. So a dry run tells one connector nothing of another.

use crate::auth::caller::CallingConnector;
use crate::connectors::health;
use crate::error::{Error, Result};
use crate::store::{Connection, Edit};

/// How a body is to be applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Whether it is only to be told what it would change.
    pub is_dry: bool,
    /// How many external ids it is confirmed to unbind, see [`guard`].
    pub unbinds: Option<u64>,
}

/// What a body changes: external ids of the connector, in the order of the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Those that are bound from now on, and were not.
    pub bound: Vec<String>,
    /// Those that were bound, and of which the connector says something else now.
    pub changed: Vec<String>,
    /// Those that are bound no more.
    pub unbound: Vec<String>,
}

/// What of a connector's own external ids a guard counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identities {
    /// Those of accounts.
    Accounts,
    /// Those of people.
    People,
}

/// The share of external ids that a connector may unbind by one body, in percent, and how many it has bound in a table.
macro_rules! guarded {
    ($table:literal) => {
        concat!(
            "SELECT c.unbind_share AS share, iif(c.unbind_share IS NULL, 0, (SELECT count(*) FROM ",
            $table,
            " i WHERE i.connector_id = c.id)) AS bound FROM connectors c WHERE c.id = ?"
        )
    };
}

/// Refuses to unbind more than the share of its external ids that the connector may by mistake, unless that very number is
/// confirmed. A dry run changes nothing, and is not refused.
///
/// # Errors
///
/// [`Error::Unconfirmed`].
pub(super) fn guard(
    edit: &Edit,
    connector: &CallingConnector,
    identities: Identities,
    unbound: usize,
    run: Run,
) -> Result<()> {
    if unbound == 0 || run.is_dry || run.unbinds == u64::try_from(unbound).ok() {
        return Ok(());
    }
    let statement = match identities {
        Identities::Accounts => guarded!("account_identities"),
        Identities::People => guarded!("person_identities"),
    };
    let mut row = edit.run_one(statement, &[connector.id.into()])?;
    let Some(share) = row.take::<Option<i64>>("share")? else { return Ok(()) };
    let bound: i64 = row.take("bound")?;
    let unbound = i64::try_from(unbound).unwrap_or(i64::MAX);
    if unbound.saturating_mul(100) <= share.saturating_mul(bound) {
        return Ok(());
    }
    Err(Error::Unconfirmed { unbound, bound, share })
}

/// How many entries of a body are looked at first: a body that changes something mostly shows it there.
const SAMPLE: usize = 50;

/// What of a body is looked at, one part after the other, to see whether it changes anything. Connectors send again and again what
/// they have sent, and who changes nothing waits for no lock; what follows reads again under the lock. The last part is the whole,
/// for it has to be of one moment: what a sample has shown may be so no more.
pub(super) fn parts<T>(entries: &[T]) -> impl Iterator<Item = &[T]> {
    let sample = &entries[..entries.len().min(SAMPLE)];
    Some(sample).into_iter().filter(|sample| sample.len() < entries.len()).chain([entries])
}

/// Ends a body that changes nothing.
pub(super) async fn nothing(connection: &Connection, connector: &CallingConnector, run: Run) -> Result<Outcome> {
    if !run.is_dry {
        health::nothing_changed(connection, connector).await?;
    }
    Ok(Outcome::default())
}

/// Ends the transaction of a body: it is committed, or, of a dry run, rolled back.
pub(super) async fn end(edit: Edit, connector: &CallingConnector, run: Run) -> Result<()> {
    if run.is_dry {
        return Ok(());
    }
    connector.succeeds(&mut edit.draft())?;
    edit.commit().await
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::connectors::bindings::{UserEntries, put_users};
    use crate::connectors::identities::{AccountEntries, AccountEntry, put_accounts};
    use crate::entry::first_start::tests::{author, first_start};
    use crate::store::Row;
    use crate::store::native::run;
    use crate::values::email::Email;
    use crate::values::id::ConnectorId;

    const DRY: Run = Run { is_dry: true, unbinds: None };

    /// What a connector says: each external id, with what is said of it.
    type Own = BTreeMap<String, Vec<Option<String>>>;

    fn read(statement: &str, connection: &Connection, id: ConnectorId, columns: &[&str]) -> Result<Own> {
        let one = |mut row: Row| {
            let said = columns.iter().map(|column| row.take(column)).collect::<Result<Vec<Option<String>>>>()?;
            Ok((row.take("external_id")?, said))
        };
        connection.query(statement, &[id.into()])?.into_iter().map(one).collect()
    }

    async fn accounts_of(id: ConnectorId) -> Result<Own> {
        let statement = "SELECT i.external_id, coalesce(i.name, a.name) AS name,
                coalesce(i.registration_id, a.registration_id) AS registered
           FROM account_identities i JOIN accounts a ON a.id = i.account_id WHERE i.connector_id = ?";
        read(statement, &Connection::lease().await?, id, &["name", "registered"])
    }

    async fn people_of(id: ConnectorId) -> Result<Own> {
        let statement = "SELECT external_id, key FROM person_identities WHERE connector_id = ?";
        read(statement, &Connection::lease().await?, id, &["key"])
    }

    /// Everything that a body may change, in one text.
    async fn everything() -> Result<String> {
        let statement = "SELECT (SELECT json_group_array(json_array(id, name, registration_id, version)) FROM accounts)
                || (SELECT json_group_array(json_array(connector_id, external_id, account_id, name)) FROM account_identities)
                || (SELECT json_group_array(json_array(connector_id, external_id, person_id, key)) FROM person_identities)
                || (SELECT json_group_array(key) FROM addresses) || (SELECT count(*) FROM audit)
                || (SELECT json_group_array(last_success_at) FROM connectors) AS everything";
        Connection::lease().await?.query_one(statement, &[])?.take("everything")
    }

    fn difference(before: &Own, after: &Own) -> [BTreeSet<String>; 3] {
        let only = |these: &Own, those: &Own| these.keys().filter(|id| !those.contains_key(*id)).cloned().collect();
        let changed = after.iter().filter(|(id, said)| before.get(*id).is_some_and(|was| was != *said));
        [only(after, before), changed.map(|(id, _)| id.clone()).collect(), only(before, after)]
    }

    fn told(outcome: Outcome) -> [BTreeSet<String>; 3] {
        [outcome.bound, outcome.changed, outcome.unbound].map(|ids| ids.into_iter().collect())
    }

    /// Dice that begin with a number: the same number, the same bodies.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % sides as u64).expect("a side")
        }

        fn one_of(&mut self, of: &[&str]) -> String {
            of[self.roll(of.len())].to_owned()
        }

        fn accounts(&mut self) -> AccountEntries {
            let mut entries = BTreeMap::new();
            for _ in 0..=self.roll(3) {
                let entry = (self.roll(4) > 0).then(|| AccountEntry {
                    name: (self.roll(4) > 0).then(|| self.one_of(&["A", "B", "C"])),
                    registration_id: (self.roll(4) > 0).then(|| self.one_of(&["1", "2", "3"])),
                });
                entries.insert(self.one_of(&["v", "w", "x", "y"]), entry);
            }
            entries.into_iter().collect()
        }

        fn users(&mut self) -> UserEntries {
            let mut entries = BTreeMap::new();
            for _ in 0..=self.roll(3) {
                let address = self.one_of(&["a@example.com", "b@example.com", "c@example.com"]);
                let email = (self.roll(4) > 0).then(|| Email::parse(&address).expect("an address"));
                entries.insert(self.one_of(&["v", "w", "x", "y"]), email);
            }
            entries.into_iter().collect()
        }
    }

    #[test]
    fn a_dry_run_changes_nothing_and_tells_what_the_run_changes_and_nothing_of_others() {
        run(async {
            let operator = first_start().await?;
            let one = operator.connector.clone();
            let statement =
                "INSERT INTO connectors (account_id, client_id, secret_hash, scopes, name, created_at, updated_at)
                 VALUES (?, 'two', '', 'portal:write', 'two', 0, 0) RETURNING id";
            let connection = Connection::lease().await?;
            let id = connection.query_one(statement, &[operator.id.into()])?.take("id")?;
            let two = CallingConnector { id, client_id: "two".to_owned(), ..one.clone() };
            let mut dice = Dice(0x5eed_0018);
            for step in 0..300 {
                let connector = if dice.roll(2) == 0 { &one } else { &two };
                let whole = everything().await?;
                if dice.roll(2) == 0 {
                    let (entries, before) = (dice.accounts(), accounts_of(connector.id).await?);
                    let dry = put_accounts(author("portal"), connector, &entries, DRY).await;
                    assert_eq!(everything().await?, whole, "step {step}");
                    let done = put_accounts(author("portal"), connector, &entries, Run::default()).await;
                    match (dry, done) {
                        (Ok(dry), Ok(done)) => {
                            assert_eq!(dry, done, "step {step}");
                            let after = accounts_of(connector.id).await?;
                            assert_eq!(told(dry.clone()), difference(&before, &after), "step {step}: {entries:?}");
                            assert_eq!(told(dry), said_of_accounts(&before, &entries), "step {step}: {entries:?}");
                        }
                        (Err(dry), Err(done)) => {
                            assert_eq!(
                                (dry.to_string(), everything().await?),
                                (done.to_string(), whole),
                                "step {step}"
                            );
                        }
                        other => panic!("step {step}: {other:?}"),
                    }
                } else {
                    let (entries, before) = (dice.users(), people_of(connector.id).await?);
                    let dry = put_users(author("portal"), connector, &entries, DRY).await?;
                    assert_eq!(everything().await?, whole, "step {step}");
                    let done = put_users(author("portal"), connector, &entries, Run::default()).await?;
                    assert_eq!(dry, done, "step {step}");
                    let after = people_of(connector.id).await?;
                    assert_eq!(told(dry), difference(&before, &after), "step {step}: {entries:?}");
                }
            }
            Ok(())
        });
    }

    /// What a body changes of what a connector said, of which nothing else is known.
    fn said_of_accounts(before: &Own, entries: &AccountEntries) -> [BTreeSet<String>; 3] {
        let mut after = before.clone();
        for (external_id, entry) in entries {
            let Some(entry) = entry else {
                after.remove(external_id);
                continue;
            };
            let said = after.entry(external_id.clone()).or_insert_with(|| vec![None, None]);
            for (said, new) in said.iter_mut().zip([&entry.name, &entry.registration_id]) {
                if let Some(new) = new {
                    *said = Some(new.clone());
                }
            }
        }
        difference(before, &after)
    }

    #[test]
    fn a_body_that_would_unbind_more_than_the_guard_lets_it_says_how_many() {
        run(async {
            let operator = first_start().await?;
            let connector = &operator.connector;
            let entry = |n: usize| AccountEntry { name: Some("A".to_owned()), registration_id: Some(n.to_string()) };
            let all: AccountEntries = (0..10).map(|n| (n.to_string(), Some(entry(n)))).collect();
            put_accounts(author("portal"), connector, &all, Run::default()).await?;
            let unbind = async |number: usize, run: Run| {
                let entries: AccountEntries = (0..number).map(|n| (n.to_string(), None)).collect();
                put_accounts(author("portal"), connector, &entries, run).await
            };
            let statement = "UPDATE connectors SET unbind_share = 20 WHERE id = ?";
            Connection::lease().await?.execute(statement, vec![connector.id.into()]).await?;
            assert_eq!(unbind(3, DRY).await?.unbound.len(), 3, "a dry run tells the number");
            for confirmed in [None, Some(2), Some(4)] {
                let refused = unbind(3, Run { is_dry: false, unbinds: confirmed }).await;
                assert!(
                    matches!(refused, Err(Error::Unconfirmed { unbound: 3, bound: 10, share: 20 })),
                    "{confirmed:?}"
                );
            }
            assert_eq!(accounts_of(connector.id).await?.len(), 10);
            unbind(2, Run::default()).await?;
            unbind(5, Run { is_dry: false, unbinds: Some(3) }).await?;
            assert_eq!(accounts_of(connector.id).await?.len(), 5);
            // Nobody has to say a number who unbinds nothing.
            unbind(5, Run::default()).await?;
            Ok(())
        });
    }
}
