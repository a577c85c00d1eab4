//! The shadow server: a MariaDB in the czar's pod whose tables are empty shadows of the archive's.
//!
//! Names, types, flags, privileges and their errors are MariaDB's own, because MariaDB itself
//! answers: a user's statement is executed here, under an account with exactly the user's grants,
//! to get its metadata (docs/design/query.md#metadata: *executing*, because preparing differs). The
//! accounts' passwords are random and known to this process alone.

mod exchange;
mod metadata;
mod mirror;
mod normalise;
mod resize;
mod server;
mod sizes;

pub use exchange::{ExchangeError, Held, LOAD_MODE, Loader, TOO_LONG, take_over};
pub use metadata::{Metadata, MetadataCache, MetadataKey};
pub use mirror::LeftOut;
pub use normalise::normalise;
pub use server::{Listing, Mirrored, ShadowError, ShadowOptions, ShadowServer};
