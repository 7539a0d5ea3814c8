use std::time::Duration;

use super::*;
use crate::accounts::manage::{self, AccountChange};
use crate::accounts::members::{self, Status};
use crate::accounts::sources::precedence::{self, Ranked};
use crate::accounts::{account, duplicates, hierarchy};
use crate::auth::caller::CallingConnector;
use crate::auth::scope::Scopes;
use crate::connectors::bindings::{bind_users, put_users};
use crate::connectors::connector::{self, NewConnector};
use crate::connectors::identities::{AccountEntry, put_accounts};
use crate::connectors::outcome::Run;
use crate::connectors::relying_party::RelyingParty;
use crate::entry::first_start::tests::{Operator, account, author, first_start, person};
use crate::error::{Conflict, Error};
use crate::store::migration;
use crate::store::native::run;
use crate::values::change::Change;
use crate::values::email::Email;
use crate::values::id::PersonId;
use crate::values::role::Role;
use crate::values::time::clock;
use crate::values::version::Precondition;

#[test]
fn a_joined_account_comes_back_with_every_column() {
    let store = migration::in_memory();
    let mut found = store.prepare("SELECT name FROM pragma_table_info('accounts') ORDER BY name").expect("a statement");
    let columns: Vec<String> =
        found.query_map([], |row| row.get(0)).expect("columns").map(|name| name.expect("a name")).collect();
    let mut named: Vec<_> = COLUMNS.iter().chain(&["id"]).map(|&name| name.to_owned()).collect();
    named.sort_unstable();
    assert_eq!(named, columns);
}

/// The whole directory, a line a row, but for what tells of a change: versions and times of accounts, the audit, and sessions.
pub(crate) fn directory(connection: &Connection) -> Result<Vec<String>> {
    let tables = "SELECT t.name, group_concat('quote(' || c.name || ')', ' || '','' || ') AS columns
           FROM pragma_table_list t, pragma_table_info(t.name) c
          WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE 'joined%' AND t.name NOT LIKE 'remov%'
            AND t.name NOT IN ('audit', 'migrations', 'refresh_tokens') AND NOT (t.name = 'accounts' AND c.name IN ('version', 'updated_at'))
          GROUP BY t.name";
    let mut lines = Vec::new();
    for mut row in connection.query(tables, &[])? {
        let (name, columns): (String, String) = (row.take("name")?, row.take("columns")?);
        for mut row in connection.query(&format!("SELECT {columns} AS line FROM \"{name}\""), &[])? {
            lines.push(format!("{name} {}", row.take::<String>("line")?));
        }
    }
    lines.sort_unstable();
    Ok(lines)
}

/// What differs between two states of the directory.
pub(crate) fn difference(before: &[String], after: &[String]) -> Vec<String> {
    let only = |these: &[String], those: &[String], sign: char| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).map(|line| format!("{sign} {line}")).collect()
    };
    [only(before, after, '-'), only(after, before, '+')].concat()
}

/// What contradicts the rules of the directory, a line each.
pub(crate) fn contradictions(connection: &Connection) -> Result<Vec<String>> {
    let shown = |column: &str| {
        format!(
            "SELECT 'shows what nobody says first: ' || a.id || ' {column} ' || coalesce(a.{column}, '') AS line FROM accounts a
              WHERE coalesce(a.people_{column}, a.above_{column}, (SELECT coalesce(i.{column}, a.{column}) FROM account_identities i
                        JOIN connectors c ON c.id = i.connector_id AND c.status <> 'inactive' WHERE i.account_id = a.id
                       ORDER BY i.created_at, i.connector_id, i.external_id LIMIT 1), a.{column}) IS NOT a.{column}
                AND NOT EXISTS (SELECT 1 FROM precedences p WHERE p.owner_id = a.owner_id)"
        )
    };
    let queries = [
        "SELECT 'a reference to nothing: ' || \"table\" AS line FROM pragma_foreign_key_check".to_owned(),
        "SELECT 'works without a grant: ' || account_id || ' ' || person_id AS line FROM memberships m
          WHERE status IN ('invited', 'awaiting', 'active')
            AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.account_id = m.account_id AND g.person_id = m.person_id)"
            .to_owned(),
        "SELECT 'out, and has grants: ' || account_id || ' ' || person_id AS line FROM memberships m
          WHERE status IN ('removed', 'refused')
            AND EXISTS (SELECT 1 FROM grants g WHERE g.account_id = m.account_id AND g.person_id = m.person_id)"
            .to_owned(),
        "SELECT 'kept, though it is shown: ' || external_id AS line FROM account_identities i JOIN accounts a ON a.id = i.account_id
          WHERE i.name = a.name OR i.registration_id = a.registration_id"
            .to_owned(),
        "SELECT 'leads to two accounts: ' || id AS line FROM (
             SELECT owner_id, id AS account, registration_id AS id FROM accounts
             UNION SELECT owner_id, id, people_registration_id FROM accounts
             UNION SELECT owner_id, id, above_registration_id FROM accounts
             UNION SELECT a.owner_id, a.id, i.registration_id FROM account_identities i JOIN accounts a ON a.id = i.account_id
             UNION SELECT a.owner_id, a.id, r.registration_id FROM joined_registration_ids r
                     JOIN joined_accounts j ON j.id = r.joined_id JOIN accounts a ON a.id = j.account_id)
          WHERE id IS NOT NULL GROUP BY owner_id, id HAVING count(*) > 1"
            .to_owned(),
        "SELECT 'counts others than it owns: ' || id AS line FROM accounts a WHERE descendants <> (
             WITH RECURSIVE owned(id) AS (
                 SELECT o.id FROM accounts o WHERE o.owner_id = a.id
                 UNION ALL SELECT o.id FROM owned JOIN accounts o ON o.owner_id = owned.id)
             SELECT count(*) FROM owned)"
            .to_owned(),
        "SELECT 'binds where it is not bound: ' || b.connector_id || ' ' || b.external_id || ' ' || b.account_id AS line FROM user_bindings b
          WHERE NOT EXISTS (SELECT 1 FROM account_identities i WHERE i.account_id = b.account_id AND i.connector_id = b.connector_id)"
            .to_owned(),
        "SELECT 'given by a binding that is none: ' || g.account_id || ' ' || g.person_id AS line FROM grants g
          WHERE g.door = 'portal' AND NOT EXISTS (SELECT 1 FROM user_bindings b
                JOIN person_identities i ON i.connector_id = b.connector_id AND i.external_id = b.external_id
                WHERE b.account_id = g.account_id AND i.person_id = g.person_id)"
            .to_owned(),
        "SELECT 'an account, and joined into one: ' || a.id AS line FROM joined_accounts j JOIN accounts a ON a.id = j.id".to_owned(),
        "SELECT 'a subdomain of two: ' || j.subdomain AS line FROM joined_accounts j JOIN accounts a ON a.subdomain = j.subdomain".to_owned(),
        "SELECT 'shared by others than it says: ' || owner_id || ' ' || kind || ' ' || key AS line FROM (
             SELECT * FROM (SELECT * FROM shared_keys_now EXCEPT SELECT * FROM shared_keys)
             UNION SELECT * FROM (SELECT * FROM shared_keys EXCEPT SELECT * FROM shared_keys_now))"
            .to_owned(),
        "SELECT 'entered, and is found otherwise: ' || person_id AS line FROM (
             SELECT * FROM (SELECT * FROM entered_people_now EXCEPT SELECT * FROM entered_people)
             UNION SELECT * FROM (SELECT * FROM entered_people EXCEPT SELECT * FROM entered_people_now))"
            .to_owned(),
        shown("name"),
        shown("registration_id"),
    ];
    let mut lines = Vec::new();
    for query in queries {
        for mut row in connection.query(&query, &[])? {
            lines.push(row.take("line")?);
        }
    }
    for mut row in
        connection.query("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual'", &[])?
    {
        // FTS5 compares an index of words with what it is of, and fails if they differ.
        let index: String = row.take("name")?;
        let compare = format!("INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)");
        if let Err(error) = connection.query(&compare, &[]) {
            lines.push(format!("an index of other words: {index} {error}"));
        }
    }
    Ok(lines)
}

/// Dice that begin with a number: the same number, the same history.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn of(first: u64) -> Self {
        Self(first)
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("a side")
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

/// A directory with accounts of the operator, two connectors that know some of them, and people.
pub(crate) struct World {
    pub(crate) operator: Operator,
    pub(crate) connectors: Vec<CallingConnector>,
    people: Vec<PersonId>,
    pub(crate) dice: Dice,
}

const NAMES: [&str; 4] = ["Acme", "ACME", "Acme Ltd.", "Other"];
const IDS: [&str; 6] = ["1", "2", "3", "4", "5", "6"];
const EXTERNAL: [&str; 4] = ["v", "w", "x", "y"];

impl World {
    pub(crate) async fn new(dice: u64) -> Result<Self> {
        let operator = first_start().await?;
        let mut world = Self { operator, connectors: Vec::new(), people: Vec::new(), dice: Dice(dice) };
        let edit = Edit::begin(author("accounts")).await?;
        for name in ["one", "two"] {
            let made = world.connector(&edit, world.operator.id, name).await?;
            world.connectors.push(made);
        }
        for number in 0..6 {
            world.people.push(person(&edit, &format!("p{number}@example.com")).await?);
        }
        for name in ["A", "B", "C"] {
            account(&edit, world.operator.id, name).await?;
        }
        edit.run("UPDATE accounts SET type = 'reseller' WHERE name <> 'C'", &[])?;
        edit.commit().await?;
        Ok(world)
    }

    pub(crate) async fn connector(&self, edit: &Edit, account_id: AccountId, name: &str) -> Result<CallingConnector> {
        let new = NewConnector {
            account_id,
            name: name.to_owned(),
            integration: String::new(),
            property: String::new(),
            sandbox: false,
            scopes: Scopes::all(),
            rank: Some(Role::Manage),
            relying_party: RelyingParty::default(),
        };
        let (made, _) = connector::create(edit, &self.operator.administrator, &new).await?;
        Ok(CallingConnector { id: made.id, client_id: made.client_id, account_id, ..self.operator.connector.clone() })
    }

    /// The accounts of the operator.
    async fn accounts(&self) -> Result<Vec<AccountId>> {
        let statement = "SELECT id FROM accounts WHERE owner_id = ? ORDER BY id";
        let rows = Connection::lease().await?.query(statement, &[self.operator.id.into()])?;
        rows.into_iter().map(|mut row| row.take("id")).collect()
    }

    /// Something happens: what is refused changes nothing.
    pub(crate) async fn happens(&mut self) -> Result<()> {
        clock::advance(Duration::from_millis(7));
        match self.something().await {
            Err(Error::Internal(error)) => Err(Error::Internal(error)),
            Err(Error::Duplicate { columns }) => panic!("{columns}"),
            _ => Ok(()),
        }
    }

    async fn something(&mut self) -> Result<()> {
        let dice = &mut self.dice;
        let connector = &self.connectors[dice.roll(self.connectors.len())].clone();
        let (external_id, somebody) = (dice.one_of(&EXTERNAL), dice.one_of(&self.people));
        let accounts = self.accounts().await?;
        let dice = &mut self.dice;
        let here = dice.one_of(&accounts);
        let administrator = &self.operator.administrator;
        let what = dice.roll(17);
        if what < 5 {
            let entry = (what < 4).then(|| AccountEntry {
                name: Some(dice.one_of(&NAMES).to_owned()),
                registration_id: Some(dice.one_of(&IDS).to_owned()),
            });
            let entries = vec![(external_id.to_owned(), entry)];
            return put_accounts(author("portal"), connector, &entries, Run::default()).await.map(drop);
        }
        if what == 5 {
            let address = format!("p{}@example.com", dice.roll(6));
            let email = (dice.roll(4) > 0).then(|| Email::parse(&address).expect("an address"));
            let users = vec![(dice.one_of(&EXTERNAL).to_owned(), email)];
            return put_users(author("portal"), connector, &users, Run::default()).await.map(drop);
        }
        if what == 6 {
            let user = dice.one_of(&EXTERNAL).to_owned();
            return bind_users(author("portal"), connector, external_id, &[user], Run::default()).await.map(drop);
        }
        let edit = Edit::begin(author("accounts")).await?;
        let held = hierarchy::roles(edit.connection(), administrator, here)?;
        match what {
            7..=9 => {
                let role = dice.one_of(&Role::ALL);
                let status = dice.one_of(&[Status::Active, Status::Active, Status::Invited]);
                let seen = members::Seen { id: somebody, known_as: somebody, known_by: None, status };
                members::add(&edit, administrator, &held, here, seen, &[role]).await?;
                if dice.roll(2) == 0 {
                    members::enter(&edit, here, somebody, None).await?;
                } else if status == Status::Invited {
                    let link = "INSERT INTO links (digest, purpose, person_id, account_id, address, key, created_at, expires_at)
                         SELECT randomblob(8), 'invitation', person_id, account_id, 'a', 'a', 0, 0 FROM memberships
                          WHERE person_id = ? AND account_id = ? AND status = 'invited'";
                    edit.run(link, &[somebody.into(), here.into()])?;
                }
            }
            10 => members::remove(&edit, administrator, &held, here, somebody).await?,
            11 if dice.roll(2) == 0 => {
                let name = |dice: &mut Dice| {
                    if dice.roll(3) == 0 { Change::Clear } else { Change::Set(dice.one_of(&NAMES).to_owned()) }
                };
                let called = members::Called { first_name: name(dice), last_name: name(dice) };
                members::name(&edit, administrator, &held, here, somebody, &called).await?;
            }
            11 => {
                let change = members::Change { roles: None, active: Some(dice.roll(2) == 0) };
                members::update(&edit, administrator, &held, here, somebody, &change).await?;
            }
            12 if dice.roll(2) == 0 => members::leave(&edit, here, somebody).await?,
            12 => members::welcome(&edit, here, somebody).await?,
            13 => {
                let word = |dice: &mut Dice, of: &[&str]| match dice.roll(4) {
                    0 => Change::Clear,
                    1 | 2 => Change::Set(dice.one_of(of).to_owned()),
                    _ => Change::Keep,
                };
                let change = AccountChange {
                    name: word(dice, &["People's", "People's own"]),
                    registration_id: word(dice, &IDS),
                    active: (dice.roll(4) == 0).then(|| dice.roll(2) == 0),
                    ..AccountChange::default()
                };
                manage::update(&edit, administrator, here, &change, &Precondition::default()).await?;
            }
            14 => {
                let other = dice.one_of(&accounts);
                duplicates::differ(&edit, administrator, here, &[other]).await?;
            }
            15 => {
                let order = dice.one_of(&[Ranked::Above, Ranked::Connector(self.connectors[1].id)]);
                let wanted = [(Field::Name, if dice.roll(2) == 0 { vec![order] } else { Vec::new() })].into();
                precedence::update(&edit, administrator, self.operator.id, &wanted).await?;
            }
            _ => self.has_more(&edit, here).await?,
        }
        edit.commit().await
    }

    /// An account gets a record, a username, a package, an account below it, or a connector.
    async fn has_more(&mut self, edit: &Edit, here: AccountId) -> Result<()> {
        let (number, somebody) = (self.dice.roll(1000), self.dice.one_of(&self.people));
        match self.dice.roll(6) {
            0 => {
                let record = "INSERT INTO records (uuid, account_id, username, username_key, created_at, updated_at)
                     VALUES (hex(randomblob(8)), ?1, ?2, ?2, 0, 0) ON CONFLICT DO NOTHING";
                edit.run(record, &[here.into(), format!("u{}", number % 20).into()]).map(drop)
            }
            1 => {
                let username =
                    "INSERT INTO usernames (account_id, key, name, person_id, kind) VALUES (?1, ?2, ?2, ?3, 'name')
                     ON CONFLICT DO NOTHING";
                edit.run(username, &[here.into(), format!("n{}", number % 20).into(), somebody.into()]).map(drop)
            }
            2 => {
                let package = "INSERT INTO packages (owner_id, name, is_default)
                     SELECT ?1, 'P', NOT EXISTS (SELECT 1 FROM packages WHERE owner_id = ?1 AND is_default = 1)";
                edit.run(package, &[here.into()]).map(drop)
            }
            3 => {
                hierarchy::require_reseller(edit.connection(), here)?;
                account(edit, here, &format!("Below {number}")).await.map(drop)
            }
            4 => {
                let subdomain = format!("s{}", number % 4);
                let taken = "UPDATE accounts SET subdomain = ?2 WHERE id = ?1";
                edit.run(taken, &[here.into(), subdomain.into()]).map(drop).map_err(crate::accounts::taken::taken)
            }
            _ => self.connector(edit, here, "of its own").await.map(drop),
        }
    }

    async fn try_to_join(&mut self) -> Result<Option<(AccountId, AccountId)>> {
        let accounts = self.accounts().await?;
        let (from, into) = (self.dice.one_of(&accounts), self.dice.one_of(&accounts));
        let edit = Edit::begin(author("accounts")).await?;
        match join(&edit, &self.operator.administrator, into, &[from]).await {
            Ok(()) => {
                edit.commit().await?;
                Ok(Some((from, into)))
            }
            Err(Error::Conflict(_) | Error::Invalid(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn separate(&self, from: AccountId, into: AccountId) -> Result<()> {
        let edit = Edit::begin(author("accounts")).await?;
        separate(&edit, &self.operator.administrator, into, &[from]).await?;
        edit.commit().await
    }
}

pub(crate) fn rounds(usual: u64) -> u64 {
    std::env::var("ACCORD_SEQUENCES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

#[test]
fn to_join_and_to_separate_are_inverse_of_each_other() {
    run(async {
        let mut world = World::new(0x5eed_0018).await?;
        let mut joined = 0;
        for round in 0..rounds(60) {
            for _ in 0..world.dice.roll(30) {
                world.happens().await?;
            }
            let before = directory(&Connection::lease().await?)?;
            assert_eq!(contradictions(&Connection::lease().await?)?, [""; 0], "round {round}");
            let mut pairs = Vec::new();
            for _ in 0..3 {
                pairs.extend(world.try_to_join().await?);
                assert_eq!(contradictions(&Connection::lease().await?)?, [""; 0], "round {round}: {pairs:?}");
            }
            joined += pairs.len();
            clock::advance(Duration::from_mins(1));
            for (from, into) in pairs.iter().rev() {
                world.separate(*from, *into).await?;
            }
            let after = directory(&Connection::lease().await?)?;
            assert_eq!(difference(&before, &after), [""; 0], "round {round}: {pairs:?}");
        }
        assert!(joined > 10, "{joined}");
        Ok(())
    });
}

#[test]
fn the_subdomain_of_a_joined_account_is_nobodys_until_it_is_taken_apart() {
    run(async {
        let world = World::new(0x5eed_2019).await?;
        let [from, into, other]: [AccountId; 3] = world.accounts().await?.try_into().expect("three accounts");
        let take = |edit: &Edit, account: AccountId| {
            let taken = "UPDATE accounts SET subdomain = 'ACME' WHERE id = ?";
            edit.run(taken, &[account.into()]).map(drop).map_err(crate::accounts::taken::taken)
        };
        let edit = Edit::begin(author("accounts")).await?;
        edit.run("UPDATE accounts SET subdomain = 'acme' WHERE id = ?", &[from.into()])?;
        let administrator = &world.operator.administrator;
        join(&edit, administrator, into, &[from]).await?;
        let new = account::NewAccount {
            name: "Late".to_owned(),
            subdomain: Some("Acme".to_owned()),
            ..account::NewAccount::default()
        };
        let refused = account::insert(&edit, Some(world.operator.id), &new).await;
        assert!(matches!(refused, Err(Error::Conflict(Conflict::SubdomainTaken))), "{refused:?}");
        for account in [into, other] {
            let refused = take(&edit, account);
            assert!(matches!(refused, Err(Error::Conflict(Conflict::SubdomainTaken))), "{refused:?}");
        }
        separate(&edit, administrator, into, &[from]).await?;
        edit.run("UPDATE accounts SET subdomain = NULL WHERE id = ?", &[from.into()])?;
        take(&edit, other)
    });
}

#[test]
fn whatever_happens_between_a_join_and_a_separation_leaves_no_contradiction() {
    run(async {
        let mut world = World::new(0x5eed_1018).await?;
        let (mut pairs, mut separated) = (Vec::new(), 0);
        for round in 0..rounds(300) {
            for _ in 0..world.dice.roll(6) {
                world.happens().await?;
            }
            if pairs.len() < 2 {
                pairs.extend(world.try_to_join().await?);
            } else if world.dice.roll(3) == 0 {
                let Some((from, into)) = pairs.pop() else { continue };
                match world.separate(from, into).await {
                    Ok(()) => separated += 1,
                    Err(Error::Conflict(_) | Error::Invalid(_) | Error::NotFound(_)) => pairs.clear(),
                    Err(error) => return Err(error),
                }
            }
            assert_eq!(contradictions(&Connection::lease().await?)?, [""; 0], "round {round}: {pairs:?}");
        }
        assert!(separated > 10, "{separated}");
        Ok(())
    });
}
