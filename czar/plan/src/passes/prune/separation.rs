//! Limits on separations: `scisql_angSep(lon, lat, lon, lat) < limit`.

use crate::query::expr::{Comparison, Expr};

/// A term that is true only below a limit.
pub(crate) struct Separation<'e> {
    /// Longitude and latitude of one position.
    pub from: (&'e Expr, &'e Expr),
    /// Those of the other.
    pub to: (&'e Expr, &'e Expr),
    pub limit: &'e Expr,
    /// Whether the limit itself is excluded.
    pub strict: bool,
}

impl<'e> Separation<'e> {
    /// The separation that a term limits; `None` for any other term.
    pub(crate) fn of(term: &'e Expr) -> Option<Self> {
        use Comparison::{Less, LessOrEqual};
        let (call, comparison, limit) = match term {
            Expr::Between {
                expr,
                high,
                negated: false,
                ..
            } => (expr, LessOrEqual, high),
            Expr::Compare(comparison @ (Less | LessOrEqual), call, limit) => {
                (call, *comparison, limit)
            }
            Expr::Compare(comparison, limit, call) => (call, comparison.mirrored(), limit),
            _ => return None,
        };
        let strict = match comparison {
            Less => true,
            LessOrEqual => false,
            _ => return None,
        };
        let Expr::Call { name, arguments } = &**call else {
            return None;
        };
        let [one, two, three, four] = arguments.as_slice() else {
            return None;
        };
        (name == "scisql_angSep").then_some(Self {
            from: (one, two),
            to: (three, four),
            limit,
            strict,
        })
    }
}
