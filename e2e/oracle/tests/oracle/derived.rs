//! Several segments of a chunk are read as one derived table, in which a server looks up what it
//! compares in a table: both find the same rows.

use orrery_oracle::client::{Session, ask_czar, ask_plain};
use orrery_oracle::fuzz::extreme::tables;
use orrery_oracle::fuzz::schema::EXTREME;
use orrery_plan::Work;
use orrery_wire::Format;

use crate::pair::Pair;

/// Values of another table, many of them equal to one of `Extreme` in some type.
const VALUES: &[&str] = &[
    "o1.tiny",
    "o1.tiny + 1",
    "o1.tiny % 2 / 3",
    "o1.tiny * 0e0 + 18446744073709551615e0",
    "o1.tiny * 0e0 - 1e35",
    "o1.tiny * 0e0 + 1e-30",
    "o1.tiny * 0 + 1.5",
    "CONCAT(o1.tiny)",
    "CONCAT(o1.tiny % 2, 'x')",
    "CONCAT(LEFT(o1.code, 0), '18446744073709551614')",
    "CONCAT(LEFT(o1.code, 0), '9999-12-31')",
    "o1.price",
    "o1.fixed",
    "o1.mag",
    "o1.flux",
    "o1.code",
    "o1.note",
    "o1.day",
    "o1.at",
    "o1.seen",
    "o1.day + INTERVAL 1 DAY",
    "CAST(o1.tiny AS DATETIME)",
    "COALESCE(o1.day, 7)",
];

/// Comparisons of which a server makes a look-up.
const FORMS: &[&str] = &[
    "e1.# = %",
    "% <=> e1.#",
    "e1.# IN (%, %)",
    "e1.# BETWEEN % AND %",
    "NOT e1.# <> %",
    "(e1.#, o1.tiny) = (%, o1.tiny)",
];

#[tokio::test(flavor = "multi_thread")]
async fn equal_rows_of_several_segments_are_those_of_one_table() {
    let Pair {
        site,
        mut czar,
        mut plain,
    } = Pair::start(tables(160), Session::ANN).await;
    let columns = EXTREME.columns.iter().map(|(name, _)| name);
    let pairs = columns.flat_map(|column| VALUES.iter().map(move |value| (column, value)));
    let (mut in_chunks, mut wrong) = (0, Vec::new());
    for (number, (column, value)) in pairs.enumerate() {
        let other = FORMS[1 + number % (FORMS.len() - 1)];
        for form in [FORMS[0], other] {
            let term = form.replace('#', column).replace('%', value);
            let sql = format!(
                "SELECT COUNT(*), COUNT(e1.extremeId) FROM Object o1 LEFT JOIN Extreme e1 ON o1.objectId = e1.objectId WHERE {term}"
            );
            let plan = orrery_plan::plan(&sql, &site.archive.catalog, Some("sky"));
            if !matches!(plan.map(|plan| plan.work), Ok(Work::Chunks(_))) {
                continue;
            }
            in_chunks += 1;
            let given = ask_czar(&mut czar, Session::ANN, Format::Text, &sql)
                .await
                .unwrap();
            let right = ask_plain(&mut plain, Format::Text, &sql).await.unwrap();
            let rows = |outcome: orrery_oracle::client::Outcome| outcome.map(|answer| answer.rows);
            let (given, right) = (rows(given), rows(right));
            if given.as_ref().ok() != right.as_ref().ok() {
                wrong.push(format!("{sql}\n    {given:?}\n    instead of {right:?}"));
            }
        }
    }
    assert!(
        in_chunks > 400,
        "{in_chunks} statements are computed in the chunks"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
