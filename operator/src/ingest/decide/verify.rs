//! The comparison of replicas after sealing, pure: what was counted on each worker against the
//! others and against the survey.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::ChunkSet;
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_worker_api::agent::{ManifestRow, TablePart};
use orrery_worker_api::loader::Surveyed;

use crate::catalog::edit::Holders;
use crate::ingest::staging::Plan;

/// Sealed rows by worker; workers that could not be sealed are not in it.
pub type Counted = BTreeMap<WorkerId, Vec<ManifestRow>>;

/// What is wanted of each table.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Rows per table.
    pub rows: BTreeMap<(TablePart, ChunkId), u64>,
    /// Verified copies each table needs.
    pub minimum: usize,
}

/// A verified attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Chunks with a table of the part.
    pub chunks: BTreeMap<TablePart, ChunkSet>,
    /// Workers that hold the rows of each chunk, home and overlap.
    pub holders: Holders,
    /// Workers that hold the entries of each hash chunk of the index.
    pub index_holders: Holders,
    /// Rows over all home (or reference) tables.
    pub rows: u64,
    /// Bytes of one copy.
    pub bytes: u64,
}

/// What is wanted of the tables of a plan, by the survey.
pub fn expected(surveyed: &Surveyed, plan: &Plan) -> Expected {
    let home = if plan.reference {
        TablePart::Reference
    } else {
        TablePart::Home
    };
    let mut rows = BTreeMap::new();
    for (chunk, counts) in &surveyed.chunks {
        rows.extend((counts.rows > 0 || plan.reference).then_some(((home, *chunk), counts.rows)));
        rows.extend(
            (counts.overlap_rows > 0)
                .then_some(((TablePart::Overlap, *chunk), counts.overlap_rows)),
        );
    }
    if plan.reference {
        rows.entry((TablePart::Reference, 0)).or_insert(0);
    }
    let index = surveyed.index_chunks.iter();
    rows.extend(index.map(|(chunk, entries)| ((TablePart::Index, *chunk), *entries)));
    Expected {
        rows,
        minimum: plan.minimum,
    }
}

/// Compares; the error says which table lacks what.
pub fn verify(expected: &Expected, counted: &Counted) -> Result<Verified, String> {
    let found: BTreeMap<(TablePart, ChunkId), Vec<(WorkerId, &ManifestRow)>> =
        counted
            .iter()
            .fold(BTreeMap::new(), |mut found, (worker, rows)| {
                for row in rows {
                    found
                        .entry((row.part, row.chunk))
                        .or_insert_with(Vec::new)
                        .push((*worker, row));
                }
                found
            });
    let mut verified = Verified::default();
    for (table, rows) in &expected.rows {
        let copies = found.get(table).map_or(&[][..], Vec::as_slice);
        let good = agreeing(*table, *rows, copies)?;
        let minimum = expected.minimum;
        if good.len() < minimum {
            return Err(format!(
                "{:?} table of chunk {} has {} verified copies, {minimum} are needed",
                table.0,
                table.1,
                good.len()
            ));
        }
        note(&mut verified, *table, &good);
        if let Some((_, row)) = copies.iter().find(|(worker, _)| good.contains(worker)) {
            verified.bytes += row.bytes;
        }
        if matches!(table.0, TablePart::Home | TablePart::Reference) {
            verified.rows += rows;
        }
    }
    Ok(verified)
}

/// Workers whose copy has the surveyed rows; copies that differ among each other are an error
/// whatever their number.
fn agreeing(
    table: (TablePart, ChunkId),
    rows: u64,
    copies: &[(WorkerId, &ManifestRow)],
) -> Result<BTreeSet<WorkerId>, String> {
    let complete: Vec<_> = copies.iter().filter(|(_, row)| row.rows == rows).collect();
    if let [(first, expected), rest @ ..] = complete.as_slice()
        && let Some((other, _)) = rest.iter().find(|(_, row)| !row.same_rows(expected))
    {
        return Err(format!(
            "{:?} tables of chunk {} differ between worker {first} and worker {other}",
            table.0, table.1
        ));
    }
    Ok(complete.into_iter().map(|(worker, _)| *worker).collect())
}

/// A worker holds a chunk when it holds every table of it.
fn note(verified: &mut Verified, table: (TablePart, ChunkId), good: &BTreeSet<WorkerId>) {
    let (part, chunk) = table;
    verified.chunks.entry(part).or_default().insert(chunk);
    let holders = if part == TablePart::Index {
        &mut verified.index_holders
    } else {
        &mut verified.holders
    };
    holders
        .entry(chunk)
        .and_modify(|holders| holders.retain(|worker| good.contains(worker)))
        .or_insert_with(|| good.clone());
}

#[cfg(test)]
mod tests {
    use orrery_worker_api::agent::RowState;

    use super::*;

    fn row(chunk: ChunkId, rows: u64, checksum: &str) -> ManifestRow {
        ManifestRow {
            database: "d".into(),
            table: format!("t{chunk}"),
            incarnation: 1,
            segment: 1,
            attempt: 1,
            chunk,
            part: TablePart::Home,
            schema_version: 1,
            rows,
            bytes: 10,
            checksum: checksum.into(),
            state: RowState::Sealed,
            epoch: 0,
        }
    }

    fn expected(minimum: usize) -> Expected {
        Expected {
            rows: BTreeMap::from([((TablePart::Home, 5), 7)]),
            minimum,
        }
    }

    #[test]
    fn a_worker_without_the_rows_does_not_hold_them_and_the_minimum_must() {
        let counted = Counted::from([
            (1, vec![row(5, 7, "a")]),
            (2, vec![row(5, 7, "a")]),
            (3, vec![row(5, 6, "b")]),
        ]);
        let verified = verify(&expected(2), &counted).unwrap();
        assert_eq!(verified.holders, Holders::from([(5, [1, 2].into())]));
        assert_eq!(verified.rows, 7);
        assert!(
            verify(&expected(3), &counted)
                .unwrap_err()
                .contains("2 verified copies, 3 are needed")
        );
    }

    /// Replicas must agree (docs/design/ingest.md#verification).
    #[test]
    fn replicas_that_differ_are_refused_even_with_the_right_count() {
        let counted = Counted::from([(1, vec![row(5, 7, "a")]), (2, vec![row(5, 7, "b")])]);
        assert!(
            verify(&expected(1), &counted)
                .unwrap_err()
                .contains("differ between worker 1 and worker 2")
        );
    }

    #[test]
    fn a_worker_that_has_only_the_home_rows_does_not_hold_the_chunk() {
        let mut expected = expected(1);
        expected.rows.insert((TablePart::Overlap, 5), 7);
        let overlap = ManifestRow {
            part: TablePart::Overlap,
            ..row(5, 7, "o")
        };
        let counted = Counted::from([
            (1, vec![row(5, 7, "a")]),
            (2, vec![row(5, 7, "a"), overlap]),
        ]);
        let verified = verify(&expected, &counted).unwrap();
        assert_eq!(verified.holders, Holders::from([(5, [2].into())]));
    }

    #[test]
    fn bytes_are_those_of_a_copy_with_the_rows() {
        let of = |rows, bytes| ManifestRow {
            bytes,
            ..row(5, rows, "a")
        };
        let counted = Counted::from([(1, vec![of(6, 8)]), (2, vec![of(7, 10)])]);
        assert_eq!(verify(&expected(1), &counted).unwrap().bytes, 10);
    }

    #[test]
    fn a_table_that_no_worker_has_is_missed() {
        assert!(verify(&expected(1), &Counted::new()).is_err());
    }
}
