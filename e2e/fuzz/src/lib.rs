//! What fuzzers feed with bytes, as ordinary functions: `targets/` hands them to libFuzzer, and the
//! tests of this crate hand them every seed.
//!
//! Each [`Target`] stops with a panic when what it tests panics, or does not keep what it promises.
//! That it ends in time and within bounds of memory is for whoever runs it to see.

mod catalog;
mod long;
mod packets;
mod plans;
mod seeds;
mod statements;

/// Something that takes any bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Lexer, classes of statements, parameters and their values.
    Statements,
    /// The whole planner, over a catalog that is always the same.
    Plans,
    /// The two above with a part of the text repeated: what takes too long for its length.
    Long,
    /// Everything that is read from a peer of the MySQL protocol.
    Packets,
}

impl Target {
    /// Every target.
    pub const ALL: [Self; 4] = [Self::Statements, Self::Plans, Self::Long, Self::Packets];

    /// Its name, which its program has as well.
    pub fn name(self) -> &'static str {
        match self {
            Self::Statements => "statements",
            Self::Plans => "plans",
            Self::Long => "long",
            Self::Packets => "packets",
        }
    }

    /// Feeds it.
    pub fn feed(self, bytes: &[u8]) {
        match self {
            Self::Packets => packets::feed(bytes),
            Self::Statements => with_text(bytes, statements::feed),
            Self::Plans => with_text(bytes, plans::feed),
            Self::Long => with_text(bytes, long::feed),
        }
    }

    /// Inputs to begin with: one of each kind, and all that once failed.
    pub fn seeds(self) -> Vec<Vec<u8>> {
        let own = match self {
            Self::Statements => seeds::of_statements(),
            Self::Plans => seeds::of_plans(),
            Self::Long => seeds::of_long(),
            Self::Packets => packets::samples::all(),
        };
        [own, seeds::found(self.name())].concat()
    }
}

/// Statements are UTF-8: anything else is refused before it is read.
fn with_text(bytes: &[u8], feed: impl FnOnce(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        feed(text);
    }
}
