//! Objects: stars, galaxies and quasars.

use crate::area::{Area, Place, Population};
use crate::field::Row;
use crate::random::Random;

/// Bands: u, g, r, i, z, y.
pub(crate) const BANDS: usize = 6;
/// Magnitude at which an object is five times brighter than the noise, by band.
const DEPTH: [f64; BANDS] = [25.3, 26.6, 26.8, 26.1, 25.3, 24.4];
const KIND_OBJECT: u64 = 2;
/// Length of the survey, seconds: three years.
pub(crate) const SURVEY_SECONDS: u64 = 3 * 365 * 86_400;
/// Most sources of one object; the mean is 5.
pub(crate) const MAX_SOURCES: u32 = 9;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Star,
    Galaxy,
    Quasar,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::Star => "star",
            Self::Galaxy => "galaxy",
            Self::Quasar => "quasar",
        }
    }
}

/// A magnitude and its error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Magnitude {
    pub(crate) value: f64,
    pub(crate) error: f64,
}

/// One row of `Object`.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) id: i64,
    pub(crate) ra: f64,
    pub(crate) decl: f64,
    pub(crate) class: Class,
    /// True brightness by band; detected or not.
    pub(crate) magnitudes: [Magnitude; BANDS],
    redshift: Option<f64>,
    parallax: Option<f64>,
    extendedness: Option<f64>,
    flags: i64,
    pub(crate) sources: u32,
    first_seen: u32,
    note: Option<&'static str>,
}

impl Object {
    /// The object with this number, from 0.
    pub(crate) fn new(area: &Area, seed: u64, number: u64) -> Self {
        let mut random = Random::new(seed, KIND_OBJECT, number);
        let place = area.place(&mut random);
        let class = class(&place, &mut random);
        let redshift = redshift(&place, class, &mut random);
        let magnitudes = magnitudes(class, redshift, &mut random);
        let (scatter, blur) = random.normal_pair();
        Self {
            id: number as i64 + 1,
            ra: place.ra,
            decl: place.decl,
            class,
            magnitudes,
            redshift,
            parallax: (class == Class::Star).then(|| 10_f64.powf(0.3 + 0.4 * scatter).min(500.0)),
            extendedness: match class {
                _ if magnitudes.get(2).is_none_or(|r| r.value > 26.0) => None,
                Class::Galaxy => Some((0.95 + 0.02 * blur).clamp(0.0, 1.0)),
                Class::Star | Class::Quasar => Some((0.03 + 0.02 * blur).clamp(0.0, 1.0)),
            },
            flags: if random.chance(0.9) {
                0
            } else {
                random.below(256) as i64
            },
            sources: 1 + random.below(u64::from(MAX_SOURCES)) as u32,
            first_seen: random.below(SURVEY_SECONDS) as u32,
            note: note(&mut random),
        }
    }

    /// Whether the object is bright enough to be seen in a band.
    pub(crate) fn detected(&self, band: usize) -> Option<Magnitude> {
        // Five times the noise is an error of 0.2 magnitudes.
        self.magnitudes
            .get(band)
            .copied()
            .filter(|magnitude| magnitude.error <= 0.25)
    }

    /// Appends the row.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut row = Row::new(out);
        row.integer(self.id);
        row.fixed(self.ra, 9);
        row.fixed(self.decl, 9);
        for band in 0..BANDS {
            row.fixed_or_null(self.detected(band).map(|magnitude| magnitude.value), 4);
        }
        for band in 0..BANDS {
            row.fixed_or_null(self.detected(band).map(|magnitude| magnitude.error), 5);
        }
        row.text(self.class.name());
        row.fixed_or_null(self.extendedness, 3);
        row.fixed_or_null(self.redshift, 5);
        row.fixed_or_null(self.parallax, 3);
        row.integer(self.flags);
        row.integer(i64::from(self.sources));
        row.datetime(self.first_seen);
        match self.note {
            Some(note) => row.text(note),
            None => row.null(),
        }
        row.end();
    }
}

fn class(place: &Place<'_>, random: &mut Random) -> Class {
    match place.cluster.map(|cluster| cluster.population) {
        Some(Population::Stars) => Class::Star,
        None if random.chance(0.02) => Class::Quasar,
        None if random.chance(0.35) => Class::Star,
        Some(Population::Galaxies) | None => Class::Galaxy,
    }
}

fn redshift(place: &Place<'_>, class: Class, random: &mut Random) -> Option<f64> {
    let (scatter, _) = random.normal_pair();
    match (class, place.cluster) {
        (Class::Star, _) => None,
        (_, Some(cluster)) => Some((cluster.redshift + 0.003 * scatter).max(0.001)),
        (Class::Galaxy, None) => Some((0.1 + 0.9 * random.unit() + 0.25 * scatter.abs()).min(6.0)),
        (Class::Quasar, None) => Some((1.8 + 0.8 * scatter).clamp(0.1, 7.0)),
    }
}

/// Magnitudes of a spectrum that gets redder with age and distance, with the errors of a ten-year
/// survey.
fn magnitudes(class: Class, redshift: Option<f64>, random: &mut Random) -> [Magnitude; BANDS] {
    // Faint objects outnumber bright ones.
    let brightness = 15.0 + 12.5 * random.unit().powf(0.4);
    let (tint, _) = random.normal_pair();
    let colour = match class {
        Class::Star => 0.7 + 0.4 * tint,
        Class::Galaxy => 0.5 + 0.25 * tint + 0.3 * redshift.unwrap_or(0.0).min(2.0),
        Class::Quasar => 0.15 + 0.1 * tint,
    };
    let reddening = [1.9, 1.0, 0.0, -0.45, -0.7, -0.85];
    let mut magnitudes = [Magnitude {
        value: 0.0,
        error: 0.0,
    }; BANDS];
    for ((magnitude, reddening), depth) in magnitudes.iter_mut().zip(reddening).zip(DEPTH) {
        let value = (brightness + reddening * colour).clamp(10.0, 32.0);
        let ratio = 10_f64.powf(0.4 * (value - depth));
        let noise = (0.04 - 0.039) * ratio + 0.039 * ratio * ratio;
        *magnitude = Magnitude {
            value,
            error: (0.005_f64.powi(2) + noise).sqrt().min(9.0),
        };
    }
    magnitudes
}

/// Remarks of the kind that make loaders earn their keep.
fn note(random: &mut Random) -> Option<&'static str> {
    const NOTES: [&str; 6] = [
        "blended, deblender skipped",
        "near bright star",
        "path C:\\survey\\night 1",
        "seen twice:\nsame night",
        "α Ori neighbour",
        "",
    ];
    if random.chance(0.99) {
        None
    } else {
        NOTES
            .get(random.below(NOTES.len() as u64) as usize)
            .copied()
    }
}
