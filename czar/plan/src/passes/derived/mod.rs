//! Tables of FROM that are queries, written there or named by WITH: of which of them each chunk
//! computes its own part.
//!
//! Keeps true: to the statement around it such a query is a chunked table, a child of its director;
//! what cannot be shown to be one is refused. Its columns have the types with which a server stores it,
//! which it does, because rows are folded there.

mod columns;

use orrery_archive::catalog::{AcceptedTable, Catalog, Table, TableKey, TableKind};
use orrery_archive::table::{OnDeletion, UniqueKey};
use sqlparser::ast::{
    Cte, Join, JoinOperator, ObjectNamePart, Query, Select as ParsedSelect, TableAlias, TableFactor,
};

use super::joins::{Joins, key_column};
use super::proofs::narrowest;
use super::resolve::{self, outer_select, plain_select};
use super::{prune, split};
use crate::error::{PlanError, refused};
use crate::plan::tables::ChunkSelection;
use crate::query::derived::is_unsteady;
use crate::query::expr::Expr;
use crate::query::scope::{ScopeTable, TableRole};
use crate::query::select::{Derived, Select};

const HINT: &str = "write one SELECT";

/// The queries of a FROM.
pub(super) struct Queries<'a> {
    /// As tables.
    pub derived: Vec<Derived<'a>>,
    /// What was proven of each.
    proofs: Vec<Proof>,
}

struct Proof {
    joins: Joins,
    /// Chunks that may hold rows of it; all where it is at the optional side of a join.
    selection: ChunkSelection,
}

impl Queries<'_> {
    /// The chunks of a selection that may hold rows of all queries.
    pub(super) fn narrow(&self, selection: ChunkSelection) -> Result<ChunkSelection, PlanError> {
        let mut proofs = self.proofs.iter();
        let narrowed = proofs.try_fold(selection, |known, proof| known.and(&proof.selection));
        narrowed.ok_or_else(|| PlanError::Unproven {
            reason: "a derived table has another director".into(),
        })
    }

    /// Each query, and how its tables meet.
    pub(super) fn proven(&self) -> impl Iterator<Item = (&Derived<'_>, &Joins)> {
        let joins = self.proofs.iter().map(|proof| &proof.joins);
        self.derived.iter().zip(joins)
    }
}

/// Finds the queries in FROM and proves that they can be computed in chunks.
pub(super) fn find<'a>(
    query: &Query,
    catalog: &'a Catalog,
    database: Option<&'a str>,
) -> Result<Queries<'a>, PlanError> {
    let select = outer_select(query)?;
    let named = named(query)?;
    let mut queries = Queries {
        derived: Vec::new(),
        proofs: Vec::new(),
    };
    for (place, (factor, is_optional)) in factors(select).enumerate() {
        let Some((alias, inner)) = query_of(factor, named)? else {
            continue;
        };
        let found = Found {
            alias,
            place,
            is_optional,
        };
        let (derived, proof) = found.prove(inner, catalog, database)?;
        queries.derived.push(derived);
        queries.proofs.push(proof);
    }
    Ok(queries)
}

/// Refuses conditions on a query's columns of which one server's plan decides what they find.
pub(super) fn check_steady(select: &Select<'_>) -> Result<(), PlanError> {
    let mut conditions = select.beside_items(&select.filter);
    if conditions.any(|condition| is_unsteady(condition, &select.scope)) {
        return Err(refused(
            "comparing a column of a derived table with a value of another type",
            "convert one of the two, as CAST(x AS DATE) does",
        ));
    }
    Ok(())
}

/// The queries of WITH.
fn named(query: &Query) -> Result<&[Cte], PlanError> {
    match &query.with {
        None => Ok(&[]),
        Some(with) if with.recursive => Err(refused("WITH RECURSIVE over chunked tables", HINT)),
        Some(with) => Ok(&with.cte_tables),
    }
}

/// The tables of FROM in order, and whether an outer join makes them optional.
fn factors(select: &ParsedSelect) -> impl Iterator<Item = (&TableFactor, bool)> {
    let is_left = |join: &Join| {
        matches!(
            join.join_operator,
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_)
        )
    };
    select.from.iter().flat_map(move |group| {
        let joined = group.joins.iter();
        let joined = joined.map(move |join| (&join.relation, is_left(join)));
        std::iter::once((&group.relation, false)).chain(joined)
    })
}

/// The query that a table of FROM is, and its alias there.
fn query_of<'p>(
    factor: &'p TableFactor,
    named: &'p [Cte],
) -> Result<Option<(&'p str, &'p Query)>, PlanError> {
    match factor {
        TableFactor::Derived {
            lateral: false,
            subquery,
            alias: Some(alias),
            sample: None,
        } => Ok(Some((without_columns(alias)?, subquery))),
        TableFactor::Table { name, alias, .. } => {
            let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else {
                return Ok(None);
            };
            let is_named = |cte: &&Cte| cte.alias.name.value == name.value;
            let Some(cte) = named.iter().find(is_named) else {
                return Ok(None);
            };
            let own = without_columns(&cte.alias)?;
            let alias = alias.as_ref().map(without_columns).transpose()?;
            Ok(Some((alias.unwrap_or(own), &cte.query)))
        }
        _ => Ok(None),
    }
}

fn without_columns(alias: &TableAlias) -> Result<&str, PlanError> {
    if alias.columns.is_empty() {
        Ok(&alias.name.value)
    } else {
        Err(refused(
            "names of columns after that of a query",
            "name them in its select list",
        ))
    }
}

/// A query in FROM.
struct Found<'p> {
    alias: &'p str,
    place: usize,
    is_optional: bool,
}

impl Found<'_> {
    fn prove<'a>(
        &self,
        query: &Query,
        catalog: &'a Catalog,
        database: Option<&'a str>,
    ) -> Result<(Derived<'a>, Proof), PlanError> {
        plain_select(query)?;
        let resolved = resolve::resolve(query, &[], catalog, database);
        let mut select = resolved.map_err(|error| match error {
            // Another name of WITH, for one: every other table is known.
            PlanError::Resolve(_) => refused("these names in a derived table", HINT),
            error => error,
        })?;
        let areas = prune::predicates(&select)?;
        let (joins, selection) = narrowest(&select, &areas, catalog)?;
        if !joins.neighbours.is_empty() {
            return Err(refused("near neighbours in a derived table", HINT));
        }
        split::check_local(&select, &joins)?;
        let (key, table) = self.as_table(&select, &joins)?;
        if !self.is_optional {
            prune::share_keys(&mut select, &joins, catalog)?;
        }
        let predicates = areas.into_iter().map(|area| area.predicate);
        select.filter.splice(0..0, predicates);
        for table in &mut select.scope.tables {
            table.role = self.role(table.role);
        }
        let derived = Derived {
            place: self.place,
            key,
            table,
            select,
        };
        let selection = if self.is_optional {
            ChunkSelection::default()
        } else {
            selection
        };
        Ok((derived, Proof { joins, selection }))
    }

    /// What a table of the query is to the chunks.
    fn role(&self, role: TableRole) -> TableRole {
        match role {
            TableRole::Chunked if self.is_optional => TableRole::Nested,
            TableRole::Chunked => TableRole::Derived,
            TableRole::Reference => TableRole::NestedReference,
            other => other,
        }
    }

    /// The table that the query is to the statement around it.
    fn as_table(&self, select: &Select<'_>, joins: &Joins) -> Result<(TableKey, Table), PlanError> {
        let homes = || {
            let tables = select.scope.tables.iter().enumerate();
            tables.filter(|(_, table)| table.role == TableRole::Chunked)
        };
        let accepted = homes().find_map(|(_, table)| ScopeTable::chunked(table));
        let (Some(director), Some(accepted)) = (&joins.director, accepted) else {
            return Err(refused("a derived table over reference tables alone", HINT));
        };
        let columns = columns::of(select)?;
        let mut keys = homes().filter_map(|(at, _)| key_column(at, &select.scope));
        let place_of = |key| {
            let mut items = select.items.iter();
            items.position(|item| item.expr == Expr::Column(key))
        };
        let key = keys.find_map(place_of).and_then(|at| columns.get(at));
        // No column has an empty name.
        let key = key.map_or_else(String::new, |column| column.name.clone());
        let accepted = AcceptedTable {
            family: accepted.family.clone(),
            key,
            position: None,
            columns,
            indexes: Vec::new(),
            unique_key: UniqueKey::MayRepeat,
            charset: accepted.charset.clone(),
            collation: accepted.collation.clone(),
            scan_rating: accepted.scan_rating,
            qserv_compat: false,
        };
        let table = Table {
            incarnation: 0,
            object: String::new(),
            schema_version: 0,
            kind: TableKind::Child(accepted, director.table.clone()),
            segments: Vec::new(),
            revoked: Vec::new(),
            on_deletion: OnDeletion::Retain,
        };
        Ok((TableKey::new(&director.database, self.alias), table))
    }
}
