//! Flux, DN, nanojansky and AB magnitude conversions. NULL in, or no such value: NULL out.

use orrery_sky::photometry;
use udf::prelude::*;

use crate::args::{coerce_real, expect_count, reals};
use crate::guard::{guarded, guarded_init};

/// Declares a function of a fixed number of DOUBLEs.
macro_rules! conversion {
    ($type:ident, $name:tt, $count:tt, $convert:ident($($arg:ident),+)) => {
        struct $type;

        #[register(name = $name)]
        impl BasicUdf for $type {
            type Returns<'a> = Option<f64>;

            fn init(cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
                guarded_init(|| {
                    expect_count($name, args, args.len() == $count, stringify!($count))?;
                    coerce_real(args, 0, $count);
                    cfg.set_maybe_null(true);
                    cfg.set_decimals(crate::separation::FULL_PRECISION);
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
                    let [$($arg),+] = reals::<$count>(args)?;
                    photometry::$convert($($arg),+)
                })
            }
        }
    };
}

conversion!(AbMagToDn, "scisql_abMagToDn", 2, ab_mag_to_dn(mag, zero));
conversion!(
    AbMagToDnSigma,
    "scisql_abMagToDnSigma",
    4,
    ab_mag_to_dn_sigma(mag, sigma, zero, zero_sigma)
);
conversion!(AbMagToFlux, "scisql_abMagToFlux", 1, ab_mag_to_flux(mag));
conversion!(
    AbMagToFluxSigma,
    "scisql_abMagToFluxSigma",
    2,
    ab_mag_to_flux_sigma(mag, sigma)
);
conversion!(
    AbMagToNanojansky,
    "scisql_abMagToNanojansky",
    1,
    ab_mag_to_nanojansky(mag)
);
conversion!(
    AbMagToNanojanskySigma,
    "scisql_abMagToNanojanskySigma",
    2,
    ab_mag_to_nanojansky_sigma(mag, sigma)
);
conversion!(DnToAbMag, "scisql_dnToAbMag", 2, dn_to_ab_mag(dn, zero));
conversion!(
    DnToAbMagSigma,
    "scisql_dnToAbMagSigma",
    4,
    dn_to_ab_mag_sigma(dn, sigma, zero, zero_sigma)
);
conversion!(DnToFlux, "scisql_dnToFlux", 2, dn_to_flux(dn, zero));
conversion!(
    DnToFluxSigma,
    "scisql_dnToFluxSigma",
    4,
    dn_to_flux_sigma(dn, sigma, zero, zero_sigma)
);
conversion!(FluxToAbMag, "scisql_fluxToAbMag", 1, flux_to_ab_mag(flux));
conversion!(
    FluxToAbMagSigma,
    "scisql_fluxToAbMagSigma",
    2,
    flux_to_ab_mag_sigma(flux, sigma)
);
conversion!(FluxToDn, "scisql_fluxToDn", 2, flux_to_dn(flux, zero));
conversion!(
    FluxToDnSigma,
    "scisql_fluxToDnSigma",
    4,
    flux_to_dn_sigma(flux, sigma, zero, zero_sigma)
);
conversion!(
    NanojanskyToAbMag,
    "scisql_nanojanskyToAbMag",
    1,
    nanojansky_to_ab_mag(flux)
);
conversion!(
    NanojanskyToAbMagSigma,
    "scisql_nanojanskyToAbMagSigma",
    2,
    nanojansky_to_ab_mag_sigma(flux, sigma)
);
