//! The page for new users, followed to the letter: an archive in a namespace of its own.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

const PAGE: &str = include_str!("../../../../docs/quickstart.md");
/// Namespace of the page.
const NAMESPACE: &str = "quickstart";
/// How many commands the page may ask a new user for.
const MOST_COMMANDS: usize = 10;

/// What a page on an empty cluster need not say, but one next to the demo: the kinds are there, and
/// the nodes' memory is the demo's.
const NEXT_TO_THE_DEMO: &str = r#"
helm() {
    if [[ $1 == install ]]; then
        set -- "$@" --set crds.install=false,images.pullPolicy=Never \
            --set operator.replicas=1,czar.replicas=1,proxy.replicas=1 \
            --set czar.resources.requests.memory=128Mi,czar.shadow.resources.requests.memory=128Mi
    fi
    command helm "$@"
}
"#;

/// Blocks of this language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let after = PAGE.split(fence.as_str()).skip(1);
    after.filter_map(|text| text.split("```").next()).collect()
}

/// Commands of a block: lines that neither continue another nor are the text of a file.
fn commands(block: &str) -> usize {
    let (mut count, mut end, mut continued) = (0, None, false);
    for line in block.lines() {
        match end {
            Some(word) if line == word => end = None,
            Some(_) => {}
            None => {
                count += usize::from(!continued);
                continued = line.ends_with('\\');
                end = line.split("<<").nth(1).map(|word| word.trim_matches('\''));
            }
        }
    }
    count
}

async fn shell(script: &str) -> Result<String> {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stdin(Stdio::null())
        .output()
        .await?;
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(output.status.success(), "{script}\n{out}{err}");
    Ok(out.into_owned())
}

/// The image of a container of the demo's `workload`.
async fn image(workload: &str, containers: &str) -> Result<String> {
    let path = format!("jsonpath={{.spec.template.spec.{containers}[0].image}}");
    let get = format!("kubectl get --namespace orrery {workload} -o '{path}'");
    shell(&get).await
}

async fn remove() -> Result<()> {
    let script = format!(
        "helm uninstall --namespace {NAMESPACE} orrery --ignore-not-found --wait
         kubectl delete namespace {NAMESPACE} --ignore-not-found --wait --timeout 3m"
    );
    shell(&script).await.map(drop)
}

#[test]
fn the_quickstart_is_short() {
    let asked: usize = blocks("sh").into_iter().map(commands).sum();
    assert!((1..=MOST_COMMANDS).contains(&asked), "{asked} commands");
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_new_user_gets_from_an_empty_namespace_to_an_answer() -> Result<()> {
    remove().await?;
    let (ours, mysqld) = (
        image("deployment/orrery-operator", "containers").await?,
        image("deployment/orrery-czar", "initContainers").await?,
    );
    let mut script = NEXT_TO_THE_DEMO.to_owned();
    for block in blocks("sh") {
        let block = block
            .replace("registry.example.org/you/orrery:0.1.0", &ours)
            .replace("registry.example.org/you/orrery-mysqld:0.1.0", &mysqld);
        script.push_str(&block);
    }
    ensure!(script.contains(&ours) && script.contains(&mysqld), script);
    let printed = shell(&script).await?;
    let promised = blocks("text").pop().context("the page shows no answer")?;
    assert!(printed.ends_with(promised), "{printed}");
    remove().await
}
