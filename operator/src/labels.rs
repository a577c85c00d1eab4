//! Labels of the objects that the operator makes.

use std::collections::BTreeMap;

use orrery_archive::names::COMPONENT_LABEL;

use crate::field_manager;

/// Labels of every object that belongs to `component`.
pub fn of_component(component: &str) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "orrery"),
        ("app.kubernetes.io/part-of", "orrery"),
        ("app.kubernetes.io/managed-by", field_manager::NAME),
        (COMPONENT_LABEL, component),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}
