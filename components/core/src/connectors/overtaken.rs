//! Plans that go stale: a request of a connector, and another change before each of its statements.
//!
//! What a connector writes is planned before the write lock is taken ([`crate::store::draft`]), so anything may happen between the look
//! and the write. Whatever it is, and whenever: the directory ends up as if one of the two had come after the other.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::accounts::account::NewAccount;
use crate::accounts::manage::{self, AccountChange};
use crate::accounts::members;
use crate::auth::caller::{Caller, CallingConnector, calling};
use crate::auth::token::INVALID;
use crate::connectors::bindings::{bind_users, put_users};
use crate::connectors::connector;
use crate::connectors::identities::{AccountEntry, put_accounts};
use crate::connectors::outcome::Run;
use crate::entry::first_start::tests::{author, first_start, person, signed_in};
use crate::entry::{invitation, undo};
use crate::error::{Error, Result, Thing};
use crate::people::record::{self, Changes, Upsert};
use crate::setting;
use crate::store::native::{self, run, with_database};
use crate::store::{Connection, Edit};
use crate::values::change::Change;
use crate::values::email::Email;
use crate::values::id::{AccountId, Id as _, PersonId};
use crate::values::role::Role;
use crate::values::time::{Time, clock};
use crate::values::version::Precondition;

/// What a request gives, in one line.
type Told = Pin<Box<dyn Future<Output = Result<String>>>>;

/// A request of a connector, which calls by this `client_id`.
type Request = fn(CallingConnector) -> Told;

macro_rules! requests {
    ($($name:literal: |$connector:ident| $does:expr,)*) => {
        &[$(($name, |$connector| Box::pin(async move { Ok(format!("{:?}", $does)) }))),*]
    };
}

fn account(external_id: &str, name: &str, registration_id: &str) -> (String, Option<AccountEntry>) {
    let entry = AccountEntry { name: Some(name.to_owned()), registration_id: Some(registration_id.to_owned()) };
    (external_id.to_owned(), Some(entry))
}

fn user(external_id: &str, address: &str) -> (String, Option<Email>) {
    (external_id.to_owned(), Some(Email::parse(address).expect("an address")))
}

async fn accounts(connector: &CallingConnector, entries: Vec<(String, Option<AccountEntry>)>) -> Result<String> {
    Ok(format!("{:?}", put_accounts(author("portal"), connector, &entries, Run::default()).await?))
}

async fn users(connector: &CallingConnector, entries: Vec<(String, Option<Email>)>) -> Result<String> {
    Ok(format!("{:?}", put_users(author("portal"), connector, &entries, Run::default()).await?))
}

/// Upserts the record of a username, and tells what it says.
async fn record(connector: &CallingConnector, username: &str, changes: Changes) -> Result<String> {
    let changes = Changes { username: Change::Set(username.to_owned()), ..changes };
    let request = Upsert { changes, ..Upsert::default() };
    let written = record::upsert(author("endpoint"), connector, &request).await?;
    Ok(format!("{:?} {} {:?}", written.record.profile, written.record.email_verified, written.record.person_id))
}

fn named(name: &str) -> Changes {
    Changes { name: Change::Set(name.to_owned()), ..Changes::default() }
}

fn at(address: &str, is_active: Option<bool>) -> Changes {
    Changes { email: Change::Set(Email::parse(address).expect("an address")), is_active, ..Changes::default() }
}

/// What a connector says of accounts.
const OF_ACCOUNTS: &[(&str, Request)] = requests! {
    "makes an account": |one| accounts(&one, vec![account("x", "Acme", "1")]).await?,
    "makes two accounts and binds one": |one| {
        accounts(&one, vec![account("x", "Acme", "1"), account("y", "Other", "3"), account("z", "Two", "2")]).await?
    },
    "binds an account": |one| accounts(&one, vec![account("x", "Two", "2")]).await?,
    "names its own account otherwise": |one| accounts(&one, vec![account("b", "Biene", "9")]).await?,
    "says another registration id of its own account": |one| accounts(&one, vec![account("b", "Bee", "1")]).await?,
    "names an account otherwise": |one| accounts(&one, vec![account("x", "Zwei", "2")]).await?,
    "moves an external id": |one| accounts(&one, vec![account("b", "Two", "2")]).await?,
    "unbinds an account": |one| accounts(&one, vec![("b".to_owned(), None)]).await?,
};

/// What people change of an account.
const BY_PEOPLE: &[(&str, Request)] = requests! {
    "people rename an account": |_one| change(Change::Set("Acme".to_owned()), Change::Keep).await?,
    "people describe an account": |_one| change(Change::Keep, Change::Set("Large".to_owned())).await?,
    "people say no name": |_one| change(Change::Clear, Change::Keep).await?,
};

/// Changes the account that both connectors know, as the administrator.
async fn change(name: Change<String>, description: Change<String>) -> Result<String> {
    let statement = "SELECT id FROM accounts WHERE registration_id = '9'";
    let found = Connection::lease().await?.query_first(statement, &[])?;
    let account_id = found.ok_or(Error::NotFound(Thing::Account))?.take("id")?;
    let change = AccountChange { name, description, ..AccountChange::default() };
    let (caller, any) = (administrator().await?, Precondition::default());
    let account = manage::update_alone(author("accounts"), &caller, account_id, &change, &any).await?;
    Ok(format!("{} {:?} {}", account.name, account.description, account.version))
}

/// What people make.
const MADE_BY_PEOPLE: &[(&str, Request)] = requests! {
    "people make an account": |_one| make("Acme", None).await?,
    "people make an account that is registered": |_one| make("Acme", Some("1")).await?,
};

/// Makes an account as the administrator, and tells it.
async fn make(name: &str, registration_id: Option<&str>) -> Result<String> {
    let new = NewAccount {
        name: name.to_owned(),
        registration_id: registration_id.map(str::to_owned),
        ..NewAccount::default()
    };
    let made = manage::create_alone(author("accounts"), &administrator().await?, &new).await?;
    Ok(format!("{} {} {:?}", made.id, made.name, made.registration_id))
}

/// Whom people add to an account.
const ADDED_BY_PEOPLE: &[(&str, Request)] = requests! {
    "people add a member of another account": |_one| add("member@example.com", Role::User).await?,
    "people add somebody as the first owner": |_one| add("member@example.com", Role::Owner).await?,
};

/// Adds the person of an address to the account that both connectors know, as the administrator.
async fn add(address: &str, role: Role) -> Result<String> {
    let find = |statement: &str, of: &str| -> Result<i64> {
        Ok(with_database(|database| database.query_row(statement, [of], |row| row.get(0))).unwrap_or(-1))
    };
    let account_id = find("SELECT id FROM accounts WHERE registration_id = ?", "9")?;
    let person_id = find("SELECT person_id FROM addresses WHERE key = ?", address)?;
    let (account_id, person_id) = (AccountId::from_number(account_id), PersonId::from_number(person_id));
    invitation::add_known_alone(author("accounts"), &administrator().await?, account_id, person_id, &[role]).await?;
    Ok("added".to_owned())
}

/// What becomes of somebody who is added, and of the account.
const ADDED: &[(&str, Request)] = requests! {
    "others add the same person": |_two| add("member@example.com", Role::Viewer).await?,
    "somebody else is added as owner": |_two| {
        edit(async |edit| {
            let other = person(edit, "other@example.com").await?;
            let known = Connection::lease().await?;
            let account = known.query_one("SELECT id FROM accounts WHERE registration_id = '9'", &[])?.take("id")?;
            members::found(edit, account, other).await
        }).await?
    },
    "the account has shut the person out": |_two| meanwhile(
        "INSERT INTO memberships (account_id, person_id, known_as, known_by, status, blocked_rank, created_at, updated_at)
         SELECT (SELECT id FROM accounts WHERE registration_id = '9'), person_id, person_id, key, 'removed', 'admin', 0, 0 FROM addresses
          WHERE key = 'member@example.com'"
    ),
    "the account has shut somebody out by the address": |_two| meanwhile(
        "INSERT INTO memberships (account_id, person_id, known_as, known_by, status, created_at, updated_at)
         SELECT (SELECT id FROM accounts WHERE registration_id = '9'), 1, 1, 'member@example.com', 'inactive', 0, 0"
    ),
    "the person refuses the account": |_two| meanwhile(
        "INSERT INTO memberships (account_id, person_id, known_as, status, created_at, updated_at)
         SELECT (SELECT id FROM accounts WHERE registration_id = '9'), person_id, person_id, 'refused', 0, 0 FROM addresses
          WHERE key = 'member@example.com'"
    ),
    "the member leaves": |two| {
        let account = two.account_id;
        edit(async |edit| members::leave(edit, account, member().await?).await).await?
    },
    "the member is confined": |_two| meanwhile("UPDATE people SET confined = 1"),
    "the address is given up": |_two| meanwhile("UPDATE addresses SET retired_at = 9e15 WHERE key = 'member@example.com'"),
    "the person turns out to be another": |_two| meanwhile(
        "UPDATE people SET leads_to = 1 WHERE id = (SELECT person_id FROM addresses WHERE key = 'member@example.com')"
    ),
};

/// What a connector says of people.
const OF_PEOPLE: &[(&str, Request)] = requests! {
    "names somebody": |one| users(&one, vec![user("u", "new@example.com")]).await?,
    "binds somebody who is known": |one| users(&one, vec![user("u", "p@example.com")]).await?,
    "unbinds somebody who is not known": |one| users(&one, vec![("awaited".to_owned(), None)]).await?,
    "names somebody who is awaited": |one| users(&one, vec![user("awaited", "new@example.com")]).await?,
};

/// What a connector says of its organisation's records.
const OF_RECORDS: &[(&str, Request)] = requests! {
    "makes a record": |one| record(&one, "new", named("New")).await?,
    "makes a record of a member": |one| record(&one, "new", at("member@example.com", None)).await?,
    "lets somebody in by a record": |one| record(&one, "new", at("p@example.com", Some(true))).await?,
    "changes a record": |one| record(&one, "old", named("Older")).await?,
    "moves a record to a member": |one| record(&one, "old", at("member@example.com", None)).await?,
};

/// Runs statements as somebody whom nothing is asked, but for what the database refuses: after the request they may contradict it.
fn meanwhile(sql: &str) -> String {
    with_database(|database| database.execute_batch(sql)).map_or_else(|error| error.to_string(), |()| String::new())
}

/// A change by an administrator.
async fn edit(change: impl AsyncFnOnce(&Edit) -> Result<()>) -> Result<String> {
    let edit = Edit::begin(author("accounts")).await?;
    change(&edit).await?;
    edit.commit().await?;
    Ok(String::new())
}

/// What becomes of connectors. Each of these changes takes the connector that does not make the request.
const CONNECTORS: &[(&str, Request)] = requests! {
    "the whole directory is suspended": |_two| meanwhile("UPDATE accounts SET status = 'inactive' WHERE owner_id IS NULL"),
    "the connector is disconnected": |_two| {
        let id = called("one").await?.id;
        edit(async |edit| connector::disconnect(edit, &administrator().await?, id).await).await?
    },
    "the connector is deleted": |_two| {
        let id = called("one").await?.id;
        edit(async |edit| connector::delete(edit, &administrator().await?, id).await).await?
    },
    "the connector has another secret": |_two| meanwhile("UPDATE connectors SET secret_version = secret_version + 1 WHERE client_id = 'one'"),
    "another connector is disconnected": |two| {
        edit(async |edit| connector::disconnect(edit, &administrator().await?, two.id).await).await?
    },
};

/// What becomes of accounts.
const ACCOUNTS: &[(&str, Request)] = requests! {
    "another makes the same account": |two| accounts(&two, vec![account("y", "Acme", "1")]).await?,
    "another makes the same account by another name": |two| accounts(&two, vec![account("y", "Ltd.", "1")]).await?,
    "another renames its account": |two| accounts(&two, vec![account("t", "Deux", "2")]).await?,
    "another says another registration id": |two| accounts(&two, vec![account("t", "Two", "1")]).await?,
    "another lets its account go": |two| accounts(&two, vec![("t".to_owned(), None)]).await?,
    "it binds the same external id itself": |_two| accounts(&called("one").await?, vec![account("x", "Three", "3")]).await?,
    "it unbinds itself": |_two| accounts(&called("one").await?, vec![("b".to_owned(), None)]).await?,
    "people correct a registration id": |_two| meanwhile(
        "UPDATE accounts SET registration_id = '1', people_registration_id = '1', version = version + 1 WHERE registration_id = '2'"
    ),
    "people name an account": |_two| meanwhile(
        "UPDATE accounts SET name = 'Acme', name_key = 'acme', people_name = 'Acme' WHERE registration_id = '2'"
    ),
    "an account is suspended": |_two| meanwhile("UPDATE accounts SET status = 'inactive' WHERE registration_id = '2'"),
    "an account is deleted": |_two| meanwhile("DELETE FROM accounts WHERE registration_id = '2'"),
    "the default package is another": |_two| meanwhile(
        "INSERT INTO packages (owner_id, name) SELECT owner_id, 'Gold' FROM packages LIMIT 1;
         UPDATE packages SET is_default = 0; UPDATE packages SET is_default = 1 WHERE name = 'Gold'"
    ),
    "another source comes first": |two| {
        let owner = two.account_id;
        meanwhile(&format!("INSERT INTO precedences (owner_id, field, position, source) VALUES ({owner}, 'name', 0, 'above')"))
    },
    "what was removed comes back": |_two| {
        edit(async |edit| undo::undo(edit, &administrator().await?, "removal").await).await?
    },
};

/// What becomes of an account that people change.
const CHANGED: &[(&str, Request)] = requests! {
    "the name is taken": |two| accounts(&two, vec![account("y", "Acme", "1")]).await?,
    "a connector renames it": |_two| accounts(&called("one").await?, vec![account("b", "Biene", "9")]).await?,
    "another connector names it": |two| accounts(&two, vec![account("c", "Abeille", "9")]).await?,
    "others change it": |_two| change(Change::Set("Ours".to_owned()), Change::Set("Small".to_owned())).await?,
    "it is suspended": |_two| meanwhile("UPDATE accounts SET status = 'inactive' WHERE registration_id = '9'"),
    "it is gone": |_two| meanwhile("DELETE FROM accounts WHERE registration_id = '9'"),
    "the role is taken away": |_two| meanwhile("DELETE FROM grants WHERE role = 'owner'; UPDATE grants SET role = 'viewer'"),
    "the member is shut out": |_two| meanwhile("UPDATE memberships SET status = 'inactive'"),
    "connectors come first": |two| {
        let (owner, id) = (two.account_id, called("one").await?.id);
        meanwhile(&format!(
            "INSERT INTO precedences (owner_id, field, position, source, connector_id) VALUES ({owner}, 'name', 0, 'connector', {id})"
        ))
    },
};

/// What becomes of people.
const PEOPLE: &[(&str, Request)] = requests! {
    "another names the same address": |two| users(&two, vec![user("v", "new@example.com")]).await?,
    "it binds the same user itself": |_two| users(&called("one").await?, vec![user("u", "other@example.com")]).await?,
    "the user is bound to an account": |_two| {
        bind_users(author("portal"), &called("one").await?, "b", &["u".to_owned()], Run::default()).await?
    },
    "the user is awaited no more": |_two| meanwhile("DELETE FROM user_bindings"),
    "an address is proved": |_two| edit(async |edit| person(edit, "new@example.com").await.map(drop)).await?,
    "an address is given up": |_two| meanwhile(&format!(
        "UPDATE addresses SET retired_at = {} WHERE key = 'p@example.com'", json!(Time::now())
    )),
    "an address is nobody's": |_two| meanwhile("DELETE FROM addresses WHERE key = 'p@example.com'"),
};

/// What becomes of records.
const RECORDS: &[(&str, Request)] = requests! {
    "the same record is made": |two| record(&two, "new", named("Newer")).await?,
    "the same record is changed": |two| record(&two, "old", named("Oldest")).await?,
    "the record is gone": |_two| meanwhile("DELETE FROM records"),
    "another record has the address": |two| record(&two, "other", at("member@example.com", None)).await?,
    "the member leaves": |two| {
        let account = two.account_id;
        edit(async |edit| members::leave(edit, account, member().await?).await).await?
    },
    "the organisation is renamed": |_two| meanwhile("UPDATE accounts SET name = 'Inc.' WHERE owner_id IS NULL"),
};

/// The connector of a `client_id`, as it calls now: refused if it may not.
async fn called(client_id: &str) -> Result<CallingConnector> {
    let statement = concat!(
        "SELECT ",
        calling!(),
        " FROM connectors c JOIN accounts a ON a.id = c.account_id
           WHERE c.client_id = ? AND c.status <> 'inactive' AND a.status = 'active'"
    );
    let found = Connection::lease().await?.query_first(statement, &[client_id.into()])?;
    CallingConnector::from_row(&mut found.ok_or(INVALID)?)
}

async fn administrator() -> Result<Caller> {
    let statement = "SELECT person_id FROM memberships ORDER BY person_id LIMIT 1";
    Ok(signed_in(Connection::lease().await?.query_one(statement, &[])?.take("person_id")?))
}

async fn member() -> Result<PersonId> {
    let statement = "SELECT person_id FROM addresses WHERE key = 'member@example.com'";
    Connection::lease().await?.query_one(statement, &[])?.take("person_id")
}

/// A directory with two connectors, `one` and `two`, of one account, and what they have said.
async fn world(file: &Path) -> Result<()> {
    let operator = first_start().await?;
    for client_id in ["one", "two"] {
        let made = meanwhile(&format!(
            "INSERT INTO connectors (account_id, client_id, secret_hash, scopes, name, rank, status, created_at, updated_at)
             SELECT account_id, '{client_id}', '', scopes, '{client_id}', 'owner', 'active', 0, 0 FROM connectors LIMIT 1"
        ));
        assert_eq!(made, "");
    }
    let (one, two) = (called("one").await?, called("two").await?);
    accounts(&one, vec![account("b", "Bee", "9"), account("gone", "Gone", "8")]).await?;
    accounts(&two, vec![account("t", "Two", "2")]).await?;
    let mut removal = author("portal");
    "removal".clone_into(&mut removal.request_id);
    put_accounts(removal, &one, &vec![("gone".to_owned(), None)], Run::default()).await?;
    bind_users(author("portal"), &one, "b", &["awaited".to_owned()], Run::default()).await?;
    users(&two, vec![user("p", "p@example.com")]).await?;
    record(&one, "old", named("Old")).await?;
    edit(async |edit| {
        let member = person(edit, "member@example.com").await?;
        members::found(edit, operator.id, member).await
    })
    .await?;
    assert_eq!(meanwhile(&format!("VACUUM INTO '{}'", file.display())), "");
    Ok(())
}

/// Everything that there is, but for what is random. Times are told by what they are to the clock, which stands still.
fn everything() -> Vec<String> {
    const RANDOM: [&str; 4] = ["account_key", "uuid", "known_as", "row"];
    with_database(|database| {
        let list = |sql: &str| -> Vec<String> {
            let mut statement = database.prepare(sql).expect("a statement");
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
            rows.map(|row| row.expect("a row")).collect()
        };
        let mut lines = Vec::new();
        // An index of words is as its history is, and tells nothing more.
        let tables = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name <> 'migrations' ORDER BY name";
        for table in list(tables) {
            let columns = list(&format!("SELECT name FROM pragma_table_info('{table}')"));
            let columns: Vec<_> = columns.iter().filter(|column| !RANDOM.contains(&column.as_str())).cloned().collect();
            let rows = format!("SELECT json_array({0}) FROM {table} ORDER BY {0}", columns.join(", "));
            if table == "sqlite_sequence" {
                continue;
            }
            lines.extend(list(&rows).into_iter().map(|row| format!("{table} {row}")));
        }
        let now = json!(Time::now()).to_string();
        let second = json!(Time::this_second()).to_string();
        lines.into_iter().map(|line| line.replace(&now, "now").replace(&second, "now")).collect()
    })
}

/// Before how many statements of a request a change is tried at most.
const POINTS: usize = 5;

/// Runs a test in a directory of its own that is like the one in the file.
fn in_copy<T: Send + 'static>(file: &Path, test: impl FnOnce(&Rc<Cell<Option<T>>>) -> Told + Send + 'static) -> T {
    let file = file.to_owned();
    let trial = thread::spawn(move || {
        native::begin_with(&file);
        // What is written now has another time than what was there.
        clock::advance(Duration::from_hours(1));
        let result = Rc::new(Cell::new(None));
        let test = test(&result);
        run(async {
            setting::set("base_domain", "localhost");
            test.await.map(drop)
        });
        result.take().expect("the test has a result")
    });
    trial.join().expect("the trial ends")
}

/// What a request gave, and what there is then, line by line.
type End = (String, Vec<String>);

/// What a request gives to a connector that calls as it did before.
async fn done(connector: Result<CallingConnector>, request: Request) -> String {
    let told = match connector {
        Ok(connector) => match called(&connector.client_id).await {
            Ok(now) if now.secret_version == connector.secret_version => request(connector).await,
            Ok(_) => Err(INVALID),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    told.unwrap_or_else(|error| format!("{error}"))
}

/// What of one end is not of the other, and the other way round.
fn difference(one: &End, other: &End) -> String {
    let only = |one: &End, other: &End| -> Vec<String> {
        let lines = one.1.iter().filter(|line| !other.1.contains(line)).cloned();
        [one.0.clone()].into_iter().chain(lines).collect()
    };
    format!("{}\n  but\n{}", only(one, other).join("\n"), only(other, one).join("\n"))
}

/// Has each of the changes come before each statement of each request of a connector.
fn overtake(who: &'static str, requests: &[(&str, Request)], changes: &[&[(&str, Request)]]) {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file: PathBuf = folder.path().join("world.db");
    thread::scope(|scope| {
        let file = file.clone();
        scope.spawn(move || run(world(&file))).join().expect("there is a world");
    });
    let mut overtaken = 0;
    for &(name, request) in requests {
        for &(change_name, change) in changes.iter().copied().flatten() {
            let ordered = |request_first: bool| -> End {
                in_copy(&file, move |result| {
                    let result = Rc::clone(result);
                    Box::pin(async move {
                        let [one, two] = [called(who).await, called("two").await];
                        let told = if request_first {
                            let told = done(one, request).await;
                            done(two, change).await;
                            told
                        } else {
                            done(two, change).await;
                            done(one, request).await
                        };
                        result.set(Some((told, everything())));
                        Ok(String::new())
                    })
                })
            };
            let expected = [ordered(true), ordered(false)];
            // Before the first statement, the change comes first.
            for point in 1..POINTS {
                let (came, end): (bool, End) = in_copy(&file, move |result| {
                    let result = Rc::clone(result);
                    Box::pin(async move {
                        let connector = called(who).await?;
                        let came = Rc::new(Cell::new(false));
                        let comes = Rc::clone(&came);
                        native::interrupt(point, move || {
                            comes.set(true);
                            run(async {
                                done(called("two").await, change).await;
                                Ok(())
                            });
                        });
                        let told = request(connector).await.unwrap_or_else(|error: Error| format!("{error}"));
                        result.set(Some((came.get(), (told, everything()))));
                        Ok(String::new())
                    })
                });
                if !came {
                    break;
                }
                overtaken += 1;
                assert!(
                    expected.contains(&end),
                    "{name}, and before its statement {point} {change_name}: it is not as if the request had come first:\n{}\n\nnor last:\n{}",
                    difference(&end, &expected[0]),
                    difference(&end, &expected[1]),
                );
            }
        }
    }
    let changes: usize = changes.iter().map(|changes| changes.len()).sum();
    assert!(overtaken >= requests.len() * changes, "{overtaken}");
}

#[test]
fn whatever_overtakes_what_is_said_of_accounts_one_comes_after_the_other() {
    overtake("one", OF_ACCOUNTS, &[CONNECTORS, ACCOUNTS]);
}

#[test]
fn whatever_overtakes_what_people_change_one_comes_after_the_other() {
    // Who calls is a person: whatever the connector would be, nothing becomes of it.
    overtake("bootstrap", BY_PEOPLE, &[CHANGED]);
}

#[test]
fn whatever_overtakes_what_people_make_one_comes_after_the_other() {
    overtake("bootstrap", MADE_BY_PEOPLE, &[CHANGED, ACCOUNTS]);
}

#[test]
fn whatever_overtakes_whom_people_add_one_comes_after_the_other() {
    overtake("bootstrap", ADDED_BY_PEOPLE, &[CHANGED, ADDED]);
}

#[test]
fn whatever_overtakes_what_is_said_of_people_one_comes_after_the_other() {
    overtake("one", OF_PEOPLE, &[CONNECTORS, PEOPLE]);
}

#[test]
fn whatever_overtakes_what_a_record_says_one_comes_after_the_other() {
    overtake("one", OF_RECORDS, &[CONNECTORS, PEOPLE, RECORDS]);
}
