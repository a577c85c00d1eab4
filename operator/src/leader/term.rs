//! The leader's term: a number that grows with every change of leader, so that agents can refuse a
//! former one (docs/design/catalog.md#terms).

/// Term of a new leader of an archive: above whatever the Lease, the root and any agent have seen.
///
/// The Lease alone is not enough: it can be deleted, or come back from an old backup together with
/// the root; agents keep the highest term on their disks.
pub fn next(
    lease_transitions: u64,
    root_term: u64,
    agent_terms: impl IntoIterator<Item = u64>,
) -> u64 {
    agent_terms
        .into_iter()
        .fold(lease_transitions.max(root_term), u64::max)
        .saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn term_is_above_every_term_seen() {
        assert_eq!(next(3, 1, []), 4);
        assert_eq!(next(3, 9, [4]), 10);
        assert_eq!(next(0, 9, [4, 20, 6]), 21);
    }

    #[test]
    fn a_lost_lease_and_root_do_not_bring_an_old_term_back() {
        assert_eq!(next(0, 0, [17]), 18);
    }
}
