//! Lines into an Accord that is empty: see [`crate::transfer`].
//!
//! # What nobody may see or do meanwhile
//!
//! A directory that is half here would answer wrongly, and whoever wrote to it would take ids that are still to come. So while
//! an import is under way `live!` is false for every account: nobody has a role, signs in or gets a token. Triggers refuse every
//! write but those of the import; callers are told `503`. `/health/ready` says so too.
//!
//! # What happens to the first start
//!
//! An Accord that was started has an operator account, its administrator and its connector. With the first lines they go, and
//! so does every key that has signed for them: the directory that is brought in has its own. Whoever has begun goes on by the name and
//! the password of then, which the row of `imports` keeps.
//!
//! # What a kill leaves
//!
//! Lines are taken in batches, each with its number in one transaction. A request says which is its first line, and what has come
//! before is passed over. A batch in which a line cannot be taken is not taken at all; which line that was is found by trying
//! them one by one.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json, json};

use crate::auth::token;
use crate::error::{Conflict, Error, Faults, Result};
use crate::store::sql::rows;
use crate::store::{Actor, Author, Connection, Edit, IMPORTING, Transaction, Value, migration};
use crate::transfer::operator::{self, Operator};
use crate::transfer::sections::{CLOSED, COUNTED, SECTIONS, Section};
use crate::transfer::under_way::begun;
use crate::transfer::{FORMAT, SUBJECT};
use crate::values::time::Time;

/// Longest line, in bytes.
pub const LINE_MAX: usize = 1 << 20;

/// How many lines are taken at once, at most, …
const BATCH: usize = if cfg!(test) { 5 } else { 1000 };

/// … and how many bytes of them.
const BATCH_BYTES: usize = 1 << 20;

/// For how long a request takes lines.
const WHILE: Duration = Duration::from_secs(15);

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many lines have come.
    pub lines: i64,
    /// Whether there are more to come.
    pub is_under_way: bool,
}

/// How far the import of whoever calls has come.
///
/// # Errors
///
/// As [`operator::authenticate`].
pub async fn progress(
    connection: &Connection,
    name: &str,
    password: &str,
    address: Option<IpAddr>,
) -> Result<Progress> {
    if let Some(begun) = begun(connection)? {
        operator::recognize(connection, &begun, name, password, address).await?;
        return Ok(Progress { lines: begun.lines, is_under_way: true });
    }
    operator::authenticate(connection, name, password, address).await?;
    Ok(Progress { lines: 0, is_under_way: false })
}

/// Takes lines.
pub struct Import {
    request_id: String,
    /// Who begins, if this request does.
    operator: Option<Operator>,
    started: Instant,
    /// How many lines are taken for good.
    taken: i64,
    /// The number of the line that came last.
    number: i64,
    batch: Vec<Line>,
    bytes: usize,
    is_done: bool,
}

/// A row that has come.
struct Line {
    number: i64,
    section: usize,
    /// In the order of the section's columns.
    values: Vec<Json>,
}

/// What a line says.
enum Said {
    /// What the lines are.
    Head,
    Row {
        section: usize,
        values: Vec<Json>,
    },
    /// That it is the last one.
    End {
        lines: i64,
        ids: Vec<(String, i64)>,
    },
}

impl Import {
    /// Begins an import, or goes on with one: the first line of what follows is the `first` of them all.
    ///
    /// # Errors
    ///
    /// As [`operator::authenticate`]; [`Error::Invalid`] if lines are missing before `first`.
    pub async fn begin(
        name: &str,
        password: &str,
        address: Option<IpAddr>,
        request_id: &str,
        first: i64,
    ) -> Result<Self> {
        let connection = Connection::lease().await?;
        let (operator, taken) = if let Some(begun) = begun(&connection)? {
            operator::recognize(&connection, &begun, name, password, address).await?;
            (None, begun.lines)
        } else {
            (Some(operator::authenticate(&connection, name, password, address).await?), 0)
        };
        if !(1..=taken + 1).contains(&first) {
            return Err(Error::Invalid(Faults::of(
                "line",
                format!("must be {} or less: so many have come", taken + 1),
            )));
        }
        Ok(Self {
            request_id: request_id.to_owned(),
            operator,
            started: Instant::now(),
            taken,
            number: first - 1,
            batch: Vec::new(),
            bytes: 0,
            is_done: false,
        })
    }

    /// Whether this request takes no more lines: its time is over.
    pub fn is_enough(&self) -> bool {
        self.started.elapsed() > WHILE
    }

    /// Takes the next line.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with the number of a line that cannot be taken. Of the lines since the last that were taken for good none is.
    pub async fn take(&mut self, line: &[u8]) -> Result<()> {
        self.number += 1;
        if self.number <= self.taken {
            return Ok(());
        }
        let number = self.number;
        if self.is_done {
            return Err(fault(number, "comes after the last one"));
        }
        match read(line).map_err(|why| fault(number, &why))? {
            Said::Head if number == 1 => Ok(()),
            Said::Head => Err(fault(number, "is the first line of an export, and not the first here")),
            Said::Row { .. } | Said::End { .. } if number == 1 => Err(fault(number, NO_HEAD)),
            Said::Row { section, values } => {
                self.batch.push(Line { number, section, values });
                self.bytes += line.len();
                if self.batch.len() < BATCH && self.bytes < BATCH_BYTES { Ok(()) } else { self.flush(None).await }
            }
            Said::End { lines, ids } => {
                if lines != number - 1 {
                    return Err(fault(number, &format!("is the last of {lines} lines, and {} have come", number - 1)));
                }
                self.flush(Some(ids)).await?;
                self.is_done = true;
                Ok(())
            }
        }
    }

    /// Takes for good what has come.
    pub async fn finish(&mut self) -> Result<Progress> {
        if !self.batch.is_empty() {
            self.flush(None).await?;
        }
        Ok(Progress { lines: self.taken, is_under_way: !self.is_done && self.operator.is_none() })
    }

    /// Writes what has come, and after the last line opens the directory.
    async fn flush(&mut self, ids: Option<Vec<(String, i64)>>) -> Result<()> {
        let author = Author { actor: Actor::System, api: "accounts", request_id: self.request_id.clone() };
        let edit = Edit::begin(author).await?;
        if let Some(operator) = &self.operator {
            clear(&edit, operator).await?;
        }
        let mine = "UPDATE imports SET lines = ?2, writing = 1 WHERE one = 1 AND lines = ?1 RETURNING one";
        if edit.run(mine, &[self.taken.into(), self.number.into()])?.is_empty() {
            return Err(Error::Conflict(Conflict::ImportedElsewhere));
        }
        for lines in self.batch.chunk_by(|one, next| one.section == next.section) {
            write(&edit, lines).await?;
        }
        match ids {
            None => {
                edit.run("UPDATE imports SET writing = 0", &[])?;
            }
            Some(ids) => open(&edit, self.number, &ids).await?,
        }
        edit.commit().await?;
        self.operator = None;
        self.taken = self.number;
        self.batch.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// Names the line that cannot be taken.
fn fault(number: i64, why: &str) -> Error {
    Error::Invalid(Faults::of(&format!("line {number}"), why))
}

const NO_HEAD: &str = "must be the first line of an export";

/// Reads a line, or says what is wrong with it.
fn read(line: &[u8]) -> Result<Said, String> {
    let read: Json = serde_json::from_slice(line).map_err(|_| "is not JSON".to_owned())?;
    let Json::Object(mut object) = read else { return Err("is no object of JSON".to_owned()) };
    if object.contains_key("accord") {
        return head(&object);
    }
    if object.contains_key("changed") {
        return Err("says that the directory was changed while it was exported: export it again".to_owned());
    }
    if object.contains_key("next") {
        return Err("says that there is more to export: leave it out, and go on with what follows".to_owned());
    }
    if let Some(end) = object.remove("end") {
        return last(&end).ok_or_else(|| "is no last line of an export".to_owned());
    }
    let mut members = object.into_iter();
    let (Some((name, Json::Object(row))), None) = (members.next(), members.next()) else {
        return Err("is no row".to_owned());
    };
    let section = Section::find(&name).ok_or_else(|| format!("has rows of {name:?}, which is no section"))?;
    Ok(Said::Row { section, values: values(&SECTIONS[section], row)? })
}

fn head(object: &Map<String, Json>) -> Result<Said, String> {
    let is_head = object["accord"] == "directory" && object.get("format").is_some_and(|format| *format == FORMAT);
    if !is_head {
        return Err("is of a form that this release does not know".to_owned());
    }
    let (schema, ours) = (object.get("schema").and_then(Json::as_u64), migration::latest());
    if schema == u64::try_from(ours).ok() {
        return Ok(Said::Head);
    }
    let theirs = schema.map_or_else(|| "none".to_owned(), |schema| schema.to_string());
    Err(format!(
        "is of the schema {theirs}, and this release has {ours}: import it into the release that exported it, and upgrade that"
    ))
}

/// No id is as large: JSON's numbers are exact to here in every language.
const ID_MAX: i64 = 1 << 53;

fn last(end: &Json) -> Option<Said> {
    let ids = end["ids"].as_object()?.iter().map(|(table, id)| {
        let is_known = COUNTED.contains(&table.as_str());
        id.as_i64().filter(|id| is_known && (1..ID_MAX).contains(id)).map(|id| (table.clone(), id))
    });
    Some(Said::End { lines: end["lines"].as_i64()?, ids: ids.collect::<Option<_>>()? })
}

/// The values of a row, in the order of the section's columns. What is not there is null.
fn values(section: &Section, mut row: Map<String, Json>) -> Result<Vec<Json>, String> {
    let mut values = Vec::with_capacity(section.columns.len());
    for column in section.columns {
        let value = row.remove(*column).unwrap_or_default();
        let is_right = match &value {
            Json::Null => true,
            Json::Number(number) => number.is_i64(),
            // No text of the directory has one, and SQLite would end it there.
            Json::String(text) => !text.contains('\0'),
            _ => false,
        };
        if !is_right {
            return Err(format!("has something else than a text or a whole number as {column}"));
        }
        values.push(value);
    }
    match row.keys().next() {
        Some(column) => Err(format!("has {column:?}, which is no column of {}", section.name)),
        None => Ok(values),
    }
}

/// Writes rows of one section.
async fn write(edit: &Edit, lines: &[Line]) -> Result<()> {
    let Some(first) = lines.first() else { return Ok(()) };
    let section = &SECTIONS[first.section];
    let statement = statement(section);
    let all: Vec<_> = lines.iter().map(|line| &line.values).collect();
    let written = edit.batch(&statement, vec![rows(&all)?]).await;
    let error = match written {
        Ok(written) if !section.completes || written.len() == lines.len() => return Ok(()),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    if let Some(error) = error.filter(|error| explained(error).is_none()) {
        return Err(error);
    }
    // Which of them it is. What the statement did is undone, or does no harm.
    for line in lines {
        match edit.run(&statement, &[rows(&[&line.values])?]) {
            Ok(written) if section.completes && written.is_empty() => {
                return Err(fault(line.number, "completes a row that has not come"));
            }
            Ok(_) => {}
            Err(error) => {
                return Err(explained(&error).map_or(error, |why| fault(line.number, &why)));
            }
        }
    }
    Err(fault(first.number, "cannot be taken, or one of those after it"))
}

/// The statement that writes rows of a section: an array of arrays.
fn statement(section: &Section) -> String {
    let value = |(index, column): (usize, &&str)| {
        if Section::is_blob(column) { format!("unhex(value ->> {index})") } else { format!("value ->> {index}") }
    };
    let values: Vec<_> = section.columns.iter().enumerate().map(value).collect();
    let table = section.table;
    if !section.completes {
        return format!(
            "INSERT INTO {table} ({}) SELECT {} FROM json_each(?)",
            section.columns.join(", "),
            values.join(", ")
        );
    }
    let set: Vec<_> =
        section.columns.iter().zip(&values).skip(1).map(|(column, value)| format!("{column} = {value}")).collect();
    format!(
        "UPDATE {table} SET {} FROM (SELECT value FROM json_each(?)) WHERE {table}.id = value ->> 0 RETURNING 1 AS one",
        set.join(", ")
    )
}

/// What a refusal of the database says of a row, if it is about that.
fn explained(error: &Error) -> Option<String> {
    let text = match error {
        Error::Duplicate { columns } => return Some(format!("has the same {columns} as a row that has come")),
        Error::Internal(error) => error.to_string(),
        _ => return None,
    };
    let said = [
        ("FOREIGN KEY", "refers to a row that has not come"),
        ("NOT NULL", "lacks a value that its table needs"),
        ("CHECK", "has a value that its table does not take"),
        ("malformed JSON", "has a value that its table does not take"),
        ("cannot store", "has a value of another type than its column"),
        ("datatype mismatch", "has a value of another type than its column"),
    ];
    said.iter().find(|(sign, _)| text.contains(sign)).map(|(_, why)| (*why).to_owned())
}

/// Whether there is nothing but the first start.
const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT 1 FROM accounts WHERE owner_id IS NOT NULL)
        AND (SELECT count(*) FROM (SELECT 1 FROM people LIMIT 2)) < 2
        AND (SELECT count(*) FROM (SELECT 1 FROM connectors LIMIT 2)) < 2
        AND NOT EXISTS (SELECT 1 FROM records) AND NOT EXISTS (SELECT 1 FROM user_bindings) AS is_empty";

/// The events of which the triggers tell others.
const WRITES: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

/// What nobody but the import may write to.
fn closed() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().filter(|section| !section.completes).map(|section| section.table).chain(CLOSED)
}

/// Takes away what the first start has made, and has everybody else keep out.
async fn clear(edit: &Edit, operator: &Operator) -> Result<()> {
    if begun(edit.connection())?.is_some() {
        return Err(Error::Conflict(Conflict::ImportedElsewhere));
    }
    if !edit.run_one(IS_EMPTY, &[])?.take::<bool>("is_empty")? {
        return Err(Error::Conflict(Conflict::NotEmpty));
    }
    // Tokens of before are of people and connectors whose ids will be somebody else's.
    for mut row in edit.run("DELETE FROM signing_keys RETURNING kid, expires_at", &[])? {
        let (kid, expires_at): (String, Time) = (row.take("kid")?, row.take("expires_at")?);
        token::revoke(edit, &kid, expires_at)?;
    }
    edit.run("UPDATE accounts SET package_id = NULL", &[])?;
    for table in CLOSED.into_iter().chain(["packages", "connectors", "people", "accounts", "audit"]) {
        // What refers to these goes with them.
        edit.batch(&format!("DELETE FROM {table}"), Vec::new()).await?;
    }
    edit.run("DELETE FROM sqlite_sequence WHERE name <> 'outbox'", &[])?;
    edit.run(
        "INSERT INTO imports (one, name, password_hash, lines, writing, begun_at) VALUES (1, ?1, ?2, 0, 0, ?3)",
        &[operator.name.as_str().into(), operator.password_hash.as_str().into(), Time::now().into()],
    )?;
    for table in closed() {
        for write in WRITES {
            edit.run(
                &format!(
                    "CREATE TRIGGER import_{table}_{write} BEFORE {write} ON {table}
                     WHEN NOT EXISTS (SELECT 1 FROM imports WHERE one = 1 AND writing = 1)
                     BEGIN SELECT RAISE(ABORT, '{IMPORTING}'); END"
                ),
                &[],
            )?;
        }
    }
    Ok(())
}

/// What has to be so of a directory that has come, each a query that then answers with a row, and what is wrong otherwise.
const ENDS: [(&str, &str); 2] = [
    (
        "SELECT 1 FROM accounts a JOIN grants g ON g.account_id = a.id AND g.role = 'owner'
           JOIN memberships m ON m.account_id = g.account_id AND m.person_id = g.person_id AND m.status = 'active'
           JOIN people p ON p.id = m.person_id AND p.password_hash IS NOT NULL
          WHERE a.owner_id IS NULL AND a.status = 'active' LIMIT 1",
        "ends an export in which nobody can sign in as an owner of the operator account",
    ),
    (
        "WITH RECURSIVE below(id) AS (SELECT id FROM accounts WHERE owner_id IS NULL
             UNION ALL SELECT a.id FROM below CROSS JOIN accounts a ON a.owner_id = below.id)
         SELECT 1 WHERE (SELECT count(*) FROM below) = (SELECT count(*) FROM accounts)",
        "ends an export in which an account does not hang below the operator account",
    ),
];

/// Opens the directory: everything has come.
async fn open(edit: &Edit, number: i64, ids: &[(String, i64)]) -> Result<()> {
    let operator = edit.run_first("SELECT id FROM accounts WHERE owner_id IS NULL", &[])?;
    let operator: i64 =
        operator.ok_or_else(|| fault(number, "ends an export without an operator account"))?.take("id")?;
    for (rule, why) in ENDS {
        if edit.run_first(rule, &[])?.is_none() {
            return Err(fault(number, why));
        }
    }
    // What a removal keeps it keeps within one transaction, which was of another Accord.
    edit.run("UPDATE removals SET open = 0 WHERE open = 1", &[])?;
    for (table, id) in ids {
        let parameters: [Value; 2] = [table.as_str().into(), (*id).into()];
        edit.run("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", &parameters)?;
        edit.run(
            "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2
              WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
            &parameters,
        )?;
    }
    // What follows from the rows that have come; of each while it came it would have been written again and again.
    let follows =
        "INSERT INTO entered_people (person_id, name, words) SELECT person_id, name, words FROM entered_people_now";
    edit.batch("DELETE FROM entered_people", Vec::new()).await?;
    edit.batch(follows, Vec::new()).await?;
    edit.record("imported", SUBJECT, &[(operator, json!({ "account": operator, "lines": number }))]).await?;
    keep_open(edit)
}

/// Ends what keeps everybody else out.
fn keep_open(transaction: &Transaction) -> Result<()> {
    for table in closed() {
        for write in WRITES {
            transaction.run(&format!("DROP TRIGGER import_{table}_{write}"), &[])?;
        }
    }
    transaction.run("DELETE FROM imports", &[])?;
    Ok(())
}
