//! What is printed, on a real API server: its schemas and rules take every object.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Config};
use serde_json::json;

use super::*;

async fn client() -> Client {
    let path = std::env::var("ORRERY_TEST_KUBECONFIG").expect(
        "set ORRERY_TEST_KUBECONFIG to the kubeconfig of an API server: e2e/cluster/apiserver-only start DIR prints one",
    );
    orrery_shell::install_crypto();
    let kubeconfig = Kubeconfig::read_from(path).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

/// Installs the kinds, and makes a namespace of this run's own.
async fn prepared(client: &Client) -> String {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let manager = PatchParams::apply("orrery-import-test").force();
    for crd in orrery_crds::kinds::all() {
        let name = crd.metadata.name.clone().unwrap();
        api.patch(&name, &manager, &Patch::Apply(&crd))
            .await
            .unwrap();
        let established = await_condition(api.clone(), &name, is_crd_established());
        let in_time = tokio::time::timeout(Duration::from_secs(30), established).await;
        in_time.expect("established in time").unwrap();
    }
    let namespace: Namespace =
        serde_json::from_value(json!({"metadata": {"generateName": "import-"}})).unwrap();
    let made = Api::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await;
    made.unwrap().metadata.name.unwrap()
}

#[tokio::test]
async fn every_object_is_accepted_by_a_real_api_server() {
    let folders = [
        ("qserv", qserv()),
        ("mysqldump", mysqldump()),
        ("hats", hats()),
        ("felis", felis()),
    ];
    let client = client().await;
    for (kind, folder) in folders {
        let namespace = prepared(&client).await;
        for object in printed(kind, folder.path(), &[]).await.unwrap() {
            let gvk =
                GroupVersionKind::gvk("orrery.dev", "v1alpha1", object["kind"].as_str().unwrap());
            let plurals = orrery_crds::kinds::all();
            let own = plurals
                .iter()
                .find(|crd| crd.spec.names.kind == gvk.kind)
                .unwrap();
            let resource = ApiResource::from_gvk_with_plural(&gvk, &own.spec.names.plural);
            let api: Api<DynamicObject> =
                Api::namespaced_with(client.clone(), &namespace, &resource);
            let parsed: DynamicObject = serde_json::from_value(object.clone()).unwrap();
            let made = api.create(&PostParams::default(), &parsed).await;
            made.unwrap_or_else(|error| panic!("{kind}: {error}: {object}"));
        }
    }
}
