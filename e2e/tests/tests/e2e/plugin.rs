//! `kubectl orrery` on the demo's cluster.

use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use kube::api::DeleteParams;
use orrery_e2e::{Archive, NAMESPACE, eventually};

/// A user that is deleted when the test ends well.
const USER: &str = "plugin.eve";
/// Its object.
const OBJECT: &str = "plugin-eve";

fn plugin(arguments: &[&str]) -> Result<Output> {
    Command::new("kubectl")
        .args(["orrery", "--namespace", NAMESPACE])
        .args(arguments)
        .output()
        .context("kubectl orrery")
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_user_made_by_the_plugin_asks_through_it_and_gets_another_password() -> Result<()> {
    let archive = Archive::demo().await?;
    let users = archive.kind("QueryUser");
    // From a run that was stopped.
    let _ = users.delete(OBJECT, &DeleteParams::default()).await;
    let made = plugin(&["user", "create", USER, "--database", "sky"])?;
    assert!(made.status.success(), "{}", text(&made));
    assert!(
        text(&made).starts_with("password of plugin.eve: "),
        "{}",
        text(&made)
    );

    let ask = [
        "mysql",
        "--user",
        USER,
        "--",
        "--batch",
        "--skip-column-names",
        "--execute",
    ];
    let count = || plugin(&[&ask[..], &["SELECT COUNT(*) FROM sky.Filter"]].concat());
    eventually("the user may ask", async || {
        Ok((text(&count()?).trim() == "6").then_some(()))
    })
    .await?;
    let elsewhere = plugin(&[&ask[..], &["SELECT * FROM sky.Missing"]].concat())?;
    assert_eq!(elsewhere.status.code(), Some(1), "{}", text(&elsewhere));

    let changed = plugin(&["user", "passwd", USER])?;
    assert!(changed.status.success(), "{}", text(&changed));
    assert_ne!(text(&made), text(&changed));
    eventually("the new password is taken", async || {
        Ok((text(&count()?).trim() == "6").then_some(()))
    })
    .await?;

    let again = plugin(&["user", "create", USER, "--database", "sky"])?;
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again).contains("already exists"), "{}", text(&again));
    users.delete(OBJECT, &DeleteParams::default()).await?;
    Ok(())
}
