//! Wrong declarations get a clear answer within seconds; sound ones reach the catalog.

use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use orrery_archive::catalog::TableKey;
use orrery_crds::kinds::{ChunkFamily, ChunkedTable, ReferenceTable, WorkerPool};
use serde_json::{Value, json};

use crate::nodes::first_worker;
use crate::support::{Archive, director, family, pool};

/// How long a verdict may take (docs/design/catalog.md#validation).
const VERDICT: Duration = Duration::from_secs(5);

fn accepted(conditions: Option<&Vec<Condition>>) -> Option<(bool, String, String)> {
    let condition = conditions?
        .iter()
        .find(|condition| condition.type_ == "Accepted" && condition.status != "Unknown")?;
    Some((
        condition.status == "True",
        condition.reason.clone(),
        condition.message.clone(),
    ))
}

macro_rules! verdict {
    ($archive:expr, $kind:ty, $name:expr) => {{
        let conditions =
            |object: &$kind| accepted(object.status.as_ref().map(|status| &status.conditions));
        let object = $archive
            .until::<$kind>($name, "judged", |object| conditions(object).is_some())
            .await;
        conditions(&object).unwrap()
    }};
}

fn refused(reason: &str, message: &str) -> (bool, String, String) {
    (false, reason.into(), message.into())
}

#[tokio::test]
async fn each_wrong_declaration_is_refused_with_its_reason() {
    let archive = Archive::new("verdicts").await;
    let checks = async {
        archive.create::<WorkerPool>("main", pool(2)).await.unwrap();
        let _worker = first_worker(&archive).await;
        archive
            .create::<ChunkFamily>("sky", family(2))
            .await
            .unwrap();
        assert!(verdict!(archive, ChunkFamily, "sky").0);

        let began = Instant::now();
        archive
            .create::<ChunkFamily>("large", family(3))
            .await
            .unwrap();
        assert_eq!(
            verdict!(archive, ChunkFamily, "large"),
            refused(
                "TooManyReplicas",
                "spec.replicas.desired: 3 copies need 3 workers, but WorkerPool `main` has 2"
            )
        );
        assert!(began.elapsed() < VERDICT);

        archive
            .create::<ChunkedTable>("object", director("Object"))
            .await
            .unwrap();
        assert!(verdict!(archive, ChunkedTable, "object").0);
        archive
            .create::<ChunkedTable>("object-too", director("Object"))
            .await
            .unwrap();
        assert_eq!(
            verdict!(archive, ChunkedTable, "object-too"),
            refused(
                "NameTaken",
                "spec.table: sky.Object belongs to ChunkedTable object, which is older"
            )
        );

        let bad = json!({"database": "sky", "table": "Filter", "columns": [{"name": "id", "type": "WIBBLE"}]});
        archive
            .create::<ReferenceTable>("filter", bad)
            .await
            .unwrap();
        let (is_accepted, reason, message) = verdict!(archive, ReferenceTable, "filter");
        assert!(!is_accepted && reason == "BadSchema", "{message}");
        assert!(message.starts_with("spec.columns[0] `id`: "), "{message}");

        let settings =
            json!({"workers": 1, "storage": "1Gi", "settings": {"innodb_doublewrite": "0"}});
        archive
            .create::<WorkerPool>("unsafe", settings)
            .await
            .unwrap();
        assert_eq!(
            verdict!(archive, WorkerPool, "unsafe"),
            refused(
                "BadSetting",
                "spec.settings: `innodb_doublewrite` is fixed by Orrery (innodb_doublewrite) and cannot be set"
            )
        );
    };
    archive.operated(checks).await;
}

#[tokio::test]
async fn a_position_that_is_no_column_is_refused_by_the_api_server() {
    let archive = Archive::new("cel").await;
    let mut spec = director("Object");
    spec["position"]["longitude"] = json!("nowhere");
    let error = archive
        .create::<ChunkedTable>("object", spec)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("position.longitude and position.latitude must be columns of the table"),
        "{error}"
    );
}

#[tokio::test]
async fn an_accepted_table_is_in_the_catalog_under_the_incarnation_of_its_status() {
    let archive = Archive::new("accepted").await;
    let checks = async {
        archive.create::<WorkerPool>("main", pool(2)).await.unwrap();
        let _worker = first_worker(&archive).await;
        archive
            .create::<ChunkFamily>("sky", family(2))
            .await
            .unwrap();
        archive
            .create::<ChunkedTable>("object", director("Object"))
            .await
            .unwrap();
        let available = |table: &ChunkedTable| {
            let conditions = table
                .status
                .as_ref()
                .map(|status| status.conditions.as_slice())
                .unwrap_or_default();
            conditions
                .iter()
                .any(|c| c.type_ == "Available" && c.status == "True")
        };
        let table = archive.until("object", "available", available).await;
        let incarnation = table.status.unwrap().incarnation.unwrap();
        let key = TableKey::new("sky", "Object");
        let catalog = archive
            .context
            .writer
            .catalog(&archive.namespace)
            .await
            .unwrap();
        assert_eq!(catalog.tables[&key].incarnation, incarnation);

        // Deleted and declared again it is another table.
        let delete = kube::api::DeleteParams::default();
        archive
            .api::<ChunkedTable>()
            .delete("object", &delete)
            .await
            .unwrap();
        archive
            .create::<ChunkedTable>("object", director("Object"))
            .await
            .unwrap();
        let table = archive.until("object", "available", available).await;
        assert!(table.status.unwrap().incarnation.unwrap() > incarnation);
    };
    archive.operated(checks).await;
}

#[tokio::test]
async fn a_child_waits_for_its_director_and_is_accepted_after_it() {
    let archive = Archive::new("child").await;
    let checks = async {
        archive.create::<WorkerPool>("main", pool(2)).await.unwrap();
        let _worker = first_worker(&archive).await;
        archive
            .create::<ChunkFamily>("sky", family(1))
            .await
            .unwrap();
        archive
            .create::<ChunkedTable>("source", child())
            .await
            .unwrap();
        assert_eq!(
            verdict!(archive, ChunkedTable, "source"),
            refused(
                "DirectorMissing",
                "spec.director: there is no director table sky.Object"
            )
        );
        archive
            .create::<ChunkedTable>("object", director("Object"))
            .await
            .unwrap();
        let accepted = |table: &ChunkedTable| {
            accepted(table.status.as_ref().map(|s| &s.conditions)).is_some_and(|v| v.0)
        };
        archive.until("source", "accepted", accepted).await;
    };
    archive.operated(checks).await;
}

fn child() -> Value {
    json!({"database": "sky", "table": "Source", "family": "sky", "role": "child", "key": "objectId", "director": "Object",
        "columns": [{"name": "objectId", "type": "BIGINT"}]})
}
