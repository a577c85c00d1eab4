//! Has volumes grow: the storage request of their claims is raised.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::Resource as _;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::observe::Observed;
use super::volumes::{Volumes, is_bound};
use crate::controller::context::Context;
use crate::controller::events::Event;

/// A claim that was refused is tried again after this time: its class may be another one by then.
const AGAIN: Duration = Duration::from_secs(300);

/// Namespace and name of a claim, and the size that it was to have.
type Key = (String, String, String);

/// What the API server refused last; may be lost at any time.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<Key, (Instant, String)>>);

impl Refusals {
    /// Raises the requests of the claims that are smaller than wanted, and enters those that the API
    /// server refuses.
    pub async fn grow(
        &self,
        context: &Context,
        namespace: &str,
        observed: &Observed,
        volumes: &mut Volumes,
    ) -> Result<(), kube::Error> {
        let wanted = &observed.pool.spec.storage;
        let mut grown = 0_usize;
        for name in &volumes.smaller {
            if !observed.claims.get(name).is_some_and(is_bound) {
                continue;
            }
            let key = (namespace.to_owned(), name.clone(), wanted.clone());
            if let Some(why) = self.recent(&key) {
                volumes.refused.insert(name.clone(), why);
                continue;
            }
            let request = json!({"spec": {"resources": {"requests": {"storage": wanted}}}});
            let api = context.api::<PersistentVolumeClaim>(namespace);
            let parameters = PatchParams::default();
            match api.patch(name, &parameters, &Patch::Merge(request)).await {
                Ok(_) => grown += 1,
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                Err(kube::Error::Api(status)) if status.is_forbidden() || status.is_invalid() => {
                    let why = status.message.clone();
                    tracing::warn!(namespace, claim = name, why, "a volume cannot grow");
                    self.enter(key, why.clone());
                    volumes.refused.insert(name.clone(), why);
                }
                Err(error) => return Err(error),
            }
        }
        if grown > 0 {
            let note = format!("{grown} volumes are to grow to {wanted}");
            let about = observed.pool.object_ref(&());
            let event = Event::normal("VolumesGrow", note);
            context.events.publish(&about, None, event).await;
        }
        Ok(())
    }

    fn recent(&self, key: &Key) -> Option<String> {
        let refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, why) = refusals.get(key)?;
        (at.elapsed() < AGAIN).then(|| why.clone())
    }

    fn enter(&self, key: Key, why: String) {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.retain(|_, (at, _)| at.elapsed() < AGAIN);
        refusals.insert(key, (Instant::now(), why));
    }
}
