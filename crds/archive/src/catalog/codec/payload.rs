//! Payloads of objects: JSON.

use serde::{Deserialize, Serialize};

use crate::catalog::objects::{self, ObjectError, ObjectKind, ObjectName, ObjectSource, Objects};

#[expect(
    clippy::expect_used,
    reason = "plain structs with texts as keys are always JSON; an empty payload would be written as if it were the value"
)]
pub(super) fn put<T: Serialize + ?Sized>(
    objects: &mut Objects,
    kind: ObjectKind,
    value: &T,
) -> ObjectName {
    let payload = serde_json::to_string(value).expect("payloads are JSON");
    objects::put(objects, kind, payload)
}

pub(super) fn get<T: for<'de> Deserialize<'de>>(
    source: &impl ObjectSource,
    name: &ObjectName,
) -> Result<T, ObjectError> {
    serde_json::from_str(&objects::get(source, name)?)
        .map_err(|error| malformed(name, &error.to_string()))
}

pub(super) fn malformed(name: &ObjectName, what: &str) -> ObjectError {
    ObjectError::Malformed {
        name: name.clone(),
        what: what.into(),
    }
}
