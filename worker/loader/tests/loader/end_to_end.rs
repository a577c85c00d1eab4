//! Surveys and loads against real workers.

use std::collections::BTreeMap;
use std::io::Read;

use crate::common::cluster::*;
use crate::common::sample::Sample;
use crate::common::*;
use orrery_archive::ingest::MisplacedChildPolicy;
use orrery_archive::names::Role;
use orrery_kit_worker::{Archive, TIMEOUTS};
use orrery_worker_api::CallError;
use orrery_worker_api::client::Loaders;
use orrery_worker_api::loader::{Load, LoaderStatus, LoaderStep, Survey, SurveyTarget, Surveyed};
use serde_json::json;

const OBJECT: Numbers = Numbers {
    incarnation: 7,
    attempt: 12,
    index_incarnation: 8,
    index_attempt: 13,
};
const AGAIN: Numbers = Numbers {
    incarnation: 7,
    attempt: 22,
    index_incarnation: 8,
    index_attempt: 23,
};
const SOURCE: Numbers = Numbers {
    incarnation: 9,
    attempt: 14,
    index_incarnation: 8,
    index_attempt: 15,
};

/// A small sky: objects on a line of longitudes, keys 1 to `count`.
fn objects(count: u32) -> String {
    let mut text = String::new();
    for i in 1..=count {
        text += &format!("{i},{},{},o\\\n{i}\n", f64::from(i) * 0.1, f64::from(i % 5));
    }
    text
}

async fn rows(
    cluster: &Cluster,
    worker: usize,
    name: &str,
    numbers: Numbers,
    surveyed: &Surveyed,
) -> u64 {
    let all = Cluster::all_rows(name, numbers, surveyed);
    cluster
        .query(worker, &format!("SELECT COUNT(*) FROM ({all}) AS a"))
        .await[0]
}

/// Rows of one side that the other lacks, duplicates counted.
async fn difference(cluster: &Cluster, name: &str, numbers: Numbers, surveyed: &Surveyed) -> u64 {
    let all = Cluster::all_rows(name, numbers, surveyed);
    let one = format!("SELECT COUNT(*) FROM (SELECT * FROM plain.t EXCEPT ALL ({all})) AS a");
    let other = format!("SELECT COUNT(*) FROM (({all}) EXCEPT ALL SELECT * FROM plain.t) AS a");
    cluster.query::<u64>(0, &one).await[0] + cluster.query::<u64>(0, &other).await[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn directors_and_children_reach_every_replica_as_a_plain_load_would_store_them() {
    let cluster = Cluster::start(2).await;
    let table = object(&json!({}));
    let file = cluster.place.file("o.csv", objects(300));
    let survey = director(table.clone(), vec![file]);
    let status = cluster.ingest(&survey, "Object", OBJECT).await;
    let surveyed = status.surveyed.unwrap();
    let copies = 2 * (300 + status.summary.overlap_rows + 300);
    assert_eq!(
        (status.progress.rows_loaded, status.progress.rows_to_load),
        (copies, copies)
    );
    assert_eq!(rows(&cluster, 1, "Object", OBJECT, &surveyed).await, 300);
    plain_table(&cluster, &table, &cluster.place.source_path("o.csv"), ",").await;
    assert_eq!(difference(&cluster, "Object", OBJECT, &surveyed).await, 0);
    let index: Vec<u64> = cluster
        .query(0, "SELECT SUM(table_rows) FROM (SELECT COUNT(*) AS table_rows FROM orrery_index__8.Object_0__13 UNION ALL SELECT COUNT(*) FROM orrery_index__8.Object_1__13 UNION ALL SELECT COUNT(*) FROM orrery_index__8.Object_2__13 UNION ALL SELECT COUNT(*) FROM orrery_index__8.Object_3__13) AS a")
        .await;
    assert_eq!(index, [300]);

    // Children: in their object's chunk, elsewhere, without position, unknown, without key.
    let text = "1,10,1,0\n2,10,200,-50\n3,10,\\N,\\N\n4,9999,17,10\n5,\\N,17,10\n6,9999,\\N,\\N\n";
    let file = cluster.place.file("s.csv", text);
    let mut survey = survey_of(
        SurveyTarget::Child {
            table: child(&json!({})),
            grid: sphere(),
            index: cluster.index(&[(OBJECT, &surveyed)]),
        },
        vec![file],
    );
    survey.id = "uid/child".into();
    survey.max_rejects = 2;
    survey.misplaced_children = MisplacedChildPolicy::Move;
    let status = cluster.ingest(&survey, "Source", SOURCE).await;
    let summary = status.summary;
    assert_eq!(
        (
            summary.rows,
            summary.rejects,
            summary.orphans,
            summary.moved
        ),
        (5, 1, 1, 1)
    );
    let moved: Vec<(u32, u32)> = cluster
        .query(
            0,
            "SELECT i.chunkId, i.subChunkId FROM (SELECT * FROM orrery_index__8.Object_0__13 UNION ALL SELECT * FROM orrery_index__8.Object_1__13 \
             UNION ALL SELECT * FROM orrery_index__8.Object_2__13 UNION ALL SELECT * FROM orrery_index__8.Object_3__13) AS i WHERE k = 10",
        )
        .await;
    let (chunk, sub_chunk) = moved[0];
    let placed: Vec<(i64, u32)> = cluster
        .query(0, &format!("SELECT sourceId, subChunkId FROM sky__9.Source_{chunk}__14 WHERE sourceId IN (1, 2, 3) ORDER BY sourceId"))
        .await;
    assert_eq!(
        placed.iter().map(|row| row.0).collect::<Vec<_>>(),
        [1, 2, 3],
        "all in the object's chunk"
    );
    assert_eq!(
        [placed[1].1, placed[2].1],
        [sub_chunk; 2],
        "and where the key says in its sub-chunk"
    );

    // Without the policy the misplaced child is rejected with the reason.
    survey.misplaced_children = MisplacedChildPolicy::Reject;
    let serving = cluster.loader().await;
    survey.id = "uid/child2".into();
    serving.api.survey(&survey).await.unwrap();
    let status = serving.until(LoaderStep::Surveyed).await;
    let reason = &status.reject_samples[0].reason;
    assert!(
        reason.contains("the row's position is in chunk") && reason.contains(&chunk.to_string()),
        "{reason}"
    );
}

/// docs/design/ingest.md#unique-keys: keys are looked up before loading; a director row whose key
/// is an orphan elsewhere is rejected.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_other_ingests_count() {
    let cluster = Cluster::start(1).await;
    let file = cluster.place.file("o.csv", "1,1,1,a\n2,2,2,b\n");
    let first = cluster
        .ingest(&director(object(&json!({})), vec![file]), "Object", OBJECT)
        .await;
    let first = first.surveyed.unwrap();
    let child_target = SurveyTarget::Child {
        table: child(&json!({})),
        grid: sphere(),
        index: cluster.index(&[(OBJECT, &first)]),
    };
    let mut survey = survey_of(
        child_target,
        vec![cluster.place.file("s.csv", "1,50,100,10\n2,51,100,10\n")],
    );
    survey.id = "uid/child".into();
    let children = cluster.ingest(&survey, "Source", SOURCE).await;
    assert_eq!(children.summary.orphans, 2);
    let index = cluster.index(&[(OBJECT, &first), (SOURCE, &children.surveyed.unwrap())]);

    let file = cluster
        .place
        .file("p.csv", "1,30,30,a\n50,30,30,b\n51,100,10,c\n60,30,30,d\n");
    let mut survey = director(object(&json!({})), vec![file]);
    survey.target = SurveyTarget::Director {
        table: object(&json!({})),
        grid: sphere(),
        index,
    };
    survey.id = "uid/again".into();
    survey.max_rejects = 2;
    let status = cluster.ingest(&survey, "Object", AGAIN).await;
    assert_eq!(
        (
            status.summary.rows,
            status.summary.duplicates,
            status.summary.rejects
        ),
        (2, 1, 2)
    );
    let reasons: Vec<&str> = status
        .reject_samples
        .iter()
        .map(|sample| sample.reason.as_str())
        .collect();
    assert!(
        reasons[0].starts_with("the key 1 is already published, in chunk "),
        "{reasons:?}"
    );
    assert!(
        reasons[1].starts_with("the key 50 belongs to published child rows in chunk "),
        "{reasons:?}"
    );
    let surveyed = status.surveyed.unwrap();
    assert_eq!(
        rows(&cluster, 0, "Object", AGAIN, &surveyed).await,
        2,
        "rejected rows are not loaded"
    );
    check_records(&cluster, &surveyed).await;
}

/// Files and rejects are kept by the agents.
async fn check_records(cluster: &Cluster, surveyed: &Surveyed) {
    let agent = cluster.workers[0].api(&cluster.archive, Role::Loader);
    let kept = agent.files(AGAIN.attempt).await.unwrap();
    assert_eq!(kept.files, surveyed.files);
    let rejects = agent.rejects(AGAIN.attempt).await.unwrap();
    let rejects = String::from_utf8_lossy(&rejects);
    assert!(
        rejects.contains("p.csv\t1\tobjectId\tthe key 1 is already published"),
        "{rejects}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_sample_is_stored_as_a_plain_load_stores_it() {
    let Some(sample) = Sample::open("pt12") else {
        return;
    };
    let mut cluster = Cluster::start(1).await;
    let objects = sample_like_plain(
        &mut cluster,
        &sample,
        sample.director("Object"),
        "Object",
        OBJECT,
    )
    .await;
    assert_eq!(objects.summary.rows, 88);
    let index = cluster.index(&[(OBJECT, &objects.surveyed.unwrap())]);
    let mut survey = sample.child("Source", index);
    survey.id = "uid/child".into();
    let sources = sample_like_plain(&mut cluster, &sample, survey, "Source", SOURCE).await;
    let summary = sources.summary;
    assert_eq!(
        (summary.rows, summary.rejects, summary.orphans),
        (3339, 0, 36)
    );
}

/// Ingests a table of the sample and compares it with a plain LOAD DATA of the same file.
async fn sample_like_plain(
    cluster: &mut Cluster,
    sample: &Sample,
    survey: Survey,
    name: &str,
    numbers: Numbers,
) -> LoaderStatus {
    let (SurveyTarget::Director { table, .. } | SurveyTarget::Child { table, .. }) = &survey.target
    else {
        panic!("chunked tables only");
    };
    let stored = sample.folder.join(format!("{name}.tsv.gz"));
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(stored).unwrap())
        .read_to_end(&mut text)
        .unwrap();
    let place = Place::new();
    place.file("plain", &text);
    std::fs::copy(
        sample.folder.join(format!("{name}.tsv.gz")),
        place.source_path(&format!("{name}.tsv.gz")),
    )
    .unwrap();
    cluster.place = place;
    let status = cluster.ingest(&survey, name, numbers).await;
    plain_table(cluster, table, &cluster.place.source_path("plain"), "\\t").await;
    let surveyed = status.surveyed.clone().unwrap();
    assert_eq!(
        difference(cluster, name, numbers, &surveyed).await,
        0,
        "{name}"
    );
    status
}

/// docs/design/ingest.md#exactly-once: a repeated load sends nothing the ledgers name.
#[tokio::test(flavor = "multi_thread")]
async fn a_loader_that_comes_back_goes_on_where_it_was() {
    let cluster = Cluster::start(1).await;
    let table = object(&json!({}));
    let survey = director(
        table.clone(),
        vec![cluster.place.file("o.csv", objects(200))],
    );
    let serving = cluster.loader().await;
    serving.api.survey(&survey).await.unwrap();
    let first = serving.until(LoaderStep::Surveyed).await;
    serving.api.survey(&survey).await.unwrap();
    drop(serving);

    let serving = cluster.loader().await;
    let found = serving.status().await;
    assert_eq!(
        found.step,
        LoaderStep::Surveyed,
        "the finished survey is found again"
    );
    assert_eq!(
        (&found.surveyed, &found.summary),
        (&first.surveyed, &first.summary)
    );
    let surveyed = found.surveyed.unwrap();
    cluster
        .open(&table, "Object", true, &surveyed, OBJECT)
        .await;
    let load = cluster.load_request(&survey, &surveyed, OBJECT);
    serving.api.load(&load).await.unwrap();
    let loaded = serving.until(LoaderStep::Loaded).await;
    serving.api.load(&load).await.unwrap();
    drop(serving);

    // The source may be gone by now: nothing is read again.
    std::fs::remove_file(cluster.place.source_path("o.csv")).unwrap();
    let serving = cluster.loader().await;
    serving.api.load(&load).await.unwrap();
    let again = serving.until(LoaderStep::Loaded).await;
    assert_eq!(again.progress.rows_loaded, loaded.progress.rows_loaded);
    cluster.seal(OBJECT.attempt).await;
    assert_eq!(rows(&cluster, 0, "Object", OBJECT, &surveyed).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_survey_starts_again_with_the_loader() {
    let cluster = Cluster::start(0).await;
    let survey = director(object(&json!({})), vec![source("late.csv")]);
    let serving = cluster.loader().await;
    serving.api.survey(&survey).await.unwrap();
    while serving.status().await.step != LoaderStep::Failed {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(
        serving.status().await.error.unwrap().reason,
        "SourceMissing"
    );
    cluster.place.file("late.csv", objects(10));
    let serving = cluster.loader().await;
    assert_eq!(serving.until(LoaderStep::Surveyed).await.summary.rows, 10);
    let directories = std::fs::read_dir(cluster.place.spool()).unwrap();
    let surveys = directories.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("survey-")
    });
    assert_eq!(surveys.count(), 1, "the spool of the first try is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_agent_is_named_and_the_others_go_on_while_every_chunk_has_one() {
    let cluster = Cluster::start(1).await;
    let table = object(&json!({}));
    let mut survey = director(
        table.clone(),
        vec![cluster.place.file("o.csv", objects(50))],
    );
    let serving = cluster.loader().await;
    serving.api.survey(&survey).await.unwrap();
    let surveyed = serving.until(LoaderStep::Surveyed).await.surveyed.unwrap();
    cluster
        .open(&table, "Object", true, &surveyed, OBJECT)
        .await;
    // Nothing listens there.
    let gone = "https://127.0.0.1:9".to_owned();
    let mut load = cluster.load_request(&survey, &surveyed, OBJECT);
    load.chunks
        .values_mut()
        .for_each(|agents| agents.push(gone.clone()));
    serving.api.load(&load).await.unwrap();
    let status = serving.until(LoaderStep::Loaded).await;
    assert_eq!(status.lost_agents.keys().collect::<Vec<_>>(), [&gone]);

    let chunk = *load.chunks.keys().next().unwrap();
    load.chunks.insert(chunk, vec![gone.clone()]);
    serving.api.load(&load).await.unwrap();
    let error = loop {
        if let Some(error) = serving.status().await.error {
            break error;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!((error.reason.as_str(), error.retry), ("NoReplica", true));
    assert!(
        error.message.contains(&format!("chunk {chunk}")) && error.message.contains(&gone),
        "{}",
        error.message
    );

    survey.id = "uid/other".into();
    survey.target = SurveyTarget::Child {
        table: child(&json!({})),
        grid: sphere(),
        index: {
            let mut index = cluster.index(&[(OBJECT, &surveyed)]);
            index
                .places
                .values_mut()
                .for_each(|place| place.agents = vec![gone.clone()]);
            index
        },
    };
    survey.sources = vec![cluster.place.file("s.csv", "1,1,1,1\n")];
    serving.api.survey(&survey).await.unwrap();
    let error = loop {
        if let Some(error) = serving.status().await.error {
            break error;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(
        error.reason, "Unreachable",
        "an index that does not answer makes no orphans: {}",
        error.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_idempotent_and_contradictions_refused() {
    let cluster = Cluster::start(0).await;
    let mut survey = director(
        object(&json!({})),
        vec![cluster.place.file("o.csv", objects(5))],
    );
    let serving = cluster.loader().await;
    let load = cluster.load_request(&survey, &Surveyed::default(), OBJECT);
    let refused = serving.api.load(&load).await.unwrap_err();
    assert_eq!(refused.reason(), Some("NotSurveyed"));
    serving.api.survey(&survey).await.unwrap();
    serving.until(LoaderStep::Surveyed).await;
    survey.max_rejects = 5;
    let refused = serving.api.survey(&survey).await.unwrap_err();
    assert_eq!(refused.reason(), Some("OtherContent"));
    survey.id = "uid/2".into();
    serving.api.survey(&survey).await.unwrap();
    assert_eq!(
        serving.until(LoaderStep::Surveyed).await.id.as_deref(),
        Some("uid/2")
    );
}

/// Twenty thousand chunks were more than a request could name.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_the_workers_of_a_hundred_thousand_chunks() {
    let cluster = Cluster::start(0).await;
    let serving = cluster.loader().await;
    let agents: Vec<String> = (1..=3)
        .map(|worker| format!("https://main-w{worker}.archive.svc:7443"))
        .collect();
    let load = Load {
        id: "uid/1".into(),
        attempt: 1,
        index_attempt: None,
        chunks: (0..100_000).map(|chunk| (chunk, agents.clone())).collect(),
        index_chunks: BTreeMap::new(),
        record_keepers: Vec::new(),
    };
    let refused = serving.api.load(&load).await.unwrap_err();
    assert_eq!(refused.reason(), Some("NotSurveyed"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operator_may_call() {
    let cluster = Cluster::start(0).await;
    let serving = cluster.loader().await;
    let call = async |archive: &Archive, role| {
        let loaders = Loaders::new(&archive.identity(role), TIMEOUTS).unwrap();
        loaders.at(&serving.base).unwrap().status().await
    };
    for role in [Role::Agent, Role::Loader, Role::Czar, Role::Proxy] {
        let refused = call(&cluster.archive, role).await.unwrap_err();
        assert_eq!(refused.reason(), Some("Forbidden"), "{role:?}");
    }
    let other_authority = call(&Archive::new(), Role::Operator).await;
    assert!(matches!(other_authority, Err(CallError::Unreachable(_))));
    // A server of another role does not pass for an agent.
    let agents = cluster.archive.agents(Role::Operator);
    let not_an_agent = agents.at(&serving.base).unwrap().info().await;
    assert!(matches!(not_an_agent, Err(CallError::Unreachable(_))));
    call(&cluster.archive, Role::Operator).await.unwrap();
}
