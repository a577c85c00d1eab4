//! Watches that say *that* something changed, as keys for [`super::runner`].
//!
//! Only metadata is watched: what changed is read when the key is reconciled, and an object that
//! cannot be read stops no watch.

use std::collections::HashMap;
use std::fmt::Debug;

use futures::stream::BoxStream;
use futures::{StreamExt, future, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Resource};
use orrery_archive::names::ROOT;
use orrery_crds::kinds::{ChunkMap, QueryUser, WorkerPool};

use super::context::Scope;

/// Which changes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensitivity {
    /// Changes of the spec, labels and annotations, and deletion: what users say.
    Spec,
    /// Every change, status included.
    Any,
}

/// Keys of changed objects of kind `K` in `scope`, without end. `labels` narrows the watch; `key`
/// may leave objects out.
pub fn changes<K, Key>(
    client: &Client,
    scope: &Scope,
    labels: Option<&str>,
    sensitivity: Sensitivity,
    key: impl Fn(&ObjectMeta) -> Option<Key> + Send + 'static,
) -> BoxStream<'static, Key>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Send + 'static,
    Key: Send + 'static,
{
    let api = scope.api::<PartialObjectMeta<K>>(client.clone());
    let config = labels.map_or_else(watcher::Config::default, |labels| {
        watcher::Config::default().labels(labels)
    });
    let mut seen = Seen::new(sensitivity);
    watcher(api, config)
        .default_backoff()
        .filter_map(|event| future::ready(logged::<K>(event)))
        .map(move |event| stream::iter(seen.changed(event)))
        .flatten()
        .filter_map(move |metadata| future::ready(key(&metadata)))
        .boxed()
}

/// The archives: the given namespace, or every namespace with a pool or a user.
pub fn archives(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
    let spec = Sensitivity::Spec;
    match scope {
        Scope::Namespace(namespace) => {
            let only = stream::once(future::ready(namespace.clone()));
            only.chain(stream::pending()).boxed()
        }
        Scope::All => stream::select_all([
            changes::<WorkerPool, _>(client, scope, None, spec, namespace),
            changes::<QueryUser, _>(client, scope, None, spec, namespace),
        ])
        .boxed(),
    }
}

/// The archives whose catalog has a new root.
pub fn roots(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
    let is_root = |metadata: &ObjectMeta| metadata.name.as_deref() == Some(ROOT);
    let key = move |metadata: &ObjectMeta| namespace(metadata).filter(|_| is_root(metadata));
    changes::<ChunkMap, _>(client, scope, None, Sensitivity::Any, key)
}

/// The archive that an object is of.
pub fn namespace(metadata: &ObjectMeta) -> Option<String> {
    metadata.namespace.clone()
}

fn logged<K: Resource<DynamicType = ()>>(
    event: Result<Event<PartialObjectMeta<K>>, watcher::Error>,
) -> Option<Event<PartialObjectMeta<K>>> {
    event
        .inspect_err(
            |error| tracing::warn!(kind = %K::kind(&()), %error, "a watch failed and is tried again"),
        )
        .ok()
}

/// What was last seen of each object.
struct Seen {
    sensitivity: Sensitivity,
    objects: HashMap<ObjectName, (ObjectMeta, u64)>,
    /// Counts complete lists, to find what vanished between two watches.
    list: u64,
}

impl Seen {
    fn new(sensitivity: Sensitivity) -> Self {
        Self {
            sensitivity,
            objects: HashMap::new(),
            list: 0,
        }
    }

    /// Metadata of the objects that this event changes.
    fn changed<K>(&mut self, event: Event<PartialObjectMeta<K>>) -> Vec<ObjectMeta> {
        match event {
            Event::Init => {
                self.list += 1;
                Vec::new()
            }
            Event::InitApply(object) | Event::Apply(object) => self.applied(object.metadata),
            Event::InitDone => self.vanished(),
            Event::Delete(object) => {
                self.objects.remove(&name(&object.metadata));
                vec![object.metadata]
            }
        }
    }

    fn applied(&mut self, metadata: ObjectMeta) -> Vec<ObjectMeta> {
        let essence = self.essence(metadata.clone());
        let entry = (essence.clone(), self.list);
        match self.objects.insert(name(&metadata), entry) {
            Some((before, _)) if before == essence => Vec::new(),
            _ => vec![metadata],
        }
    }

    fn vanished(&mut self) -> Vec<ObjectMeta> {
        let list = self.list;
        self.objects
            .extract_if(|_, (_, seen)| *seen < list)
            .map(|(_, (metadata, _))| metadata)
            .collect()
    }

    /// The parts of the metadata whose change counts.
    fn essence(&self, metadata: ObjectMeta) -> ObjectMeta {
        let fine = match self.sensitivity {
            Sensitivity::Spec => None,
            Sensitivity::Any => metadata.resource_version,
        };
        ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            generation: metadata.generation,
            labels: metadata.labels,
            annotations: metadata.annotations,
            owner_references: metadata.owner_references,
            deletion_timestamp: metadata.deletion_timestamp,
            resource_version: fine,
            ..ObjectMeta::default()
        }
    }
}

/// Namespace and name.
type ObjectName = (Option<String>, Option<String>);

fn name(metadata: &ObjectMeta) -> ObjectName {
    (metadata.namespace.clone(), metadata.name.clone())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use kube::core::PartialObjectMeta;
    use kube::runtime::watcher::Event;

    use super::{Seen, Sensitivity};

    fn object(name: &str, generation: i64, version: &str) -> PartialObjectMeta<Pod> {
        PartialObjectMeta {
            metadata: ObjectMeta {
                name: Some(name.into()),
                generation: Some(generation),
                resource_version: Some(version.into()),
                ..ObjectMeta::default()
            },
            ..PartialObjectMeta::default()
        }
    }

    fn names(changed: Vec<ObjectMeta>) -> Vec<String> {
        changed
            .into_iter()
            .filter_map(|metadata| metadata.name)
            .collect()
    }

    #[test]
    fn a_status_write_is_no_change_of_the_spec() {
        let mut seen = Seen::new(Sensitivity::Spec);
        assert_eq!(
            names(seen.changed(Event::Apply(object("a", 1, "10")))),
            ["a"]
        );
        assert!(names(seen.changed(Event::Apply(object("a", 1, "11")))).is_empty());
        assert_eq!(
            names(seen.changed(Event::Apply(object("a", 2, "12")))),
            ["a"]
        );
        let mut seen = Seen::new(Sensitivity::Any);
        seen.changed(Event::Apply(object("a", 1, "10")));
        assert_eq!(
            names(seen.changed(Event::Apply(object("a", 1, "11")))),
            ["a"]
        );
    }

    #[test]
    fn a_deletion_counts_also_when_it_happened_between_two_watches() {
        let mut seen = Seen::new(Sensitivity::Spec);
        seen.changed::<Pod>(Event::Init);
        seen.changed(Event::InitApply(object("a", 1, "10")));
        seen.changed(Event::InitApply(object("b", 1, "10")));
        assert!(seen.changed::<Pod>(Event::InitDone).is_empty());
        assert_eq!(
            names(seen.changed(Event::Delete(object("b", 1, "11")))),
            ["b"]
        );
        seen.changed::<Pod>(Event::Init);
        assert_eq!(names(seen.changed::<Pod>(Event::InitDone)), ["a"]);
    }
}
