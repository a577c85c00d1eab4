//! How a statement is asked, which its seed and number decide.

use orrery_wire::Format;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::databases::{FEW, MANY};

/// How a statement is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Default database.
    pub database: &'static str,
    /// As text, or prepared.
    pub format: Format,
    /// Whether it is also compared with itself in other words: five more statements.
    pub reworded: bool,
    /// Whether it is also answered from gathered tables.
    pub gathered: bool,
}

impl Mode {
    /// That of the statement with this number among those of a seed.
    pub fn of(seed: u64, number: u64) -> Self {
        // Not the numbers that the statement itself is made from.
        let mut random = ChaCha8Rng::seed_from_u64(!seed);
        random.set_stream(number);
        let mut one_in = |share| random.random_ratio(1, share);
        Self {
            database: if one_in(10) { MANY } else { FEW }.database,
            format: if one_in(5) {
                Format::Binary
            } else {
                Format::Text
            },
            reworded: one_in(20),
            gathered: one_in(20),
        }
    }
}
