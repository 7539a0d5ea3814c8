//! An expression as SQL.

use super::Kind;
use super::Sql;
use super::expression::{Comparison, Expression, Function, Literal};
use super::letters::Letters;
use super::work::{self, Work, byte};

/// Adds `expression`, whose texts have these `letters`.
pub(super) fn render(expression: &Expression, letters: &Letters, sql: &mut Sql) {
    let mut write = |template: &str, operands: &[&Expression]| fill(template, operands, letters, sql);
    match expression {
        Expression::Literal(literal) => bind(literal, sql),
        Expression::Field(field) => sql.push(field.column),
        Expression::Not(operand) => write("(NOT @)", &[operand]),
        Expression::And(left, right) => write("(@ AND @)", &[left, right]),
        Expression::Or(left, right) => write("(@ OR @)", &[left, right]),
        Expression::Compare(comparison, left, right) => write(template(*comparison), &[left, right]),
        Expression::In(operand, literals) => {
            sql.push("(");
            for (index, literal) in literals.iter().enumerate() {
                sql.push(if index > 0 { " OR " } else { "" });
                render(operand, letters, sql);
                sql.push(" IS ");
                bind(literal, sql);
            }
            sql.push(")");
        }
        // `instr` and `substr` instead of `LIKE`: they know no wildcards and no case.
        Expression::Call(function, operands) => match (function, operands.as_slice()) {
            (Function::Contains, [text, part]) => write("(instr(@, @) > 0)", &[text, part]),
            (Function::StartsWith, [text, start]) => write("(substr(@, 1, length(@)) = @)", &[text, start, start]),
            // Where the end is longer, `substr` gives at most the whole of the text, which is shorter.
            (Function::EndsWith, [text, end]) => {
                write("(substr(@, length(@) - length(@) + 1) = @)", &[text, text, end, end]);
            }
            (Function::ToLower, [text]) => letters.lower(sql, |sql| render(text, letters, sql)),
            (Function::ToUpper, [text]) => letters.upper(sql, |sql| render(text, letters, sql)),
            (Function::Length, [text]) => write("length(@)", &[text]),
            // The parser gives as many operands as `Function::arity` says.
            _ => {}
        },
    }
}

/// How many values [`render`] binds at most.
pub(super) fn values(expression: &Expression, letters: &Letters) -> usize {
    let of = |expression: &Expression| values(expression, letters);
    match expression {
        Expression::Literal(_) => 1,
        Expression::Field(_) => 0,
        Expression::Not(operand) => of(operand),
        Expression::And(left, right) | Expression::Or(left, right) | Expression::Compare(_, left, right) => {
            of(left) + of(right)
        }
        Expression::In(operand, literals) => literals.len() * (of(operand) + 1),
        Expression::Call(function, operands) => {
            let own = if matches!(function, Function::ToLower | Function::ToUpper) { letters.values() } else { 0 };
            // An operand stands there twice where its length counts.
            let times = if matches!(function, Function::StartsWith | Function::EndsWith) { 2 } else { 1 };
            own + times * operands.iter().map(of).sum::<usize>()
        }
    }
}

/// What the condition costs.
pub(super) fn work(condition: &Expression, letters: &Letters) -> Work {
    let mut work = Work::default();
    weigh(condition, letters, 0, &mut work);
    work
}

/// Adds what the expression costs of whose value each byte is worked on for so many thousandths.
fn weigh(expression: &Expression, letters: &Letters, each: u64, work: &mut Work) {
    match expression {
        Expression::Literal(_) => work.row += 1,
        Expression::Field(field) => {
            work.row += work::of_expression(field.column);
            if field.kind == Kind::Text {
                work.read(field.column, each);
            }
        }
        Expression::Not(operand) => weigh(operand, letters, 0, work),
        Expression::And(left, right) | Expression::Or(left, right) => {
            weigh(left, letters, 0, work);
            weigh(right, letters, 0, work);
        }
        Expression::Compare(_, left, right) => {
            weigh(left, letters, byte::TAKEN, work);
            weigh(right, letters, byte::TAKEN, work);
        }
        Expression::In(operand, literals) => {
            let mut once = Work { row: 1, ..Work::default() };
            weigh(operand, letters, byte::TAKEN, &mut once);
            work.add(&once, literals.len() as u64);
        }
        Expression::Call(function, operands) => match (function, operands.as_slice()) {
            (Function::ToLower | Function::ToUpper, [text]) => {
                work.row += letters.work();
                weigh(text, letters, each + work::of_case(letters), work);
            }
            (Function::Length, [text]) => {
                work.row += 3;
                weigh(text, letters, byte::READ, work);
            }
            (Function::Contains, [text, part]) => {
                work.row += 3;
                weigh(text, letters, byte::searched(longest(part)), work);
                weigh(part, letters, byte::TAKEN, work);
            }
            // Each operand stands there twice.
            (_, operands) => {
                work.row += 3;
                let mut once = Work::default();
                for operand in operands {
                    weigh(operand, letters, byte::READ, &mut once);
                }
                work.add(&once, 2);
            }
        },
    }
}

/// How many bytes a text has at most.
fn longest(text: &Expression) -> u64 {
    match text {
        Expression::Literal(Literal::Text(text)) => text.len() as u64,
        Expression::Field(field) => 4 * field.longest,
        Expression::Call(_, operands) => operands.first().map_or(0, longest),
        _ => 0,
    }
}

/// Adds `template` with the operands, one after the other, in place of each `@`.
fn fill(template: &str, operands: &[&Expression], letters: &Letters, sql: &mut Sql) {
    let mut texts = template.split('@');
    sql.push(texts.next().unwrap_or_default());
    for (operand, text) in operands.iter().zip(texts) {
        render(operand, letters, sql);
        sql.push(text);
    }
}

/// What is true or false even of null: see "Null" in the documentation of the module above.
fn template(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => "(@ IS @)",
        Comparison::Ne => "(@ IS NOT @)",
        Comparison::Gt => "coalesce(@ > @, 0)",
        Comparison::Ge => "coalesce(@ >= @, 0)",
        Comparison::Lt => "coalesce(@ < @, 0)",
        Comparison::Le => "coalesce(@ <= @, 0)",
    }
}

fn bind(literal: &Literal, sql: &mut Sql) {
    match literal {
        Literal::Null => sql.push("NULL"),
        Literal::Boolean(value) => sql.bind(i64::from(*value)),
        Literal::Integer(value) | Literal::Time(value) => sql.bind(*value),
        Literal::Decimal(value) => sql.bind(*value),
        Literal::Text(value) => sql.bind(value.as_str()),
    }
}
