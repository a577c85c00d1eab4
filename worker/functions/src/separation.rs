//! `scisql_angSep`: angular separation of two positions or two vectors, degrees.

use orrery_sky::separation;
use udf::prelude::*;

use crate::args::{coerce_real, expect_count, reals};
use crate::guard::{guarded, guarded_init};

/// The number of decimals by which the server knows that a DOUBLE is not to be rounded.
pub(crate) const FULL_PRECISION: u32 = 31;

struct AngSep {
    cartesian: bool,
}

#[register(name = "scisql_angSep")]
impl BasicUdf for AngSep {
    type Returns<'a> = Option<f64>;

    fn init(cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
        guarded_init(|| {
            expect_count("scisql_angSep", args, matches!(args.len(), 4 | 6), "4 or 6")?;
            coerce_real(args, 0, args.len());
            cfg.set_maybe_null(true);
            cfg.set_decimals(FULL_PRECISION);
            Ok(Self {
                cartesian: args.len() == 6,
            })
        })
    }

    fn process<'a>(
        &'a mut self,
        _cfg: &UdfCfg<Process>,
        args: &ArgList<Process>,
        _error: Option<std::num::NonZeroU8>,
    ) -> Result<Self::Returns<'a>, ProcessError> {
        guarded(|| {
            if self.cartesian {
                let [x1, y1, z1, x2, y2, z2] = reals::<6>(args)?;
                separation::cartesian([x1, y1, z1], [x2, y2, z2])
            } else {
                let [lon1, lat1, lon2, lat2] = reals::<4>(args)?;
                separation::spherical(lon1, lat1, lon2, lat2)
            }
        })
    }
}
