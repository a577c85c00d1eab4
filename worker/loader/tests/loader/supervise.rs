//! The pod's first process restarts a killed loader at once, which finds its survey again; SIGTERM
//! ends both.

use std::path::Path;
use std::process::{Child, Command};

use crate::common::*;
use orrery_archive::names::Role;
use orrery_kit_worker::Archive;
use orrery_kit_worker::port::reserve;
use orrery_worker_api::loader::LoaderStep;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

/// Kills what it holds when a test fails.
struct Supervisor(Child);

impl Drop for Supervisor {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
    }
}

/// The only child of `parent`.
fn child_of(parent: u32) -> Option<i32> {
    let children =
        std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_loader_is_started_again_and_finds_its_survey() {
    let (archive, place) = (Archive::new(), Place::new());
    let port = reserve().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_orrery-loader"))
        .arg("supervise")
        .args([
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--admin-listen",
            &format!("127.0.0.1:{}", reserve().unwrap()),
        ])
        .arg("--tls-dir")
        .arg(archive.tls_dir(Role::Loader))
        .arg("--spool")
        .arg(place.spool())
        .arg("--sources")
        .arg(place.sources())
        .spawn()
        .unwrap();
    let mut supervisor = Supervisor(child);
    let url = format!("https://127.0.0.1:{port}");
    let loader = operator::loader(&archive, &url);
    operator::until(&loader, LoaderStep::Idle).await;
    let survey = director(object(&json!({})), vec![place.file("o.csv", "1,1,1,a\n")]);
    loader.survey(&survey).await.unwrap();
    operator::until(&loader, LoaderStep::Surveyed).await;

    let first = child_of(supervisor.0.id()).unwrap();
    kill_process(Pid::from_raw(first).unwrap(), Signal::KILL).unwrap();
    let status = operator::until(&loader, LoaderStep::Surveyed).await;
    assert_eq!(status.summary.rows, 1);
    let second = child_of(supervisor.0.id()).unwrap();
    assert_ne!(first, second);

    kill_process(
        Pid::from_raw(supervisor.0.id() as i32).unwrap(),
        Signal::TERM,
    )
    .unwrap();
    let ended = tokio::task::spawn_blocking(move || supervisor.0.wait().unwrap())
        .await
        .unwrap();
    // Its Job must not count as complete.
    assert_eq!(ended.code(), Some(143), "{ended}");
    assert!(
        !Path::new(&format!("/proc/{second}")).exists(),
        "the loader ended before its supervisor"
    );
}
