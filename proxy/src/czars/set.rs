//! All czars, and which of them is asked next.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::error::CzarError;
use super::options::CzarOptions;
use super::pool::{Czar, PooledConnection};

/// All czars. Cheap to clone.
#[derive(Clone)]
pub struct Czars {
    pub(super) options: Arc<CzarOptions>,
    pub(super) members: Arc<ArcSwap<Vec<Arc<Czar>>>>,
}

impl Czars {
    /// No czar yet; [`super::watch`] finds them.
    pub fn new(options: CzarOptions) -> Self {
        Self {
            options: Arc::new(options),
            members: Arc::default(),
        }
    }

    /// Whether at least one czar answered its last probe.
    pub fn any_healthy(&self) -> bool {
        self.members.load().iter().any(|czar| czar.is_healthy())
    }

    /// (healthy, known) czars.
    pub fn counts(&self) -> (usize, usize) {
        let members = self.members.load();
        (
            members.iter().filter(|czar| czar.is_healthy()).count(),
            members.len(),
        )
    }

    /// A connection to the czar with the least to do. Czars in `avoid` are used only when there is
    /// no other, and then over a new connection: the ones kept may be as dead as the one that
    /// failed.
    pub async fn connection(&self, avoid: &[SocketAddr]) -> Result<PooledConnection, CzarError> {
        let members = self.members.load_full();
        let rank = |czar: &&Arc<Czar>| {
            (
                avoid.contains(&czar.address()),
                !czar.is_healthy(),
                czar.in_flight(),
            )
        };
        let czar = members.iter().min_by_key(rank).ok_or(CzarError::None)?;
        let fresh = avoid.contains(&czar.address());
        PooledConnection::take(czar.clone(), fresh, &self.options).await
    }

    /// The account used at czars, which is also the proxies' own.
    pub fn account(&self) -> &CzarOptions {
        &self.options
    }

    /// Replaces the set of addresses; czars that stay keep their connections.
    pub(super) fn replace(&self, addresses: &[SocketAddr]) {
        let known = self.members.load_full();
        let known: BTreeMap<SocketAddr, &Arc<Czar>> =
            known.iter().map(|czar| (czar.address(), czar)).collect();
        let same = known.len() == addresses.len()
            && addresses.iter().all(|address| known.contains_key(address));
        if same {
            return;
        }
        let members = addresses.iter().map(|address| {
            known.get(address).map_or_else(
                || Arc::new(Czar::new(*address, self.options.connections)),
                |czar| Arc::clone(czar),
            )
        });
        self.members.store(Arc::new(members.collect()));
    }
}
