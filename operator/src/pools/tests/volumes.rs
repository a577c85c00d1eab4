//! Volumes against `spec.storage`.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use super::*;
use crate::pools::volumes::{volumes, waits};

/// A pool whose workers' claims ask for so much and have so much.
fn pool_with(wanted: &str, claims: &[(&str, &str)]) -> Observed {
    let mut observed = observed(claims.len() as u32);
    observed.pool.spec.storage = wanted.into();
    for (id, (asked, has)) in (1..).zip(claims) {
        observed.workers.insert(id, worker(&observed, id));
        let name = format!("data-main-w{id}-0");
        let claim: PersistentVolumeClaim = serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {"resources": {"requests": {"storage": asked}}},
            "status": {"phase": "Bound", "capacity": {"storage": has}},
        }))
        .unwrap();
        observed.claims.insert(name, claim);
    }
    observed
}

fn reason(observed: &Observed) -> Option<&'static str> {
    waits(observed, &volumes(observed)).map(|finding| finding.reason)
}

#[test]
fn volumes_grow_to_what_the_spec_says_and_never_shrink() {
    let claims = [
        ("10Gi", "10Gi"),
        ("20Gi", "10Gi"),
        ("20480Mi", "20Gi"),
        ("30Gi", "30Gi"),
    ];
    let observed = pool_with("20Gi", &claims);
    let found = volumes(&observed);
    let names = |ids: &[u32]| -> Vec<String> {
        ids.iter().map(|id| format!("data-main-w{id}-0")).collect()
    };
    assert_eq!(found.smaller, names(&[1]));
    assert_eq!(found.growing, names(&[2]));
    assert_eq!(found.larger, names(&[4]));
    assert_eq!(reason(&observed), Some("NeverShrinks"));
    let status = pool_status(
        &observed,
        &plan(&observed, &images()),
        &[ready_status()],
        Timestamp::now(),
    );
    let said = |kind: &str| {
        let mut conditions = status.conditions.iter();
        let found = conditions
            .find(|condition| condition.type_ == kind)
            .unwrap();
        (found.reason.clone(), found.message.clone())
    };
    let grow = (
        "VolumesGrow".to_owned(),
        "2 volumes grow to 20Gi".to_owned(),
    );
    assert_eq!(said("Progressing"), grow);
    assert!(said("VolumesWait").1.contains("data-main-w4-0"));
}

#[test]
fn what_the_api_server_refuses_is_named_with_its_words() {
    let observed = pool_with("20Gi", &[("10Gi", "10Gi")]);
    let mut found = volumes(&observed);
    assert_eq!(waits(&observed, &found), None, "it is asked for");
    let refused = ("data-main-w1-0".to_owned(), "the class says no".to_owned());
    found.refused.extend([refused]);
    let finding = waits(&observed, &found).unwrap();
    assert_eq!(finding.reason, "NotExpandable");
    assert!(
        finding
            .message
            .contains("data-main-w1-0: the class says no"),
        "{finding:?}"
    );
    assert_eq!(reason(&pool_with("10Gi", &[("10Gi", "10Gi")])), None);
}

#[test]
fn a_pool_that_is_paused_or_refused_grows_nothing() {
    let mut paused = pool_with("20Gi", &[("10Gi", "10Gi")]);
    assert_eq!(plan(&paused, &images()).volumes.smaller.len(), 1);
    paused.pool.spec.paused = true;
    assert!(plan(&paused, &images()).volumes.smaller.is_empty());
    let mut refused = pool_with("20Gi", &[("10Gi", "10Gi")]);
    refused
        .pool
        .spec
        .settings
        .insert("datadir".into(), "/".into());
    assert!(plan(&refused, &images()).volumes.smaller.is_empty());
}
