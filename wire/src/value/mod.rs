//! Cells: taking rows apart, putting rows together, and moving a cell from the text to the binary protocol.
//!
//! In the text protocol every cell is a string; in the binary protocol the column's type decides. [`Value`] is
//! `mysql_common`'s, so that code using `mysql_async` shares it.

mod binary;
mod convert;
mod number;
mod param;
#[cfg(test)]
mod tests;
mod text;

pub use binary::{BinaryCells, encode_binary_row, put_binary_value};
pub use convert::{TextToBinary, put_text_cell_as_binary};
pub use number::{format_double, format_float};
pub use param::Param;
pub use text::{TextCells, encode_text_row, put_text_cell, put_text_value};

pub(crate) use binary::{bit, put_bitmap, take_binary_value};

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
