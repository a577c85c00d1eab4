//! Limits on position columns, written as comparisons and BETWEEN.

use orrery_sky::Region;

use crate::query::expr::{ColumnId, Comparison, Expr};
use crate::query::scope::Scope;

/// Longitude and latitude columns of a director table: its rows lie in the chunk of that position.
pub(crate) fn director_position(table: usize, scope: &Scope<'_>) -> Option<(ColumnId, ColumnId)> {
    let entry = scope.tables.get(table)?;
    let (accepted, _) = entry.table.kind.director()?;
    let position = accepted.position.as_ref()?;
    Some((
        scope.column_of(table, &position.longitude)?,
        scope.column_of(table, &position.latitude)?,
    ))
}

/// Closed limits of a position, degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    lon: (f64, f64),
    lat: (f64, f64),
}

/// What limits leave of the sky.
#[expect(clippy::large_enum_variant, reason = "it lives for one call")]
pub(super) enum Limited {
    Everywhere,
    Nowhere,
    In(Region),
}

/// The limits that the terms, joined by AND, set on a position; `None` when they set none.
pub(super) fn limits((lon, lat): (ColumnId, ColumnId), terms: &[&Expr]) -> Option<Limits> {
    // Stored longitudes lie in [0, 360] and latitudes in [-90, 90].
    let mut limits = Limits {
        lon: (0.0, 360.0),
        lat: (-90.0, 90.0),
    };
    let mut any = false;
    for term in terms {
        for (column, range) in [(lon, &mut limits.lon), (lat, &mut limits.lat)] {
            if let Some((low, high)) = limit_of(column, term) {
                *range = (range.0.max(low), range.1.min(high));
                any = true;
            }
        }
    }
    any.then_some(limits)
}

/// Limits that one term sets on a column.
fn limit_of(column: ColumnId, term: &Expr) -> Option<(f64, f64)> {
    let is_column = |expr: &Expr| *expr == Expr::Column(column);
    match term {
        Expr::Between {
            expr,
            low,
            high,
            negated: false,
        } if is_column(expr) => Some((number(low)?, number(high)?)),
        Expr::Compare(comparison, left, right) if is_column(left) => {
            one_sided(*comparison, number(right)?)
        }
        Expr::Compare(comparison, left, right) if is_column(right) => {
            one_sided(comparison.mirrored(), number(left)?)
        }
        _ => None,
    }
}

fn one_sided(comparison: Comparison, value: f64) -> Option<(f64, f64)> {
    match comparison {
        Comparison::Equal | Comparison::NullSafeEqual => Some((value, value)),
        Comparison::Less | Comparison::LessOrEqual => Some((f64::NEG_INFINITY, value)),
        Comparison::Greater | Comparison::GreaterOrEqual => Some((value, f64::INFINITY)),
        Comparison::NotEqual => None,
    }
}

/// A finite number from a literal.
pub(crate) fn number(expr: &Expr) -> Option<f64> {
    let Expr::Literal(text) = expr else {
        return None;
    };
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    text.parse::<f64>()
        .ok()
        .filter(|value| plain && value.is_finite())
}

impl Limits {
    /// The region within the limits. The cover is dilated far beyond the rounding of a literal.
    pub(super) fn region(self) -> Limited {
        let (lon, lat) = (self.lon, self.lat);
        if lon.0 > lon.1 || lat.0 > lat.1 {
            return Limited::Nowhere;
        }
        Region::lon_lat_box(lon.0, lat.0, lon.1, lat.1).map_or(Limited::Everywhere, Limited::In)
    }
}
