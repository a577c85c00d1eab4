//! `scisql_s2HtmId` and `scisql_s2HtmLevel`: ids of the hierarchical triangular mesh.

use orrery_sky::htm;
use udf::prelude::*;

use crate::args::{coerce_real, expect_count, expect_integer, integer, reals};
use crate::guard::{guarded, guarded_init};

struct HtmId;

#[register(name = "scisql_s2HtmId")]
impl BasicUdf for HtmId {
    type Returns<'a> = Option<i64>;

    fn init(cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
        guarded_init(|| {
            expect_count("scisql_s2HtmId", args, args.len() == 3, "3")?;
            expect_integer("scisql_s2HtmId", args, 2, "level")?;
            coerce_real(args, 0, 2);
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
            let [lon, lat] = reals::<2>(args)?;
            htm::id(lon, lat, u32::try_from(integer(args, 2)?).ok()?)
        })
    }
}

struct HtmLevel;

#[register(name = "scisql_s2HtmLevel")]
impl BasicUdf for HtmLevel {
    type Returns<'a> = Option<i64>;

    fn init(cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
        guarded_init(|| {
            expect_count("scisql_s2HtmLevel", args, args.len() == 1, "1")?;
            expect_integer("scisql_s2HtmLevel", args, 0, "id")?;
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
        guarded(|| htm::level(integer(args, 0)?).map(i64::from))
    }
}
