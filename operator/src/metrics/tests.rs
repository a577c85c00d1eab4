//! The text that Prometheus reads.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use orrery_crds::kinds::{ChunkFamilyStatus, IngestPhase, WorkerPhase, WorkerStatus};
use prometheus::TextEncoder;

use super::Metrics;

#[test]
fn every_metric_is_in_the_text() {
    let metrics = Metrics::new().unwrap();
    metrics.wrote("Service", "created");
    metrics.malformed("Worker");
    metrics.reconciles("pools").start().succeeded();
    let mut family = ChunkFamilyStatus::default();
    family.chunks.under_replicated = 7;
    family.index_chunks.unreadable = 2;
    let gone = ("gone".to_owned(), family.clone());
    metrics.families("sky", &[gone]);
    metrics.families("sky", &[("stars".to_owned(), family)]);
    metrics.intended("sky", 3);
    let down = WorkerStatus {
        phase: WorkerPhase::Down,
        ..WorkerStatus::default()
    };
    metrics.workers("sky", "main", &[down]);
    metrics
        .reconciles("pools")
        .due(Duration::from_millis(2_500), 3);
    let second = |second| Timestamp::from_second(second).ok();
    let loads = [
        (IngestPhase::Load, second(70)),
        (IngestPhase::Load, second(50)),
    ];
    metrics.ingests("sky", &[(IngestPhase::Seal, second(9))]);
    metrics.ingests("sky", &loads);
    let expiries = |secret| BTreeMap::from([(secret, second(99).unwrap())]);
    metrics.certificates("sky", &expiries("orrery-tls-worker-3"));
    metrics.certificates("sky", &expiries("orrery-ca"));
    metrics.behind("sky", true);
    metrics.damaged("sky", 2, 1);
    let text = TextEncoder::new()
        .encode_to_string(&metrics.gather())
        .unwrap();
    for line in [
        "orrery_operator_leading 0",
        r#"orrery_operator_writes_total{change="created",kind="Service"} 1"#,
        r#"orrery_operator_reconciles_total{controller="pools",result="succeeded"} 1"#,
        r#"orrery_operator_reconcile_running_since_seconds{controller="pools"} 0"#,
        r#"orrery_operator_malformed_objects_total{kind="Worker"} 1"#,
        r#"orrery_operator_chunks{copies="fewer",family="stars",namespace="sky",of="rows"} 7"#,
        r#"orrery_operator_chunks{copies="none",family="stars",namespace="sky",of="index"} 2"#,
        r#"orrery_operator_copies_intended{namespace="sky"} 3"#,
        r#"orrery_operator_workers{namespace="sky",phase="Down",pool="main"} 1"#,
        r#"orrery_operator_workers{namespace="sky",phase="Ready",pool="main"} 0"#,
        r#"orrery_operator_reconcile_late_seconds{controller="pools"} 2.5"#,
        r#"orrery_operator_reconcile_waiting{controller="pools"} 3"#,
        r#"orrery_operator_ingests{namespace="sky",phase="Load"} 2"#,
        r#"orrery_operator_ingests{namespace="sky",phase="Seal"} 0"#,
        r#"orrery_operator_ingests_since_seconds{namespace="sky",phase="Load"} 50"#,
        r#"orrery_operator_certificate_expires_seconds{namespace="sky",secret="orrery-ca"} 99"#,
        r#"orrery_operator_catalog_behind{namespace="sky"} 1"#,
        r#"orrery_operator_damaged_copies{are="kept",namespace="sky"} 1"#,
        r#"orrery_operator_reconcile_succeeded_seconds{controller="pools"} "#,
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(
        !text.contains("gone") && !text.contains("worker-3"),
        "{text}"
    );
    let since = r#"orrery_operator_ingests_since_seconds{namespace="sky",phase="Seal"}"#;
    assert!(
        !text.contains(since),
        "no ingest is sealed any more: {text}"
    );
}
