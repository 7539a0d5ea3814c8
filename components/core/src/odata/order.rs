//! `$orderby`: in which order records are listed, and which come after one of them.

use super::cursor::{Cursor, unexpected};
use super::lexer::{self, Token};
use super::work::{self, Work, byte};
use super::{Fault, Field, Kind, Sql};
use crate::store::Value;

/// Most keys of `$orderby`.
const KEYS_MAX: usize = 8;

/// A key of `$orderby`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// What to order by.
    pub field: &'static Field,
    /// From the largest to the smallest.
    pub descending: bool,
}

impl Key {
    /// Whether the field can have this value.
    fn fits(&self, value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Integer(_) => matches!(self.field.kind, Kind::Number | Kind::Time | Kind::Boolean),
            Value::Text(_) => self.field.kind == Kind::Text,
            _ => false,
        }
    }

    /// Adds the condition that the field of a row comes after this value.
    fn after(&self, value: &Value, sql: &mut Sql) {
        let column = self.field.order_column();
        match (value, self.descending) {
            (Value::Null, false) => sql.push(&format!("({column} IS NOT NULL)")),
            (Value::Null, true) => sql.push("(0)"),
            (value, false) => {
                sql.push(&format!("({column} > "));
                sql.bind(value.clone());
                sql.push(")");
            }
            (value, true) => {
                sql.push(&format!("({column} < "));
                sql.bind(value.clone());
                sql.push(&format!(" OR {column} IS NULL)"));
            }
        }
    }
}

/// A parsed `$orderby`. Null comes before every value, as OData has it (part 1, section 11.2.6.2), and as SQLite has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    keys: Vec<Key>,
}

impl Order {
    /// Reads an `$orderby` over `fields`. The last of its keys is `unique`, which tells apart what the others do not.
    ///
    /// # Errors
    ///
    /// The [`Fault`] says what is wrong, and at which character.
    pub fn parse(text: &str, fields: &'static [Field], unique: &'static Field) -> Result<Self, Fault> {
        let mut tokens = Cursor::new(text, lexer::tokens(text)?);
        let mut keys: Vec<Key> = Vec::new();
        loop {
            let at = tokens.at();
            let field = match tokens.next() {
                Some(Token::Word(name)) => Field::named(fields, name, at)?,
                other => return Err(unexpected(at, "a field", other.as_ref())),
            };
            if field.kind == Kind::Json {
                return Err(Fault::new(at, format!("{} has no order", field.name)));
            }
            if keys.iter().any(|key| key.field == field) {
                return Err(Fault::new(at, format!("{} is there twice", field.name)));
            }
            if keys.len() == KEYS_MAX {
                return Err(Fault::new(at, format!("there may be at most {KEYS_MAX} fields")));
            }
            let descending = tokens.take_word("desc");
            if !descending {
                tokens.take_word("asc");
            }
            keys.push(Key { field, descending });
            if !tokens.take(&Token::Comma) {
                break;
            }
        }
        tokens.expect_end("asc, desc, a comma or the end")?;
        Ok(Self::unique_by(keys, unique))
    }

    /// The order by `unique` alone.
    pub fn by(unique: &'static Field, descending: bool) -> Self {
        Self { keys: vec![Key { field: unique, descending }] }
    }

    fn unique_by(mut keys: Vec<Key>, unique: &'static Field) -> Self {
        // Nothing after the unique key decides anything.
        if let Some(index) = keys.iter().position(|key| key.field == unique) {
            keys.truncate(index + 1);
        } else {
            // In the direction of the key before it, so that an index of that key has the whole order.
            let descending = keys.last().is_some_and(|key| key.descending);
            keys.push(Key { field: unique, descending });
        }
        Self { keys }
    }

    /// The keys, the unique one last.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// What it costs where so many of those in order are passed over: nothing, if an index has the order.
    pub(super) fn work(&self, skip: i64) -> Work {
        let mut work = Work::default();
        let is_walked = match self.keys.as_slice() {
            [_unique] => true,
            [first, unique] => first.field.is_indexed && first.descending == unique.descending,
            _ => false,
        };
        if is_walked {
            return work;
        }
        for key in &self.keys {
            let column = key.field.order_column();
            work.row += 4 + work::of_expression(column);
            if key.field.kind == Kind::Text {
                // It is compared with a few others.
                work.read(column, 4 * byte::TAKEN);
            }
        }
        // Few are kept of what is sorted, unless many are passed over.
        work.row += if skip > 10_000 { 120 } else { 20 };
        work
    }

    /// What follows `ORDER BY`.
    pub fn sql(&self) -> String {
        let key = |key: &Key| format!("{}{}", key.field.order_column(), if key.descending { " DESC" } else { "" });
        self.keys.iter().map(key).collect::<Vec<_>>().join(", ")
    }

    /// The condition that a row comes after the one whose keys have these values. `None` if they are not as many as the
    /// keys, or of other kinds.
    pub fn after(&self, values: &[Value]) -> Option<Sql> {
        if values.len() != self.keys.len() || !self.keys.iter().zip(values).all(|(key, value)| key.fits(value)) {
            return None;
        }
        // (k1 after v1) OR (k1 IS v1 AND ((k2 after v2) OR (…)))
        let mut sql = Sql::default();
        for (index, (key, value)) in self.keys.iter().zip(values).enumerate() {
            key.after(value, &mut sql);
            if index + 1 < self.keys.len() {
                sql.push(&format!(" OR ({} IS ", key.field.order_column()));
                sql.bind(value.clone());
                sql.push(" AND (");
            }
        }
        sql.push(&"))".repeat(self.keys.len() - 1));
        Some(sql)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::types::Value as Stored;

    use super::super::fixture::{FIELDS, database, ids, texts};
    use super::*;

    fn order(text: &str) -> Order {
        Order::parse(text, &FIELDS, &FIELDS[0]).unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    #[test]
    fn an_order_has_several_keys_and_always_ends_with_the_unique_one() {
        let sorted = |text: &str| {
            let all = Sql { text: "true".to_owned(), parameters: Vec::new() };
            ids(&database(), &all, &order(text).sql())
        };
        assert_eq!(sorted("id desc"), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(sorted("status desc, id"), [3, 6, 9, 1, 2, 4, 5, 7, 8, 10]);
        assert_eq!(sorted("status,createdAt desc"), [10, 8, 7, 5, 4, 2, 1, 9, 6, 3]);
        assert_eq!(sorted("description asc")[..3], [2, 7, 3], "null before every value");
        assert_eq!(order("id,name").keys().len(), 1, "nothing after the unique key decides anything");
        for (text, at) in [
            ("", 1),
            ("nme", 1),
            ("name up", 6),
            ("name,", 6),
            ("name,,id", 6),
            ("name desc asc", 11),
            ("name, name", 7),
            ("'name'", 1),
            ("length(name)", 1),
        ] {
            assert_eq!(Order::parse(text, &FIELDS, &FIELDS[0]).map_err(|fault| fault.at).err(), Some(at), "{text}");
        }
    }

    #[test]
    fn pages_by_key_are_the_list() {
        let database = database();
        for text in
            ["id", "id desc", "name", "description", "description desc,name", "status desc,description,createdAt desc"]
        {
            let order = order(text);
            let columns: Vec<_> = order.keys().iter().map(|key| key.field.column).collect();
            let all = Sql { text: "true".to_owned(), parameters: Vec::new() };
            let whole = ids(&database, &all, &order.sql());
            let mut walked = Vec::new();
            let mut after = all;
            while let Some(id) = ids(&database, &after, &order.sql()).first().copied() {
                walked.push(id);
                let statement = format!("SELECT {} FROM t WHERE t.id = ?", columns.join(", "));
                let values = database.query_row(&statement, [id], |row| {
                    (0..columns.len()).map(|index| row.get::<_, Stored>(index)).collect::<Result<Vec<_>, _>>()
                });
                let values: Vec<_> = values
                    .expect("the row")
                    .into_iter()
                    .map(|value| match value {
                        Stored::Integer(integer) => Value::Integer(integer),
                        Stored::Text(text) => Value::Text(text),
                        _ => Value::Null,
                    })
                    .collect();
                after = order.after(&values).expect("the values of the keys");
            }
            assert_eq!(walked, whole, "{text}");
        }
        assert!(order("name").after(&[Value::Integer(1), Value::Integer(1)]).is_none(), "a number is no name");
        assert!(order("name").after(&[Value::Text("a".to_owned())]).is_none(), "one value is missing");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in texts()) {
            let _ = Order::parse(&text, &FIELDS, &FIELDS[0]);
        }
    }
}
