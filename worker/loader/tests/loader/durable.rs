//! What a loader leaves on its disk survives a power cut: the kernel's record of a whole survey is
//! read.

use std::path::Path;

use crate::common::*;
use orrery_durable::trace::{Run, followed};
use orrery_loader::job::Loader;
use orrery_loader::survey::{Finished, dropped_path, finished_path, index_path, rejects, spool};
use orrery_worker_api::loader::LoaderStep;
use serde_json::json;

/// Temporary file, fsync, rename, fsync of the folder (docs/design/security.md#own-files); a survey
/// is on the disk before its end is reported.
#[test]
fn request_and_survey_survive_a_power_cut() {
    match followed("durable::request_and_survey_survive_a_power_cut") {
        Run::Write(spool) => tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(survey_into(&spool)),
        Run::Check(calls, folder) => {
            let spool = folder.path();
            calls.assert_replaced_durably(&spool.join("request.json"));
            let survey = spool.join("survey-1");
            let finished = finished_path(&survey);
            let state: Finished = orrery_loader::disk::read_json(&finished).unwrap();
            calls.assert_replaced_durably(&finished);
            calls.assert_replaced_durably(&dropped_path(&survey));
            calls.assert_synced_before(&rejects::list_path(&survey), &finished);
            assert_eq!(state.parts, [[0]]);
            calls.assert_replaced_durably(&spool::index_path(&survey, 0, 0));
            calls.assert_synced_before(&spool::data_path(&survey, 0, 0), &finished);
            assert!(!state.index.is_empty());
            for piece in &state.index {
                calls.assert_synced_before(&index_path(&survey, piece.chunk), &finished);
            }
        }
    }
}

/// A survey with rows, a bad row and a second row with one key.
async fn survey_into(spool: &Path) {
    let place = Place::new();
    let file = place.file("a.csv", "1,10.5,20.5,a\n2,0,0,b\nx,1,1,c\n1,200,-60,d\n");
    let mut survey = director(object(&json!({})), vec![file]);
    survey.max_rejects = 2;
    let limits = limits();
    let tools = place.tools(strangers(), limits);
    let loader = Loader::open(tools, spool).unwrap();
    loader.survey(survey).unwrap();
    while loader.status().step == LoaderStep::Surveying {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let status = loader.status();
    assert_eq!(status.step, LoaderStep::Surveyed, "{:?}", status.error);
    assert_eq!(status.summary.rejects, 2);
}
