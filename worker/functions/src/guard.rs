//! The last line of defence of the server's process against a panic.

use std::panic::{catch_unwind, AssertUnwindSafe};

use udf::ProcessError;

/// Runs the body of a row function. A panic, which would abort mysqld, becomes NULL.
///
/// State that a panic leaves behind is only ever read again through this guard, and every function
/// of the plugin overwrites its state before using it, so continuing with it is safe.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the result type that `udf` asks a body for"
)]
pub(crate) fn guarded<T>(body: impl FnOnce() -> Option<T>) -> Result<Option<T>, ProcessError> {
    Ok(catch_unwind(AssertUnwindSafe(body)).unwrap_or(None))
}

/// Runs the body of an init function. A panic becomes an error of the statement.
pub(crate) fn guarded_init<T>(body: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|_| Err("internal error in the SQL function plugin".to_owned()))
}

/// Runs the body of an aggregate step. A panic becomes `false`: the group's result is then NULL.
pub(crate) fn guarded_step(body: impl FnOnce() -> bool) -> bool {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_null_or_an_error_and_never_unwinds() {
        assert_eq!(guarded::<f64>(|| panic!("row")), Ok(None));
        assert!(guarded_init::<()>(|| panic!("init")).is_err());
        assert!(!guarded_step(|| panic!("step")));
    }

    #[test]
    fn results_pass_through() {
        assert_eq!(guarded(|| Some(1)), Ok(Some(1)));
        assert_eq!(
            guarded_init(|| Err::<(), _>("no".to_owned())),
            Err("no".to_owned())
        );
        assert!(guarded_step(|| true));
    }
}
