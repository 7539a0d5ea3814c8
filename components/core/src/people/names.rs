//! What the members of an account are called, and who says so.
//!
//! Three speak of a member's names: the person itself, which alone changes what it is called; the account's people, in an invitation or
//! by hand; and the account's records (the endpoint API). Each keeps its own word. In the account the first is shown, in that order, and of
//! several records the oldest counts first: so what is shown depends on what is said, never on who spoke last. A person of whom an
//! account knows nothing but an address has no word there yet.
//!
//! No account sees the word of another one: outside of its accounts a person is called what it calls itself.

use crate::accounts::hierarchy;
use crate::auth::caller::Caller;
use crate::error::Result;
use crate::odata::listing::Source;
use crate::odata::{Collection, Field, Listing, Page};
use crate::people::seen::{is_known, known_as};
use crate::store::Connection;
use crate::values::id::AccountId;
use crate::values::role::Role;

/// The records of the account that are about the member `m`: of the address by which the account knows it, or by which it has entered.
macro_rules! of_member {
    ($column:literal) => {
        concat!(
            "SELECT r.id, r.",
            $column,
            " AS word FROM records r WHERE r.account_id = m.account_id AND r.email_key = m.known_by
             UNION ALL SELECT r.id, r.",
            $column,
            " FROM records r WHERE r.person_id = m.person_id AND r.account_id = m.account_id"
        )
    };
}

/// A name of the member `m` as it is shown in its account, as an expression: the one place in which that follows from what is said. The
/// person is `p`, if the account knows it.
macro_rules! called {
    ("name") => {
        concat!("coalesce(p.name, ", $crate::people::names::recorded!("name"), ")")
    };
    ($column:literal) => {
        concat!("coalesce(p.", $column, ", m.", $column, ", ", $crate::people::names::recorded!($column), ")")
    };
}

/// A name of the member `m` by the account's records, as an expression.
macro_rules! recorded {
    ($column:literal) => {
        concat!(
            "(SELECT w.word FROM (",
            $crate::people::names::of_member!($column),
            ") w WHERE w.word IS NOT NULL ORDER BY w.id LIMIT 1)"
        )
    };
}

/// Joins to the membership `m` the person `p`, if the account knows it.
macro_rules! person_known {
    () => {
        concat!("LEFT JOIN people p ON p.id = m.person_id AND ", $crate::people::seen::is_known!())
    };
}

pub(crate) use {called, of_member, person_known, recorded};

/// What is said of the names of an account's members, as it is listed.
pub static NAMES: Collection = Collection {
    fields: &FIELDS,
    searched: &["s.value"],
    words: None,
    unique: &Field::text("", "(printf('%019d', s.user_id) || s.field || printf('%019d', s.rank))"),
    descending: false,
};

static FIELDS: [Field; 7] = [
    Field::number("userId", "s.user_id"),
    Field::text("field", "s.field"),
    Field::text("value", "s.value"),
    Field::boolean("shown", "(s.value = s.first)"),
    Field::text("source", "s.source"),
    Field::text("recordId", "(SELECT r.uuid FROM records r WHERE r.id = s.record)"),
    Field::number("rank", "s.rank"),
];

/// What each says of the members of the account `?1`, who are not out of it.
const SAID: &str = concat!(
    "WITH fields(field) AS (VALUES ('name'), ('firstName'), ('lastName')),
     members AS MATERIALIZED (
         SELECT m.account_id, m.person_id, m.known_by, m.first_name, m.last_name, ",
    is_known!(),
    " AS known, ",
    known_as!(),
    " AS user_id FROM memberships m WHERE m.account_id = ?1 AND m.status NOT IN ('removed', 'refused')),
     about(user_id, record) AS (
         SELECT members.user_id, r.id FROM members CROSS JOIN records r ON r.account_id = ?1 AND r.email_key = members.known_by
         UNION SELECT members.user_id, r.id FROM members CROSS JOIN records r ON r.person_id = members.person_id AND r.account_id = ?1),
     said(user_id, field, place, record, source, value) AS (
         SELECT members.user_id, fields.field, 0, NULL, 'user',
                CASE fields.field WHEN 'name' THEN p.name WHEN 'firstName' THEN p.first_name ELSE p.last_name END
           FROM members CROSS JOIN people p ON p.id = members.person_id AND members.known CROSS JOIN fields
         UNION ALL
         SELECT members.user_id, fields.field, 1, NULL, 'people',
                CASE fields.field WHEN 'firstName' THEN members.first_name WHEN 'lastName' THEN members.last_name END
           FROM members CROSS JOIN fields
         UNION ALL
         SELECT about.user_id, fields.field, 2, r.id, 'record',
                CASE fields.field WHEN 'name' THEN r.name WHEN 'firstName' THEN r.first_name ELSE r.last_name END
           FROM about CROSS JOIN records r ON r.id = about.record CROSS JOIN fields) "
);

/// The words, each with its place, and with the one that comes first.
const RANKED: &str = "(SELECT said.*, row_number() OVER words AS rank, first_value(said.value) OVER words AS first
      FROM said WHERE said.value IS NOT NULL
    WINDOW words AS (PARTITION BY said.user_id, said.field ORDER BY said.place, said.record)) s WHERE true";

/// Lists what is said of the names of an account's members: of each field, every word in the order in which they count.
///
/// # Errors
///
/// [`crate::Error::NotFound`], or [`crate::Error::Forbidden`] without the manage role in the account, and for a connector.
pub fn list(connection: &Connection, caller: &Caller, account_id: AccountId, listing: &Listing) -> Result<Page> {
    hierarchy::roles(connection, caller, account_id)?.require(Role::Manage)?;
    caller.refuse_connector()?;
    listing.read(
        connection,
        &Source { with: SAID, from: RANKED.to_owned(), parameters: vec![account_id.into()], ..Source::default() },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::accounts::joins::tests::Dice;
    use crate::accounts::members::{self, Called, Change as MemberChange, Seen, Status};
    use crate::entry::first_start::tests::{Operator, account, author, first_start, person, signed_in};
    use crate::entry::invitation;
    use crate::entry::sign_up::Newcomer;
    use crate::error::Error;
    use crate::people::person::{self as people, Names};
    use crate::people::record::{self, Changes, Upsert};
    use crate::people::roster::{self, MEMBERS};
    use crate::store::native::run;
    use crate::store::{Edit, Value};
    use crate::values::change::Change;
    use crate::values::email::Email;
    use crate::values::id::PersonId;

    /// Somebody who says something of a member's names.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    enum Source {
        Person,
        People,
        Record(usize),
    }

    const FIELDS: [&str; 3] = ["name", "firstName", "lastName"];

    /// An account in which a member has entered, two of whose records are about the member.
    struct Here {
        operator: Operator,
        account: AccountId,
        member: PersonId,
    }

    async fn here() -> Result<Here> {
        let operator = first_start().await?;
        let edit = Edit::begin(author("accounts")).await?;
        let (account, member) = (account(&edit, operator.id, "Acme").await?, person(&edit, "jane@example.com").await?);
        let held = hierarchy::roles(edit.connection(), &operator.administrator, account)?;
        let known_by = Some("jane@example.com".to_owned());
        let seen = Seen { id: member, known_as: member, known_by, status: Status::Active };
        members::add(&edit, &operator.administrator, &held, account, seen, &[Role::User]).await?;
        members::enter(&edit, account, member, None).await?;
        edit.commit().await?;
        let here = Here { operator, account, member };
        // The one is about the member by the address, the other by having been so when the member entered.
        for number in 0..2 {
            here.say(Source::Record(number), 0, None).await?;
        }
        let edit = Edit::begin(author("endpoint")).await?;
        edit.run("UPDATE records SET person_id = ?1 WHERE external_id = 'r0'", &[member.into()])?;
        edit.run(
            "UPDATE records SET email = 'jane@example.com', email_key = 'jane@example.com' WHERE external_id = 'r1'",
            &[],
        )?;
        edit.commit().await?;
        Ok(here)
    }

    impl Here {
        async fn say(&self, source: Source, field: usize, value: Option<&str>) -> Result<()> {
            let said = |of: usize| match (of == field, value) {
                (false, _) => Change::Keep,
                (true, None) => Change::Clear,
                (true, Some(value)) => Change::Set(value.to_owned()),
            };
            if let Source::Record(number) = source {
                let mut connector = self.operator.connector.clone();
                connector.account_id = self.account;
                let changes = Changes {
                    external_id: Change::Set(format!("r{number}")),
                    name: said(0),
                    first_name: said(1),
                    last_name: said(2),
                    ..Changes::default()
                };
                let request = Upsert { changes, ..Upsert::default() };
                return record::upsert(author("endpoint"), &connector, &request).await.map(drop);
            }
            let edit = Edit::begin(author("accounts")).await?;
            if source == Source::Person {
                let names = Names { name: said(0), first_name: said(1), last_name: said(2) };
                people::rename(&edit, self.member, names).await?;
            } else {
                let held = hierarchy::roles(edit.connection(), &self.operator.administrator, self.account)?;
                let called = Called { first_name: said(1), last_name: said(2) };
                members::name(&edit, &self.operator.administrator, &held, self.account, self.member, &called).await?;
            }
            edit.commit().await
        }

        /// What the account shows of a field, and each word about it in order.
        async fn shown(&self, field: usize) -> Result<(Option<String>, Vec<(String, bool)>)> {
            let connection = Connection::lease().await?;
            let administrator = &self.operator.administrator;
            let member = roster::load(&connection, administrator, self.account, self.member)?;
            let at = MEMBERS.fields.iter().position(|known| known.name == FIELDS[field]).expect("a field");
            let text = |value: &Value| match value {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            };
            let page = list(&connection, administrator, self.account, &Listing::all(&NAMES, 500))?;
            let words = page.items.iter().filter(|word| text(&word.values[1]).as_deref() == Some(FIELDS[field]));
            let words =
                words.map(|word| (text(&word.values[2]).expect("a value"), word.values[3] != Value::Integer(0)));
            Ok((text(&member.values[at]), words.collect()))
        }
    }

    #[test]
    fn what_a_member_is_called_follows_from_what_is_said_and_not_from_who_spoke_last() {
        run(async {
            const ORDER: [Source; 4] = [Source::Person, Source::People, Source::Record(0), Source::Record(1)];
            let here = here().await?;
            let mut dice = Dice::of(0x5eed_4a3e);
            let mut said: HashMap<(Source, usize), &str> = HashMap::new();
            for round in 0..150 {
                let (source, field) = (ORDER[dice.roll(4)], dice.roll(3));
                let value = [None, Some("Jane"), Some("Janet"), Some("J.")][dice.roll(4)];
                here.say(source, field, value).await?;
                // People say nothing of the whole name.
                match value.filter(|_| (source, field) != (Source::People, 0)) {
                    Some(value) => said.insert((source, field), value),
                    None => said.remove(&(source, field)),
                };
                for field in 0..3 {
                    let words: Vec<_> = ORDER.iter().filter_map(|source| said.get(&(*source, field))).collect();
                    let expected: Vec<_> = words.iter().map(|word| ((**word).to_owned(), word == &words[0])).collect();
                    let (shown, listed) = here.shown(field).await?;
                    assert_eq!(shown.as_deref(), words.first().map(|first| **first), "{round} {field}");
                    assert_eq!(listed, expected, "{round} {field}");
                }
            }
            Ok(())
        });
    }

    #[test]
    fn an_account_sees_its_own_word_and_the_persons_and_no_other_accounts() {
        run(async {
            let operator = first_start().await?;
            crate::setting::set("public_url", "https://accord.example/");
            let edit = Edit::begin(author("accounts")).await?;
            let newcomer = |first: &str| Newcomer {
                email: Email::parse("jane@example.com").expect("an address"),
                first_name: Some(first.to_owned()),
                last_name: None,
            };
            let mut accounts = Vec::new();
            for (name, first) in [("One", "Jane"), ("Two", "Janet")] {
                let id = account(&edit, operator.id, name).await?;
                let told =
                    invitation::invite(&edit, &operator.administrator, id, &newcomer(first), &[Role::User]).await?;
                accounts.push((id, told));
            }
            let called = |account: AccountId, id: PersonId| -> Result<Value> {
                let member = roster::load(edit.connection(), &operator.administrator, account, id)?;
                Ok(member.values[4].clone())
            };
            let (one, other) = (accounts[0], accounts[1]);
            assert_eq!(called(one.0, one.1)?, "Jane".into());
            assert_eq!(called(other.0, other.1)?, "Janet".into());
            // The first who was told is the person: neither that nor what the person says is seen where it has not entered.
            let jane = one.1;
            members::enter(&edit, one.0, jane, Some("jane@example.com")).await?;
            assert_eq!(
                people::load(edit.connection(), jane)?.first_name,
                None,
                "an invitation does not write the person"
            );
            assert_eq!(called(one.0, jane)?, "Jane".into());
            people::rename(&edit, jane, Names { first_name: Change::Set("J.".to_owned()), ..Names::default() }).await?;
            assert_eq!(called(one.0, jane)?, "J.".into());
            assert_eq!(called(other.0, other.1)?, "Janet".into());
            members::enter(&edit, other.0, jane, Some("jane@example.com")).await?;
            assert_eq!(called(other.0, jane)?, "J.".into());
            people::rename(&edit, jane, Names { first_name: Change::Clear, ..Names::default() }).await?;
            assert_eq!(called(other.0, jane)?, "Janet".into());
            let refused = list(edit.connection(), &signed_in(jane), one.0, &Listing::all(&NAMES, 500));
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
            let connector = Caller::Connector(operator.connector.clone());
            let refused = list(edit.connection(), &connector, one.0, &Listing::all(&NAMES, 500));
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
            Ok(())
        });
    }

    #[test]
    fn to_call_a_member_otherwise_takes_its_rank_and_leaves_the_grants_of_other_doors() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let acme = account(&edit, operator.id, "Acme").await?;
            let (owner, manager) = (person(&edit, "o@example.com").await?, person(&edit, "m@example.com").await?);
            members::found(&edit, acme, owner).await?;
            let held = hierarchy::roles(edit.connection(), &operator.administrator, acme)?;
            let seen = Seen { id: manager, known_as: manager, known_by: None, status: Status::Active };
            members::add(&edit, &operator.administrator, &held, acme, seen, &[Role::Manage]).await?;
            let called = Called { first_name: Change::Set("Boss".to_owned()), last_name: Change::Keep };
            let theirs = hierarchy::roles(edit.connection(), &signed_in(manager), acme)?;
            let refused = members::name(&edit, &signed_in(manager), &theirs, acme, owner, &called).await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
            members::name(&edit, &operator.administrator, &held, acme, owner, &called).await?;
            let doors = "SELECT group_concat(DISTINCT door) AS doors FROM grants WHERE person_id = ?";
            assert_eq!(edit.run_one(doors, &[owner.into()])?.take::<String>("doors")?, "founder");
            let change = MemberChange { roles: Some(vec![Role::Owner]), active: None };
            members::update(&edit, &operator.administrator, &held, acme, owner, &change).await?;
            assert_eq!(edit.run_one(doors, &[owner.into()])?.take::<String>("doors")?, "accounts");
            Ok(())
        });
    }
}
