//! Tables are compared with the manifest long after they were sealed.

use mysql_async::prelude::Queryable;
use orrery_agent::scrub;
use orrery_archive::catalog::Epochs;
use orrery_kit_worker::{Archive, TERM, Worker};
use orrery_worker_api::agent::{
    CopyDdl, CopyStatus, ManifestRow, RowState, SetState, StartCopy, TablePart,
};

use super::support::{HOME, OVERLAP, Setup, attempt, part, setup, with_archive};

/// Attempt 1 with two rows, published.
async fn published(setup: &Setup) -> Vec<ManifestRow> {
    setup.open(&attempt(1)).await.unwrap();
    let rows = "1\ta\t1.1\t1\n2\tb\t2.2\t1\n";
    setup.load(1, &part(0), rows).await.unwrap();
    let rows = setup.seal(1).await.unwrap();
    let state = SetState {
        term: TERM,
        epochs: Epochs {
            data: 1,
            placement: 1,
        },
        segments: vec![rows[0].segment],
        state: RowState::Published,
    };
    setup.operator.set_state(&state).await.unwrap();
    rows
}

/// Checks what is due, and answers with the names.
async fn check_all(setup: &Setup) -> Vec<String> {
    let mut checked = Vec::new();
    while let Some(row) = scrub::step(&setup.worker.agent).await.unwrap() {
        checked.push(row.table);
    }
    checked
}

/// As if the last checks were long ago.
async fn later(setup: &Setup) {
    let age = "UPDATE orrery_control.checked SET at = NOW() - INTERVAL 15 DAY";
    setup.sql().await.query_drop(age).await.unwrap();
}

async fn damage(setup: &Setup) {
    let flip = "UPDATE sky__7.Object_1__1 SET mag = 1.2 WHERE id = 1";
    setup.sql().await.query_drop(flip).await.unwrap();
}

async fn damaged(setup: &Setup) -> Vec<(String, String)> {
    let listed = setup.operator.damaged().await.unwrap().tables;
    let words = listed
        .into_iter()
        .map(|found| (found.row.table, found.damage));
    words.collect()
}

#[tokio::test]
async fn each_table_is_checked_once_in_a_while_also_over_a_restart_and_a_changed_value_is_found() {
    let setup = setup().await;
    published(&setup).await;
    let all = ["ObjectFullOverlap_1__1", "Object_1__1", "Object_2__1"];
    let mut checked = check_all(&setup).await;
    checked.sort();
    assert_eq!(checked, all);
    damage(&setup).await;
    assert_eq!(
        check_all(&setup).await,
        [""; 0],
        "nothing is due again so soon"
    );
    assert_eq!(damaged(&setup).await, []);
    later(&setup).await;
    assert_eq!(check_all(&setup).await.len(), 3);
    let found = damaged(&setup).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "Object_1__1");
    assert!(found[0].1.contains("must have 2 rows"), "{}", found[0].1);
}

#[tokio::test]
async fn a_table_that_is_gone_is_damaged_and_one_not_yet_published_is_not_looked_at() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup.seal(1).await.unwrap();
    assert_eq!(check_all(&setup).await, [""; 0]);
    let state = SetState {
        term: TERM,
        epochs: Epochs {
            data: 1,
            placement: 1,
        },
        segments: vec![101],
        state: RowState::Published,
    };
    setup.operator.set_state(&state).await.unwrap();
    let drop = "DROP TABLE sky__7.Object_2__1";
    setup.sql().await.query_drop(drop).await.unwrap();
    check_all(&setup).await;
    let found = damaged(&setup).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].1.contains("missing or damaged"), "{}", found[0].1);
}

async fn copy(
    archive: &Archive,
    source: &Setup,
    target: &Setup,
    rows: &[ManifestRow],
) -> CopyStatus {
    let ddl = |part, create: &str| CopyDdl {
        database: "sky__7".into(),
        part,
        create: create.into(),
    };
    let request = StartCopy {
        term: TERM,
        id: "c".into(),
        source: source.worker.base(),
        tables: archive.ordered((1, 2), rows),
        placement_epoch: 1,
        creates: vec![ddl(TablePart::Home, HOME), ddl(TablePart::Overlap, OVERLAP)],
    };
    target.operator.copy(&request).await.unwrap();
    loop {
        let status = target.operator.copy_status("c").await.unwrap();
        if status.left == 0 || status.error.is_some() {
            return status;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_damaged_table_is_no_source_of_copies_and_is_replaced_by_one() {
    let archive = Archive::new();
    let (good, bad) = tokio::join!(Worker::start(&archive, 1), Worker::start(&archive, 2));
    let (good, bad) = (with_archive(&archive, good), with_archive(&archive, bad));
    let rows = published(&good).await;
    assert_eq!(copy(&archive, &good, &bad, &rows).await.error, None);
    let state = SetState {
        term: TERM,
        epochs: Epochs {
            data: 1,
            placement: 1,
        },
        segments: vec![rows[0].segment],
        state: RowState::Published,
    };
    bad.operator.set_state(&state).await.unwrap();
    damage(&bad).await;
    check_all(&bad).await;
    assert_eq!(damaged(&bad).await.len(), 1);
    let peer = archive.agents_of(1).at(&bad.worker.base()).unwrap();
    let ordered = archive.ordered((2, 1), &rows);
    let order = ordered.iter().find(|one| one.row.table == "Object_1__1");
    let order = &order.unwrap().order;
    let refused = peer.export("sky__7", "Object_1__1", order).await;
    let refused = refused.err().unwrap();
    assert!(refused.to_string().contains("damaged"), "{refused}");

    let status = copy(&archive, &good, &bad, &rows).await;
    assert_eq!(status.error, None);
    assert_eq!(damaged(&bad).await, []);
    let mag = "SELECT COUNT(*) FROM sky__7.Object_1__1 WHERE id = 1 AND mag < 1.15";
    assert_eq!(bad.number(mag).await, 1, "the good row is back");
    drop(peer.export("sky__7", "Object_1__1", order).await.unwrap());
}
