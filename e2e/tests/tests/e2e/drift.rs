//! Hand edits of what the operator owns are reverted within thirty seconds, with an Event that says
//! so.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use orrery_e2e::kubectl;

/// How long a hand edit may last.
const LIMIT: Duration = Duration::from_secs(30);

/// Edits one object of each kind; what jsonpath shows must become again what it was.
async fn reverted(object: &str, patch: &str, path: &str) -> Result<()> {
    let show = format!("jsonpath={path}");
    let before = kubectl(&["get", object, "--output", &show]).await?;
    kubectl(&["patch", object, "--type=merge", "--patch", patch]).await?;
    let edited = Instant::now();
    while kubectl(&["get", object, "--output", &show]).await? != before {
        if edited.elapsed() > LIMIT {
            bail!("the edit of {object} was not reverted");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn hand_edits_of_owned_objects_are_reverted_with_an_event() -> Result<()> {
    reverted(
        "service/main-w1",
        r#"{"spec":{"publishNotReadyAddresses":false}}"#,
        "{.spec.publishNotReadyAddresses}",
    )
    .await?;
    reverted(
        "configmap/main-mysqld",
        r#"{"data":{"my.cnf":"[mariadbd]\n"}}"#,
        "{.data}",
    )
    .await?;
    reverted(
        "poddisruptionbudget/main",
        r#"{"spec":{"unhealthyPodEvictionPolicy":"IfHealthyBudget"}}"#,
        "{.spec.unhealthyPodEvictionPolicy}",
    )
    .await?;
    reverted(
        "statefulset/main-w1",
        r#"{"spec":{"replicas":0}}"#,
        "{.spec.replicas}",
    )
    .await?;
    let events = kubectl(&[
        "get",
        "events.v1.events.k8s.io",
        "--output",
        "jsonpath={range .items[?(@.reason=='HandEditReverted')]}{.note}{'\\n'}{end}",
    ])
    .await?;
    for kind in ["Service", "ConfigMap", "PodDisruptionBudget", "StatefulSet"] {
        assert!(
            events.contains(kind),
            "no Event reports the {kind}:\n{events}"
        );
    }
    Ok(())
}
