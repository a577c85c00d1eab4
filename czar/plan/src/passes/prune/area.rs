//! Spatial restrictions: `qserv_areaspec_*` and `scisql_s2PtIn*`.

use orrery_sky::{Region, RegionError};

use super::position::number;
use super::separation::Separation;
use crate::error::PruneError;
use crate::query::expr::{ColumnId, Comparison, Expr};
use crate::query::functions::is_area_name;
use crate::query::scope::Scope;
use crate::query::select::{AreaCall, Select};

/// A `qserv_areaspec_*` call as a predicate on one table.
pub(crate) struct AreaPredicate {
    /// What workers evaluate.
    pub predicate: Expr,
    pub region: Region,
    /// Whether rows of the table lie in chunks of the region: true for directors.
    pub prunes: bool,
}

/// Turns the statement's spatial restrictions into predicates: on every director of FROM, or else
/// on every child with a position.
pub(crate) fn predicates(select: &Select<'_>) -> Result<Vec<AreaPredicate>, PruneError> {
    check_nesting(select)?;
    let positions = restricted_positions(&select.scope);
    let mut predicates = Vec::new();
    for area in &select.areas {
        let (shape, wanted) = shape(&area.name)?;
        let numbers = constants(area)?;
        if !shape.takes(numbers.len()) {
            return Err(PruneError::Count {
                function: area.name.clone(),
                wanted,
            });
        }
        let region = shape.region(&numbers).map_err(|error| PruneError::Region {
            function: area.name.clone(),
            reason: error.to_string(),
        })?;
        if positions.is_empty() {
            return Err(PruneError::NoPosition {
                function: area.name.clone(),
            });
        }
        for (lon, lat, prunes) in &positions {
            let mut arguments = vec![Expr::Column(*lon), Expr::Column(*lat)];
            arguments.extend(area.arguments.iter().cloned());
            let call = Expr::call(shape.predicate(), arguments);
            predicates.push(AreaPredicate {
                predicate: Expr::Compare(
                    Comparison::Equal,
                    Box::new(call),
                    Box::new(Expr::number(1)),
                ),
                region: region.clone(),
                prunes: *prunes,
            });
        }
    }
    Ok(predicates)
}

/// Refuses restrictions that are not terms of WHERE by themselves.
fn check_nesting(select: &Select<'_>) -> Result<(), PruneError> {
    let items = select.items.iter().map(|item| &item.expr);
    let on = select.from.iter().flatten().flat_map(|entry| &entry.on);
    let order = select.order_by.iter().map(|key| &key.expr);
    let everywhere = items
        .chain(on)
        .chain(&select.filter)
        .chain(&select.group_by)
        .chain(&select.having)
        .chain(order);
    for expr in everywhere {
        if let Some(function) = nested_area(expr) {
            return Err(PruneError::Nested { function });
        }
    }
    Ok(())
}

fn nested_area(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Call { name, .. } if is_area_name(name) => Some(name.to_ascii_lowercase()),
        other => other.children().into_iter().find_map(nested_area),
    }
}

/// Position columns to restrict, and whether they determine the chunk. Inner tables come before
/// optional ones, directors before children.
fn restricted_positions(scope: &Scope<'_>) -> Vec<(ColumnId, ColumnId, bool)> {
    let of = |optional: bool, director: bool| -> Vec<(ColumnId, ColumnId, bool)> {
        let tables = scope.tables.iter().enumerate();
        let fitting = tables.filter(|(_, table)| {
            table.role.is_optional() == optional && table.table.kind.is_director() == director
        });
        let positions = fitting.filter_map(|(number, table)| {
            let position = table.chunked()?.position.as_ref()?;
            let lon = scope.column_of(number, &position.longitude)?;
            Some((lon, scope.column_of(number, &position.latitude)?, director))
        });
        positions.collect()
    };
    let choices = [(false, true), (false, false), (true, true), (true, false)];
    let mut found = choices
        .into_iter()
        .map(|(optional, director)| of(optional, director));
    found
        .find(|positions| !positions.is_empty())
        .unwrap_or_default()
}

fn constants(area: &AreaCall) -> Result<Vec<f64>, PruneError> {
    let numbers = area.arguments.iter().enumerate().map(|(at, argument)| {
        number(argument).ok_or_else(|| PruneError::NotConstant {
            function: area.name.clone(),
            number: at + 1,
        })
    });
    numbers.collect()
}

/// Kinds of regions.
#[derive(Clone, Copy)]
enum Shape {
    Box,
    Circle,
    Ellipse,
    Polygon,
}

fn shape(name: &str) -> Result<(Shape, &'static str), PruneError> {
    Ok(match name {
        "qserv_areaspec_box" => (Shape::Box, "lonMin, latMin, lonMax, latMax in degrees"),
        "qserv_areaspec_circle" => (Shape::Circle, "lon, lat, radius in degrees"),
        "qserv_areaspec_ellipse" => (
            Shape::Ellipse,
            "lon, lat in degrees, semi-major and semi-minor axis in arc seconds, position angle in degrees",
        ),
        "qserv_areaspec_poly" => (
            Shape::Polygon,
            "at least three pairs of lon, lat in degrees",
        ),
        other => {
            return Err(PruneError::Unknown {
                function: other.to_owned(),
            });
        }
    })
}

impl Shape {
    fn of_predicate(name: &str) -> Option<Self> {
        let shapes = [Self::Box, Self::Circle, Self::Ellipse, Self::Polygon];
        shapes.into_iter().find(|shape| shape.predicate() == name)
    }

    fn predicate(self) -> &'static str {
        match self {
            Self::Box => "scisql_s2PtInBox",
            Self::Circle => "scisql_s2PtInCircle",
            Self::Ellipse => "scisql_s2PtInEllipse",
            Self::Polygon => "scisql_s2PtInCPoly",
        }
    }

    fn takes(self, numbers: usize) -> bool {
        match self {
            Self::Box => numbers == 4,
            Self::Circle => numbers == 3,
            Self::Ellipse => numbers == 5,
            Self::Polygon => numbers >= 6 && numbers.is_multiple_of(2),
        }
    }

    /// The region; the number of arguments was checked.
    fn region(self, numbers: &[f64]) -> Result<Region, RegionError> {
        match (self, numbers) {
            (Self::Box, &[west, south, east, north]) => {
                Region::lon_lat_box(west, south, east, north)
            }
            (Self::Circle, &[lon, lat, radius]) => Region::circle(lon, lat, radius),
            (Self::Ellipse, &[lon, lat, major, minor, angle]) => {
                Region::ellipse(lon, lat, major, minor, angle)
            }
            (_, vertices) => {
                let (pairs, _) = vertices.as_chunks::<2>();
                let pairs: Vec<(f64, f64)> = pairs.iter().map(|&[lon, lat]| (lon, lat)).collect();
                Region::convex_polygon(&pairs)
            }
        }
    }
}

/// The region of `scisql_s2PtIn…(lon, lat, constants)` when its first arguments are a director's
/// position columns.
pub(super) fn function_region(expr: &Expr, positions: &[(ColumnId, ColumnId)]) -> Option<Region> {
    let Expr::Call {
        name, arguments, ..
    } = expr
    else {
        return None;
    };
    let shape = Shape::of_predicate(name)?;
    let [Expr::Column(lon), Expr::Column(lat), constants @ ..] = arguments.as_slice() else {
        return None;
    };
    let numbers: Option<Vec<f64>> = constants.iter().map(number).collect();
    let numbers = numbers
        .filter(|numbers| positions.contains(&(*lon, *lat)) && shape.takes(numbers.len()))?;
    shape.region(&numbers).ok()
}

/// Degrees by which a circle is wider than the separation that is asked for: far more than the
/// rounding of `scisql_angSep`, which is greatest between opposite points.
const MARGIN: f64 = 1e-4;

/// A region that holds all positions for which `scisql_angSep(…)` between a director's position and
/// a constant one is below a limit.
pub(super) fn within_separation(term: &Expr, positions: &[(ColumnId, ColumnId)]) -> Option<Region> {
    let Separation {
        from, to, limit, ..
    } = Separation::of(term)?;
    let is_position = |pair: (&Expr, &Expr)| match pair {
        (Expr::Column(lon), Expr::Column(lat)) => positions.contains(&(*lon, *lat)),
        _ => false,
    };
    let centre = match (from, to) {
        (position, centre) | (centre, position) if is_position(position) => centre,
        _ => return None,
    };
    let (lon, lat) = (number(centre.0)?, number(centre.1)?);
    Region::circle(lon, lat, number(limit)? + MARGIN).ok()
}
