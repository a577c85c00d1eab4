//! Expressions as the planner keeps them: names resolved, every construct on the allow-list.
//!
//! Keeps true: two expressions are equal only when they are the same computation over the same
//! columns; two calls of RAND() are two.

use super::functions::Returns;
use super::value::Type;

/// A column of a table in the FROM clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ColumnId {
    /// Place of the table in the scope.
    pub table: usize,
    /// Place of the column in the table.
    pub column: usize,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NullSafeEqual,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NullSafeEqual => "<=>",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// The comparison with its sides exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            other => other,
        }
    }
}

/// An operator between two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// DIV: the quotient as an integer.
    DivideWhole,
    Remainder,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
}

impl Operator {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::DivideWhole => "DIV",
            Self::Remainder => "%",
            Self::BitAnd => "&",
            Self::BitOr => "|",
            Self::BitXor => "^",
            Self::ShiftLeft => "<<",
            Self::ShiftRight => ">>",
        }
    }
}

/// A piece of a construct that the planner prints but does not look into.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Expr(Expr),
    /// What a table of the scope is called in the FROM of a subquery.
    Table(usize),
}

/// An aggregate function, as far as its calls are concerned. There is one value for each; two are
/// equal when their names are.
#[derive(Debug)]
pub(crate) struct Function {
    /// Name in capitals.
    pub name: &'static str,
    /// Type of its value over an argument of a type.
    pub result: fn(Type) -> Type,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A call of an aggregate function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Aggregate {
    pub function: &'static Function,
    pub distinct: bool,
    /// No argument is `COUNT(*)`.
    pub arguments: Vec<Expr>,
    /// What follows the arguments: ORDER BY and SEPARATOR.
    pub rest: Vec<Part>,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Column(ColumnId),
    /// Verbatim text of a literal.
    Literal(String),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    In {
        expr: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    Between {
        expr: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    Arithmetic(Operator, Box<Expr>, Box<Expr>),
    /// `- x`.
    Negative(Box<Expr>),
    Case {
        operand: Option<Box<Expr>>,
        /// WHEN and THEN.
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Cast {
        expr: Box<Expr>,
        /// What follows AS, in capitals.
        target: String,
    },
    /// A function by its name in capitals (`scisql_*` as registered).
    Call {
        name: String,
        arguments: Vec<Expr>,
    },
    /// A function whose value differs from call to call.
    Random {
        name: String,
        /// Number of the call in the statement: the same call has the same one wherever an alias or
        /// a position repeats it.
        call: usize,
    },
    Aggregate(Box<Aggregate>),
    /// Anything else on the allow-list: LIKE, IS NULL, EXTRACT and so on.
    Form(Vec<Part>, Returns),
    /// Column `p<n>` of the partial results; in merging statements alone.
    Partial(usize),
    /// The column is one of the keys that the statement lists, of which each chunk's statement names
    /// those that live there; a term of WHERE or ON alone.
    OwnKey(ColumnId),
}

/// Names the columns and tables of an expression when it is printed.
pub(crate) trait ColumnNames {
    /// What stands for a table in FROM, before its alias.
    fn push_table(&self, table: usize, text: &mut String);

    /// Quoted and qualified name.
    fn push_column(&self, column: ColumnId, text: &mut String);
}

impl Expr {
    /// A call of a function.
    pub(crate) fn call(name: &str, arguments: Vec<Self>) -> Self {
        Self::Call {
            name: name.to_owned(),
            arguments,
        }
    }

    /// `CAST(self AS target)`.
    pub(crate) fn cast(self, target: impl Into<String>) -> Self {
        Self::Cast {
            expr: Box::new(self),
            target: target.into(),
        }
    }

    /// An operation on two numbers.
    pub(crate) fn arithmetic(self, operator: Operator, right: Self) -> Self {
        Self::Arithmetic(operator, Box::new(self), Box::new(right))
    }

    /// A number as a literal.
    pub(crate) fn number(value: impl std::fmt::Display) -> Self {
        Self::Literal(value.to_string())
    }

    /// Whether `test` holds for the expression or anything below it.
    pub(crate) fn any(&self, test: &dyn Fn(&Expr) -> bool) -> bool {
        test(self) || self.children().into_iter().any(|child| child.any(test))
    }

    /// Whether it contains an aggregate.
    pub(crate) fn has_aggregate(&self) -> bool {
        self.any(&|expr| matches!(expr, Self::Aggregate(_)))
    }

    /// Whether it contains a function whose value differs from call to call.
    pub(crate) fn is_random(&self) -> bool {
        self.any(&|expr| matches!(expr, Self::Random { .. }))
    }

    /// Whether every row gives it the same value.
    pub(crate) fn is_constant(&self) -> bool {
        !self.any(&|expr| {
            matches!(
                expr,
                Self::Column(_) | Self::Aggregate(_) | Self::Random { .. } | Self::Partial(_)
            )
        })
    }

    /// Calls `visit` for every column in it.
    pub(crate) fn for_each_column(&self, visit: &mut dyn FnMut(ColumnId)) {
        if let Self::Column(column) | Self::OwnKey(column) = self {
            visit(*column);
        }
        for child in self.children() {
            child.for_each_column(visit);
        }
    }

    /// Whether all columns outside of aggregates are of a kind.
    pub(crate) fn names_only(&self, is_of_kind: &dyn Fn(ColumnId) -> bool) -> bool {
        match self {
            Self::Aggregate(_) => true,
            Self::Column(column) => is_of_kind(*column),
            other => {
                let mut children = other.children().into_iter();
                children.all(|child| child.names_only(is_of_kind))
            }
        }
    }

    /// Splits nested conjunctions into their terms.
    pub(crate) fn into_conjuncts(self) -> Vec<Expr> {
        match self {
            Self::And(terms) => terms.into_iter().flat_map(Self::into_conjuncts).collect(),
            other => vec![other],
        }
    }
}
