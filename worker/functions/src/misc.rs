//! `scisql_getVersion`, `scisql_extractInt64` and `scisql_raiseError`.

use udf::prelude::*;

use crate::args::{bytes, expect_count, expect_integer, expect_string, integer};
use crate::guard::{guarded, guarded_init};

struct GetVersion;

#[register(name = "scisql_getVersion")]
impl BasicUdf for GetVersion {
    type Returns<'a> = Option<&'a str>;

    fn init(_cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
        guarded_init(|| {
            expect_count("scisql_getVersion", args, args.is_empty(), "no")?;
            Ok(Self)
        })
    }

    fn process<'a>(
        &'a mut self,
        _cfg: &UdfCfg<Process>,
        _args: &ArgList<Process>,
        _error: Option<std::num::NonZeroU8>,
    ) -> Result<Self::Returns<'a>, ProcessError> {
        guarded(|| Some(env!("CARGO_PKG_VERSION")))
    }
}

/// Reads one of the 64-bit integers, in host byte order, that a binary string consists of.
struct ExtractInt64;

#[register(name = "scisql_extractInt64")]
impl BasicUdf for ExtractInt64 {
    type Returns<'a> = Option<i64>;

    fn init(cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
        guarded_init(|| {
            expect_count("scisql_extractInt64", args, args.len() == 2, "2")?;
            expect_string("scisql_extractInt64", args, 0, "data")?;
            expect_integer("scisql_extractInt64", args, 1, "index")?;
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
            let (integers, _) = bytes(args, 0)?.as_chunks::<8>();
            let index = usize::try_from(integer(args, 1)?).ok()?;
            integers.get(index).copied().map(i64::from_ne_bytes)
        })
    }
}

/// Fails every statement it appears in, with the message given as a constant.
struct RaiseError;

#[register(name = "scisql_raiseError")]
impl BasicUdf for RaiseError {
    type Returns<'a> = Option<i64>;

    fn init(_cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
        guarded_init(|| {
            let message = match args.get(0).map(|arg| arg.value()) {
                Some(SqlResult::String(Some(message))) if !message.is_empty() => {
                    String::from_utf8_lossy(message).into_owned()
                }
                _ => "a scisql related error occurred".to_owned(),
            };
            Err(message)
        })
    }

    fn process<'a>(
        &'a mut self,
        _cfg: &UdfCfg<Process>,
        _args: &ArgList<Process>,
        _error: Option<std::num::NonZeroU8>,
    ) -> Result<Self::Returns<'a>, ProcessError> {
        guarded(|| None)
    }
}
