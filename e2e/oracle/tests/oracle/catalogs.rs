//! Which catalog a czar answers with, where it gets it from, and what its Lease says of it
//! (docs/design/catalog.md#leases).

use std::sync::Arc;
use std::time::Duration;

use orrery_archive::catalog::{
    AcceptedReference, Epochs, SignedCatalog, Table, TableKey, TableKind, encode,
};
use orrery_archive::names::{Role, WorkerId};
use orrery_archive::signing::SigningKey;
use orrery_archive::table::{Column, OnDeletion};
use orrery_crds::kinds::WorkerPhase;
use orrery_czar::catalogs::AgentAccess;
use orrery_dev::load::load;
use orrery_dev::mysqld::Mysqld;
use orrery_kit_worker::{ARCHIVE_UID, Archive, Worker};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_snapshot::lease::ReaderEpochs;
use orrery_snapshot::{Hub, Offer, WorkerView, file};

use super::epochs::at;
use super::parts::Parts;

fn report(newest: u64, oldest: u64) -> ReaderEpochs {
    let epochs = |data| Epochs { data, placement: 1 };
    ReaderEpochs {
        newest: epochs(newest),
        oldest: epochs(oldest),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_names_the_epochs_that_statements_run_with_and_are_answered_with() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let shadow = site.start_shadow().await.unwrap();
    let hub = Hub::new();
    file::load(&site.stack.snapshot(), &hub).unwrap();
    let parts = Parts::start(&site, &shadow, hub, None).await;
    parts.until_reported(report(1, 1)).await;

    // A statement whose rows are still being fetched, or wait for their reader.
    let mut answer = parts
        .engine
        .answer(&Parts::request("SELECT objectId FROM Object"))
        .await
        .unwrap();
    let mut grouped = parts
        .engine
        .answer(&Parts::request(
            "SELECT run, COUNT(*) FROM Object GROUP BY run",
        ))
        .await
        .unwrap();
    assert!(answer.next().await.unwrap().is_some());
    site.stack.publish(&at(&site, 2), &site.users).unwrap();
    file::load(&site.stack.snapshot(), &parts.hub).unwrap();
    parts.until_reported(report(2, 1)).await;
    while grouped.next().await.unwrap().is_some() {}
    drop(grouped);
    assert_eq!(parts.in_use.report(), Some(report(2, 1)), "one still runs");
    while answer.next().await.unwrap().is_some() {}
    drop(answer);
    parts.until_reported(report(2, 2)).await;

    // The shadow server hangs: the czar knows a newer catalog and cannot answer with it yet.
    let pid = shadow.pid().unwrap().to_string();
    let signal = |name: &str| {
        let status = std::process::Command::new("kill")
            .args([name, &pid])
            .status();
        assert!(status.unwrap().success());
    };
    signal("-STOP");
    site.stack.publish(&at(&site, 3), &site.users).unwrap();
    file::load(&site.stack.snapshot(), &parts.hub).unwrap();
    assert_eq!(parts.hub.current().unwrap().catalog.epochs.data, 3);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let said = parts.in_use.report();
    let answered = parts
        .engine
        .catalogs
        .current()
        .unwrap()
        .catalog()
        .epochs
        .data;
    signal("-CONT");
    assert_eq!(
        answered, 2,
        "statements are still answered with the catalog before"
    );
    assert_eq!(said, Some(report(2, 2)), "and the Lease says so");
    parts.until_reported(report(3, 3)).await;
}

/// The site's workers; the first has an agent, who listens on this port.
fn workers(site: &Site, agent_port: u16) -> Offer {
    let view = |(id, server): (&WorkerId, &Mysqld)| {
        let view = WorkerView {
            name: format!("w{id}"),
            address: Some("127.0.0.1".to_owned()),
            mysql_port: server.port(),
            agent_port: if *id == 1 { agent_port } else { 0 },
            phase: WorkerPhase::Ready,
        };
        (*id, view)
    };
    Offer::Workers(site.stack.workers.iter().map(view).collect())
}

/// Who has taken over a worker has its certificate, the public keys and the file of the copy.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_catalog_that_a_worker_forged_is_not_used() {
    let site = Site::start(SHAPE, &tables(120).unwrap(), &[])
        .await
        .unwrap();
    let certificates = Archive::new();
    let mut known = site.archive.catalog.clone();
    ARCHIVE_UID.clone_into(&mut known.archive_uid);
    let mut forged = known.clone();
    forged.lineage += 1;
    let mut newer = known.clone();
    newer.epochs.placement += 1;

    let worker = Worker::start(&certificates, 1).await;
    let config = worker.agent.config.clone();
    let own_key = SigningKey::generate().unwrap();
    let copy = serde_json::to_vec(&SignedCatalog::sign(&forged, &own_key)).unwrap();
    let mysqld = worker.stop_agent().await;
    std::fs::write(config.state_dir.join("orrery-catalog.json"), &copy).unwrap();
    let worker = Worker::start_with(mysqld, config).await;
    worker.ready().await;
    let served = worker.api(&certificates, Role::Czar).catalog().await;
    assert_eq!(served.unwrap().root().lineage, forged.lineage);

    let agent_port = worker.base().rsplit(':').next().unwrap().parse().unwrap();
    let hub = Hub::new();
    hub.offer(workers(&site, agent_port));
    hub.offer(Offer::Users(site.users.clone()));
    let encoded = encode(&known);
    let catalog = Arc::new(known.clone());
    hub.offer(Offer::Catalog(catalog, encoded.root, encoded.objects));
    let access = AgentAccess {
        tls: certificates.tls_dir(Role::Czar),
        keys: certificates.public_keys(),
    };
    let shadow = site.start_shadow().await.unwrap();
    let parts = Parts::start(&site, &shadow, hub.clone(), Some(access)).await;
    let catalogs = &parts.engine.catalogs;
    catalogs.ask_agents().await;
    assert_eq!(*hub.current().unwrap().catalog, known);

    // The operator's next copy replaces it, and is used.
    let operator = worker.api(&certificates, Role::Operator);
    operator
        .put_catalog(&certificates.sign(&newer))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    catalogs.ask_agents().await;
    assert_eq!(*hub.current().unwrap().catalog, newer);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_1146_from_all_replicas_a_czar_asks_agents_for_a_newer_catalog() {
    const ALL: &str = "SELECT objectId, mag FROM Object ORDER BY objectId";
    let site = Site::start(SHAPE, &tables(120).unwrap(), &[])
        .await
        .unwrap();
    let certificates = Archive::new();
    let agent = Worker::start(&certificates, 1).await;
    let agent_port = agent.base().rsplit(':').next().unwrap().parse().unwrap();

    // What the czar knows: from the cluster API, which is away from now on.
    let mut known = site.archive.catalog.clone();
    ARCHIVE_UID.clone_into(&mut known.archive_uid);
    let hub = Hub::new();
    hub.offer(workers(&site, agent_port));
    hub.offer(Offer::Users(site.users.clone()));
    let encoded = encode(&known);
    hub.offer(Offer::Catalog(
        Arc::new(known.clone()),
        encoded.root,
        encoded.objects,
    ));
    let access = AgentAccess {
        tls: certificates.tls_dir(Role::Czar),
        keys: certificates.public_keys(),
    };
    let shadow = site.start_shadow().await.unwrap();
    let parts = Parts::start(&site, &shadow, hub, Some(access)).await;
    let right = parts.rows(ALL).await.unwrap();
    assert_eq!(right.len(), 120);

    // Meanwhile a chunk moves to the third worker, and the operator sends it to the agents.
    let chunk = *known.families["sky"]
        .placement
        .iter()
        .find(|(_, workers)| **workers == [1, 2])
        .unwrap()
        .0;
    let of_chunk = |name: &str| name.split('_').nth(1) == Some(&chunk.to_string());
    let tables = site.archive.tables.iter();
    let moved: Vec<_> = tables
        .filter(|table| table.database.starts_with("sky__") && of_chunk(&table.table))
        .collect();
    load(&site.stack.workers[&3], moved.iter().copied())
        .await
        .unwrap();
    for table in &moved {
        for worker in [1, 2] {
            let drop = format!("DROP TABLE `{}`.`{}`", table.database, table.table);
            site.stack.workers[&worker].run_all([drop]).await.unwrap();
        }
    }
    let error = parts.rows(ALL).await.unwrap_err();
    assert!(
        error.contains(&format!("chunk {chunk} of sky.Object")),
        "{error}"
    );

    let mut newer = known;
    newer.epochs.placement += 1;
    newer
        .families
        .get_mut("sky")
        .unwrap()
        .placement
        .insert(chunk, vec![3]);
    let copy = certificates.sign(&newer);
    let operator = agent.api(&certificates, Role::Operator);
    operator.put_catalog(&copy).await.unwrap();
    assert_eq!(
        parts.rows(ALL).await.unwrap(),
        right,
        "the agents know better"
    );
    let current = parts.engine.catalogs.current().unwrap();
    assert_eq!(current.catalog().epochs, newer.epochs);
}

/// What a worker made may be refused by a czar's server of another version or with other settings.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_has_no_shadow_is_left_out_alone_until_it_can_be_made() {
    const OBJECTS: &str = "SELECT objectId FROM Object ORDER BY objectId";
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let shadow = site.start_shadow().await.unwrap();
    let hub = Hub::new();
    file::load(&site.stack.snapshot(), &hub).unwrap();
    let parts = Parts::start(&site, &shadow, hub, None).await;
    let all = parts.rows(OBJECTS).await.unwrap();
    for (epoch, default, is_made) in [
        (2, "foo", false),
        (3, "foo", false),
        (4, "2020-01-01", true),
    ] {
        let mut catalog = at(&site, epoch);
        let dated = with_default(default);
        catalog.tables.insert(TableKey::new("sky", "Dated"), dated);
        site.stack.publish(&catalog, &site.users).unwrap();
        file::load(&site.stack.snapshot(), &parts.hub).unwrap();
        parts.until_reported(report(epoch, epoch)).await;
        assert_eq!(parts.rows(OBJECTS).await.unwrap(), all);
        let dated = parts.rows("SELECT seen FROM Dated").await;
        assert_eq!(dated.is_ok(), is_made, "{dated:?}");
    }
}

/// A reference table without rows whose only column has this default.
fn with_default(default: &str) -> Table {
    let seen: Column = serde_json::from_value(
        serde_json::json!({"name": "seen", "type": "DATE", "default": default}),
    )
    .unwrap();
    Table {
        incarnation: 900,
        object: "dated".into(),
        schema_version: 1,
        kind: TableKind::Reference(AcceptedReference {
            primary_key: Vec::new(),
            indexes: Vec::new(),
            charset: "utf8mb4".into(),
            collation: "utf8mb4_general_ci".into(),
            columns: vec![seen],
        }),
        segments: Vec::new(),
        revoked: Vec::new(),
        on_deletion: OnDeletion::Retain,
    }
}
