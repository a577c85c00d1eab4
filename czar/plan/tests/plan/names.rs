//! Names that are a column and an alias at once mean what they mean in one MariaDB.

use crate::golden::{Comparison, Order, Sides};
use mysql_async::prelude::Queryable;
use orrery_plan::{Work, plan};

const ITEMS: [&str; 10] = [
    "-run AS run",
    "run",
    "tiny",
    "tiny AS run",
    "run AS tiny",
    "7 AS run",
    "COUNT(*) AS run",
    "MAX(tiny) AS tiny",
    "-tiny AS tiny",
    "run + tiny AS k",
];
const GROUPS: [&str; 7] = ["", "run", "tiny", "(run), tiny", "k", "run + 0", "tiny, k"];
const HAVING: [&str; 6] = [
    "",
    "run > 1",
    "tiny + 0 > 1",
    "SUM(run) > 2",
    "k < 5",
    "run < 0 OR tiny IS NULL",
];
const ORDER: [&str; 5] = ["", "run", "run + 0", "ABS(tiny - 2)", "k"];
/// Statements made.
const CASES: usize = 600;
/// No factor of it divides the number of all statements, so that they are visited evenly.
const STRIDE: usize = 7919;

/// The statement of this number. Those that are ordered are ordered wholly by what they show.
fn statement(number: usize) -> (String, bool) {
    let mut rest = number;
    let mut of = |list: &[&'static str]| {
        let chosen = list[rest % list.len()];
        rest /= list.len();
        chosen
    };
    let (one, other) = (of(&ITEMS), of(&ITEMS));
    let (groups, having, order) = (of(&GROUPS), of(&HAVING), of(&ORDER));
    let clause = |word: &str, text: &str| match text {
        "" => String::new(),
        text => format!(" {word} {text}"),
    };
    let order = match order {
        "" => String::new(),
        order => format!("{order}, 1, 2"),
    };
    let sql = format!(
        "SELECT {one}, {other} FROM Object{}{}{}",
        clause("GROUP BY", groups),
        clause("HAVING", having),
        clause("ORDER BY", &order)
    );
    (sql, !order.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_mean_what_they_mean_in_one_server() {
    let mut sides = Sides::start(60).await;
    let all = ITEMS.len().pow(2) * GROUPS.len() * HAVING.len() * ORDER.len();
    let (mut equal, mut gathered, mut failures) = (0, 0, Vec::new());
    for case in 0..CASES {
        let (sql, is_ordered) = statement(case * STRIDE % all);
        // What MariaDB refuses, its shadow server refuses before there is a plan.
        if sides.whole.query_drop(&sql).await.is_err() {
            continue;
        }
        let plan = plan(&sql, &sides.archive.catalog, Some("sky")).unwrap();
        if matches!(plan.work, Work::Gather(_)) {
            gathered += 1;
            continue;
        }
        let order = Comparison {
            order: if is_ordered { Order::Fixed } else { Order::Any },
            rounded: false,
        };
        match sides.check(&sql, None, order, plan).await {
            Ok(()) => equal += 1,
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(equal > 60, "{equal} equal, {gathered} gathered");
}

/// The shadow server knows no spatial restriction, and their placeholders need no columns.
#[test]
fn a_statement_with_a_spatial_restriction_can_be_prepared() {
    let asked = "SELECT `qserv_areaspec_box`, ra FROM Object WHERE qserv_areaspec_circle(?, ?, 1) AND run = ?";
    let given = "SELECT `qserv_areaspec_box`, ra FROM Object WHERE (1=1) AND run = ?";
    assert_eq!(orrery_plan::preparable(asked), given);
    assert_eq!(
        orrery_plan::preparable("SELECT 'qserv_areaspec_box("),
        "SELECT 'qserv_areaspec_box("
    );
}
