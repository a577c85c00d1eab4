//! How what is placed at once is shared among workers. Pure.
//!
//! Bytes even among workers is the aim, but a worker that joined empty, or is a little emptier than
//! others, would by that alone get every new chunk: it would load and later answer alone. So a share
//! lies between half and twice the fair one, and `Rebalance` moves what is left uneven.

/// Bytes that each worker should get of `bytes`, by what it holds.
pub(super) fn shares(held: &[u64], bytes: u64) -> Vec<u64> {
    let workers = held.len().max(1) as u64;
    let fair = bytes / workers;
    let total = held
        .iter()
        .fold(bytes, |sum, held| sum.saturating_add(*held));
    let even = total / workers;
    let share = |held: &u64| {
        let wanted = even.saturating_sub(*held);
        wanted.clamp(fair / 2, fair.saturating_mul(2)).max(1)
    };
    held.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_makes_workers_even_within_half_and_twice_the_fair_one() {
        assert_eq!(shares(&[0, 0, 0, 0], 400), [100; 4]);
        assert_eq!(shares(&[50, 150, 100, 100], 400), [150, 50, 100, 100]);
        assert_eq!(shares(&[0, 9000, 9000, 9000], 400), [200, 50, 50, 50]);
        assert_eq!(shares(&[7, 9], 0), [1, 1]);
        assert_eq!(shares(&[u64::MAX, u64::MAX], u64::MAX).len(), 2);
        assert!(shares(&[], 400).is_empty());
    }
}
