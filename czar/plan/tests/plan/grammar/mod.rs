//! The planner groups operands as MariaDB does: for generated expressions over all operators, what
//! the planner prints with all parentheses and what the user wrote are the same expression to a
//! real server: the same note 1003 of EXPLAIN EXTENDED, the same values.
//!
//! `ORRERY_GRAMMAR_SEED` and `ORRERY_GRAMMAR_COUNT` choose other expressions, and more.

mod generate;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};
use orrery_plan::{Work, plan};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::common::rows::archive;
use crate::common::server::Server;
use crate::common::typical;
use crate::golden::{load_whole, prepare_database};

const EXPRESSIONS: u64 = 3_000;
/// Rows that values are compared over.
const ROWS: i64 = 12;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// What the planner prints for an expression over `Object o`, or why it refuses it.
fn printed(expression: &str) -> Result<String, String> {
    let sql = format!("SELECT 1 FROM Object o WHERE {}", compared(expression));
    let plan = plan(&sql, &typical(), Some("sky")).map_err(|error| error.mysql().message)?;
    let work = match &plan.work {
        Work::Chunks(work) => work,
        Work::Gather(gather) => return Err(gather.reason.as_ref().unwrap().mysql().message),
        other => panic!("{sql}: {other:?}"),
    };
    let text = work.template.display(&plan.tables);
    Ok(text.split_once(" WHERE ").unwrap().1.to_owned())
}

/// A condition that no rule of the planner looks into.
fn compared(expression: &str) -> String {
    format!("({expression}) <=> 'x'")
}

/// What a server makes of an expression.
#[derive(Debug, PartialEq)]
enum Meaning {
    /// Note 1003 and the values over some rows (or the error's code).
    Expression(String, Result<Vec<Value>, u16>),
    /// Code of the error.
    Error(u16),
}

const SYNTAX: Meaning = Meaning::Error(1064);

async fn meaning(connection: &mut Conn, condition: &str) -> Meaning {
    let select = format!("SELECT {condition} AS x FROM Object o ORDER BY objectId");
    let explained: Result<Vec<Row>, _> =
        connection.query(format!("EXPLAIN EXTENDED {select}")).await;
    if let Err(error) = explained {
        return Meaning::Error(code(&error));
    }
    let notes: Vec<(String, u16, String)> = connection.query("SHOW WARNINGS").await.unwrap();
    let note = notes.into_iter().find(|note| note.1 == 1003).unwrap().2;
    let values: Result<Vec<Value>, _> = connection.query(select).await;
    Meaning::Expression(note, values.map_err(|error| code(&error)))
}

fn code(error: &mysql_async::Error) -> u16 {
    match error {
        mysql_async::Error::Server(error) => error.code,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_expressions_mean_the_same_printed_and_as_written() {
    let seed = setting("ORRERY_GRAMMAR_SEED", 1);
    let count = setting("ORRERY_GRAMMAR_COUNT", EXPRESSIONS);
    let server = Server::start();
    let mut connection = server.connect().await;
    let archive = archive(ROWS);
    prepare_database(&mut connection, &archive).await;
    load_whole(&mut connection, &archive).await;
    connection.query_drop("SET sql_mode = ''").await.unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut same, mut failures) = (0_u64, Vec::new());
    for _ in 0..count {
        let expression = generate::expression(&mut random);
        let right = meaning(&mut connection, &compared(&expression)).await;
        match (printed(&expression), right) {
            (Err(_), right) if right == SYNTAX => {}
            (Err(refusal), _) => failures.push(format!("{expression}\n  refused: {refusal}")),
            (Ok(text), right) if right == SYNTAX => {
                failures.push(format!(
                    "{expression}\n  no syntax of MariaDB, read as {text}"
                ));
            }
            (Ok(text), right) => {
                let given = meaning(&mut connection, &text).await;
                if given == right {
                    same += u64::from(matches!(right, Meaning::Expression(..)));
                } else {
                    failures.push(format!("{expression}\n  {given:?}\n  {right:?}"));
                }
            }
        }
    }
    let wrong = failures.len();
    failures.truncate(20);
    assert!(
        wrong == 0,
        "seed {seed}: {wrong} wrong\n{}",
        failures.join("\n")
    );
    assert!(
        same * 10 >= count * 6,
        "only {same} of {count} expressions have a meaning"
    );
}

#[test]
fn what_mariadb_has_no_syntax_for_is_refused() {
    for expression in [
        "run = NOT tiny",
        "run + NOT tiny",
        "- NOT run",
        "run IS tiny",
        "run IN tiny",
        "run LIKE",
        "run BETWEEN 1",
        "run NOT tiny",
        "run NOT = tiny",
        "run NOT SOUNDS LIKE tiny",
        "run -> tiny",
        "run :: INT",
        "run AT TIME ZONE 'UTC'",
        "INTERVAL 1 DAY - day",
        "INTERVAL 1 CENTURY + day",
        "EXTRACT(CENTURY FROM day)",
        "year 'x'",
        "DIV 3",
    ] {
        assert!(
            printed(expression).is_err(),
            "{expression}: {:?}",
            printed(expression)
        );
    }
}

#[test]
fn chains_and_nests_are_bounded_without_overflowing_the_stack() {
    for expression in [
        "NOT ".repeat(900) + "run",
        "- ".repeat(900) + "run",
        "run BETWEEN 1 AND ".repeat(400) + "2",
        "run BETWEEN ".repeat(400) + "2",
        "run".to_owned() + &" XOR run".repeat(900),
        "run".to_owned() + &" LIKE run".repeat(900),
        "(".repeat(60) + "run" + &")".repeat(60),
        "run".to_owned() + &" OR run".repeat(900),
        "INTERVAL 1 DAY + ".repeat(400) + "day",
    ] {
        let _ = printed(&expression);
    }
}
