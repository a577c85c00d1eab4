//! What a table declares about its keys, positions and end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a director's key may repeat.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UniqueKey {
    /// The second row with a key is rejected.
    #[default]
    Enforced,
    /// Keys may repeat.
    MayRepeat,
}

/// What users declare of the rows of a table object that is deleted.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum DeletionPolicy {
    /// No query sees them, but the same table made again has them back at any time.
    #[default]
    Retain,
    /// As with `Retain` for the grace period; then they are dropped.
    Delete,
}

/// Grace period of [`DeletionPolicy::Delete`] where none is declared, in seconds: seven days.
pub fn default_deletion_grace() -> u64 {
    7 * 24 * 3600
}

/// What becomes of a table's rows when it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDeletion {
    /// They are kept.
    Retain,
    /// They are dropped.
    Delete {
        /// Seconds after the deletion in which they are kept and can come back.
        grace_seconds: u64,
    },
}

/// Columns that hold a position, in degrees.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct PositionColumns {
    /// Right ascension or longitude, 0 to 360. A DOUBLE column.
    #[schemars(length(min = 1, max = 64))]
    pub longitude: String,
    /// Declination or latitude, −90 to 90. A DOUBLE column.
    #[schemars(length(min = 1, max = 64))]
    pub latitude: String,
}
