//! What is declared about the data of an archive: families and tables, judged together and handed to the catalog's writer.
//!
//! One run looks at everything, because what makes an object acceptable lies in other objects. A table's incarnation is in its status
//! before it is in the catalog, so a crash between the two repeats the second step and never makes another incarnation.

mod behind;
mod observe;
mod plan;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Resource, ResourceExt};
use orrery_archive::catalog::{Catalog, TableKey};
use orrery_archive::table::DeletionPolicy;
use orrery_crds::kinds::{ChunkFamily, ChunkedTable, ReferenceTable};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::apply::MANAGER;
use crate::catalog::edit;
use crate::conditions::Finding;
use crate::context::Context;
use crate::notices::Notice;
use crate::tables::Verdict;
use crate::writer::{Schema, TableDeclaration, WriterError};
use crate::{families, tables};
use observe::Observed;
use plan::Plan;

/// Pause between looks when nothing changed.
const RESYNC: Duration = Duration::from_secs(30);
/// Pause after the catalog learnt something: statuses mirror it.
const SOON: Duration = Duration::from_millis(100);

/// Why an archive was not reconciled.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The cluster API failed.
    #[error("cluster API: {0}")]
    Api(#[from] kube::Error),
    /// The catalog was not read or written.
    #[error(transparent)]
    Catalog(#[from] WriterError),
}

/// Judges what is declared, tells the catalog's writer, and writes statuses.
pub async fn reconcile(context: &Context, namespace: &str) -> Result<Duration, ArchiveError> {
    // The catalog's first write in a term asks the agents for the highest term they have seen.
    if !context.agents.knows(namespace) {
        return Ok(SOON);
    }
    let observed = match observe::observe(context, namespace).await {
        Err(ArchiveError::Catalog(WriterError::Behind(why))) => {
            behind::tell(context, namespace, &why).await?;
            return Err(WriterError::Behind(why).into());
        }
        observed => observed?,
    };
    let Some(observed) = observed else {
        return Ok(RESYNC);
    };
    let plan = plan::plan(&observed);
    let archive = Archive { context, namespace };
    archive.accept_families(&observed, &plan).await?;
    let incarnations = archive.reserve_incarnations(&observed, &plan).await?;
    // Verdicts must not wait for the catalog, which may be unable to take writes; and an incarnation is in a status first.
    archive.write_statuses(&observed, &plan, &incarnations).await?;
    let accepted = archive.accept_tables(&observed, &plan, &incarnations).await?;
    archive.retire(&plan).await?;
    Ok(if accepted > 0 { SOON } else { RESYNC })
}

/// Incarnation of each accepted or formerly accepted table object, by UID.
type Incarnations = BTreeMap<String, u64>;

struct Archive<'a> {
    context: &'a Context,
    namespace: &'a str,
}

impl Archive<'_> {
    async fn accept_families(&self, observed: &Observed, plan: &Plan) -> Result<(), ArchiveError> {
        for declaration in plan
            .families
            .iter()
            .filter_map(|verdict| verdict.declaration.as_ref())
        {
            let same = observed
                .catalog
                .families
                .get(&declaration.name)
                .is_some_and(|known| {
                    known.pool == declaration.pool
                        && known.replicas == declaration.replicas
                        && known.grid == declaration.grid
                });
            if !same {
                self.context
                    .writer
                    .accept_family(self.namespace, declaration)
                    .await?;
            }
        }
        Ok(())
    }

    async fn reserve_incarnations(
        &self,
        observed: &Observed,
        plan: &Plan,
    ) -> Result<Incarnations, ArchiveError> {
        let chunked = observed
            .chunked
            .iter()
            .zip(&plan.tables.chunked)
            .map(|(table, verdict)| {
                let incarnation = table.status.as_ref().and_then(|status| status.incarnation);
                (table.uid(), incarnation, verdict)
            });
        let references = observed
            .references
            .iter()
            .zip(&plan.tables.references)
            .map(|(table, verdict)| {
                let incarnation = table.status.as_ref().and_then(|status| status.incarnation);
                (table.uid(), incarnation, verdict)
            });
        let mut incarnations = Incarnations::new();
        for (uid, incarnation, verdict) in chunked.chain(references) {
            let incarnation = match incarnation {
                None if verdict.schema.is_some() => {
                    Some(self.context.writer.reserve_incarnation(self.namespace).await?)
                }
                known => known,
            };
            incarnations.extend(uid.zip(incarnation));
        }
        Ok(incarnations)
    }

    async fn accept_tables(
        &self,
        observed: &Observed,
        plan: &Plan,
        incarnations: &Incarnations,
    ) -> Result<usize, ArchiveError> {
        let chunked = observed
            .chunked
            .iter()
            .zip(&plan.tables.chunked)
            .filter_map(|(table, verdict)| {
                let (key, policy) = (tables::key(table), table.spec.deletion_policy);
                declaration(key, table.uid().as_deref(), policy, verdict, incarnations)
            });
        let references = observed
            .references
            .iter()
            .zip(&plan.tables.references)
            .filter_map(|(table, verdict)| {
                let (key, policy) = (tables::reference_key(table), table.spec.deletion_policy);
                declaration(key, table.uid().as_deref(), policy, verdict, incarnations)
            });
        let mut declarations: Vec<TableDeclaration> = chunked
            .chain(references)
            .filter(|declaration| !is_known(&observed.catalog, declaration))
            .collect();
        // A child needs its director in the catalog.
        declarations.sort_by_key(|declaration| matches!(declaration.schema, Schema::Child(..)));
        for declaration in &declarations {
            self.context
                .writer
                .accept_table(self.namespace, declaration)
                .await?;
            tracing::info!(namespace = self.namespace, table = %declaration.key, incarnation = declaration.incarnation, "accepted");
        }
        Ok(declarations.len())
    }

    async fn retire(&self, plan: &Plan) -> Result<(), ArchiveError> {
        for key in &plan.retired_tables {
            self.context.writer.retire_table(self.namespace, key).await?;
            tracing::info!(namespace = self.namespace, table = %key, "retired: no object declares it");
        }
        for name in &plan.retired_families {
            self.context.writer.retire_family(self.namespace, name).await?;
            tracing::info!(
                namespace = self.namespace,
                family = name,
                "retired: no object declares it"
            );
        }
        Ok(())
    }

    async fn write_statuses(
        &self,
        observed: &Observed,
        plan: &Plan,
        incarnations: &Incarnations,
    ) -> Result<(), ArchiveError> {
        let catalog: &Catalog = &observed.catalog;
        let now = Timestamp::now();
        for (family, verdict) in observed.families.iter().zip(&plan.families) {
            let status = families::status(family, &verdict.finding, catalog, &plan.live, now);
            let mut wanted = family.clone();
            wanted.status = Some(status);
            self.write_status::<ChunkFamily>(
                family,
                &wanted,
                family.status == wanted.status,
                &verdict.finding,
            )
            .await?;
        }
        let incarnation = |uid: Option<String>| incarnations.get(&uid?).copied();
        for (table, verdict) in observed.chunked.iter().zip(&plan.tables.chunked) {
            let own = incarnation(table.uid());
            let mut wanted = table.clone();
            wanted.status = Some(tables::chunked_status(table, &verdict.finding, own, catalog, now));
            self.write_status::<ChunkedTable>(
                table,
                &wanted,
                table.status == wanted.status,
                &verdict.finding,
            )
            .await?;
        }
        for (table, verdict) in observed.references.iter().zip(&plan.tables.references) {
            let own = incarnation(table.uid());
            let mut wanted = table.clone();
            wanted.status = Some(tables::reference_status(
                table,
                &verdict.finding,
                own,
                catalog,
                now,
            ));
            self.write_status::<ReferenceTable>(
                table,
                &wanted,
                table.status == wanted.status,
                &verdict.finding,
            )
            .await?;
        }
        Ok(())
    }

    /// Writes a status that differs, under the resourceVersion it was computed from, and tells when the spec is refused.
    async fn write_status<K>(
        &self,
        live: &K,
        wanted: &K,
        same: bool,
        finding: &Finding,
    ) -> Result<(), ArchiveError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Serialize
            + DeserializeOwned
            + Clone
            + Debug,
    {
        if same {
            return Ok(());
        }
        let api: Api<K> = self.context.api(self.namespace);
        let parameters = PostParams {
            field_manager: Some(MANAGER.into()),
            ..PostParams::default()
        };
        api.replace_status(&live.name_any(), &parameters, wanted).await?;
        if !finding.holds {
            let notice = Notice {
                warning: true,
                reason: finding.reason,
                note: finding.message.clone(),
            };
            self.context
                .notices
                .tell(&live.object_ref(&()), None, notice)
                .await;
        }
        Ok(())
    }
}

fn declaration(
    key: TableKey,
    uid: Option<&str>,
    on_deletion: DeletionPolicy,
    verdict: &Verdict,
    incarnations: &Incarnations,
) -> Option<TableDeclaration> {
    Some(TableDeclaration {
        key,
        incarnation: *incarnations.get(uid?)?,
        schema: verdict.schema.clone()?,
        on_deletion,
    })
}

/// Whether the catalog has exactly this.
fn is_known(catalog: &Catalog, declaration: &TableDeclaration) -> bool {
    let known = catalog.tables.get(&declaration.key);
    known.is_some_and(|known| edit::is_declared(known, declaration))
}
