//! What is to be done about damaged tables, pure.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::{Catalog, Family, Segment};
use orrery_archive::names::WorkerId;
use orrery_worker_api::agent::{DamagedTable, ManifestRow, TablePart};

use crate::catalog::edit::Damaged;

/// Damaged tables by worker.
pub type Found = BTreeMap<WorkerId, Vec<DamagedTable>>;

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Copies that are to be read no more and replaced.
    pub mark: Vec<Damaged>,
    /// Copies that are being replaced.
    pub replaced: usize,
    /// What is not replaced, because no good copy serves: by pool, in words.
    pub kept: BTreeMap<String, Vec<String>>,
}

/// Decides. `serving` are workers whose copies can be read.
pub fn plan(catalog: &Catalog, found: &Found, serving: &BTreeSet<WorkerId>) -> Plan {
    let bad: BTreeSet<(WorkerId, Copy)> = each(found)
        .map(|(worker, table)| (worker, copy_of(&table.row)))
        .collect();
    let mut plan = Plan::default();
    for (worker, table) in each(found) {
        let row = &table.row;
        let Some((name, family)) = family_of(catalog, row) else {
            continue;
        };
        let listed = family.placement.get(&row.chunk);
        if !listed.is_some_and(|listed| listed.contains(&worker)) {
            // It is surplus, and goes.
            continue;
        }
        let segment = [row.segment];
        let mut holders = family.holders(row.chunk, &segment);
        if !holders.any(|held| held == worker) {
            plan.replaced += 1;
            continue;
        }
        let good = |other: WorkerId| {
            other != worker && serving.contains(&other) && !bad.contains(&(other, copy_of(row)))
        };
        if family.holders(row.chunk, &segment).any(good) {
            plan.mark.push(Damaged {
                family: name.to_owned(),
                chunk: row.chunk,
                segment: row.segment,
                worker,
            });
        } else {
            let words = format!(
                "{}.{} on worker {worker}: {}",
                row.database, row.table, table.damage
            );
            plan.kept
                .entry(family.pool.clone())
                .or_default()
                .push(words);
        }
    }
    plan.mark.sort();
    plan.mark.dedup();
    plan
}

fn each(found: &Found) -> impl Iterator<Item = (WorkerId, &DamagedTable)> {
    let by_worker = found.iter().map(|(worker, tables)| (*worker, tables));
    by_worker.flat_map(|(worker, tables)| tables.iter().map(move |table| (worker, table)))
}

/// What every copy of a table has in common: database, name and segment.
type Copy = (String, String, u64);

fn copy_of(row: &ManifestRow) -> Copy {
    (row.database.clone(), row.table.clone(), row.segment)
}

/// The family of a table's chunk; none when the catalog does not have its rows, and for reference
/// tables, which are in none.
fn family_of<'a>(catalog: &'a Catalog, row: &ManifestRow) -> Option<(&'a str, &'a Family)> {
    let has = |segments: &[Segment]| segments.iter().any(|segment| segment.id == row.segment);
    let name = catalog.kept().find_map(|(_, table)| match row.part {
        TablePart::Index => {
            let index = table.kind.index()?;
            let own = index.incarnation == row.incarnation;
            let known = has(&index.segments) || has(&index.revoked);
            (own && known).then_some(index.family.as_str())
        }
        TablePart::Home | TablePart::Overlap => {
            let own = table.incarnation == row.incarnation;
            let known = has(&table.segments) || has(&table.revoked);
            let family = table.kind.chunked()?.family.as_str();
            (own && known).then_some(family)
        }
        TablePart::Reference => None,
    })?;
    let (name, family) = catalog.families.get_key_value(name)?;
    Some((name, family))
}

#[cfg(test)]
mod tests {
    use orrery_archive::testing;
    use orrery_worker_api::agent::RowState;

    use super::*;
    use crate::catalog::edit;

    /// A table with segment 5 in chunk 1 on these workers.
    fn placed(workers: &[WorkerId]) -> Catalog {
        let family = testing::family(3, [(1, workers.to_vec())]);
        let table = testing::child(10, [testing::segment(5, [1])]);
        testing::catalog(family, [("Source", table)])
    }

    fn table(part: TablePart, segment: u64) -> DamagedTable {
        let row = ManifestRow {
            database: "sky__10".into(),
            table: "Object_1__5".into(),
            incarnation: 10,
            segment,
            attempt: 5,
            chunk: 1,
            part,
            schema_version: 1,
            rows: 1,
            bytes: 1,
            checksum: "a".into(),
            state: RowState::Published,
            epoch: 1,
        };
        let damage = "0 rows".into();
        DamagedTable { row, damage }
    }

    fn found(workers: &[WorkerId]) -> Found {
        let one = |worker: &WorkerId| (*worker, vec![table(TablePart::Home, 5)]);
        workers.iter().map(one).collect()
    }

    fn marked(worker: WorkerId) -> Damaged {
        let family = "f".to_owned();
        Damaged {
            family,
            chunk: 1,
            segment: 5,
            worker,
        }
    }

    #[test]
    fn a_damaged_copy_is_replaced_while_a_good_one_serves() {
        let catalog = placed(&[1, 2]);
        let plan_of = |found: &Found, serving: &[WorkerId]| {
            plan(&catalog, found, &serving.iter().copied().collect())
        };
        assert_eq!(plan_of(&found(&[1]), &[1, 2]).mark, [marked(1)]);
        for (bad, serving, why) in [
            (&[1][..], &[1][..], "the other does not serve"),
            (&[1, 2], &[1, 2], "both are damaged"),
        ] {
            let plan = plan_of(&found(bad), serving);
            assert_eq!(plan.mark, [], "{why}");
            assert_eq!(plan.kept["main"].len(), bad.len(), "{why}");
        }
        let words = &plan_of(&found(&[1]), &[1]).kept["main"][0];
        assert_eq!(words, "sky__10.Object_1__5 on worker 1: 0 rows");
    }

    #[test]
    fn what_is_being_replaced_is_surplus_or_unknown_is_left_alone() {
        let serving: BTreeSet<WorkerId> = [1, 2, 3].into();
        let catalog = placed(&[1, 2]);
        let surplus = plan(&catalog, &found(&[3]), &serving);
        assert_eq!(surplus, Plan::default());
        let behind = edit::damaged(&catalog, &[marked(1)]).unwrap().unwrap();
        let replaced = plan(&behind, &found(&[1]), &serving);
        assert_eq!((replaced.replaced, replaced.mark.len()), (1, 0));
        for table in [table(TablePart::Home, 99), table(TablePart::Reference, 5)] {
            let unknown = Found::from([(1, vec![table])]);
            assert_eq!(plan(&catalog, &unknown, &serving), Plan::default());
        }
    }
}
