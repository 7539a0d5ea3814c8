//! The directory as lines: see [`crate::transfer`].
//!
//! A request has only so much time, on Spin, behind proxies and on libSQL. So it is answered with the lines that can be read in a while,
//! and a last one that says how to go on: `{"next":"…"}`. Rows are read by their keys, a page at a time, and nothing is locked.
//! Lines that were read while somebody wrote would contradict each other: the last request looks whether the audit has
//! grown since the first one, and says so in place of the last line.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use crate::error::{Error, Faults, Result};
use crate::store::{Author, Connection, Edit, Value, migration};
use crate::transfer::operator::Operator;
use crate::transfer::sections::{COUNTED, SECTIONS, Section};
use crate::transfer::{FORMAT, SUBJECT};

/// How many rows are read at once.
const PAGE: i64 = if cfg!(test) { 7 } else { 1000 };

/// For how long a request tells lines.
const WHILE: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_secs(8) };

/// How many bytes a request tells, about.
const MUCH: usize = 64 << 20;

/// How far an export has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Mark {
    section: usize,
    /// The key of the row that was told last, if one of this section was.
    after: Vec<Key>,
    /// How many lines were told.
    lines: i64,
    /// The last event of the audit before the first line.
    since: i64,
    /// The event by which the audit tells of this export. Nobody goes on with one that it does not tell of.
    event: i64,
}

/// A value of a primary key; bytes are their hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Number(i64),
    Text(String),
}

impl Mark {
    /// As a text for the next request.
    fn write(&self) -> String {
        let after: Vec<Json> = self
            .after
            .iter()
            .map(|key| match key {
                Key::Number(number) => json!(number),
                Key::Text(text) => json!(text),
            })
            .collect();
        URL_SAFE_NO_PAD.encode(json!([self.section, after, self.lines, self.since, self.event]).to_string())
    }

    fn read(text: &str) -> Option<Self> {
        let decoded = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (section, after, lines, since, event): (usize, Vec<Json>, i64, i64, i64) =
            serde_json::from_slice(&decoded).ok()?;
        let after: Option<Vec<_>> = after
            .into_iter()
            .map(|key| match key {
                Json::Number(number) => number.as_i64().map(Key::Number),
                Json::String(text) => Some(Key::Text(text)),
                _ => None,
            })
            .collect();
        let after = after?;
        let is_whole = after.is_empty() || SECTIONS.get(section).is_some_and(|section| section.key == after.len());
        (section <= SECTIONS.len() && is_whole && lines > 0).then_some(Self { section, after, lines, since, event })
    }
}

/// An export that is under way, as far as one request goes.
pub struct Export {
    connection: Connection,
    mark: Mark,
    started: Instant,
    told: usize,
    is_over: bool,
}

impl Export {
    /// Begins an export, which the audit notes, or goes on with one: `next` is what the request before has said.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if `next` is nothing that was said.
    pub async fn begin(author: Author, operator: &Operator, next: Option<&str>) -> Result<Self> {
        let actor = author.actor.to_string();
        let mark = match next {
            Some(next) => Mark::read(next).ok_or_else(unknown)?,
            None => note(author, operator).await?,
        };
        let connection = Connection::lease().await?;
        let noted =
            format!("SELECT 1 FROM audit WHERE id = ? AND subject = '{SUBJECT}' AND action = 'exported' AND actor = ?");
        connection.query_first(&noted, &[mark.event.into(), actor.into()])?.ok_or_else(unknown)?;
        Ok(Self { connection, mark, started: Instant::now(), told: 0, is_over: false })
    }

    /// The next lines; `None` once the request has told its part.
    pub fn lines(&mut self) -> Result<Option<String>> {
        if self.is_over {
            return Ok(None);
        }
        if self.mark.lines == 0 {
            self.mark.lines = 1;
            return Ok(Some(told(&json!({ "accord": "directory", "format": FORMAT, "schema": migration::latest() }))));
        }
        if self.told > 0 && (self.started.elapsed() > WHILE || self.told > MUCH) {
            self.is_over = true;
            return Ok(Some(told(&json!({ "next": self.mark.write() }))));
        }
        while let Some(section) = SECTIONS.get(self.mark.section) {
            if let Some(lines) = self.page(section)? {
                self.told += lines.len();
                return Ok(Some(lines));
            }
        }
        self.is_over = true;
        self.last().map(Some)
    }

    /// A page of a section; `None` if there is no more of it. Then the mark is at the next one.
    fn page(&mut self, section: &Section) -> Result<Option<String>> {
        let parameters: Vec<Value> = self
            .mark
            .after
            .iter()
            .map(|key| match key {
                Key::Number(number) => (*number).into(),
                Key::Text(text) => text.as_str().into(),
            })
            .collect();
        let rows = self.connection.query(&statement(section, !parameters.is_empty()), &parameters)?;
        let count = i64::try_from(rows.len()).unwrap_or(PAGE);
        let mut lines = String::new();
        for mut row in rows {
            lines.push_str(&row.take::<String>("line")?);
            lines.push('\n');
            self.mark.after.clear();
            for key in KEYS.iter().take(section.key) {
                self.mark.after.push(match row.take(key)? {
                    Value::Integer(number) => Key::Number(number),
                    Value::Text(text) => Key::Text(text),
                    _ => {
                        return Err(Error::Internal(anyhow::anyhow!(
                            "a key of {} is neither number nor text",
                            section.table
                        )));
                    }
                });
            }
        }
        self.mark.lines += count;
        if count < PAGE {
            self.mark.section += 1;
            self.mark.after.clear();
        }
        Ok((count > 0).then_some(lines))
    }

    /// The last line.
    fn last(&self) -> Result<String> {
        if last_event(&self.connection)? != self.mark.since {
            return Ok(told(&json!({ "changed": true })));
        }
        let mut ids = serde_json::Map::new();
        for mut row in
            self.connection.query("SELECT name, seq FROM sqlite_sequence WHERE seq > 0 ORDER BY name", &[])?
        {
            let name: String = row.take("name")?;
            if COUNTED.contains(&name.as_str()) {
                ids.insert(name, json!(row.take::<i64>("seq")?));
            }
        }
        Ok(told(&json!({ "end": { "lines": self.mark.lines, "ids": ids } })))
    }
}

/// Notes in the audit that an export begins.
async fn note(author: Author, operator: &Operator) -> Result<Mark> {
    let edit = Edit::begin(author).await?;
    let since = last_event(edit.connection())?;
    edit.record("exported", SUBJECT, &[(operator.account_id, json!({ "account": operator.account_id }))]).await?;
    edit.write().await?;
    let event = edit.run_one("SELECT max(id) AS id FROM audit", &[])?.take("id")?;
    edit.commit().await?;
    Ok(Mark { since, event, ..Mark::default() })
}

fn unknown() -> Error {
    Error::Invalid(Faults::of("next", "is none that an export of the caller has said"))
}

fn told(line: &Json) -> String {
    format!("{line}\n")
}

/// The last event of the audit that is of the directory's content.
fn last_event(connection: &Connection) -> Result<i64> {
    let last = format!("SELECT id FROM audit WHERE subject <> '{SUBJECT}' ORDER BY id DESC LIMIT 1");
    connection.query_first(&last, &[])?.map_or(Ok(0), |mut row| row.take("id"))
}

/// What the columns of a key are called in an answer.
const KEYS: [&str; 4] = ["k0", "k1", "k2", "k3"];

/// The statement that reads a page of a section: the lines, and their keys. A null is not told, which is what a JSON Merge Patch
/// (RFC 7396) makes of one.
fn statement(section: &Section, is_further: bool) -> String {
    let told = |column: &&str| {
        let at_first = section.at_first.iter().find(|(name, _)| name == column).map(|(_, told)| (*told).to_owned());
        let plain = || if Section::is_blob(column) { format!("lower(hex({column}))") } else { (*column).to_owned() };
        at_first.unwrap_or_else(plain)
    };
    let list = |parts: Vec<String>| parts.join(", ");
    let (columns, key) = (section.columns, &section.columns[..section.key]);
    let members = list(columns.iter().map(|column| format!("'{column}', {}", told(column))).collect());
    let keys = list(key.iter().zip(KEYS).map(|(column, name)| format!("{} AS {name}", told(column))).collect());
    let order = key.join(", ");
    let after = if is_further {
        let given = key.iter().map(|column| if Section::is_blob(column) { "unhex(?)" } else { "?" });
        format!(" AND ({order}) > ({})", given.collect::<Vec<_>>().join(", "))
    } else {
        String::new()
    };
    let Section { name, table, rows, .. } = section;
    format!(
        "SELECT json_object('{name}', json_patch('{{}}', json_object({members}))) AS line, {keys}
           FROM {table} WHERE {rows}{after} ORDER BY {order} LIMIT {PAGE}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_nothing_else_is_one() {
        for mark in [
            Mark { section: 0, after: Vec::new(), lines: 1, since: 7, event: 8 },
            Mark {
                section: 5,
                after: vec![Key::Number(1 << 52), Key::Text("a".to_owned())],
                lines: 3,
                since: 0,
                event: 1,
            },
            Mark { section: SECTIONS.len(), after: Vec::new(), lines: 9, since: 1, event: 2 },
        ] {
            assert_eq!(Mark::read(&mark.write()), Some(mark));
        }
        let of = |text: &str| Mark::read(&URL_SAFE_NO_PAD.encode(text));
        for bad in [
            "",
            "[]",
            "[99,[],1,0,1]",
            "[0,[],0,0,1]",
            "[5,[1],1,0,1]",
            "[0,[null],1,0,1]",
            "[0,[1.5],1,0,1]",
            "[0,[],1,0]",
            "{}",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(Mark::read("?"), None);
    }
}
