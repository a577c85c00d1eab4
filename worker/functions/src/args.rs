//! Reading the arguments that the server passes.

use udf::prelude::*;

/// Refuses a number of arguments that does not fit.
pub(crate) fn expect_count(
    name: &str,
    args: &ArgList<Init>,
    fits: bool,
    expected: &str,
) -> Result<(), String> {
    if fits {
        return Ok(());
    }
    Err(format!(
        "{name}() takes {expected} arguments, not {}",
        args.len()
    ))
}

/// Asks the server to pass the arguments from a place on as DOUBLE, whatever their type.
pub(crate) fn coerce_real(args: &ArgList<Init>, from: usize, to: usize) {
    for mut arg in args.iter().take(to).skip(from) {
        arg.set_type_coercion(SqlType::Real);
    }
}

/// Refuses an argument that is no integer.
pub(crate) fn expect_integer(
    name: &str,
    args: &ArgList<Init>,
    index: usize,
    what: &str,
) -> Result<(), String> {
    match args.get(index).map(|arg| arg.value()) {
        Some(SqlResult::Int(_)) => Ok(()),
        _ => Err(format!("the {what} of {name}() must be an integer")),
    }
}

/// Refuses an argument that is no string.
pub(crate) fn expect_string(
    name: &str,
    args: &ArgList<Init>,
    index: usize,
    what: &str,
) -> Result<(), String> {
    match args.get(index).map(|arg| arg.value()) {
        Some(SqlResult::String(_)) => Ok(()),
        _ => Err(format!("the {what} of {name}() must be a binary string")),
    }
}

/// A DOUBLE argument; `None` for NULL.
pub(crate) fn real(args: &ArgList<Process>, index: usize) -> Option<f64> {
    match args.get(index)?.value() {
        SqlResult::Real(value) => value,
        _ => None,
    }
}

/// The first `N` arguments as DOUBLEs; `None` when one is NULL.
pub(crate) fn reals<const N: usize>(args: &ArgList<Process>) -> Option<[f64; N]> {
    let mut values = [0.0; N];
    for (index, value) in values.iter_mut().enumerate() {
        *value = real(args, index)?;
    }
    Some(values)
}

/// An integer argument; `None` for NULL.
pub(crate) fn integer(args: &ArgList<Process>, index: usize) -> Option<i64> {
    match args.get(index)?.value() {
        SqlResult::Int(value) => value,
        _ => None,
    }
}

/// A string argument's bytes; `None` for NULL.
pub(crate) fn bytes<'a>(args: &'a ArgList<'a, Process>, index: usize) -> Option<&'a [u8]> {
    match args.get(index)?.value() {
        SqlResult::String(value) => value,
        _ => None,
    }
}
