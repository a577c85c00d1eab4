//! What the worker is, and its adoption.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use mysql_async::prelude::Queryable;
use orrery_archive::names::{READER_ACCOUNT, Role};
use orrery_worker_api::agent::{API_VERSIONS, Adopt, Held, Info, TlsInUse};
use rustix::fs::StatVfs;

use super::body::Body;
use crate::agent::Agent;
use crate::db::{control, sql};
use crate::error::{AgentError, Result};
use crate::jobs::to_end;
use crate::state::identity;
use crate::status::Status;
use crate::tables::manifest;

/// How long mysqld may take to list what it holds.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What the agent is and has; answers also while mysqld is away.
pub async fn info(State(agent): State<Arc<Agent>>) -> Result<Json<Info>> {
    describe(&agent).await.map(Json)
}

async fn describe(agent: &Agent) -> Result<Info> {
    let status = agent.status();
    let held = if status.mysqld.is_ok() {
        held(agent).await
    } else {
        None
    };
    Ok(Info {
        api_versions: API_VERSIONS.to_vec(),
        identity: status.identity.clone().map_err(AgentError::WrongIdentity)?,
        term: agent.terms.highest(),
        mysqld: status.mysqld.clone().ok(),
        catalog: agent.catalog.epochs(),
        free_bytes: free_bytes(&agent.config.data_dir)?,
        held,
        tls: TlsInUse {
            agent: agent.tls.digest().ok(),
            mysqld: status.mysqld_tls.clone(),
        },
    })
}

/// What mysqld says that it holds; `None` when it went away since the last look, or stands still.
async fn held(agent: &Agent) -> Option<Held> {
    let asked = async {
        let mut conn = agent.db.conn().await?;
        let (tables, bytes) = manifest::totals(&mut conn).await?;
        let highest = manifest::highest(&mut conn).await?;
        Ok::<_, AgentError>(Held {
            tables,
            bytes,
            highest,
        })
    };
    tokio::time::timeout(TIMEOUT, asked).await.ok()?.ok()
}

/// Bytes free for unprivileged users on the volume of `path`.
pub fn free_bytes(path: &Path) -> Result<u64> {
    let volume = volume(path)?;
    Ok(volume.f_bavail.saturating_mul(volume.f_frsize))
}

/// Size of the volume of `path`, in bytes.
pub fn volume_bytes(path: &Path) -> Result<u64> {
    let volume = volume(path)?;
    Ok(volume.f_blocks.saturating_mul(volume.f_frsize))
}

fn volume(path: &Path) -> Result<StatVfs> {
    rustix::fs::statvfs(path).map_err(|error| {
        AgentError::io(
            format!("look at the volume of {}", path.display()),
            error.into(),
        )
    })
}

/// Names a fresh data directory, or sets the reader's password on the worker's own.
pub async fn adopt(
    State(agent): State<Arc<Agent>>,
    Body(request): Body<Adopt>,
) -> Result<Json<Info>> {
    agent.require_mysqld()?;
    agent.terms.admit(request.term)?;
    to_end(async move {
        let _lock = agent.attempts.take(0, "the identity of this worker")?;
        take_identity(&agent, &request).await?;
        make_reader(&agent, &request.reader_password).await?;
        describe(&agent).await
    })
    .await
    .map(Json)
}

async fn take_identity(agent: &Agent, request: &Adopt) -> Result<()> {
    let mut conn = agent.db.session().await?;
    let fresh = uuid::Uuid::new_v4().to_string();
    let (file, stored) = (
        agent.identity_file.read()?,
        control::identity(&mut conn).await?,
    );
    let identity = identity::adopted(file, stored, &request.archive_uid, request.worker, fresh)?;
    control::set_identity(&mut conn, &identity).await?;
    agent.identity_file.write(&identity)?;
    agent.set_status(Status {
        identity: Ok(Some(identity)),
        ..agent.status().as_ref().clone()
    });
    Ok(())
}

/// Longest time of one statement of the reader, in seconds: what a czar that died left running ends
/// by itself.
const READER_SECONDS: u32 = 3_600;

/// How the reader must come: over TLS with the certificate of a czar, as MariaDB writes its name.
fn required(without_tls: bool) -> String {
    if without_tls {
        return "NONE".to_owned();
    }
    let czar = format!("/CN={}", Role::Czar.common_name());
    format!("SUBJECT {}", sql::literal(&czar))
}

/// Makes the reader's account; databases are granted one by one as they are made. Anonymous
/// accounts would take its place for local connections and go.
async fn make_reader(agent: &Agent, password: &str) -> Result<()> {
    let mut conn = agent.db.session().await?;
    let anonymous: Vec<String> = conn
        .query("SELECT host FROM mysql.user WHERE user = ''")
        .await?;
    for host in anonymous {
        conn.query_drop(format!("DROP USER ''@{}", sql::literal(&host)))
            .await?;
    }
    conn.query_drop(format!("CREATE USER IF NOT EXISTS '{READER_ACCOUNT}'@'%'"))
        .await?;
    conn.query_drop(format!(
        "ALTER USER '{READER_ACCOUNT}'@'%' IDENTIFIED BY {} REQUIRE {} WITH MAX_STATEMENT_TIME {READER_SECONDS}",
        sql::literal(password),
        required(agent.config.reader_without_tls),
    ))
    .await?;
    Ok(())
}
