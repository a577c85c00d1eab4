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

/// What happens to rows when their table object is deleted.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum DeletionPolicy {
    /// The table leaves the catalog; physical tables stay until an administrator drops them.
    #[default]
    Retain,
    /// Physical tables are dropped once no reader needs them.
    Delete,
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
