//! The one way in which statuses are written: whole, and under the resourceVersion they were
//! computed from, so that another leader's newer status is never written over, and what a status
//! does not say any more is gone.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kube::core::object::HasStatus;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::Context;
use crate::field_manager;

/// Writes `status` as that of `live`, an object of `namespace`, unless it has it. Says whether it
/// wrote.
pub async fn write<K>(
    context: &Context,
    namespace: &str,
    live: &K,
    status: K::Status,
) -> Result<bool, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + HasStatus<Status: PartialEq>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug,
{
    let written = written(context, namespace, live, status).await?;
    Ok(written.is_some())
}

/// The same; answers with the object as it was written, `None` when it had the status.
pub async fn written<K>(
    context: &Context,
    namespace: &str,
    live: &K,
    status: K::Status,
) -> Result<Option<K>, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + HasStatus<Status: PartialEq>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug,
{
    if live.status() == Some(&status) {
        return Ok(None);
    }
    let mut wanted = live.clone();
    *wanted.status_mut() = Some(status);
    let api = context.api::<K>(namespace);
    let parameters = field_manager::post();
    let written = api
        .replace_status(&live.name_any(), &parameters, &wanted)
        .await?;
    Ok(Some(written))
}
