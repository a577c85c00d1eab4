//! Which columns are the key and the position, by UCD and by name. Pure.

use orrery_formats::{Field, Kind};

/// Names of longitudes, in the order in which they are taken.
const LONGITUDES: [&str; 10] = [
    "ra",
    "ra_icrs",
    "raj2000",
    "ra_deg",
    "radeg",
    "rameandeg",
    "ramean",
    "coord_ra",
    "alpha_j2000",
    "lon",
];
/// Names of latitudes.
const LATITUDES: [&str; 12] = [
    "dec",
    "decl",
    "de_icrs",
    "dec_icrs",
    "dej2000",
    "dec_deg",
    "decdeg",
    "decmean",
    "coord_dec",
    "delta_j2000",
    "dec_j2000",
    "lat",
];
/// Names of keys.
const KEYS: [&str; 11] = [
    "source_id",
    "objectid",
    "objid",
    "object_id",
    "sourceid",
    "diaobjectid",
    "id",
    "uid",
    "designation",
    "hip",
    "recno",
];

/// The places of the columns.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// Unique key.
    pub key: Option<usize>,
    /// Longitude and latitude.
    pub position: Option<(usize, usize)>,
}

/// Guesses.
pub fn guess(fields: &[Field]) -> Guess {
    let longitude = column(fields, "pos.eq.ra", &LONGITUDES, is_angle);
    let latitude = column(fields, "pos.eq.dec", &LATITUDES, is_angle);
    Guess {
        key: column(fields, "meta.id", &KEYS, is_key),
        position: longitude.zip(latitude),
    }
}

/// The main column with a UCD, else the first of the names, else the first with the UCD.
fn column(fields: &[Field], ucd: &str, names: &[&str], fits: fn(&Field) -> bool) -> Option<usize> {
    let has = |field: &Field, words: &[&str]| {
        field.ucd.as_ref().is_some_and(|own| {
            let own = own.to_ascii_lowercase();
            let own: Vec<&str> = own.split(';').map(str::trim).collect();
            words.iter().all(|word| own.contains(word))
        })
    };
    let find =
        |test: &dyn Fn(&Field) -> bool| fields.iter().position(|field| fits(field) && test(field));
    find(&|field| has(field, &[ucd, "meta.main"]))
        .or_else(|| {
            names
                .iter()
                .find_map(|name| find(&|field| field.name.eq_ignore_ascii_case(name)))
        })
        .or_else(|| find(&|field| has(field, &[ucd])))
}

/// Degrees, as far as the file says.
fn is_angle(field: &Field) -> bool {
    let unit = field.unit.as_deref().unwrap_or("deg").to_ascii_lowercase();
    matches!(field.kind, Kind::Double | Kind::Float)
        && ["deg", "degree", "degrees", "angle[deg]"].contains(&unit.as_str())
}

fn is_key(field: &Field) -> bool {
    matches!(field.kind, Kind::Integer { .. } | Kind::Text { .. })
}
