//! What OData says that an expression is, worked out without SQL: the statement finds the same.

use proptest::prelude::*;
use rusqlite::Connection;

use super::super::fixture::{FIELDS, RECORDS, Record, database, ids};
use super::*;

/// Null, true or false.
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
}
