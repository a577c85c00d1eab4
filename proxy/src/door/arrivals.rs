//! Connections that have not logged in: a budget of their own, so that silent ones keep nobody
//! out. A new one always comes in; the oldest of those that have most goes for it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::origin::Origin;

/// Connections that have not logged in.
pub struct Arrivals {
    state: Mutex<State>,
    limit: usize,
    per_address: usize,
}

#[derive(Default)]
struct State {
    next: u64,
    /// By age: the first is the oldest.
    waiting: BTreeMap<u64, (Origin, CancellationToken)>,
    counts: HashMap<Origin, usize>,
}

impl State {
    fn remove(&mut self, number: u64) -> Option<CancellationToken> {
        let (origin, displaced) = self.waiting.remove(&number)?;
        if let Some(count) = self.counts.get_mut(&origin) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&origin);
            }
        }
        Some(displaced)
    }

    fn displace_oldest_of(&mut self, origin: Origin) {
        let mut numbers = self.waiting.iter();
        let oldest = numbers.find_map(|(number, (of, _))| (*of == origin).then_some(*number));
        if let Some(displaced) = oldest.and_then(|number| self.remove(number)) {
            displaced.cancel();
        }
    }
}

impl Arrivals {
    /// For at most `limit` connections, of which one address has at most `per_address`; at least
    /// one each.
    pub fn new(limit: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            limit: limit.max(1),
            per_address: per_address.max(1),
        })
    }

    /// Takes a connection in. Over the share of its address the oldest of that address goes; over
    /// the limit of all the oldest of the address that has most.
    pub fn arrive(self: &Arc<Self>, from: IpAddr) -> Arrival {
        let origin = Origin::from(from);
        let displaced = CancellationToken::new();
        let mut state = self.state.lock();
        if state.counts.get(&origin).copied().unwrap_or(0) >= self.per_address {
            state.displace_oldest_of(origin);
        } else if state.waiting.len() >= self.limit {
            let most = state.counts.iter().max_by_key(|(_, count)| **count);
            if let Some(most) = most.map(|(most, _)| *most) {
                state.displace_oldest_of(most);
            }
        }
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number, (origin, displaced.clone()));
        *state.counts.entry(origin).or_default() += 1;
        Arrival {
            arrivals: self.clone(),
            number,
            displaced,
        }
    }

    /// Connections that have not logged in now.
    pub fn len(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A connection's place among those that have not logged in; given back when dropped.
pub struct Arrival {
    arrivals: Arc<Arrivals>,
    number: u64,
    /// Ends when a newer connection has taken the place.
    pub displaced: CancellationToken,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.arrivals.state.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn the_oldest_of_the_same_address_goes_for_a_new_one() {
        let arrivals = Arrivals::new(10, 2);
        let other = arrivals.arrive(from(2));
        let first = arrivals.arrive(from(1));
        let second = arrivals.arrive(from(1));
        let third = arrivals.arrive(from(1));
        assert!(first.displaced.is_cancelled());
        assert!(!second.displaced.is_cancelled() && !third.displaced.is_cancelled());
        assert!(!other.displaced.is_cancelled());
        drop(first);
        assert_eq!(arrivals.len(), 3);
        drop((second, third, other));
        assert!(arrivals.is_empty() && arrivals.state.lock().counts.is_empty());
    }

    #[test]
    fn over_the_limit_the_address_with_most_gives_a_place() {
        let arrivals = Arrivals::new(4, 3);
        let quiet = arrivals.arrive(from(2));
        let many: Vec<Arrival> = (0..3).map(|_| arrivals.arrive(from(1))).collect();
        let late = arrivals.arrive(from(3));
        assert!(many[0].displaced.is_cancelled());
        for stays in [&quiet, &many[1], &many[2], &late] {
            assert!(!stays.displaced.is_cancelled());
        }
        assert_eq!(arrivals.len(), 4);
    }
}
