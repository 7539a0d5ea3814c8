//! What a `$filter` says, as a tree.

use super::{Field, Kind};

/// A value that stands in an option.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    Integer(i64),
    Decimal(f64),
    Text(String),
    /// Milliseconds since the epoch.
    Time(i64),
}

impl Literal {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Boolean(_) => Kind::Boolean,
            Self::Integer(_) | Self::Decimal(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::Time(_) => Kind::Time,
        }
    }
}

/// A function of one or two texts. None takes anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Contains,
    StartsWith,
    EndsWith,
    ToLower,
    ToUpper,
    Length,
}

impl Function {
    /// The function of this name, taken in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "contains" => Self::Contains,
            "startswith" => Self::StartsWith,
            "endswith" => Self::EndsWith,
            "tolower" => Self::ToLower,
            "toupper" => Self::ToUpper,
            "length" => Self::Length,
            _ => return None,
        })
    }

    /// How many texts it takes.
    pub(super) fn arity(self) -> usize {
        match self {
            Self::Contains | Self::StartsWith | Self::EndsWith => 2,
            Self::ToLower | Self::ToUpper | Self::Length => 1,
        }
    }

    /// What it gives.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Contains | Self::StartsWith | Self::EndsWith => Kind::Boolean,
            Self::ToLower | Self::ToUpper => Kind::Text,
            Self::Length => Kind::Number,
        }
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Comparison {
    /// The operator of this name, taken in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
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

    pub(super) fn is_by_order(self) -> bool {
        !matches!(self, Self::Eq | Self::Ne)
    }
}

/// A value or a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Literal(Literal),
    Field(&'static Field),
    /// A function of as many operands as its arity says.
    Call(Function, Vec<Self>),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Compare(Comparison, Box<Self>, Box<Self>),
    In(Box<Self>, Vec<Literal>),
}

impl Expression {
    /// Whether the field of this name is in it.
    pub(super) fn names(&self, name: &str) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Field(field) => field.name == name,
            Self::Call(_, operands) => operands.iter().any(|operand| operand.names(name)),
            Self::Not(operand) | Self::In(operand, _) => operand.names(name),
            Self::And(left, right) | Self::Or(left, right) | Self::Compare(_, left, right) => {
                left.names(name) || right.names(name)
            }
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Literal(literal) => literal.kind(),
            Self::Field(field) => field.kind,
            Self::Call(function, _) => function.kind(),
            Self::Not(_) | Self::And(..) | Self::Or(..) | Self::Compare(..) | Self::In(..) => Kind::Boolean,
        }
    }
}
