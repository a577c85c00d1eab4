//! Standard output, whose reader may end before we do (`kubectl orrery status | head`).

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write as _};

/// Prints as `println!` does, and gives an error where that would panic.
macro_rules! outln {
    ($($text:tt)*) => {
        $crate::output::write(format_args!("{}\n", format_args!($($text)*)))
    };
}
pub(crate) use outln;

/// Writes to standard output, at once.
pub fn write(text: Arguments<'_>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_fmt(text)?;
    output.flush()
}

/// Whether the reader of standard output has ended, which is no failure of ours.
pub fn has_ended(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
