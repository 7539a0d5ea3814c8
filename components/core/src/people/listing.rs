//! People as those see them who see an account that they have entered.

use crate::accounts::hierarchy::{self, IN_VISIBLE, VISIBLE, is_managed};
use crate::accounts::listing::one_of;
use crate::auth::caller::Caller;
use crate::error::{Error, Result, Thing};
use crate::odata::listing::{self, FEW, Source, and};
use crate::odata::{Collection, Demand, Field, Filter, Item, Listing, Page, Wanted, Words};
use crate::people::seen::{email, entered, is_seen};
use crate::store::sql::Sql;
use crate::store::{Connection, Value};
use crate::values::email::Email;
use crate::values::id::PersonId;

/// People, as they are listed.
pub static PEOPLE: Collection = Collection {
    fields: &FIELDS,
    searched: &["p.name", "p.first_name", "p.last_name", EMAIL],
    words: Some(&Words { table: "person_words", id: "m.person_id" }),
    unique: &FIELDS[0],
    descending: false,
};

const EMAIL: &str = email!("p.id");

static FIELDS: [Field; 7] = [
    // Of the membership and not of the person, so that the index of those who have entered has the order.
    Field::number("id", "m.person_id"),
    Field::text("sub", "p.uuid"),
    Field::text("email", EMAIL),
    Field::text("name", "p.name").ordered_by("m.name").indexed(),
    Field::text("firstName", "p.first_name"),
    Field::text("lastName", "p.last_name"),
    Field::time("createdAt", "p.created_at"),
];

/// Lists the people whom the caller may see: those who have entered an account that the caller sees. With `external_id` only
/// those whom a connector calls so: the connector that calls, or one of an account that the person who calls manages.
///
/// # Errors
///
/// [`Error::Forbidden`] for a connector without `accounts:read` and without `accounts:manage`; [`Error::Invalid`] for options that cost
/// too much over so many people.
pub fn list(connection: &Connection, caller: &Caller, external_id: Option<&str>, listing: &Listing) -> Result<Page> {
    caller.require_reading()?;
    let hint = listing.filter.as_ref().and_then(hint);
    let reach = hierarchy::reach(connection, caller)?;
    let is_found = hint.is_some() || external_id.is_some();
    let mut source = if reach.everything && !is_found { everybody() } else { seen(caller, is_found) };
    let mut conditions = Sql::default();
    if let Some(hint) = hint {
        and(&mut conditions, hint);
    }
    if let Some(external_id) = external_id {
        and(&mut conditions, called(caller, external_id));
    }
    if is_found {
        listing.require_few_of(connection, &source, &conditions)?;
    } else if let Some(led_to) = listing.narrowed(connection, &source, reach.everything || reach.accounts > FEW)? {
        and(&mut conditions, led_to);
        if !reach.everything {
            source = seen(caller, true);
        }
    }
    conditions.append(listing.conditions());
    let mut page = listing.page(connection, &source, conditions.clone())?;
    if listing.count {
        page.count = Some(listing::count(connection, &source, conditions)?);
    }
    Ok(page)
}

/// A person whom the caller may see, or the one who calls. An id that was told before it was known whose it is leads on.
///
/// # Errors
///
/// [`Error::NotFound`] for anybody else, whether or not there is such a person; [`Error::Forbidden`] as [`list`].
pub fn load(connection: &Connection, caller: &Caller, id: PersonId) -> Result<Item> {
    caller.require_reading()?;
    let [person, connector] = hierarchy::parameters(caller);
    // The person is the membership's here: whoever calls may have none.
    let from = format!(
        "(SELECT coalesce(was.leads_to, was.id) AS person_id FROM people was WHERE was.id = ?3) m
           JOIN people p ON p.id = m.person_id
          WHERE p.erased_at IS NULL AND (?1 IS p.id AND ?2 IS NULL OR {})",
        is_seen!()
    );
    let source = Source { from, parameters: vec![person, connector, id.into()], ..Source::default() };
    source.first(connection, &PEOPLE.fields.iter().collect::<Vec<_>>())?.ok_or(Error::NotFound(Thing::Person))
}

/// Everybody who has entered an account, in the order of an index of these.
fn everybody() -> Source {
    Source {
        from: "entered_people m CROSS JOIN people p ON p.id = m.person_id WHERE 1".to_owned(),
        walked: Some("SELECT count(*) AS rows FROM entered_people"),
        sees_all: true,
        ..Source::default()
    }
}

/// Those who have entered an account that the caller sees. If something else finds a few people, each is asked; else they are found
/// by the accounts.
fn seen(caller: &Caller, found: bool) -> Source {
    let parameters = hierarchy::parameters(caller).to_vec();
    if found {
        let from = format!(
            "(SELECT id AS person_id, name FROM people) m JOIN people p ON p.id = m.person_id WHERE {}",
            is_seen!()
        );
        return Source { from, parameters, ..Source::default() };
    }
    let from = format!(
        concat!(
            "(SELECT DISTINCT of.person_id, e.name FROM accounts a JOIN memberships of ON of.account_id = a.id
                 JOIN entered_people e ON e.person_id = of.person_id
               WHERE {} AND ",
            entered!("of"),
            ") m JOIN people p ON p.id = m.person_id WHERE 1"
        ),
        IN_VISIBLE
    );
    Source { with: VISIBLE, from, parameters, ..Source::default() }
}

/// The condition that a connector calls the person `p` so.
fn called(caller: &Caller, external_id: &str) -> Sql {
    let mut sql = Sql::default();
    match caller {
        Caller::Connector(connector) => {
            sql.push("p.id IN (SELECT i.person_id FROM person_identities i WHERE i.connector_id = ");
            sql.bind(connector.id);
            sql.push(" AND i.external_id = ");
            sql.bind(external_id);
            sql.push(")");
        }
        Caller::Person(_) => {
            sql.push(
                "p.id IN (SELECT i.person_id FROM person_identities i JOIN connectors c ON c.id = i.connector_id
                   JOIN accounts a ON a.id = c.account_id WHERE i.external_id = ",
            );
            sql.bind(external_id);
            sql.push(concat!(" AND ", is_managed!(), ")"));
        }
    }
    sql
}

/// A condition that follows from the filter and leads to an index, if there is one.
fn hint(filter: &Filter) -> Option<Sql> {
    filter.demands().into_iter().find_map(|Demand { field, folded, wanted }| {
        let mut sql = Sql::default();
        match (field.name, wanted) {
            ("id", Wanted::Number(ids)) => {
                sql.push("p.id");
                one_of(&mut sql, ids.into_iter().map(Value::from));
            }
            ("email", Wanted::OneOf(texts)) => {
                let keys: Option<Vec<Value>> =
                    texts.into_iter().map(|text| Email::parse(text).ok().map(|email| email.key.into())).collect();
                let keys = keys?;
                sql.push("p.id IN (SELECT d.person_id FROM addresses d WHERE d.key");
                one_of(&mut sql, keys.clone().into_iter());
                sql.push(" UNION ALL SELECT n.person_id FROM usernames n WHERE n.kind <> 'name' AND n.key");
                one_of(&mut sql, keys.into_iter());
                sql.push(")");
            }
            ("sub", Wanted::OneOf(texts)) if !folded => {
                sql.push("p.uuid");
                one_of(&mut sql, texts.into_iter().map(Value::from));
            }
            _ => return None,
        }
        Some(sql)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::first_start::tests::{account, author, first_start, person, signed_in};
    use crate::odata::{Order, Search};
    use crate::store::Edit;
    use crate::store::native::run;

    /// The names, or the addresses of who has none.
    async fn listed(caller: &Caller, filter: &str, search: &str, order: &str) -> Result<(Vec<String>, Option<i64>)> {
        let mut listing = Listing { count: true, ..Listing::all(&PEOPLE, 4) };
        if !filter.is_empty() {
            listing.filter = Some(Filter::parse(filter, &FIELDS).expect("a filter"));
        }
        if !search.is_empty() {
            listing.search = Some(Search::parse(search, PEOPLE.searched).expect("a search"));
        }
        if !order.is_empty() {
            listing.order = Order::parse(order, &FIELDS, &FIELDS[0]).expect("an order");
        }
        let page = list(&Connection::lease().await?, caller, None, &listing)?;
        let name = |item: Item| {
            let text = |index: usize| match &item.values[index] {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            };
            text(3).or_else(|| text(2)).expect("a name or an address")
        };
        Ok((page.items.into_iter().map(name).collect(), page.count))
    }

    #[test]
    fn people_are_found_by_words_and_walked_by_name_whoever_sees_them() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let reseller = account(&edit, operator.id, "Reseller").await?;
            let enter = |account_id: crate::values::id::AccountId, id: PersonId, role: &str| -> Result<()> {
                for statement in [
                    "INSERT INTO memberships (account_id, person_id, status, entered_at, created_at, updated_at, known_as)
                     VALUES (?1, ?2, 'active', 1, 0, 0, ?2)",
                    "INSERT INTO grants (account_id, person_id, door, role, given_by, created_at) VALUES (?1, ?2, 'accounts', ?3, 'system', 0)",
                ] {
                    let parameters: [Value; 3] = [account_id.into(), id.into(), role.into()];
                    edit.run(statement, &crate::store::sql::named(statement, &parameters))?;
                }
                Ok(())
            };
            let mut ids = Vec::new();
            for (number, name) in ["Jane Doe", "JANE Roe", "John Doe", "", "Ann Jane"].into_iter().enumerate() {
                let id = person(&edit, &format!("p{number}@example.com")).await?;
                if !name.is_empty() {
                    edit.run("UPDATE people SET name = ?2 WHERE id = ?1", &[id.into(), name.into()])?;
                }
                if number != 4 {
                    enter(if number < 2 { reseller } else { operator.id }, id, "owner")?;
                }
                ids.push(id);
            }
            edit.commit().await?;
            let all = &operator.administrator;
            let some = signed_in(ids[0]);
            for (filter, search, expected) in [
                ("contains(name, 'Jane')", "", vec!["Jane Doe"]),
                ("", "jane", vec!["Jane Doe", "JANE Roe"]),
                ("", "doe", vec!["Jane Doe", "John Doe"]),
                ("", "p3@exam", vec!["p3@example.com"]),
                ("endswith(email, 'nowhere')", "", vec![]),
            ] {
                let count = i64::try_from(expected.len()).ok();
                let expected: Vec<_> = expected.into_iter().map(str::to_owned).collect();
                assert_eq!(listed(all, filter, search, "").await?, (expected, count), "{filter} {search}");
            }
            assert_eq!(listed(&some, "", "doe", "").await?, (vec!["Jane Doe".to_owned()], Some(1)));
            let edit = Edit::begin(author("accounts")).await?;
            edit.run("UPDATE accounts SET descendants = 100000 WHERE id = ?", &[reseller.into()])?;
            edit.commit().await?;
            assert_eq!(
                listed(&some, "", "doe", "").await?,
                (vec!["Jane Doe".to_owned()], Some(1)),
                "each is asked who sees it"
            );
            let edit = Edit::begin(author("accounts")).await?;
            edit.run("UPDATE accounts SET descendants = 0 WHERE id = ?", &[reseller.into()])?;
            edit.commit().await?;
            let by_name = listed(all, "", "", "name desc").await?;
            assert_eq!(by_name.0[..3], ["John Doe", "Jane Doe", "JANE Roe"]);
            // Who is no member any more is found no more; and so it is with an address that is given up, and a name that is another.
            let edit = Edit::begin(author("accounts")).await?;
            edit.run("UPDATE memberships SET status = 'inactive' WHERE person_id = ?", &[ids[0].into()])?;
            edit.run("UPDATE addresses SET retired_at = 1 WHERE person_id = ?", &[ids[3].into()])?;
            edit.run("UPDATE people SET name = 'Other' WHERE id = ?", &[ids[1].into()])?;
            edit.run("DELETE FROM people WHERE id = ?", &[ids[4].into()])?;
            edit.commit().await?;
            assert_eq!(listed(all, "", "jane", "").await?, (Vec::new(), Some(0)));
            assert_eq!(listed(all, "", "p3@exam", "").await?, (Vec::new(), Some(0)));
            assert_eq!(listed(all, "", "other", "").await?.1, Some(1));
            let connection = Connection::lease().await?;
            assert_eq!(crate::accounts::joins::tests::contradictions(&connection)?, [""; 0]);
            Ok(())
        });
    }
}
