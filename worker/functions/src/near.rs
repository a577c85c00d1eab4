//! `orrery_cell`: the cells by which the czar's statements find rows near each other. Users'
//! statements do not call it.

use orrery_sky::Reach;
use udf::prelude::*;

use crate::args::{coerce_real, expect_count, expect_integer, integer, reals};
use crate::guard::{guarded, guarded_init};

/// `orrery_cell(lon, lat, reach, step)`: the cell of a position with step 0, and with the steps after
/// it the others in which everything is that is within the reach; NULL where there is none.
struct Cell;

#[register(name = "orrery_cell")]
impl BasicUdf for Cell {
    type Returns<'a> = Option<i64>;

    fn init(cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
        guarded_init(|| {
            expect_count("orrery_cell", args, args.len() == 4, "4")?;
            expect_integer("orrery_cell", args, 3, "step")?;
            coerce_real(args, 0, 3);
            cfg.set_maybe_null(true);
            Ok(Self)
        })
    }

    fn process<'a>(
        &'a mut self,
        _cfg: &UdfCfg<Process>,
        args: &ArgList<Process>,
        _error: Option<std::num::NonZeroU8>,
    ) -> Result<Self::Returns<'a>, ProcessError> {
        guarded(|| {
            let [lon, lat, reach] = reals::<3>(args)?;
            let step = u32::try_from(integer(args, 3)?).ok()?;
            Reach::new(reach)?.near_cell(lon, lat, step)
        })
    }
}
