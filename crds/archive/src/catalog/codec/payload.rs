//! Payloads of objects: JSON.

use serde::{Deserialize, Serialize};

use crate::catalog::objects::{self, ObjectError, ObjectKind, ObjectName, ObjectSource, Objects};

pub(super) fn put<T: Serialize + ?Sized>(objects: &mut Objects, kind: ObjectKind, value: &T) -> ObjectName {
    // Serialising these plain structs to a string cannot fail; an empty payload would not decode and be noticed.
    objects::put(objects, kind, serde_json::to_string(value).unwrap_or_default())
}

pub(super) fn get<T: for<'de> Deserialize<'de>>(
    source: &impl ObjectSource,
    name: &ObjectName,
) -> Result<T, ObjectError> {
    serde_json::from_str(&objects::get(source, name)?).map_err(|error| malformed(name, &error.to_string()))
}

pub(super) fn malformed(name: &ObjectName, what: &str) -> ObjectError {
    ObjectError::Malformed {
        name: name.clone(),
        what: what.into(),
    }
}
