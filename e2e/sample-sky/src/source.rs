//! Sources: what one exposure in one band saw of an object.

use crate::area::wrap;
use crate::field::{EPOCH_MJD, Row};
use crate::object::{BANDS, Class, Magnitude, Object, SURVEY_SECONDS};
use crate::random::Random;

const KIND_SOURCE: u64 = 3;
/// Source ids of one object are this many apart from the next object's.
const IDS_PER_OBJECT: i64 = 16;
/// Positions scatter by a tenth of an arc second.
const SCATTER: f64 = 0.1 / 3600.0;

/// Appends the rows of an object's sources, in order of time.
pub(crate) fn write(object: &Object, seed: u64, out: &mut Vec<u8>) {
    let interval = SURVEY_SECONDS / u64::from(object.sources);
    for number in 0..object.sources {
        let id = object.id * IDS_PER_OBJECT + i64::from(number);
        let mut random = Random::new(seed, KIND_SOURCE, id as u64);
        let seconds = u64::from(number) * interval + random.below(interval);
        write_row(object, id, seconds as u32, &mut random, out);
    }
}

fn write_row(object: &Object, id: i64, seconds: u32, random: &mut Random, out: &mut Vec<u8>) {
    let band = random.below(BANDS as u64);
    let (east, north) = random.normal_pair();
    let (noise, aperture) = random.normal_pair();
    let mut row = Row::new(out);
    row.integer(id);
    row.integer(object.id);
    row.integer(band as i64);
    row.fixed(
        wrap(object.ra + SCATTER * east / object.decl.to_radians().cos()),
        9,
    );
    row.fixed((object.decl + SCATTER * north).clamp(-90.0, 90.0), 9);
    row.fixed(object.ra, 9);
    row.fixed(object.decl, 9);
    row.datetime(seconds);
    row.fixed(EPOCH_MJD + f64::from(seconds) / 86_400.0, 8);
    match object.magnitudes.get(band as usize) {
        Some(&magnitude) => write_fluxes(&mut row, object.class, magnitude, noise, aperture),
        None => (0..4).for_each(|_| row.null()),
    }
    row.integer(if random.chance(0.95) {
        0
    } else {
        random.below(1 << 15) as i64
    });
    row.end();
}

/// Flux within the point spread function and its error, flux within an aperture, signal-to-noise
/// ratio.
fn write_fluxes(row: &mut Row<'_>, class: Class, magnitude: Magnitude, noise: f64, aperture: f64) {
    // One exposure sees less deep than the survey, and quasars flicker.
    let error = (magnitude.error * 6.0).min(9.0);
    let flicker = if class == Class::Quasar { 0.3 } else { 0.0 };
    let mean = 10_f64.powf(0.4 * (31.4 - magnitude.value));
    let sigma = mean * error * std::f64::consts::LN_10 / 2.5;
    let flux = mean * (1.0 + flicker * aperture) + sigma * noise;
    row.fixed(flux, 3);
    row.fixed(sigma, 3);
    row.fixed_or_null((error < 1.0).then_some(flux * (1.02 + 0.01 * aperture)), 3);
    row.fixed(flux / sigma, 2);
}
