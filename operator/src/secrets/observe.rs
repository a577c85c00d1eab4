//! The archive's own Secrets as they are, and whom it needs some for.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Secret;

use orrery_archive::names::{CA_SECRET, Holder, MYSQL_SECRET, SIGNING_SECRET, WorkerId};
use orrery_crds::kinds::Worker;

use super::error::SecretsError;
use crate::controller::context::Context;

/// Secrets read at a time.
const READS: usize = 16;

/// What is known of an archive's own Secrets.
#[derive(Default)]
pub struct Observed {
    /// The Secrets by name; those that are missing are not in it.
    pub secrets: BTreeMap<String, Secret>,
    /// The workers, whose certificates go with them.
    pub workers: BTreeMap<WorkerId, Worker>,
}

impl Observed {
    /// Everyone who is to have a certificate.
    pub fn holders(&self) -> impl Iterator<Item = Holder> {
        let workers = self.workers.keys().copied().map(Holder::Worker);
        Holder::SHARED.into_iter().chain(workers)
    }
}

/// Reads the archive's own Secrets and its workers.
pub async fn observe(context: &Context, namespace: &str) -> Result<Observed, SecretsError> {
    let workers = context.list::<Worker>(namespace, None).await;
    let workers = workers.map_err(|source| SecretsError::Api {
        name: "workers".into(),
        source,
    })?;
    let workers = workers.valid.into_iter();
    let mut observed = Observed {
        secrets: BTreeMap::new(),
        workers: workers.map(|worker| (worker.spec.id, worker)).collect(),
    };
    let api = context.api::<Secret>(namespace);
    let others = [CA_SECRET, MYSQL_SECRET, SIGNING_SECRET].map(ToOwned::to_owned);
    let names: Vec<String> = observed.holders().map(Holder::tls_secret).collect();
    observed.secrets = stream::iter(names.into_iter().chain(others))
        .map(async |name| match api.get_opt(&name).await {
            Ok(secret) => Ok(secret.map(|secret| (name, secret))),
            Err(source) => Err(SecretsError::Api { name, source }),
        })
        .buffer_unordered(READS)
        .try_filter_map(async |found| Ok(found))
        .try_collect()
        .await?;
    Ok(observed)
}
