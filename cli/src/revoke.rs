//! `kubectl orrery ingest revoke` and `restore`: takes rows back, and brings them again.

use anyhow::{Context as _, Result};
use kube::Api;
use kube::api::{Patch, PatchParams};
use orrery_crds::kinds::Ingest;

use crate::archive::Archive;

/// Asks for the ingest's rows to be away, or there.
pub async fn ask(archive: &Archive, name: &str, revoked: bool) -> Result<()> {
    let ingests: Api<Ingest> = Api::namespaced(archive.client.clone(), &archive.namespace);
    let change = serde_json::json!({"spec": {"revoked": revoked}});
    ingests
        .patch(name, &PatchParams::default(), &Patch::Merge(change))
        .await
        .with_context(|| format!("changing Ingest {name}"))?;
    Ok(())
}
