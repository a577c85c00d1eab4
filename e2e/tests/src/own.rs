//! Tables of a test's own, in a database named after it, and their ingests from files.

use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::ResourceExt as _;
use kube::api::ListParams;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::files::{CLAIM, Files};
use crate::{Archive, TIMEOUT, eventually_within};

static FILES: OnceCell<Files> = OnceCell::const_new();

/// What a test made for itself.
pub struct Own {
    /// The archive.
    pub archive: Archive,
    name: &'static str,
    family: String,
}

impl Own {
    /// Tables of the test `name` (letters, digits and underscores), in the demo's family. What an
    /// earlier run left is removed.
    pub async fn new(name: &'static str) -> Result<Self> {
        let own = Self {
            archive: Archive::demo().await?,
            name,
            family: "sky".to_owned(),
        };
        own.remove().await?;
        Ok(own)
    }

    /// The same in a family of its own, in the demo's pool: as the demo's family, but for the fields
    /// in `spec`.
    pub async fn with_family(name: &'static str, spec: Value) -> Result<Self> {
        let mut own = Self::new(name).await?;
        own.family = own.object("family");
        let demo = own.archive.kind("ChunkFamily").get("sky").await?;
        let mut whole = demo.data["spec"].clone();
        for (field, value) in spec.as_object().into_iter().flatten() {
            whole[field] = value.clone();
        }
        own.archive.apply("ChunkFamily", &own.family, whole).await?;
        Ok(own)
    }

    /// Name of the test's database.
    pub fn database(&self) -> String {
        format!("e2e_{}", self.name)
    }

    /// Name of an object of the test.
    pub fn object(&self, what: &str) -> String {
        format!("{}{what}", self.prefix())
    }

    fn prefix(&self) -> String {
        format!("e2e-{}-", self.name.replace('_', "-"))
    }

    /// A director `Object(id, ra, decl, v)`.
    pub async fn director(&self) -> Result<()> {
        let more = json!({ "role": "director" });
        self.table("Object", &["id", "v"], more).await
    }

    /// A child `Source(sid, id, ra, decl, w)` of it.
    pub async fn child(&self) -> Result<()> {
        let more = json!({ "role": "child", "director": "Object" });
        self.table("Source", &["sid", "id", "w"], more).await
    }

    async fn table(&self, table: &str, integers: &[&str], more: Value) -> Result<()> {
        let integer = |name: &&str| json!({ "name": name, "type": "BIGINT", "nullable": false });
        let mut columns: Vec<Value> = integers.iter().map(integer).collect();
        let position = |name: &str| json!({ "name": name, "type": "DOUBLE", "nullable": false });
        let place = columns.len() - 1;
        columns.splice(place..place, [position("ra"), position("decl")]);
        let mut spec = json!({
            "database": self.database(),
            "table": table,
            "family": self.family,
            "key": "id",
            "position": { "longitude": "ra", "latitude": "decl" },
            "columns": columns,
            "deletionPolicy": "Delete",
            "deletionGraceSeconds": 0,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            spec[name] = value.clone();
        }
        let name = self.object(&table.to_lowercase());
        self.archive.apply("ChunkedTable", &name, spec).await?;
        self.archive
            .status_when("ChunkedTable", &name, |status| {
                crate::condition(status, "Available")
                    .is_some_and(|available| available["status"] == "True")
            })
            .await?;
        Ok(())
    }

    /// Writes the file of the ingest `name`.
    pub async fn file(&self, name: &str, content: &str) -> Result<()> {
        let files = FILES.get_or_try_init(|| Files::open(&self.archive)).await?;
        files.write(&self.path(name), content.as_bytes()).await
    }

    fn path(&self, name: &str) -> String {
        format!("{}.csv", self.object(name))
    }

    /// Declares the ingest `name` of its file into a table.
    pub async fn declare(
        &self,
        name: &str,
        table: &str,
        max_rejects: u64,
        revoked: bool,
    ) -> Result<()> {
        let spec = json!({
            "target": { "database": self.database(), "table": table },
            "sources": [{ "claim": CLAIM, "path": self.path(name) }],
            "maxRejects": max_rejects,
            "revoked": revoked,
        });
        self.archive
            .apply("Ingest", &self.object(name), spec)
            .await?;
        Ok(())
    }

    /// Ingests `content` as `name`; the last status.
    pub async fn ingest(
        &self,
        name: &str,
        table: &str,
        max_rejects: u64,
        content: &str,
    ) -> Result<Value> {
        self.file(name, content).await?;
        self.declare(name, table, max_rejects, false).await?;
        self.ended(name, TIMEOUT).await
    }

    /// The status of the ingest `name` once it has ended, well or badly.
    pub async fn ended(&self, name: &str, timeout: Duration) -> Result<Value> {
        self.status_when(name, timeout, |status| {
            matches!(status["phase"].as_str(), Some("Visible" | "Failed"))
        })
        .await
    }

    /// The status of the ingest `name` once it is as wanted.
    pub async fn status_when(
        &self,
        name: &str,
        timeout: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let object = self.object(name);
        let what = format!("Ingest {object}");
        eventually_within(timeout, &what, || async {
            let ingest = self.archive.kind("Ingest").get(&object).await?;
            let status = ingest.data.get("status").cloned().unwrap_or_default();
            Ok(wanted(&status).then_some(status))
        })
        .await
    }

    /// Takes the rows of an ingest back, or brings them back, and waits until that is done.
    pub async fn set_revoked(
        &self,
        name: &str,
        table: &str,
        max_rejects: u64,
        revoked: bool,
    ) -> Result<()> {
        self.declare(name, table, max_rejects, revoked).await?;
        let phase = if revoked { "Revoked" } else { "Visible" };
        self.status_when(name, TIMEOUT, |status| status["phase"] == phase)
            .await
            .map(drop)
    }

    /// Asks for the same where it must be refused; the refusal's words. The ingest is left as it
    /// was.
    pub async fn refused(
        &self,
        name: &str,
        table: &str,
        max_rejects: u64,
        revoked: bool,
    ) -> Result<String> {
        self.declare(name, table, max_rejects, revoked).await?;
        let status = self
            .status_when(name, TIMEOUT, |status| {
                message(status).starts_with("cannot be ")
            })
            .await?;
        let phase = if revoked { "Visible" } else { "Revoked" };
        anyhow::ensure!(status["phase"] == phase, "{status}");
        self.declare(name, table, max_rejects, !revoked).await?;
        Ok(message(&status).to_owned())
    }

    /// The database in which workers keep a table as it is declared now.
    pub async fn physical_database(&self, table: &str) -> Result<String> {
        let object = self.object(&table.to_lowercase());
        self.archive.physical_database(&object).await
    }

    /// Deletes a table with its rows.
    pub async fn delete_table(&self, table: &str) -> Result<()> {
        let name = self.object(&table.to_lowercase());
        self.archive.delete("ChunkedTable", &name).await
    }

    /// Removes everything of the test's from the archive: ingests, children, directors, families.
    pub async fn remove(&self) -> Result<()> {
        for (kind, last) in [
            ("Ingest", ""),
            ("ChunkedTable", "-source"),
            ("ChunkedTable", ""),
            ("ChunkFamily", ""),
        ] {
            let listed = self.archive.kind(kind).list(&ListParams::default()).await;
            for object in listed.with_context(|| kind.to_owned())?.items {
                let name = object.name_any();
                if name.starts_with(&self.prefix()) && name.ends_with(last) {
                    self.archive.delete(kind, &name).await?;
                }
            }
        }
        Ok(())
    }
}

/// Rows for [`Own::director`] with keys `from` to `until`, all over the sky, so that every worker
/// gets some; `v` = key.
pub fn objects(from: u64, until: u64) -> String {
    let row = |id: u64| {
        format!(
            "{id},{},{},{id}\n",
            id * 7 % 360,
            (id * 11 % 160) as i64 - 80
        )
    };
    (from..until).map(row).collect()
}

/// The message of a status.
pub fn message(status: &Value) -> &str {
    status["message"].as_str().unwrap_or_default()
}

/// Reasons of the sampled rejects.
pub fn reasons(status: &Value) -> Vec<String> {
    let samples = status["rejectSamples"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let reason = |sample: &Value| sample["reason"].as_str().unwrap_or_default().to_owned();
    samples.iter().map(reason).collect()
}
