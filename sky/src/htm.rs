//! Hierarchical triangular mesh ids, numbered as in scisql: 8–15 at level 0, two bits a level.

use crate::separation::is_position;
use crate::vector::Vector;

/// Deepest subdivision level; triangles there are about half a hundredth of an arc second wide.
pub const MAX_LEVEL: u32 = 24;

const NORTH: Vector = Vector {
    x: 0.0,
    y: 0.0,
    z: 1.0,
};
const SOUTH: Vector = Vector {
    x: 0.0,
    y: 0.0,
    z: -1.0,
};
const X: Vector = Vector {
    x: 1.0,
    y: 0.0,
    z: 0.0,
};
const Y: Vector = Vector {
    x: 0.0,
    y: 1.0,
    z: 0.0,
};
const MINUS_X: Vector = Vector {
    x: -1.0,
    y: 0.0,
    z: 0.0,
};
const MINUS_Y: Vector = Vector {
    x: 0.0,
    y: -1.0,
    z: 0.0,
};

/// Id of the triangle that holds a position at a level; `None` unless it is a position and the
/// level is at most [`MAX_LEVEL`].
pub fn id(lon: f64, lat: f64, level: u32) -> Option<i64> {
    if !is_position(lon, lat) || level > MAX_LEVEL {
        return None;
    }
    let point = Vector::from_lon_lat(lon, lat);
    let (mut id, mut corners) = root(point);
    for _ in 0..level {
        let (child, inner) = descend(point, corners);
        id = (id << 2) | child;
        corners = inner;
    }
    Some(id)
}

/// Level of an id; `None` for a number that is no id.
pub fn level(id: i64) -> Option<u32> {
    let bits = 64 - id.leading_zeros();
    let level = bits.checked_sub(4)? / 2;
    (id > 0 && bits.is_multiple_of(2) && level <= MAX_LEVEL).then_some(level)
}

/// The octahedron face that holds a point, and its corners counter-clockwise seen from outside.
fn root(point: Vector) -> (i64, [Vector; 3]) {
    let east = point.y > 0.0 || (point.y == 0.0 && point.x >= 0.0);
    let front =
        point.x > 0.0 || (point.x == 0.0 && point.y < 0.0) || (point.y == 0.0 && point.x >= 0.0);
    match (point.z < 0.0, east, front) {
        (true, true, true) => (8, [X, SOUTH, Y]),
        (true, true, false) => (9, [Y, SOUTH, MINUS_X]),
        (true, false, false) => (10, [MINUS_X, SOUTH, MINUS_Y]),
        (true, false, true) => (11, [MINUS_Y, SOUTH, X]),
        (false, false, true) => (12, [X, NORTH, MINUS_Y]),
        (false, false, false) => (13, [MINUS_Y, NORTH, MINUS_X]),
        (false, true, false) => (14, [MINUS_X, NORTH, Y]),
        (false, true, true) => (15, [Y, NORTH, X]),
    }
}

/// The child triangle that holds a point of the triangle, and its corners. Borders go to the lower
/// number.
fn descend(point: Vector, [v0, v1, v2]: [Vector; 3]) -> (i64, [Vector; 3]) {
    let (m0, m1, m2) = (middle(v1, v2), middle(v2, v0), middle(v0, v1));
    if point.dot(m2.robust_cross(m1)) >= 0.0 {
        (0, [v0, m2, m1])
    } else if point.dot(m0.robust_cross(m2)) >= 0.0 {
        (1, [v1, m0, m2])
    } else if point.dot(m1.robust_cross(m0)) >= 0.0 {
        (2, [v2, m1, m0])
    } else {
        (3, [m0, m1, m2])
    }
}

fn middle(a: Vector, b: Vector) -> Vector {
    (a + b).unit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eight_faces_have_the_ids_8_to_15() {
        let faces = [
            (45.0, -45.0),
            (135.0, -45.0),
            (225.0, -45.0),
            (315.0, -45.0),
        ];
        for (expected, (lon, lat)) in (8..).zip(faces) {
            assert_eq!(id(lon, lat, 0), Some(expected));
        }
        let faces = [(315.0, 45.0), (225.0, 45.0), (135.0, 45.0), (45.0, 45.0)];
        for (expected, (lon, lat)) in (12..).zip(faces) {
            assert_eq!(id(lon, lat, 0), Some(expected));
        }
    }

    #[test]
    fn the_centre_of_a_face_is_in_its_middle_child() {
        let lat = (1.0 / 3f64.sqrt()).asin().to_degrees();
        assert_eq!(id(45.0, lat, 1), Some(15 * 4 + 3));
        assert_eq!(id(45.0, lat, 2), Some((15 * 4 + 3) * 4 + 3));
    }

    #[test]
    fn corners_are_in_the_child_of_their_number() {
        assert_eq!(
            id(0.5, 0.5, 1),
            Some(15 * 4 + 2),
            "the third corner of N3 is +x"
        );
        assert_eq!(id(89.5, 0.5, 1), Some(15 * 4));
        assert_eq!(id(45.0, 89.5, 1), Some(15 * 4 + 1));
    }

    #[test]
    fn a_deeper_id_starts_with_the_shallower_one() {
        for (lon, lat) in [(0.0, 0.0), (359.99, -89.9), (123.4, 56.7), (180.0, 90.0)] {
            let deep = id(lon, lat, MAX_LEVEL).unwrap();
            assert_eq!(level(deep), Some(MAX_LEVEL));
            for at in 0..MAX_LEVEL {
                assert_eq!(id(lon, lat, at), Some(deep >> (2 * (MAX_LEVEL - at))));
            }
        }
    }

    #[test]
    fn what_is_no_id_has_no_level() {
        for bad in [i64::MIN, -8, 0, 1, 7, 16, 31, 64, 1 << 52, i64::MAX] {
            assert_eq!(level(bad), None, "{bad}");
        }
        assert_eq!(level(8), Some(0));
        assert_eq!(level(63), Some(1));
        assert_eq!(id(0.0, 90.1, 3), None);
        assert_eq!(id(0.0, 0.0, 25), None);
    }
}
