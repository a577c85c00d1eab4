//! Design §4: `CatalogBehind` on every pool while workers hold what the catalog does not know. Nothing is written to the catalog meanwhile.

use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Resource as _, ResourceExt};
use orrery_crds::kinds::WorkerPool;

use super::ArchiveError;
use crate::apply::MANAGER;
use crate::conditions::{self, CATALOG_BEHIND, Finding};
use crate::context::Context;
use crate::notices::Notice;

/// Sets the condition and tells it once. The pool's own controller takes it away: it does not get far without a catalog.
pub async fn tell(context: &Context, namespace: &str, why: &str) -> Result<(), ArchiveError> {
    let api = context.api::<WorkerPool>(namespace);
    for mut pool in context.list::<WorkerPool>(namespace, None).await?.valid {
        let before = pool.status.clone();
        let generation = pool.metadata.generation;
        let finding = Finding::yes("WorkersKnowMore", why);
        let conditions = &mut pool.status.get_or_insert_default().conditions;
        conditions::set(conditions, CATALOG_BEHIND, &finding, generation, Timestamp::now());
        if pool.status == before {
            continue;
        }
        let parameters = PostParams {
            field_manager: Some(MANAGER.into()),
            ..PostParams::default()
        };
        api.replace_status(&pool.name_any(), &parameters, &pool).await?;
        let notice = Notice {
            warning: true,
            reason: CATALOG_BEHIND,
            note: format!("no catalog is written: {why}"),
        };
        context.notices.tell(&pool.object_ref(&()), None, notice).await;
    }
    Ok(())
}
