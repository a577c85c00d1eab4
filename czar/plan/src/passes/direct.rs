//! The plan by which the servers that hold the rows compute an answer: parsed, resolved, pruned,
//! split and verified; or an error that says what stands in the way.

use orrery_archive::catalog::Catalog;

use super::proofs::narrowest;
use super::{calls, derived, distinct, near, prune, resolve, route, split, verify};
use crate::error::{PlanError, refused};
use crate::plan::tables::TableUse;
use crate::plan::{Class, Plan, Work};
use crate::text::guard::{Guarded, guard, parse};
use crate::text::lex::Token;
use crate::text::statement::reads_tables;

/// Chunks up to which a statement without a key counts as interactive.
const INTERACTIVE_CHUNKS: usize = 16;

/// Most bytes of text in the statement of a chunk, its own keys apart. Many run at once, and a
/// worker takes about 30 times as much memory for each.
const MOST_TEXT: usize = 512 << 10;

/// What every plan of a statement has.
pub(super) fn base(sql: &str, tokens: &[Token<'_>], catalog: &Catalog) -> Plan {
    Plan {
        data_epoch: catalog.epochs.data,
        class: Class::Interactive,
        tables: Vec::new(),
        metadata_sql: route::without_areas(sql, tokens),
        uses_now: route::may_use_now(tokens),
        work: Work::Shadow,
    }
}

/// The plan of a statement, or the shadow server's when no table is read.
pub(super) fn direct(
    base: Plan,
    sql: &str,
    guarded: &Guarded<'_>,
    catalog: &Catalog,
    database: Option<&str>,
) -> Result<Plan, PlanError> {
    match route::route(guarded, catalog, database)? {
        route::Route::Shadow => {
            let runs = if reads_tables(sql, &guarded.tokens) {
                calls::Runs::Shadow
            } else {
                calls::Runs::ShadowAlone
            };
            calls::check(&guarded.tokens, Some(&guarded.query), runs)?;
            Ok(base)
        }
        route::Route::Whole(relations) => {
            calls::check(&guarded.tokens, Some(&guarded.query), calls::Runs::Worker)?;
            let (template, tables) = route::whole(sql, guarded, &relations)?;
            Ok(Plan {
                tables,
                work: Work::AnyWorker(template),
                ..base
            })
        }
        route::Route::Chunks => plan_chunks(base, guarded, catalog, database),
    }
}

/// The plan of a statement that fetches the rows of one table.
pub(super) fn scan(sql: &str, catalog: &Catalog) -> Result<Plan, PlanError> {
    let guarded = parse(guard(sql)?).map_err(|unread| unread.error)?;
    direct(
        base(sql, &guarded.tokens, catalog),
        sql,
        &guarded,
        catalog,
        None,
    )
}

fn plan_chunks(
    base: Plan,
    guarded: &Guarded<'_>,
    catalog: &Catalog,
    database: Option<&str>,
) -> Result<Plan, PlanError> {
    let queries = derived::find(&guarded.query, catalog, database)?;
    let mut select = resolve::resolve(&guarded.query, &queries.derived, catalog, database)?;
    derived::check_steady(&select)?;
    distinct::leave_out(&mut select);
    let areas = prune::predicates(&select)?;
    let (joins, selection) = narrowest(&select, &areas, catalog)?;
    let selection = queries.narrow(selection)?;
    prune::share_keys(&mut select, &joins, catalog)?;
    near::meet(&mut select, joins.neighbours.clone());
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
    let (work, exchange) = split::split(&select, predicates, &joins, selection)?;
    verify::verify(&select, &joins, &exchange)?;
    for (query, joins) in queries.proven() {
        verify::verify_derived(query, joins)?;
    }
    check_length(&work)?;
    let tables = select.stored_tables();
    let tables = tables.into_iter().map(|table| TableUse {
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

/// Refuses a statement that each chunk would have to be sent with all its text.
fn check_length(work: &Work) -> Result<(), PlanError> {
    let Work::Chunks(work) = work else {
        return Ok(());
    };
    let bytes = work.template.text_bytes();
    if bytes <= MOST_TEXT {
        return Ok(());
    }
    Err(refused(
        format!("a statement of {bytes} bytes for each chunk"),
        format!(
            "at most {MOST_TEXT} are sent; a list of the director's keys does not count where it is a term of WHERE: AND key IN (…)"
        ),
    ))
}
