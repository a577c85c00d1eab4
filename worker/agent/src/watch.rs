//! Whether mysqld can be relied on at the moment. One task asks it again and again; every call
//! looks at the last answer.
//!
//! After each start of mysqld: settings are asserted, control tables made, sky functions made, the
//! identity read. Until all of that went well the agent is not ready and says why. It goes on
//! through restarts of mysqld.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use orrery_tls::Files;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::db::control;
use crate::db::settings::Settings;
use crate::error::{AgentError, Result};
use crate::state::identity;
use crate::status::Status;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// A look that takes longer finds mysqld away.
const LIMIT: Duration = Duration::from_secs(10);

/// Looks until `stop`.
pub async fn run(agent: Arc<Agent>, stop: CancellationToken) {
    let mut watcher = Watcher {
        agent,
        conn: None,
        tls: None,
        first: true,
    };
    while !stop.is_cancelled() {
        watcher.look().await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

struct Watcher {
    agent: Arc<Agent>,
    /// A connection to a mysqld that was prepared; when it breaks mysqld may have been restarted.
    conn: Option<Conn>,
    /// The TLS files that mysqld has read.
    tls: Option<Files>,
    first: bool,
}

impl Watcher {
    async fn look(&mut self) {
        let found = match tokio::time::timeout(LIMIT, self.try_look()).await {
            Ok(found) => found,
            Err(_) => Err(AgentError::NotReady(format!(
                "no answer within {} s",
                LIMIT.as_secs()
            ))),
        };
        let before = self.agent.status();
        match found {
            Ok(status) => {
                if before.mysqld.is_err() {
                    tracing::info!(version = ?status.mysqld, "mysqld is ready");
                }
                self.agent.set_status(status);
            }
            Err(error) => {
                self.conn = None;
                let reason = match error {
                    AgentError::NotReady(reason) => reason,
                    other => other.to_string(),
                };
                if before.mysqld.as_ref().err() != Some(&reason) {
                    tracing::warn!(reason, "mysqld cannot be used");
                }
                self.agent.set_status(Status {
                    mysqld: Err(reason),
                    identity: before.identity.clone(),
                    mysqld_tls: None,
                });
            }
        }
    }

    async fn try_look(&mut self) -> Result<Status> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.prepare().await?,
        };
        let settings = Settings::read(&mut conn).await?;
        let faults = settings.faults(&self.agent.config);
        if !faults.is_empty() {
            return Err(AgentError::NotReady(faults.join("; ")));
        }
        self.renew_tls(&mut conn).await;
        let stored = control::identity(&mut conn).await?;
        self.conn = Some(conn);
        let identity = identity::agreed(self.agent.identity_file.read()?, stored);
        Ok(Status {
            mysqld: Ok(settings.version),
            identity: identity.map_err(|error| error.to_string()),
            mysqld_tls: self.tls.as_ref().map(Files::digest),
        })
    }

    /// Has mysqld read its TLS files when they have changed. It keeps the former ones while new ones
    /// cannot be used, and the connections that it has.
    async fn renew_tls(&mut self, conn: &mut Conn) {
        let Some(folder) = &self.agent.config.mysqld_tls_dir else {
            return;
        };
        let files = match Files::read(folder) {
            Ok(files) if self.tls.as_ref() == Some(&files) => return,
            Ok(files) => files,
            Err(error) => {
                tracing::warn!(%error, "mysqld's certificates cannot be read");
                return;
            }
        };
        match conn.query_drop("FLUSH SSL").await {
            Ok(()) => self.tls = Some(files),
            Err(error) => tracing::warn!(%error, "mysqld's new certificates cannot be used"),
        }
    }

    async fn prepare(&mut self) -> Result<Conn> {
        let mut conn = self.agent.db.session().await?;
        let faults = Settings::read(&mut conn).await?.faults(&self.agent.config);
        if !faults.is_empty() {
            return Err(AgentError::NotReady(faults.join("; ")));
        }
        if self.first {
            crate::load::pipe::release_leftovers(&self.agent.config.pipe_dir)?;
            self.agent.db.kill_leftovers(&mut conn).await?;
            crate::copy::import::clean(&mut conn, &self.agent.config).await?;
            self.first = false;
        }
        crate::trials::scratch::clean(&mut conn, &self.agent.trials).await?;
        control::create(&mut conn).await?;
        if let Some(path) = &self.agent.config.functions_sql {
            let text = std::fs::read_to_string(path)
                .map_err(|source| AgentError::io(format!("read {}", path.display()), source))?;
            conn.query_drop(text).await.map_err(|error| {
                AgentError::NotReady(format!(
                    "the functions of {} cannot be made: {error}",
                    path.display()
                ))
            })?;
        }
        Ok(conn)
    }
}
