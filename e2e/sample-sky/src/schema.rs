//! The columns of the tables, in the order of the files' fields.

use crate::part::Table;

/// A column as the table's object declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSpec {
    /// Name.
    pub name: &'static str,
    /// MySQL type.
    pub sql_type: &'static str,
    /// Whether NULL occurs.
    pub nullable: bool,
    /// Unit, or empty.
    pub unit: &'static str,
    /// What it means.
    pub description: &'static str,
}

const fn column(
    name: &'static str,
    sql_type: &'static str,
    unit: &'static str,
    description: &'static str,
) -> ColumnSpec {
    ColumnSpec {
        name,
        sql_type,
        nullable: false,
        unit,
        description,
    }
}

const fn nullable(
    name: &'static str,
    sql_type: &'static str,
    unit: &'static str,
    description: &'static str,
) -> ColumnSpec {
    ColumnSpec {
        name,
        sql_type,
        nullable: true,
        unit,
        description,
    }
}

const OBJECT: &[ColumnSpec] = &[
    column("objectId", "BIGINT", "", "unique id of the object"),
    column("ra", "DOUBLE", "deg", "right ascension"),
    column("decl", "DOUBLE", "deg", "declination"),
    nullable(
        "uMag",
        "FLOAT",
        "mag",
        "AB magnitude in u; NULL when not detected",
    ),
    nullable(
        "gMag",
        "DOUBLE",
        "mag",
        "AB magnitude in g; NULL when not detected",
    ),
    nullable(
        "rMag",
        "DOUBLE",
        "mag",
        "AB magnitude in r; NULL when not detected",
    ),
    nullable(
        "iMag",
        "DOUBLE",
        "mag",
        "AB magnitude in i; NULL when not detected",
    ),
    nullable(
        "zMag",
        "FLOAT",
        "mag",
        "AB magnitude in z; NULL when not detected",
    ),
    nullable(
        "yMag",
        "FLOAT",
        "mag",
        "AB magnitude in y; NULL when not detected",
    ),
    nullable("uMagErr", "FLOAT", "mag", "error of uMag"),
    nullable("gMagErr", "FLOAT", "mag", "error of gMag"),
    nullable("rMagErr", "FLOAT", "mag", "error of rMag"),
    nullable("iMagErr", "FLOAT", "mag", "error of iMag"),
    nullable("zMagErr", "FLOAT", "mag", "error of zMag"),
    nullable("yMagErr", "FLOAT", "mag", "error of yMag"),
    column("class", "VARCHAR(8)", "", "star, galaxy or quasar"),
    nullable(
        "extendedness",
        "FLOAT",
        "",
        "0 for a point, 1 for an extended object; NULL when too faint to tell",
    ),
    nullable("redshift", "DECIMAL(7,5)", "", "redshift; NULL for stars"),
    nullable(
        "parallax",
        "FLOAT",
        "mas",
        "parallax; NULL except for stars",
    ),
    column(
        "flags",
        "SMALLINT",
        "",
        "bits of the measurement; 0 when all is well",
    ),
    column("sourceCount", "INT", "", "number of rows in Source"),
    column("firstSeen", "DATETIME", "", "time of the first detection"),
    nullable("note", "VARCHAR(64)", "", "remark"),
];

const SOURCE: &[ColumnSpec] = &[
    column("sourceId", "BIGINT", "", "unique id of the source"),
    column("objectId", "BIGINT", "", "object it was seen of"),
    column("filterId", "TINYINT", "", "band, a row of Filter"),
    column("ra", "DOUBLE", "deg", "right ascension as measured"),
    column("decl", "DOUBLE", "deg", "declination as measured"),
    column(
        "objectRa",
        "DOUBLE",
        "deg",
        "right ascension of the object; places the row",
    ),
    column(
        "objectDecl",
        "DOUBLE",
        "deg",
        "declination of the object; places the row",
    ),
    column(
        "observedAt",
        "DATETIME",
        "",
        "middle of the exposure, TAI, whole seconds",
    ),
    column(
        "midPointMjd",
        "DOUBLE",
        "d",
        "middle of the exposure, TAI, modified Julian date",
    ),
    nullable(
        "psfFlux",
        "DOUBLE",
        "nJy",
        "flux of a point-source fit; may be negative",
    ),
    nullable("psfFluxErr", "FLOAT", "nJy", "error of psfFlux"),
    nullable(
        "apFlux",
        "DOUBLE",
        "nJy",
        "flux within an aperture; NULL when too faint",
    ),
    nullable("snr", "FLOAT", "", "psfFlux divided by its error"),
    column(
        "flags",
        "SMALLINT",
        "",
        "bits of the measurement; 0 when all is well",
    ),
];

const FILTER: &[ColumnSpec] = &[
    column("filterId", "TINYINT", "", "unique id of the band"),
    column("name", "CHAR(1)", "", "u, g, r, i, z or y"),
    column("wavelength", "DOUBLE", "nm", "mean wavelength"),
    column("width", "DOUBLE", "nm", "full width at half maximum"),
    column(
        "depth",
        "FLOAT",
        "mag",
        "AB magnitude of a five-sigma detection",
    ),
    column("description", "VARCHAR(64)", "", "what it sees"),
];

/// The columns of a table.
pub fn columns(table: Table) -> &'static [ColumnSpec] {
    match table {
        Table::Object => OBJECT,
        Table::Source => SOURCE,
        Table::Filter => FILTER,
    }
}
