//! Names of the query attributes, and reading their values. All values are strings.

use orrery_wire::command::QueryAttribute;
use orrery_wire::{ServerError, Value, errors};

/// What all names begin with; attributes without it are not ours.
const PREFIX: &str = "orrery.";

/// User whose rights count.
pub(crate) const USER: &str = "orrery.user";
/// Default database.
pub(crate) const DATABASE: &str = "orrery.database";
/// `time_zone`.
pub(crate) const TIME_ZONE: &str = "orrery.time_zone";
/// `sql_mode`.
pub(crate) const SQL_MODE: &str = "orrery.sql_mode";
/// Collation of the connection.
pub(crate) const COLLATION: &str = "orrery.charset";
/// Encoding of rows.
pub(crate) const FORMAT: &str = "orrery.format";
/// Most rows.
pub(crate) const MAX_ROWS: &str = "orrery.max_rows";
/// Longest time, milliseconds.
pub(crate) const MAX_MS: &str = "orrery.max_ms";
/// dataEpoch the client has seen already.
pub(crate) const MIN_DATA_EPOCH: &str = "orrery.min_data_epoch";
/// The proxy's connection, for people.
pub(crate) const CONNECTION: &str = "orrery.connection";
/// Only the columns are asked for.
pub(crate) const PREPARE: &str = "orrery.prepare";
/// Tables are gathered whatever the chunks could compute.
pub(crate) const GATHER: &str = "orrery.gather";
/// The killer may kill what belongs to others.
pub(crate) const ANYBODYS: &str = "orrery.anybodys";

/// Value of a flag that is set; one that is not set is absent.
pub(crate) const SET: &str = "1";

/// Our attributes with their values, in order.
pub(crate) fn ours(
    attributes: &[QueryAttribute],
) -> impl Iterator<Item = Result<(&str, &str), ServerError>> {
    let ours = attributes
        .iter()
        .filter(|attribute| attribute.name.starts_with(PREFIX));
    ours.map(|attribute| Ok((attribute.name.as_str(), text(attribute)?)))
}

fn text(attribute: &QueryAttribute) -> Result<&str, ServerError> {
    match &attribute.param.value {
        Value::Bytes(bytes) => {
            std::str::from_utf8(bytes).map_err(|_| malformed(&attribute.name, "is not UTF-8"))
        }
        _ => Err(malformed(&attribute.name, "is not a string")),
    }
}

/// A whole number.
pub(crate) fn number(name: &str, value: &str) -> Result<u64, ServerError> {
    value
        .parse()
        .map_err(|_| malformed(name, "is not a whole number"))
}

/// A flag that is there: it has one value only.
pub(crate) fn flag(name: &str, value: &str) -> Result<bool, ServerError> {
    if value == SET {
        Ok(true)
    } else {
        Err(malformed(name, "is not 1"))
    }
}

/// The error for an attribute that says nothing sensible.
pub(crate) fn malformed(name: &str, what: &str) -> ServerError {
    errors::malformed_packet(&format!("query attribute {name} {what}"))
}
