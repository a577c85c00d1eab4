//! Sealed tables are counted and summed so that any difference shows.

use mysql_async::prelude::Queryable;
use orrery_agent::tables::checksum;
use orrery_worker_api::agent::{PageQuery, RowState};

use super::support::{Setup, attempt, part, reason, refusal, setup};

async fn contents(setup: &Setup, create: &str, rows: &[&str]) -> checksum::Contents {
    let mut conn = setup.worker.agent.db.session().await.unwrap();
    conn.query_drop("CREATE DATABASE IF NOT EXISTS sums")
        .await
        .unwrap();
    conn.query_drop(format!("CREATE OR REPLACE TABLE sums.t {create}"))
        .await
        .unwrap();
    for row in rows {
        conn.query_drop(format!("INSERT INTO sums.t VALUES ({row})"))
            .await
            .unwrap();
    }
    checksum::of(&mut conn, "sums", "t").await.unwrap()
}

#[tokio::test]
async fn the_checksum_distinguishes_rows_that_checksum_table_confuses() {
    let setup = setup().await;
    let texts = "(a VARCHAR(9), b VARCHAR(9)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";
    let ab_c = contents(&setup, texts, &["'ab', 'c'"]).await;
    let a_bc = contents(&setup, texts, &["'a', 'bc'"]).await;
    let first =
        |contents: &checksum::Contents| contents.checksum.split(':').next().unwrap().to_owned();
    assert_eq!(
        first(&ab_c),
        first(&a_bc),
        "CHECKSUM TABLE is expected to confuse these"
    );
    assert_ne!(ab_c.checksum, a_bc.checksum);
}

#[tokio::test]
async fn the_checksum_ignores_order_and_sees_every_change() {
    let setup = setup().await;
    let create = "(i INT, f FLOAT, d DOUBLE, b VARBINARY(9), t DATETIME(6), x INT INVISIBLE DEFAULT 0) ENGINE=InnoDB";
    let (one, two) = (
        "1, 0.1, 1e-300, X'00FF', '2001-02-03 04:05:06.000007'",
        "2, 0.2, NULL, '', NULL",
    );
    let base = contents(&setup, create, &[one, two]).await;
    assert_eq!(base.rows, 2);
    assert_eq!(base, contents(&setup, create, &[two, one]).await);
    for changed in [
        "1, 0.10000001, 1e-300, X'00FF', '2001-02-03 04:05:06.000007'",
        "1, 0.1, 1.0000000000000002e-300, X'00FF', '2001-02-03 04:05:06.000007'",
        "1, 0.1, 1e-300, X'00FE', '2001-02-03 04:05:06.000007'",
        "1, 0.1, 1e-300, X'00FF', '2001-02-03 04:05:06.000008'",
        "1, 0.1, NULL, X'00FF', '2001-02-03 04:05:06.000007'",
    ] {
        assert_ne!(
            base.checksum,
            contents(&setup, create, &[changed, two]).await.checksum,
            "{changed}"
        );
    }
    assert_ne!(base, contents(&setup, create, &[one, two, two, two]).await);
}

#[tokio::test]
async fn bytes_of_a_text_are_summed_not_their_meaning() {
    let setup = setup().await;
    let latin = contents(
        &setup,
        "(a VARCHAR(9)) ENGINE=InnoDB DEFAULT CHARSET=latin1",
        &["'é'"],
    )
    .await;
    let utf8 = contents(
        &setup,
        "(a VARCHAR(9)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
        &["'é'"],
    )
    .await;
    assert_ne!(latin.checksum, utf8.checksum);
}

#[tokio::test]
async fn sealing_moves_tables_and_lists_them() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup
        .load(1, &part(0), "1\ta\t1\t1\n2\tb\t1\t1\n")
        .await
        .unwrap();
    let rows = setup.seal(1).await.unwrap();
    assert_eq!(rows.len(), 3);
    let object = rows.iter().find(|row| row.table == "Object_1__1").unwrap();
    assert_eq!(
        (object.rows, object.segment, object.state),
        (2, 101, RowState::Sealed)
    );
    assert!(object.bytes > 0);
    assert_eq!(setup.seal(1).await.unwrap(), rows);
    assert_eq!(
        setup
            .number("SELECT COUNT(*) FROM sky__7.Object_1__1")
            .await,
        2
    );
    let staging =
        "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE 'orrery_staging%'";
    assert_eq!(setup.number(staging).await, 0);

    let all = setup
        .operator
        .manifest(&PageQuery::default())
        .await
        .unwrap();
    assert_eq!((all.rows.len(), &all.next), (3, &None));
    let mut query = PageQuery {
        after: None,
        limit: Some(2),
    };
    let first = setup.operator.manifest(&query).await.unwrap();
    query.after.clone_from(&first.next);
    assert!(query.after.is_some());
    let rest = setup.operator.manifest(&query).await.unwrap();
    assert_eq!([first.rows, rest.rows].concat(), all.rows);
}

#[tokio::test]
async fn a_seal_broken_at_any_step_is_completed_by_the_next() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup.load(1, &part(0), "1\ta\t1\t1\n").await.unwrap();
    // As a crash leaves it after the first RENAME.
    let mut conn = setup.sql().await;
    conn.query_drop("UPDATE orrery_control.attempt SET state = 'sealing'")
        .await
        .unwrap();
    conn.query_drop("CREATE DATABASE sky__7").await.unwrap();
    conn.query_drop("RENAME TABLE orrery_staging__1.Object_1__1 TO sky__7.Object_1__1")
        .await
        .unwrap();
    assert_eq!(
        reason(setup.load(1, &part(1), "2\ta\t1\t1\n").await),
        "Sealed"
    );
    let rows = setup.seal(1).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.rows).sum::<u64>(), 1);
    // As a crash leaves it before the last step.
    conn.query_drop("UPDATE orrery_control.attempt SET state = 'sealing'")
        .await
        .unwrap();
    assert_eq!(setup.seal(1).await.unwrap(), rows);
}

#[tokio::test]
async fn what_was_sealed_survives_a_crash_of_mysqld() {
    let mut setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup
        .load(1, &part(0), "1\ta\t1\t1\n2\tb\t1\t1\n")
        .await
        .unwrap();
    let rows = setup.seal(1).await.unwrap();
    setup.worker.mysqld.kill();
    setup.worker.mysqld.come_up().unwrap();
    while setup.worker.agent.db.conn().await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let mut conn = setup.worker.agent.db.session().await.unwrap();
    let sealed = rows.iter().find(|row| row.table == "Object_1__1").unwrap();
    let found = checksum::of(&mut conn, "sky__7", "Object_1__1")
        .await
        .unwrap();
    assert_eq!((found.rows, &found.checksum), (2, &sealed.checksum));
}

#[tokio::test]
async fn a_table_that_vanished_fails_the_seal() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup
        .sql()
        .await
        .query_drop("DROP TABLE orrery_staging__1.Object_1__1")
        .await
        .unwrap();
    let (_, reason, message) = refusal(setup.seal(1).await);
    assert_eq!(reason, "Mismatch");
    assert!(
        message.contains("Object_1__1 of attempt 1 is gone"),
        "{message}"
    );
}

#[tokio::test]
async fn a_sealed_attempt_is_discarded_until_it_is_published() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup.seal(1).await.unwrap();
    setup.discard(1).await.unwrap();
    assert_eq!(
        setup
            .number("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'sky__7'")
            .await,
        0
    );
    assert_eq!(
        setup
            .number("SELECT COUNT(*) FROM orrery_control.manifest WHERE state = 'deleted'")
            .await,
        3
    );
    assert_eq!(reason(setup.seal(1).await), "Conflict");
}
