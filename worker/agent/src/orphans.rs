//! Statements whose czar is gone end here.
//!
//! mysqld notices that a client is gone when it next sends it something, which a scan may not do for
//! an hour. The kernel knows at once: the agent shares mysqld's network namespace, and ends the
//! statements of readers whose connections are no longer established there.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use orrery_archive::names::READER_ACCOUNT;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::error::{AgentError, Result};

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// Statements that run for less end by themselves soon enough, milliseconds.
const SHORT: u32 = 1_000;
/// The kernel's tables of TCP connections in this network namespace.
const TABLES: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
/// State of a connection that is open on both sides.
const ESTABLISHED: &str = "01";

/// Looks until `stop`.
pub async fn run(agent: Arc<Agent>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        if agent.require_mysqld().is_err() {
            continue;
        }
        match end_orphans(&agent).await {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, "ended statements whose clients are gone"),
            Err(error) => {
                tracing::warn!(%error, "cannot look for statements whose clients are gone");
            }
        }
    }
}

/// Ends the readers' statements whose clients are gone; answers how many.
async fn end_orphans(agent: &Agent) -> Result<usize> {
    let running: Vec<(u32, String, u16)> = agent
        .db
        .conn()
        .await?
        .query(format!(
            "SELECT id, host, @@port FROM information_schema.processlist \
             WHERE user = '{READER_ACCOUNT}' AND command <> 'Sleep' AND time_ms > {SHORT}"
        ))
        .await?;
    let Some((_, _, port)) = running.first() else {
        return Ok(0);
    };
    // Looked at later than the statements: what is not there now is gone.
    let mut open = HashSet::new();
    for path in TABLES {
        match tokio::fs::read_to_string(path).await {
            Ok(table) => open.extend(peers(&table, *port)),
            // A kernel without IPv6 has no such table.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(AgentError::io(format!("read {path}"), source)),
        }
    }
    let mut ended = 0;
    for (id, host, _) in &running {
        // mysqld names hosts by address; another name says nothing.
        let Some(peer) = address(host) else { continue };
        if !open.contains(&peer) {
            agent.db.kill(*id).await?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// `host` of the process list: an address and a port.
fn address(host: &str) -> Option<SocketAddr> {
    let (address, port) = host.rsplit_once(':')?;
    let address: IpAddr = address.parse().ok()?;
    Some(SocketAddr::new(address.to_canonical(), port.parse().ok()?))
}

/// The other ends of the connections to `port` that are open, by a table of the kernel.
fn peers(table: &str, port: u16) -> impl Iterator<Item = SocketAddr> + '_ {
    table.lines().filter_map(move |line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (own, peer, state) = (fields.next()?, fields.next()?, fields.next()?);
        let is_open = state == ESTABLISHED && socket(own)?.port() == port;
        socket(peer).filter(|_| is_open)
    })
}

/// `0100007F:0CEA`: an address as words in the machine's order, and a port.
fn socket(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at..at + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (number, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(8 * number)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(address.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn open_connections_to_the_port_are_read_from_the_kernels_tables() {
        let table = "  sl  local_address rem_address   st tx_queue\n\
            0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000\n\
            1: 0100007F:0CEA 0200A8C0:D431 01 00000000:00000000\n\
            2: 0100007F:0CEA 0300A8C0:D432 08 00000000:00000000\n\
            3: 0100007F:0CEB 0400A8C0:D433 01 00000000:00000000\n";
        let found: Vec<SocketAddr> = peers(table, 3306).collect();
        assert_eq!(found, ["192.168.0.2:54321".parse().unwrap()]);
        let table = "0: 0000000000000000FFFF00000100007F:0CEA \
            0000000000000000FFFF00000200007F:D431 01 0:0\n\
            1: 00000000000000000000000001000000:0CEA 00000000000000000000000001000000:D431 01 0:0\n";
        let found: Vec<SocketAddr> = peers(table, 3306).collect();
        assert_eq!(
            found,
            [address("127.0.0.2:54321"), address("::1:54321")].map(Option::unwrap)
        );
    }
}
