//! People as those see them who see an account that they have entered.

use crate::accounts::hierarchy::{self, IN_VISIBLE, VISIBLE, is_managed};
use crate::accounts::listing::one_of;
use crate::auth::caller::Caller;
use crate::error::{Error, Result, Thing};
use crate::odata::listing::{self, Source, and};
use crate::odata::{Collection, Demand, Field, Filter, Item, Listing, Page, Wanted};
use crate::people::seen::{email, entered, is_seen};
use crate::store::sql::Sql;
use crate::store::{Connection, Value};
use crate::values::email::Email;
use crate::values::id::PersonId;

/// People, as they are listed.
pub static PEOPLE: Collection = Collection {
    fields: &FIELDS,
    searched: &["p.name", "p.first_name", "p.last_name", EMAIL],
    words: None,
    unique: &FIELDS[0],
    descending: false,
};

const EMAIL: &str = email!("p.id");

static FIELDS: [Field; 7] = [
    // Of the membership and not of the person, so that the index of those who have entered has the order.
    Field::number("id", "m.person_id"),
    Field::text("sub", "p.uuid"),
    Field::text("email", EMAIL),
    Field::text("name", "p.name"),
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
    let everything = hierarchy::reach(connection, caller)?.everything;
    let source = match (everything, hint.is_some() || external_id.is_some()) {
        (true, false) => everybody(),
        (_, found) => seen(caller, found),
    };
    let mut conditions = Sql::default();
    if let Some(hint) = hint {
        and(&mut conditions, hint);
    }
    if let Some(external_id) = external_id {
        and(&mut conditions, called(caller, external_id));
    }
    listing.require_few_of(connection, &source, &conditions)?;
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

/// Everybody who has entered an account, in the order of the index of these: by the first of the accounts.
fn everybody() -> Source {
    let from = concat!(
        "memberships m CROSS JOIN people p ON p.id = m.person_id WHERE ",
        entered!("m"),
        " AND NOT EXISTS (SELECT 1 FROM memberships of
           WHERE of.person_id = m.person_id AND of.account_id < m.account_id AND ",
        entered!("of"),
        ")"
    );
    Source { from: from.to_owned(), ..Source::default() }
}

/// Those who have entered an account that the caller sees. If something else finds a few people, each is asked; else they are found
/// by the accounts.
fn seen(caller: &Caller, found: bool) -> Source {
    let parameters = hierarchy::parameters(caller).to_vec();
    if found {
        let from =
            format!("(SELECT id AS person_id FROM people) m JOIN people p ON p.id = m.person_id WHERE {}", is_seen!());
        return Source { from, parameters, ..Source::default() };
    }
    let from = format!(
        concat!(
            "(SELECT DISTINCT of.person_id FROM accounts a JOIN memberships of ON of.account_id = a.id
               WHERE {} AND ",
            entered!("of"),
            ") m JOIN people p ON p.id = m.person_id WHERE 1"
        ),
        IN_VISIBLE
    );
    Source { with: VISIBLE, from, parameters, walked: None }
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
