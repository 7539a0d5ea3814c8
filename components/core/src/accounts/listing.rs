//! The accounts that a caller may see, as a list: filtered, searched, in order, page by page, and counted.
//!
//! How a list is read depends on how many accounts the caller sees, see [`Start`]. Their number is known beforehand, so
//! that a list of all of them counts nothing.

use crate::accounts::account::DESCRIPTION_MAX;
use crate::accounts::hierarchy::{self, IN_VISIBLE, ROLES, Reach, VISIBLE};
use crate::auth::caller::Caller;
use crate::error::Result;
use crate::odata::listing::{self, FEW, Source, and};
use crate::odata::{Collection, Demand, Field, Filter, Listing, Page, Wanted, Words};
use crate::store::sql::Sql;
use crate::store::{Connection, Value};
use crate::values::id::AccountId;
use crate::values::text;

/// The accounts, as they are listed. A name is ordered by without its case, as accounts are found by it.
pub static ACCOUNTS: Collection = Collection {
    fields: &FIELDS,
    searched: &["a.name", "a.description", "a.primary_contact"],
    words: Some(&Words { table: "account_words", id: "a.id" }),
    unique: &FIELDS[0],
    descending: false,
};

static FIELDS: [Field; 12] = [
    Field::number("id", "a.id"),
    Field::text("name", "a.name").ordered_by("a.name_key").indexed(),
    Field::text("description", "a.description").up_to(DESCRIPTION_MAX as u64),
    Field::text("status", "a.status"),
    Field::text("type", "a.type"),
    Field::text("accountKey", "a.account_key"),
    Field::text("registrationId", "a.registration_id"),
    Field::text("subdomain", "a.subdomain"),
    Field::text("country", "a.country"),
    Field::text("primaryContact", "a.primary_contact"),
    Field::time("createdAt", "a.created_at").indexed(),
    Field::time("updatedAt", "a.updated_at"),
];

/// Lists accounts that the caller may see: those it belongs to, and what they own. The page is always counted.
///
/// # Errors
///
/// [`crate::Error::Forbidden`] for a connector without `accounts:read` and without `accounts:manage`; [`crate::Error::Invalid`] for
/// options that cost too much over so many accounts.
pub fn list(connection: &Connection, caller: &Caller, listing: &Listing) -> Result<Page> {
    caller.require_reading()?;
    let reach = hierarchy::reach(connection, caller)?;
    let mut hint = listing.filter.as_ref().and_then(hint);
    let mut is_few = false;
    if hint.is_none() && reach.accounts > FEW {
        hint = listing.led_to(connection, reach.accounts, reach.everything)?;
        is_few = hint.is_some();
    }
    let start = Start::choose(reach, hint.is_some());
    let hint = hint.filter(|_| start.is_among_many());
    let source = start.source(caller);
    let conditions = listing.conditions();
    let count_matches = || {
        let mut counted = Sql::default();
        if let Some(hint) = hint.clone() {
            and(&mut counted, hint);
        }
        counted.append(conditions.clone());
        listing::count(connection, &source, counted)
    };
    let mut count = conditions.text.is_empty().then_some(reach.accounts);
    let is_affordable = if hint.is_some() {
        listing.require_few(reach.accounts)
    } else {
        listing.require_short(connection, &source, reach.accounts)
    };
    let mut wanted = Sql::default();
    if let Some(hint) = hint.clone() {
        let mut led_to = Sql::default();
        and(&mut led_to, hint);
        if is_affordable.is_err() {
            listing.require_few_of(connection, &source, &led_to)?;
        }
        // Few matches are found and put in order; many are come across soon enough when the accounts are walked in order.
        if !is_few {
            let matches = count_matches()?;
            is_few = matches <= FEW || is_affordable.is_err();
            count = Some(matches);
        }
        if is_few {
            wanted = led_to;
        }
    } else {
        is_affordable?;
    }
    wanted.append(conditions.clone());
    let mut page = listing.page(connection, &source, wanted)?;
    let whole = !page.more && listing.top > 0 && listing.after.is_none() && listing.skip == 0;
    page.count = Some(match count {
        Some(count) => count,
        // The first page is all that there is.
        None if whole => i64::try_from(page.items.len()).unwrap_or(i64::MAX),
        None => count_matches()?,
    });
    Ok(page)
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

    /// The accounts that the caller sees, as `a`.
    fn source(self, caller: &Caller) -> Source {
        const OWNED: &str = "WITH RECURSIVE visible(id) AS (
             SELECT ?1 UNION ALL SELECT o.id FROM visible JOIN accounts o ON o.owner_id = visible.id) ";
        let caller = || hierarchy::parameters(caller).to_vec();
        let (with, condition, parameters) = match self {
            Self::All => ("", "1".to_owned(), Vec::new()),
            Self::Hint => ("", format!("{ROLES} IS NOT NULL"), caller()),
            Self::Owner(account) => (OWNED, "a.id IN (SELECT id FROM visible)".to_owned(), vec![account.into()]),
            Self::Visible => (VISIBLE, IN_VISIBLE.to_owned(), caller()),
        };
        Source { with, from: format!("accounts a WHERE {condition}"), parameters, ..Source::default() }
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
            ("id", Wanted::Number(ids)) => {
                sql.push("a.id");
                one_of(&mut sql, ids.into_iter().map(Value::from));
            }
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

/// Adds ` IN (…)`, one parameter for each value.
pub(crate) fn one_of(sql: &mut Sql, values: impl Iterator<Item = Value>) {
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
    use crate::entry::first_start::tests::{account, author, first_start};
    use crate::odata::Search;
    use crate::store::Edit;
    use crate::store::native::run;
    use crate::values::id::Id as _;

    #[test]
    fn among_many_accounts_words_lead_to_the_same_list_and_what_they_do_not_narrow_is_refused() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let names = ["Acme", "ACME Oy", "acme, sub", "\u{c4}htäri", "\u{c4}HT\u{c4}RI Acme", "Other", "Ac me"];
            let mut made = Vec::new();
            for name in names {
                made.push(account(&edit, operator.id, name).await?);
            }
            edit.run("UPDATE accounts SET description = 'of acme' WHERE name = 'Other'", &[])?;
            edit.run("UPDATE accounts SET name = 'Renamed', name_key = 'renamed' WHERE name = 'acme, sub'", &[])?;
            edit.run("DELETE FROM accounts WHERE name = 'ACME Oy'", &[])?;
            // Of these there are too many to be led to.
            edit.run(
                "INSERT INTO accounts (owner_id, account_key, name, name_key, origin, created_at, updated_at)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2001)
                 SELECT ?1, 'k' || i, 'Common ' || i, 'common ' || i, 'portal', 0, 0 FROM n",
                &[operator.id.into()],
            )?;
            edit.commit().await?;
            let connection = Connection::lease().await?;
            let listed = |filter: &str, search: &str| -> Result<(Vec<String>, Option<i64>)> {
                let mut listing = Listing::all(&ACCOUNTS, 5);
                if !filter.is_empty() {
                    listing.filter = Some(Filter::parse(filter, &FIELDS).expect("a filter"));
                }
                if !search.is_empty() {
                    listing.search = Some(Search::parse(search, ACCOUNTS.searched).expect("a search"));
                }
                let page = list(&connection, &operator.administrator, &listing)?;
                let names = page.items.into_iter().map(|item| match item.values.into_iter().nth(1) {
                    Some(Value::Text(name)) => name,
                    other => panic!("{other:?}"),
                });
                Ok((names.collect(), page.count))
            };
            // How many the operator believes to own decides how its list is read.
            let owning = async |number: i64| -> Result<()> {
                let edit = Edit::begin(author("accounts")).await?;
                edit.run("UPDATE accounts SET descendants = ? WHERE owner_id IS NULL", &[number.into()])?;
                edit.commit().await
            };
            let asked = [
                ("contains(name, 'Acme')", ""),
                ("contains(tolower(name), 'acme')", ""),
                ("", "ACME"),
                ("", "acme NOT other"),
                ("", "\u{e4}ht\u{e4}ri"),
                ("contains(name, 'acme')", "acme"),
                ("endswith(description, 'acme')", ""),
                ("contains(name, 'nowhere')", ""),
                ("contains(name, 'Common')", ""),
                ("", "common"),
                ("", "co"),
            ];
            owning(0).await?;
            let few = asked.iter().map(|(filter, search)| listed(filter, search)).collect::<Result<Vec<_>>>()?;
            assert_eq!(
                few[2],
                (vec!["Acme".to_owned(), "\u{c4}HT\u{c4}RI Acme".to_owned(), "Other".to_owned()], Some(3))
            );
            owning(FEW).await?;
            for ((filter, search), expected) in asked.iter().zip(&few) {
                assert_eq!(listed(filter, search)?, *expected, "{filter} {search}");
            }
            // So many cannot be looked at each.
            owning(1_000_000_000).await?;
            for ((filter, search), expected) in asked.iter().zip(&few).take(10) {
                assert_eq!(listed(filter, search)?, *expected, "{filter} {search}");
            }
            assert!(matches!(listed("", "co"), Err(crate::Error::Invalid(_))), "two characters lead nowhere");
            Ok(())
        });
    }

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

    #[test]
    fn what_a_list_may_cost_counts_the_texts_that_there_are() {
        run(async {
            let operator = first_start().await?;
            let describe = async |description: &str| -> Result<()> {
                let edit = Edit::begin(author("accounts")).await?;
                edit.run("DELETE FROM accounts WHERE owner_id IS NOT NULL", &[])?;
                edit.run(
                    "INSERT INTO accounts (owner_id, account_key, name, name_key, description, origin, created_at, updated_at)
                     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
                     SELECT ?1, 'k' || i, 'Account', 'account', ?2, 'portal', 0, 0 FROM n",
                    &[operator.id.into(), description.into()],
                )?;
                edit.run("UPDATE accounts SET descendants = 1000 WHERE owner_id IS NULL", &[])?;
                edit.commit().await
            };
            let listed = async |filter: &str| {
                let mut listing = Listing::all(&ACCOUNTS, 5);
                listing.filter = Some(Filter::parse(filter, &FIELDS).expect("a filter"));
                list(&Connection::lease().await?, &operator.administrator, &listing).map(|page| page.items.len())
            };
            let looked_for = format!("contains(description, '{}b')", "a".repeat(899));
            let sixty = vec![looked_for.as_str(); 60].join(" or ");
            let letters: String = ('\u{430}'..'\u{450}').chain('\u{3b1}'..'\u{3c1}').collect();
            let lowered = vec![format!("tolower(description) eq '{letters}'"); 15].join(" or ");
            describe("short").await?;
            for filter in [&sixty, &lowered] {
                assert_eq!(listed(filter).await?, 0);
            }
            describe(&"a".repeat(DESCRIPTION_MAX)).await?;
            for filter in [&sixty, &lowered] {
                assert!(matches!(listed(filter).await, Err(crate::Error::Invalid(_))), "{filter}");
            }
            assert_eq!(listed(&looked_for).await?, 0);
            Ok(())
        });
    }

    /// A filter that costs as much as one may, for each account or record that has the word and for the others.
    fn costly(field: &str, word: &str) -> String {
        let letters: String = ('\u{430}'..'\u{450}').chain('\u{3b1}'..'\u{3c1}').collect();
        let costly = vec![format!("tolower({field}) eq '{letters}'"); 15].join(" or ");
        format!("contains(name, '{word}') and ({costly} or name ne '')")
    }

    /// Two accounts side by side, and who sees the first.
    async fn neighbours(edit: &Edit, owner: AccountId) -> Result<(AccountId, AccountId, Caller)> {
        let (mine, other) = (account(edit, owner, "Mine").await?, account(edit, owner, "Other").await?);
        let boss = crate::entry::first_start::tests::person(edit, "boss@example.com").await?;
        crate::accounts::members::found(edit, mine, boss).await?;
        Ok((mine, other, crate::entry::first_start::tests::signed_in(boss)))
    }

    #[test]
    fn the_names_of_accounts_that_somebody_does_not_see_change_nothing() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let (mine, other, caller) = neighbours(&edit, operator.id).await?;
            let mut listing = Listing::all(&ACCOUNTS, 5);
            listing.filter = Some(Filter::parse(&costly("description", "Zanzibar"), &FIELDS).expect("a filter"));
            let most = listing.rows_max().expect("a bound");
            edit.run(
                "INSERT INTO accounts (owner_id, account_key, name, name_key, origin, created_at, updated_at)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                 SELECT ?1, 'k' || i, iif(i <= ?2, 'Zanzibar ' || i, 'x' || i), 'n' || i, 'portal', 0, 0 FROM n",
                &[mine.into(), most.into()],
            )?;
            edit.run("UPDATE accounts SET descendants = 10000 WHERE id = ?", &[mine.into()])?;
            edit.commit().await?;
            let ask = async || list(&Connection::lease().await?, &caller, &listing).map(|page| page.count);
            let before = ask().await;
            let edit = Edit::begin(author("accounts")).await?;
            account(&edit, other, "Zanzibar Secret").await?;
            edit.commit().await?;
            assert_eq!(format!("{:?}", ask().await), format!("{before:?}"));
            Ok(())
        });
    }

    #[test]
    fn what_the_records_of_others_say_changes_nothing() {
        use crate::people::record_listing::{self, RECORDS};
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let (mine, other, caller) = neighbours(&edit, operator.id).await?;
            let mut listing = Listing::all(&RECORDS, 5);
            listing.filter =
                Some(Filter::parse(&costly("lastName", "jane@acme.example"), RECORDS.fields).expect("a filter"));
            let most = listing.rows_max().expect("a bound");
            edit.run(
                "INSERT INTO records (uuid, account_id, name, created_at, updated_at)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                 SELECT 'u' || i, ?1, iif(i <= ?2, 'jane@acme.example ' || i, 'x' || i), 0, 0 FROM n",
                &[mine.into(), most.into()],
            )?;
            edit.commit().await?;
            let ask = async || {
                record_listing::list(&Connection::lease().await?, &caller, mine, &listing).map(|page| page.items.len())
            };
            let before = ask().await;
            let edit = Edit::begin(author("accounts")).await?;
            edit.run(
                "INSERT INTO records (uuid, account_id, email, email_key, created_at, updated_at)
                 VALUES ('s', ?, 'jane@acme.example', 'jane@acme.example', 0, 0)",
                &[other.into()],
            )?;
            edit.commit().await?;
            assert_eq!(format!("{:?}", ask().await), format!("{before:?}"));
            Ok(())
        });
    }

    #[test]
    fn people_are_counted_and_not_their_ids() {
        use crate::people::listing as people;
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            edit.run("UPDATE sqlite_sequence SET seq = 1000000 WHERE name = 'people'", &[])?;
            let late = crate::entry::first_start::tests::person(&edit, "late@example.com").await?;
            crate::accounts::members::found(&edit, operator.id, late).await?;
            edit.run("UPDATE memberships SET entered_at = 1, status = 'active' WHERE person_id = ?", &[late.into()])?;
            edit.commit().await?;
            let mut listing = Listing::all(&people::PEOPLE, 5);
            listing.order =
                crate::odata::Order::parse("email", people::PEOPLE.fields, people::PEOPLE.unique).expect("an order");
            let page = people::list(&Connection::lease().await?, &operator.administrator, None, &listing);
            assert_eq!(page?.items.len(), 2);
            let mut listing = Listing::all(&people::PEOPLE, 5);
            listing.search = Some(Search::parse("la", people::PEOPLE.searched).expect("a search"));
            let page = people::list(&Connection::lease().await?, &operator.administrator, None, &listing);
            assert_eq!(page?.items.len(), 1);
            Ok(())
        });
    }

    /// The hint of a filter: its text, and its parameters with a bar between them.
    fn hint_of(filter: &str) -> Option<(String, String)> {
        let sql = hint(&Filter::parse(filter, &FIELDS).expect("a filter"))?;
        assert_eq!(sql.text.matches('?').count(), sql.parameters.len());
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            other => panic!("{other:?}"),
        };
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
            ("id eq 7", "a.id IN (?)", "7"),
            ("id in (7, 8)", "a.id IN (?, ?)", "7|8"),
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
            "id gt 1",
            "id in (1, 2.5)",
        ] {
            assert_eq!(hint_of(filter), None, "{filter}");
        }
    }
}
