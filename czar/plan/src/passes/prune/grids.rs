//! The grids of families, each made once: making its tables takes several times as long as all the
//! rest of planning a cone search.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use orrery_archive::catalog::FamilyGrid;
use orrery_sky::Grid;

/// Grids that are kept; beyond it all are made again as they are asked for.
const MOST: usize = 32;

/// Stripes, sub-stripes, and the bits of the overlap.
type Parameters = (u32, u32, u64);

static GRIDS: Mutex<BTreeMap<Parameters, Arc<Grid>>> = Mutex::new(BTreeMap::new());

/// A family's grid; `None` when chunks are no places on the sky.
pub(super) fn of(family: &FamilyGrid) -> Option<Arc<Grid>> {
    let FamilyGrid::Sphere {
        stripes,
        sub_stripes,
        overlap,
        ..
    } = family
    else {
        return None;
    };
    let parameters = (*stripes, *sub_stripes, overlap.to_bits());
    let known = || GRIDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(grid) = known().get(&parameters) {
        return Some(grid.clone());
    }
    // Made without the lock: others plan meanwhile.
    let grid = Arc::new(Grid::new(*stripes, *sub_stripes, *overlap).ok()?);
    let mut known = known();
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(parameters, grid.clone());
    Some(grid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sphere(sub_stripes: u32, overlap: f64) -> FamilyGrid {
        FamilyGrid::Sphere {
            stripes: 18,
            sub_stripes,
            overlap,
            index_chunks: 4,
        }
    }

    #[test]
    fn a_grid_is_made_once_and_families_of_other_parameters_have_their_own() {
        let grid = of(&sphere(10, 0.05)).unwrap();
        assert!(Arc::ptr_eq(&grid, &of(&sphere(10, 0.05)).unwrap()));
        for (sub_stripes, overlap) in [(11, 0.05), (10, 0.051), (10, 0.0)] {
            let other = of(&sphere(sub_stripes, overlap)).unwrap();
            assert_eq!(*other, Grid::new(18, sub_stripes, overlap).unwrap());
            assert_ne!(*other, *grid);
        }
        assert_eq!(of(&FamilyGrid::Hash { chunks: 4 }), None);
        // No more are kept than there may be. In the same test: what is kept is the process's.
        for number in 0..=2 * MOST as u32 {
            of(&sphere(10, f64::from(number) * 1e-4)).unwrap();
        }
        assert!(GRIDS.lock().unwrap().len() <= MOST);
    }
}
