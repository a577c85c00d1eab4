//! The six bands.

use crate::field::Row;

/// Id, name, mean wavelength and width in nanometres, five-sigma depth, description.
const FILTERS: [(i64, &str, f64, f64, f64, &str); 6] = [
    (0, "u", 368.5, 47.2, 25.3, "near ultraviolet"),
    (1, "g", 480.2, 128.7, 26.6, "blue to green"),
    (2, "r", 622.0, 115.0, 26.8, "red, the deepest"),
    (3, "i", 754.0, 123.0, 26.1, "near infrared"),
    (
        4,
        "z",
        869.0,
        103.6,
        25.3,
        "near infrared, sees through dust",
    ),
    (
        5,
        "y",
        971.0,
        82.7,
        24.4,
        "near infrared, the edge of silicon",
    ),
];

/// Appends every row.
pub(crate) fn write(out: &mut Vec<u8>) {
    for (id, name, wavelength, width, depth, description) in FILTERS {
        let mut row = Row::new(out);
        row.integer(id);
        row.text(name);
        row.fixed(wavelength, 1);
        row.fixed(width, 1);
        row.fixed(depth, 2);
        row.text(description);
        row.end();
    }
}
