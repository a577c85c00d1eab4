//! What statements may ask for: tables, their columns, and what kind of value each holds.

/// What an expression yields, as far as the generator cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Whole numbers.
    Int,
    /// DOUBLE and FLOAT.
    Real,
    /// DECIMAL.
    Decimal,
    /// Text of which equal values are the same bytes.
    Text,
    /// Text of which equal values may be spelled otherwise (`Vega`, `vega`): which spelling stands
    /// for a group is not defined.
    Spelled,
    /// DATE and DATETIME.
    Moment,
    /// TIME.
    Span,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Columns.
    pub columns: &'static [(&'static str, Type)],
}

/// The director.
pub const OBJECT: Table = Table {
    name: "Object",
    columns: &[
        ("objectId", Type::Int),
        ("ra", Type::Real),
        ("decl", Type::Real),
        ("mag", Type::Real),
        ("flux", Type::Real),
        ("kind", Type::Text),
        ("flags", Type::Text),
        ("name", Type::Spelled),
        ("code", Type::Text),
        ("price", Type::Decimal),
        ("run", Type::Int),
        ("tiny", Type::Int),
        ("padded", Type::Int),
        ("seen", Type::Moment),
        ("day", Type::Moment),
        ("at", Type::Moment),
        ("bits", Type::Int),
        ("born", Type::Int),
        ("fixed", Type::Real),
        ("note", Type::Text),
    ],
};

/// Children of Object.
pub const SOURCE: Table = Table {
    name: "Source",
    columns: &[
        ("sourceId", Type::Int),
        ("objectId", Type::Int),
        ("ra", Type::Real),
        ("filterId", Type::Int),
        ("psfFlux", Type::Real),
        ("psfMag", Type::Real),
        ("quality", Type::Text),
        ("amount", Type::Decimal),
        ("mjd", Type::Real),
    ],
};

/// Children of Object with values at the edges of their types.
pub const EXTREME: Table = Table {
    name: "Extreme",
    columns: &[
        ("extremeId", Type::Int),
        ("objectId", Type::Int),
        ("big", Type::Real),
        ("small", Type::Real),
        ("wide", Type::Decimal),
        ("whole", Type::Decimal),
        ("huge", Type::Int),
        ("moment", Type::Moment),
        ("zero", Type::Moment),
        ("span", Type::Span),
        ("mask", Type::Int),
        ("grade", Type::Text),
        ("tags", Type::Text),
        ("pad", Type::Text),
        ("nopad", Type::Text),
        ("raw", Type::Text),
        ("lone", Type::Int),
    ],
};

/// A reference table.
pub const FILTER: Table = Table {
    name: "Filter",
    columns: &[
        ("filterId", Type::Int),
        ("filterName", Type::Text),
        ("lambda", Type::Real),
    ],
};

/// A column that is in sight, as it is written.
#[derive(Clone, Debug)]
pub struct Column {
    /// Qualified name.
    pub name: String,
    /// What it holds.
    pub kind: Type,
}

impl Column {
    /// Whether sums of it have more digits than a DECIMAL column.
    #[must_use]
    pub fn is_long(&self) -> bool {
        let name = self.name.rsplit('.').next();
        matches!(name, Some("wide" | "whole"))
    }

    /// Whether it is an ENUM or a SET, which as a number is its place in the list, or that of its text
    /// where it is MIN or MAX.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        let name = self.name.rsplit('.').next();
        matches!(name, Some("kind" | "flags" | "quality" | "grade" | "tags"))
    }

    /// Whether it has DOUBLEs near the largest.
    #[must_use]
    pub fn is_huge(&self) -> bool {
        matches!(self.name.rsplit('.').next(), Some("big" | "small"))
    }
}
