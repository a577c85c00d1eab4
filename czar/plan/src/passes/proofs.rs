//! Which proof that the tables' rows meet within chunks is used.

use orrery_archive::catalog::Catalog;

use super::joins::{self, Joins};
use super::prune::{self, AreaPredicate};
use crate::error::PlanError;
use crate::plan::tables::ChunkSelection;
use crate::query::select::Select;

/// How the tables meet, and in which chunks: of several proofs the first that leaves chunks out.
pub(super) fn narrowest(
    select: &Select<'_>,
    areas: &[AreaPredicate],
    catalog: &Catalog,
) -> Result<(Joins, ChunkSelection), PlanError> {
    let mut first = None;
    for joins in joins::analyse(select, catalog)? {
        let selection = prune::prune(select, &joins, areas, catalog)?;
        if selection.area.is_some() || selection.lookup.is_some() {
            return Ok((joins, selection));
        }
        first = first.or(Some((joins, selection)));
    }
    first.ok_or_else(|| PlanError::Unproven {
        reason: "no table's chunks are read".into(),
    })
}
