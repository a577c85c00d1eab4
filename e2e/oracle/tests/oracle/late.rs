//! A copy moves InnoDB tablespaces from agent to agent (docs/design/placement.md#copies). A replica
//! that came late answers alone as the others did.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use orrery_agent::Agent;
use orrery_agent::{Config, server};
use orrery_archive::names::{Role, WorkerId};
use orrery_dev::archive::PhysicalTable;
use orrery_dev::mysqld::Mysqld;
use orrery_dev::stack::{INTERNAL_PASSWORD, empty_worker};
use orrery_kit_worker::{ARCHIVE_UID, TERM};
use orrery_oracle::client::{Session, ask_czar, ask_plain, set};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::queries;
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::{Site, plugin_folder};
use orrery_wire::Format;
use orrery_worker_api::agent::{Adopt, CopyDdl, ManifestRow, RowState, StartCopy, TablePart};
use orrery_worker_api::client::AgentClient;

/// Limit of one source's copy.
const TIMEOUT: Duration = Duration::from_secs(300);

/// An agent of a server of the site.
struct SiteAgent {
    agent: Arc<Agent>,
    base: String,
}

impl SiteAgent {
    async fn start(
        certificates: &orrery_kit_worker::Archive,
        id: WorkerId,
        mysqld: &Mysqld,
    ) -> Self {
        mysqld
            .run_all(["SET GLOBAL innodb_flush_log_at_trx_commit = 1"])
            .await
            .unwrap();
        let any = ([127, 0, 0, 1], 0).into();
        let state = mysqld.socket().with_file_name("state");
        let agent = Agent::open(Config {
            socket: mysqld.socket(),
            mysql_user: "root".into(),
            data_dir: mysqld.data_dir(),
            state_dir: state,
            pipe_dir: mysqld.pipe_dir(),
            charset: "utf8mb4".into(),
            collation: "utf8mb4_general_ci".into(),
            functions_sql: None,
            listen: any,
            shell: orrery_kit_worker::shell_args(),
            tls_dir: certificates.worker_tls_dir(id),
            mysqld_tls_dir: None,
            reader_without_tls: true,
            public_keys: certificates.public_keys(),
            loads: None,
            stream_idle: Duration::from_secs(30),
        })
        .unwrap();
        let api = server::listen(agent.config.listen).await.unwrap();
        let base = format!("https://{}", api.local_addr().unwrap());
        // It ends with the test's runtime; nothing else stops it.
        #[allow(
            clippy::default_trait_access,
            reason = "the token's crate is the agent's business"
        )]
        tokio::spawn(server::run(agent.clone(), api, Default::default()));
        while agent.require_mysqld().is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let started = Self { agent, base };
        let adopt = Adopt {
            term: TERM,
            archive_uid: ARCHIVE_UID.into(),
            worker: id,
            reader_password: INTERNAL_PASSWORD.into(),
        };
        started.api(certificates).adopt(&adopt).await.unwrap();
        started
    }

    /// The agent as the operator calls it.
    fn api(&self, certificates: &orrery_kit_worker::Archive) -> AgentClient {
        certificates.agents(Role::Operator).at(&self.base).unwrap()
    }
}

/// Part of a table in its database; each table of the archive has a database of its own.
fn part(table: &PhysicalTable) -> TablePart {
    if table.database.starts_with("orrery_index__") {
        TablePart::Index
    } else if table.table.contains("FullOverlap_") {
        TablePart::Overlap
    } else {
        TablePart::Home
    }
}

/// Enters what the site loaded without an agent into the manifest, counted and summed as a seal
/// does; the rows by worker. Each table is taken from one worker.
async fn manifests(
    site: &Site,
    agents: &BTreeMap<WorkerId, SiteAgent>,
) -> BTreeMap<WorkerId, Vec<ManifestRow>> {
    let mut rows: BTreeMap<WorkerId, Vec<ManifestRow>> = BTreeMap::new();
    for (number, table) in (1..).zip(&site.archive.tables) {
        let source = table.workers[number as usize % table.workers.len()];
        let mut conn = agents[&source].agent.db.session().await.unwrap();
        let contents = orrery_agent::tables::checksum::of(&mut conn, &table.database, &table.table)
            .await
            .unwrap();
        let row = ManifestRow {
            database: table.database.clone(),
            table: table.table.clone(),
            incarnation: 1,
            segment: 1,
            attempt: 1,
            chunk: number,
            part: part(table),
            schema_version: 1,
            rows: contents.rows,
            bytes: 1,
            checksum: contents.checksum,
            state: RowState::Published,
            epoch: 1,
        };
        orrery_agent::tables::manifest::put(&mut conn, &row)
            .await
            .unwrap();
        rows.entry(source).or_default().push(row);
    }
    rows
}

/// Copies every table to the agent `late`.
async fn copy_all(
    site: &Site,
    certificates: &orrery_kit_worker::Archive,
    agents: &BTreeMap<WorkerId, SiteAgent>,
    (target, late): (WorkerId, &SiteAgent),
) {
    let creates: BTreeMap<(&String, &String), CopyDdl> = site
        .archive
        .tables
        .iter()
        .map(|table| {
            let create = CopyDdl {
                database: table.database.clone(),
                part: part(table),
                create: table.definition.clone(),
            };
            ((&table.database, &table.definition), create)
        })
        .collect();
    let operator = late.api(certificates);
    for (source, rows) in manifests(site, agents).await {
        let request = StartCopy {
            term: TERM,
            id: format!("from-{source}"),
            source: agents[&source].base.clone(),
            tables: certificates.ordered((source, target), &rows),
            placement_epoch: 1,
            creates: creates.values().cloned().collect(),
        };
        operator.copy(&request).await.unwrap();
        let done = async {
            loop {
                let status = operator.copy_status(&request.id).await.unwrap();
                assert_eq!(status.error, None);
                if status.left == 0 {
                    return status.done.len();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let done = tokio::time::timeout(TIMEOUT, done).await.unwrap();
        assert_eq!(done, request.tables.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_replica_copied_by_tablespace_answers_alone_as_one_plain_server() {
    let mut site = Site::start(SHAPE, &tables(160).unwrap(), &[])
        .await
        .unwrap();
    let certificates = orrery_kit_worker::Archive::new();
    let id = SHAPE.workers + 1;
    let late = empty_worker(site.folder.path().join("late"), plugin_folder().as_deref())
        .await
        .unwrap();
    let mut agents = BTreeMap::new();
    for (id, mysqld) in &site.stack.workers {
        agents.insert(*id, SiteAgent::start(&certificates, *id, mysqld).await);
    }
    let late_agent = SiteAgent::start(&certificates, id, &late).await;
    copy_all(&site, &certificates, &agents, (id, &late_agent)).await;
    drop(agents);

    // The others are switched off, and the catalog lists the late one alone.
    for worker in site.stack.workers.values_mut() {
        worker.kill();
    }
    site.stack.workers = BTreeMap::from([(id, late)]);
    let mut catalog = site.archive.catalog.clone();
    for family in catalog.families.values_mut() {
        for workers in family.placement.values_mut() {
            *workers = vec![id];
        }
    }
    catalog.epochs.placement += 1;
    site.stack.publish(&catalog, &site.users).unwrap();
    let site = Site {
        czar: site.start_czar(&[]).await.unwrap(),
        ..site
    };
    let mut failures = Vec::new();
    for protocol in [Format::Text, Format::Binary] {
        let (mut czar, mut plain) = (
            site.connect_czar().await.unwrap(),
            site.connect_plain().await.unwrap(),
        );
        set(&mut plain, Session::STRICT).await.unwrap();
        for query in &queries() {
            let given = ask_czar(&mut czar, Session::STRICT, protocol, &query.sql)
                .await
                .unwrap();
            let right = ask_plain(&mut plain, protocol, &query.plain).await.unwrap();
            if let Some(difference) = difference(query, &given, &right) {
                failures.push(format!("{protocol:?}: {}\n    {difference}", query.sql));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} answers differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
