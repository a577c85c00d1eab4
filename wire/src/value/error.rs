//! Why a cell cannot be encoded or read.

/// Why a cell cannot be encoded or converted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ValueError {
    /// The row has fewer or more cells than the result has columns.
    #[error("row has {cells} cells for {columns} columns")]
    CellCount {
        /// Cells in the row.
        cells: usize,
        /// Columns in the result.
        columns: usize,
    },
    /// The cell's text is no value of the column's type.
    #[error("'{text}' is no {type_name}")]
    Text {
        /// The cell as text, shortened.
        text: String,
        /// Protocol type of the column.
        type_name: String,
    },
    /// The value is of another kind than the column.
    #[error("a {kind} value does not fit a column of type {type_name}")]
    Kind {
        /// Kind of the value.
        kind: &'static str,
        /// Protocol type of the column.
        type_name: String,
    },
    /// The row packet itself is broken.
    #[error("malformed row: {0}")]
    Malformed(&'static str),
}
