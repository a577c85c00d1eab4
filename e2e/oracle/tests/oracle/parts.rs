//! A czar in the test's own process.

use std::sync::Arc;
use std::time::Duration;

use orrery_archive::names::READER_ACCOUNT;
use orrery_czar::backend::SessionSettings;
use orrery_czar::catalogs::{AgentAccess, Catalogs};
use orrery_czar::dispatch::{WorkerOptions, Workers};
use orrery_czar::engine::{Engine, EngineOptions};
use orrery_czar::gathers::{GatherLimits, GatherSpace};
use orrery_czar::inside::Password;
use orrery_czar::lookup::Lookups;
use orrery_czar::server::Request;
use orrery_czar::shadow::{ShadowOptions, ShadowServer};
use orrery_czar::spool::SpoolSpace;
use orrery_dev::mysqld::Mysqld;
use orrery_oracle::site::Site;
use orrery_plan::Way;
use orrery_snapshot::Hub;
use orrery_snapshot::lease::{InUse, ReaderEpochs};
use orrery_wire::Format;

/// A czar's parts in this process, so that its Lease can be looked at and its sources can be
/// chosen.
pub(super) struct Parts {
    pub(super) hub: Hub,
    pub(super) in_use: InUse,
    pub(super) engine: Arc<Engine>,
}

impl Parts {
    pub(super) async fn start(
        site: &Site,
        shadow: &Mysqld,
        hub: Hub,
        agents: Option<AgentAccess>,
    ) -> Self {
        let in_use = InUse::default();
        let catalogs = Catalogs::new(hub.clone(), in_use.clone(), agents);
        let shadow = Arc::new(ShadowServer::new(ShadowOptions {
            socket: shadow.socket(),
            user: "root".to_owned(),
            password: String::new(),
            connections_per_user: 4,
            merge_connections: 2,
            gather_connections: 2,
            max_statement_time: Duration::from_secs(60),
            merge_memory: 16 << 20,
        }));
        let workers = Workers::new(WorkerOptions {
            user: READER_ACCOUNT.to_owned(),
            password: Password::open(&site.stack.passwords().join(READER_ACCOUNT)).unwrap(),
            tls: None,
            connections: 8,
            scans: 4,
            connect_timeout: Duration::from_secs(2),
        });
        tokio::spawn(catalogs.clone().follow(shadow.clone(), workers.clone()));
        let spool = site.folder.path().join("own-spool");
        std::fs::create_dir_all(&spool).unwrap();
        let engine = Engine {
            catalogs: catalogs.clone(),
            shadow,
            workers,
            lookups: Lookups::new(std::num::NonZeroUsize::new(100).unwrap()),
            spool: Arc::new(SpoolSpace::new(spool, 32 << 20, 1 << 30)),
            gathers: GatherSpace::new(GatherLimits {
                statement: 1 << 30,
                user: 1 << 30,
                total: 1 << 30,
            }),
            options: EngineOptions {
                interactive_per_worker: 2,
                scan_per_worker: 1,
                retry_for: Duration::from_secs(5),
            },
        };
        catalogs.at_least(1, Duration::from_secs(60)).await.unwrap();
        Self {
            hub,
            in_use,
            engine: Arc::new(engine),
        }
    }

    pub(super) fn request(sql: &'static str) -> Request {
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
            way: Way::default(),
        }
    }

    pub(super) async fn until_reported(&self, wanted: ReaderEpochs) {
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

    /// All rows of a statement, or the error.
    pub(super) async fn rows(&self, sql: &'static str) -> Result<Vec<bytes::Bytes>, String> {
        let answer = self.engine.answer(&Parts::request(sql)).await;
        let mut answer = answer.map_err(|error| error.to_string())?;
        let mut rows = Vec::new();
        while let Some(piece) = answer.next().await.map_err(|error| error.to_string())? {
            rows.extend(piece);
        }
        Ok(rows)
    }
}
