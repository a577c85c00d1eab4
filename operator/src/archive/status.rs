//! What users see of families and tables, and of a catalog that is behind.

use k8s_openapi::jiff::Timestamp;
use kube::core::object::HasStatus;
use orrery_crds::kinds::WorkerPool;

use super::observe::Observed;
use super::plan::{Incarnations, Plan};
use crate::catalog::error::WriterError;
use crate::controller::conditions::{self, CATALOG_BEHIND, Finding};
use crate::controller::context::Context;
use crate::controller::events::Event;
use crate::controller::status;
use crate::families;
use crate::tables::{self, UserTable, Verdict};

/// Writes the statuses of all families and tables that differ, and publishes which specs are
/// refused.
pub async fn write(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    plan: &Plan,
    incarnations: &Incarnations,
) -> Result<(), kube::Error> {
    let (catalog, now) = (&observed.catalog, Timestamp::now());
    let mut measured = Vec::new();
    for (family, verdict) in observed.families.iter().zip(&plan.families) {
        let wanted = families::status(family, &verdict.finding, catalog, &observed.live, now);
        measured.push((kube::ResourceExt::name_any(family), wanted.clone()));
        if status::write(context, namespace, family, wanted).await? {
            let about = kube::Resource::object_ref(family, &());
            context.events.refused(&about, &verdict.finding).await;
        }
    }
    context.metrics.families(namespace, &measured);
    let tables = Tables {
        context,
        namespace,
        observed,
        incarnations,
        now,
    };
    tables
        .write(&observed.chunked, &plan.tables.chunked)
        .await?;
    tables
        .write(&observed.references, &plan.tables.references)
        .await
}

/// What the status of each table is computed from.
struct Tables<'a> {
    context: &'a Context,
    namespace: &'a str,
    observed: &'a Observed,
    incarnations: &'a Incarnations,
    now: Timestamp,
}

impl Tables<'_> {
    async fn write<T>(&self, tables: &[T], verdicts: &[Verdict]) -> Result<(), kube::Error>
    where
        T: UserTable + HasStatus,
    {
        let (context, catalog) = (self.context, &self.observed.catalog);
        for (table, verdict) in tables.iter().zip(verdicts) {
            let uid = table.meta().uid.as_ref();
            let incarnation = uid.and_then(|uid| self.incarnations.get(uid).copied());
            let wanted = tables::status(table, &verdict.finding, incarnation, catalog, self.now);
            if status::write(context, self.namespace, table, wanted).await? {
                let about = table.object_ref(&());
                context.events.refused(&about, &verdict.finding).await;
            }
        }
        Ok(())
    }
}

/// Why nothing is written to the catalog until somebody acts; `None` for what may pass
/// (docs/design/catalog.md#manifests, docs/design/catalog.md#versions).
pub fn not_written(error: &WriterError) -> Option<Finding> {
    match error {
        WriterError::Behind(why) => Some(Finding::met("WorkersKnowMore", why)),
        WriterError::Newer(what) => {
            let remedy = format!("a newer version wrote the catalog; install it again: {what}");
            Some(Finding::met("NewerVersion", remedy))
        }
        _ => None,
    }
}

/// `CatalogBehind` on every pool. Sets the condition and publishes it once. The pool's own controller
/// takes it away: it does not get far without a catalog.
pub async fn write_behind(
    context: &Context,
    namespace: &str,
    finding: &Finding,
) -> Result<(), kube::Error> {
    for pool in context.list::<WorkerPool>(namespace, None).await?.valid {
        let mut wanted = pool.status.clone().unwrap_or_default();
        let generation = pool.metadata.generation;
        let conditions = &mut wanted.conditions;
        conditions::set(
            conditions,
            CATALOG_BEHIND,
            finding,
            generation,
            Timestamp::now(),
        );
        if status::write(context, namespace, &pool, wanted).await? {
            let event = Event::warning(
                CATALOG_BEHIND,
                format!("no catalog is written: {}", finding.message),
            );
            let about = kube::Resource::object_ref(&pool, &());
            context.events.publish(&about, None, event).await;
        }
    }
    Ok(())
}
