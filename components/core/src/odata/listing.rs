//! A list as its options want it: filtered, searched, in order, page by page, and counted.

use super::work::Work;
use super::{Field, Filter, Order, Search, Words, words};
use crate::error::{Error, Faults, Result};
use crate::store::sql::Sql;
use crate::store::{Connection, Row, Value};

/// Most work of a list, in steps, of which each takes some ten nanoseconds: as much as one request may cost.
const WORK_MAX: u64 = 100_000_000;

/// What it costs to come across a row.
const ROW: u64 = 10;

/// How many characters something has that is searched and is no field: what the audit tells of a change.
const LONG: u64 = 4000;

/// What is said of an option that costs too much.
const TOO_MUCH: &str = "at character 1: this takes too much work over so many: use fewer words, conditions or fields";

/// How many are looked at one by one rather than looked for among all.
pub(crate) const FEW: i64 = 2000;

/// How many are found by an index of words, if to look at all of them is refused.
const MANY: i64 = 20_000;

/// What can be listed, and by what.
#[derive(Debug)]
pub struct Collection {
    /// The fields that a list can show, filter and order by.
    pub fields: &'static [Field],
    /// The columns that `$search` looks in.
    pub searched: &'static [&'static str],
    /// The index of the trigrams of these, if there is one.
    pub words: Option<&'static Words>,
    /// What tells any two apart. It is the order of a list if there is no other, and need not be among the fields.
    pub unique: &'static Field,
    /// Whether that order is from the largest to the smallest.
    pub descending: bool,
}

/// What to list.
#[derive(Clone, Debug)]
pub struct Listing {
    /// What is listed.
    pub collection: &'static Collection,
    /// What to show of each.
    pub fields: Vec<&'static Field>,
    /// Which of them.
    pub filter: Option<Filter>,
    /// Which of those.
    pub search: Option<Search>,
    /// In which order.
    pub order: Order,
    /// Only those after the one whose order keys have these values, see [`Order::after`].
    pub after: Option<Sql>,
    /// How many to pass over.
    pub skip: i64,
    /// How many to return.
    pub top: i64,
    /// Whether to say how many there are.
    pub count: bool,
}

/// One of a list.
#[derive(Clone, Debug)]
pub struct Item {
    /// The values of the [`Listing::fields`].
    pub values: Vec<Value>,
    /// The values of the keys of the order.
    pub keys: Vec<Value>,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// What is on it.
    pub items: Vec<Item>,
    /// How many there are, `after`, `skip` and `top` aside, if that is known.
    pub count: Option<i64>,
    /// Whether there are more after the last.
    pub more: bool,
    /// The values of the order keys that the next page comes after, if these are not the last one's.
    pub reached: Option<Vec<Value>>,
}

/// Where a list is taken from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// What stands before `SELECT`.
    pub with: &'static str,
    /// What follows `FROM`, with a condition at its end.
    pub from: String,
    /// The parameters, which are numbered: those of the options follow them.
    pub parameters: Vec<Value>,
    /// A query that tells as `rows` how many are looked at, at most, if that costs less than to count what the source has.
    pub walked: Option<&'static str>,
    /// Where the source is walked in the order of what tells any two apart, a number, and to find out whether one of those that are come
    /// across belongs to it costs something.
    pub walk: Option<&'static Walk>,
    /// Whether the caller sees all of the directory.
    pub sees_all: bool,
}

/// A walk over rows of which only some belong to a source. It may be long until a page of these is found, so it ends after some
/// time, and the next page goes on from there.
#[derive(Debug)]
pub struct Walk {
    /// A query that tells as `first` and `last` between which numbers the rows are.
    pub bounds: &'static str,
    /// What it costs to find out whether a row belongs to the source, in steps.
    pub each: u64,
}

impl Source {
    /// The beginning of a statement over the source: conditions follow.
    pub(crate) fn select(&self, columns: &str) -> Sql {
        let Self { with, from, parameters, .. } = self;
        Sql { text: format!("{with}SELECT {columns} FROM {from}"), parameters: parameters.clone() }
    }

    /// The first that is there, with these fields.
    pub(crate) fn first(&self, connection: &Connection, fields: &[&'static Field]) -> Result<Option<Item>> {
        let statement = self.select(&columns(fields, &[]));
        let row = connection.query_first(&statement.text, &statement.parameters)?;
        row.map(|mut row| item(&mut row, fields.len(), 0)).transpose()
    }
}

impl Listing {
    /// The listing of everything, with every field, in one page of this size.
    pub fn all(collection: &'static Collection, top: i64) -> Self {
        Self {
            collection,
            fields: collection.fields.iter().collect(),
            filter: None,
            search: None,
            order: Order::by(collection.unique, collection.descending),
            after: None,
            skip: 0,
            top,
            count: false,
        }
    }

    /// Reads a page of what `source` has.
    ///
    /// # Errors
    ///
    /// As [`Self::require_few`].
    pub(crate) fn read(&self, connection: &Connection, source: &Source) -> Result<Page> {
        let mut conditions = Sql::default();
        if let Some(led_to) = self.narrowed(connection, source, false)? {
            and(&mut conditions, led_to);
        }
        conditions.append(self.conditions());
        let mut page = match source.walk {
            Some(walk) if self.works().of_row(|_| 0) == 0 => self.walk(connection, source, walk, conditions.clone())?,
            _ => self.page(connection, source, conditions.clone())?,
        };
        if self.count {
            page.count = Some(count(connection, source, conditions)?);
        }
        Ok(page)
    }

    /// A page of what is walked in order and meets conditions that cost nothing: as far as may be walked.
    fn walk(&self, connection: &Connection, source: &Source, walk: &Walk, mut conditions: Sql) -> Result<Page> {
        let mut bounds = connection.query_one(walk.bounds, &[])?;
        let (first, last): (i64, i64) = (bounds.take("first")?, bounds.take("last")?);
        let most = Self::rows_of(walk.each).unwrap_or(i64::MAX);
        if self.count && last.saturating_sub(first) >= most {
            return Err(Error::Invalid(Faults::of("$count", TOO_MUCH)));
        }
        let [key] = self.order.keys() else { return self.page(connection, source, conditions) };
        let after = match self.after.as_ref().map(|after| after.parameters.as_slice()) {
            None => None,
            Some([Value::Integer(after)]) => Some(*after),
            // Nothing comes after what is none.
            Some(_) => return self.page(connection, source, conditions),
        };
        let (end, operator, is_end) = if key.descending {
            let end = after.map_or(last, |after| after.min(last)).saturating_sub(most);
            (end, ">=", end <= first)
        } else {
            let end = after.map_or(first, |after| after.max(first)).saturating_add(most);
            (end, "<=", end >= last)
        };
        conditions.push(&format!(" AND {} {operator} ", key.field.column));
        conditions.bind(end);
        let mut page = self.page(connection, source, conditions)?;
        if page.more || is_end || self.top == 0 {
            return Ok(page);
        }
        if page.items.is_empty() && self.skip > 0 {
            // How many have been passed over, nobody knows.
            return Err(Error::Invalid(Faults::of("$skip", TOO_MUCH)));
        }
        (page.more, page.reached) = (true, Some(vec![end.into()]));
        Ok(page)
    }

    /// What the options cost, by the option.
    fn work(&self) -> [(&'static str, Work); 3] {
        let order = self.order.work(self.skip);
        // What is put in order is looked at once more to be counted.
        let times = if order == Work::default() { 1 } else { 2 };
        let of = |once: Option<Work>| {
            let mut work = Work::default();
            work.add(&once.unwrap_or_default(), times);
            work
        };
        let filter = of(self.filter.as_ref().map(Filter::work));
        let search = of(self.search.as_ref().map(|search| search.work.clone()));
        [("$filter", filter), ("$search", search), ("$orderby", order)]
    }

    /// What all options cost.
    fn works(&self) -> Work {
        let mut all = Work::default();
        for (_, work) in self.work() {
            all.add(&work, 1);
        }
        all
    }

    /// How many bytes a column has at most.
    fn longest(&self, column: &str) -> u64 {
        let named = |field: &&Field| field.column == column || field.order == Some(column);
        // What is searched and no field is more than a line.
        4 * self.collection.fields.iter().find(named).map_or(LONG, |field| field.longest)
    }

    /// How many rows these options may look at, if that is bounded, where texts are as long as they may be.
    pub(crate) fn rows_max(&self) -> Option<i64> {
        Self::rows_of(self.works().of_row(|column| self.longest(column)))
    }

    fn rows_of(work: u64) -> Option<i64> {
        (work > 0).then(|| i64::try_from(WORK_MAX / work.saturating_add(ROW)).unwrap_or(i64::MAX))
    }

    /// Refuses options that cost too much over so many rows, where texts are as long as they may be.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], which names the option that costs most.
    pub(crate) fn require_few(&self, rows: i64) -> Result<()> {
        if self.rows_max().is_none_or(|max| rows <= max) { Ok(()) } else { Err(self.refusal()) }
    }

    /// As [`Self::require_few`], over the `rows` that `source` has: its texts are as long as they are. To ask how long costs little, and it is
    /// asked where that decides.
    pub(crate) fn require_short(&self, connection: &Connection, source: &Source, rows: i64) -> Result<()> {
        let work = self.works();
        let Err(refusal) = self.require_few(rows) else { return Ok(()) };
        if Self::rows_of(work.of_row(|_| 0)).is_none_or(|max| rows > max) {
            return Err(refusal);
        }
        // What is looked up elsewhere is an address or a name.
        let (elsewhere, here): (Vec<_>, Vec<_>) = work.bytes.iter().partition(|(column, _)| column.contains("SELECT"));
        let elsewhere: u64 = elsewhere.iter().map(|(_, thousandths)| thousandths.saturating_mul(255) / 1000).sum();
        let here: Vec<_> =
            here.iter().map(|(column, each)| format!("{each} * coalesce(octet_length({column}), 0)")).collect();
        let here = if here.is_empty() { "0".to_owned() } else { here.join(" + ") };
        let statement = source.select(&format!("CAST(total({here}) / 1000 AS INTEGER) AS steps"));
        let steps: i64 = connection.query_one(&statement.text, &statement.parameters)?.take("steps")?;
        let rows = u64::try_from(rows).unwrap_or_default();
        let all =
            rows.saturating_mul(ROW + work.row + elsewhere).saturating_add(u64::try_from(steps).unwrap_or_default());
        if all <= WORK_MAX { Ok(()) } else { Err(refusal) }
    }

    /// What is said of options that cost too much.
    pub(crate) fn refusal(&self) -> Error {
        let work = |(_, work): &(&str, Work)| work.of_row(|column| self.longest(column));
        // What costs nothing by itself is passed over.
        let most = self.work().into_iter().max_by_key(work).filter(|option| work(option) > 0);
        let most = most.map_or("$skip", |(option, _)| option);
        Error::Invalid(Faults::of(most, TOO_MUCH))
    }

    /// As [`Self::require_few`], over what `source` has and meets the conditions.
    pub(crate) fn require_few_of(&self, connection: &Connection, source: &Source, conditions: &Sql) -> Result<()> {
        // However short the texts are, more cannot be looked at.
        let Some(max) = Self::rows_of(self.works().of_row(|_| 0)) else { return Ok(()) };
        if let Some(walked) = source.walked {
            let rows = connection.query_one(walked, &[])?.take("rows")?;
            let of_row = self.works().of_row(|_| 0).saturating_add(source.walk.map_or(0, |walk| walk.each));
            if Self::rows_of(of_row).is_some_and(|max| rows > max) {
                return Err(self.refusal());
            }
            return self.require_short(connection, source, rows);
        }
        let rows = Self::counted(connection, source, conditions, max)?;
        if conditions.text.is_empty() { self.require_short(connection, source, rows) } else { self.require_few(rows) }
    }

    /// What the index of words is asked for what filter and search demand to be contained, if they demand anything.
    fn asked(&self) -> Option<(&'static Words, String)> {
        let words = self.collection.words?;
        let demanded = self.filter.as_ref().map(|filter| filter.parts(self.collection.searched)).unwrap_or_default();
        let searched = self.search.as_ref().map(|search| search.parts.as_slice()).unwrap_or_default();
        Some((words, words::query(demanded.iter().chain(searched))?))
    }

    /// Whether filter and search demand something that an index of words may find.
    pub(crate) fn seeks_words(&self) -> bool {
        self.asked().is_some()
    }

    /// A condition that leads to what filter and search let through, if an index of words finds few: of many, looked at in order, enough are
    /// come across soon. Where to look at all `rows` costs too much, more than a few are found for who sees all; others are told nothing
    /// by what the whole directory has.
    pub(crate) fn led_to(&self, connection: &Connection, rows: i64, sees_all: bool) -> Result<Option<Sql>> {
        match self.require_few(rows) {
            Ok(()) => self.found(connection, FEW),
            Err(_) if sees_all => self.found(connection, MANY),
            Err(_) => Ok(None),
        }
    }

    /// The condition of [`Self::led_to`], if so many are found at most, and no more than may be looked at.
    fn found(&self, connection: &Connection, most: i64) -> Result<Option<Sql>> {
        let Some((Words { table, id }, asked)) = self.asked() else { return Ok(None) };
        let most = self.rows_max().map_or(most, |max| max.min(most));
        let statement = format!(
            "SELECT count(*) AS number, json_group_array(id) AS ids
               FROM (SELECT w.rowid AS id FROM {table} w WHERE w.{table} MATCH ?1 LIMIT ?2)"
        );
        let mut found = connection.query_one(&statement, &[asked.into(), (most + 1).into()])?;
        if found.take::<i64>("number")? > most {
            return Ok(None);
        }
        let mut condition = Sql::default();
        condition.push(&format!("{id} IN (SELECT value FROM json_each("));
        condition.bind(found.take::<String>("ids")?);
        condition.push("))");
        Ok(Some(condition))
    }

    /// As [`Self::led_to`], of what `source` has: that is not known beforehand, and not counted if words lead to few of many. `are_many` says that
    /// the source has more than a few.
    ///
    /// # Errors
    ///
    /// As [`Self::require_few`], if nothing leads to what is listed.
    pub(crate) fn narrowed(&self, connection: &Connection, source: &Source, are_many: bool) -> Result<Option<Sql>> {
        let rest = |condition: Option<Sql>| match condition {
            Some(condition) => Ok(Some(condition)),
            None => self.require_few_of(connection, source, &Sql::default()).map(|()| None),
        };
        if self.asked().is_none() || !are_many && Self::counted(connection, source, &Sql::default(), FEW)? <= FEW {
            return rest(None);
        }
        if !source.sees_all {
            // What words find in the whole directory refuses nothing, and permits nothing: it would tell what others have.
            rest(None)?;
            return self.found(connection, FEW);
        }
        match rest(self.found(connection, FEW)?) {
            Err(Error::Invalid(faults)) => match self.found(connection, MANY)? {
                Some(condition) => Ok(Some(condition)),
                None => Err(Error::Invalid(faults)),
            },
            narrowed => narrowed,
        }
    }

    /// How many `source` has that meet the conditions, counted up to one more than `most`.
    fn counted(connection: &Connection, source: &Source, conditions: &Sql, most: i64) -> Result<i64> {
        let Source { with, from, parameters, .. } = source;
        let mut statement = Sql {
            text: format!("{with}SELECT count(*) AS rows FROM (SELECT 1 FROM {from}"),
            parameters: parameters.clone(),
        };
        statement.append(conditions.clone());
        statement.push(" LIMIT ");
        statement.bind(most.saturating_add(1));
        statement.push(")");
        connection.query_one(&statement.text, &statement.parameters)?.take("rows")
    }

    /// What filter and search ask for, as more conditions of a statement.
    pub(crate) fn conditions(&self) -> Sql {
        let mut conditions = Sql::default();
        let search = self.search.as_ref().map(|search| search.sql.clone());
        for condition in self.filter.as_ref().map(Filter::sql).into_iter().chain(search) {
            and(&mut conditions, condition);
        }
        conditions
    }

    /// Reads a page of what `source` has and meets the conditions, uncounted.
    pub(crate) fn page(&self, connection: &Connection, source: &Source, conditions: Sql) -> Result<Page> {
        let keys: Vec<_> = self.order.keys().iter().map(|key| key.field.order_column()).collect();
        let mut statement = source.select(&columns(&self.fields, &keys));
        statement.append(conditions);
        if let Some(after) = self.after.clone() {
            and(&mut statement, after);
        }
        statement.push(&format!(" ORDER BY {} LIMIT ", self.order.sql()));
        // One more tells whether there is more.
        statement.bind(self.top + 1);
        statement.push(" OFFSET ");
        statement.bind(self.skip);
        let rows = connection.query(&statement.text, &statement.parameters)?;
        let items = rows.into_iter().map(|mut row| item(&mut row, self.fields.len(), keys.len()));
        let mut items = items.collect::<Result<Vec<_>>>()?;
        let top = usize::try_from(self.top).unwrap_or(usize::MAX);
        let more = items.len() > top && top > 0;
        items.truncate(top);
        Ok(Page { items, count: None, more, reached: None })
    }
}

/// How many there are of what `source` has and meets the conditions.
pub(crate) fn count(connection: &Connection, source: &Source, conditions: Sql) -> Result<i64> {
    let mut statement = source.select("count(*) AS count");
    statement.append(conditions);
    connection.query_one(&statement.text, &statement.parameters)?.take("count")
}

/// Adds one more condition.
pub(crate) fn and(sql: &mut Sql, condition: Sql) {
    sql.push(" AND (");
    sql.append(condition);
    sql.push(")");
}

/// The columns of fields and keys, under names that are only used here: two fields may have one column.
fn columns(fields: &[&Field], keys: &[&str]) -> String {
    let fields = fields.iter().enumerate().map(|(index, field)| format!("{} AS value{index}", field.column));
    let keys = keys.iter().enumerate().map(|(index, key)| format!("{key} AS key{index}"));
    fields.chain(keys).collect::<Vec<_>>().join(", ")
}

fn item(row: &mut Row, fields: usize, keys: usize) -> Result<Item> {
    let mut take = |name: &str, number: usize| -> Result<Vec<Value>> {
        (0..number).map(|index| row.take(&format!("{name}{index}"))).collect()
    };
    Ok(Item { values: take("value", fields)?, keys: take("key", keys)? })
}

#[cfg(test)]
mod tests;
