//! An Ingest whose attempt has rows on workers that no catalog names is not forgotten: a finalizer
//! keeps the object until they are published or dropped.

use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use orrery_crds::kinds::{Ingest, IngestPhase};
use serde_json::json;

use super::standing::{FINALIZER, is_held, phase};
use crate::controller::context::Context;

/// Whether rows of the ingest may be where no catalog names them, or are about to be.
fn is_wanted(ingest: &Ingest) -> bool {
    let phases = IngestPhase::Place..IngestPhase::Publish;
    phases.contains(&phase(ingest))
}

/// The finalizers that the object is to have; `None` when it has them. One that is being deleted
/// gets no more.
fn wanted(ingest: &Ingest) -> Option<Vec<String>> {
    let (held, wanted) = (is_held(ingest), is_wanted(ingest));
    let is_deleted = ingest.metadata.deletion_timestamp.is_some();
    let mut finalizers = ingest.finalizers().to_vec();
    match (held, wanted) {
        (false, true) if !is_deleted => finalizers.push(FINALIZER.to_owned()),
        (true, false) => finalizers.retain(|held| held != FINALIZER),
        _ => return None,
    }
    Some(finalizers)
}

/// Puts the finalizer on, or takes it off, as the phase asks. Answers with the object as it is
/// then.
pub async fn settle(
    context: &Context,
    namespace: &str,
    ingest: Ingest,
) -> Result<Ingest, kube::Error> {
    let Some(finalizers) = wanted(&ingest) else {
        return Ok(ingest);
    };
    let version = ingest.resource_version();
    let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": version}});
    let api = context.api::<Ingest>(namespace);
    let parameters = PatchParams::default();
    api.patch(&ingest.name_any(), &parameters, &Patch::Merge(patch))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ingest(phase: &str, finalizers: &[&str], deleted: bool) -> Ingest {
        let deleted = deleted.then_some("2026-01-01T00:00:00Z");
        serde_json::from_value(json!({
            "apiVersion": "orrery.dev/v1alpha1", "kind": "Ingest",
            "metadata": {"name": "i", "finalizers": finalizers, "deletionTimestamp": deleted},
            "spec": {"target": {"database": "sky", "table": "Object"}, "sources": [{"url": "http://a/b"}]},
            "status": {"phase": phase},
        }))
        .unwrap()
    }

    #[test]
    fn an_ingest_is_kept_just_while_an_attempt_may_have_rows_on_workers() {
        let ours = ["other/one", FINALIZER];
        for (phase, kept) in [
            ("Pending", false),
            ("Survey", false),
            ("Place", true),
            ("Load", true),
            ("Seal", true),
            ("Verify", true),
            ("Publish", false),
            ("Visible", false),
            ("Failed", false),
            ("Revoked", false),
        ] {
            let added = wanted(&ingest(phase, &["other/one"], false));
            assert_eq!(
                added,
                kept.then(|| ours.map(String::from).to_vec()),
                "{phase}"
            );
            let removed = wanted(&ingest(phase, &ours, true));
            assert_eq!(
                removed,
                (!kept).then(|| vec!["other/one".to_owned()]),
                "{phase}"
            );
        }
        assert_eq!(wanted(&ingest("Place", &[], true)), None, "it is too late");
    }
}
