//! Workers as repair sees them.

use crate::placement::Place;

/// Annotation of a node or a Worker: until this time (RFC 3339) it is under maintenance, and its
/// chunks are not copied elsewhere.
pub const MAINTENANCE_UNTIL: &str = "orrery.dev/maintenance-until";

/// How a worker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It serves, and may get more.
    Serving,
    /// It serves, and its chunks are to leave.
    Leaving,
    /// It does not serve, and is expected back.
    Away,
    /// It is down, not long enough to be given up.
    Down,
    /// It was down for so long that its chunks are copied elsewhere.
    Lost,
}

/// What is known of the node that a worker runs on, or ran on last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeState {
    /// Whether it is cordoned.
    pub cordoned: bool,
    /// Its annotation [`MAINTENANCE_UNTIL`].
    pub maintenance_until: Option<String>,
}

/// A worker as the planner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Where it is, and what fits there.
    pub place: Place,
    /// How it stands.
    pub standing: Standing,
}
