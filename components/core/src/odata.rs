//! OData 4.01 query options as SQL conditions (003, "Query Parameters").
//!
//! A text is parsed into an [`Expression`] over a fixed list of [`Field`]s, its types are checked, and what comes out is
//! [`Sql`]: text made of constants of this module and of the fields' columns, and one parameter per value. Nothing that a
//! caller wrote is ever part of the text.
//!
//! The parser is written by hand: three levels of precedence and a dozen tokens need no library, and it can say at which
//! character it stopped, which the ready ones do not.
//!
//! # What is understood
//!
//! | option | grammar (OData 4.01 ABNF, the parts of it) |
//! |---|---|
//! | `$filter` | `eq ne gt ge lt le in`, `and or not`, parentheses, `contains startswith endswith tolower toupper length`, fields, `null true false`, numbers, `'text'` with `''` for a quote, dates and times |
//! | `$orderby` | fields, each with `asc` or `desc` |
//! | `$search` | words and `"phrases"`, `AND OR NOT`, parentheses; two words side by side must both be there |
//!
//! Operators and functions are taken in any case (OData 4.01, part 2, section 5.1.1), fields in their own.
//!
//! # Null
//!
//! A comparison of null with a value is false, `ne` excepted, and so is one by order (section 5.1.1.1). A function of
//! null is null, which no filter lets through. Hence `not (description eq 'x')` finds what has no description, and
//! `not contains(description,'x')` does not.
//!
//! # Case
//!
//! Text compares by its characters, case included. `tolower` and `toupper` go beyond ASCII for every letter that stands
//! in a text of the same option: others cannot decide whether a text is equal to, begins, ends or contains another.

use std::collections::BTreeSet;
use std::fmt;

use crate::error::{Error, Faults};
use crate::store::Value;
use crate::time;

/// Most operators, functions, fields and values of an option. SQLite bounds the depth of an expression at 1000.
const NODES_MAX: usize = 300;

/// Deepest nesting of parentheses, functions and `not`.
const DEPTH_MAX: usize = 32;

/// Most different letters beyond ASCII in the texts of an option: each costs a `replace` per `tolower`.
const LETTERS_MAX: usize = 64;

/// Most keys of `$orderby`.
const KEYS_MAX: usize = 8;

/// What a field or an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole or a decimal number.
    Number,
    /// A point in time, in the store milliseconds since the epoch.
    Time,
    /// True or false.
    Boolean,
    /// Null, which compares with all of them.
    Null,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Time => "a time",
            Self::Boolean => "a condition",
            Self::Null => "null",
        }
    }
}

/// A field that an option may name.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// As the API calls it.
    pub name: &'static str,
    /// As SQL calls it.
    pub column: &'static str,
    /// What it is.
    pub kind: Kind,
}

/// What is wrong with an option, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The character at which reading stopped, counted from 1.
    pub at: usize,
    /// What was expected there.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.at, self.message)
    }
}

impl Fault {
    /// The error to answer with, where `option` is what the text was given as.
    pub fn of(self, option: &str) -> Error {
        Error::Invalid(Faults::of(option, self.to_string()))
    }
}

/// A part of a statement: its text, and a parameter for each of its question marks.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    /// The text.
    pub text: String,
    /// The parameters, in the order of their question marks.
    pub parameters: Vec<Value>,
}

impl Sql {
    /// Adds text.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a value as a parameter.
    pub fn bind(&mut self, value: impl Into<Value>) {
        self.text.push('?');
        self.parameters.push(value.into());
    }

    /// Adds another part.
    pub fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.parameters.extend(other.parameters);
    }
}

/// A value in a text.
#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Null,
    Boolean(bool),
    Integer(i64),
    Decimal(f64),
    Text(String),
    /// Milliseconds since the epoch.
    Time(i64),
}

impl Literal {
    fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Boolean(_) => Kind::Boolean,
            Self::Integer(_) | Self::Decimal(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::Time(_) => Kind::Time,
        }
    }

    fn bind(&self, sql: &mut Sql) {
        match self {
            Self::Null => sql.push("NULL"),
            Self::Boolean(value) => sql.bind(i64::from(*value)),
            Self::Integer(value) | Self::Time(value) => sql.bind(*value),
            Self::Decimal(value) => sql.bind(*value),
            Self::Text(value) => sql.bind(value.as_str()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Contains,
    StartsWith,
    EndsWith,
    ToLower,
    ToUpper,
    Length,
}

impl Function {
    const ALL: [(&'static str, Self); 6] = [
        ("contains", Self::Contains),
        ("startswith", Self::StartsWith),
        ("endswith", Self::EndsWith),
        ("tolower", Self::ToLower),
        ("toupper", Self::ToUpper),
        ("length", Self::Length),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, function)| function)
    }

    /// How many texts it takes. None takes anything else.
    fn arity(self) -> usize {
        match self {
            Self::Contains | Self::StartsWith | Self::EndsWith => 2,
            Self::ToLower | Self::ToUpper | Self::Length => 1,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Contains | Self::StartsWith | Self::EndsWith => Kind::Boolean,
            Self::ToLower | Self::ToUpper => Kind::Text,
            Self::Length => Kind::Number,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Comparison {
    fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "lt" => Self::Lt,
            "le" => Self::Le,
            _ => return None,
        })
    }

    fn is_by_order(self) -> bool {
        !matches!(self, Self::Eq | Self::Ne)
    }

    fn sql(self) -> &'static str {
        match self {
            Self::Eq => " IS ",
            Self::Ne => " IS NOT ",
            Self::Gt => " > ",
            Self::Ge => " >= ",
            Self::Lt => " < ",
            Self::Le => " <= ",
        }
    }
}

/// A parsed `$filter`.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    expression: Expression,
    letters: Letters,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Literal(Literal),
    Field(&'static Field),
    Call(Function, Vec<Self>),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Compare(Comparison, Box<Self>, Box<Self>),
    In(Box<Self>, Vec<Literal>),
}

impl Expression {
    fn kind(&self) -> Kind {
        match self {
            Self::Literal(literal) => literal.kind(),
            Self::Field(field) => field.kind,
            Self::Call(function, _) => function.kind(),
            Self::Not(_) | Self::And(..) | Self::Or(..) | Self::Compare(..) | Self::In(..) => Kind::Boolean,
        }
    }
}

impl Filter {
    /// Reads a `$filter` over `fields`.
    ///
    /// # Errors
    ///
    /// What is wrong, and at which character.
    pub fn parse(text: &str, fields: &'static [Field]) -> Result<Self, Fault> {
        let mut parser = Parser::new(text, fields)?;
        let start = parser.at();
        let expression = parser.or()?;
        // The word that has no meaning tells more than what stands before it.
        parser.end("an operator or the end")?;
        expect_condition(&expression, start)?;
        Ok(Self { expression, letters: parser.letters })
    }

    /// The condition.
    pub fn sql(&self) -> Sql {
        let mut sql = Sql::default();
        render(&self.expression, &self.letters, &mut sql);
        sql
    }

    /// What the filter demands of the texts of fields, each by itself: nothing is found that one of them is not true of.
    pub fn demands(&self) -> Vec<Demand<'_>> {
        let mut demands = Vec::new();
        let mut conjuncts = vec![&self.expression];
        while let Some(expression) = conjuncts.pop() {
            match expression {
                Expression::And(left, right) => conjuncts.extend([right.as_ref(), left.as_ref()]),
                other => demands.extend(Demand::of(other)),
            }
        }
        demands
    }
}

/// What must be true of a field, if a filter lets through what has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Demand<'a> {
    /// The field.
    pub field: &'static Field,
    /// Whether it is so of the field in lower or upper case, and not as it is.
    pub folded: bool,
    /// What its text must be.
    pub wanted: Wanted<'a>,
}

/// What a text must be.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// One of these.
    OneOf(Vec<&'a str>),
    /// What begins with this.
    Prefix(&'a str),
}

impl<'a> Demand<'a> {
    fn of(expression: &'a Expression) -> Option<Self> {
        let (operand, wanted) = match expression {
            Expression::Compare(Comparison::Eq, left, right) => match (left.as_ref(), right.as_ref()) {
                (operand, Expression::Literal(Literal::Text(text)))
                | (Expression::Literal(Literal::Text(text)), operand) => (operand, Wanted::OneOf(vec![text])),
                _ => return None,
            },
            Expression::In(operand, literals) => {
                let text =
                    |literal: &'a Literal| if let Literal::Text(text) = literal { Some(text.as_str()) } else { None };
                (operand.as_ref(), Wanted::OneOf(literals.iter().map(text).collect::<Option<_>>()?))
            }
            Expression::Call(Function::StartsWith, operands) => match operands.as_slice() {
                [operand, Expression::Literal(Literal::Text(text))] => (operand, Wanted::Prefix(text)),
                _ => return None,
            },
            _ => return None,
        };
        match operand {
            Expression::Field(field) => Some(Self { field, folded: false, wanted }),
            Expression::Call(Function::ToLower | Function::ToUpper, operands) => match operands.as_slice() {
                [Expression::Field(field)] => Some(Self { field, folded: true, wanted }),
                _ => None,
            },
            _ => None,
        }
    }
}

fn render(expression: &Expression, letters: &Letters, sql: &mut Sql) {
    let two = |left: &Expression, operator: &str, right: &Expression, sql: &mut Sql| {
        sql.push("(");
        render(left, letters, sql);
        sql.push(operator);
        render(right, letters, sql);
        sql.push(")");
    };
    match expression {
        Expression::Literal(literal) => literal.bind(sql),
        Expression::Field(field) => sql.push(field.column),
        Expression::Not(operand) => {
            sql.push("(NOT ");
            render(operand, letters, sql);
            sql.push(")");
        }
        Expression::And(left, right) => two(left, " AND ", right, sql),
        Expression::Or(left, right) => two(left, " OR ", right, sql),
        Expression::Compare(comparison, left, right) => {
            // Two-valued: see "Null" in the module's documentation.
            sql.push(if comparison.is_by_order() { "coalesce" } else { "" });
            sql.push("(");
            render(left, letters, sql);
            sql.push(comparison.sql());
            render(right, letters, sql);
            sql.push(if comparison.is_by_order() { ", 0)" } else { ")" });
        }
        Expression::In(operand, literals) => {
            sql.push("(");
            for (index, literal) in literals.iter().enumerate() {
                sql.push(if index > 0 { " OR " } else { "" });
                render(operand, letters, sql);
                sql.push(" IS ");
                literal.bind(sql);
            }
            sql.push(")");
        }
        Expression::Call(function, operands) => call(*function, operands, letters, sql),
    }
}

/// `instr` and `substr` instead of `LIKE`: they know no wildcards and no case.
fn call(function: Function, operands: &[Expression], letters: &Letters, sql: &mut Sql) {
    let operand = |index: usize, sql: &mut Sql| {
        // The parser gives as many as `Function::arity` says.
        if let Some(operand) = operands.get(index) {
            render(operand, letters, sql);
        }
    };
    match function {
        Function::Contains => {
            sql.push("(instr(");
            operand(0, sql);
            sql.push(", ");
            operand(1, sql);
            sql.push(") > 0)");
        }
        Function::StartsWith => {
            sql.push("(substr(");
            operand(0, sql);
            sql.push(", 1, length(");
            operand(1, sql);
            sql.push(")) = ");
            operand(1, sql);
            sql.push(")");
        }
        Function::EndsWith => {
            // Where the second is longer, `substr` gives at most the whole of the first, which is shorter.
            sql.push("(substr(");
            operand(0, sql);
            sql.push(", length(");
            operand(0, sql);
            sql.push(") - length(");
            operand(1, sql);
            sql.push(") + 1) = ");
            operand(1, sql);
            sql.push(")");
        }
        Function::ToLower => letters.lower(sql, |sql| operand(0, sql)),
        Function::ToUpper => letters.upper(sql, |sql| operand(0, sql)),
        Function::Length => {
            sql.push("length(");
            operand(0, sql);
            sql.push(")");
        }
    }
}

/// The letters beyond ASCII of the texts of an option. SQLite's `lower` and `upper` know ASCII only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Letters(BTreeSet<char>);

impl Letters {
    fn collect(&mut self, text: &str) {
        self.0.extend(text.chars().filter(|c| !c.is_ascii() && c.is_alphabetic()));
    }

    fn lower(&self, sql: &mut Sql, inner: impl FnOnce(&mut Sql)) {
        let lowered = |c: &char| {
            let lower = single(c.to_lowercase())?;
            let upper = single(lower.to_uppercase())?;
            // Only where both ways agree: the final sigma is no lower case of its capital.
            (upper != lower && single(upper.to_lowercase()) == Some(lower)).then_some((upper, lower))
        };
        Self::replace(self.0.iter().filter_map(lowered).collect(), "lower(", sql, inner);
    }

    fn upper(&self, sql: &mut Sql, inner: impl FnOnce(&mut Sql)) {
        let raised = |c: &char| {
            let upper = single(c.to_uppercase())?;
            let lower = single(upper.to_lowercase())?;
            (upper != lower).then_some((lower, upper))
        };
        Self::replace(self.0.iter().filter_map(raised).collect(), "upper(", sql, inner);
    }

    fn replace(pairs: BTreeSet<(char, char)>, function: &str, sql: &mut Sql, inner: impl FnOnce(&mut Sql)) {
        for _ in &pairs {
            sql.push("replace(");
        }
        sql.push(function);
        inner(sql);
        sql.push(")");
        for (from, to) in pairs {
            sql.push(", ");
            sql.bind(from.to_string());
            sql.push(", ");
            sql.bind(to.to_string());
            sql.push(")");
        }
    }
}

/// The only character, if it is the only one.
fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    characters.next().filter(|_| characters.next().is_none())
}

/// A key of `$orderby`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// What to order by.
    pub field: &'static Field,
    /// From the largest to the smallest.
    pub descending: bool,
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
    /// What is wrong, and at which character.
    pub fn parse(text: &str, fields: &'static [Field], unique: &'static Field) -> Result<Self, Fault> {
        let mut parser = Parser::new(text, fields)?;
        let mut keys: Vec<Key> = Vec::new();
        loop {
            let at = parser.at();
            let field = match parser.next() {
                Token::Word(name) => parser.field(name, at)?,
                other => return Err(unexpected(at, "a field", &other)),
            };
            if keys.iter().any(|key| key.field == field) {
                return Err(Fault { at, message: format!("{} is there twice", field.name) });
            }
            if keys.len() == KEYS_MAX {
                return Err(Fault { at, message: format!("there may be at most {KEYS_MAX} fields") });
            }
            let descending = parser.take_word("desc");
            if !descending {
                parser.take_word("asc");
            }
            keys.push(Key { field, descending });
            if !parser.take(&Token::Comma) {
                break;
            }
        }
        parser.end("asc, desc, a comma or the end")?;
        Ok(Self::unique_by(keys, unique))
    }

    /// The order by `unique` alone.
    pub fn by(unique: &'static Field) -> Self {
        Self::unique_by(Vec::new(), unique)
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

    /// What follows `ORDER BY`.
    pub fn sql(&self) -> String {
        let key = |key: &Key| format!("{}{}", key.field.column, if key.descending { " DESC" } else { "" });
        self.keys.iter().map(key).collect::<Vec<_>>().join(", ")
    }

    /// The condition that a row comes after the one whose keys have these values. `None` if they are not as many as the
    /// keys, or of other kinds.
    pub fn after(&self, values: &[Value]) -> Option<Sql> {
        let fits = |(key, value): (&Key, &Value)| match value {
            Value::Null => true,
            Value::Integer(_) => matches!(key.field.kind, Kind::Number | Kind::Time),
            Value::Text(_) => key.field.kind == Kind::Text,
            _ => false,
        };
        if values.len() != self.keys.len() || !self.keys.iter().zip(values).all(fits) {
            return None;
        }
        // (k1 after v1) OR (k1 IS v1 AND ((k2 after v2) OR (…)))
        let mut sql = Sql::default();
        for (index, (key, value)) in self.keys.iter().zip(values).enumerate() {
            let column = key.field.column;
            sql.push("(");
            match (value, key.descending) {
                (Value::Null, false) => sql.push(&format!("{column} IS NOT NULL")),
                (Value::Null, true) => sql.push("0"),
                (value, false) => {
                    sql.push(&format!("{column} > "));
                    sql.bind(value.clone());
                }
                (value, true) => {
                    sql.push(&format!("{column} < "));
                    sql.bind(value.clone());
                    sql.push(&format!(" OR {column} IS NULL"));
                }
            }
            sql.push(")");
            if index + 1 < self.keys.len() {
                sql.push(&format!(" OR ({column} IS "));
                sql.bind(value.clone());
                sql.push(" AND (");
            }
        }
        sql.push(&"))".repeat(self.keys.len() - 1));
        Some(sql)
    }
}

/// The condition of a `$search` in any of `columns`, case ignored.
///
/// # Errors
///
/// What is wrong, and at which character.
pub fn search(text: &str, columns: &[&str]) -> Result<Sql, Fault> {
    let tokens = search_tokens(text)?;
    let mut letters = Letters::default();
    for (_, token) in &tokens {
        if let SearchToken::Term(term) = token {
            letters.collect(term);
        }
    }
    let mut parser = SearchParser { tokens, next: 0, length: text.chars().count(), letters, columns, depth: 0 };
    let mut sql = Sql::default();
    parser.or(&mut sql)?;
    match parser.peek() {
        None => Ok(sql),
        Some(_) => Err(Fault { at: parser.at(), message: "expected a word, a phrase or the end".to_owned() }),
    }
}

#[derive(Debug, PartialEq)]
enum SearchToken {
    Term(String),
    And,
    Or,
    Not,
    Open,
    Close,
}

fn search_tokens(text: &str) -> Result<Vec<(usize, SearchToken)>, Fault> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().zip(1..).peekable();
    while let Some((first, at)) = characters.next() {
        let token = match first {
            c if c.is_whitespace() => continue,
            '(' => SearchToken::Open,
            ')' => SearchToken::Close,
            '"' => {
                let mut phrase = String::new();
                loop {
                    match characters.next() {
                        Some(('"', _)) => break SearchToken::Term(phrase),
                        // A quote or a backslash in a phrase follows a backslash (ABNF, `quoted-escape`).
                        Some(('\\', at)) => match characters.next() {
                            Some((c @ ('"' | '\\'), _)) => phrase.push(c),
                            _ => return Err(Fault { at, message: "expected \\\" or \\\\".to_owned() }),
                        },
                        Some((c, _)) => phrase.push(c),
                        None => return Err(Fault { at, message: "this phrase does not end".to_owned() }),
                    }
                }
            }
            first => {
                let mut word = String::from(first);
                while let Some((c, _)) = characters.next_if(|(c, _)| !c.is_whitespace() && !"()\"".contains(*c)) {
                    word.push(c);
                }
                match word.as_str() {
                    "AND" => SearchToken::And,
                    "OR" => SearchToken::Or,
                    "NOT" => SearchToken::Not,
                    _ => SearchToken::Term(word),
                }
            }
        };
        if matches!(&token, SearchToken::Term(term) if term.trim().is_empty()) {
            return Err(Fault { at, message: "a phrase must not be empty".to_owned() });
        }
        if tokens.len() == NODES_MAX {
            return Err(Fault { at, message: format!("there may be at most {NODES_MAX} words") });
        }
        tokens.push((at, token));
    }
    Ok(tokens)
}

struct SearchParser<'a> {
    tokens: Vec<(usize, SearchToken)>,
    next: usize,
    length: usize,
    letters: Letters,
    columns: &'a [&'a str],
    depth: usize,
}

impl SearchParser<'_> {
    fn peek(&self) -> Option<&SearchToken> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.length + 1, |(at, _)| *at)
    }

    fn take(&mut self, token: &SearchToken) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn or(&mut self, sql: &mut Sql) -> Result<(), Fault> {
        sql.push("(");
        self.and(sql)?;
        while self.take(&SearchToken::Or) {
            sql.push(" OR ");
            self.and(sql)?;
        }
        sql.push(")");
        Ok(())
    }

    fn and(&mut self, sql: &mut Sql) -> Result<(), Fault> {
        sql.push("(");
        self.term(sql)?;
        while self.take(&SearchToken::And)
            || matches!(self.peek(), Some(SearchToken::Term(_) | SearchToken::Not | SearchToken::Open))
        {
            sql.push(" AND ");
            self.term(sql)?;
        }
        sql.push(")");
        Ok(())
    }

    fn term(&mut self, sql: &mut Sql) -> Result<(), Fault> {
        let at = self.at();
        if self.take(&SearchToken::Not) {
            sql.push("NOT ");
        }
        if self.take(&SearchToken::Open) {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(Fault { at, message: format!("this is nested more than {DEPTH_MAX} deep") });
            }
            self.or(sql)?;
            self.depth -= 1;
            if !self.take(&SearchToken::Close) {
                return Err(Fault { at: self.at(), message: "expected )".to_owned() });
            }
            return Ok(());
        }
        let Some((_, SearchToken::Term(term))) = self.tokens.get(self.next) else {
            return Err(Fault { at: self.at(), message: "expected a word or a phrase".to_owned() });
        };
        if self.letters.0.len() > LETTERS_MAX {
            return Err(too_many_letters(at));
        }
        sql.push("(");
        for (index, column) in self.columns.iter().enumerate() {
            sql.push(if index > 0 { " OR instr(" } else { "instr(" });
            self.letters.lower(sql, |sql| {
                sql.push("coalesce(");
                sql.push(column);
                sql.push(", '')");
            });
            sql.push(", ");
            self.letters.lower(sql, |sql| sql.bind(term.as_str()));
            sql.push(") > 0");
        }
        sql.push(")");
        self.next += 1;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Literal(Literal),
    Open,
    Close,
    Comma,
    End,
}

struct Parser<'a> {
    tokens: Vec<(usize, Token<'a>)>,
    next: usize,
    fields: &'static [Field],
    letters: Letters,
    nodes: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, fields: &'static [Field]) -> Result<Self, Fault> {
        let tokens = tokens(text)?;
        let mut letters = Letters::default();
        for (at, token) in &tokens {
            if let Token::Literal(Literal::Text(text)) = token {
                letters.collect(text);
                if letters.0.len() > LETTERS_MAX {
                    return Err(too_many_letters(*at));
                }
            }
        }
        Ok(Self { tokens, next: 0, fields, letters, nodes: 0, depth: 0 })
    }

    fn at(&self) -> usize {
        // The last token is `End`, which is never passed.
        self.tokens.get(self.next).map_or(0, |(at, _)| *at)
    }

    fn peek(&self) -> &Token<'a> {
        self.tokens.get(self.next).map_or(&Token::End, |(_, token)| token)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        if token != Token::End {
            self.next += 1;
        }
        token
    }

    fn take(&mut self, token: &Token<'_>) -> bool {
        let found = self.peek() == token;
        self.next += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let taken = matches!(self.peek(), Token::Word(found) if found.eq_ignore_ascii_case(word));
        self.next += usize::from(taken);
        taken
    }

    fn expect(&mut self, token: &Token<'_>, name: &str) -> Result<(), Fault> {
        if self.take(token) { Ok(()) } else { Err(unexpected(self.at(), name, self.peek())) }
    }

    fn end(&mut self, name: &str) -> Result<(), Fault> {
        self.expect(&Token::End, name)
    }

    fn field(&self, name: &str, at: usize) -> Result<&'static Field, Fault> {
        self.fields.iter().find(|field| field.name == name).ok_or_else(|| {
            let names: Vec<_> = self.fields.iter().map(|field| field.name).collect();
            Fault { at, message: format!("there is no field {name}; there are {}", names.join(", ")) }
        })
    }

    fn node(&mut self, at: usize) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(Fault { at, message: format!("there may be at most {NODES_MAX} operators and values") });
        }
        Ok(())
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault { at: self.at(), message: format!("this is nested more than {DEPTH_MAX} deep") });
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn or(&mut self) -> Result<Expression, Fault> {
        let start = self.at();
        let mut left = self.and()?;
        while self.take_word("or") {
            expect_condition(&left, start)?;
            let at = self.at();
            self.node(at)?;
            let right = self.and()?;
            expect_condition(&right, at)?;
            left = Expression::Or(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, Fault> {
        let start = self.at();
        let mut left = self.not()?;
        while self.take_word("and") {
            expect_condition(&left, start)?;
            let at = self.at();
            self.node(at)?;
            let right = self.not()?;
            expect_condition(&right, at)?;
            left = Expression::And(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    /// `not` takes the comparison after it (ABNF, `notExpr`), and binds before `and`.
    fn not(&mut self) -> Result<Expression, Fault> {
        if !self.take_word("not") {
            return self.equality();
        }
        let at = self.at();
        self.node(at)?;
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
            } else if self.take_word("in") {
                left = self.list(left)?;
            } else {
                return Ok(left);
            }
        }
    }

    fn comparison(&mut self, wanted: impl Fn(Comparison) -> bool) -> Option<Comparison> {
        let Token::Word(word) = self.peek() else { return None };
        let comparison = Comparison::named(word).filter(|comparison| wanted(*comparison))?;
        self.next += 1;
        Some(comparison)
    }

    fn compare(
        &mut self,
        left: Expression,
        comparison: Comparison,
        operand: impl FnOnce(&mut Self) -> Result<Expression, Fault>,
    ) -> Result<Expression, Fault> {
        let at = self.at();
        self.node(at)?;
        let right = operand(self)?;
        expect_comparable(left.kind(), right.kind(), at)?;
        if comparison.is_by_order() && [left.kind(), right.kind()].contains(&Kind::Boolean) {
            return Err(Fault { at, message: "a condition has no order".to_owned() });
        }
        Ok(Expression::Compare(comparison, Box::new(left), Box::new(right)))
    }

    fn list(&mut self, operand: Expression) -> Result<Expression, Fault> {
        self.expect(&Token::Open, "(")?;
        let mut literals = Vec::new();
        loop {
            let at = self.at();
            self.node(at)?;
            let literal = match self.next() {
                Token::Literal(literal) => literal,
                Token::Word(word) => {
                    constant(word).ok_or_else(|| Fault { at, message: format!("expected a value, found {word}") })?
                }
                other => return Err(unexpected(at, "a value", &other)),
            };
            expect_comparable(operand.kind(), literal.kind(), at)?;
            literals.push(literal);
            if !self.take(&Token::Comma) {
                break;
            }
        }
        self.expect(&Token::Close, "a comma or )")?;
        Ok(Expression::In(Box::new(operand), literals))
    }

    fn primary(&mut self) -> Result<Expression, Fault> {
        let at = self.at();
        self.node(at)?;
        match self.next() {
            Token::Literal(literal) => Ok(Expression::Literal(literal)),
            Token::Open => {
                let inner = self.nested(Self::or)?;
                self.expect(&Token::Close, "an operator or )")?;
                Ok(inner)
            }
            Token::Word(word) => {
                if *self.peek() == Token::Open {
                    let function = Function::named(word);
                    let function =
                        function.ok_or_else(|| Fault { at, message: format!("there is no function {word}") })?;
                    return self.nested(|parser| parser.arguments(function));
                }
                if let Some(literal) = constant(word) {
                    return Ok(Expression::Literal(literal));
                }
                self.field(word, at).map(Expression::Field)
            }
            other => Err(unexpected(at, "a field, a value, a function, not or (", &other)),
        }
    }

    fn arguments(&mut self, function: Function) -> Result<Expression, Fault> {
        self.expect(&Token::Open, "(")?;
        let mut operands = Vec::new();
        for index in 0..function.arity() {
            if index > 0 {
                self.expect(&Token::Comma, "a comma")?;
            }
            let at = self.at();
            let operand = self.or()?;
            if !matches!(operand.kind(), Kind::Text | Kind::Null) {
                return Err(Fault { at, message: format!("expected a text, found {}", operand.kind().name()) });
            }
            operands.push(operand);
        }
        self.expect(&Token::Close, ")")?;
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
        other => Err(Fault { at, message: format!("expected a condition, found {}", other.name()) }),
    }
}

fn expect_comparable(left: Kind, right: Kind, at: usize) -> Result<(), Fault> {
    if left == right || [left, right].contains(&Kind::Null) {
        return Ok(());
    }
    Err(Fault { at, message: format!("{} does not compare with {}", left.name(), right.name()) })
}

fn unexpected(at: usize, expected: &str, found: &Token<'_>) -> Fault {
    let found = match found {
        Token::Word(word) => (*word).to_owned(),
        Token::Literal(literal) => literal.kind().name().to_owned(),
        Token::Open => "(".to_owned(),
        Token::Close => ")".to_owned(),
        Token::Comma => "a comma".to_owned(),
        Token::End => "the end".to_owned(),
    };
    Fault { at, message: format!("expected {expected}, found {found}") }
}

fn too_many_letters(at: usize) -> Fault {
    Fault { at, message: format!("there may be at most {LETTERS_MAX} different letters beyond ASCII") }
}

/// The tokens, each with the character it begins at, `End` last.
fn tokens(text: &str) -> Result<Vec<(usize, Token<'_>)>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut at = 1;
    loop {
        let blank = rest.len() - rest.trim_start().len();
        at += rest[..blank].chars().count();
        rest = &rest[blank..];
        let Some(first) = rest.chars().next() else { break };
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '\'' => text_literal(rest, at)?,
            c if c.is_ascii_digit() || c == '-' => number_or_time(rest, at)?,
            c if c.is_ascii_alphabetic() || c == '_' => {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                (Token::Word(&rest[..length]), length)
            }
            other => return Err(Fault { at, message: format!("{other:?} has no meaning here") }),
        };
        tokens.push((at, token));
        at += rest[..length].chars().count();
        rest = &rest[length..];
    }
    tokens.push((at, Token::End));
    Ok(tokens)
}

/// `'…'`, where `''` stands for a quote; and its length in bytes.
fn text_literal(rest: &str, at: usize) -> Result<(Token<'_>, usize), Fault> {
    let mut literal = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((index, c)) = characters.next() {
        if c != '\'' {
            literal.push(c);
        } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
            literal.push('\'');
        } else {
            return Ok((Token::Literal(Literal::Text(literal)), index + 1));
        }
    }
    Err(Fault { at, message: "this text does not end".to_owned() })
}

/// `1`, `-1.5`, `2026-06-02` (midnight in UTC) or `2026-06-02T10:30:00Z`; and its length in bytes.
fn number_or_time(rest: &str, at: usize) -> Result<(Token<'_>, usize), Fault> {
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.:".contains(c)).unwrap_or(rest.len());
    let text = &rest[..length];
    let is_date = text.len() >= 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    let literal = if is_date {
        time::parse(text).map(Literal::Time)
    } else if text.bytes().all(|b| b.is_ascii_digit() || b"-.".contains(&b)) {
        let decimal = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(Literal::Decimal);
        // A whole number that the store could not hold compares as a decimal.
        text.parse().map(Literal::Integer).ok().or_else(decimal)
    } else {
        None
    };
    let literal = literal.ok_or_else(|| Fault { at, message: format!("{text} is no number and no time") })?;
    Ok((Token::Literal(literal), length))
}

#[cfg(test)]
mod tests;
