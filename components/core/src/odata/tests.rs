//! What each expression finds, on a real SQLite.

use proptest::prelude::*;
use rusqlite::types::Value as Stored;
use rusqlite::{Connection, params_from_iter};

use super::*;

static FIELDS: [Field; 5] = [
    Field { name: "id", column: "t.id", kind: Kind::Number },
    Field { name: "name", column: "t.name", kind: Kind::Text },
    Field { name: "description", column: "t.description", kind: Kind::Text },
    Field { name: "status", column: "t.status", kind: Kind::Text },
    Field { name: "createdAt", column: "t.created_at", kind: Kind::Time },
];

/// Noon of 2 June 2026.
const NOON: i64 = 1_780_401_600_000;
const DAY: i64 = 24 * 60 * 60 * 1000;

type Record = (i64, &'static str, Option<&'static str>, &'static str, i64);

const RECORDS: [Record; 10] = [
    (1, "Acme", Some("Main account"), "active", NOON - 2 * DAY),
    (2, "acme", None, "active", NOON - DAY),
    (3, "Acme Corporation", Some(""), "inactive", NOON),
    (4, "O'Neil & Sons", Some("it's \"quoted\""), "active", NOON + 1),
    (5, "100% Pure_Oil", Some("50% off"), "active", NOON + DAY),
    (6, "100 Pure Oil", Some("a\\b"), "inactive", NOON + 2 * DAY),
    (7, "'; DROP TABLE accounts; --", None, "active", NOON + 3 * DAY),
    (8, "ÄHTÄRI Oy", Some("Straße in Ähtäri"), "active", NOON + 4 * DAY),
    (9, "ähtäri oy", Some("ΣΊΣΥΦΟΣ"), "inactive", NOON + 5 * DAY),
    (10, "", Some("nameless"), "active", NOON + 6 * DAY),
];

fn database() -> Connection {
    let database = Connection::open_in_memory().expect("a database");
    database
        .execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, description TEXT, status TEXT, created_at INTEGER) STRICT")
        .expect("a table");
    for record in RECORDS {
        database.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", record).expect("a row");
    }
    database
}

fn stored(value: &Value) -> Stored {
    match value {
        Value::Integer(integer) => Stored::Integer(*integer),
        Value::Real(real) => Stored::Real(*real),
        Value::Text(text) => Stored::Text(text.clone()),
        Value::Blob(blob) => Stored::Blob(blob.clone()),
        Value::Null => Stored::Null,
    }
}

fn ids(database: &Connection, condition: &Sql, order: &str) -> Vec<i64> {
    let statement = format!("SELECT t.id FROM t WHERE {} ORDER BY {order}", condition.text);
    let mut statement = database.prepare(&statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    let parameters = params_from_iter(condition.parameters.iter().map(stored));
    let rows = statement.query_map(parameters, |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("ids")
}

fn found(filter: &str) -> Vec<i64> {
    let filter = Filter::parse(filter, &FIELDS).unwrap_or_else(|fault| panic!("{filter}: {fault}"));
    ids(&database(), &filter.sql(), "t.id")
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

#[test]
fn a_search_finds_words_anywhere_without_case() {
    let found = |text: &str| {
        let condition = search(text, &["t.name", "t.description"]).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        ids(&database(), &condition, "t.id")
    };
    assert_eq!(found("ACME"), [1, 2, 3]);
    assert_eq!(found("acme corp"), [3]);
    assert_eq!(found("acme AND main"), [1]);
    assert_eq!(found("corp OR main"), [1, 3]);
    assert_eq!(found("acme NOT corp"), [1, 2]);
    assert_eq!(found("acme (corp OR main)"), [1, 3]);
    assert_eq!(found("\"main account\""), [1]);
    assert_eq!(found("\"account main\""), [0; 0]);
    assert_eq!(found("Ähtäri"), [8, 9]);
    assert_eq!(found("%"), [5]);
    assert_eq!(found("\"'; drop table\""), [7]);
    assert_eq!(found("\"\\\"quoted\\\"\""), [4]);
    for (text, at) in [("", 1), ("(a", 3), ("a)", 2), ("\"a", 1), ("a OR", 5), ("NOT", 4), ("\"\"", 1), ("a AND OR", 7)]
    {
        assert_eq!(search(text, &["t.name"]).map_err(|fault| fault.at).err(), Some(at), "{text}");
    }
    assert!(search(&"(".repeat(100_000), &["t.name"]).is_err());
}

/// What OData says that an expression is, without SQL: null, true or false.
fn evaluate(expression: &Expression, record: &Record) -> Option<bool> {
    match expression {
        Expression::Literal(Literal::Boolean(value)) => Some(*value),
        Expression::Not(operand) => evaluate(operand, record).map(|value| !value),
        Expression::And(left, right) => match (evaluate(left, record), evaluate(right, record)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Expression::Or(left, right) => match (evaluate(left, record), evaluate(right, record)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Expression::Compare(comparison, left, right) => {
            let (left, right) = (text(left, record), text(right, record));
            Some(match comparison {
                Comparison::Eq => left == right,
                Comparison::Ne => left != right,
                _ => left.zip(right).is_some_and(|(left, right)| match comparison {
                    Comparison::Gt => left > right,
                    Comparison::Ge => left >= right,
                    Comparison::Lt => left < right,
                    _ => left <= right,
                }),
            })
        }
        Expression::In(operand, literals) => {
            let value = text(operand, record);
            Some(literals.iter().any(|literal| text(&Expression::Literal(literal.clone()), record) == value))
        }
        Expression::Call(function, operands) => {
            let (left, right) = (text(&operands[0], record)?, text(&operands[1], record)?);
            Some(match function {
                Function::Contains => left.contains(&right),
                Function::StartsWith => left.starts_with(&right),
                _ => left.ends_with(&right),
            })
        }
        other => unreachable!("the strategy makes no {other:?}"),
    }
}

fn text(expression: &Expression, record: &Record) -> Option<String> {
    match expression {
        Expression::Literal(Literal::Text(text)) => Some(text.clone()),
        Expression::Literal(Literal::Null) => None,
        Expression::Field(field) if field.name == "name" => Some(record.1.to_owned()),
        Expression::Field(_) => record.2.map(str::to_owned),
        other => unreachable!("the strategy makes no {other:?}"),
    }
}

fn print(expression: &Expression) -> String {
    match expression {
        Expression::Literal(Literal::Null) => "null".to_owned(),
        Expression::Literal(Literal::Boolean(value)) => value.to_string(),
        Expression::Literal(Literal::Text(text)) => format!("'{}'", text.replace('\'', "''")),
        Expression::Field(field) => field.name.to_owned(),
        Expression::Not(operand) => format!("not ({})", print(operand)),
        Expression::And(left, right) => format!("({}) and ({})", print(left), print(right)),
        Expression::Or(left, right) => format!("({}) or ({})", print(left), print(right)),
        Expression::Compare(comparison, left, right) => {
            format!("{} {} {}", print(left), format!("{comparison:?}").to_lowercase(), print(right))
        }
        Expression::In(operand, literals) => {
            let literals: Vec<_> =
                literals.iter().map(|literal| print(&Expression::Literal(literal.clone()))).collect();
            format!("{} in ({})", print(operand), literals.join(","))
        }
        Expression::Call(function, operands) => {
            let operands: Vec<_> = operands.iter().map(print).collect();
            format!("{}({})", format!("{function:?}").to_lowercase(), operands.join(","))
        }
        Expression::Literal(other) => unreachable!("the strategy makes no {other:?}"),
    }
}

fn literals() -> impl Strategy<Value = Literal> {
    prop_oneof![1 => Just(Literal::Null), 8 => "[Aacme '%_ä\\\\]{0,3}".prop_map(Literal::Text)]
}

fn operands() -> impl Strategy<Value = Box<Expression>> {
    prop_oneof![
        literals().prop_map(Expression::Literal),
        Just(Expression::Field(&FIELDS[1])),
        Just(Expression::Field(&FIELDS[2])),
    ]
    .prop_map(Box::new)
}

fn conditions() -> impl Strategy<Value = Expression> {
    let comparison = prop::sample::select(vec![
        Comparison::Eq,
        Comparison::Ne,
        Comparison::Gt,
        Comparison::Ge,
        Comparison::Lt,
        Comparison::Le,
    ]);
    let function = prop::sample::select(vec![Function::Contains, Function::StartsWith, Function::EndsWith]);
    let leaf = prop_oneof![
        any::<bool>().prop_map(|value| Expression::Literal(Literal::Boolean(value))),
        (comparison, operands(), operands()).prop_map(|(c, left, right)| Expression::Compare(c, left, right)),
        (function, operands(), operands()).prop_map(|(f, left, right)| Expression::Call(f, vec![*left, *right])),
        (operands(), prop::collection::vec(literals(), 1..4)).prop_map(|(o, list)| Expression::In(o, list)),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|operand| Expression::Not(Box::new(operand))),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| Expression::And(Box::new(l), Box::new(r))),
            (inner.clone(), inner).prop_map(|(l, r)| Expression::Or(Box::new(l), Box::new(r))),
        ]
    })
}

thread_local! {
    static DATABASE: Connection = database();
}

proptest! {
    #[test]
    fn sql_finds_what_odata_says(expression in conditions()) {
        let printed = print(&expression);
        let filter = Filter::parse(&printed, &FIELDS).map_err(|fault| TestCaseError::fail(format!("{printed}: {fault}")))?;
        prop_assert_eq!(&filter.expression, &expression, "{}", printed);
        let expected: Vec<i64> =
            RECORDS.iter().filter(|record| evaluate(&expression, record) == Some(true)).map(|record| record.0).collect();
        prop_assert_eq!(DATABASE.with(|database| ids(database, &filter.sql(), "t.id")), expected, "{}", printed);
    }

    #[test]
    fn no_text_panics_and_no_text_reaches_the_statement(text in "\\PC{0,60}", words in "[a-z'(), 0-9-]{0,60}") {
        for text in [text, words] {
            if let Ok(filter) = Filter::parse(&text, &FIELDS) {
                prop_assert!(!filter.sql().text.contains('\''));
                ids(&database(), &filter.sql(), "t.id");
            }
            let _ = Order::parse(&text, &FIELDS, &FIELDS[0]);
            let _ = search(&text, &["t.name"]);
        }
    }
}
