//! Verify → Publish: one root write, dataEpoch + 1, table and index together.

use kube::ResourceExt;
use orrery_archive::catalog::{ChunkSet, Origin, Segment};
use orrery_worker_api::agent::TablePart;

use super::undo;
use super::verify::Verified;
use crate::catalog::edit::Publication;
use crate::ingest::catalog_edit::{CatalogEdit, Obstacle, Publishing, Then};
use crate::ingest::decision::Decision;
use crate::ingest::observe::Observed;
use crate::ingest::state::Attempt;
use crate::ingest::target::Target;

/// Publish: writes the segment into the catalog.
pub fn decide(
    observed: &Observed<'_>,
    target: &Target<'_>,
    attempt: &Attempt,
    verified: &Verified,
) -> Decision {
    let publishing = Publishing {
        target: observed.ingest.spec.target.clone(),
        attempt: attempt.clone(),
        publication: publication(observed, target, attempt, verified),
    };
    CatalogEdit::Publish(Box::new(publishing)).into()
}

/// After the root was not written.
pub fn not_published(observed: &Observed<'_>, attempt: &Attempt, obstacle: &Obstacle) -> Decision {
    match obstacle {
        Obstacle::Outdated => undo::outdated(observed, attempt),
        Obstacle::Refused(why) => undo::give_up(observed, attempt, Then::Fail, why.clone()),
    }
}

fn publication(
    observed: &Observed<'_>,
    target: &Target<'_>,
    attempt: &Attempt,
    verified: &Verified,
) -> Publication {
    let set = |part: TablePart| {
        verified
            .chunks
            .get(&part)
            .cloned()
            .unwrap_or_else(ChunkSet::new)
    };
    let segment = Segment {
        id: attempt.segment,
        attempt: attempt.number,
        schema_version: target.schema_version,
        home: set(TablePart::Home),
        overlap: set(TablePart::Overlap),
        rows: verified.rows,
        bytes: verified.bytes,
        ingest: observed.ingest.name_any(),
        origin: Some(Origin {
            uid: observed.uid.clone(),
            spec: observed.spec.clone(),
        }),
        published: 0,
        revoked: None,
    };
    let index = attempt
        .index
        .zip(target.director())
        .map(|(attempt, director)| {
            let entries = Segment {
                attempt,
                schema_version: 1,
                home: set(TablePart::Index),
                overlap: ChunkSet::new(),
                rows: 0,
                bytes: 0,
                ..segment.clone()
            };
            (director, entries, verified.index_holders.clone())
        });
    Publication {
        table: target.key.clone(),
        incarnation: attempt.incarnation,
        segment,
        holders: verified.holders.clone(),
        index,
    }
}
