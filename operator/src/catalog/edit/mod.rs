//! Changes of a catalog, pure. Each takes the catalog by value of its present state and says what
//! it would be; epochs are raised here and nowhere else: dataEpoch when what the data is changes,
//! placementEpoch when who holds it changes.

mod attempts;
mod damage;
mod empty;
mod error;
mod families;
mod limits;
mod moves;
mod parts;
mod placement;
mod publish;
mod retired;
mod revoke;
mod tables;
#[cfg(test)]
mod tests;

pub use attempts::{close_abandoned, close_attempt, open_attempt};
pub use damage::{Damaged, damaged};
pub use empty::idle_chunks;
pub use error::EditError;
pub use families::{accept_family, index_family, retire_family};
pub use limits::check as check_segments;
pub use moves::{Move, Moves, arrive, moves};
pub use parts::children;
pub use placement::{Assignment, place};
pub use publish::{Holders, Publication, publish, was_published};
pub use retired::{Claim, Claimed, claim, expire, has_former, over};
pub use revoke::set_revoked;
pub use tables::{accept_table, dropped, is_declared, retire_table};
