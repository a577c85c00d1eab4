//! The table on a real API server.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use crate::case::Case;
use crate::cases;

async fn client() -> Client {
    let path = std::env::var("ORRERY_TEST_KUBECONFIG").expect(
        "set ORRERY_TEST_KUBECONFIG to the kubeconfig of an API server: e2e/cluster/apiserver-only start DIR prints one",
    );
    orrery_shell::install_crypto();
    let kubeconfig = Kubeconfig::read_from(path).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

/// Installs the definitions from `crds/yaml`, which is what users get.
async fn install(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("yaml");
    for crd in orrery_crds::kinds::all() {
        let file = folder.join(format!("{}.yaml", crd.spec.names.plural));
        let yaml = std::fs::read_to_string(file).unwrap();
        let definition: Value = serde_saphyr::from_str(&yaml).unwrap();
        let name = crd.metadata.name.unwrap();
        let manager = PatchParams::apply("orrery-crds-test").force();
        api.patch(&name, &manager, &Patch::Apply(&definition))
            .await
            .unwrap();
        let established = await_condition(api.clone(), &name, is_crd_established());
        tokio::time::timeout(Duration::from_secs(30), established)
            .await
            .expect("established in time")
            .unwrap();
    }
}

/// A namespace of this run's own: on the lone API server none is ever finalised.
async fn namespace(client: &Client) -> String {
    let namespace: Namespace =
        serde_json::from_value(json!({"metadata": {"generateName": "crd-rules-"}})).unwrap();
    let made = Api::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
    made.metadata.name.unwrap()
}

struct Server {
    client: Client,
    namespace: String,
    /// Plural names by kind.
    plurals: BTreeMap<String, String>,
}

impl Server {
    fn api(&self, object: &Value) -> Api<DynamicObject> {
        let kind = object["kind"].as_str().unwrap();
        Api::namespaced_with(
            self.client.clone(),
            &self.namespace,
            &ApiResource::from_gvk_with_plural(
                &GroupVersionKind::gvk("orrery.dev", "v1alpha1", kind),
                &self.plurals[kind],
            ),
        )
    }

    /// What the server says about a case, as `field: message`, sorted.
    async fn says(&self, case: &Case) -> Vec<String> {
        let api = self.api(&case.object);
        let rehearse = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let answer = match &case.was {
            None => api.create(&rehearse, &typed(&case.object)).await,
            Some(was) => {
                let version = make(&api, was).await;
                let mut object = typed(&case.object);
                object.metadata.resource_version = Some(version);
                let name = object.metadata.name.clone().unwrap();
                let answer = api.replace(&name, &rehearse, &object).await;
                api.delete(&name, &DeleteParams::default()).await.unwrap();
                answer
            }
        };
        match answer {
            Ok(_) => Vec::new(),
            Err(kube::Error::Api(status)) => {
                let causes = status
                    .details
                    .as_ref()
                    .map(|details| details.causes.clone());
                let mut said: Vec<String> = causes
                    .into_iter()
                    .flatten()
                    // After a bound is broken the server leaves the rules out and says so.
                    .filter(|cause| {
                        !cause
                            .message
                            .contains("some validation rules were not checked")
                    })
                    .map(|cause| format!("{}: {}", cause.field, plain(&cause.message)))
                    .collect();
                if said.is_empty() {
                    said.push(status.message.clone());
                }
                said.sort();
                said
            }
            Err(error) => panic!("{}: {error}", case.shows),
        }
    }
}

fn typed(object: &Value) -> DynamicObject {
    serde_json::from_value(object.clone()).unwrap()
}

/// A rule's message without the server's words about the value it looked at, which is always an
/// object.
fn plain(message: &str) -> &str {
    message
        .strip_prefix("Invalid value: \"object\": ")
        .unwrap_or(message)
}

/// Makes the object and its status; the version it has then.
async fn make(api: &Api<DynamicObject>, object: &Value) -> String {
    let made = api
        .create(&PostParams::default(), &typed(object))
        .await
        .unwrap();
    let name = made.metadata.name.unwrap();
    let mut version = made.metadata.resource_version.unwrap();
    if object["status"]
        .as_object()
        .is_some_and(|status| !status.is_empty())
    {
        let patch = json!({"status": object["status"]});
        let written = api
            .patch_status(&name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
        version = written.metadata.resource_version.unwrap();
    }
    version
}

#[tokio::test]
async fn the_api_server_refuses_what_the_table_says_and_nothing_else() {
    let client = client().await;
    install(&client).await;
    let namespace = namespace(&client).await;
    let plurals = orrery_crds::kinds::all()
        .into_iter()
        .map(|crd| (crd.spec.names.kind, crd.spec.names.plural))
        .collect();
    let server = Server {
        client,
        namespace,
        plurals,
    };
    let mut differences = Vec::new();
    for case in cases::all() {
        let wanted: Vec<String> = case.refusals.iter().cloned().collect();
        let said = server.says(&case).await;
        if said != wanted {
            let kind = &case.object["kind"];
            differences.push(format!(
                "{kind}: {}\n  wanted {wanted:#?}\n  said {said:#?}",
                case.shows
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
