//! What every controller is given: the cluster API, who else to call, and how to speak.

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use super::arrivals::Arrivals;
use super::events::Events;
use super::pods::Images;
use crate::agents::Agents;
use crate::catalog::writer::Writer;
use crate::leader::Mandate;
use crate::metrics::Metrics;

/// Which archives this operator serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The archive of one namespace.
    Namespace(String),
    /// Those of all namespaces.
    All,
}

impl Scope {
    /// Objects of kind `K` in this scope.
    pub fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match self {
            Self::Namespace(namespace) => Api::namespaced(client, namespace),
            Self::All => Api::all(client),
        }
    }
}

/// What every controller is given.
#[derive(Clone)]
pub struct Context {
    /// The cluster API.
    pub client: Client,
    /// Which archives.
    pub scope: Scope,
    /// Images of worker pods and loaders, and what else is common to those.
    pub images: Images,
    /// Worker agents.
    pub agents: Arc<Agents>,
    /// The catalog's writer.
    pub writer: Arc<Writer>,
    /// Workers that began to serve.
    pub arrivals: Arrivals,
    /// Events.
    pub events: Events,
    /// Metrics.
    pub metrics: Metrics,
}

/// The objects of a list, and what cannot be read of it.
#[derive(Debug)]
pub struct Listed<K> {
    /// Objects in no order.
    pub valid: Vec<K>,
    /// Names of objects that cannot be read.
    pub malformed: Vec<String>,
}

impl<K> Default for Listed<K> {
    fn default() -> Self {
        Self {
            valid: Vec::new(),
            malformed: Vec::new(),
        }
    }
}

impl Context {
    /// What the controllers of the process `identity` are given, which acts by the right of
    /// `mandate`.
    pub fn new(
        client: Client,
        scope: Scope,
        images: Images,
        mandate: Mandate,
        identity: &str,
        metrics: Metrics,
    ) -> Self {
        let agents = Arc::new(Agents::default());
        Self {
            scope,
            images,
            writer: Arc::new(Writer::new(client.clone(), Arc::clone(&agents), mandate)),
            agents,
            arrivals: Arrivals::default(),
            events: Events::new(client.clone(), identity, metrics.clone()),
            client,
            metrics,
        }
    }

    /// A context with this client, which is known to be alone.
    #[cfg(test)]
    pub(crate) fn for_test(client: Client) -> Self {
        let images = Images {
            orrery: "orrery".into(),
            mysqld: "mysqld".into(),
            pull_policy: None,
            pull_secrets: Vec::new(),
            log_format: orrery_shell::LogFormat::Text,
            pods: super::pods::Pods::default(),
        };
        let metrics = Metrics::new().unwrap();
        Self::new(
            client,
            Scope::All,
            images,
            Mandate::alone(1),
            "test",
            metrics,
        )
    }

    /// Objects of kind `K` in `namespace`.
    pub fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Objects of a kind that has no namespace.
    pub fn cluster_api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
    {
        Api::all(self.client.clone())
    }

    /// Lists the objects of `namespace`, all or those that `labels` select. One that cannot be read
    /// is named, logged and counted, and does not hide the others.
    pub async fn list<K>(
        &self,
        namespace: &str,
        labels: Option<&str>,
    ) -> Result<Listed<K>, kube::Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + DeserializeOwned
            + Clone
            + Debug,
    {
        let api: Api<DeserializeGuard<K>> = Api::namespaced(self.client.clone(), namespace);
        let parameters = labels.map_or_else(ListParams::default, |labels| {
            ListParams::default().labels(labels)
        });
        let mut listed = Listed::default();
        for object in api.list(&parameters).await?.items {
            match object.0 {
                Ok(object) => listed.valid.push(object),
                Err(invalid) => {
                    let name = invalid
                        .metadata
                        .name
                        .clone()
                        .unwrap_or_else(|| "(without a name)".into());
                    let kind = K::kind(&());
                    tracing::warn!(%kind, namespace, name, error = invalid.error, "an object cannot be read");
                    self.metrics.malformed(&kind);
                    listed.malformed.push(name);
                }
            }
        }
        Ok(listed)
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::Client;
    use kube::client::Body;
    use orrery_crds::kinds::Worker;
    use prometheus::TextEncoder;
    use serde_json::json;

    use super::Context;

    /// A client whose API server answers every request with `answer`.
    fn answering(answer: serde_json::Value) -> Client {
        let service = tower::service_fn(move |_: Request<Body>| {
            let body = Body::from(answer.to_string().into_bytes());
            async move { Ok::<_, std::convert::Infallible>(Response::new(body)) }
        });
        Client::new(service, "sky")
    }

    #[tokio::test]
    async fn an_object_that_cannot_be_read_is_named_and_hides_no_other() {
        let worker = |name: &str, id: serde_json::Value| json!({"metadata": {"name": name, "namespace": "sky"}, "spec": {"id": id, "pool": "main"}});
        let list = json!({
            "apiVersion": "orrery.dev/v1alpha1", "kind": "WorkerList", "metadata": {},
            "items": [worker("good", 1.into()), worker("bad", "one".into()), worker("fine", 2.into())],
        });
        let context = Context::for_test(answering(list));
        let listed = context.list::<Worker>("sky", None).await.unwrap();
        let ids: Vec<u32> = listed.valid.iter().map(|worker| worker.spec.id).collect();
        assert_eq!(ids, [1, 2]);
        assert_eq!(listed.malformed, ["bad"]);
        let text = TextEncoder::new()
            .encode_to_string(&context.metrics.gather())
            .unwrap();
        assert!(
            text.contains(r#"malformed_objects_total{kind="Worker"} 1"#),
            "{text}"
        );
    }
}
