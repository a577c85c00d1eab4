//! Sums of doubles that do not depend on the order of their terms.

/// A sum of doubles without rounding: Shewchuk's expansion, a few numbers that do not overlap and
/// whose exact sum is that of the terms.
#[derive(Clone, Debug, Default)]
pub struct ExactSum {
    /// Smallest first.
    parts: Vec<f64>,
}

impl ExactSum {
    /// Adds a term. False when the sum has left the range of doubles; it is of no use then.
    pub fn add(&mut self, term: f64) -> bool {
        let mut carried = term;
        let mut kept = 0;
        for at in 0..self.parts.len() {
            let Some(part) = self.parts.get(at).copied() else {
                break;
            };
            let (large, small) = if carried.abs() < part.abs() {
                (part, carried)
            } else {
                (carried, part)
            };
            let sum = large + small;
            // Exact, because the larger one comes first.
            let lost = small - (sum - large);
            if lost != 0.0 {
                if let Some(place) = self.parts.get_mut(kept) {
                    *place = lost;
                }
                kept += 1;
            }
            carried = sum;
        }
        self.parts.truncate(kept);
        self.parts.push(carried);
        carried.is_finite()
    }

    /// The double nearest to the sum.
    pub fn total(&self) -> f64 {
        let mut rest = self.parts.iter().rev().copied();
        let Some(mut total) = rest.next() else {
            return 0.0;
        };
        while let Some(part) = rest.next() {
            let sum = total + part;
            let lost = part - (sum - total);
            total = sum;
            if lost == 0.0 {
                continue;
            }
            // Half-way cases were rounded to even without a look at what is left: it decides.
            let is_pulled = rest
                .next()
                .is_some_and(|left| left != 0.0 && (left < 0.0) == (lost < 0.0));
            let doubled = lost * 2.0;
            let other = total + doubled;
            #[expect(
                clippy::float_cmp,
                reason = "whether the addition was exact is the question"
            )]
            if is_pulled && doubled == other - total {
                total = other;
            }
            break;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(terms: &[f64]) -> f64 {
        let mut sum = ExactSum::default();
        for term in terms {
            assert!(sum.add(*term));
        }
        sum.total()
    }

    #[test]
    fn no_term_is_lost_beside_larger_ones() {
        assert_eq!(sum(&[]).to_bits(), 0.0_f64.to_bits());
        assert_eq!(sum(&[1e16, 1.0, -1e16]).to_bits(), 1.0_f64.to_bits());
        assert_eq!(
            sum(&[1e100, 1.0, -1e100, 1e-100]).to_bits(),
            1.0_f64.to_bits()
        );
        let tenths = [0.1; 10];
        assert_eq!(sum(&tenths).to_bits(), 1.0_f64.to_bits());
        // Half-way between two doubles, decided by the last bit of all.
        let half = f64::EPSILON / 2.0;
        assert_eq!(
            sum(&[1.0, half, 1e-300]).to_bits(),
            (1.0 + f64::EPSILON).to_bits()
        );
        assert_eq!(sum(&[1.0, half, -1e-300]).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn the_order_of_terms_does_not_count() {
        // Numbers of all sizes, from a generator of no quality.
        let mut state = 7_u64;
        let mut terms: Vec<f64> = (0..2_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let exponent = (state >> 40) as i32 % 60 - 30;
                ((state >> 11) as f64 / 1e15 - 4.5) * 2_f64.powi(exponent)
            })
            .collect();
        let forward = sum(&terms);
        terms.reverse();
        assert_eq!(sum(&terms).to_bits(), forward.to_bits());
        terms.sort_by(f64::total_cmp);
        assert_eq!(sum(&terms).to_bits(), forward.to_bits());
    }

    #[test]
    fn a_sum_beyond_doubles_says_so() {
        let mut sum = ExactSum::default();
        assert!(sum.add(f64::MAX));
        assert!(!sum.add(f64::MAX));
    }
}
