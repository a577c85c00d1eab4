//! Photometric conversions of the SQL functions: raw counts (DN), fluxes, nanojanskys, AB
//! magnitudes.
//!
//! Fluxes are in erg/cm²/s/Hz with a zero point of 48.6; nanojanskys have a zero point of 31.4.
//! Every function returns `None` where SQL shows NULL: an argument that is not finite, a flux of
//! zero or below where its logarithm is needed, a zero-point flux of zero or below, a negative
//! standard deviation, or a result that no double holds. Conversions without a logarithm take
//! negative fluxes, because background subtraction makes them.

/// AB magnitude of a source of 1 erg/cm²/s/Hz, negated.
const FLUX_ZERO_POINT: f64 = 48.6;
/// AB magnitude of a source of one nanojansky.
const NANOJANSKY_ZERO_POINT: f64 = 31.4;
/// Flux of a source of AB magnitude 0, erg/cm²/s/Hz: `10^(-48.6 / 2.5)`.
const FLUX_OF_MAGNITUDE_ZERO: f64 = 3.630_780_547_701_013e-20;
/// `2.5 / ln 10`: magnitudes per relative change of flux.
const MAGNITUDES_PER_RELATIVE_FLUX: f64 = 1.085_736_204_758_129_6;

/// AB magnitude of a flux.
pub fn flux_to_ab_mag(flux: f64) -> Option<f64> {
    magnitude(flux, FLUX_ZERO_POINT)
}

/// Standard deviation of the AB magnitude of a flux.
pub fn flux_to_ab_mag_sigma(flux: f64, flux_sigma: f64) -> Option<f64> {
    finite(MAGNITUDES_PER_RELATIVE_FLUX * sigma(flux_sigma)? / positive(flux)?)
}

/// Flux of an AB magnitude.
pub fn ab_mag_to_flux(mag: f64) -> Option<f64> {
    brightness(mag, FLUX_ZERO_POINT)
}

/// Standard deviation of the flux of an AB magnitude.
pub fn ab_mag_to_flux_sigma(mag: f64, mag_sigma: f64) -> Option<f64> {
    finite(sigma(mag_sigma)? * ab_mag_to_flux(mag)? / MAGNITUDES_PER_RELATIVE_FLUX)
}

/// AB magnitude of a flux in nanojanskys.
pub fn nanojansky_to_ab_mag(flux: f64) -> Option<f64> {
    magnitude(flux, -NANOJANSKY_ZERO_POINT)
}

/// Standard deviation of the AB magnitude of a flux in nanojanskys.
pub fn nanojansky_to_ab_mag_sigma(flux: f64, flux_sigma: f64) -> Option<f64> {
    flux_to_ab_mag_sigma(flux, flux_sigma)
}

/// Flux in nanojanskys of an AB magnitude.
pub fn ab_mag_to_nanojansky(mag: f64) -> Option<f64> {
    brightness(mag, -NANOJANSKY_ZERO_POINT)
}

/// Standard deviation of the flux in nanojanskys of an AB magnitude.
pub fn ab_mag_to_nanojansky_sigma(mag: f64, mag_sigma: f64) -> Option<f64> {
    finite(sigma(mag_sigma)? * ab_mag_to_nanojansky(mag)? / MAGNITUDES_PER_RELATIVE_FLUX)
}

/// Flux of raw counts; `flux_mag0` is the count of a source of magnitude 0.
pub fn dn_to_flux(dn: f64, flux_mag0: f64) -> Option<f64> {
    finite(FLUX_OF_MAGNITUDE_ZERO * finite(dn)? / positive(flux_mag0)?)
}

/// Standard deviation of the flux of raw counts.
pub fn dn_to_flux_sigma(
    dn: f64,
    dn_sigma: f64,
    flux_mag0: f64,
    flux_mag0_sigma: f64,
) -> Option<f64> {
    let zero_point = positive(flux_mag0)?;
    let spread = (finite(dn)? * sigma(flux_mag0_sigma)?).hypot(sigma(dn_sigma)? * zero_point);
    finite(FLUX_OF_MAGNITUDE_ZERO * spread / (zero_point * zero_point))
}

/// Raw counts of a flux; `flux_mag0` is the count of a source of magnitude 0.
pub fn flux_to_dn(flux: f64, flux_mag0: f64) -> Option<f64> {
    finite(finite(flux)? * positive(flux_mag0)? / FLUX_OF_MAGNITUDE_ZERO)
}

/// Standard deviation of the raw counts of a flux.
pub fn flux_to_dn_sigma(
    flux: f64,
    flux_sigma: f64,
    flux_mag0: f64,
    flux_mag0_sigma: f64,
) -> Option<f64> {
    let spread =
        (finite(flux)? * sigma(flux_mag0_sigma)?).hypot(positive(flux_mag0)? * sigma(flux_sigma)?);
    finite(spread / FLUX_OF_MAGNITUDE_ZERO)
}

/// AB magnitude of raw counts; `flux_mag0` is the count of a source of magnitude 0.
pub fn dn_to_ab_mag(dn: f64, flux_mag0: f64) -> Option<f64> {
    flux_to_ab_mag(dn_to_flux(dn, flux_mag0)?)
}

/// Standard deviation of the AB magnitude of raw counts.
pub fn dn_to_ab_mag_sigma(
    dn: f64,
    dn_sigma: f64,
    flux_mag0: f64,
    flux_mag0_sigma: f64,
) -> Option<f64> {
    let flux = dn_to_flux(dn, flux_mag0)?;
    flux_to_ab_mag_sigma(
        flux,
        dn_to_flux_sigma(dn, dn_sigma, flux_mag0, flux_mag0_sigma)?,
    )
}

/// Raw counts of an AB magnitude; `flux_mag0` is the count of a source of magnitude 0.
pub fn ab_mag_to_dn(mag: f64, flux_mag0: f64) -> Option<f64> {
    flux_to_dn(ab_mag_to_flux(mag)?, flux_mag0)
}

/// Standard deviation of the raw counts of an AB magnitude.
pub fn ab_mag_to_dn_sigma(
    mag: f64,
    mag_sigma: f64,
    flux_mag0: f64,
    flux_mag0_sigma: f64,
) -> Option<f64> {
    let flux_sigma = ab_mag_to_flux_sigma(mag, mag_sigma)?;
    flux_to_dn_sigma(ab_mag_to_flux(mag)?, flux_sigma, flux_mag0, flux_mag0_sigma)
}

fn magnitude(flux: f64, zero_point: f64) -> Option<f64> {
    finite(-2.5 * positive(flux)?.log10() - zero_point)
}

fn brightness(mag: f64, zero_point: f64) -> Option<f64> {
    finite(10f64.powf(-0.4 * (finite(mag)? + zero_point)))
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn positive(value: f64) -> Option<f64> {
    (value.is_finite() && value > 0.0).then_some(value)
}

fn sigma(value: f64) -> Option<f64> {
    (value.is_finite() && value >= 0.0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(actual: Option<f64>, expected: f64) {
        let actual = actual.unwrap_or(f64::NAN);
        assert!(
            (actual - expected).abs() <= 1e-9 * expected.abs().max(1e-12),
            "{actual} is not {expected}"
        );
    }

    #[test]
    fn magnitudes_follow_the_definitions() {
        assert_close(flux_to_ab_mag(1.0), -48.6);
        assert_close(flux_to_ab_mag(100.0), -53.6);
        assert_close(ab_mag_to_flux(-53.6), 100.0);
        assert_close(nanojansky_to_ab_mag(100.0), 26.4);
        assert_close(ab_mag_to_nanojansky(21.4), 10_000.0);
        assert_close(dn_to_ab_mag(1e12, 1e12), 0.0);
        assert_close(ab_mag_to_dn(2.5, 1e12), 1e11);
        assert_close(dn_to_flux(-2.0, 4.0), -FLUX_OF_MAGNITUDE_ZERO / 2.0);
    }

    #[test]
    fn standard_deviations_propagate() {
        let relative = 1.0 / std::f64::consts::LN_10;
        assert_close(flux_to_ab_mag_sigma(relative, 2.0), 5.0);
        assert_close(nanojansky_to_ab_mag_sigma(relative, 2.0), 5.0);
        assert_close(ab_mag_to_flux_sigma(-48.6, 5.0 * relative), 2.0);
        assert_close(ab_mag_to_nanojansky_sigma(31.4, 5.0 * relative), 2.0);
        let zero = FLUX_OF_MAGNITUDE_ZERO;
        assert_close(dn_to_flux_sigma(3.0, 4.0, 1.0, 1.0), 5.0 * zero);
        assert_close(flux_to_dn_sigma(3.0 * zero, 4.0 * zero, 1.0, 1.0), 5.0);
        assert_close(
            dn_to_ab_mag_sigma(3.0, 4.0, 1.0, 1.0),
            MAGNITUDES_PER_RELATIVE_FLUX * 5.0 / 3.0,
        );
        assert_close(
            ab_mag_to_dn_sigma(0.0, MAGNITUDES_PER_RELATIVE_FLUX, 3.0, 4.0),
            5.0,
        );
    }

    #[test]
    fn what_has_no_value_is_none() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(flux_to_ab_mag(bad), None);
            assert_eq!(ab_mag_to_flux(bad), None);
            assert_eq!(dn_to_flux(bad, 1.0), None);
            assert_eq!(dn_to_flux(1.0, bad), None);
            assert_eq!(flux_to_dn(bad, 1.0), None);
            assert_eq!(ab_mag_to_nanojansky_sigma(1.0, bad), None);
        }
        assert_eq!(flux_to_ab_mag(0.0), None);
        assert_eq!(nanojansky_to_ab_mag(-1.0), None);
        assert_eq!(dn_to_ab_mag(-1.0, 1.0), None);
        assert_eq!(dn_to_flux(1.0, 0.0), None);
        assert_eq!(flux_to_dn(1.0, -1.0), None);
        assert_eq!(flux_to_ab_mag_sigma(1.0, -1.0), None);
        assert_eq!(dn_to_flux_sigma(1.0, 1.0, 1.0, -1.0), None);
        assert_eq!(ab_mag_to_flux(-1e6), None, "overflow");
    }
}
