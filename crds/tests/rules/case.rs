//! An example: an object, what it was before, and what is said about it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// One example.
pub struct Case {
    /// What it shows; also the object's name when it has none of its own.
    pub shows: &'static str,
    /// The object.
    pub object: Value,
    /// The object it replaces; its `status` counts.
    pub was: Option<Value>,
    /// Refusals as `field: message`, all of them; none when it is accepted.
    pub refusals: BTreeSet<String>,
}

/// Examples of one kind that differ from a good object by a JSON merge patch each.
pub struct Kind {
    base: Value,
    cases: Vec<Case>,
}

impl Kind {
    /// Starts with a good object of `kind`, which is the first example.
    pub fn new(kind: &str, spec: Value) -> Self {
        let base = json!({
            "apiVersion": "orrery.dev/v1alpha1", "kind": kind, "metadata": {"name": kind.to_lowercase()}, "spec": spec,
        });
        let mut examples = Self {
            base,
            cases: Vec::new(),
        };
        examples.accepts("a good object", json!({}));
        examples
    }

    /// A new object that is accepted.
    pub fn accepts(&mut self, shows: &'static str, patch: Value) {
        self.refuses(shows, patch, &[]);
    }

    /// A new object that is refused.
    pub fn refuses(&mut self, shows: &'static str, patch: Value, refusals: &[&str]) {
        let object = patched(&self.base, patch);
        self.add(shows, object, None, refusals);
    }

    /// A change of an accepted object, which `status` has been written for, that is accepted.
    pub fn accepts_change(&mut self, shows: &'static str, status: Value, patch: Value) {
        self.refuses_change(shows, status, patch, &[]);
    }

    /// A change that is refused.
    pub fn refuses_change(
        &mut self,
        shows: &'static str,
        status: Value,
        patch: Value,
        refusals: &[&str],
    ) {
        let was = patched(&self.base, json!({ "status": status }));
        let object = patched(&was, patch);
        self.add(shows, object, Some(was), refusals);
    }

    /// All examples.
    pub fn done(self) -> Vec<Case> {
        self.cases
    }

    fn add(&mut self, shows: &'static str, object: Value, was: Option<Value>, refusals: &[&str]) {
        self.cases.push(Case {
            shows,
            object,
            was,
            refusals: refusals
                .iter()
                .map(|refusal| (*refusal).to_owned())
                .collect(),
        });
    }
}

fn patched(base: &Value, patch: Value) -> Value {
    let mut object = base.clone();
    merge(&mut object, patch);
    object
}

/// RFC 7386.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(&name);
        } else {
            merge(&mut target[name], value);
        }
    }
}
