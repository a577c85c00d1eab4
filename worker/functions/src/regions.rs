//! Point-in-region tests and the polygon's byte string.
//!
//! By scisql's convention a NULL argument gives 0, and an argument that makes no sense gives NULL.
//!
//! A region is built once and kept for as long as its parameters stay the same, row after row. That
//! makes constant parameters cheap without trusting the server's idea of what is constant, and a
//! join whose regions come from a table pays for each change only.

use std::num::NonZeroU8;

use orrery_sky::separation::is_position;
use orrery_sky::{ConvexPolygon, Region, MAX_POLYGON_VERTICES, MIN_POLYGON_VERTICES};
use udf::prelude::*;

use crate::args::{bytes, coerce_real, expect_count, expect_string, real};
use crate::guard::{guarded, guarded_init};

/// Arguments before the region's own: longitude and latitude of the point.
const POINT: usize = 2;

/// The region of the latest row.
#[derive(Default)]
struct Cache<K> {
    parameters: K,
    /// `None` before the first row and for parameters that make no region.
    region: Option<Region>,
    filled: bool,
}

impl<K> Cache<K> {
    /// 1 or 0; `None` (NULL) for a point or a region that makes no sense.
    fn test(&self, lon: f64, lat: f64) -> Option<i64> {
        let region = self.region.as_ref()?;
        is_position(lon, lat).then(|| i64::from(region.contains(lon, lat)))
    }
}

impl Cache<Vec<f64>> {
    /// Makes the region of the arguments after the point, unless it is there. `false` for a NULL.
    fn refresh(&mut self, args: &ArgList<Process>, make: fn(&[f64]) -> Option<Region>) -> bool {
        let count = args.len().saturating_sub(POINT);
        if self.parameters.len() != count {
            self.filled = false;
            self.parameters.resize(count, 0.0);
        }
        for (index, parameter) in self.parameters.iter_mut().enumerate() {
            let Some(value) = real(args, index + POINT) else {
                self.filled = false;
                return false;
            };
            self.filled &= value.to_bits() == parameter.to_bits();
            *parameter = value;
        }
        if !self.filled {
            self.region = make(&self.parameters);
            self.filled = true;
        }
        true
    }
}

/// Tests the point of a row.
fn point_in(
    args: &ArgList<Process>,
    cache: &mut Cache<Vec<f64>>,
    make: fn(&[f64]) -> Option<Region>,
) -> Option<i64> {
    let (Some(lon), Some(lat)) = (real(args, 0), real(args, 1)) else {
        return Some(0);
    };
    if cache.refresh(args, make) {
        cache.test(lon, lat)
    } else {
        Some(0)
    }
}

/// Declares a test against a region of a fixed number of DOUBLEs.
macro_rules! point_in_region {
    ($type:ident, $name:tt, $count:tt, $make:expr) => {
        struct $type {
            cache: Cache<Vec<f64>>,
        }

        #[register(name = $name)]
        impl BasicUdf for $type {
            type Returns<'a> = Option<i64>;

            fn init(cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
                guarded_init(|| {
                    expect_count($name, args, args.len() == $count, stringify!($count))?;
                    coerce_real(args, 0, $count);
                    cfg.set_maybe_null(true);
                    Ok(Self {
                        cache: Cache::default(),
                    })
                })
            }

            fn process<'a>(
                &'a mut self,
                _cfg: &UdfCfg<Process>,
                args: &ArgList<Process>,
                _error: Option<NonZeroU8>,
            ) -> Result<Self::Returns<'a>, ProcessError> {
                guarded(|| point_in(args, &mut self.cache, $make))
            }
        }
    };
}

point_in_region!(
    PtInBox,
    "scisql_s2PtInBox",
    6,
    |parameters| match *parameters {
        [lon_min, lat_min, lon_max, lat_max] =>
            Region::lon_lat_box(lon_min, lat_min, lon_max, lat_max).ok(),
        _ => None,
    }
);
point_in_region!(
    PtInCircle,
    "scisql_s2PtInCircle",
    5,
    |parameters| match *parameters {
        [lon, lat, radius] => Region::circle(lon, lat, radius).ok(),
        _ => None,
    }
);
point_in_region!(
    PtInEllipse,
    "scisql_s2PtInEllipse",
    7,
    |parameters| match *parameters {
        [lon, lat, major, minor, angle] => Region::ellipse(lon, lat, major, minor, angle).ok(),
        _ => None,
    }
);

/// Whether a number of coordinates makes a polygon.
fn is_vertex_list(coordinates: usize) -> bool {
    coordinates.is_multiple_of(2)
        && (MIN_POLYGON_VERTICES..=MAX_POLYGON_VERTICES).contains(&(coordinates / 2))
}

fn polygon(coordinates: &[f64]) -> Option<ConvexPolygon> {
    let (pairs, _) = coordinates.as_chunks::<2>();
    let vertices: Vec<(f64, f64)> = pairs.iter().map(|&[lon, lat]| (lon, lat)).collect();
    ConvexPolygon::new(&vertices).ok()
}

/// The polygon comes as coordinates or as a byte string.
enum PtInCPoly {
    Coordinates(Cache<Vec<f64>>),
    Bytes(Cache<Vec<u8>>),
}

#[register(name = "scisql_s2PtInCPoly")]
impl BasicUdf for PtInCPoly {
    type Returns<'a> = Option<i64>;

    fn init(cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
        guarded_init(|| {
            let binary = args.len() == POINT + 1;
            let fits = binary || args.len() > POINT && is_vertex_list(args.len() - POINT);
            expect_count(
                "scisql_s2PtInCPoly",
                args,
                fits,
                "3, or 2 and 3 to 20 pairs of",
            )?;
            cfg.set_maybe_null(true);
            if binary {
                expect_string("scisql_s2PtInCPoly", args, POINT, "polygon")?;
                coerce_real(args, 0, POINT);
                return Ok(Self::Bytes(Cache::default()));
            }
            coerce_real(args, 0, args.len());
            Ok(Self::Coordinates(Cache::default()))
        })
    }

    fn process<'a>(
        &'a mut self,
        _cfg: &UdfCfg<Process>,
        args: &ArgList<Process>,
        _error: Option<NonZeroU8>,
    ) -> Result<Self::Returns<'a>, ProcessError> {
        guarded(|| match self {
            Self::Coordinates(cache) => {
                point_in(args, cache, |list| polygon(list).map(Region::ConvexPolygon))
            }
            Self::Bytes(cache) => {
                let (Some(lon), Some(lat), Some(bytes)) =
                    (real(args, 0), real(args, 1), bytes(args, POINT))
                else {
                    return Some(0);
                };
                if !cache.filled || cache.parameters != bytes {
                    cache.parameters = bytes.to_vec();
                    cache.region = ConvexPolygon::from_bytes(bytes)
                        .ok()
                        .map(Region::ConvexPolygon);
                    cache.filled = true;
                }
                cache.test(lon, lat)
            }
        })
    }
}

/// The byte string of a polygon, kept here while the server reads it.
struct CPolyToBin {
    bytes: Vec<u8>,
}

#[register(name = "scisql_s2CPolyToBin")]
impl BasicUdf for CPolyToBin {
    type Returns<'a> = Option<&'a [u8]>;

    fn init(cfg: &UdfCfg<Init>, args: &ArgList<Init>) -> Result<Self, String> {
        guarded_init(|| {
            expect_count(
                "scisql_s2CPolyToBin",
                args,
                is_vertex_list(args.len()),
                "3 to 20 pairs of",
            )?;
            coerce_real(args, 0, args.len());
            cfg.set_maybe_null(true);
            cfg.set_max_len(24 * (MAX_POLYGON_VERTICES as u64 + 1));
            Ok(Self { bytes: Vec::new() })
        })
    }

    fn process<'a>(
        &'a mut self,
        _cfg: &UdfCfg<Process>,
        args: &ArgList<Process>,
        _error: Option<NonZeroU8>,
    ) -> Result<Self::Returns<'a>, ProcessError> {
        guarded(|| {
            let coordinates = (0..args.len())
                .map(|index| real(args, index))
                .collect::<Option<Vec<f64>>>()?;
            self.bytes = polygon(&coordinates)?.to_bytes();
            Some(self.bytes.as_slice())
        })
    }
}
