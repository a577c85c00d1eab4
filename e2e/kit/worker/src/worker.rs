//! A mysqld with its agent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use orrery_agent::error::Result;
use orrery_agent::{Agent, Config, server};
use orrery_archive::names::{Role, WorkerId};
use orrery_kit::Mysqld;
use orrery_shell::{AdminPort, LogArgs, LogFormat, ShellArgs};
use orrery_worker_api::agent::Adopt;
use orrery_worker_api::client::AgentClient;
use orrery_worker_api::routes::{AgentCall, Call, Parameter};
use reqwest::Url;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::archive::{ARCHIVE_UID, Archive};

/// Term the worker is adopted with.
pub const TERM: u64 = 1;
/// Password of the reader account.
pub const READER_PASSWORD: &str = "reader's \\ password";

/// A worker: mysqld and agent.
pub struct Worker {
    /// Its mysqld.
    pub mysqld: Mysqld,
    /// Its agent.
    pub agent: Arc<Agent>,
    api: SocketAddr,
    admin: AdminPort,
    stop: DropGuard,
    serving: JoinHandle<Result<()>>,
}

/// No logs, and an admin port that is free.
pub fn shell_args() -> ShellArgs {
    ShellArgs {
        log: LogArgs {
            log_filter: "off".into(),
            log_format: LogFormat::Text,
        },
        admin_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
    }
}

/// Configuration of an agent of `mysqld`, with a certificate that names no worker.
pub fn default_config(archive: &Archive, mysqld: &Mysqld) -> Config {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    Config {
        socket: mysqld.socket(),
        mysql_user: "root".into(),
        data_dir: mysqld.data_dir(),
        state_dir: mysqld.data_dir(),
        pipe_dir: mysqld.pipe_dir(),
        charset: "utf8mb4".into(),
        collation: "utf8mb4_general_ci".into(),
        functions_sql: None,
        listen: any,
        shell: shell_args(),
        tls_dir: archive.tls_dir(Role::Agent),
        mysqld_tls_dir: None,
        reader_without_tls: true,
        public_keys: archive.public_keys(),
        loads: None,
        stream_idle: Duration::from_secs(30),
    }
}

impl Worker {
    /// Starts mysqld and agent and adopts the data directory as worker `id` with [`TERM`].
    pub async fn start(archive: &Archive, id: WorkerId) -> Self {
        let mysqld = tokio::task::spawn_blocking(Mysqld::start).await.unwrap();
        let config = Config {
            tls_dir: archive.worker_tls_dir(id),
            ..default_config(archive, &mysqld)
        };
        let worker = Self::start_with(mysqld, config).await;
        worker.ready().await;
        let adopt = Adopt {
            term: TERM,
            archive_uid: ARCHIVE_UID.into(),
            worker: id,
            reader_password: READER_PASSWORD.into(),
        };
        worker
            .api(archive, Role::Operator)
            .adopt(&adopt)
            .await
            .unwrap();
        worker
    }

    /// Starts an agent of `mysqld`; nothing is adopted or waited for.
    pub async fn start_with(mysqld: Mysqld, config: Config) -> Self {
        let agent = Agent::open(config).unwrap();
        let api = server::listen(agent.config.listen).await.unwrap();
        let admin = AdminPort::open(agent.config.shell.admin_listen, agent.clone())
            .await
            .unwrap();
        let stop = CancellationToken::new();
        Self {
            mysqld,
            api: api.local_addr().unwrap(),
            admin,
            serving: tokio::spawn(server::run(agent.clone(), api, stop.clone())),
            agent,
            stop: stop.drop_guard(),
        }
    }

    /// Waits until the agent can use mysqld.
    pub async fn ready(&self) {
        while let Err(error) = self.agent.require_mysqld() {
            assert!(!self.serving.is_finished(), "the agent ended: {error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops the agent; the mysqld keeps running.
    pub async fn stop_agent(self) -> Mysqld {
        let Self {
            mysqld,
            stop,
            serving,
            ..
        } = self;
        drop(stop);
        serving.await.unwrap().unwrap();
        mysqld
    }

    /// `https://host:port` of the agent.
    pub fn base(&self) -> String {
        format!("https://{}", self.api)
    }

    /// The agent as a role calls it.
    pub fn api(&self, archive: &Archive, role: Role) -> AgentClient {
        archive.agents(role).at(&self.base()).unwrap()
    }

    /// URL of a call, for requests that no client would send.
    pub fn url(&self, call: AgentCall, parameters: &[Parameter<'_>]) -> Url {
        call.url(&self.base().parse().unwrap(), parameters).unwrap()
    }

    /// URL on the admin port.
    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin.address())
    }
}
