//! Limits on integer keys, written as comparisons and BETWEEN: keys of a narrow range are looked up
//! one by one.

use std::collections::BTreeSet;

use crate::query::expr::{Comparison, Expr};
use crate::query::literal;

/// Most keys of a range that are looked up.
const MOST: i128 = 1_000;
/// Integers below this are told apart when they are compared as DOUBLE.
const EXACT_DOUBLES: f64 = 9_007_199_254_740_992.0;

/// A number and the integers next to it.
#[derive(Clone, Copy)]
struct Limit {
    /// The greatest integer that is not above it.
    floor: i128,
    is_whole: bool,
}

/// The keys that the terms, joined by AND, leave; `None` when they set no limits, or leave many.
pub(super) fn keys(is_key: &dyn Fn(&Expr) -> bool, terms: &[&Expr]) -> Option<BTreeSet<String>> {
    let (mut low, mut high) = (None, None);
    for term in terms {
        let (at_least, at_most) = limits_of(is_key, term);
        low = low.max(at_least);
        high = [high, at_most].into_iter().flatten().min();
    }
    let (low, high) = (low?, high?);
    (high.checked_sub(low)? < MOST).then(|| (low..=high).map(|key| key.to_string()).collect())
}

/// The least and the greatest key that one term leaves.
fn limits_of(is_key: &dyn Fn(&Expr) -> bool, term: &Expr) -> (Option<i128>, Option<i128>) {
    match term {
        Expr::Between {
            expr,
            low,
            high,
            negated: false,
        } if is_key(expr) => (
            limit(low).and_then(Limit::at_least),
            limit(high).map(|limit| limit.floor),
        ),
        Expr::Compare(comparison, left, right) if is_key(left) => one_sided(*comparison, right),
        Expr::Compare(comparison, left, right) if is_key(right) => {
            one_sided(comparison.mirrored(), left)
        }
        _ => (None, None),
    }
}

fn one_sided(comparison: Comparison, side: &Expr) -> (Option<i128>, Option<i128>) {
    let Some(limit) = limit(side) else {
        return (None, None);
    };
    match comparison {
        Comparison::Less => (None, limit.below()),
        Comparison::LessOrEqual => (None, Some(limit.floor)),
        Comparison::Greater => (limit.floor.checked_add(1), None),
        Comparison::GreaterOrEqual => (limit.at_least(), None),
        Comparison::Equal | Comparison::NullSafeEqual | Comparison::NotEqual => (None, None),
    }
}

impl Limit {
    /// The least integer that is not below it.
    fn at_least(self) -> Option<i128> {
        self.floor.checked_add(i128::from(!self.is_whole))
    }

    /// The greatest integer that is below it.
    fn below(self) -> Option<i128> {
        self.floor.checked_sub(i128::from(self.is_whole))
    }
}

/// The limit that a literal sets. Integers and DECIMALs are compared exactly, a DOUBLE as DOUBLE.
fn limit(side: &Expr) -> Option<Limit> {
    let Expr::Literal(text) = side else {
        return None;
    };
    match literal::Kind::of(text) {
        literal::Kind::Exact { .. } => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let is_whole = fraction.bytes().all(|digit| digit == b'0');
            let number: i128 = literal::integer(whole)?.parse().ok()?;
            let is_below = !is_whole && text.starts_with('-');
            Some(Limit {
                floor: number.checked_sub(i128::from(is_below))?,
                is_whole,
            })
        }
        literal::Kind::Double => {
            let number: f64 = text.parse().ok()?;
            // Below it every such number is an i128.
            (number.abs() < EXACT_DOUBLES).then(|| Limit {
                floor: number.floor() as i128,
                is_whole: number.fract() == 0.0,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::expr::ColumnId;

    fn key() -> Expr {
        Expr::Column(ColumnId {
            table: 0,
            column: 0,
        })
    }

    fn kept(terms: &[(Comparison, &str)]) -> Option<Vec<String>> {
        let terms: Vec<Expr> = terms
            .iter()
            .map(|(comparison, literal)| {
                let literal = Expr::Literal((*literal).to_owned());
                Expr::Compare(*comparison, Box::new(key()), Box::new(literal))
            })
            .collect();
        let terms: Vec<&Expr> = terms.iter().collect();
        keys(&|expr| *expr == key(), &terms).map(|keys| keys.into_iter().collect())
    }

    #[test]
    fn the_integers_between_two_limits_are_kept() {
        use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
        for (low, high, wanted) in [
            ((Greater, "2"), (Less, "5"), vec!["3", "4"]),
            ((GreaterOrEqual, "2"), (LessOrEqual, "3"), vec!["2", "3"]),
            (
                (GreaterOrEqual, "1.5"),
                (LessOrEqual, "3.5"),
                vec!["2", "3"],
            ),
            ((Greater, "1.0"), (Less, "2.5"), vec!["2"]),
            ((GreaterOrEqual, "-1.5"), (Less, "-0.5"), vec!["-1"]),
            ((Greater, "15e-1"), (Less, "4e0"), vec!["2", "3"]),
            ((Greater, "4"), (Less, "5"), vec![]),
            ((Greater, "5"), (Less, "3"), vec![]),
        ] {
            assert_eq!(kept(&[low, high]).unwrap(), wanted, "{low:?} {high:?}");
        }
    }

    #[test]
    fn wide_open_and_unclear_ranges_keep_everything() {
        use Comparison::{Greater, Less, NotEqual};
        for terms in [
            [(Greater, "2"), (Less, "2000")],
            [(Greater, "2"), (Greater, "5")],
            [(Greater, "2"), (NotEqual, "5")],
            [(Greater, "2"), (Less, "'5'")],
            [(Greater, "2"), (Less, "0x05")],
            [(Greater, "2"), (Less, "NULL")],
            [(Greater, "9007199254740992e0"), (Less, "9007199254740999")],
        ] {
            assert_eq!(kept(&terms), None, "{terms:?}");
        }
    }
}
