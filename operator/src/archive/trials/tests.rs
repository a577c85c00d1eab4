use std::time::Duration;

use orrery_crds::kinds::Worker;
use orrery_worker_api::agent::{Refusal, TrialPart};
use tokio::time::Instant;

use super::memory::Memory;
use super::plan::order;
use super::subject::{Standing, Subject, Word};
use crate::fleet::testing::worker;
use orrery_archive::catalog::TableKey;

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
