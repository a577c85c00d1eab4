//! Median and percentile of a group of values, as `scisql_median` and `scisql_percentile` define
//! them.

use thiserror::Error;

/// Most values a group may have: 2^27, one gibibyte of doubles.
pub const MAX_SAMPLE_VALUES: usize = 1 << 27;

/// Why a value cannot be added to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SampleError {
    /// The group has [`MAX_SAMPLE_VALUES`] values.
    #[error("a group of more than {MAX_SAMPLE_VALUES} values has no median or percentile here")]
    TooLarge,
    /// The process has no memory for one more value.
    #[error("no memory for a group of {0} values")]
    NoMemory(usize),
}

/// The values of one group, collected for an order statistic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    values: Vec<f64>,
}

impl Sample {
    /// Adds a value; NaN is no value and is left out.
    pub fn push(&mut self, value: f64) -> Result<(), SampleError> {
        if value.is_nan() {
            return Ok(());
        }
        if self.values.len() >= MAX_SAMPLE_VALUES {
            return Err(SampleError::TooLarge);
        }
        // Inside mysqld a failed allocation must not end the process, as a plain push would.
        self.values
            .try_reserve(1)
            .map_err(|_| SampleError::NoMemory(self.values.len()))?;
        self.values.push(value);
        Ok(())
    }

    /// Forgets all values and keeps the memory for the next group.
    pub fn clear(&mut self) {
        self.values.clear();
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The median, `None` without values. Reorders the values.
    pub fn median(&mut self) -> Option<f64> {
        self.percentile(50.0)
    }

    /// The value at `(n - 1) × percent / 100` of the sorted values, linearly interpolated between
    /// the two neighbours. `None` without values or with a percentage outside [0, 100]. Reorders
    /// the values.
    pub fn percentile(&mut self, percent: f64) -> Option<f64> {
        if !(0.0..=100.0).contains(&percent) {
            return None;
        }
        let last = self.values.len().checked_sub(1)?;
        let place = last as f64 * (percent / 100.0);
        let below = (place.floor() as usize).min(last);
        let (_, &mut low, above) = self.values.select_nth_unstable_by(below, f64::total_cmp);
        let fraction = place - below as f64;
        match above.iter().copied().min_by(f64::total_cmp) {
            Some(high) if fraction > 0.0 => Some(low + fraction * (high - low)),
            _ => Some(low),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        let mut sample = Sample::default();
        for &value in values {
            sample.push(value).unwrap();
        }
        sample
    }

    #[test]
    fn median_of_odd_and_even_groups() {
        assert_eq!(sample(&[3.0, 1.0, 2.0]).median(), Some(2.0));
        assert_eq!(sample(&[4.0, 1.0, 3.0, 2.0]).median(), Some(2.5));
        assert_eq!(sample(&[7.0]).median(), Some(7.0));
        assert_eq!(sample(&[]).median(), None);
    }

    #[test]
    fn percentile_interpolates_between_neighbours() {
        let mut five = sample(&[50.0, 10.0, 40.0, 20.0, 30.0]);
        assert_eq!(five.percentile(0.0), Some(10.0));
        assert_eq!(five.percentile(100.0), Some(50.0));
        assert_eq!(five.percentile(25.0), Some(20.0));
        assert_eq!(five.percentile(30.0), Some(22.0));
        assert_eq!(five.percentile(100.1), None);
        assert_eq!(five.percentile(f64::NAN), None);
    }

    #[test]
    fn nan_is_no_value() {
        let mut some = sample(&[f64::NAN, 1.0, f64::NAN]);
        assert_eq!(some.len(), 1);
        assert_eq!(some.median(), Some(1.0));
        some.clear();
        assert!(some.is_empty());
    }
}
