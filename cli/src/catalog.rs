//! The catalog as it is in the cluster API.

use anyhow::{Context as _, Result};
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use orrery_archive::catalog::{self, Catalog, ObjectName, Objects, TableKey};
use orrery_archive::names::ROOT;
use orrery_crds::kinds::{CatalogPayload, ChunkMap, ChunkPlacement, ChunkSegment};

use crate::archive::Archive;

/// A table that was named as `database.table`.
pub fn table_key(table: &str) -> Result<TableKey> {
    let (database, name) = table
        .split_once('.')
        .context("write the table as database.table")?;
    Ok(TableKey::new(database, name))
}

/// The catalog in force. The root is read first: what it names was written before it.
pub async fn read(archive: &Archive) -> Result<Catalog> {
    let (client, namespace) = (&archive.client, &archive.namespace);
    let maps: Api<ChunkMap> = Api::namespaced(client.clone(), namespace);
    let placements: Api<ChunkPlacement> = Api::namespaced(client.clone(), namespace);
    let segments: Api<ChunkSegment> = Api::namespaced(client.clone(), namespace);
    let all = ListParams::default();
    let root = maps.get_opt(ROOT).await.context("reading the catalog")?;
    let root = root.and_then(|root| root.spec.root);
    let root = root.context("the archive has no catalog yet")?;
    let mut objects = Objects::new();
    gather(&mut objects, maps.list(&all).await?.items);
    gather(&mut objects, placements.list(&all).await?.items);
    gather(&mut objects, segments.list(&all).await?.items);
    catalog::decode(&root, &objects).context("the catalog changed while it was read; try again")
}

fn gather<K: CatalogPayload + kube::Resource>(objects: &mut Objects, items: Vec<K>) {
    for item in items {
        if let Some(payload) = item.payload() {
            objects.insert(ObjectName::new(item.name_any()), payload.to_owned());
        }
    }
}
