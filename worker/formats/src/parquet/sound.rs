//! Calls of the library that may panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::errors::ParquetError;

use crate::FormatError;

/// What `read` gives. The library panics at some files that are broken; a reader that did is not
/// used again.
pub fn sound<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, FormatError> {
    let broken = |what: String| FormatError::Broken(format!("is no sound Parquet file: {what}"));
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| broken(error.to_string())),
        Err(_) => Err(broken("its metadata contradict each other".into())),
    }
}
