//! Random numbers that depend on nothing but the seed and the row: SplitMix64.
//!
//! Written here because the rows of a seed must always stay the same; a library is free to change
//! its algorithms.

use std::f64::consts::TAU;

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The stream of one thing (an object, a source, a cluster) of a kind.
    pub(crate) fn new(seed: u64, kind: u64, number: u64) -> Self {
        let mut random = Self { state: seed };
        let mixed = random.next() ^ kind.wrapping_mul(0xa076_1d64_78bd_642f);
        let mut random = Self { state: mixed };
        Self {
            state: random.next() ^ number.wrapping_mul(0xe703_7ed1_a0b4_28db),
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly spread over [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Evenly spread over [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// One of 0 … count − 1; 0 when there is none.
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(count)) >> 64) as u64
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Two independent numbers of the normal distribution with mean 0 and deviation 1.
    pub(crate) fn normal_pair(&mut self) -> (f64, f64) {
        // 1 − u is never 0.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let (sin, cos) = (TAU * self.unit()).sin_cos();
        (radius * cos, radius * sin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_seed_never_changes() {
        let mut random = Random { state: 0 };
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(
            first,
            [
                0xe220_a839_7b1d_cdaf,
                0x6e78_9e6a_a1b9_65f4,
                0x06c4_5d18_8009_454f
            ]
        );
    }

    #[test]
    fn numbers_are_spread_as_promised() {
        let mut random = Random::new(1, 2, 3);
        let count = 100_000;
        let mean = (0..count).map(|_| random.unit()).sum::<f64>() / f64::from(count);
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        let square = (0..count)
            .map(|_| random.normal_pair().0.powi(2))
            .sum::<f64>()
            / f64::from(count);
        assert!((square - 1.0).abs() < 0.03, "{square}");
        assert!((0..count).all(|_| random.below(7) < 7));
    }
}
