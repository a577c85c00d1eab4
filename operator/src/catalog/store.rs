//! The catalog's objects in the cluster API: read everything, write what is new, then the root
//! under its resourceVersion.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use kube::api::{DeleteParams, ListParams, ObjectMeta, Preconditions};
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Resource, ResourceExt};
use orrery_archive::catalog::{
    self, Catalog, Encoded, Epochs, ObjectError, ObjectKind, ObjectName, Objects, RootPayload,
};
use orrery_archive::names::ROOT;
use orrery_crds::kinds::{
    CatalogPayload, ChunkMap, ChunkMapSpec, ChunkPlacement, ChunkPlacementSpec, ChunkSegment,
    ChunkSegmentSpec,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::error::WriterError;
use crate::field_manager;

/// Annotation on an object that is used again, with a random value. Writing it is what counts:
/// whoever wants to drop the object names the resourceVersion it had before.
const USED_AGAIN: &str = "orrery.dev/used-again";
/// Tries to use an object again while others write or drop it.
const TRIES: usize = 5;

/// The catalog of one archive as stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Decoded.
    pub catalog: Catalog,
    /// The root object as read; its resourceVersion guards the next write. `None` before the first
    /// root.
    pub root: Option<ChunkMap>,
    /// Names of all objects this root needs.
    pub names: BTreeSet<ObjectName>,
    /// Catalog objects that were read without a root: what a lost root left.
    pub remains: usize,
}

impl Stored {
    /// A root of which nothing is to be kept: no object is taken to be there.
    pub fn to_replace(root: Option<ChunkMap>) -> Self {
        Self {
            catalog: Catalog::default(),
            root,
            names: BTreeSet::new(),
            remains: 0,
        }
    }
}

/// What the newest root needs; it is read after the list of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// Its epochs.
    pub epochs: Epochs,
    /// Names of all objects it refers to.
    pub names: BTreeSet<ObjectName>,
}

/// Objects of one archive.
#[derive(Clone)]
pub struct Store {
    maps: Api<ChunkMap>,
    placements: Api<ChunkPlacement>,
    segments: Api<ChunkSegment>,
}

impl Store {
    /// The store of `namespace`.
    pub fn new(client: &Client, namespace: &str) -> Self {
        Self {
            maps: Api::namespaced(client.clone(), namespace),
            placements: Api::namespaced(client.clone(), namespace),
            segments: Api::namespaced(client.clone(), namespace),
        }
    }

    /// Reads the whole catalog. Without a root it is empty.
    pub async fn read(&self) -> Result<Stored, WriterError> {
        let parameters = ListParams::default();
        // The root is read first: objects it refers to were written before it and are dropped only
        // after a later root.
        let root = self.maps.get_opt(ROOT).await?;
        let mut objects = Objects::new();
        gather(&mut objects, self.maps.list(&parameters).await?.items);
        gather(&mut objects, self.placements.list(&parameters).await?.items);
        gather(&mut objects, self.segments.list(&parameters).await?.items);
        let payload = root.as_ref().and_then(|root| root.spec.root.as_ref());
        let (catalog, names) = match payload {
            Some(payload) => {
                let catalog = catalog::decode(payload, &objects).map_err(unreadable)?;
                if !catalog.unread.is_empty() {
                    return Err(WriterError::Newer(catalog.unread.to_string()));
                }
                let names = catalog::reachable(payload, &objects).map_err(unreadable)?;
                (catalog, names)
            }
            None => (Catalog::default(), BTreeSet::new()),
        };
        let remains = if root.is_none() { objects.len() } else { 0 };
        Ok(Stored {
            catalog,
            root,
            names,
            remains,
        })
    }

    /// The root as it is now.
    pub async fn root(&self) -> Result<Option<ChunkMap>, WriterError> {
        Ok(self.maps.get_opt(ROOT).await?)
    }

    /// Writes `next` over `stored`: new objects, then the root if it still is the one that was
    /// read.
    ///
    /// Only what `stored` needs is known to be there: everything else may just be dropped by
    /// [`crate::gc`], also what lies there under the same name because an older root needed it.
    pub async fn write(&self, stored: &Stored, next: Catalog) -> Result<Stored, WriterError> {
        let Encoded { root, objects } = catalog::encode(&next);
        for (name, payload) in &objects {
            if !stored.names.contains(name) {
                self.provide(name, payload).await?;
            }
        }
        let written = self.write_root(stored.root.as_ref(), root).await?;
        Ok(Stored {
            catalog: next,
            root: Some(written),
            names: objects.into_keys().collect(),
            remains: 0,
        })
    }

    /// Makes an object, or keeps one that is there from being dropped.
    async fn provide(&self, name: &ObjectName, payload: &str) -> Result<(), WriterError> {
        let user = Uuid::new_v4().to_string();
        for _ in 0..TRIES {
            if self.create(name, payload.to_owned()).await? {
                return Ok(());
            }
            let kept = match name.kind() {
                Some(ObjectKind::Placement) => use_again(&self.placements, name, &user).await,
                Some(ObjectKind::Segment) => use_again(&self.segments, name, &user).await,
                Some(ObjectKind::Map) | None => use_again(&self.maps, name, &user).await,
            };
            if kept? {
                return Ok(());
            }
        }
        Err(WriterError::Conflict)
    }

    async fn write_root(
        &self,
        held: Option<&ChunkMap>,
        payload: RootPayload,
    ) -> Result<ChunkMap, WriterError> {
        let spec = ChunkMapSpec {
            holds: "root".into(),
            root: Some(payload),
            payload: None,
        };
        let mut root = ChunkMap::new(ROOT, spec);
        let parameters = field_manager::post();
        let written = match held {
            None => self.maps.create(&parameters, &root).await,
            Some(held) => {
                root.metadata.resource_version = held.resource_version();
                self.maps.replace(ROOT, &parameters, &root).await
            }
        };
        written.map_err(|error| match error {
            kube::Error::Api(status) if status.code == 409 => WriterError::Conflict,
            error => error.into(),
        })
    }

    /// Makes an object; false when there is one. Content-addressed: what is there under this name
    /// is the same.
    async fn create(&self, name: &ObjectName, payload: String) -> Result<bool, WriterError> {
        let parameters = field_manager::post();
        let metadata = ObjectMeta {
            name: Some(name.as_str().to_owned()),
            ..ObjectMeta::default()
        };
        let created = match name.kind() {
            Some(ObjectKind::Placement) => {
                let holds = "placement".into();
                let object = ChunkPlacement {
                    metadata,
                    spec: ChunkPlacementSpec { holds, payload },
                };
                self.placements.create(&parameters, &object).await.map(drop)
            }
            Some(ObjectKind::Segment) => {
                let holds = "segments".into();
                let object = ChunkSegment {
                    metadata,
                    spec: ChunkSegmentSpec { holds, payload },
                };
                self.segments.create(&parameters, &object).await.map(drop)
            }
            Some(ObjectKind::Map) | None => {
                let spec = ChunkMapSpec {
                    holds: "page".into(),
                    root: None,
                    payload: Some(payload),
                };
                self.maps
                    .create(&parameters, &ChunkMap { metadata, spec })
                    .await
                    .map(drop)
            }
        };
        match created {
            Ok(()) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Drops an object that was not written since `version`; one that was, or that is gone, is
    /// left.
    pub async fn delete(&self, name: &ObjectName, version: &str) -> Result<(), WriterError> {
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                resource_version: Some(version.to_owned()),
                uid: None,
            }),
            ..DeleteParams::default()
        };
        let name_text = name.as_str();
        let deleted = match name.kind() {
            Some(ObjectKind::Placement) => self
                .placements
                .delete(name_text, &parameters)
                .await
                .map(drop),
            Some(ObjectKind::Segment) => {
                self.segments.delete(name_text, &parameters).await.map(drop)
            }
            Some(ObjectKind::Map) => self.maps.delete(name_text, &parameters).await.map(drop),
            None => Ok(()),
        };
        match deleted {
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
            other => Ok(other?),
        }
    }

    /// Names of all objects there with their resourceVersions, without their payloads.
    pub async fn names(&self) -> Result<BTreeMap<ObjectName, String>, WriterError> {
        let parameters = ListParams::default();
        let mut names = BTreeMap::new();
        collect_names(
            &mut names,
            self.maps.list_metadata(&parameters).await?.items,
        );
        collect_names(
            &mut names,
            self.placements.list_metadata(&parameters).await?.items,
        );
        collect_names(
            &mut names,
            self.segments.list_metadata(&parameters).await?.items,
        );
        Ok(names)
    }
}

fn unreadable(error: ObjectError) -> WriterError {
    match error {
        ObjectError::Newer { .. } => WriterError::Newer(error.to_string()),
        error => WriterError::Unreadable(error.to_string()),
    }
}

fn gather<K: CatalogPayload + kube::Resource>(objects: &mut Objects, items: Vec<K>) {
    for item in items {
        if let Some(payload) = item.payload() {
            objects.insert(ObjectName::new(item.name_any()), payload.to_owned());
        }
    }
}

/// Writes an annotation, so that the object has another resourceVersion; false when it went or
/// changed meanwhile.
async fn use_again<K>(api: &Api<K>, name: &ObjectName, user: &str) -> Result<bool, WriterError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let Some(mut object) = api.get_opt(name.as_str()).await? else {
        return Ok(false);
    };
    object
        .annotations_mut()
        .insert(USED_AGAIN.to_owned(), user.to_owned());
    match api
        .replace(name.as_str(), &field_manager::post(), &object)
        .await
    {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn collect_names<K>(names: &mut BTreeMap<ObjectName, String>, items: Vec<PartialObjectMeta<K>>)
where
    K: kube::Resource,
{
    let found = items.into_iter().filter_map(|item| {
        let name = ObjectName::new(item.metadata.name?);
        name.kind()?;
        Some((name, item.metadata.resource_version?))
    });
    names.extend(found);
}
