//! From SQL text to a plan, with no I/O: `guard → parse → resolve → analyse → prune → split`.
//!
//! [`statement::classify`] tells the proxy what a text is. [`plan`] makes a [`Plan`] of a SELECT: a value that says which chunks are
//! read, what each computes ([`Template`], filled by a [`Renderer`]) and how the parts become the answer ([`Merge`]). What cannot be
//! shown to give MariaDB's own answer is refused with a MySQL error that says what to write instead ([`PlanError::mysql`]).

#![forbid(unsafe_code)]

mod analyse;
mod carry;
mod error;
mod explain;
mod expr;
mod functions;
mod guard;
mod keyed;
pub mod lex;
mod plan;
mod prune;
mod resolve;
mod route;
mod split;
pub mod statement;
mod template;

use orrery_archive::catalog::Catalog;

pub use error::{MysqlError, NotYet, PlanError};
pub use explain::explain;
pub use guard::GuardError;
pub use keyed::{Keyed, KeyedPlan};
pub use plan::{
    ChunkSelection, ChunkWork, Class, IndexLookup, Merge, Plan, RowRange, SEQUENCE_COLUMN, ShadowMerge,
    SimpleColumn, SimpleMerge, TableRole, TableUse, Work,
};
pub use prune::PruneError;
pub use resolve::ResolveError;
pub use template::{RenderError, Renderer, Template};

/// Chunks up to which a statement without a key counts as interactive.
const INTERACTIVE_CHUNKS: usize = 16;

/// Plans a SELECT (or WITH) against a catalog. `database` is the session's default database.
pub fn plan(sql: &str, catalog: &Catalog, database: Option<&str>) -> Result<Plan, PlanError> {
    let guarded = guard::guard(sql)?;
    let base = Plan {
        data_epoch: catalog.epochs.data,
        class: Class::Interactive,
        tables: Vec::new(),
        metadata_sql: route::without_areas(sql, &guarded.tokens),
        uses_now: route::may_use_now(&guarded.tokens),
        work: Work::Shadow,
    };
    match route::route(&guarded, catalog, database)? {
        route::Route::Shadow => Ok(base),
        route::Route::Whole(relations) => {
            let (template, tables) = route::whole(sql, &guarded, &relations)?;
            Ok(Plan {
                tables,
                work: Work::AnyWorker(template),
                ..base
            })
        }
        route::Route::Chunks => plan_chunks(base, &guarded, catalog, database),
    }
}

fn plan_chunks(
    base: Plan,
    guarded: &guard::Guarded<'_>,
    catalog: &Catalog,
    database: Option<&str>,
) -> Result<Plan, PlanError> {
    let select = resolve::resolve(&guarded.query, catalog, database)?;
    let areas = prune::predicates(&select)?;
    let joins = analyse::analyse(&select, catalog)?;
    let selection = prune::prune(&select, &joins, &areas, catalog)?;
    let small = selection
        .area
        .as_ref()
        .is_some_and(|area| area.len() <= INTERACTIVE_CHUNKS);
    let class = if small || selection.lookup.is_some() {
        Class::Interactive
    } else {
        Class::Scan
    };
    let predicates = areas.into_iter().map(|area| area.predicate).collect();
    let work = split::split(&select, predicates, &joins.equalities, selection)?;
    let tables = select.scope.tables.iter().map(|table| TableUse {
        key: table.key.clone(),
        alias: table.alias.clone(),
        incarnation: table.table.incarnation,
        role: table.role,
    });
    Ok(Plan {
        class: if matches!(work, Work::Static(_)) {
            Class::Interactive
        } else {
            class
        },
        tables: tables.collect(),
        uses_now: select.uses_now,
        work,
        ..base
    })
}
