use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use orrery_archive::catalog::{Catalog, Retired, Table, TableKey, TableKind};
use orrery_archive::testing;
use orrery_crds::kinds::{ReferenceTable, Worker};
use orrery_worker_api::agent::{Refusal, TrialPart};
use serde_json::json;
use tokio::time::Instant;

use super::Trials;
use super::memory::Memory;
use super::plan::{order, subjects};
use super::subject::{Standing, Subject, Word};
use crate::archive::observe::Observed;
use crate::archive::plan::{Plan, plan};
use crate::catalog::declared::Schema;
use crate::controller::context::Context;
use crate::fleet::testing::worker;
use crate::testing::Objects;

fn names(workers: &[Worker], pool: Option<&str>, place: usize) -> Vec<String> {
    let order = order(workers, pool, place);
    order.into_iter().map(|asked| asked.name).collect()
}

#[test]
fn workers_take_turns_and_those_that_are_well_come_first() {
    let mut workers = vec![
        worker(1, "Suspect"),
        worker(2, "Ready"),
        worker(3, "Ready"),
        worker(4, "Down"),
        worker(5, "Pending"),
    ];
    assert_eq!(
        names(&workers, Some("main"), 0),
        ["main-w2", "main-w3", "main-w1"]
    );
    assert_eq!(
        names(&workers, Some("main"), 3),
        ["main-w3", "main-w2", "main-w1"]
    );
    workers[1].spec.pool = "else".into();
    assert_eq!(names(&workers, Some("main"), 0), ["main-w3", "main-w1"]);
    assert_eq!(names(&workers, None, 0), ["main-w2", "main-w3", "main-w1"]);
    assert!(names(&workers, Some("none"), 1).is_empty());
}

fn subject(table: &str) -> Vec<(String, Subject)> {
    let subject = Subject {
        key: TableKey::new("sky", table),
        pool: None,
        tables: Vec::new(),
    };
    vec![("uid".into(), subject)]
}

fn refusal() -> Word {
    Word::Refused(Refusal {
        part: TrialPart::Home,
        is_made: false,
        code: 1118,
        message: "Row size too large".into(),
    })
}

async fn tried(memory: &mut Memory, answer: Result<Word, String>) {
    memory.asked("uid", tokio::spawn(async { answer }));
    memory.wait(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_table_is_tried_once_until_its_schema_changes_or_the_refusal_is_old() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    memory.keep(&subject("Object"));
    assert_eq!(memory.standings()["uid"], Standing::NoWorker);
    assert_eq!(memory.due("uid", now), Some(0));
    tried(&mut memory, Ok(refusal())).await;
    memory.keep(&subject("Object"));
    assert_eq!(memory.standings()["uid"], Standing::Said(refusal()));
    assert_eq!(memory.due("uid", Instant::now()), None);
    let later = Instant::now() + Duration::from_secs(301);
    assert_eq!(memory.due("uid", later), Some(1));
    memory.keep(&subject("Source"));
    assert_eq!(memory.standings()["uid"], Standing::NoWorker);
    tried(&mut memory, Ok(Word::Taken)).await;
    assert_eq!(memory.due("uid", later), None);
    memory.keep(&[]);
    assert!(memory.standings().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_late_is_waited_for_and_silence_is_no_answer() {
    let mut memory = Memory::default();
    memory.keep(&subject("Object"));
    let late = tokio::spawn(async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Err("main-w1: no answer".to_owned())
    });
    memory.asked("uid", late);
    memory.wait(Duration::from_secs(2)).await;
    assert_eq!(memory.standings()["uid"], Standing::UnderWay);
    assert!(memory.is_under_way() && memory.due("uid", Instant::now()).is_none());
    memory.wait(Duration::from_secs(10)).await;
    let silent = Standing::Silent("main-w1: no answer".into());
    assert_eq!(memory.standings()["uid"], silent);
    assert_eq!(memory.due("uid", Instant::now()), Some(1));
}

/// An archive that declares the reference table `sky.Filter` with one column of this type.
fn declared(kind: &str) -> Observed {
    let filter = json!({
        "apiVersion": "orrery.dev/v1alpha1", "kind": "ReferenceTable",
        "metadata": {"name": "filter", "namespace": "sky", "uid": "uid"},
        "spec": {"database": "sky", "table": "Filter", "columns": [{"name": "id", "type": kind}]},
    });
    let filter: ReferenceTable = serde_json::from_value(filter).unwrap();
    Observed {
        pools: BTreeMap::new(),
        families: Vec::new(),
        chunked: Vec::new(),
        references: vec![filter],
        malformed: false,
        workers: vec![worker(1, "Ready")],
        live: BTreeSet::from([1]),
        catalog: Arc::default(),
    }
}

/// What is to be tried of `declared` when the catalog is this.
fn tried_by(mut declared: Observed, catalog: Catalog) -> Vec<String> {
    declared.catalog = Arc::new(catalog);
    let plan: Plan = plan(&declared);
    let found = subjects(&declared, &plan).into_iter();
    found.map(|(_, subject)| subject.key.table).collect()
}

/// The table that is accepted of this declaration.
fn accepted(declared: &Observed) -> Table {
    let verdict = plan(declared).tables.references.remove(0);
    let Some(Schema::Reference(table)) = verdict.schema else {
        panic!("it is not sound");
    };
    Table {
        kind: TableKind::Reference(table),
        ..testing::reference(1, [])
    }
}

#[test]
fn what_the_catalog_has_in_this_form_was_tried_and_nothing_else() {
    let (key, other) = (TableKey::new("sky", "Filter"), TableKey::new("sky", "Else"));
    let table = || accepted(&declared("INT"));
    let with = |key: &TableKey| Catalog {
        tables: BTreeMap::from([(key.clone(), table())]),
        ..Catalog::default()
    };
    let none: [&str; 0] = [];
    assert_eq!(tried_by(declared("INT"), Catalog::default()), ["Filter"]);
    assert_eq!(tried_by(declared("INT"), with(&key)), none);
    assert_eq!(tried_by(declared("BIGINT"), with(&key)), ["Filter"]);
    assert_eq!(tried_by(declared("INT"), with(&other)), ["Filter"]);
    let retired = Retired {
        key,
        table: table(),
        since: 0,
        until: None,
        director: None,
    };
    let kept = || Catalog {
        retired: BTreeMap::from([(1, retired.clone())]),
        ..Catalog::default()
    };
    assert_eq!(tried_by(declared("INT"), kept()), none, "it can come back");
    assert_eq!(tried_by(declared("BIGINT"), kept()), ["Filter"]);
}

/// Its workers are asked, which takes time, and those of others are asked meanwhile.
#[tokio::test]
async fn an_archive_waits_for_the_workers_of_no_other() {
    let context = Context::for_test(Objects::default().client());
    let trials = Trials::default();
    let (waits, ready) = (declared("INT"), declared("INT"));
    let (mut its_plan, mut other_plan) = (plan(&waits), plan(&ready));
    let settled = trials.settle(&context, "sky", &waits, &mut its_plan);
    let mut settled = std::pin::pin!(settled);
    assert!(futures::poll!(&mut settled).is_pending());
    let other = async {
        let no_tables = Observed {
            references: Vec::new(),
            ..ready
        };
        other_plan.tables.references.clear();
        trials
            .settle(&context, "sea", &no_tables, &mut other_plan)
            .await
    };
    let mut other = std::pin::pin!(other);
    assert!(futures::poll!(&mut other).is_ready());
}
