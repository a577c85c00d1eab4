//! Bytes that clients may make the proxy hold, in all and each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of bytes that may be held; perhaps a part of a larger one.
#[derive(Debug)]
pub struct Budget {
    used: AtomicUsize,
    limit: usize,
    whole: Option<Arc<Budget>>,
}

impl Budget {
    /// Of `limit` bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            limit,
            whole: None,
        })
    }

    /// At most `limit` bytes of this budget.
    pub fn part(self: &Arc<Self>, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            limit,
            whole: Some(self.clone()),
        })
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes bytes, if there are so many.
    pub fn take(self: &Arc<Self>, bytes: usize) -> Option<Share> {
        let mut share = Share {
            budget: self.clone(),
            bytes: 0,
        };
        share.grow(bytes).then_some(share)
    }

    fn reserve(&self, bytes: usize) -> bool {
        let added = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, added);
        if taken.is_err() {
            return false;
        }
        if self.whole.as_ref().is_none_or(|whole| whole.reserve(bytes)) {
            return true;
        }
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        false
    }

    fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.release(bytes);
        }
    }
}

/// Bytes taken from a budget; given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Share {
    /// Takes more bytes; false when there are not so many, and nothing is taken.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let taken = self.budget.reserve(bytes);
        if taken {
            self.bytes += bytes;
        }
        taken
    }

    /// Gives back what is more than `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let more = self.bytes.saturating_sub(bytes);
        self.budget.release(more);
        self.bytes -= more;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_the_whole_bound_what_is_held_and_get_it_back() {
        let whole = Budget::new(100);
        let (one, other) = (whole.part(80), whole.part(80));
        assert!(one.take(81).is_none(), "more than the part");
        let mut share = one.take(60).unwrap();
        assert!(
            other.take(41).is_none(),
            "more than what is left of the whole"
        );
        assert_eq!((other.used(), whole.used()), (0, 60));
        assert!(share.grow(20) && !share.grow(1));
        share.shrink_to(10);
        let _second = other.take(80).unwrap();
        assert_eq!(whole.used(), 90);
        drop(share);
        assert_eq!((one.used(), whole.used()), (0, 80));
    }
}
