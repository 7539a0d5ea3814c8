//! The accounts that a caller may see, as a list: filtered, searched, in order, page by page, and counted.
//!
//! How a list is read depends on how many accounts the caller sees, see [`Start`]. Their number is known beforehand, so
//! that a list of all of them counts nothing.

use crate::accounts::account::Account;
use crate::accounts::hierarchy::{self, IN_VISIBLE, ROLES, Reach, VISIBLE};
use crate::auth::caller::Caller;
use crate::auth::scope;
use crate::error::Result;
use crate::odata::{Demand, Field, Filter, Kind, Order, Wanted};
use crate::store::sql::Sql;
use crate::store::{Connection, Value};
use crate::values::id::AccountId;
use crate::values::text;

/// The fields that a list can filter, order and select by. The first is unique.
pub static FIELDS: [Field; 12] = [
    Field { name: "id", column: "a.id", kind: Kind::Number },
    Field { name: "name", column: "a.name", kind: Kind::Text },
    Field { name: "description", column: "a.description", kind: Kind::Text },
    Field { name: "status", column: "a.status", kind: Kind::Text },
    Field { name: "type", column: "a.type", kind: Kind::Text },
    Field { name: "accountKey", column: "a.account_key", kind: Kind::Text },
    Field { name: "registrationId", column: "a.registration_id", kind: Kind::Text },
    Field { name: "subdomain", column: "a.subdomain", kind: Kind::Text },
    Field { name: "country", column: "a.country", kind: Kind::Text },
    Field { name: "primaryContact", column: "a.primary_contact", kind: Kind::Text },
    Field { name: "createdAt", column: "a.created_at", kind: Kind::Time },
    Field { name: "updatedAt", column: "a.updated_at", kind: Kind::Time },
];

/// The columns that `$search` looks in.
pub const SEARCHED: [&str; 3] = ["a.name", "a.description", "a.primary_contact"];

impl Account {
    /// The value of one of [`FIELDS`].
    pub fn value(&self, field: &Field) -> Value {
        match field.name {
            "id" => self.id.into(),
            "name" => self.name.as_str().into(),
            "description" => self.description.as_deref().into(),
            "status" => self.status.as_str().into(),
            "type" => self.kind.as_str().into(),
            "accountKey" => self.account_key.as_str().into(),
            "registrationId" => self.registration_id.as_deref().into(),
            "subdomain" => self.subdomain.as_deref().into(),
            "country" => self.country.as_deref().into(),
            "primaryContact" => self.primary_contact.as_deref().into(),
            "createdAt" => self.created_at.into(),
            "updatedAt" => self.updated_at.into(),
            _ => Value::Null,
        }
    }
}

/// What to list.
pub struct Listing {
    /// Which accounts.
    pub filter: Option<Filter>,
    /// Which of those: the condition of a search.
    pub search: Option<Sql>,
    /// In which order.
    pub order: Order,
    /// Only those after the one whose order keys have these values, see [`Order::after`].
    pub after: Option<Sql>,
    /// How many to pass over.
    pub skip: i64,
    /// How many to return.
    pub top: i64,
}

/// A part of a list.
pub struct Page {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// How many there are, `after`, `skip` and `top` aside.
    pub count: i64,
    /// Whether there are more after the last.
    pub more: bool,
}

/// How many accounts are looked at one by one rather than looked for among all.
const FEW: i64 = 2000;

/// Lists accounts that the caller may see: those it belongs to, and what they own.
///
/// # Errors
///
/// [`crate::Error::Forbidden`] for a connector without `accounts:read` and without `accounts:manage`.
pub fn list(connection: &Connection, caller: &Caller, listing: &Listing) -> Result<Page> {
    if let Caller::Connector(connector) = caller {
        connector.require_any(&[scope::ACCOUNTS_READ, scope::ACCOUNTS_MANAGE])?;
    }
    let reach = hierarchy::reach(connection, caller)?;
    let hint = listing.filter.as_ref().and_then(hint);
    let start = Start::choose(reach, hint.is_some());
    let hint = hint.filter(|_| start.is_among_many());
    let mut conditions = Sql::default();
    for condition in listing.filter.as_ref().map(Filter::sql).into_iter().chain(listing.search.clone()) {
        and(&mut conditions, condition);
    }
    let count_matches = || -> Result<i64> {
        let mut count = start.select("count(*) AS count", caller);
        if let Some(hint) = hint.clone() {
            and(&mut count, hint);
        }
        count.append(conditions.clone());
        connection.query_one(&count.text, &count.parameters)?.take("count")
    };
    let mut count = conditions.text.is_empty().then_some(reach.accounts);
    if count.is_none() && start.is_among_many() {
        count = Some(count_matches()?);
    }

    let mut page = start.select(Account::COLUMNS, caller);
    // Few matches are found and put in order; many are come across soon enough when the accounts are walked in order.
    if let Some(hint) = hint.clone().filter(|_| count.is_some_and(|count| count <= FEW)) {
        and(&mut page, hint);
    }
    page.append(conditions.clone());
    if let Some(after) = listing.after.clone() {
        and(&mut page, after);
    }
    page.push(&format!(" ORDER BY {} LIMIT ", listing.order.sql()));
    // One more tells whether there is more.
    page.bind(listing.top + 1);
    page.push(" OFFSET ");
    page.bind(listing.skip);
    let rows = connection.query(&page.text, &page.parameters)?;
    let mut accounts = rows.into_iter().map(|mut row| Account::from_row(&mut row)).collect::<Result<Vec<_>>>()?;
    let top = usize::try_from(listing.top).unwrap_or(usize::MAX);
    let whole = accounts.len() <= top && listing.after.is_none() && listing.skip == 0;
    let count = match count {
        Some(count) => count,
        // The first page is all that there is.
        None if whole => i64::try_from(accounts.len()).unwrap_or(i64::MAX),
        None => count_matches()?,
    };
    let more = accounts.len() > top && top > 0;
    accounts.truncate(top);
    Ok(Page { accounts, count, more })
}

fn and(sql: &mut Sql, condition: Sql) {
    sql.push(" AND (");
    sql.append(condition);
    sql.push(")");
}

/// Where a list starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The accounts: the caller sees every one.
    All,
    /// The accounts that the filter leads to. Each is asked whether the caller sees it.
    Hint,
    /// One account, and all that it owns: what most callers see.
    Owner(AccountId),
    /// The accounts that the caller sees.
    Visible,
}

impl Start {
    fn choose(reach: Reach, hinted: bool) -> Self {
        match reach {
            Reach { everything: true, .. } => Self::All,
            Reach { accounts, .. } if hinted && accounts > FEW => Self::Hint,
            Reach { root, .. } => root.map_or(Self::Visible, Self::Owner),
        }
    }

    /// Whether it is among accounts that the caller may not see, or too many to look at each.
    fn is_among_many(self) -> bool {
        matches!(self, Self::All | Self::Hint)
    }

    /// The beginning of a statement over the accounts that the caller sees: conditions follow.
    fn select(self, columns: &str, caller: &Caller) -> Sql {
        const OWNED: &str = "WITH RECURSIVE visible(id) AS (
             SELECT ?1 UNION ALL SELECT o.id FROM visible JOIN accounts o ON o.owner_id = visible.id) ";
        let caller = || hierarchy::parameters(caller).to_vec();
        let (before, condition, parameters) = match self {
            Self::All => ("", "1".to_owned(), Vec::new()),
            Self::Hint => ("", format!("{ROLES} IS NOT NULL"), caller()),
            Self::Owner(account) => (OWNED, "a.id IN (SELECT id FROM visible)".to_owned(), vec![account.into()]),
            Self::Visible => (VISIBLE, IN_VISIBLE.to_owned(), caller()),
        };
        Sql { text: format!("{before}SELECT {columns} FROM accounts a WHERE {condition}"), parameters }
    }
}

/// A condition that follows from the filter and leads to an index, if there is one: the filter's own compares values that
/// no index has. Whatever else the filter says is checked as well.
fn hint(filter: &Filter) -> Option<Sql> {
    filter.demands().into_iter().find_map(|Demand { field, folded, wanted }| {
        let mut sql = Sql::default();
        match (field.name, wanted) {
            ("name", Wanted::OneOf(names)) => {
                sql.push("a.name_key");
                one_of(&mut sql, names.into_iter().map(|name| text::fold(name).into()));
            }
            ("name", Wanted::Prefix(prefix)) => {
                let (from, to) = text::prefix_range(&text::fold(prefix))?;
                sql.push("a.name_key >= ");
                sql.bind(from);
                sql.push(" AND a.name_key < ");
                sql.bind(to);
            }
            _ if folded => return None,
            // Registration ids are unique, and found, among the accounts of an owner.
            ("registrationId", Wanted::OneOf(ids)) => {
                sql.push("a.owner_id IN (SELECT id FROM accounts WHERE descendants > 0) AND a.registration_id");
                one_of(&mut sql, ids.into_iter().map(Value::from));
            }
            ("accountKey" | "subdomain", Wanted::OneOf(keys)) => {
                sql.push(field.column);
                one_of(&mut sql, keys.into_iter().map(Value::from));
            }
            _ => return None,
        }
        Some(sql)
    })
}

fn one_of(sql: &mut Sql, values: impl Iterator<Item = Value>) {
    sql.push(" IN (");
    for (index, value) in values.enumerate() {
        sql.push(if index > 0 { ", " } else { "" });
        sql.bind(value);
    }
    sql.push(")");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::id::Id as _;

    #[test]
    fn a_list_starts_where_the_least_is_read() {
        let root = Some(AccountId::from_number(7));
        let cases = [
            (Reach { accounts: 1_000_000, everything: true, root: None }, [Start::All, Start::All]),
            (Reach { accounts: FEW, everything: false, root: None }, [Start::Visible, Start::Visible]),
            (Reach { accounts: FEW + 1, everything: false, root: None }, [Start::Visible, Start::Hint]),
            (Reach { accounts: FEW, everything: false, root }, [Start::Owner(AccountId::from_number(7)); 2]),
            (
                Reach { accounts: FEW + 1, everything: false, root },
                [Start::Owner(AccountId::from_number(7)), Start::Hint],
            ),
        ];
        for (reach, expected) in cases {
            assert_eq!([false, true].map(|hinted| Start::choose(reach, hinted)), expected, "{reach:?}");
        }
    }

    /// The hint of a filter: its text, and its parameters with a bar between them.
    fn hint_of(filter: &str) -> Option<(String, String)> {
        let sql = hint(&Filter::parse(filter, &FIELDS).expect("a filter"))?;
        assert_eq!(sql.text.matches('?').count(), sql.parameters.len());
        let text = |value: &Value| if let Value::Text(text) = value { text.clone() } else { panic!("{value:?}") };
        Some((sql.text, sql.parameters.iter().map(text).collect::<Vec<_>>().join("|")))
    }

    #[test]
    fn a_filter_leads_to_an_index_where_it_demands_what_an_index_has() {
        for (filter, expected, parameters) in [
            ("name eq 'Acme'", "a.name_key IN (?)", "acme"),
            ("toupper(name) eq 'ACME' and status eq 'active'", "a.name_key IN (?)", "acme"),
            ("status eq 'active' and name in ('Äiti', 'B')", "a.name_key IN (?, ?)", "äiti|b"),
            ("startswith(tolower(name), 'ac')", "a.name_key >= ? AND a.name_key < ?", "ac|ad"),
            ("accountKey eq 'K'", "a.account_key IN (?)", "K"),
            ("'s' eq subdomain", "a.subdomain IN (?)", "s"),
            (
                "registrationId in ('1', '2')",
                "a.owner_id IN (SELECT id FROM accounts WHERE descendants > 0) AND a.registration_id IN (?, ?)",
                "1|2",
            ),
        ] {
            assert_eq!(hint_of(filter), Some((expected.to_owned(), parameters.to_owned())), "{filter}");
        }
    }

    #[test]
    fn other_filters_lead_nowhere() {
        for filter in [
            "name eq 'Acme' or id eq 1",
            "not (name eq 'Acme')",
            "name ne 'Acme'",
            "contains(name, 'Acme')",
            "startswith(name, '')",
            "tolower(accountKey) eq 'k'",
            "startswith(subdomain, 's')",
            "status eq 'active'",
            "id eq 1",
        ] {
            assert_eq!(hint_of(filter), None, "{filter}");
        }
    }

    #[test]
    fn every_field_has_the_value_of_its_column() {
        let text = |text: &str| Some(text.to_owned());
        let account = Account {
            id: AccountId::from_number(1),
            name: "name".to_owned(),
            description: text("description"),
            status: "status".to_owned(),
            kind: "type".to_owned(),
            account_key: "account_key".to_owned(),
            registration_id: text("registration_id"),
            subdomain: text("subdomain"),
            country: text("country"),
            primary_contact: text("primary_contact"),
            created_at: crate::values::time::Time::from_milliseconds(2),
            updated_at: crate::values::time::Time::from_milliseconds(3),
            version: 4,
        };
        for field in &FIELDS {
            let expected = match field.name {
                "id" => Value::Integer(1),
                "createdAt" => Value::Integer(2),
                "updatedAt" => Value::Integer(3),
                _ => Value::from(field.column.trim_start_matches("a.")),
            };
            assert_eq!(account.value(field), expected, "{}", field.name);
        }
    }
}
