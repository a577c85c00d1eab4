//! An archive in a namespace of its own, served by an operator with its chart's permissions.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser as _;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Config, Resource};
use orrery_operator::config::Config as OperatorConfig;
use orrery_operator::controller::context::{Context, Scope};
use orrery_operator::controller::pods::Images;
use orrery_operator::leader::Mandate;
use orrery_operator::metrics::Metrics;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tower::util::MapRequestLayer;

/// How long the operator may take to put something right (design: 30 s), and how long a test waits
/// for anything.
pub const SOON_ENOUGH: Duration = Duration::from_secs(30);
/// Rounds of reconciling after which an untouched archive must have come to rest.
const SETTLED_AFTER: usize = 20;

/// An archive and the operator's view of it.
pub struct Archive {
    /// Namespace.
    pub namespace: String,
    /// The administrator's client.
    pub admin: Client,
    /// The operator's context; its client has the operator's permissions and counts writes.
    pub context: Context,
    writes: Arc<AtomicUsize>,
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn kubeconfig_path() -> String {
    std::env::var("ORRERY_TEST_KUBECONFIG").expect(
        "set ORRERY_TEST_KUBECONFIG to the kubeconfig of an API server: e2e/cluster/apiserver-only start DIR prints one",
    )
}

/// The folder of kubectl and helm.
pub fn programs() -> PathBuf {
    let script = repository().join("e2e/cluster/kube/build.sh");
    let output = Command::new(script).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// Runs a program with the test's kubeconfig; its output, or a panic with it.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(programs().join(program))
        .env("KUBECONFIG", kubeconfig_path())
        .args(arguments)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {out}{err}"
    );
    format!("{out}{err}")
}

async fn admin_config() -> Config {
    let kubeconfig = Kubeconfig::read_from(kubeconfig_path()).unwrap();
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap()
}

pub async fn admin() -> Client {
    orrery_shell::install_crypto();
    let client = Client::try_from(admin_config().await).unwrap();
    static CRDS: OnceCell<()> = OnceCell::const_new();
    CRDS.get_or_init(|| install_crds(client.clone())).await;
    client
}

async fn install_crds(client: Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client);
    for entry in std::fs::read_dir(repository().join("crds/yaml")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let crd: CustomResourceDefinition = serde_saphyr::from_str(&text).unwrap();
        let name = crd.metadata.name.clone().unwrap();
        let parameters = PatchParams::apply("test").force();
        api.patch(&name, &parameters, &Patch::Apply(&crd))
            .await
            .unwrap();
        await_condition(api.clone(), &name, is_crd_established())
            .await
            .unwrap();
    }
}

/// A fresh namespace under the restricted pod-security rules.
pub async fn namespace(client: &Client, purpose: &str) -> String {
    let name = format!(
        "{purpose}-{}",
        &uuid::Uuid::new_v4().simple().to_string()[..8]
    );
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            labels: Some(
                [(
                    "pod-security.kubernetes.io/warn".to_owned(),
                    "restricted".to_owned(),
                )]
                .into(),
            ),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    Api::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
    name
}

impl Archive {
    /// A namespace with the chart in it, and an operator that acts as the chart's ServiceAccount.
    pub async fn new(purpose: &str) -> Self {
        let admin = admin().await;
        let namespace = namespace(&admin, purpose).await;
        Self::install(admin, namespace, &[]).await
    }

    /// The same in this namespace, with further arguments for helm.
    pub async fn install(admin: Client, namespace: String, values: &[&str]) -> Self {
        let chart = repository().join("charts/orrery");
        let arguments = [
            "install",
            &namespace,
            chart.to_str().unwrap(),
            "--namespace",
            &namespace,
        ];
        run(
            "helm",
            &[&arguments[..], &["--set", "crds.install=false"], values].concat(),
        );
        let writes = Arc::new(AtomicUsize::new(0));
        let client = operator_client(&admin, &namespace, Arc::clone(&writes)).await;
        let images = Images {
            orrery: "orrery:test".into(),
            mysqld: "orrery-mysqld:test".into(),
            pull_policy: None,
            ..deployed(&admin, &namespace).await.images()
        };
        let context = Context::new(
            client,
            Scope::Namespace(namespace.clone()),
            images,
            Mandate::alone(1),
            "test",
            Metrics::new().unwrap(),
        );
        Self {
            namespace,
            admin,
            context,
            writes,
        }
    }

    /// Requests of the operator so far that were no reads.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// A client with the token that a pod of the chart's ServiceAccount `account` has, or with one
    /// that was given to no pod.
    pub async fn as_account(&self, account: &str, pod: Option<&Pod>) -> Client {
        let config = account_config(&self.admin, &self.namespace, account, pod).await;
        Client::try_from(config).unwrap()
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.admin.clone(), &self.namespace)
    }

    /// Creates an object from JSON without its apiVersion and kind, as the administrator.
    pub async fn create<K>(&self, name: &str, spec: Value) -> Result<K, kube::Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + DeserializeOwned
            + serde::Serialize
            + Clone
            + Debug,
    {
        let object = json!({
            "apiVersion": K::api_version(&()), "kind": K::kind(&()),
            "metadata": {"name": name, "namespace": self.namespace}, "spec": spec,
        });
        let object: K = serde_json::from_value(object).unwrap();
        self.api::<K>()
            .create(&PostParams::default(), &object)
            .await
    }

    /// Merges a patch into an object, as a person with kubectl would.
    pub async fn edit<K>(&self, name: &str, patch: Value)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + DeserializeOwned
            + Clone
            + Debug,
    {
        let parameters = PatchParams {
            field_manager: Some("kubectl-edit".into()),
            ..PatchParams::default()
        };
        self.api::<K>()
            .patch(name, &parameters, &Patch::Merge(patch))
            .await
            .unwrap();
    }

    /// Runs the operator's controllers while `test` runs.
    pub async fn operated<T>(&self, test: impl Future<Output = T>) -> T {
        tokio::select! {
            () = orrery_operator::run::controllers(self.context.clone()) => panic!("the controllers ended"),
            result = test => result,
        }
    }

    /// Waits until an object satisfies `holds`.
    pub async fn until<K>(&self, name: &str, what: &str, holds: impl Fn(&K) -> bool) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + DeserializeOwned
            + Clone
            + Debug,
    {
        let deadline = Instant::now() + SOON_ENOUGH;
        loop {
            let object = self.api::<K>().get_opt(name).await.unwrap();
            match object {
                Some(object) if holds(&object) => return object,
                last if Instant::now() > deadline => panic!(
                    "{} {name}: not {what}: {:.3000}",
                    K::kind(&()),
                    format!("{last:?}")
                ),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Waits for an Event with this reason that names `kind`.
    pub async fn until_told(&self, reason: &str, kind: &str) -> String {
        let deadline = Instant::now() + SOON_ENOUGH;
        loop {
            let events = self
                .api::<Event>()
                .list(&ListParams::default())
                .await
                .unwrap();
            let notes = events
                .items
                .into_iter()
                .filter(|event| event.reason.as_deref() == Some(reason))
                .filter_map(|event| event.note);
            let notes: Vec<String> = notes.collect();
            if let Some(note) = notes.iter().find(|note| note.contains(kind)) {
                return note.clone();
            }
            assert!(
                Instant::now() < deadline,
                "no Event {reason} about {kind}: {notes:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Reconciles with `once` until a round writes nothing.
    pub async fn settle(&self, mut once: impl AsyncFnMut()) {
        for _ in 0..SETTLED_AFTER {
            let before = self.writes();
            once().await;
            if self.writes() == before {
                return;
            }
        }
        panic!("every round of reconciling writes something");
    }
}

/// The flags that the chart gives the operator.
async fn deployed(admin: &Client, namespace: &str) -> OperatorConfig {
    let deployments: Api<Deployment> = Api::namespaced(admin.clone(), namespace);
    let deployment = deployments.get("orrery-operator").await.unwrap();
    let pod = deployment.spec.unwrap().template.spec.unwrap();
    let flags = pod.containers[0].args.clone().unwrap();
    let program = ["orrery-operator".to_owned(), "--identity=test".to_owned()];
    OperatorConfig::parse_from(program.into_iter().chain(flags))
}

/// How to reach the API server with a token of a ServiceAccount, as the pod `of` has it or of none.
async fn account_config(
    admin: &Client,
    namespace: &str,
    account: &str,
    of: Option<&Pod>,
) -> Config {
    let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), namespace);
    let request = TokenRequest {
        spec: TokenRequestSpec {
            audiences: Vec::new(),
            bound_object_ref: of.map(|pod| BoundObjectReference {
                api_version: Some("v1".into()),
                kind: Some("Pod".into()),
                name: pod.metadata.name.clone(),
                uid: pod.metadata.uid.clone(),
            }),
            expiration_seconds: Some(3600),
        },
        ..TokenRequest::default()
    };
    let token = accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .unwrap();
    let from = admin_config().await;
    let mut config = Config::new(from.cluster_url);
    config.root_cert = from.root_cert;
    config.auth_info.token = Some(token.status.unwrap().token.into());
    config
}

/// A client with the ServiceAccount's own token, that counts writes.
async fn operator_client(admin: &Client, namespace: &str, writes: Arc<AtomicUsize>) -> Client {
    let config = account_config(admin, namespace, "orrery-operator", None).await;
    let count = MapRequestLayer::new(move |request: http::Request<Body>| {
        if request.method() != http::Method::GET {
            writes.fetch_add(1, Ordering::SeqCst);
        }
        request
    });
    ClientBuilder::try_from(config)
        .unwrap()
        .with_layer(&count)
        .build()
}

/// A pool of `workers` workers.
pub fn pool(workers: u32) -> Value {
    json!({"workers": workers, "storage": "1024Mi", "resources": {"limits": {"memory": "1024Mi"}, "requests": {"cpu": "1000m"}}})
}

/// A family of pool `main`.
pub fn family(replicas: u32) -> Value {
    json!({"pool": "main", "replicas": {"desired": replicas, "minimum": 1},
        "scheme": {"kind": "sphere", "stripes": 85, "subStripes": 12, "overlap": 0.01}})
}

/// A director table.
pub fn director(table: &str) -> Value {
    json!({"database": "sky", "table": table, "family": "sky", "role": "director", "key": "id",
        "position": {"longitude": "ra", "latitude": "decl"},
        "columns": [{"name": "id", "type": "BIGINT", "nullable": false}, {"name": "ra", "type": "DOUBLE"}, {"name": "decl", "type": "DOUBLE"}]})
}
