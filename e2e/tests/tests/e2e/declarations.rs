//! Wrong declarations get a clear answer: at once from the API server where its rules can see it,
//! else as `Accepted=False`.

use anyhow::{Result, bail};
use orrery_e2e::lab::Lab;
use orrery_e2e::{Archive, condition, kubectl};
use serde_json::{Value, json};

/// A director's spec in the demo's family.
fn director(database: &str, columns: &Value) -> Value {
    json!({
        "database": database,
        "table": "Object",
        "family": "sky",
        "role": "director",
        "key": "id",
        "position": { "longitude": "ra", "latitude": "decl" },
        "columns": columns,
        "deletionPolicy": "Delete",
        "deletionGraceSeconds": 0,
    })
}

fn columns() -> Value {
    json!([
        { "name": "id", "type": "BIGINT", "nullable": false },
        { "name": "ra", "type": "DOUBLE", "nullable": false },
        { "name": "decl", "type": "DOUBLE", "nullable": false },
    ])
}

/// The API server's words for an object that it must not take.
async fn rejected(archive: &Archive, kind: &str, name: &str, spec: Value) -> Result<String> {
    match archive.apply(kind, name, spec).await {
        Err(kube::Error::Api(answer)) => Ok(answer.message.clone()),
        Err(other) => bail!("no answer of the API server: {other}"),
        Ok(_) => {
            archive.delete(kind, name).await?;
            bail!("it was taken")
        }
    }
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_bad_column_type_is_named_with_its_column() -> Result<()> {
    let archive = Archive::demo().await?;
    let mut bad = columns();
    bad[1]["type"] = json!("DUBLE");
    archive
        .apply(
            "ChunkedTable",
            "e2e-bad-type",
            director("e2e_bad_type", &bad),
        )
        .await?;
    let (reason, message) = archive.refusal("ChunkedTable", "e2e-bad-type").await?;
    assert_eq!(reason, "BadSchema");
    assert!(
        message.contains("spec.columns[1] `ra`") && message.contains("DUBLE"),
        "{message}"
    );
    archive.delete("ChunkedTable", "e2e-bad-type").await
}

/// The rules of the schema and the operator's own let these pass; a worker's MariaDB does not.
#[tokio::test]
#[ignore = "needs the demo"]
async fn what_mariadb_refuses_is_not_accepted_until_it_is_corrected() -> Result<()> {
    let archive = Archive::demo().await?;
    let (name, database) = ("e2e-refused", "e2e_refused");
    let with = |default: &str| {
        let mut all = columns();
        let seen = json!({ "name": "seen", "type": "DATE", "default": default });
        all.as_array_mut()
            .into_iter()
            .for_each(|all| all.push(seen.clone()));
        director(database, &all)
    };
    archive.apply("ChunkedTable", name, with("foo")).await?;
    let (reason, message) = archive.refusal("ChunkedTable", name).await?;
    assert_eq!(reason, "RefusedByMariaDB");
    assert!(
        message.contains("Invalid default value for 'seen'"),
        "{message}"
    );
    archive
        .apply("ChunkedTable", name, with("2020-01-01"))
        .await?;
    let is_accepted = |status: &Value| {
        condition(status, "Accepted").is_some_and(|accepted| accepted["status"] == "True")
    };
    archive
        .status_when("ChunkedTable", name, is_accepted)
        .await?;
    archive.delete("ChunkedTable", name).await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_position_that_is_no_column_is_refused_by_the_api_server() -> Result<()> {
    let archive = Archive::demo().await?;
    let mut spec = director("e2e_position", &columns());
    spec["position"]["longitude"] = json!("alpha");
    let words = rejected(&archive, "ChunkedTable", "e2e-position", spec).await?;
    assert!(
        words.contains("position.longitude and position.latitude must be columns of the table"),
        "{words}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn more_replicas_than_workers_are_refused_with_both_numbers() -> Result<()> {
    let archive = Archive::demo().await?;
    let spec = json!({
        "scheme": { "kind": "sphere", "stripes": 85, "subStripes": 12, "overlap": 0.01667 },
        "pool": "main",
        "replicas": { "desired": 9, "minimum": 2 },
    });
    archive.apply("ChunkFamily", "e2e-replicas", spec).await?;
    let (reason, message) = archive.refusal("ChunkFamily", "e2e-replicas").await?;
    assert_eq!(reason, "TooManyReplicas");
    assert!(message.contains("9 copies need 9 workers"), "{message}");
    archive.delete("ChunkFamily", "e2e-replicas").await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn of_two_tables_with_one_name_the_older_wins() -> Result<()> {
    let archive = Archive::demo().await?;
    archive
        .apply("ChunkedTable", "e2e-taken", director("sky", &columns()))
        .await?;
    let (reason, message) = archive.refusal("ChunkedTable", "e2e-taken").await?;
    assert_eq!(reason, "NameTaken");
    assert!(
        message.contains("sky.Object") && message.contains("sky-object"),
        "{message}"
    );
    archive.delete("ChunkedTable", "e2e-taken").await
}

/// What `kubectl explain` says of each of our kinds' fields has words, not only types.
#[tokio::test]
#[ignore = "needs the demo"]
async fn every_kind_explains_itself_and_its_fields() -> Result<()> {
    for kind in [
        "workerpools",
        "workers",
        "chunkfamilies",
        "chunkedtables",
        "referencetables",
        "ingests",
        "queryusers",
    ] {
        for part in ["", ".spec", ".status"] {
            let words = kubectl(&["explain", &format!("{kind}{part}")]).await?;
            assert!(words.contains("DESCRIPTION:"), "{words}");
            assert!(!words.contains("<no description>"), "{kind}{part}: {words}");
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn get_shows_health_size_and_progress_at_a_glance() -> Result<()> {
    // On a cluster that serves Ingress, kubectl takes "ing" for that.
    let ingests = if Lab::here().is_some() {
        "ing"
    } else {
        "ingests"
    };
    let glance = kubectl(&["get", &format!("wp,wk,cf,ct,rt,{ingests}")]).await?;
    for heading in [
        "READY",
        "PHASE",
        "ZONE",
        "FREE",
        "MINCOPIES",
        "ROWS",
        "BYTES",
        "DONE",
        "REJECTS",
    ] {
        assert!(glance.contains(heading), "{heading} is not in:\n{glance}");
    }
    let row = |start: &str| {
        glance
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_default()
    };
    assert!(
        row("workerpool.orrery.dev/main").contains("True"),
        "{glance}"
    );
    assert!(
        row("ingest.orrery.dev/sky-object").contains("Visible"),
        "{glance}"
    );
    assert!(
        row("chunkedtable.orrery.dev/sky-object").contains("True"),
        "{glance}"
    );
    Ok(())
}
