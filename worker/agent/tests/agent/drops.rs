//! Drops are held against the catalog copy of the worker itself.

use orrery_archive::catalog::{Catalog, Epochs, Retired, Segment, TableKey};
use orrery_archive::testing;
use orrery_kit_worker::{ARCHIVE_UID, Archive, Worker};

use super::support::{reason, with_archive};
use super::tables::{drop_database, drop_tables, seal_one_row};

/// The worker that is asked to drop.
const WORKER: u32 = 1;

/// A catalog in which child table `Object` of attempt 1 has chunk 1 on `worker`.
pub fn catalog_giving(worker: u32, placement: u64) -> Catalog {
    let segment = Segment {
        attempt: 1,
        ..testing::segment(101, [1])
    };
    let family = testing::family(3, [(1, vec![worker])]);
    Catalog {
        archive_uid: ARCHIVE_UID.into(),
        epochs: Epochs { data: 1, placement },
        ..testing::catalog(family, [("Object", testing::child(7, [segment]))])
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

/// Rows of a deleted table can come back in its grace period.
#[tokio::test]
async fn rows_of_a_deleted_table_are_dropped_only_when_the_workers_own_catalog_lets_them_go() {
    let archive = Archive::new();
    let setup = with_archive(&archive, Worker::start(&archive, WORKER).await);
    seal_one_row(&setup).await;
    let mut catalog = catalog_giving(WORKER, 5);
    let key = TableKey::new("sky", "Object");
    let table = catalog.tables.remove(&key).unwrap();
    let retired = Retired {
        key,
        table,
        since: 1,
        until: Some(60),
        director: None,
    };
    catalog.retired.insert(7, retired);
    let put = async |catalog: &Catalog| {
        let copy = archive.sign(catalog);
        setup.operator.put_catalog(&copy).await.unwrap();
    };
    put(&catalog).await;
    assert_eq!(reason(drop_database(&setup, 9).await), "Conflict");
    catalog.retired.clear();
    catalog.epochs.placement += 1;
    put(&catalog).await;
    let dropped = drop_database(&setup, 9).await.unwrap();
    let chunk = ("sky__7".to_owned(), "Object_1__1".to_owned());
    assert!(dropped.gone.contains(&chunk), "{dropped:?}");
}
