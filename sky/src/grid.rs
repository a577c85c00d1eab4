//! The chunk grid: stripes of equal height cut into chunks, sub-stripes cut into sub-chunks.
//!
//! Keeps true: ids are those of Qserv's partitioner for the same three parameters, every position
//! has exactly one home cell, and the tables are computed once, in [`Grid::new`]. A *ring* is one
//! sub-stripe seen as a closed circle of cells; cells of a ring are numbered eastwards from
//! longitude 0.

use std::fmt;

use thiserror::Error;

use crate::angle::{MARGIN_DEG, max_alpha, segments};

/// Largest number of sub-stripes in a grid; more would make cells smaller than an arc second.
const MAX_SUB_STRIPES: u64 = 648_000;
/// Largest overlap in degrees.
const MAX_OVERLAP: f64 = 10.0;

/// Why a grid cannot be made from the given parameters.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum GridError {
    /// A count is zero.
    #[error(
        "a grid needs at least one stripe and one sub-stripe per stripe, not {stripes} and {sub_stripes}"
    )]
    NoStripes {
        /// Number of stripes asked for.
        stripes: u32,
        /// Number of sub-stripes per stripe asked for.
        sub_stripes: u32,
    },
    /// The grid is finer than an arc second.
    #[error("stripes × sub-stripes is {product}, more than {MAX_SUB_STRIPES}")]
    TooFine {
        /// Stripes × sub-stripes.
        product: u64,
    },
    /// The overlap is negative, not a number or above 10 degrees.
    #[error("the overlap must lie between 0 and {MAX_OVERLAP} degrees, not {overlap}")]
    OverlapOutOfRange {
        /// The overlap asked for, degrees.
        overlap: f64,
    },
    /// The overlap reaches past the neighbouring sub-stripe.
    #[error(
        "the overlap of {overlap} degrees is larger than the sub-stripe height of {height} degrees"
    )]
    OverlapAboveSubStripe {
        /// The overlap asked for, degrees.
        overlap: f64,
        /// Height of a sub-stripe, degrees.
        height: f64,
    },
    /// The overlap reaches past the neighbouring sub-chunk somewhere.
    #[error(
        "the overlap of {overlap} degrees spans {alpha} degrees of longitude in sub-stripe {sub_stripe}, \
         more than its sub-chunks' width of {width} degrees"
    )]
    OverlapAboveSubChunk {
        /// The overlap asked for, degrees.
        overlap: f64,
        /// Global number of the sub-stripe, from the south pole.
        sub_stripe: u32,
        /// Longitude half-width of the overlap there, degrees.
        alpha: f64,
        /// Width of the sub-chunks there, degrees.
        width: f64,
    },
    /// Chunk or sub-chunk ids would not fit the signed 32-bit columns that hold them.
    #[error("{what} ids of {stripes} stripes × {sub_stripes} sub-stripes do not fit in 31 bits")]
    IdsTooLarge {
        /// "chunk" or "sub-chunk".
        what: &'static str,
        /// Number of stripes asked for.
        stripes: u32,
        /// Number of sub-stripes per stripe asked for.
        sub_stripes: u32,
    },
}

/// Why a position has no cell.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum PositionError {
    /// The longitude is NaN, infinite or outside [0, 360].
    #[error("longitude {0} is outside [0, 360]")]
    Longitude(f64),
    /// The latitude is NaN, infinite or outside [-90, 90].
    #[error("latitude {0} is outside [-90, 90]")]
    Latitude(f64),
}

/// A position of a bulk call that has no cell.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum Misplaced {
    /// One position is out of range.
    #[error("position {index}: {source}")]
    Position {
        /// Place in the slices, from 0.
        index: usize,
        /// What is wrong with it.
        source: PositionError,
    },
    /// The two slices differ in length.
    #[error("{longitudes} longitudes but {latitudes} latitudes")]
    Lengths {
        /// Number of longitudes.
        longitudes: usize,
        /// Number of latitudes.
        latitudes: usize,
    },
}

/// A sub-chunk of the grid, by the two ids stored with every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// Chunk id: `stripe × 2 × stripes + chunk of the stripe`. Sparse.
    pub chunk: u32,
    /// Sub-chunk id, unique within the chunk only. Sparse.
    pub sub_chunk: u32,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.chunk, self.sub_chunk)
    }
}

/// Longitude and latitude limits, degrees. The upper limits belong to the next chunk, except at 360
/// and 90.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Western limit.
    pub lon_min: f64,
    /// Eastern limit.
    pub lon_max: f64,
    /// Southern limit.
    pub lat_min: f64,
    /// Northern limit.
    pub lat_max: f64,
}

/// One sub-stripe, as a closed circle of cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ring {
    /// Cells in the whole ring.
    pub(crate) cells: u32,
    /// Cells of the ring in one chunk.
    pub(crate) cells_per_chunk: u32,
    /// Width of a cell, degrees of longitude.
    pub(crate) width: f64,
    /// Longitude half-width that the overlap spans here, degrees; a little more.
    pub(crate) alpha: f64,
    /// Chunk id of the stripe's first chunk.
    first_chunk: u32,
    /// Sub-chunk id of the first cell of each chunk here.
    first_sub_chunk: u32,
}

impl Ring {
    /// The cell that holds this longitude; 360 belongs to the last one.
    pub(crate) fn cell_at(&self, lon: f64) -> u32 {
        ((lon / self.width).floor() as u32).min(self.cells - 1)
    }

    /// The two ids of the cell with this number in the ring.
    pub(crate) fn cell(&self, number: u32) -> Cell {
        let chunk = number / self.cells_per_chunk;
        Cell {
            chunk: self.first_chunk + chunk,
            sub_chunk: self.first_sub_chunk + (number - chunk * self.cells_per_chunk),
        }
    }
}

/// The division of the sky that a chunk family uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    stripes: u32,
    sub_stripes: u32,
    overlap: f64,
    sub_stripe_height: f64,
    sub_chunk_stride: u32,
    chunks_per_stripe: Vec<u32>,
    rings: Vec<Ring>,
}

impl Grid {
    /// A grid of `stripes` × `sub_stripes` with an overlap of `overlap` degrees.
    pub fn new(stripes: u32, sub_stripes: u32, overlap: f64) -> Result<Self, GridError> {
        check_parameters(stripes, sub_stripes, overlap)?;
        let sub_stripe_height = 180.0 / f64::from(stripes * sub_stripes);
        let chunks_per_stripe = chunks_per_stripe(stripes);
        let mut rings = Vec::with_capacity(stripes as usize * sub_stripes as usize);
        for (stripe, &chunks) in (0u32..).zip(&chunks_per_stripe) {
            for index in 0..sub_stripes {
                let number = stripe * sub_stripes + index;
                rings.push(ring(
                    number,
                    stripe * 2 * stripes,
                    chunks,
                    sub_stripe_height,
                    overlap,
                )?);
            }
        }
        let sub_chunk_stride = rings
            .iter()
            .map(|ring| ring.cells_per_chunk)
            .max()
            .unwrap_or(1);
        if u64::from(sub_stripes) * u64::from(sub_chunk_stride) > i32::MAX as u64 {
            return Err(GridError::IdsTooLarge {
                what: "sub-chunk",
                stripes,
                sub_stripes,
            });
        }
        for (number, ring) in (0u32..).zip(&mut rings) {
            ring.first_sub_chunk = (number % sub_stripes) * sub_chunk_stride;
        }
        Ok(Self {
            stripes,
            sub_stripes,
            overlap,
            sub_stripe_height,
            sub_chunk_stride,
            chunks_per_stripe,
            rings,
        })
    }

    /// Number of stripes.
    pub fn stripes(&self) -> u32 {
        self.stripes
    }

    /// Number of sub-stripes per stripe.
    pub fn sub_stripes(&self) -> u32 {
        self.sub_stripes
    }

    /// Overlap, degrees.
    pub fn overlap(&self) -> f64 {
        self.overlap
    }

    /// The home cell of a position. Longitude 360 belongs to the last cell of its ring, as in
    /// Qserv.
    pub fn locate(&self, lon: f64, lat: f64) -> Result<Cell, PositionError> {
        check_position(lon, lat)?;
        Ok(self.home(lon, lat))
    }

    /// The home cells of many positions, in order, appended to `cells`.
    ///
    /// On an error nothing has been appended.
    pub fn locate_all(
        &self,
        lon: &[f64],
        lat: &[f64],
        cells: &mut Vec<Cell>,
    ) -> Result<(), Misplaced> {
        if lon.len() != lat.len() {
            return Err(Misplaced::Lengths {
                longitudes: lon.len(),
                latitudes: lat.len(),
            });
        }
        for (index, (&lon, &lat)) in lon.iter().zip(lat).enumerate() {
            check_position(lon, lat).map_err(|source| Misplaced::Position { index, source })?;
        }
        cells.extend(lon.iter().zip(lat).map(|(&lon, &lat)| self.home(lon, lat)));
        Ok(())
    }

    /// Every chunk id of the grid, ascending.
    pub fn all_chunks(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..)
            .zip(&self.chunks_per_stripe)
            .flat_map(|(stripe, &chunks)| {
                let first = stripe * 2 * self.stripes;
                first..first + chunks
            })
    }

    /// Number of chunks in the grid.
    pub fn chunk_count(&self) -> usize {
        self.chunks_per_stripe
            .iter()
            .map(|&chunks| chunks as usize)
            .sum()
    }

    /// Whether the grid has a chunk of this id.
    pub fn is_valid_chunk(&self, chunk: u32) -> bool {
        self.stripe_of(chunk).is_some()
    }

    /// Every sub-chunk id of a chunk, ascending; nothing for an id that is no chunk.
    pub fn sub_chunks_of(&self, chunk: u32) -> impl Iterator<Item = u32> + '_ {
        self.stripe_of(chunk).into_iter().flat_map(|stripe| {
            self.rings_of(stripe)
                .iter()
                .flat_map(|ring| ring.first_sub_chunk..ring.first_sub_chunk + ring.cells_per_chunk)
        })
    }

    /// The limits of a chunk, or `None` for an id that is no chunk.
    pub fn chunk_bounds(&self, chunk: u32) -> Option<Bounds> {
        let stripe = self.stripe_of(chunk)?;
        let in_stripe = chunk % (2 * self.stripes);
        let width = 360.0 / f64::from(*self.chunks_per_stripe.get(stripe as usize)?);
        let height = 180.0 / f64::from(self.stripes);
        Some(Bounds {
            lon_min: f64::from(in_stripe) * width,
            lon_max: (f64::from(in_stripe + 1) * width).min(360.0),
            lat_min: (f64::from(stripe) * height - 90.0).max(-90.0),
            lat_max: (f64::from(stripe + 1) * height - 90.0).min(90.0),
        })
    }

    /// The stripe that holds a chunk, or `None` for an id that is no chunk.
    fn stripe_of(&self, chunk: u32) -> Option<u32> {
        let stripe = chunk / (2 * self.stripes);
        let chunks = *self.chunks_per_stripe.get(stripe as usize)?;
        (chunk % (2 * self.stripes) < chunks).then_some(stripe)
    }

    /// The rings of one stripe, south to north; nothing for a stripe that is none.
    pub(crate) fn rings_of(&self, stripe: u32) -> &[Ring] {
        let first = stripe as usize * self.sub_stripes as usize;
        self.rings
            .get(first..first + self.sub_stripes as usize)
            .unwrap_or_default()
    }

    /// The ring with this global number, or `None` past either pole.
    pub(crate) fn ring(&self, number: u32) -> Option<&Ring> {
        self.rings.get(number as usize)
    }

    /// The number of the ring that holds a latitude; 90 belongs to the last one.
    pub(crate) fn ring_at(&self, lat: f64) -> u32 {
        (((lat + 90.0) / self.sub_stripe_height).floor() as u32).min(self.rings.len() as u32 - 1)
    }

    /// Southern and northern limit of a ring.
    pub(crate) fn ring_latitudes(&self, number: u32) -> (f64, f64) {
        let height = self.sub_stripe_height;
        (
            f64::from(number) * height - 90.0,
            f64::from(number + 1) * height - 90.0,
        )
    }

    /// The home cell of a checked position.
    fn home(&self, lon: f64, lat: f64) -> Cell {
        match self.rings.get(self.ring_at(lat) as usize) {
            Some(ring) => ring.cell(ring.cell_at(lon)),
            // `ring_at` never names a ring that is not there; the first cell is the cheapest answer
            // to write.
            None => Cell {
                chunk: 0,
                sub_chunk: 0,
            },
        }
    }
}

/// Refuses positions that have no cell.
pub(crate) fn check_position(lon: f64, lat: f64) -> Result<(), PositionError> {
    // Written so that NaN fails.
    if !(-90.0..=90.0).contains(&lat) {
        return Err(PositionError::Latitude(lat));
    }
    if !(0.0..=360.0).contains(&lon) {
        return Err(PositionError::Longitude(lon));
    }
    Ok(())
}

fn check_parameters(stripes: u32, sub_stripes: u32, overlap: f64) -> Result<(), GridError> {
    if stripes == 0 || sub_stripes == 0 {
        return Err(GridError::NoStripes {
            stripes,
            sub_stripes,
        });
    }
    let product = u64::from(stripes) * u64::from(sub_stripes);
    if product > MAX_SUB_STRIPES {
        return Err(GridError::TooFine { product });
    }
    if 2 * u64::from(stripes) * u64::from(stripes) > i32::MAX as u64 {
        return Err(GridError::IdsTooLarge {
            what: "chunk",
            stripes,
            sub_stripes,
        });
    }
    if !(0.0..=MAX_OVERLAP).contains(&overlap) {
        return Err(GridError::OverlapOutOfRange { overlap });
    }
    let height = 180.0 / product as f64;
    if height < overlap {
        return Err(GridError::OverlapAboveSubStripe { overlap, height });
    }
    Ok(())
}

fn chunks_per_stripe(stripes: u32) -> Vec<u32> {
    let height = 180.0 / f64::from(stripes);
    (0..stripes)
        .map(|stripe| {
            let south = f64::from(stripe) * height - 90.0;
            let north = f64::from(stripe + 1) * height - 90.0;
            segments(south, north, height)
        })
        .collect()
}

fn ring(
    number: u32,
    first_chunk: u32,
    chunks: u32,
    height: f64,
    overlap: f64,
) -> Result<Ring, GridError> {
    let south = f64::from(number) * height - 90.0;
    let north = f64::from(number + 1) * height - 90.0;
    // Never 0: a sub-stripe is cut at least as finely as the stripe it lies in.
    let cells_per_chunk = (segments(south, north, height) / chunks).max(1);
    let cells = cells_per_chunk * chunks;
    let width = 360.0 / f64::from(cells);
    let highest = south.abs().max(north.abs());
    let alpha = max_alpha(overlap, highest);
    if alpha > width {
        return Err(GridError::OverlapAboveSubChunk {
            overlap,
            sub_stripe: number,
            alpha,
            width,
        });
    }
    Ok(Ring {
        cells,
        cells_per_chunk,
        width,
        alpha: max_alpha(overlap + MARGIN_DEG, highest),
        first_chunk,
        first_sub_chunk: 0,
    })
}

#[cfg(test)]
mod tests;
