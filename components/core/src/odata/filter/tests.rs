//! What each expression finds, on a real SQLite, and what is none.

use proptest::prelude::*;

use super::super::cursor::DEPTH_MAX;
use super::super::fixture::{FIELDS, database, ids, texts};
use super::*;

fn found(filter: &str) -> Vec<i64> {
    let filter = Filter::parse(filter, &FIELDS).unwrap_or_else(|fault| panic!("{filter}: {fault}"));
    ids(&database(), &filter.sql(), "t.id")
}

#[test]
fn a_filter_is_bounded_by_its_work() {
    let letters: String = (0..30).filter_map(|n| char::from_u32(0x430 + n)).collect();
    let nested = |depth: usize| format!("{}name{}", "tolower(".repeat(depth), ")".repeat(depth));
    for (filter, is_taken) in [
        (format!("{} eq '{letters}'", nested(20)), true),
        (format!("{} in ('{letters}', 'a', 'b')", nested(20)), false),
        (format!("endswith({}, '{letters}')", nested(20)), false),
    ] {
        let parsed = Filter::parse(&filter, &FIELDS);
        assert_eq!(parsed.as_ref().map_err(|fault| fault.at).err(), (!is_taken).then_some(1), "{filter}");
        if let Ok(filter) = parsed {
            let sql = filter.sql();
            assert!(sql.parameters.len() <= render::values(&filter.expression, &filter.letters));
            ids(&database(), &sql, "t.id");
        }
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn a_filter_finds_what_it_says() {
    const ALL: [i64; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    let cases: &[(&str, &[i64])] = &[
        // Comparison
        ("name eq 'Acme'", &[1]),
        ("'Acme' eq name", &[1]),
        ("name eq 'ACME'", &[]),
        ("name eq ''", &[10]),
        ("name ne 'Acme'", &[2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("id eq 3", &[3]),
        ("id ne 3", &[1, 2, 4, 5, 6, 7, 8, 9, 10]),
        ("id gt 8", &[9, 10]),
        ("id ge 8", &[8, 9, 10]),
        ("id lt 3", &[1, 2]),
        ("id le 3", &[1, 2, 3]),
        ("3 gt id", &[1, 2]),
        ("id gt 8.5", &[9, 10]),
        ("id eq 3.0", &[3]),
        ("id gt -1", &ALL),
        ("id lt 99999999999999999999", &ALL),
        ("name lt 'A'", &[5, 6, 7, 10]),
        ("name ge 'a'", &[2, 8, 9]),
        ("name eq description", &[]),
        ("ID EQ 3 or id EQ 3", &[]),
        // Null
        ("description eq null", &[2, 7]),
        ("description ne null", &[1, 3, 4, 5, 6, 8, 9, 10]),
        ("null eq description", &[2, 7]),
        ("null eq null", &ALL),
        ("description gt null", &[]),
        ("not (description gt null)", &ALL),
        ("description ne 'Main account'", &[2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("not (description eq 'Main account')", &[2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("not (description gt 'A')", &[2, 3, 5, 7]),
        ("contains(description,null)", &[]),
        // Logic and precedence
        ("status eq 'active' and id lt 4", &[1, 2]),
        ("id eq 1 or id eq 2 and status eq 'inactive'", &[1]),
        ("(id eq 1 or id eq 3) and status eq 'inactive'", &[3]),
        ("not status eq 'active'", &[3, 6, 9]),
        ("not status eq 'active' and id gt 5", &[6, 9]),
        ("not (status eq 'active' and id gt 5)", &[1, 2, 3, 4, 5, 6, 9]),
        ("not not (id eq 1)", &[1]),
        ("((((id eq 1))))", &[1]),
        ("id gt 9 eq true", &[10]),
        ("id gt 9 eq false and id gt 8", &[9]),
        ("true", &ALL),
        ("false", &[]),
        ("false or id eq 5", &[5]),
        ("id EQ 1 OR id Eq 2", &[1, 2]),
        // In
        ("id in (1,2,3)", &[1, 2, 3]),
        ("id in ( 1 , 20 )", &[1]),
        ("name in ('Acme','acme','nobody')", &[1, 2]),
        ("not (id in (1,2,3,4,5,6,7,8))", &[9, 10]),
        ("not id in (1,2,3,4,5,6,7,8)", &[9, 10]),
        ("description in (null,'50% off')", &[2, 5, 7]),
        ("not (description in ('50% off'))", &[1, 2, 3, 4, 6, 7, 8, 9, 10]),
        // Functions
        ("contains(name,'Acme')", &[1, 3]),
        ("contains(name,'')", &ALL),
        ("not contains(name,'Acme') and id lt 5", &[2, 4]),
        ("not contains(description,'a')", &[3, 4, 5, 9]),
        ("contains(name,'Acme') eq false and id lt 4", &[2]),
        ("startswith(name,'Acme ')", &[3]),
        ("startswith(name,'')", &ALL),
        ("startswith(name,'cme')", &[]),
        ("endswith(name,'Oil')", &[5, 6]),
        ("endswith(name,'a much longer text than every name')", &[]),
        ("endswith(name,'')", &ALL),
        ("endswith(description,'account')", &[1]),
        ("tolower(name) eq 'acme'", &[1, 2]),
        ("toupper(name) eq 'ACME'", &[1, 2]),
        ("contains(tolower(name),'acme')", &[1, 2, 3]),
        ("tolower(name) eq 'ähtäri oy'", &[8, 9]),
        ("toupper(name) eq 'ÄHTÄRI OY'", &[8, 9]),
        ("startswith(tolower(name),tolower('ÄH'))", &[8, 9]),
        ("contains(tolower(description),'σίσυ')", &[9]),
        ("tolower(name) in ('acme','ähtäri oy')", &[1, 2, 8, 9]),
        ("length(name) eq 4", &[1, 2]),
        ("length(name) eq 9", &[8, 9]),
        ("length(name) gt 16", &[7]),
        ("length(description) eq 0", &[3]),
        ("contains('Acme Corporation Ltd',name) and id ne 10", &[1, 3]),
        ("CONTAINS(name,'Sons')", &[4]),
        // Text that means something to SQL and nothing to us
        ("name eq '''; DROP TABLE accounts; --'", &[7]),
        ("contains(name,'''; DROP TABLE')", &[7]),
        ("contains(name,'%')", &[5]),
        ("contains(name,'_')", &[5]),
        ("startswith(name,'100%')", &[5]),
        ("endswith(name,'_Oil')", &[5]),
        ("contains(description,'\\')", &[6]),
        ("name eq 'O''Neil & Sons'", &[4]),
        ("contains(name,'''')", &[4, 7]),
        ("contains(description,'\"')", &[4]),
        ("contains(name,'*') or contains(name,'?')", &[]),
        // Time
        ("createdAt eq 2026-06-02T12:00:00Z", &[3]),
        ("createdAt gt 2026-06-02T12:00:00Z and createdAt lt 2026-06-02T12:00:00.002Z", &[4]),
        ("createdAt ge 2026-06-02", &[3, 4, 5, 6, 7, 8, 9, 10]),
        ("createdAt lt 2026-06-02", &[1, 2]),
        ("createdAt eq 2026-06-02T14:00:00+02:00", &[3]),
        ("createdAt le 2026-06-02T12:00Z", &[1, 2, 3]),
        ("createdAt in (2026-06-02T12:00:00Z,2026-06-03T12:00:00Z)", &[3, 5]),
        ("createdAt ne null and id eq 1", &[1]),
    ];
    for (filter, expected) in cases {
        if filter.starts_with("ID") {
            // Fields keep their case.
            assert_eq!(Filter::parse(filter, &FIELDS).map_err(|fault| fault.at), Err(1));
            continue;
        }
        assert_eq!(found(filter), *expected, "{filter}");
    }
    assert!(cases.len() >= 60);
}

#[test]
fn a_malformed_filter_is_told_with_its_place() {
    let cases = [
        ("", 1, "found the end"),
        ("   ", 4, "found the end"),
        ("name", 1, "expected a condition, found a text"),
        ("id", 1, "expected a condition, found a number"),
        ("'Acme'", 1, "expected a condition, found a text"),
        ("null", 1, "expected a condition, found null"),
        ("nme eq 'Acme'", 1, "there is no field nme"),
        ("name = 'Acme'", 6, "'=' has no meaning here"),
        ("name == 'Acme'", 6, "'=' has no meaning here"),
        ("name eq \"Acme\"", 9, "'\"' has no meaning here"),
        ("name eq 'Acme", 9, "this text does not end"),
        ("name eq 'O'Neil'", 16, "this text does not end"),
        ("name eq '''", 9, "this text does not end"),
        ("name eq", 8, "found the end"),
        ("name eq eq", 9, "there is no field eq"),
        ("eq 'Acme'", 1, "there is no field eq"),
        ("name is 'Acme'", 6, "expected an operator or the end, found is"),
        ("name eq 5", 9, "a text does not compare with a number"),
        ("id eq '5'", 7, "a number does not compare with a text"),
        ("createdAt gt 5", 14, "a time does not compare with a number"),
        ("createdAt gt 'yesterday'", 14, "a time does not compare with a text"),
        ("createdAt gt 2026-13-01", 14, "2026-13-01 is no number and no time"),
        ("createdAt gt 2026-06-02T25:00:00Z", 14, "is no number and no time"),
        ("createdAt gt 2026-06-02T10:00:00", 14, "is no number and no time"),
        ("id eq 5x", 7, "5x is no number and no time"),
        ("id eq 1.2.3", 7, "1.2.3 is no number and no time"),
        ("id eq -", 7, "- is no number and no time"),
        ("(id eq 5", 9, "expected an operator or ), found the end"),
        ("id eq 5)", 8, "expected an operator or the end, found )"),
        ("()", 2, "found )"),
        ("id eq 5 and", 12, "found the end"),
        ("and id eq 5", 1, "there is no field and"),
        ("id eq 5 and name", 13, "expected a condition, found a text"),
        ("name and id eq 5", 1, "expected a condition, found a text"),
        ("id eq 5 id eq 6", 9, "expected an operator or the end, found id"),
        ("not", 4, "found the end"),
        ("not name", 5, "expected a condition, found a text"),
        ("contains(name)", 14, "expected a comma, found )"),
        ("contains(name,'a','b')", 18, "expected ), found a comma"),
        ("contains(name,5)", 15, "expected a text, found a number"),
        ("contains(id,'5')", 10, "expected a text, found a number"),
        ("contains name 'a'", 1, "there is no field contains"),
        ("length(name)", 1, "expected a condition, found a number"),
        ("substringof('a',name)", 1, "there is no function substringof"),
        ("name in 'Acme'", 9, "expected (, found a text"),
        ("name in ()", 10, "expected a value, found )"),
        ("name in ('Acme',)", 17, "expected a value, found )"),
        ("name in ('Acme',5)", 17, "a text does not compare with a number"),
        ("name in (status)", 10, "expected a value, found status"),
        ("true gt false", 9, "a condition has no order"),
        ("id add 1 eq 2", 4, "expected an operator or the end, found add"),
        ("name eq 'ä' or name eq ö", 24, "'ö' has no meaning here"),
        ("name eq 'a'; DROP TABLE accounts", 12, "';' has no meaning here"),
        ("1 eq 1 or 1 = 1 --", 13, "'=' has no meaning here"),
    ];
    for (filter, at, message) in cases {
        let fault = Filter::parse(filter, &FIELDS).expect_err(filter);
        assert_eq!(fault.at, at, "{filter}: {fault}");
        assert!(fault.message.contains(message), "{filter}: {fault}");
    }
    assert!(cases.len() >= 40);
}

#[test]
fn size_and_depth_are_bounded() {
    for filter in [
        format!("{}id eq 1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("{}id eq 1", "not ".repeat(100_000)),
        format!("{}name{} eq 'a'", "tolower(".repeat(100_000), ")".repeat(100_000)),
        vec!["id eq 1"; 100_000].join(" or "),
        format!("id in ({})", vec!["1"; 100_000].join(",")),
        format!("tolower(name) eq '{}'", ('\u{100}'..'\u{200}').collect::<String>()),
    ] {
        let fault = Filter::parse(&filter, &FIELDS).expect_err("too much");
        assert!(fault.message.contains("at most") || fault.message.contains("more than"), "{fault}");
    }
    // What is within the bounds runs.
    let widest = vec!["id eq 1"; 75].join(" or ");
    assert_eq!(found(&widest), [1]);
    let deepest = format!("{}id eq 1{}", "(".repeat(DEPTH_MAX), ")".repeat(DEPTH_MAX));
    assert_eq!(found(&deepest), [1]);
    let letters: String = ('\u{400}'..'\u{440}').collect();
    assert_eq!(found(&format!("tolower(toupper(name)) eq '{letters}'")), [0; 0]);
}

#[test]
fn a_filter_demands_what_each_of_its_conjuncts_says_of_a_text() {
    let demands = |filter: &str| {
        let filter = Filter::parse(filter, &FIELDS).unwrap_or_else(|fault| panic!("{filter}: {fault}"));
        let demand = |Demand { field, folded, wanted }: Demand<'_>| {
            format!("{}{} {wanted:?}", if folded { "folded " } else { "" }, field.name)
        };
        filter.demands().into_iter().map(demand).collect::<Vec<_>>().join(", ")
    };
    for (filter, expected) in [
        ("name eq 'a'", r#"name OneOf(["a"])"#),
        ("'a' eq name", r#"name OneOf(["a"])"#),
        ("name in ('a','b')", r#"name OneOf(["a", "b"])"#),
        ("startswith(name,'a')", r#"name Prefix("a")"#),
        ("tolower(name) eq 'a'", r#"folded name OneOf(["a"])"#),
        ("startswith(toupper(name),'A')", r#"folded name Prefix("A")"#),
        ("(id gt 1 and name eq 'a') and (status eq 'b' and true)", r#"name OneOf(["a"]), status OneOf(["b"])"#),
        ("name eq 'a' or name eq 'b'", ""),
        ("not (name eq 'a')", ""),
        ("name ne 'a'", ""),
        ("name in ('a',null)", ""),
        ("name eq null", ""),
        ("endswith(name,'a')", r#"name Part("a")"#),
        ("contains(tolower(name),'a')", r#"folded name Part("a")"#),
        ("contains('a',name)", ""),
        ("startswith('a',name)", ""),
        ("tolower(toupper(name)) eq 'a'", ""),
        ("startswith(name,'a') eq false", ""),
    ] {
        assert_eq!(demands(filter), expected, "{filter}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_no_text_reaches_the_statement(text in texts()) {
        if let Ok(filter) = Filter::parse(&text, &FIELDS) {
            prop_assert!(!filter.sql().text.contains('\''));
            ids(&database(), &filter.sql(), "t.id");
        }
    }
}
