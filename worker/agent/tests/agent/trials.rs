//! Declared tables are tried on a real mysqld.

use std::sync::Arc;

use mysql_async::prelude::Queryable;
use orrery_archive::names::trial_database;
use orrery_kit_worker::{Archive, TERM, Worker};
use orrery_worker_api::agent::{Refusal, Trial, TrialPart, TrialTable};

use super::support::{Setup, number, reason, setup, until, with_archive};

const OPTIONS: &str =
    "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
const SCRATCH: &str =
    "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE 'orrery\\_trial\\_%'";

/// A trial of one home table.
pub fn trial(create: &str) -> Trial {
    Trial {
        term: TERM,
        database: "sky".into(),
        table: "Object".into(),
        tables: vec![table(TrialPart::Home, create)],
    }
}

fn table(part: TrialPart, create: &str) -> TrialTable {
    let create = format!("{create} {OPTIONS}");
    TrialTable { part, create }
}

async fn refusal(setup: &Setup, trial: &Trial) -> Option<Refusal> {
    setup.operator.try_tables(trial).await.unwrap().refusal
}

#[tokio::test]
async fn what_mysqld_refuses_is_named_and_nothing_of_a_trial_stays() {
    let setup = setup().await;
    let of = |create: &str| trial(&format!("({create})"));
    let taken = of("a INT NOT NULL, b INT, PRIMARY KEY (a), KEY x (b), KEY y (b)");
    assert_eq!(refusal(&setup, &taken).await, None);
    let wide: Vec<String> = (0..20).map(|at| format!("c{at} VARCHAR(1000)")).collect();
    for (create, code, words) in [
        (
            "a DATE NOT NULL DEFAULT 'foo'",
            1067,
            "Invalid default value for 'a'",
        ),
        ("a INT, KEY k (a, a)", 1060, "Duplicate column name 'a'"),
        (
            "a VARCHAR(3) COLLATE utf8mb4_0900_ai_ci",
            1273,
            "Unknown collation: 'utf8mb4_0900_ai_ci'",
        ),
        (&wide.join(", "), 1118, "Row size too large"),
    ] {
        let refused = refusal(&setup, &of(create)).await.unwrap();
        assert_eq!((refused.part, refused.code), (TrialPart::Home, code));
        assert!(refused.message.contains(words), "{}", refused.message);
    }
    assert_eq!(setup.number(SCRATCH).await, 0);
}

/// MariaDB says in a note, or a warning, that the table has another default or key than declared.
#[tokio::test]
async fn a_table_that_is_made_otherwise_than_declared_is_refused() {
    let setup = setup().await;
    for (create, code) in [
        ("a DECIMAL(3,1) NOT NULL DEFAULT '1.26'", 1265),
        ("a DATE NOT NULL DEFAULT '2020-01-01 12:00:00'", 1265),
        ("a FLOAT NOT NULL DEFAULT '1e39'", 1264),
        ("a VARCHAR(1000), KEY k (a)", 1071),
    ] {
        let refused = refusal(&setup, &trial(&format!("({create})"))).await;
        assert_eq!(refused.map(|refused| refused.code), Some(code), "{create}");
    }
}

/// A czar makes its shadow tables under settings of its own: an engine that is not there is an error
/// for workers, and for it InnoDB takes its place.
#[tokio::test]
async fn each_table_is_tried_under_the_settings_that_it_is_made_with() {
    let setup = setup().await;
    let unheard = |part| TrialTable {
        part,
        create: "(a INT) ENGINE=Unheard".into(),
    };
    let taken = table(TrialPart::Shadow, "(a INT)");
    for (tables, is_made) in [
        (vec![unheard(TrialPart::Shadow)], true),
        (vec![taken, unheard(TrialPart::Home)], false),
    ] {
        let trial = Trial {
            tables,
            ..trial("")
        };
        let refused = refusal(&setup, &trial).await.unwrap();
        assert_eq!(refused.is_made, is_made, "{refused:?}");
    }
}

#[tokio::test]
async fn a_second_statement_in_a_declaration_is_not_run() {
    let setup = setup().await;
    let attack = "(a INT) ENGINE=InnoDB; CREATE DATABASE planted; CREATE TABLE planted.t (a INT)";
    let refused = refusal(&setup, &trial(attack)).await.unwrap();
    assert_eq!(refused.code, 1064);
    let planted = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'planted'";
    assert_eq!(setup.number(planted).await, 0);
    let mut attempt = super::support::attempt(1);
    attempt.spec.create_home = attack.into();
    assert_eq!(reason(setup.open(&attempt).await), "Sql");
    assert_eq!(setup.number(planted).await, 0);
}

#[tokio::test]
async fn trials_of_two_tables_at_once_do_not_meet() {
    let setup = Arc::new(setup().await);
    let trials = (0..6).map(|at| {
        let setup = Arc::clone(&setup);
        let (good, bad) = ("(a INT)", "(a INT, KEY k (a, a))");
        tokio::spawn(async move {
            let create = if at % 2 == 0 { good } else { bad };
            let refused = refusal(&setup, &trial(create)).await;
            (at % 2 == 0, refused.is_none())
        })
    });
    for ended in futures::future::join_all(trials).await {
        let (is_good, is_taken) = ended.unwrap();
        assert_eq!(is_good, is_taken);
    }
    assert_eq!(setup.number(SCRATCH).await, 0);
}

#[tokio::test]
async fn what_a_dead_agent_left_goes_when_the_next_starts_and_is_no_unknown_table() {
    let setup = setup().await;
    let left = trial_database("0123");
    let mut sql = setup.sql().await;
    sql.query_drop(format!("CREATE DATABASE {left}"))
        .await
        .unwrap();
    sql.query_drop(format!("CREATE TABLE {left}.Object (a INT)"))
        .await
        .unwrap();
    assert_eq!(setup.operator.unknown().await.unwrap().tables, []);
    let (archive, config) = (Archive::new(), setup.worker.agent.config.clone());
    let mysqld = setup.worker.stop_agent().await;
    assert_eq!(number(&mysqld, SCRATCH).await, 1);
    let again = with_archive(&archive, Worker::start_with(mysqld, config).await);
    until(&again.worker.mysqld, SCRATCH, 0).await;
}
