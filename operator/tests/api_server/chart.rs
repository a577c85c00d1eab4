//! The chart, installed for real.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use orrery_archive::names::{USERS_KEY, USERS_SECRET};
use orrery_crds::kinds::{QueryUser, all};
use orrery_operator::secrets::values::value;
use orrery_operator::users::admin::{ADMIN_SECRET, MADE_ANNOTATION};

use crate::support::{Archive, repository, run};

/// Whether the operator made the admin of this Secret.
fn marked(secret: &Secret) -> bool {
    secret.annotations().contains_key(MADE_ANNOTATION)
}

#[tokio::test]
async fn an_upgrade_keeps_the_admin_password_and_leaves_the_admin_alone() {
    let archive = Archive::new("chart").await;
    let secrets = archive.api::<Secret>();
    let password = |secret: &Secret| value(secret, "password").unwrap().to_owned();
    let made = archive.until::<Secret>(ADMIN_SECRET, "marked", marked);
    let before = password(&archive.operated(made).await);
    assert_eq!(before.len(), 24);
    let user = archive.api::<QueryUser>().get("admin").await.unwrap();
    let chart = repository().join("charts/orrery");
    let namespace = archive.namespace.as_str();
    let arguments = [
        "upgrade",
        namespace,
        chart.to_str().unwrap(),
        "--namespace",
        namespace,
    ];
    let output = run(
        "helm",
        &[
            &arguments[..],
            &["--set", "crds.install=false", "--set", "proxy.replicas=3"],
        ]
        .concat(),
    );
    // The namespace warns about pods that are not restricted.
    assert!(!output.contains("PodSecurity"), "{output}");
    assert!(output.contains("kubectl -n"), "no next command in {output}");
    let after = secrets.get(ADMIN_SECRET).await.unwrap();
    assert_eq!((password(&after), marked(&after)), (before, true));
    assert_eq!(
        archive.api::<QueryUser>().get("admin").await.unwrap().uid(),
        user.uid()
    );
}

#[tokio::test]
async fn the_admin_is_made_once() {
    let archive = Archive::new("admin").await;
    let logs_in = |secret: &Secret| value(secret, USERS_KEY).unwrap().contains("\"admin\"");
    let checks = async {
        archive
            .until::<Secret>(USERS_SECRET, "with the admin", logs_in)
            .await;
        let users = archive.api::<QueryUser>();
        users
            .delete("admin", &DeleteParams::default())
            .await
            .unwrap();
        archive
            .until::<Secret>(USERS_SECRET, "without the admin", |secret| !logs_in(secret))
            .await;
        assert!(users.get_opt("admin").await.unwrap().is_none());
    };
    archive.operated(checks).await;
}

#[tokio::test]
async fn the_operator_may_do_nothing_outside_its_namespace_but_read_nodes() {
    let archive = Archive::new("rbac").await;
    let account = format!(
        "system:serviceaccount:{}:orrery-operator",
        archive.namespace
    );
    let may = |verb: &str, what: &str, namespace: &str| {
        let kubectl = crate::support::programs().join("kubectl");
        let output = std::process::Command::new(kubectl)
            .env("KUBECONFIG", crate::support::kubeconfig_path())
            .args([
                "auth",
                "can-i",
                verb,
                what,
                "--as",
                &account,
                "--namespace",
                namespace,
            ])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim() == "yes"
    };
    let own = archive.namespace.as_str();
    assert!(may("list", "nodes", own) && may("create", "statefulsets.apps", own));
    assert!(may("delete", "workers.orrery.dev", own) && may("delete", "pods", own));
    assert!(
        !may("update", "queryusers.orrery.dev", own)
            && !may("delete", "queryusers.orrery.dev", own)
            && !may("create", "queryroles.orrery.dev", own)
            && !may("update", "queryroles.orrery.dev", own),
        "grants belong to administrators"
    );
    assert!(
        !may("update", "workerpools.orrery.dev", own),
        "specs belong to users"
    );
    assert!(may("patch", "persistentvolumeclaims", own), "volumes grow");
    assert!(
        !may("delete", "persistentvolumeclaims", own) && !may("delete", "statefulsets.apps", own),
        "rows are never deleted with a worker"
    );
    assert!(!may("get", "secrets", "kube-system") && !may("delete", "nodes", own));
}

#[tokio::test]
async fn crds_of_the_chart_are_those_of_the_types_and_stay_when_the_release_goes() {
    let chart = repository().join("charts/orrery");
    let rendered = run(
        "helm",
        &[
            "template",
            "o",
            chart.to_str().unwrap(),
            "--kube-version",
            "1.34",
        ],
    );
    let crds: Vec<CustomResourceDefinition> = rendered
        .split("\n---\n")
        .filter(|document| document.contains("kind: CustomResourceDefinition"))
        .map(|document| serde_saphyr::from_str(document).unwrap())
        .collect();
    let of_types = all();
    assert_eq!(crds.len(), of_types.len());
    for crd in &crds {
        assert!(
            of_types.iter().any(|wanted| wanted.spec == crd.spec),
            "{} is not what the types say; run: make crds",
            crd.name_any()
        );
        assert_eq!(
            crd.annotations()["helm.sh/resource-policy"],
            "keep",
            "{}",
            crd.name_any()
        );
    }
    // A real API server takes them as they come out of Helm.
    let api: Api<CustomResourceDefinition> = Api::all(crate::support::admin().await);
    for crd in crds {
        let dry = kube::api::PatchParams::apply("test").force().dry_run();
        api.patch(&crd.name_any(), &dry, &kube::api::Patch::Apply(&crd))
            .await
            .unwrap();
    }
}
