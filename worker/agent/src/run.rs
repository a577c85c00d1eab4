//! Puts the agent together and runs it.

use orrery_shell::AdminPort;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::config::Config;
use crate::server;

/// Runs an agent until `stop`.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    let api = server::listen(config.listen).await?;
    let admin_listen = config.shell.admin_listen;
    let agent = Agent::open(config)?;
    let admin = AdminPort::open(admin_listen, agent.clone()).await?;
    tracing::info!(listen = %api.local_addr()?, admin = %admin.address(), "agent up");
    Ok(server::run(agent, api, stop).await?)
}
