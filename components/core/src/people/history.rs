//! The audit, as it is read: who changed what, when, through which API and in which request, with values before and after.
//!
//! Who manages an account sees what was changed of it and of what it owns; a person sees what was changed of the person. Who
//! made a change is named to whoever may see that one. Of an account that is no more, whoever manages the account above knows
//! that it was deleted, and those who see the whole directory know the rest. Connectors do not read the audit.

use std::fmt::Write as _;
use std::time::Duration;

use crate::accounts::hierarchy::{self, IN_VISIBLE, VISIBLE, is_managed};
use crate::auth::caller::Caller;
use crate::error::{Error, Result, Thing};
use crate::odata::listing::{FEW, Source, Walk};
use crate::odata::{Collection, Demand, Field, Filter, Item, Listing, Page, Wanted};
use crate::people::seen::{email, entered, is_seen, known_as};
use crate::setting;
use crate::store::Connection;
use crate::store::climb::climb;
use crate::values::id::{AccountId, EventId};
use crate::values::role::Role;
use crate::values::time::Time;

/// What the audit tells, as it is listed: the newest first. The caller is `?1` and `?2`.
pub static EVENTS: Collection = Collection {
    fields: &FIELDS,
    searched: &["e.action", "e.detail"],
    words: None,
    unique: &FIELDS[0],
    descending: true,
};

/// The number in the name of an actor, which follows a word and a colon.
macro_rules! actor_id {
    () => {
        "CAST(substr(e.actor, instr(e.actor, ':') + 1) AS INTEGER)"
    };
}

/// What a query finds of the person who made a change, for whoever may see that person.
macro_rules! of_person {
    ($what:expr) => {
        concat!(
            "(SELECT ",
            $what,
            " FROM people p WHERE e.actor LIKE 'user:%' AND p.id = ",
            actor_id!(),
            " AND p.erased_at IS NULL AND (?1 IS p.id AND ?2 IS NULL OR ",
            is_seen!(),
            "))"
        )
    };
}

/// What a query finds of the connector of this id, for whoever manages its account.
macro_rules! of_connector {
    ($what:expr, $id:expr) => {
        concat!(
            "(SELECT ",
            $what,
            " FROM connectors c JOIN accounts a ON a.id = c.account_id WHERE c.id = ",
            $id,
            " AND ",
            is_managed!(),
            ")"
        )
    };
}

/// The account of this id, or the one that it was joined into.
macro_rules! told_of {
    ($id:expr) => {
        concat!("coalesce((SELECT j.account_id FROM joined_accounts j WHERE j.id = ", $id, "), ", $id, ")")
    };
}

static FIELDS: [Field; 17] = [
    Field::number("id", "e.id"),
    Field::time("at", "e.at"),
    Field::text("api", "e.api"),
    Field::text("requestId", "e.request_id"),
    Field::text("actor", "iif(instr(e.actor, ':') > 0, substr(e.actor, 1, instr(e.actor, ':') - 1), e.actor)"),
    Field::number("actorUserId", of_person!("p.id")),
    Field::text("actorEmail", of_person!(email!("p.id"))),
    Field::number(
        "actorConnectorId",
        concat!("iif(e.actor LIKE 'connector:%', ", of_connector!("c.id", actor_id!()), ", NULL)"),
    ),
    Field::text("action", "e.action"),
    Field::text(
        "subject",
        "CASE e.subject WHEN 'accounts' THEN 'account' WHEN 'people' THEN 'user' WHEN 'memberships' THEN 'member'
              WHEN 'records' THEN 'record' WHEN 'connectors' THEN 'connector' WHEN 'packages' THEN 'package'
              ELSE e.subject END",
    ),
    Field::number("accountId", "e.account_id"),
    // A member as the account knows it; a person as others see one.
    Field::number(
        "userId",
        concat!(
            "CASE e.subject WHEN 'memberships' THEN (SELECT ",
            known_as!(),
            " FROM memberships m WHERE m.account_id = e.account_id AND m.person_id = e.subject_id)
             WHEN 'people' THEN (SELECT m.person_id FROM memberships m WHERE m.person_id = e.subject_id AND ",
            entered!("m"),
            " LIMIT 1) END"
        ),
    ),
    Field::text(
        "recordId",
        "iif(e.subject = 'records', (SELECT r.uuid FROM records r WHERE r.id = e.subject_id), NULL)",
    ),
    Field::number(
        "connectorId",
        of_connector!("c.id", "iif(e.subject = 'connectors', e.subject_id, e.detail ->> '$.connector')"),
    ),
    Field::json("before", "(e.detail -> '$.before')"),
    Field::json("after", "(e.detail -> '$.after')"),
    Field::json(
        "detail",
        "nullif(json_remove(e.detail, '$.before', '$.after', '$.account', '$.connector', '$.into'), '{}')",
    ),
];

/// Lists what was changed that the caller may know of.
///
/// # Errors
///
/// [`Error::Forbidden`] for a connector.
pub async fn list(connection: &Connection, caller: &Caller, listing: &Listing) -> Result<Page> {
    let source = whole(connection, caller, kept_since().await?, demanded(listing).as_deref())?;
    listing.read(connection, &narrowed(source, listing))
}

/// What the audit tells under this id, if the caller may know of it.
///
/// # Errors
///
/// As [`list`]; [`Error::NotFound`].
pub async fn load(connection: &Connection, caller: &Caller, id: EventId) -> Result<Item> {
    let mut source = whole(connection, caller, kept_since().await?, None)?;
    source.from.push_str(" AND e.id = ?4");
    source.parameters.push(id.into());
    source.first(connection, &EVENTS.fields.iter().collect::<Vec<_>>())?.ok_or(Error::NotFound(Thing::Event))
}

/// Lists what was changed of an account, of what it owns, and of what was joined into these.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account, and for a connector.
pub async fn list_of(
    connection: &Connection,
    caller: &Caller,
    account_id: AccountId,
    listing: &Listing,
) -> Result<Page> {
    let source = whole_of(connection, caller, account_id, kept_since().await?)?;
    listing.read(connection, &narrowed(source, listing))
}

/// What the caller may know of an account, of what is kept.
fn whole_of(connection: &Connection, caller: &Caller, account_id: AccountId, kept: Time) -> Result<Source> {
    const OWNED: &str = "WITH RECURSIVE owned(id) AS (
         SELECT ?4 UNION ALL SELECT o.id FROM owned JOIN accounts o ON o.owner_id = owned.id) ";
    caller.refuse_connector()?;
    hierarchy::roles(connection, caller, account_id)?.require(Role::Manage)?;
    let statement =
        "SELECT descendants, EXISTS (SELECT 1 FROM joined_accounts WHERE account_id = accounts.id) AS joined
           FROM accounts WHERE id = ?";
    let mut row = connection.query_one(statement, &[account_id.into()])?;
    let (owned, joined): (i64, bool) = (row.take("descendants")?, row.take("joined")?);
    let (with, condition, walked) = match owned {
        0 if !joined => ("", "e.account_id = ?4", false),
        ..=FEW => (
            OWNED,
            "e.account_id IN (SELECT id FROM owned
                 UNION ALL SELECT j.id FROM owned CROSS JOIN joined_accounts j ON j.account_id = owned.id)",
            false,
        ),
        _ => (
            "",
            concat!(
                "EXISTS (WITH RECURSIVE ",
                climb!(told_of!("e.account_id")),
                " SELECT 1 FROM chain WHERE chain.id = ?4)"
            ),
            true,
        ),
    };
    let mut source = since(caller, with, condition, kept);
    if walked {
        (source.walked, source.walk) = (Some(WALKED), Some(&WALK));
    }
    source.parameters.push(account_id.into());
    Ok(source)
}

/// The accounts that the filter demands, if it does.
fn demanded(listing: &Listing) -> Option<Vec<i64>> {
    let mut demands = listing.filter.iter().flat_map(Filter::demands);
    demands.find_map(|Demand { field, wanted, .. }| match wanted {
        Wanted::Number(wanted) if field.name == "accountId" => Some(wanted),
        _ => None,
    })
}

/// Where the filter demands an account or an event, the index leads to its events alone. Whatever else the filter says is checked as well.
fn narrowed(mut source: Source, listing: &Listing) -> Source {
    let demands = listing.filter.iter().flat_map(Filter::demands);
    let narrow = demands.filter_map(|Demand { field, wanted, .. }| match (field.name, wanted) {
        ("accountId" | "id", Wanted::Number(wanted)) => Some((field.column, wanted)),
        _ => None,
    });
    for (column, wanted) in narrow {
        let numbers: Vec<_> = wanted
            .into_iter()
            .map(|number| {
                source.parameters.push(number.into());
                format!("?{}", source.parameters.len())
            })
            .collect();
        // Nothing fails that writes into a text.
        _ = write!(source.from, " AND {column} IN ({})", numbers.join(", "));
        (source.walked, source.walk) = (None, None);
    }
    source
}

/// What the caller may know of, of what is kept. Of many accounts only the events of those that are wanted are looked for.
fn whole(connection: &Connection, caller: &Caller, kept: Time, wanted: Option<&[i64]>) -> Result<Source> {
    caller.refuse_connector()?;
    let reach = hierarchy::reach(connection, caller)?;
    if reach.everything {
        return Ok(Source { walked: Some(WALKED), ..since(caller, "", "1", kept) });
    }
    let own = "?2 IS NULL AND own.subject = 'people' AND own.subject_id = ?1";
    // Of few accounts the events are found by the account; of many they are come across when all are walked in order.
    if reach.accounts > FEW {
        let managed = match wanted {
            // Each of these is asked, and not each of its events.
            Some(_) => concat!(
                "e.account_id IN (SELECT wanted.value FROM json_each(?4) wanted JOIN accounts a ON a.id = ",
                told_of!("wanted.value"),
                " WHERE ",
                is_managed!(),
                ")"
            ),
            None => concat!(
                "EXISTS (SELECT 1 FROM accounts a WHERE a.id = ",
                told_of!("e.account_id"),
                " AND ",
                is_managed!(),
                ")"
            ),
        };
        let condition = format!("({managed} OR {})", own.replace("own.", "e."));
        let mut source = since(caller, "", &condition, kept);
        source.parameters.extend(wanted.map(|wanted| serde_json::json!(wanted).to_string().into()));
        return Ok(Source { walked: Some(WALKED), walk: Some(&WALK), ..source });
    }
    let managed =
        format!("SELECT a.id FROM visible v CROSS JOIN accounts a ON a.id = v.id WHERE v.manages AND {IN_VISIBLE}");
    let condition = format!(
        "e.id IN (SELECT told.id FROM ({managed}) managed CROSS JOIN audit told ON told.account_id = managed.id
                   UNION ALL SELECT told.id FROM ({managed}) managed CROSS JOIN joined_accounts j ON j.account_id = managed.id
                        CROSS JOIN audit told ON told.account_id = j.id
                   UNION ALL SELECT own.id FROM audit own WHERE {own})"
    );
    Ok(since(caller, VISIBLE, &condition, kept))
}

/// How many events are walked at most, of whatever account they are: ids grow by one.
const WALKED: &str = "SELECT coalesce((SELECT max(id) FROM audit) - (SELECT min(id) FROM audit) + 1, 0) AS rows";

/// A walk over all events to those of accounts that the caller manages: each is climbed from.
static WALK: Walk = Walk {
    bounds: "SELECT coalesce((SELECT min(id) FROM audit), 0) AS first, coalesce((SELECT max(id) FROM audit), 0) AS last",
    each: 500,
};

/// What meets the condition and is kept. The caller is `?1` and `?2`, and `?3` since when it is.
fn since(caller: &Caller, with: &'static str, condition: &str, kept: Time) -> Source {
    let [person, connector] = hierarchy::parameters(caller);
    let from = format!("audit e WHERE {condition} AND e.at >= ?3");
    let parameters = vec![person, connector, kept.into()];
    Source { with, from, parameters, ..Source::default() }
}

/// Since when the audit is kept, by the setting `audit_days`: 0 is for ever.
async fn kept_since() -> Result<Time> {
    let days = setting::number("audit_days").await?.unsigned_abs();
    Ok(if days == 0 { Time::from_milliseconds(0) } else { Time::now() - Duration::from_hours(24 * days) })
}

/// How many events are forgotten at once: few, for others wait meanwhile.
const FORGOTTEN: i64 = 500;

/// Forgets the oldest of what is kept no longer, so many at most, and says whether there was any.
pub async fn forget(connection: &Connection) -> Result<bool> {
    let since = kept_since().await?;
    // Ids grow with time, so that the oldest are the first.
    let oldest = "SELECT 1 FROM (SELECT at FROM audit ORDER BY id LIMIT 1) WHERE at < ?";
    let is_due = connection.query_first(oldest, &[since.into()])?.is_some();
    if is_due {
        let statement = "DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT ?2) AND at < ?1";
        connection.execute(statement, vec![since.into(), FORGOTTEN.into()]).await?;
    }
    Ok(is_due)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::first_start::tests::{account, author, first_start, person, signed_in};
    use crate::odata::Order;
    use crate::store::native::run;
    use crate::store::{Edit, Value};

    /// The ids on a page, and those of all pages from there on; and how many pages there are.
    fn ids(connection: &Connection, source: &Source, mut listing: Listing) -> Result<(Vec<Value>, usize)> {
        let (mut ids, mut pages) = (Vec::new(), 0);
        loop {
            let page = listing.read(connection, source)?;
            pages += 1;
            let last = page.items.last().map(|last| last.keys.clone());
            ids.extend(page.items.into_iter().filter_map(|item| item.values.into_iter().next()));
            let Some(keys) = page.reached.or(last).filter(|_| page.more) else { return Ok((ids, pages)) };
            listing.after = listing.order.after(&keys);
        }
    }

    #[test]
    fn a_walk_to_events_that_are_far_away_ends_and_the_next_page_goes_on() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let reseller = account(&edit, operator.id, "Reseller").await?;
            let customer = account(&edit, reseller, "Customer").await?;
            let other = account(&edit, operator.id, "Other").await?;
            let person = person(&edit, "owner@example.com").await?;
            for statement in [
                "INSERT INTO memberships (account_id, person_id, status, entered_at, created_at, updated_at, known_as)
                 VALUES (?1, ?2, 'active', 1, 0, 0, ?2)",
                "INSERT INTO grants (account_id, person_id, door, role, given_by, created_at)
                 VALUES (?1, ?2, 'accounts', 'owner', 'system', 0)",
            ] {
                edit.run(statement, &[reseller.into(), person.into()])?;
            }
            edit.run("DELETE FROM audit", &[])?;
            // Five of the customer, more of the other than may be walked at once, and two of the customer.
            edit.run(
                "INSERT INTO audit (id, at, actor, api, action, subject, subject_id, request_id, account_id)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300007),
                      of(i, account) AS (SELECT i, iif(i <= 5 OR i > 300005, ?1, ?2) FROM n)
                 SELECT i, 4102444800000, 'system', 'accounts', 'changed', 'accounts', account, '', account FROM of",
                &[customer.into(), other.into()],
            )?;
            edit.commit().await?;
            let connection = Connection::lease().await?;
            let caller = signed_in(person);
            let owning = async |number: i64| -> Result<()> {
                let edit = Edit::begin(author("accounts")).await?;
                edit.run("UPDATE accounts SET descendants = ?2 WHERE id = ?1", &[reseller.into(), number.into()])?;
                edit.run("DELETE FROM audit WHERE id > 300007", &[])?;
                edit.commit().await
            };
            let ascending = Order::parse("id", &FIELDS, &FIELDS[0]).expect("an order");
            let kept = Time::from_milliseconds(0);
            for of_account in [false, true] {
                let source = || {
                    if of_account {
                        whole_of(&connection, &caller, reseller, kept)
                    } else {
                        whole(&connection, &caller, kept, None)
                    }
                };

                for order in [None, Some(ascending.clone())] {
                    let mut listing = Listing::all(&EVENTS, 4);
                    listing.order = order.unwrap_or(listing.order);
                    owning(1).await?;
                    let (few, pages) = ids(&connection, &source()?, listing.clone())?;
                    assert_eq!((few.len(), pages), (7, 2));
                    owning(FEW + 1).await?;
                    let source = source()?;
                    let (many, pages) = ids(&connection, &source, listing.clone())?;
                    assert_eq!((many, pages), (few, 3));
                    let refused = |listing: Listing| match listing.read(&connection, &source) {
                        Err(Error::Invalid(faults)) => format!("{faults:?}").contains("too much work"),
                        other => panic!("{other:?}"),
                    };
                    assert!(refused(Listing { count: true, ..listing.clone() }));
                    assert!(refused(Listing { skip: 6, ..listing.clone() }), "how many are passed over is not known");
                    let skipped = Listing { skip: 1, ..listing.clone() }.read(&connection, &source)?;
                    assert!(!skipped.items.is_empty() && skipped.more);
                    for (account, expected) in [(customer, 7), (other, 0)].into_iter().filter(|_| !of_account) {
                        let filter = format!("accountId eq {account}");
                        let filter = Some(Filter::parse(&filter, &FIELDS).expect("a filter"));
                        let listing = Listing { filter, ..listing.clone() };
                        let source = whole(&connection, &caller, kept, demanded(&listing).as_deref())?;
                        let (found, _) = ids(&connection, &narrowed(source, &listing), listing)?;
                        assert_eq!(found.len(), expected, "{account}");
                    }
                    let none = Listing { top: 0, ..listing }.read(&connection, &source)?;
                    assert!(none.items.is_empty() && !none.more);
                }
            }
            Ok(())
        });
    }
}
