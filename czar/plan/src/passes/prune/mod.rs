//! Which chunks can hold rows of the answer.
//!
//! Keeps true (docs/design/query.md#pruning): pruning never loses a row. AND intersects, OR unites,
//! anything not understood means all chunks. A director's rows lie where their position says; a
//! child's rows lie where their director's row is, so that a child's own position prunes nothing.

mod area;
mod grids;
mod keys;
mod position;
mod ranges;
mod separation;

use std::collections::BTreeSet;

use orrery_archive::catalog::{Catalog, ChunkSet, FamilyGrid, TableKey};
use orrery_archive::names::CHUNK_COLUMN;
use orrery_sky::Region;

pub(crate) use area::{AreaPredicate, predicates};
pub(super) use position::{director_position, number};
pub(super) use separation::Separation;

use crate::error::PlanError;
use crate::passes::joins::{Joins, key_column};
use crate::plan::tables::{ChunkSelection, IndexLookup};
use crate::query::expr::{ColumnId, Comparison, Expr};
use crate::query::literal;
use crate::query::scope::{Scope, ScopeTable};
use crate::query::select::{JoinKind, Select};
use keys::{KeyKind, KeyOf};

/// A bound on where rows can be: they lie in a chunk of `area` and their key is one of `keys`.
/// `None` is no bound.
#[derive(Clone, Debug, Default, PartialEq)]
struct Bound {
    area: Option<ChunkSet>,
    keys: Option<BTreeSet<String>>,
}

impl Bound {
    fn all() -> Self {
        Self::default()
    }

    fn nothing() -> Self {
        Self {
            area: Some(ChunkSet::new()),
            keys: None,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            area: meet(self.area, other.area),
            keys: meet(self.keys, other.keys),
        }
    }

    fn or(self, other: Self) -> Self {
        if self.is_nothing() {
            return other;
        }
        if other.is_nothing() {
            return self;
        }
        Self {
            area: unite(self.area, other.area),
            keys: unite(self.keys, other.keys),
        }
    }

    fn is_nothing(&self) -> bool {
        self.area.as_ref().is_some_and(BTreeSet::is_empty)
            || self.keys.as_ref().is_some_and(BTreeSet::is_empty)
    }
}

fn meet<T: Ord + Clone>(
    left: Option<BTreeSet<T>>,
    right: Option<BTreeSet<T>>,
) -> Option<BTreeSet<T>> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.intersection(&right).cloned().collect()),
        (one, other) => one.or(other),
    }
}

fn unite<T: Ord>(left: Option<BTreeSet<T>>, right: Option<BTreeSet<T>>) -> Option<BTreeSet<T>> {
    let (mut left, right) = (left?, right?);
    left.extend(right);
    Some(left)
}

/// What pruning knows about the statement.
struct Pruner {
    family: FamilyGrid,
    key_columns: Vec<(ColumnId, KeyKind)>,
    /// Longitude and latitude columns of director tables.
    positions: Vec<(ColumnId, ColumnId)>,
    chunk_columns: Vec<ColumnId>,
}

/// The chunks that the statement's WHERE and inner ON leave.
pub(crate) fn prune(
    select: &Select<'_>,
    joins: &Joins,
    areas: &[AreaPredicate],
    catalog: &Catalog,
) -> Result<ChunkSelection, PlanError> {
    let Some(director) = &joins.director else {
        return Ok(ChunkSelection::default());
    };
    let pruner = Pruner::new(&select.scope, joins, director, catalog)?;
    let inner_on = select
        .from
        .iter()
        .flatten()
        .filter(|entry| entry.join != JoinKind::Left);
    let terms: Vec<&Expr> = inner_on
        .flat_map(|entry| &entry.on)
        .chain(&select.filter)
        .collect();
    let mut bound = areas
        .iter()
        .filter(|area| area.prunes)
        .fold(Bound::all(), |bound, area| {
            bound.and(pruner.region(&area.region))
        });
    for term in &terms {
        bound = bound.and(pruner.bound(term));
    }
    bound = bound.and(pruner.boxes(&terms)).and(pruner.ranges(&terms));
    if bound.is_nothing() {
        bound = Bound::nothing();
    }
    let integer = pruner
        .key_columns
        .iter()
        .all(|(_, kind)| *kind == KeyKind::Integer);
    Ok(ChunkSelection {
        area: bound.area,
        lookup: bound.keys.map(|keys| IndexLookup {
            director: director.clone(),
            keys,
            integer,
        }),
        keys: None,
    })
}

/// Puts [`Expr::OwnKey`] in place of the lists of keys in WHERE and inner ON: a row of the answer
/// has one of the keys of the selection, and a chunk holds no other of them than those that the
/// index names for it.
pub(crate) fn share_keys(
    select: &mut Select<'_>,
    joins: &Joins,
    catalog: &Catalog,
) -> Result<(), PlanError> {
    let Some(director) = &joins.director else {
        return Ok(());
    };
    let pruner = Pruner::new(&select.scope, joins, director, catalog)?;
    let inner = select.from.iter_mut().flatten();
    let inner = inner.filter(|entry| entry.join != JoinKind::Left);
    let terms = inner
        .flat_map(|entry| &mut entry.on)
        .chain(&mut select.filter);
    for term in terms {
        if let Expr::In {
            expr,
            list,
            negated: false,
        } = term
            && let Expr::Column(column) = **expr
            && pruner.in_list(expr, list).keys.is_some()
        {
            *term = Expr::OwnKey(column);
        }
    }
    Ok(())
}

impl Pruner {
    /// Neighbours say nothing: their rows may be copies in chunks that are not their own.
    fn new(
        scope: &Scope<'_>,
        joins: &Joins,
        director: &TableKey,
        catalog: &Catalog,
    ) -> Result<Self, PlanError> {
        let family = scope
            .tables
            .iter()
            .find_map(ScopeTable::chunked)
            .map(|table| &table.family);
        let family = family.and_then(|family| catalog.families.get(family));
        let family = family.ok_or_else(|| PlanError::NoFamily(director.clone()))?;
        let chunked = || {
            (0..scope.tables.len()).filter(|&at| {
                scope
                    .tables
                    .get(at)
                    .is_some_and(|table| table.role.is_chunked() && !joins.has_neighbour(at))
            })
        };
        let key_columns = chunked().filter_map(|at| key_column(at, scope));
        let key_columns =
            key_columns.filter_map(|column| KeyKind::of(column, scope).map(|kind| (column, kind)));
        Ok(Self {
            key_columns: key_columns.collect(),
            positions: chunked()
                .filter_map(|at| position::director_position(at, scope))
                .collect(),
            chunk_columns: chunked()
                .filter(|at| scope.tables.get(*at).is_some_and(|table| !table.is_query))
                .filter_map(|at| scope.column_of(at, CHUNK_COLUMN))
                .collect(),
            family: family.grid.clone(),
        })
    }

    /// Chunks of a region.
    fn region(&self, region: &Region) -> Bound {
        grids::of(&self.family).map_or_else(Bound::all, |grid| Bound {
            area: Some(region.cover(&grid).chunks().collect()),
            keys: None,
        })
    }

    /// Bound on the rows for which `expr` is true.
    fn bound(&self, expr: &Expr) -> Bound {
        match expr {
            Expr::And(terms) => {
                let each = terms
                    .iter()
                    .fold(Bound::all(), |bound, term| bound.and(self.bound(term)));
                let terms: Vec<&Expr> = terms.iter().collect();
                each.and(self.boxes(&terms)).and(self.ranges(&terms))
            }
            Expr::Or(terms) => {
                let mut bounds = terms.iter().map(|term| self.bound(term));
                bounds
                    .next()
                    .map_or_else(Bound::all, |first| bounds.fold(first, Bound::or))
            }
            Expr::Compare(Comparison::Equal, left, right) => self
                .equal(left, right)
                .unwrap_or_else(|| self.true_function(left, right)),
            Expr::Compare(Comparison::NotEqual, left, right) if is_zero(left) || is_zero(right) => {
                area::function_region(if is_zero(left) { right } else { left }, &self.positions)
                    .map_or_else(Bound::all, |region| self.region(&region))
            }
            Expr::In {
                expr,
                list,
                negated: false,
            } => self.in_list(expr, list),
            Expr::Between { .. } => self.ranges(&[expr]).and(self.separation(expr)),
            Expr::Compare(..) => self.separation(expr),
            Expr::Literal(text) if matches!(text.as_str(), "0" | "FALSE" | "NULL") => {
                Bound::nothing()
            }
            Expr::Call { .. } => area::function_region(expr, &self.positions)
                .map_or_else(Bound::all, |region| self.region(&region)),
            _ => Bound::all(),
        }
    }

    /// `scisql_s2PtIn…(lon, lat, …) = 1`; any other constant says nothing.
    fn true_function(&self, left: &Expr, right: &Expr) -> Bound {
        let call = match (left, right) {
            (call, Expr::Literal(one)) | (Expr::Literal(one), call) if one == "1" => call,
            _ => return Bound::all(),
        };
        area::function_region(call, &self.positions)
            .map_or_else(Bound::all, |region| self.region(&region))
    }

    /// `key = literal` and `chunkId = literal`; literals alone as well.
    fn equal(&self, left: &Expr, right: &Expr) -> Option<Bound> {
        match (left, right) {
            (Expr::Column(column), Expr::Literal(literal))
            | (Expr::Literal(literal), Expr::Column(column)) => {
                self.values(*column, std::slice::from_ref(literal))
            }
            (Expr::Literal(one), Expr::Literal(other)) => {
                let (one, other) = (literal::integer(one)?, literal::integer(other)?);
                Some(if one == other {
                    Bound::all()
                } else {
                    Bound::nothing()
                })
            }
            _ => None,
        }
    }

    fn in_list(&self, expr: &Expr, list: &[Expr]) -> Bound {
        let Expr::Column(column) = expr else {
            return Bound::all();
        };
        let literals = list.iter().map(|item| match item {
            Expr::Literal(literal) => Some(literal.clone()),
            _ => None,
        });
        let literals: Option<Vec<String>> = literals.collect();
        literals
            .and_then(|literals| self.values(*column, &literals))
            .unwrap_or_else(Bound::all)
    }

    /// Bound for a column that equals one of the literals.
    fn values(&self, column: ColumnId, literals: &[String]) -> Option<Bound> {
        if self.chunk_columns.contains(&column) {
            let chunks = literals.iter().map(|literal| literal::integer(literal));
            let chunks: Option<Vec<String>> = chunks.collect();
            // A number that is no chunk id equals none.
            let area = chunks?
                .iter()
                .filter_map(|chunk| chunk.parse().ok())
                .collect();
            return Some(Bound {
                area: Some(area),
                keys: None,
            });
        }
        let (_, kind) = self.key_columns.iter().find(|(key, _)| *key == column)?;
        let mut keys = BTreeSet::new();
        for literal in literals {
            match kind.equal_to(literal) {
                KeyOf::One(key) => {
                    keys.insert(key);
                }
                KeyOf::None => {}
                KeyOf::Unknown => return None,
            }
        }
        Some(Bound {
            area: None,
            keys: Some(keys),
        })
    }

    /// Limits on key columns, taken together: all of them hold the same key.
    fn ranges(&self, terms: &[&Expr]) -> Bound {
        let is_key = |expr: &Expr| match expr {
            Expr::Column(column) => self
                .key_columns
                .iter()
                .any(|(key, kind)| key == column && *kind == KeyKind::Integer),
            _ => false,
        };
        Bound {
            area: None,
            keys: ranges::keys(&is_key, terms),
        }
    }

    /// `scisql_angSep(lon, lat, constants) < r`.
    fn separation(&self, term: &Expr) -> Bound {
        area::within_separation(term, &self.positions)
            .map_or_else(Bound::all, |region| self.region(&region))
    }

    /// Limits on position columns, taken together.
    fn boxes(&self, terms: &[&Expr]) -> Bound {
        let regions = self
            .positions
            .iter()
            .filter_map(|position| position::limits(*position, terms));
        regions.fold(Bound::all(), |bound, limits| {
            bound.and(match limits.region() {
                position::Limited::Everywhere => Bound::all(),
                position::Limited::Nowhere => Bound::nothing(),
                position::Limited::In(region) => self.region(&region),
            })
        })
    }
}

fn is_zero(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(text) if text == "0")
}
