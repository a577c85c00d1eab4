//! The Kubernetes kinds of Orrery, and what makes a declared table an accepted one.
//!
//! - [`kinds`]: the kinds of the group `orrery.dev/v1alpha1`, one file each;
//! - [`accept`]: checks that the schemas cannot make, and the accepted form with every default
//!   filled in;
//! - [`rebuild`]: what is said when a lost catalog is rebuilt;
//! - [`mod@reference`]: the kinds as a page for people.
//!
//! No I/O happens here.

pub mod accept;
mod collations;
pub mod kinds;
pub mod rebuild;
pub mod reference;
