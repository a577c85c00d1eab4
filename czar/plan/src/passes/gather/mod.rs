//! Gather: a statement that the chunks cannot compute runs as it is written on the shadow server,
//! over temporary tables with the rows of its tables.
//!
//! Keeps true: every table whose name the text holds is fetched, whatever the parser makes of the
//! text, with every column whose name it holds; a table that were missed cannot be read there, so
//! that it is an error and never an empty table. Rows are left out only where a WHERE provably
//! leaves them out of every answer. Functions are those of one list at every depth.

mod filters;
pub(super) mod tables;

use std::collections::BTreeSet;
use std::sync::Arc;

use orrery_archive::catalog::Catalog;
use orrery_archive::sql_type::SqlType;
use orrery_archive::table::ddl::{self, quote_identifier};

use super::{calls, direct, route};
use crate::error::{PlanError, PruneError, refused};
use crate::plan::{Class, Gather, Plan, Scan, Work};
use crate::query::functions::is_area_name;
use crate::text::lex::Token;
use crate::text::statement::quoting::unquoted;
use filters::Filters;
use tables::{Fetched, Text};

/// Plans the gather of a statement that is not computed in the chunks for this reason.
pub(super) fn gather(
    base: Plan,
    text: &Text<'_>,
    reason: Option<PlanError>,
    catalog: &Catalog,
    database: Option<&str>,
) -> Result<Plan, PlanError> {
    let tables = tables::named(text, catalog, database);
    if let (true, Some(reason)) = (tables.is_empty(), reason.clone()) {
        return Err(reason);
    }
    check(text, database)?;
    let filters = Filters::of(text.query, &tables, catalog, database);
    let areas = calls_of_areas(text.tokens);
    if let Some(function) = areas.first()
        && areas.len() != filters.areas()
    {
        return Err(PruneError::NotGathered {
            function: function.clone(),
        }
        .into());
    }
    let scans = tables
        .iter()
        .map(|table| scan(table, filters.of_table(table.key), catalog))
        .collect::<Result<Vec<Scan>, _>>()?;
    let is_scan = scans.iter().any(|scan| scan.plan.class == Class::Scan);
    Ok(Plan {
        class: if is_scan {
            Class::Scan
        } else {
            Class::Interactive
        },
        work: Work::Gather(Gather { reason, scans }),
        ..base
    })
}

/// Refuses what must not run on a server that serves others as well, or would show what is not the
/// user's.
fn check(text: &Text<'_>, database: Option<&str>) -> Result<(), PlanError> {
    calls::check(text.tokens, text.query, calls::Runs::Gather)?;
    let names_system = text
        .tokens
        .windows(2)
        .any(|pair| matches!(pair, [name, point] if point.is_symbol(".") && route::is_system(&unquoted(name))));
    if names_system || database.is_some_and(route::is_system) {
        return Err(route::with_system_tables());
    }
    for pair in text.tokens.windows(2) {
        let [first, second] = pair else { continue };
        if first.is_word("FOR") && (second.is_word("UPDATE") || second.is_word("SHARE")) {
            return Err(refused(
                "FOR UPDATE and LOCK IN SHARE MODE",
                "leave it out: rows never change under a reader",
            ));
        }
    }
    if let Some(token) = text
        .tokens
        .iter()
        .find(|token| token.is_word("SQL_CALC_FOUND_ROWS"))
    {
        return Err(refused(
            token.text,
            "run SELECT COUNT(*) with the same WHERE",
        ));
    }
    Ok(())
}

/// Spatial restrictions of the text, by their names.
fn calls_of_areas(tokens: &[Token<'_>]) -> Vec<String> {
    let called = tokens.windows(2).filter_map(|pair| match pair {
        [name, open] if open.is_symbol("(") => Some(unquoted(name)),
        _ => None,
    });
    called
        .filter(|name| is_area_name(name))
        .map(|name| name.to_ascii_lowercase())
        .collect()
}

/// How a table is fetched.
fn scan(
    table: &Fetched<'_>,
    filter: filters::Filter,
    catalog: &Catalog,
) -> Result<Scan, PlanError> {
    let columns = table.columns();
    let name = quote_identifier(&table.key.table);
    let items: Vec<String> = columns
        .iter()
        .map(|column| item(&name, column, table.type_of(column).as_ref()))
        .collect();
    let all = format!(
        "SELECT {} FROM {}.{name}",
        items.join(", "),
        quote_identifier(&table.key.database)
    );
    let restricted = |filter: &str| direct::scan(&format!("{all} WHERE {filter}"), catalog);
    let (plan, filter) = match filter {
        filters::Filter::All => (direct::scan(&all, catalog)?, None),
        // Part of the answer: no other rows will do.
        filters::Filter::Area(filter) => (restricted(&filter)?, Some(filter)),
        filters::Filter::Rows(filter) => match restricted(&filter) {
            Ok(plan) => (plan, Some(filter)),
            Err(_) => (direct::scan(&all, catalog)?, None),
        },
    };
    let wanted: BTreeSet<&str> = columns.iter().map(String::as_str).collect();
    Ok(Scan {
        key: table.key.clone(),
        definition: ddl::temporary(&table.table.kind, &|name| wanted.contains(name)),
        least_row: columns
            .iter()
            .map(|column| least_bytes(table.type_of(column).as_ref()))
            .sum(),
        filter,
        plan: Arc::new(plan),
        columns,
    })
}

/// A column so that its text holds all of its value: that of FLOAT has six digits, that of a DOUBLE
/// with fixed decimals no more than these.
fn item(table: &str, column: &str, kind: Option<&SqlType>) -> String {
    let column = quote_identifier(column);
    match kind {
        Some(
            SqlType::Float { .. }
            | SqlType::Double {
                digits: Some(_), ..
            },
        ) => {
            format!("CAST({table}.{column} AS DOUBLE)")
        }
        _ => format!("{table}.{column}"),
    }
}

/// Fewest bytes of a value in a row of text, its length included. NULL takes one.
fn least_bytes(kind: Option<&SqlType>) -> u64 {
    match kind {
        Some(SqlType::Integer { .. } | SqlType::Decimal { .. } | SqlType::Double { .. }) => 2,
        _ => 1,
    }
}
