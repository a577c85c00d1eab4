//! Cells: taking rows apart, putting rows together, and moving a cell from the text to the binary
//! protocol.
//!
//! In the text protocol every cell is a string; in the binary protocol the column's type decides.
//! [`Value`] is `mysql_common`'s, so that code using `mysql_async` shares it.

mod binary;
mod convert;
mod error;
mod number;
mod param;
#[cfg(test)]
mod tests;
mod text;

pub use binary::{BinaryCells, encode_binary_row, put_binary_value};
pub use convert::{TextToBinary, put_text_cell_as_binary};
pub use error::ValueError;
pub use number::{format_double, format_float};
pub use param::Param;
pub use text::{TextCells, encode_text_row, put_text_cell, put_text_value};

pub(crate) use binary::{bit, put_bitmap};

/// How the cells of a row are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// As text: the answer to COM_QUERY.
    #[default]
    Text,
    /// By column type: the answer to COM_STMT_EXECUTE.
    Binary,
}
