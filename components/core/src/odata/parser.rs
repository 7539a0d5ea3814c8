//! The tokens of a `$filter` as an expression, its types checked.
//!
//! Each level of precedence is a function that reads its operands with the function of the level that binds closer: `or`,
//! `and`, `not`, `equality`, `relation`, `primary`.

use super::cursor::{Cursor, unexpected};
use super::expression::{Comparison, Expression, Function, Literal};
use super::lexer::Token;
use super::{Fault, Field, Kind, NODES_MAX};

/// Reads a condition over `fields` to its end.
pub(super) fn parse(tokens: Cursor<'_>, fields: &'static [Field]) -> Result<Expression, Fault> {
    let start = tokens.at();
    let mut parser = Parser { tokens, fields, nodes: 0 };
    let expression = parser.or()?;
    // The word that has no meaning tells more than what stands before it.
    parser.tokens.expect_end("an operator or the end")?;
    expect_condition(&expression, start)?;
    Ok(expression)
}

struct Parser<'a> {
    tokens: Cursor<'a>,
    fields: &'static [Field],
    nodes: usize,
}

impl Parser<'_> {
    /// Counts an operator or a value, and gives the character at which the next token begins.
    fn node(&mut self) -> Result<usize, Fault> {
        let at = self.tokens.at();
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(Fault::new(at, format!("there may be at most {NODES_MAX} operators and values")));
        }
        Ok(at)
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.tokens.descend(self.tokens.at())?;
        let value = read(self)?;
        self.tokens.ascend();
        Ok(value)
    }

    fn or(&mut self) -> Result<Expression, Fault> {
        self.joined("or", Self::and, Expression::Or)
    }

    fn and(&mut self) -> Result<Expression, Fault> {
        self.joined("and", Self::not, Expression::And)
    }

    fn joined(
        &mut self,
        word: &str,
        operand: fn(&mut Self) -> Result<Expression, Fault>,
        join: fn(Box<Expression>, Box<Expression>) -> Expression,
    ) -> Result<Expression, Fault> {
        let start = self.tokens.at();
        let mut left = operand(self)?;
        while self.tokens.take_word(word) {
            expect_condition(&left, start)?;
            let at = self.node()?;
            let right = operand(self)?;
            expect_condition(&right, at)?;
            left = join(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    /// `not` takes the comparison after it (ABNF, `notExpr`), and binds before `and`.
    fn not(&mut self) -> Result<Expression, Fault> {
        if !self.tokens.take_word("not") {
            return self.equality();
        }
        let at = self.node()?;
        let operand = self.nested(Self::not)?;
        expect_condition(&operand, at)?;
        Ok(Expression::Not(Box::new(operand)))
    }

    /// `eq` and `ne` bind after the comparisons by order (OData 4.01, part 2, section 5.1.1.16).
    fn equality(&mut self) -> Result<Expression, Fault> {
        let mut left = self.relation()?;
        while let Some(comparison) = self.comparison(|comparison| !comparison.is_by_order()) {
            left = self.compare(left, comparison, Self::relation)?;
        }
        Ok(left)
    }

    fn relation(&mut self) -> Result<Expression, Fault> {
        let mut left = self.primary()?;
        loop {
            if let Some(comparison) = self.comparison(Comparison::is_by_order) {
                left = self.compare(left, comparison, Self::primary)?;
            } else if self.tokens.take_word("in") {
                left = self.list(left)?;
            } else {
                return Ok(left);
            }
        }
    }

    /// The comparison that comes next, if it is a `wanted` one.
    fn comparison(&mut self, wanted: fn(Comparison) -> bool) -> Option<Comparison> {
        let Some(Token::Word(word)) = self.tokens.peek() else { return None };
        let comparison = Comparison::named(word).filter(|comparison| wanted(*comparison))?;
        self.tokens.next();
        Some(comparison)
    }

    fn compare(
        &mut self,
        left: Expression,
        comparison: Comparison,
        operand: fn(&mut Self) -> Result<Expression, Fault>,
    ) -> Result<Expression, Fault> {
        let at = self.node()?;
        let right = operand(self)?;
        expect_comparable(left.kind(), right.kind(), at)?;
        if comparison.is_by_order() && [left.kind(), right.kind()].contains(&Kind::Boolean) {
            return Err(Fault::new(at, "a condition has no order"));
        }
        Ok(Expression::Compare(comparison, Box::new(left), Box::new(right)))
    }

    /// What follows `in`.
    fn list(&mut self, operand: Expression) -> Result<Expression, Fault> {
        self.tokens.expect(&Token::Open, "(")?;
        let mut literals = Vec::new();
        loop {
            let at = self.node()?;
            let literal = match self.tokens.next() {
                Some(Token::Literal(literal)) => Ok(literal),
                Some(Token::Word(word)) => constant(word).ok_or(Some(Token::Word(word))),
                other => Err(other),
            };
            let literal = literal.map_err(|found| unexpected(at, "a value", found.as_ref()))?;
            expect_comparable(operand.kind(), literal.kind(), at)?;
            literals.push(literal);
            if !self.tokens.take(&Token::Comma) {
                break;
            }
        }
        self.tokens.expect(&Token::Close, "a comma or )")?;
        Ok(Expression::In(Box::new(operand), literals))
    }

    fn primary(&mut self) -> Result<Expression, Fault> {
        let at = self.node()?;
        match self.tokens.next() {
            Some(Token::Literal(literal)) => Ok(Expression::Literal(literal)),
            Some(Token::Open) => {
                let inner = self.nested(Self::or)?;
                self.tokens.expect(&Token::Close, "an operator or )")?;
                Ok(inner)
            }
            Some(Token::Word(word)) => {
                if self.tokens.peek() == Some(&Token::Open) {
                    let function = Function::named(word);
                    let function = function.ok_or_else(|| Fault::new(at, format!("there is no function {word}")))?;
                    self.nested(|parser| parser.call(function))
                } else if let Some(literal) = constant(word) {
                    Ok(Expression::Literal(literal))
                } else {
                    Field::named(self.fields, word, at).map(Expression::Field)
                }
            }
            other => Err(unexpected(at, "a field, a value, a function, not or (", other.as_ref())),
        }
    }

    /// What follows the name of a function.
    fn call(&mut self, function: Function) -> Result<Expression, Fault> {
        self.tokens.expect(&Token::Open, "(")?;
        let mut operands = Vec::new();
        for index in 0..function.arity() {
            if index > 0 {
                self.tokens.expect(&Token::Comma, "a comma")?;
            }
            let at = self.tokens.at();
            let operand = self.or()?;
            if !matches!(operand.kind(), Kind::Text | Kind::Null) {
                return Err(Fault::new(at, format!("expected a text, found {}", operand.kind().name())));
            }
            operands.push(operand);
        }
        self.tokens.expect(&Token::Close, ")")?;
        Ok(Expression::Call(function, operands))
    }
}

fn constant(word: &str) -> Option<Literal> {
    match word {
        "null" => Some(Literal::Null),
        "true" => Some(Literal::Boolean(true)),
        "false" => Some(Literal::Boolean(false)),
        _ => None,
    }
}

fn expect_condition(expression: &Expression, at: usize) -> Result<(), Fault> {
    match expression.kind() {
        Kind::Boolean => Ok(()),
        other => Err(Fault::new(at, format!("expected a condition, found {}", other.name()))),
    }
}

fn expect_comparable(left: Kind, right: Kind, at: usize) -> Result<(), Fault> {
    if left == right || [left, right].contains(&Kind::Null) {
        return Ok(());
    }
    Err(Fault::new(at, format!("{} does not compare with {}", left.name(), right.name())))
}
