//! Statements of which a part is repeated: what takes more than its length, or nests too deep.

use crate::{plans, statements};

/// Bytes that a repeated part makes at most; tests have no minutes for more.
#[allow(unexpected_cfgs, reason = "cargo-fuzz sets it")]
const MOST: usize = if cfg!(fuzzing) { 256 << 10 } else { 16 << 10 };
/// What stands between beginning, repeated part and end.
const CUT: char = '\n';

/// Repeats the second line of a text between the first and the others.
pub(crate) fn feed(text: &str) {
    let mut lines = text.splitn(3, CUT);
    let (Some(begin), Some(part)) = (lines.next(), lines.next()) else {
        return;
    };
    let times = MOST / part.len().max(1);
    let end = lines.next().unwrap_or_default();
    let sql = [begin, &part.repeat(times), end].concat();
    statements::feed(&sql);
    plans::feed(&sql);
}
