//! Finding czars and asking them whether they are well.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::set::Czars;

/// Between two rounds of probes.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// How long one look-up of names may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// Keeps the set of czars and their health up to date until the process ends.
pub async fn watch(czars: Czars) {
    loop {
        let found = look_up(&czars.options.names).await;
        // A name service that is away must not make the czars vanish.
        if !found.is_empty() {
            czars.replace(&found);
        }
        let members = czars.members.load_full();
        futures::future::join_all(members.iter().map(|czar| czar.probe(&czars.options))).await;
        tokio::time::sleep(PROBE_EVERY).await;
    }
}

/// All addresses that the names have at present.
pub(crate) async fn look_up(names: &[String]) -> Vec<SocketAddr> {
    let mut found = BTreeSet::new();
    for name in names {
        match tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host(name)).await {
            Ok(Ok(addresses)) => found.extend(addresses),
            Ok(Err(error)) => tracing::debug!(%name, %error, "czars not found"),
            Err(_) => tracing::debug!(%name, "look-up of czars takes too long"),
        }
    }
    found.into_iter().collect()
}
