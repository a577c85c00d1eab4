//! Files that are wrong get a clear answer: which file, which record, which column, why. And what
//! is right is loaded all the same.

use anyhow::{Context as _, Result};
use orrery_e2e::files::{CLAIM, Files};
use orrery_e2e::{Archive, condition, kubectl, kubectl_with, rows, session};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// One value per column type that strict loading must refuse, and the type.
const BAD_VALUES: [(&str, &str); 17] = [
    ("TINYINT", "128"),
    ("SMALLINT UNSIGNED", "-1"),
    ("INT", "12x"),
    ("BIGINT UNSIGNED", "18446744073709551616"),
    ("FLOAT", "1e39"),
    ("DOUBLE", "one"),
    ("DECIMAL(5,2)", "1000.00"),
    ("CHAR(2)", "abc"),
    ("VARCHAR(3)", "abcd"),
    ("BINARY(2)", "abc"),
    ("DATE", "2024-02-30"),
    ("DATETIME", "2024-01-01 25:00:00"),
    ("TIME", "12:60:00"),
    ("YEAR", "1899"),
    ("ENUM('a','b')", "c"),
    ("SET('a','b')", "a,c"),
    ("BIT(3)", "1001"),
];

static FILES: OnceCell<Files> = OnceCell::const_new();

async fn files(archive: &Archive) -> Result<&'static Files> {
    FILES.get_or_try_init(|| Files::open(archive)).await
}

/// A table with its file's ingest, both named after a test.
struct Trial {
    archive: Archive,
    name: &'static str,
}

impl Trial {
    /// A director `e2e_<name>.Object` in the demo's family, with columns of the test's in addition
    /// to id, ra and decl.
    async fn director(name: &'static str, more: &[(&str, &str)]) -> Result<Self> {
        let archive = Archive::demo().await?;
        let mut columns = vec![
            json!({ "name": "id", "type": "BIGINT", "nullable": false }),
            json!({ "name": "ra", "type": "DOUBLE", "nullable": false }),
            json!({ "name": "decl", "type": "DOUBLE", "nullable": false }),
        ];
        columns.extend(
            more.iter()
                .map(|(name, sql_type)| json!({ "name": name, "type": sql_type })),
        );
        let spec = json!({
            "database": format!("e2e_{name}"),
            "table": "Object",
            "family": "sky",
            "role": "director",
            "key": "id",
            "position": { "longitude": "ra", "latitude": "decl" },
            "columns": columns,
            "deletionPolicy": "Delete",
            "deletionGraceSeconds": 0,
        });
        let trial = Self { archive, name };
        trial.remove().await?;
        trial
            .archive
            .apply("ChunkedTable", &trial.object(), spec)
            .await?;
        Ok(trial)
    }

    fn object(&self) -> String {
        format!("e2e-{}", self.name.replace('_', "-"))
    }

    /// Ingests a file with this content; the Ingest's last status.
    async fn ingest(&self, content: &str, max_rejects: u64) -> Result<Value> {
        files(&self.archive)
            .await?
            .write(&self.path(), content.as_bytes())
            .await?;
        self.declare(max_rejects).await?;
        self.archive.ended(&self.object()).await
    }

    fn path(&self) -> String {
        format!("{}.csv", self.name)
    }

    async fn declare(&self, max_rejects: u64) -> Result<()> {
        let spec = json!({
            "target": { "database": format!("e2e_{}", self.name), "table": "Object" },
            "sources": [{ "claim": CLAIM, "path": self.path() }],
            "maxRejects": max_rejects,
        });
        self.archive.apply("Ingest", &self.object(), spec).await?;
        Ok(())
    }

    async fn count(&self) -> Result<u64> {
        let sql = format!("SELECT COUNT(*) FROM e2e_{}.Object", self.name);
        let counted: Vec<u64> = rows(&mut session().await?, &sql).await?;
        counted.first().copied().context("no count")
    }

    async fn remove(&self) -> Result<()> {
        self.archive.delete("Ingest", &self.object()).await?;
        self.archive.delete("ChunkedTable", &self.object()).await
    }
}

fn message(status: &Value) -> &str {
    status["message"].as_str().unwrap_or_default()
}

/// The sampled rejects as (record, column, reason).
fn rejects(status: &Value) -> Vec<(u64, String, String)> {
    let samples = status["rejectSamples"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let text = |sample: &Value, field: &str| sample[field].as_str().unwrap_or_default().to_owned();
    samples
        .iter()
        .map(|sample| {
            (
                sample["record"].as_u64().unwrap_or_default(),
                text(sample, "column"),
                text(sample, "reason"),
            )
        })
        .collect()
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_record_with_too_few_fields_fails_the_ingest_and_is_named() -> Result<()> {
    let trial = Trial::director("few_fields", &[("mag", "FLOAT")]).await?;
    let status = trial.ingest("1,10.5,2.5,20.1\n2,10.6,2.5\n", 0).await?;
    assert_eq!(status["phase"], "Failed", "{status}");
    assert!(
        message(&status).contains("1 rows were rejected, 0 are allowed"),
        "{}",
        message(&status)
    );
    let rejects = rejects(&status);
    assert_eq!(rejects.len(), 1, "{status}");
    assert_eq!(rejects[0].0, 2);
    assert!(
        rejects[0].2.contains("fields: 3, the table's fields are 4"),
        "{}",
        rejects[0].2
    );
    trial.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn one_bad_value_per_type_is_rejected_with_its_column_and_the_rest_is_loaded() -> Result<()> {
    let names: Vec<String> = (0..BAD_VALUES.len()).map(|at| format!("c{at}")).collect();
    let columns: Vec<(&str, &str)> = names
        .iter()
        .zip(BAD_VALUES)
        .map(|(name, (sql_type, _))| (name.as_str(), sql_type))
        .collect();
    let trial = Trial::director("bad_values", &columns).await?;
    let line = |id: usize, bad: Option<usize>| {
        let mut fields = vec![id.to_string(), "10.5".to_owned(), "2.5".to_owned()];
        for (at, (_, value)) in BAD_VALUES.iter().enumerate() {
            let text = if bad == Some(at) {
                value.replace(',', "\\,")
            } else {
                "\\N".to_owned()
            };
            fields.push(text);
        }
        fields.join(",") + "\n"
    };
    let mut content = line(0, None);
    for at in 0..BAD_VALUES.len() {
        content += &line(at + 1, Some(at));
    }
    let allowed = BAD_VALUES.len() as u64;
    let status = trial.ingest(&content, allowed).await?;
    assert_eq!(status["phase"], "Visible", "{status}");
    assert_eq!(status["summary"]["rejects"], allowed, "{status}");
    // The status samples the first ten.
    for (at, (record, column, reason)) in rejects(&status).iter().enumerate() {
        assert_eq!(
            (*record, column.as_str()),
            (at as u64 + 2, names[at].as_str()),
            "{reason}"
        );
        assert!(!reason.is_empty());
    }
    assert_eq!(trial.count().await?, 1);
    trial.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn the_second_row_with_a_key_is_rejected_with_the_place_of_the_first() -> Result<()> {
    let trial = Trial::director("duplicate", &[]).await?;
    let status = trial
        .ingest("1,10.5,2.5\n2,10.6,2.5\n1,200,-60\n", 1)
        .await?;
    assert_eq!(status["phase"], "Visible", "{status}");
    assert_eq!(status["summary"]["duplicates"], 1, "{status}");
    let rejects = rejects(&status);
    assert_eq!(rejects[0].0, 3);
    assert!(
        rejects[0].2.contains("the key 1 stands already in") && rejects[0].2.contains("record 1"),
        "{}",
        rejects[0].2
    );
    assert_eq!(trial.count().await?, 2);
    trial.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_missing_file_fails_the_ingest_and_is_named() -> Result<()> {
    let trial = Trial::director("missing_file", &[]).await?;
    files(&trial.archive).await?;
    trial.declare(0).await?;
    let status = trial.archive.ended(&trial.object()).await?;
    assert_eq!(status["phase"], "Failed", "{status}");
    assert!(
        message(&status).contains("missing_file.csv"),
        "{}",
        message(&status)
    );
    trial.remove().await
}

/// The loader's pod goes after the survey; the next pod finds other bytes under the same name.
#[tokio::test]
#[ignore = "needs the demo"]
async fn a_file_that_changed_between_tries_fails_the_ingest() -> Result<()> {
    let trial = Trial::director("changed_file", &[("note", "VARCHAR(64)")]).await?;
    let content = |rows: u32| {
        let note = "x".repeat(60);
        let mut lines = String::new();
        for id in 0..rows {
            let (ra, decl) = (f64::from(id % 3600) / 10.0, f64::from(id % 100) / 10.0);
            lines.push_str(&format!("{id},{ra},{decl},{note}\n"));
        }
        lines
    };
    let files = files(&trial.archive).await?;
    files
        .write(&trial.path(), content(400_000).as_bytes())
        .await?;
    trial.declare(0).await?;
    let loading = |status: &Value| {
        matches!(status["phase"].as_str(), Some("Load"))
            && status["progress"]["rowsLoaded"].as_u64() > Some(0)
            || matches!(status["phase"].as_str(), Some("Visible" | "Failed"))
    };
    let status = trial
        .archive
        .status_when("Ingest", &trial.object(), loading)
        .await?;
    assert_eq!(
        status["phase"], "Load",
        "it was too fast to be disturbed: {status}"
    );
    files
        .write(&trial.path(), content(399_999).as_bytes())
        .await?;
    let selector = format!("orrery.dev/ingest={}", trial.object());
    kubectl(&[
        "delete",
        "pod",
        "--selector",
        &selector,
        "--force",
        "--grace-period=0",
    ])
    .await?;
    let status = trial.archive.ended(&trial.object()).await?;
    assert_eq!(status["phase"], "Failed", "{status}");
    assert!(message(&status).contains("changed"), "{}", message(&status));
    assert!(
        condition(&status, "Accepted").is_some_and(|accepted| accepted["status"] == "False"),
        "{status}"
    );
    trial.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_table_made_from_a_file_is_applied_and_files_by_pattern_become_visible() -> Result<()> {
    let trial = Trial {
        archive: Archive::demo().await?,
        name: "made",
    };
    let object = "e2e-made-object";
    trial.archive.delete("Ingest", object).await?;
    trial.archive.delete("ChunkedTable", object).await?;
    let header = "objectId,ra,dec,name\n";
    let first = format!("{header}1,10.5,2.5,a\n2,10.6,2.5,\n\n");
    let second = format!("{header}3,10.7,2.5,c\n");
    let local = std::env::temp_dir().join(format!("orrery-made-{}.csv", std::process::id()));
    std::fs::write(&local, &first)?;
    let made = std::process::Command::new("kubectl")
        .args(["orrery", "table", "create", "--database=e2e_made"])
        .args(["--table=Object", &format!("--from={}", local.display())])
        .output()
        .context("kubectl orrery");
    std::fs::remove_file(&local)?;
    let made = String::from_utf8(made?.stdout)?;
    let (table, ingest) = made.split_once("---\n").context("two objects")?;
    let table = format!("{table}  deletionPolicy: Delete\n  deletionGraceSeconds: 0\n");
    kubectl_with(&["apply", "--filename=-"], table.as_bytes()).await?;
    for (name, content) in [("made-1.csv", &first), ("made-2.csv", &second)] {
        files(&trial.archive)
            .await?
            .write(name, content.as_bytes())
            .await?;
    }
    let sources = format!("    - {{claim: {CLAIM}, path: 'made-?.csv'}}\n");
    let lines = ingest.lines().map(|line| {
        if line.trim_start().starts_with("- {claim: files,") {
            sources.clone()
        } else {
            format!("{line}\n")
        }
    });
    let loader = "  loader: {resources: {requests: {memory: 32Mi}, limits: {memory: 512Mi}}}\n";
    let ingest = lines.collect::<String>() + loader;
    assert!(ingest.contains(&sources), "{ingest}");
    kubectl_with(&["apply", "--filename=-"], ingest.as_bytes()).await?;
    let status = trial.archive.ended(object).await?;
    assert_eq!(status["phase"], "Visible", "{status}");
    assert_eq!(trial.count().await?, 3);
    trial.archive.delete("Ingest", object).await?;
    trial.archive.delete("ChunkedTable", object).await
}
