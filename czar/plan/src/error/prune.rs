//! Spatial restrictions that are wrong.

use thiserror::Error;

/// Why a spatial restriction is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PruneError {
    /// Not a literal number.
    #[error("Incorrect arguments to {function}: argument {number} is not a constant number")]
    NotConstant {
        /// Function.
        function: String,
        /// Number of the argument, from 1.
        number: usize,
    },
    /// Too few or too many arguments.
    #[error("Incorrect arguments to {function}: it takes {wanted}")]
    Count {
        /// Function.
        function: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// Numbers that make no region.
    #[error("Incorrect arguments to {function}: {reason}")]
    Region {
        /// Function.
        function: String,
        /// Reason.
        reason: String,
    },
    /// No function of that name.
    #[error(
        "There is no function {function}; there are qserv_areaspec_box, _circle, _ellipse and _poly"
    )]
    Unknown {
        /// Function.
        function: String,
    },
    /// No table to restrict.
    #[error("{function} needs a chunked table with position columns in FROM")]
    NoPosition {
        /// Function.
        function: String,
    },
    /// Not about one table that the statement reads once.
    #[error(
        "{function} cannot restrict this statement: its tables are read together by one server, and the restriction is not about one table that is read once; write scisql_s2PtIn…(lon, lat, …) = 1"
    )]
    NotGathered {
        /// Function.
        function: String,
    },
    /// Not a term of its own in WHERE.
    #[error(
        "{function} must stand in WHERE by itself, joined to the rest by AND; inside other expressions use scisql_s2PtIn…(lon, lat, …) = 1"
    )]
    Nested {
        /// Function.
        function: String,
    },
}
