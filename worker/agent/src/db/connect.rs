//! Connections to the local mysqld, over its Unix socket as the local administrator.
//!
//! Every connection fixes what could change the meaning of a statement: character set, time zone,
//! `sql_mode`, lock waits.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use parking_lot::Mutex;

use crate::error::{AgentError, Result};

/// How long a connection may take; a stopped mysqld accepts and never answers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections kept for short statements.
const POOL_SIZE: usize = 8;
/// Connections for one piece of work on many tables.
const SHARES: usize = 4;

const SETUP: [&str; 3] = [
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
    // Notes (a decimal that was rounded as MariaDB always does) are not warnings; whatever is left
    // in the warning count is a bad row.
    "SET SESSION time_zone = '+00:00', sql_notes = 0, unique_checks = 1, foreign_key_checks = 1, max_statement_time = 0, \
     sql_mode = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION lock_wait_timeout = 10, innodb_lock_wait_timeout = 20, wait_timeout = 28800, tx_isolation = 'REPEATABLE-READ'",
];

/// The local mysqld.
#[derive(Clone, Debug)]
pub struct Db {
    opts: Opts,
    pool: Pool,
    /// Sessions of LOADs that have committed.
    resting: Arc<Mutex<Vec<Conn>>>,
}

impl Db {
    /// Describes the mysqld at `socket`; nothing is opened yet.
    pub fn new(socket: &Path, user: &str) -> Result<Self> {
        let socket = socket.to_str().ok_or_else(|| {
            AgentError::BadRequest(format!(
                "the socket's path {} is not text",
                socket.display()
            ))
        })?;
        let constraints = PoolConstraints::new(0, POOL_SIZE)
            .ok_or_else(|| AgentError::Internal("the size of the connection pool".into()))?;
        let opts: Opts = OptsBuilder::default()
            .socket(Some(socket))
            .user(Some(user))
            .prefer_socket(true)
            .setup(SETUP.to_vec())
            .pool_opts(PoolOpts::default().with_constraints(constraints))
            .into();
        Ok(Self {
            pool: Pool::new(opts.clone()),
            opts,
            resting: Arc::default(),
        })
    }

    /// A connection from the pool, for statements that leave nothing behind in the session.
    pub async fn conn(&self) -> Result<Conn> {
        within(CONNECT_TIMEOUT, self.pool.get_conn()).await
    }

    /// A connection of its own, for statements that can block, hold locks or be killed.
    pub async fn session(&self) -> Result<Conn> {
        within(CONNECT_TIMEOUT, Conn::new(self.opts.clone())).await
    }

    /// A session of its own for a LOAD: one that another has left with [`Db::rest`], if it is still
    /// there. To connect, and to prepare the statements around it, takes longer than a LOAD of few
    /// rows.
    pub async fn load_session(&self) -> Result<Conn> {
        loop {
            let Some(mut conn) = self.resting.lock().pop() else {
                return self.session().await;
            };
            if let Ok(Ok(())) = tokio::time::timeout(CONNECT_TIMEOUT, conn.ping()).await {
                return Ok(conn);
            }
        }
    }

    /// Keeps a session for the next LOAD. Only after its transaction has ended.
    pub fn rest(&self, conn: Conn) {
        self.resting.lock().push(conn);
    }

    /// Ends another connection; one that is gone already is fine.
    pub async fn kill(&self, connection: u32) -> Result<()> {
        const ER_NO_SUCH_THREAD: u16 = 1094;
        let killed = self
            .session()
            .await?
            .query_drop(format!("KILL CONNECTION {connection}"))
            .await;
        match killed.map_err(AgentError::from) {
            Err(error) if error.sql_code() == Some(ER_NO_SUCH_THREAD) => Ok(()),
            other => other,
        }
    }

    /// Ends every other connection of the agent's account: sessions an agent left behind that died
    /// here before.
    pub async fn kill_leftovers(&self, conn: &mut Conn) -> Result<()> {
        let others: Vec<u32> = conn
            .query(
                "SELECT id FROM information_schema.processlist \
                 WHERE user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1) AND id <> CONNECTION_ID()",
            )
            .await?;
        for id in others {
            self.kill(id).await?;
        }
        Ok(())
    }

    /// Closes idle connections.
    pub async fn close(&self) {
        self.resting.lock().clear();
        if let Err(error) = self.pool.clone().disconnect().await {
            tracing::debug!(%error, "connections were closed by mysqld first");
        }
    }
}

/// Shares of a piece of work on many tables, to be done side by side on connections of their own:
/// DDL waits for the disk more than for the processor.
pub fn shares<T>(items: &[T]) -> std::slice::Chunks<'_, T> {
    items.chunks(items.len().div_ceil(SHARES).max(1))
}

/// Does all shares. What was begun ends before the first error is returned.
pub async fn side_by_side(shares: Vec<impl Future<Output = Result<()>>>) -> Result<()> {
    futures::future::join_all(shares)
        .await
        .into_iter()
        .collect()
}

async fn within<T>(
    limit: Duration,
    connecting: impl Future<Output = mysql_async::Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(limit, connecting).await {
        Ok(connected) => Ok(connected?),
        Err(_) => Err(AgentError::NotReady(format!(
            "no connection within {} s",
            limit.as_secs()
        ))),
    }
}
