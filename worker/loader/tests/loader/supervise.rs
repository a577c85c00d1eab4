//! The pod's first process restarts a killed loader at once, which finds its survey again; SIGTERM
//! ends both.

use std::path::Path;

use crate::common::program::Program;
use crate::common::*;
use orrery_kit_worker::Archive;
use orrery_worker_api::loader::LoaderStep;
use rustix::process::{Signal, kill_process};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_loader_is_started_again_and_finds_its_survey() {
    let (archive, place) = (Archive::new(), Place::new());
    let program = Program::start(&archive, &place).await;
    let survey = director(object(&json!({})), vec![place.file("o.csv", "1,1,1,a\n")]);
    program.api.survey(&survey).await.unwrap();
    operator::until(&program.api, LoaderStep::Surveyed).await;

    let first = program.loader().unwrap();
    program.kill();
    let status = operator::until(&program.api, LoaderStep::Surveyed).await;
    assert_eq!(status.summary.rows, 1);
    let second = program.loader().unwrap();
    assert_ne!(first, second);

    kill_process(program.supervisor(), Signal::TERM).unwrap();
    // Its Job must not count as complete.
    assert_eq!(program.ended().await, Some(143));
    assert!(
        !Path::new(&format!("/proc/{}", second.as_raw_nonzero())).exists(),
        "the loader ended before its supervisor"
    );
}
