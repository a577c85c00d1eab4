//! The passes, in the order in which they run: guard → parse → resolve → joins → prune → split →
//! verify; where one of them says that the chunks cannot compute the answer, gather.

mod calls;
mod derived;
mod direct;
mod distinct;
mod gather;
mod joins;
mod near;
mod proofs;
mod prune;
mod resolve;
mod route;
mod split;
mod verify;

use orrery_archive::catalog::Catalog;

use crate::error::{GuardError, PlanError, refused};
use crate::plan::{Plan, Work};
use crate::text::guard::{Unread, guard, parse};
use crate::text::lex;
use crate::text::statement::{MAX_TOKENS, do_as_select};
use direct::{base, direct};
use gather::gather;
use gather::tables::Text;

/// Which plans may be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Way {
    /// The chunks compute what they provably can; tables are gathered for the rest.
    #[default]
    Planned,
    /// Tables are gathered for every statement that reads some.
    Gathered,
}

/// Plans a SELECT (or WITH) against a catalog. `database` is the session's default database.
pub fn plan(sql: &str, catalog: &Catalog, database: Option<&str>) -> Result<Plan, PlanError> {
    plan_by(Way::Planned, sql, catalog, database)
}

/// Plans as [`plan`] does, in a way of the caller's choice.
pub fn plan_by(
    way: Way,
    sql: &str,
    catalog: &Catalog,
    database: Option<&str>,
) -> Result<Plan, PlanError> {
    if let Some(select) = do_as_select(sql) {
        return plan_do(sql, &select, catalog, database);
    }
    let tokens = guard(sql)?;
    calls::check_forbidden(&tokens)?;
    let base = base(sql, &tokens, catalog);
    let gathered = |base, tokens, query, reason| {
        gather(base, &Text { tokens, query }, reason, catalog, database)
    };
    let guarded = match parse(tokens) {
        Ok(guarded) => guarded,
        Err(Unread { tokens, error }) => {
            return gathered(base, &tokens, None, Some(error.into()));
        }
    };
    let (tokens, query) = (&guarded.tokens, Some(&*guarded.query));
    match direct(base.clone(), sql, &guarded, catalog, database) {
        Ok(plan) if way == Way::Gathered && plan.work != Work::Shadow => {
            gathered(base, tokens, query, None)
        }
        Err(reason) if reason.is_about_chunks() => gathered(base, tokens, query, Some(reason)),
        outcome => outcome,
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

/// The text that the shadow server prepares in place of a statement: it does not know
/// `qserv_areaspec_*`, whose calls, placeholders and all, become a truth. A text that cannot be read
/// stays as it is, and the server says what is wrong with it.
pub fn preparable(sql: &str) -> String {
    match lex::tokens(sql, MAX_TOKENS) {
        Ok(tokens) => route::without_areas(sql, &tokens),
        Err(_) => sql.to_owned(),
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
