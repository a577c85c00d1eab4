//! The passes, in the order in which they run: guard → parse → resolve → joins → prune → split →
//! verify.

mod calls;
mod joins;
mod prune;
mod resolve;
mod route;
mod split;
mod verify;

use orrery_archive::catalog::Catalog;

use crate::error::{GuardError, PlanError, refused};
use crate::plan::tables::TableUse;
use crate::plan::{Class, Plan, Work};
use crate::text::guard::{Guarded, guard};
use crate::text::lex;
use crate::text::statement::{MAX_TOKENS, do_as_select, reads_tables};

/// Chunks up to which a statement without a key counts as interactive.
const INTERACTIVE_CHUNKS: usize = 16;

/// Most bytes of text in the statement of a chunk, its own keys apart. Many run at once, and a
/// worker takes about 30 times as much memory for each.
const MOST_TEXT: usize = 512 << 10;

/// Plans a SELECT (or WITH) against a catalog. `database` is the session's default database.
pub fn plan(sql: &str, catalog: &Catalog, database: Option<&str>) -> Result<Plan, PlanError> {
    if let Some(select) = do_as_select(sql) {
        return plan_do(sql, &select, catalog, database);
    }
    let guarded = guard(sql)?;
    calls::check_forbidden(&guarded.tokens)?;
    let base = Plan {
        data_epoch: catalog.epochs.data,
        class: Class::Interactive,
        tables: Vec::new(),
        metadata_sql: route::without_areas(sql, &guarded.tokens),
        uses_now: route::may_use_now(&guarded.tokens),
        work: Work::Shadow,
    };
    match route::route(&guarded, catalog, database)? {
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

/// DO computes what SELECT would, and shows nothing.
fn plan_do(
    sql: &str,
    select: &str,
    catalog: &Catalog,
    database: Option<&str>,
) -> Result<Plan, PlanError> {
    let plan = plan(select, catalog, database)?;
    match plan.work {
        Work::Shadow => Ok(Plan {
            metadata_sql: sql.to_owned(),
            ..plan
        }),
        _ => Err(refused("DO over tables", "write SELECT")),
    }
}

/// Checks a SHOW or DESCRIBE, which the shadow server runs as it is written: it may compute, and
/// reads nothing but what it shows.
pub fn check_listing(sql: &str) -> Result<(), PlanError> {
    let tokens = lex::tokens(sql, MAX_TOKENS).map_err(GuardError::Lex)?;
    if tokens.iter().any(|token| token.is_word("SELECT")) {
        let hint = "query information_schema, and your tables in a statement of their own";
        return Err(refused("SELECT inside SHOW", hint));
    }
    calls::check_forbidden(&tokens)?;
    calls::check(&tokens, None, calls::Runs::Shadow)
}

fn plan_chunks(
    base: Plan,
    guarded: &Guarded<'_>,
    catalog: &Catalog,
    database: Option<&str>,
) -> Result<Plan, PlanError> {
    let mut select = resolve::resolve(&guarded.query, catalog, database)?;
    let areas = prune::predicates(&select)?;
    let joins = joins::analyse(&select, catalog)?;
    let selection = prune::prune(&select, &joins, &areas, catalog)?;
    prune::share_keys(&mut select, &joins, catalog)?;
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
    let (work, exchange) = split::split(&select, predicates, &joins.equalities, selection)?;
    verify::verify(&select, &joins, &exchange)?;
    check_length(&work)?;
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
