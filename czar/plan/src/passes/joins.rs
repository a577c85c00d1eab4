//! Joins: which tables' rows are known to lie in the same chunk.
//!
//! Keeps true: a statement passes only when every combination of rows it asks for lies within one
//! chunk. That is proven from equalities between key columns of one director family, given at the
//! top level of WHERE or ON.

use orrery_archive::catalog::Catalog;
use orrery_archive::catalog::TableKey;
use orrery_archive::table::UniqueKey;

use super::near;
use crate::error::{PlanError, refused};
use crate::query::expr::{ColumnId, Comparison, Expr};
use crate::query::literal;
use crate::query::neighbour::Neighbour;
use crate::query::scope::{Scope, ScopeTable, TableRole};
use crate::query::select::{JoinKind, Nested, Select};

/// Columns known to be equal in every row.
#[derive(Default)]
pub(crate) struct Equalities {
    classes: Vec<Vec<ColumnId>>,
    /// Columns known to equal an integer literal.
    fixed: Vec<(ColumnId, String)>,
}

impl Equalities {
    /// Learns from the terms of a conjunction.
    pub(crate) fn learn<'e>(
        &mut self,
        terms: impl IntoIterator<Item = &'e Expr>,
        scope: &Scope<'_>,
    ) {
        for term in terms {
            let Expr::Compare(Comparison::Equal, left, right) = term else {
                continue;
            };
            match (&**left, &**right) {
                (Expr::Column(left), Expr::Column(right)) if comparable(*left, *right, scope) => {
                    self.join(*left, *right);
                }
                (Expr::Column(column), Expr::Literal(literal))
                | (Expr::Literal(literal), Expr::Column(column)) => {
                    self.fix(*column, literal, scope);
                }
                _ => {}
            }
        }
    }

    fn fix(&mut self, column: ColumnId, literal: &str, scope: &Scope<'_>) {
        let Some(value) = literal::integer(literal) else {
            return;
        };
        if !scope.type_of(column).is_some_and(|kind| kind.is_integer()) {
            return;
        }
        let same = self
            .fixed
            .iter()
            .find(|(_, known)| *known == value)
            .map(|(column, _)| *column);
        if let Some(other) = same {
            self.join(column, other);
        }
        self.fixed.push((column, value));
    }

    fn class(&self, column: ColumnId) -> Option<usize> {
        self.classes
            .iter()
            .position(|class| class.contains(&column))
    }

    fn join(&mut self, left: ColumnId, right: ColumnId) {
        match (self.class(left), self.class(right)) {
            (None, None) => self.classes.push(vec![left, right]),
            (Some(class), None) => self.add(class, right),
            (None, Some(class)) => self.add(class, left),
            (Some(one), Some(other)) if one != other => {
                let moved = self.classes.swap_remove(one.max(other));
                for column in moved {
                    self.add(one.min(other), column);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, class: usize, column: ColumnId) {
        if let Some(class) = self.classes.get_mut(class) {
            class.push(column);
        }
    }

    /// Whether two columns are known to be equal.
    pub(crate) fn are_equal(&self, left: ColumnId, right: ColumnId) -> bool {
        left == right
            || self
                .class(left)
                .is_some_and(|class| self.class(right) == Some(class))
    }
}

/// Whether equality of the two columns means equal keys: both integers, or both text of one
/// collation that distinguishes all strings.
pub(crate) fn comparable(left: ColumnId, right: ColumnId, scope: &Scope<'_>) -> bool {
    let (Some(left_type), Some(right_type)) = (scope.type_of(left), scope.type_of(right)) else {
        return false;
    };
    if left_type.is_integer() || right_type.is_integer() {
        return left_type.is_integer() && right_type.is_integer();
    }
    let collation = |column: ColumnId| {
        let column = scope.table_of(column)?.declared().get(column.column)?;
        column.collation.as_deref()
    };
    let exact = |name: Option<&str>| {
        name.is_none_or(|name| name == "binary" || name.ends_with("_nopad_bin"))
    };
    let text = left_type.is_text() && right_type.is_text() && collation(left).is_some();
    let binary = |kind: &orrery_archive::sql_type::SqlType| {
        matches!(kind, orrery_archive::sql_type::SqlType::VarBinary(_))
    };
    (text && collation(left) == collation(right) && exact(collation(left)))
        || (binary(&left_type) && binary(&right_type))
}

/// What the joins of a statement are known to be.
pub(crate) struct Joins {
    /// Equalities that hold in every row of the answer's inner part.
    pub equalities: Equalities,
    /// The family's director; `None` when no table is chunked.
    pub director: Option<TableKey>,
    /// Pairs of chunked tables whose rows meet within a chunk alone.
    pub local: Vec<(usize, usize)>,
    /// Tables whose rows are near those of another, which may lie in the next chunk.
    pub neighbours: Vec<Neighbour>,
    /// Whether all home rows with one key lie in one chunk.
    pub keys_are_local: bool,
}

impl Joins {
    /// Whether a table is a neighbour.
    pub(crate) fn has_neighbour(&self, table: usize) -> bool {
        self.neighbours.iter().any(|near| near.table == table)
    }
}

/// Key column of a chunked table.
pub(crate) fn key_column(table: usize, scope: &Scope<'_>) -> Option<ColumnId> {
    let key = &scope.tables.get(table)?.chunked()?.key;
    scope.column_of(table, key)
}

/// Proves that the statement's joins are local to chunks. There are several proofs where either of
/// two tables may be read by its home rows and the other by those near them.
pub(crate) fn analyse(select: &Select<'_>, catalog: &Catalog) -> Result<Vec<Joins>, PlanError> {
    let inner: Vec<usize> = with_role(TableRole::Chunked, select).collect();
    let Some((first, rest)) = inner.split_first() else {
        if with_role(TableRole::Nested, select).next().is_some() {
            return Err(refused(
                "a subquery over chunked tables in a statement over none",
                "join the tables",
            ));
        }
        if with_role(TableRole::ChunkedOptional, select)
            .next()
            .is_some()
        {
            return Err(refused(
                "a reference table LEFT JOIN a chunked table",
                "put the chunked table on the left: chunked LEFT JOIN reference",
            ));
        }
        return Ok(vec![Joins {
            equalities: equalities(select),
            director: None,
            local: Vec::new(),
            neighbours: Vec::new(),
            keys_are_local: false,
        }]);
    };
    let proof = around(*first, &inner, select, catalog);
    if proof
        .as_ref()
        .is_ok_and(|proof| proof.neighbours.is_empty())
    {
        return Ok(vec![proof?]);
    }
    let others = rest
        .iter()
        .filter_map(|root| around(*root, &inner, select, catalog).ok());
    let others: Vec<Joins> = others.collect();
    match proof {
        Ok(proof) => Ok(std::iter::once(proof).chain(others).collect()),
        Err(error) if others.is_empty() => Err(error),
        Err(_) => Ok(others),
    }
}

fn with_role(role: TableRole, select: &Select<'_>) -> impl Iterator<Item = usize> {
    let tables = select.scope.tables.iter().enumerate();
    tables.filter_map(move |(at, table)| (table.role == role).then_some(at))
}

/// What holds in every row of the answer's inner part.
fn equalities(select: &Select<'_>) -> Equalities {
    let mut everywhere = Equalities::default();
    everywhere.learn(select.inner_terms(), &select.scope);
    everywhere
}

/// Proves that the tables' rows meet in the chunk of the home rows of `root`.
fn around(
    root: usize,
    inner: &[usize],
    select: &Select<'_>,
    catalog: &Catalog,
) -> Result<Joins, PlanError> {
    let everywhere = equalities(select);
    let (mut homes, mut apart) = (vec![root], Vec::new());
    for table in inner.iter().copied().filter(|table| *table != root) {
        match check_pair(root, table, &everywhere, select, catalog) {
            Ok(()) => homes.push(table),
            Err(error) => apart.push((table, error)),
        }
    }
    let mut local: Vec<(usize, usize)> = homes.iter().skip(1).map(|home| (root, *home)).collect();
    let mut neighbours = Vec::new();
    for (table, error) in apart {
        neighbours.push(near::find(table, &homes, select, catalog).ok_or(error)?);
    }
    for table in with_role(TableRole::ChunkedOptional, select) {
        local.push((check_optional(root, table, select, catalog)?, table));
    }
    for nested in &select.nested {
        check_nested(nested, &homes, select, catalog, &mut local)?;
    }
    let director = select.scope.tables.get(root).and_then(ScopeTable::director);
    Ok(Joins {
        equalities: everywhere,
        keys_are_local: !keys_repeat(director.as_ref(), catalog),
        director,
        local,
        neighbours,
    })
}

/// Proves that all partners of an optional table lie in the chunk of the row they are joined to:
/// from terms that hold whether it has partners or not, and from its own ON. Its partner, which is
/// told, may be another optional table, which has its own proof.
fn check_optional(
    root: usize,
    table: usize,
    select: &Select<'_>,
    catalog: &Catalog,
) -> Result<usize, PlanError> {
    let scope = &select.scope;
    let mut equalities = Equalities::default();
    let entries = select
        .from
        .iter()
        .flatten()
        .filter(|entry| entry.table <= table);
    let entries = entries.filter(|entry| entry.join != JoinKind::Left || entry.table == table);
    equalities.learn(
        entries
            .flat_map(|entry| &entry.on)
            .chain(safe_filter(select)),
        scope,
    );
    let is_optional = |at: &usize| {
        scope
            .tables
            .get(*at)
            .is_some_and(|table| table.role == TableRole::ChunkedOptional)
    };
    let mut earlier = (0..table).filter(is_optional);
    if let Some(other) =
        earlier.find(|other| check_pair(*other, table, &equalities, select, catalog).is_ok())
    {
        return Ok(other);
    }
    check_pair(root, table, &equalities, select, catalog).map(|()| root)
}

/// Proves that all rows of a subquery that can matter to a row outside lie in its chunk: each of its
/// tables is tied by the key to a home table outside, in every combination of rows that it reads, or
/// in those of which the values are the one that is compared.
fn check_nested(
    nested: &Nested,
    homes: &[usize],
    select: &Select<'_>,
    catalog: &Catalog,
    local: &mut Vec<(usize, usize)>,
) -> Result<(), PlanError> {
    let scope = &select.scope;
    let mut known = Equalities::default();
    known.learn(nested.terms.iter().chain(&nested.compared), scope);
    let is_chunked = |table: &&usize| {
        let table = scope.tables.get(**table);
        table.is_some_and(|table| table.role.is_chunked())
    };
    for table in nested.tables.iter().filter(is_chunked) {
        let mut proofs = homes
            .iter()
            .map(|home| check_pair(*home, *table, &known, select, catalog).map(|()| *home));
        let home = proofs.find_map(Result::ok).ok_or_else(|| {
            refused(
                "a subquery whose rows are not tied by the key to those outside",
                "compare the keys of both in it, or write IN (SELECT key FROM …)",
            )
        })?;
        local.push((home, *table));
    }
    Ok(())
}

/// Terms of WHERE that speak of inner tables alone: rows without a partner pass them as well.
fn safe_filter<'s>(select: &'s Select<'_>) -> impl Iterator<Item = &'s Expr> {
    select.filter.iter().filter(|term| {
        let mut inner_only = true;
        term.for_each_column(&mut |column| {
            inner_only &= select
                .scope
                .table_of(column)
                .is_some_and(|table| !table.role.is_optional());
        });
        inner_only
    })
}

/// Whether rows with one key of a director may lie in several chunks.
fn keys_repeat(director: Option<&TableKey>, catalog: &Catalog) -> bool {
    let table = director.and_then(|key| catalog.tables.get(key));
    table.is_none_or(|table| {
        table
            .kind
            .director()
            .is_some_and(|(table, _)| table.unique_key == UniqueKey::MayRepeat)
    })
}

/// Refuses two chunked tables whose rows may meet across chunks.
fn check_pair(
    left: usize,
    right: usize,
    equalities: &Equalities,
    select: &Select<'_>,
    catalog: &Catalog,
) -> Result<(), PlanError> {
    let scope = &select.scope;
    let (Some(one), Some(other)) = (scope.tables.get(left), scope.tables.get(right)) else {
        return Err(PlanError::Unproven {
            reason: "a joined table is not in FROM".into(),
        });
    };
    let (one_director, other_director) = (one.director(), other.director());
    if one_director != other_director {
        return Err(refused(
            "a join of tables of different directors",
            format!(
                "{} and {} are partitioned by different keys: query them one after the other",
                one.key, other.key
            ),
        ));
    }
    if keys_repeat(one_director.as_ref(), catalog) {
        return Err(refused(
            "a join by a key that may repeat",
            format!(
                "rows of {} with one key may lie in several chunks: query the tables one after the other",
                one.key
            ),
        ));
    }
    let (Some(left_key), Some(right_key)) = (key_column(left, scope), key_column(right, scope))
    else {
        return Err(PlanError::Unproven {
            reason: format!("{} or {} has no key column", one.key, other.key),
        });
    };
    if equalities.are_equal(left_key, right_key) {
        return Ok(());
    }
    let name = |table: &ScopeTable<'_>, key: ColumnId| {
        format!("{}.{}", table.alias, table.column_name(key.column))
    };
    let (left_name, right_name) = (name(one, left_key), name(other, right_key));
    Err(refused(
        "a join of chunked tables that is not by their key",
        format!("add AND {left_name} = {right_name} to ON or WHERE"),
    ))
}
