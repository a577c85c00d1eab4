//! Copies that hold other rows than they should.

use orrery_archive::catalog::{Behind, Catalog};
use orrery_archive::names::{ChunkId, WorkerId};

use super::error::EditError;

/// A worker's copy of one segment of a chunk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damaged {
    /// Family.
    pub family: String,
    /// Chunk.
    pub chunk: ChunkId,
    /// Segment.
    pub segment: u64,
    /// Worker.
    pub worker: WorkerId,
}

/// Has damaged copies read no more: their workers are behind for them, so that they get new ones.
/// `None` when it is so already. Refused as a whole when one is the last copy.
pub fn damaged(catalog: &Catalog, copies: &[Damaged]) -> Result<Option<Catalog>, EditError> {
    let mut next = catalog.clone();
    for copy in copies {
        mark(&mut next, copy)?;
    }
    if next == *catalog {
        return Ok(None);
    }
    next.epochs.placement += 1;
    Ok(Some(next))
}

fn mark(next: &mut Catalog, copy: &Damaged) -> Result<(), EditError> {
    let Damaged {
        chunk,
        segment,
        worker,
        ..
    } = *copy;
    let family = next.families.get_mut(&copy.family);
    let family = family.ok_or_else(|| EditError::NoFamily(copy.family.clone()))?;
    let listed = family.placement.get(&chunk);
    if !listed.is_some_and(|listed| listed.contains(&worker)) {
        return Ok(());
    }
    if family.holders(chunk, &[segment]).all(|held| held == worker) {
        return Err(EditError::LastCopy {
            family: copy.family.clone(),
            chunk,
            worker,
        });
    }
    let own = |behind: &&mut Behind| (behind.worker, behind.segment) == (worker, segment);
    match family.behind.iter_mut().find(own) {
        Some(behind) => {
            behind.chunks.insert(chunk);
        }
        None => family.behind.push(Behind {
            worker,
            segment,
            chunks: [chunk].into(),
        }),
    }
    family.behind.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use orrery_archive::testing;

    use super::*;

    fn copy(chunk: ChunkId, segment: u64, worker: WorkerId) -> Damaged {
        let family = "f".to_owned();
        Damaged {
            family,
            chunk,
            segment,
            worker,
        }
    }

    fn placed() -> Catalog {
        testing::catalog(testing::family(3, [(1, vec![1, 2]), (2, vec![1, 2])]), [])
    }

    #[test]
    fn a_damaged_copy_is_read_no_more_and_the_last_one_is_never_marked() {
        let before = placed();
        let marked = damaged(&before, &[copy(1, 5, 1), copy(2, 5, 1)]);
        let marked = marked.unwrap().unwrap();
        let family = &marked.families["f"];
        assert_eq!(family.holders(1, &[5]).collect::<Vec<_>>(), [2]);
        assert_eq!(family.holders(1, &[6]).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(marked.epochs.placement, before.epochs.placement + 1);
        assert_eq!(damaged(&marked, &[copy(1, 5, 1)]), Ok(None));
        let last = damaged(&marked, &[copy(1, 5, 2)]);
        assert!(
            matches!(last, Err(EditError::LastCopy { worker: 2, .. })),
            "{last:?}"
        );
        let elsewhere = damaged(&before, &[copy(1, 5, 9)]);
        assert_eq!(elsewhere, Ok(None), "it is not listed there");
    }
}
