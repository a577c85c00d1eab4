//! `scisql_median` and `scisql_percentile`, aggregates over a group's values.
//!
//! Both need every value of the group; a median of medians is not the median. A distributed query
//! must gather the values before it applies them.

use std::num::NonZeroU8;

use orrery_sky::statistics::Sample;
use udf::prelude::*;

use crate::args::{coerce_real, expect_count, real};
use crate::guard::{guarded, guarded_init, guarded_step};
use crate::separation::FULL_PRECISION;

/// A group in the making. Once `failed`, its result is NULL.
///
/// The state lives here and not in the server's error flag, which no later group could take back.
#[derive(Default)]
struct Group {
    sample: Sample,
    failed: bool,
}

impl Group {
    fn clear(&mut self) {
        self.sample.clear();
        self.failed = false;
    }

    fn add(&mut self, value: Option<f64>) {
        let Some(value) = value else { return };
        if !self.failed && !guarded_step(|| self.sample.push(value).is_ok()) {
            self.failed = true;
        }
    }
}

struct Median {
    group: Group,
}

#[register(name = "scisql_median")]
impl BasicUdf for Median {
    type Returns<'a> = Option<f64>;

    fn init(cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
        guarded_init(|| {
            expect_count("scisql_median", args, args.len() == 1, "1")?;
            coerce_real(args, 0, 1);
            cfg.set_maybe_null(true);
            cfg.set_decimals(FULL_PRECISION);
            Ok(Self {
                group: Group::default(),
            })
        })
    }

    fn process<'a>(
        &'a mut self,
        _cfg: &UdfCfg<Process>,
        _args: &ArgList<Process>,
        _error: Option<NonZeroU8>,
    ) -> Result<Self::Returns<'a>, ProcessError> {
        guarded(|| {
            if self.group.failed {
                None
            } else {
                self.group.sample.median()
            }
        })
    }
}

#[register(name = "scisql_median")]
impl AggregateUdf for Median {
    fn clear(
        &mut self,
        _cfg: &UdfCfg<Process>,
        _error: Option<NonZeroU8>,
    ) -> Result<(), NonZeroU8> {
        self.group.clear();
        Ok(())
    }

    fn add(
        &mut self,
        _cfg: &UdfCfg<Process>,
        args: &ArgList<Process>,
        _error: Option<NonZeroU8>,
    ) -> Result<(), NonZeroU8> {
        self.group.add(real(args, 0));
        Ok(())
    }
}

struct Percentile {
    group: Group,
    /// The percentage of the group's first row; it must not vary within a group.
    percent: Option<f64>,
    started: bool,
}

#[register(name = "scisql_percentile")]
impl BasicUdf for Percentile {
    type Returns<'a> = Option<f64>;

    fn init(cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
        guarded_init(|| {
            expect_count("scisql_percentile", args, args.len() == 2, "2")?;
            coerce_real(args, 0, 2);
            cfg.set_maybe_null(true);
            cfg.set_decimals(FULL_PRECISION);
            Ok(Self {
                group: Group::default(),
                percent: None,
                started: false,
            })
        })
    }

    fn process<'a>(
        &'a mut self,
        _cfg: &UdfCfg<Process>,
        _args: &ArgList<Process>,
        _error: Option<NonZeroU8>,
    ) -> Result<Self::Returns<'a>, ProcessError> {
        guarded(|| {
            if self.group.failed {
                None
            } else {
                self.group.sample.percentile(self.percent?)
            }
        })
    }
}

#[register(name = "scisql_percentile")]
impl AggregateUdf for Percentile {
    fn clear(
        &mut self,
        _cfg: &UdfCfg<Process>,
        _error: Option<NonZeroU8>,
    ) -> Result<(), NonZeroU8> {
        self.group.clear();
        self.percent = None;
        self.started = false;
        Ok(())
    }

    fn add(
        &mut self,
        _cfg: &UdfCfg<Process>,
        args: &ArgList<Process>,
        _error: Option<NonZeroU8>,
    ) -> Result<(), NonZeroU8> {
        if !self.started {
            self.percent = real(args, 1);
            self.started = true;
        }
        self.group.add(real(args, 0));
        Ok(())
    }
}
