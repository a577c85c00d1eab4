//! Drops are held against the catalog copy of the worker itself.

use std::collections::BTreeMap;

use orrery_archive::catalog::{
    Catalog, Epochs, Family, FamilyGrid, Segment, Table, TableKey, TableKind,
};
use orrery_archive::replicas::FamilyReplicas;
use orrery_archive::table::DeletionPolicy;
use orrery_kit_worker::{ARCHIVE_UID, Archive, Worker};

use super::support::{reason, with_archive};
use super::tables::{drop_database, drop_tables, seal_one_row};

/// The worker that is asked to drop.
const WORKER: u32 = 1;

/// A catalog in which child table `Object` of attempt 1 has chunk 1 on `worker`.
pub fn catalog_giving(worker: u32, placement: u64) -> Catalog {
    let accepted = serde_json::from_value(serde_json::json!({
        "family": "f", "key": "id", "position": null, "columns": [], "indexes": [], "uniqueKey": "enforced",
        "charset": "utf8mb4", "collation": "utf8mb4_bin", "scanRating": 1, "qservCompat": false,
    }));
    let segment = Segment {
        id: 101,
        attempt: 1,
        schema_version: 1,
        home: [1].into(),
        overlap: [].into(),
        rows: 1,
        bytes: 1,
        ingest: "i".into(),
        published: 1,
        revoked: None,
    };
    let table = Table {
        incarnation: 7,
        schema_version: 1,
        kind: TableKind::Child(accepted.unwrap(), "Director".into()),
        segments: vec![segment],
        revoked: Vec::new(),
        on_deletion: DeletionPolicy::Retain,
    };
    let family = Family {
        placement: BTreeMap::from([(1, vec![worker])]),
        ..Family::new(
            1,
            "p",
            FamilyReplicas::default(),
            FamilyGrid::Hash { chunks: 4 },
        )
    };
    Catalog {
        archive_uid: ARCHIVE_UID.into(),
        epochs: Epochs { data: 1, placement },
        families: BTreeMap::from([("f".to_owned(), family)]),
        tables: BTreeMap::from([(TableKey::new("sky", "Object"), table)]),
        ..Catalog::default()
    }
}

/// Whatever a caller says: a drop that the newest catalog seen here contradicts is refused.
#[tokio::test]
async fn what_the_workers_own_catalog_gives_it_is_not_dropped() {
    let archive = Archive::new();
    let setup = with_archive(&archive, Worker::start(&archive, WORKER).await);
    seal_one_row(&setup).await;
    let give = async |worker, placement| {
        let copy = archive.sign(&catalog_giving(worker, placement));
        setup.operator.put_catalog(&copy).await.unwrap();
    };
    give(WORKER, 5).await;
    let refused = drop_tables(&setup, 9, &["Object_1__1"]).await;
    assert_eq!(reason(refused), "Conflict");
    assert_eq!(reason(drop_database(&setup, 9).await), "Conflict");
    give(WORKER + 1, 6).await;
    let dropped = drop_tables(&setup, 9, &["Object_1__1"]).await.unwrap();
    assert_eq!(dropped.gone.len(), 1);
}
