//! An index of words loses nothing of what is listed.

use proptest::prelude::*;
use proptest::string::string_regex;
use rusqlite::{Connection, params};

use super::super::fixture::{FIELDS, ids};
use super::*;

const SEARCHED: [&str; 2] = ["t.name", "t.description"];

/// What filter and search demand of the index.
fn asked(filter: Option<&Filter>, search: Option<&Search>) -> Option<String> {
    let demanded = filter.map(|filter| filter.parts(&SEARCHED)).unwrap_or_default();
    words::query(demanded.iter().chain(search.map(|search| search.parts.as_slice()).unwrap_or_default()))
}

fn by_filter(text: &str) -> Option<String> {
    asked(Some(&Filter::parse(text, &FIELDS).unwrap_or_else(|fault| panic!("{text}: {fault}"))), None)
}

fn by_search(text: &str) -> Option<String> {
    asked(None, Some(&Search::parse(text, &SEARCHED).unwrap_or_else(|fault| panic!("{text}: {fault}"))))
}

#[test]
fn what_must_be_contained_leads_to_its_trigrams() {
    for (filter, expected) in [
        ("contains(name, 'acme')", r#""acm" AND "cme""#),
        ("contains(tolower(name), 'acme') and status eq 'active'", r#""acm" AND "cme""#),
        ("endswith(description, 'ab\"')", r#""ab""""#),
        ("startswith(toupper(description), 'ABCD')", r#""ABC" AND "BCD""#),
        ("description eq 'abcdefgh'", r#""abc" AND "def" AND "fgh""#),
        ("contains(name, 'abc') and contains(description, 'xyz')", r#""abc" AND "xyz""#),
        // Georgian capitals came later than what FTS5 knows.
        ("contains(tolower(name), 'abc\u{10d0}def')", r#""abc" AND "def""#),
        ("contains(name, '\u{10d0}\u{10d1}\u{10d2}')", "\"\u{10d0}\u{10d1}\u{10d2}\""),
    ] {
        assert_eq!(by_filter(filter).as_deref(), Some(expected), "{filter}");
    }
    for (search, expected) in [
        ("acme", r#""acm" AND "cme""#),
        ("ACME corp", r#""acm" AND "cme" AND "cor" AND "orp""#),
        ("(acme (one OR two)) NOT corp", r#""acm" AND "cme""#),
        ("acme (one OR two OR three)", r#""acm" AND "cme""#),
        ("\"a\u{1f}bcd\"", r#""bcd""#),
    ] {
        assert_eq!(by_search(search).as_deref(), Some(expected), "{search}");
    }
    let many = by_search(&"abcdefghij ".repeat(100)).expect("a query");
    assert!(many.matches(" AND ").count() < 20, "{many}");
}

#[test]
fn other_options_lead_to_no_trigrams() {
    for filter in [
        "contains(name, 'ab')",
        "contains(name, 'abc') or id eq 1",
        "not contains(name, 'abc')",
        "contains('abc', name)",
        "contains(status, 'abc')",
        "name in ('abc', 'def')",
        "name ne 'abc'",
        "contains(tolower(toupper(name)), 'abc')",
    ] {
        assert_eq!(by_filter(filter), None, "{filter}");
    }
    for search in ["ab", "acme OR corp", "(acme OR corp) ab", "NOT acme", "NOT (acme corp)", "acme corp OR ab"] {
        assert_eq!(by_search(search), None, "{search}");
    }
}

fn database(rows: &[(String, String)]) -> Connection {
    let database = Connection::open_in_memory().expect("a database");
    database
        .execute_batch(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, description TEXT, status TEXT, created_at INTEGER) STRICT;
             CREATE VIRTUAL TABLE words USING fts5 (name, description, content = 't', content_rowid = 'id', tokenize = 'trigram',
                 detail = none, columnsize = 0);",
        )
        .expect("tables");
    for (name, description) in rows {
        database.execute("INSERT INTO t (name, description) VALUES (?, ?)", params![name, description]).expect("a row");
    }
    database.execute("INSERT INTO words (words) VALUES ('rebuild')", []).expect("the index");
    database
}

/// Texts in which case is not what it seems.
const NASTY: &str = "[aAbBcß\u{1e9e}ſSsKk\u{212a}İıiIÄäσςΣéÉeE\u{301}\u{308}ǅǆΐᾈᾀ漢\u{10d0}\u{1c90}\u{10a0}\u{2d00}\u{13a0}\u{ab70}🦀'\"%*^():+ -]";

fn nasty() -> impl Strategy<Value = String> {
    string_regex(&format!("{NASTY}{{0,9}}")).expect("an expression")
}

/// A condition that asks for `part`, and what it asks of the index.
fn condition(option: &str, field: &str, function: &str, part: &str) -> Option<(Sql, Option<String>)> {
    if option == "$search" {
        let escaped = part.replace('\\', "\\\\").replace('"', "\\\"");
        let search = Search::parse(&format!("\"{escaped}\""), &SEARCHED).ok()?;
        return Some((search.sql.clone(), asked(None, Some(&search))));
    }
    let quoted = part.replace('\'', "''");
    let field = if option.is_empty() { field.to_owned() } else { format!("{option}({field})") };
    let text =
        if function == "eq" { format!("{field} eq '{quoted}'") } else { format!("{function}({field}, '{quoted}')") };
    let filter = Filter::parse(&text, &FIELDS).ok()?;
    Some((filter.sql(), asked(Some(&filter), None)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_by_the_index_is_what_is_found_without_it(
        rows in prop::collection::vec((nasty(), nasty()), 1..12),
        option in prop::sample::select(vec!["", "tolower", "toupper", "$search"]),
        field in prop::sample::select(vec!["name", "description"]),
        function in prop::sample::select(vec!["contains", "startswith", "endswith", "eq"]),
        of_row in any::<prop::sample::Index>(),
        start in 0_usize..6,
        length in 3_usize..7,
        case in 0..3,
    ) {
        let database = database(&rows);
        // A part of one of the texts, in any case.
        let (name, description) = of_row.get(&rows);
        let text = if field == "name" { name } else { description };
        let part: String = text.chars().skip(start).take(length).collect();
        let part = match case { 0 => part, 1 => part.to_lowercase(), _ => part.to_uppercase() };
        let Some((sql, Some(asked))) = condition(option, field, function, &part) else { return Ok(()) };
        let all = ids(&database, &sql, "t.id");
        let mut narrowed = Sql::default();
        narrowed.push("t.id IN (SELECT rowid FROM words WHERE words MATCH ");
        narrowed.bind(asked.as_str());
        narrowed.push(")");
        and(&mut narrowed, sql);
        prop_assert_eq!(ids(&database, &narrowed, "t.id"), all, "{} {} {:?} {}", option, function, part, asked);
    }
}
