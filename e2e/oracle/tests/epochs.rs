//! Rules of design §4 and §7 about dataEpochs: a statement keeps the one it was planned with, a session never sees an older one again,
//! a Lease tells what is true.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use orrery_agent::testing::{ARCHIVE_UID, Archive, CATALOG_KEY, Worker};
use orrery_crds::catalog::{Catalog, Epochs, SignedCatalog, TableKey, encode};
use orrery_crds::kinds::WorkerPhase;
use orrery_crds::names::{CZAR_ACCOUNT, READER_ACCOUNT, Role, WorkerId};
use orrery_czar::backend::SessionSettings;
use orrery_czar::catalogs::{AgentAccess, Catalogs};
use orrery_czar::dispatch::{WorkerOptions, Workers};
use orrery_czar::engine::{Engine, EngineOptions};
use orrery_czar::frontend::{Frontend, FrontendOptions};
use orrery_czar::lookup::Lookups;
use orrery_czar::server::{Format, Request};
use orrery_czar::spool::SpoolSpace;
use orrery_dev::load::load;
use orrery_dev::mysqld::Mysqld;
use orrery_dev::stack::INTERNAL_PASSWORD;
use orrery_oracle::client::{Protocol, Session, ask_czar, ask_plain};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::{Site, connect_proxy};
use orrery_snapshot::lease::{InUse, ReaderEpochs};
use orrery_snapshot::{Hub, Offer, WorkerView, file};
use orrery_wire::Value;
use orrery_wire::client::{ClientConnection, ClientOptions, Endpoint, Next, Response};
use orrery_wire::command::QueryAttribute;
use orrery_wire::reply::decode_tracked_variables;

const SESSION: Session = Session {
    database: "sky",
    time_zone: "SYSTEM",
    sql_mode: "",
    collation: "utf8mb4_general_ci",
    user: "ann",
};
/// Objects; each of the three segments has some.
const OBJECTS: usize = 240;

/// A catalog without the last segment of Object and of its index, at another dataEpoch.
fn without_last_segment(site: &Site, data: u64) -> (Catalog, usize) {
    let mut catalog = site.archive.catalog.clone();
    catalog.epochs.data = data;
    let table = catalog.tables.get_mut(&TableKey::new("sky", "Object")).unwrap();
    let rows = table.segments.pop().unwrap().rows;
    (catalog, OBJECTS - usize::try_from(rows).unwrap())
}

fn at(site: &Site, data: u64) -> Catalog {
    let mut catalog = site.archive.catalog.clone();
    catalog.epochs.data = data;
    catalog
}

/// Waits until new statements are answered with a dataEpoch.
async fn until(czar: &mut ClientConnection, data: u64) {
    let epoch = Value::Bytes(data.to_string().into_bytes());
    loop {
        let explained = ask_czar(czar, SESSION, Protocol::Text, "EXPLAIN SELECT ra FROM Object").await;
        let rows = explained.unwrap().unwrap().rows;
        if rows
            .iter()
            .any(|row| row[0] == Value::Bytes(b"dataEpoch".to_vec()) && row[1] == epoch)
        {
            return;
        }
    }
}

/// Runs a statement; the rows and the dataEpoch that the end of the answer names.
async fn with_epoch(address: String, sql: &'static str) -> (Vec<bytes::Bytes>, String) {
    let options = ClientOptions {
        user: CZAR_ACCOUNT.to_owned(),
        password: INTERNAL_PASSWORD.to_owned(),
        session_track: true,
        ..ClientOptions::default()
    };
    let mut czar = ClientConnection::connect(&Endpoint::Tcp(address), &options)
        .await
        .unwrap();
    let attributes = [
        QueryAttribute::text("orrery.user", "ann"),
        QueryAttribute::text("orrery.database", "sky"),
    ];
    let response = czar
        .query_with_attributes(sql.as_bytes(), &attributes)
        .await
        .unwrap();
    assert!(matches!(response, Response::Rows(_)));
    let mut rows = Vec::new();
    loop {
        match czar.next_row().await.unwrap() {
            Next::Row(row) => rows.push(row),
            Next::End(end) => {
                let variables = decode_tracked_variables(&end.session_state).unwrap();
                let epoch = variables
                    .into_iter()
                    .find(|(name, _)| name == "orrery_data_epoch");
                return (rows, epoch.unwrap().1);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn design_4_a_publish_or_a_revoke_in_the_middle_of_a_statement_changes_nothing_of_its_answer() {
    const STREAM: &str = "SELECT objectId FROM Object";
    const GROUPS: &str = "SELECT run, COUNT(*) FROM Object GROUP BY run";
    const ORDERED: &str = "SELECT objectId FROM Object ORDER BY 1";
    let site = Site::start(
        SHAPE,
        &tables(i64::try_from(OBJECTS).unwrap()).unwrap(),
        &["--scan-per-worker=1"],
    )
    .await
    .unwrap();
    let mut side = site.connect_czar().await.unwrap();
    let (revoked, fewer) = without_last_segment(&site, 2);
    assert!(fewer > 0 && fewer < OBJECTS);
    let steps = [(OBJECTS, "1", revoked, 2), (fewer, "2", at(&site, 3), 3)];
    for (rows, epoch, next, next_epoch) in steps {
        let holders = hold_a_chunk(&site).await;
        let running = [STREAM, GROUPS, ORDERED].map(|sql| tokio::spawn(with_epoch(site.czar.clone(), sql)));
        tokio::time::sleep(Duration::from_millis(300)).await;
        site.stack.publish(&next, &site.users).unwrap();
        until(&mut side, next_epoch).await;
        // So long that the statements that wait are given up and sent again.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert!(
            running.iter().all(|statement| !statement.is_finished()),
            "all are in the middle"
        );
        drop(holders);
        let [stream, groups, ordered] = running;
        for (kind, statement) in [("streamed", stream), ("ordered", ordered)] {
            let (given, of) = statement.await.unwrap();
            assert_eq!((given.len(), of.as_str()), (rows, epoch), "{kind}");
        }
        let (given, of) = groups.await.unwrap();
        assert_eq!(of, epoch);
        let count = |row: &bytes::Bytes| {
            let cells: Vec<_> = orrery_wire::value::TextCells::new(row)
                .map(Result::unwrap)
                .collect();
            std::str::from_utf8(cells[1].unwrap())
                .unwrap()
                .parse::<usize>()
                .unwrap()
        };
        assert_eq!(given.iter().map(count).sum::<usize>(), rows, "grouped");
    }
    let (given, of) = with_epoch(site.czar.clone(), STREAM).await;
    assert_eq!(
        (given.len(), of.as_str()),
        (OBJECTS, "3"),
        "what begins later sees the publish"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn design_7_a_session_never_sees_an_older_data_epoch_across_two_czars() {
    let site = Site::start(SHAPE, &tables(i64::try_from(OBJECTS).unwrap()).unwrap(), &[])
        .await
        .unwrap();
    let (old, fewer) = without_last_segment(&site, 2);
    site.stack.publish(&old, &site.users).unwrap();
    let mut ahead = site.connect_czar().await.unwrap();
    until(&mut ahead, 2).await;
    // The other czar follows a file that nobody writes any more. Of idle czars a proxy takes that with the lowest address.
    let frozen = site.folder.path().join("frozen.json");
    std::fs::copy(site.stack.snapshot(), &frozen).unwrap();
    let frontend = site.start_frontend().await.unwrap();
    let behind = site
        .start_czar_beside("127.0.0.2", &frozen, &frontend, &[])
        .await
        .unwrap();
    site.stack.publish(&at(&site, 3), &site.users).unwrap();
    until(&mut ahead, 3).await;
    let proxy = site.start_proxy(&[&site.czar, &behind]).await.unwrap();

    let mut ann = connect_proxy(&proxy, "ann", Some("sky")).await.unwrap();
    assert_eq!(count(&mut ann).await, OBJECTS, "the czar that is ahead answers");
    // From now on it is the busier one.
    let holders = hold_a_chunk(&site).await;
    let busy = tokio::spawn({
        let mut dan = connect_proxy(&proxy, "dan", Some("sky")).await.unwrap();
        async move { ask_plain(&mut dan, Protocol::Text, "SELECT objectId FROM Object").await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut fresh = connect_proxy(&proxy, "dan", Some("sky")).await.unwrap();
    assert_eq!(
        count(&mut fresh).await,
        fewer,
        "the czar that is behind answers new sessions"
    );
    for _ in 0..2 {
        assert_eq!(
            count(&mut ann).await,
            OBJECTS,
            "an older answer after a newer one"
        );
    }
    assert!(!busy.is_finished());
    drop(holders);
    assert_eq!(busy.await.unwrap().unwrap().unwrap().rows.len(), OBJECTS);
}

/// `COUNT(*)` of Object, which czars know from their catalog.
async fn count(connection: &mut ClientConnection) -> usize {
    let answer = ask_plain(connection, Protocol::Text, "SELECT COUNT(*) FROM Object").await;
    match &answer.unwrap().unwrap().rows[0][0] {
        Value::Bytes(count) => std::str::from_utf8(count).unwrap().parse().unwrap(),
        other => panic!("{other:?} is no count"),
    }
}

/// Keeps readers out of a table of Object's first segment wherever it is held, as long as the connections live.
async fn hold_a_chunk(site: &Site) -> Vec<ClientConnection> {
    let object = &site.archive.catalog.tables[&TableKey::new("sky", "Object")];
    let end = format!("__{}", object.segments[0].attempt);
    let of_object = |name: &str| name.starts_with("Object_") && name.ends_with(&end);
    let mut tables = site.archive.tables.iter();
    let table = tables
        .find(|table| table.database.starts_with("sky__") && of_object(&table.table))
        .unwrap();
    let lock = format!("LOCK TABLES `{}`.`{}` WRITE", table.database, table.table);
    let mut holders = Vec::new();
    for worker in &table.workers {
        let mut holder = site.stack.workers[worker].root().await.unwrap();
        holder.run(lock.as_bytes()).await.unwrap();
        holders.push(holder);
    }
    holders
}

/// A czar's parts in this process, so that its Lease can be looked at and its sources can be chosen.
struct Parts {
    hub: Hub,
    in_use: InUse,
    engine: Arc<Engine>,
}

impl Parts {
    async fn start(site: &Site, frontend: &Mysqld, hub: Hub, agents: Option<AgentAccess>) -> Self {
        let in_use = InUse::default();
        let catalogs = Catalogs::new(hub.clone(), in_use.clone(), agents);
        let frontend = Arc::new(Frontend::new(FrontendOptions {
            socket: frontend.socket(),
            user: "root".to_owned(),
            password: String::new(),
            connections_per_user: 4,
            merge_connections: 2,
            max_statement_time: Duration::from_secs(60),
            merge_memory: 16 << 20,
        }));
        let workers = Workers::new(WorkerOptions {
            user: READER_ACCOUNT.to_owned(),
            password: INTERNAL_PASSWORD.to_owned(),
            connections: 8,
            scans: 4,
            connect_timeout: Duration::from_secs(2),
        });
        tokio::spawn(catalogs.clone().follow(frontend.clone(), workers.clone()));
        let spool = site.folder.path().join("own-spool");
        std::fs::create_dir_all(&spool).unwrap();
        let engine = Engine {
            catalogs: catalogs.clone(),
            frontend,
            workers,
            lookups: Lookups::new(std::num::NonZeroUsize::new(100).unwrap()),
            spool: Arc::new(SpoolSpace::new(spool, 32 << 20, 1 << 30)),
            options: EngineOptions {
                interactive_per_worker: 2,
                scan_per_worker: 1,
                patience: Duration::from_secs(5),
            },
        };
        catalogs.at_least(1, Duration::from_secs(60)).await.unwrap();
        Self {
            hub,
            in_use,
            engine: Arc::new(engine),
        }
    }

    fn request(sql: &'static str) -> Request {
        Request {
            sql: bytes::Bytes::from_static(sql.as_bytes()),
            user: "ann".to_owned(),
            database: Some("sky".to_owned()),
            settings: Arc::new(SessionSettings::default()),
            format: Format::Text,
            max_rows: None,
            max_time: None,
            min_data_epoch: 0,
            connection: String::new(),
            prepare: false,
        }
    }

    async fn until_reported(&self, wanted: ReaderEpochs) {
        let begun = std::time::Instant::now();
        while self.in_use.report() != Some(wanted) {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "the Lease says {:?} instead of {wanted:?}",
                self.in_use.report()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn report(newest: u64, oldest: u64) -> ReaderEpochs {
    let epochs = |data| Epochs { data, placement: 1 };
    ReaderEpochs {
        newest: epochs(newest),
        oldest: epochs(oldest),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn design_4_a_lease_names_the_epochs_that_statements_run_with_and_are_answered_with() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let frontend = site.start_frontend().await.unwrap();
    let hub = Hub::new();
    file::load(&site.stack.snapshot(), &hub).unwrap();
    let parts = Parts::start(&site, &frontend, hub, None).await;
    parts.until_reported(report(1, 1)).await;

    // A statement whose rows are still being fetched, or wait for their reader.
    let mut answer = parts
        .engine
        .answer(&Parts::request("SELECT objectId FROM Object"))
        .await
        .unwrap();
    let mut grouped = parts
        .engine
        .answer(&Parts::request("SELECT run, COUNT(*) FROM Object GROUP BY run"))
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

    // The front-end hangs: the czar knows a newer catalog and cannot answer with it yet.
    let pid = frontend.pid().unwrap().to_string();
    let signal = |name: &str| {
        let status = std::process::Command::new("kill").args([name, &pid]).status();
        assert!(status.unwrap().success());
    };
    signal("-STOP");
    site.stack.publish(&at(&site, 3), &site.users).unwrap();
    file::load(&site.stack.snapshot(), &parts.hub).unwrap();
    assert_eq!(parts.hub.current().unwrap().catalog.epochs.data, 3);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let said = parts.in_use.report();
    let answered = parts.engine.catalogs.current().unwrap().catalog().epochs.data;
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
            mysql_port: server.port.unwrap(),
            agent_port: if *id == 1 { agent_port } else { 0 },
            phase: WorkerPhase::Ready,
        };
        (*id, view)
    };
    Offer::Workers(site.stack.workers.iter().map(view).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn design_4_on_1146_from_all_replicas_a_czar_asks_agents_for_a_newer_catalog() {
    const ALL: &str = "SELECT objectId, mag FROM Object ORDER BY objectId";
    let site = Site::start(SHAPE, &tables(120).unwrap(), &[]).await.unwrap();
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
        client: orrery_czar::tls::agent_client(&certificates.tls_dir(Role::Czar)).unwrap(),
        key: CATALOG_KEY.to_vec(),
    };
    let frontend = site.start_frontend().await.unwrap();
    let parts = Parts::start(&site, &frontend, hub, Some(access)).await;
    let right = rows(&parts, ALL).await.unwrap();
    assert_eq!(right.len(), 120);

    // Meanwhile a chunk moves to the third worker, and the operator tells the agents.
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
    let error = rows(&parts, ALL).await.unwrap_err();
    assert!(error.contains(&format!("chunk {chunk} of sky.Object")), "{error}");

    let mut newer = known;
    newer.epochs.placement += 1;
    newer
        .families
        .get_mut("sky")
        .unwrap()
        .placement
        .insert(chunk, vec![3]);
    let told = certificates
        .client(Role::Operator)
        .put(agent.url("/v1/catalog"))
        .json(&SignedCatalog::sign(&newer, CATALOG_KEY))
        .send()
        .await
        .unwrap();
    assert!(told.status().is_success(), "{}", told.text().await.unwrap());
    assert_eq!(rows(&parts, ALL).await.unwrap(), right, "the agents know better");
    let current = parts.engine.catalogs.current().unwrap();
    assert_eq!(current.catalog().epochs, newer.epochs);
}

/// All rows of a statement, or the error.
async fn rows(parts: &Parts, sql: &'static str) -> Result<Vec<bytes::Bytes>, String> {
    let answer = parts.engine.answer(&Parts::request(sql)).await;
    let mut answer = answer.map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    while let Some(piece) = answer.next().await.map_err(|error| error.to_string())? {
        rows.extend(piece);
    }
    Ok(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn design_7_sums_of_doubles_have_the_same_bits_each_time() {
    const SUMS: [&str; 3] = [
        "SELECT SUM(flux), AVG(flux), SUM(flux * 1.0000001), SUM(mag), AVG(mag) FROM Object",
        "SELECT tiny, SUM(flux), AVG(flux), SUM(mag) FROM Object GROUP BY tiny ORDER BY tiny",
        "SELECT SUM(flux), AVG(flux) FROM Object",
    ];
    let site = Site::start(SHAPE, &tables(1500).unwrap(), &["--scan-per-worker=8"])
        .await
        .unwrap();
    for sql in SUMS {
        let mut first = None;
        for round in 0..30 {
            let mut czar = site.connect_czar().await.unwrap();
            let rows = ask_czar(&mut czar, SESSION, Protocol::Text, sql)
                .await
                .unwrap()
                .unwrap()
                .rows;
            let first = first.get_or_insert_with(|| rows.clone());
            assert_eq!(rows, *first, "{sql}, round {round}");
        }
    }
}
