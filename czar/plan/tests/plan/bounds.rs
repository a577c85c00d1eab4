//! What is bounded whatever a user types: nesting, chains, and what each chunk is sent.

use orrery_plan::plan;

use crate::common::asked::{chunks, not_in_chunks, refused};
use crate::common::typical;

#[test]
fn nothing_a_user_types_aborts_the_process() {
    let nested = format!(
        "SELECT {}1{} FROM Object",
        "(".repeat(100_000),
        ")".repeat(100_000)
    );
    assert_eq!(refused(&nested).code, 1436);
    let unbalanced = format!("SELECT {}", ")".repeat(100_000));
    assert_eq!(refused(&unbalanced).code, 1064);
    let long = format!(
        "SELECT 1 FROM Object WHERE {}",
        vec!["run = 1"; 20_000].join(" OR ")
    );
    assert_eq!(refused(&long).code, 1436);
    let sum = format!("SELECT {} FROM Object", vec!["run"; 900].join(" + "));
    assert_eq!(not_in_chunks(&sum).code, 1235);
    let not = format!("SELECT {} run FROM Object", "NOT ".repeat(900));
    assert_eq!(not_in_chunks(&not).code, 1235);
    let minus = format!("SELECT {} run FROM Object", "- ".repeat(900));
    assert_eq!(not_in_chunks(&minus).code, 1235);
    let case = format!(
        "SELECT {} 1 {} FROM Object",
        "CASE WHEN ".repeat(5_000),
        " THEN 1 END".repeat(5_000)
    );
    assert_eq!(refused(&case).code, 1436);
    assert_eq!(refused("SELECT 1; SELECT 2").code, 1064);
    for odd in [
        "",
        "\u{0}",
        "'",
        "`",
        "/*",
        "SELECT \u{1F600} FROM",
        "\\N",
        "FROM",
    ] {
        refused(odd);
    }
    // MariaDB says what is wrong with it.
    assert_eq!(not_in_chunks("SELECT * FROM Object WHERE").code, 1235);
}

/// The tree of a chain is as deep as the chain is long, whatever it is made of.
#[test]
fn no_chain_of_operators_aborts_the_process() {
    for (begin, part, end) in [
        ("SELECT ", "BINARY ", "run FROM Object"),
        ("SELECT run", " IN (1, 2)", " FROM Object"),
        ("SELECT run", " NOT IN (1)", " FROM Object"),
        ("SELECT run", " XOR run", " FROM Object"),
        ("SELECT run", " COLLATE utf8mb4_bin", " FROM Object"),
        ("SELECT run, tiny FROM Object", " UNION SELECT 1, 2", ""),
        ("SELECT run FROM Object", " UNION ALL SELECT 1", ""),
        ("SELECT run FROM Object", " INTERSECT SELECT 1", ""),
        ("SELECT run FROM Object", " EXCEPT SELECT 1", ""),
        ("SELECT run FROM Object", " MINUS SELECT 1", ""),
    ] {
        let chain = |times: usize| [begin, &part.repeat(times), end].concat();
        assert_eq!(refused(&chain(50_000)).code, 1436, "{part}");
        let _ = plan(&chain(900), &typical(), Some("sky"));
    }
    for times in [10, 900, 50_000] {
        let intervals = ["INTERVAL ", " DAY"].map(|part| part.repeat(times));
        let sql = format!("SELECT day + {}1{} FROM Object", intervals[0], intervals[1]);
        let _ = plan(&sql, &typical(), Some("sky"));
    }
}

#[test]
fn long_chains_within_the_bound_are_planned() {
    let terms: Vec<String> = (0..320)
        .map(|number| format!("objectId = {number}"))
        .collect();
    let work = chunks(&format!(
        "SELECT 1 FROM Object WHERE {}",
        terms.join(" OR ")
    ));
    assert_eq!(
        work.selection.lookup.map(|lookup| lookup.keys.len()),
        Some(320)
    );
    let list: Vec<String> = (0..50_000).map(|number| number.to_string()).collect();
    let work = chunks(&format!(
        "SELECT 1 FROM Object WHERE objectId IN ({})",
        list.join(",")
    ));
    assert_eq!(
        work.selection.lookup.map(|lookup| lookup.keys.len()),
        Some(50_000)
    );
}

#[test]
fn what_each_chunk_would_be_sent_is_bounded() {
    let keys: Vec<String> = (1_000_000..1_100_000).map(|key| key.to_string()).collect();
    let keys = keys.join(",");
    let of = |condition: &str| {
        plan(
            &format!("SELECT run FROM Object WHERE {condition}"),
            &typical(),
            Some("sky"),
        )
    };
    assert!(of(&format!("objectId IN ({keys})")).is_ok());
    for condition in [
        format!("objectId IN ({keys}) OR run = 1"),
        format!("run IN ({keys})"),
        format!("objectId NOT IN ({keys})"),
    ] {
        let error = not_in_chunks(&format!("SELECT run FROM Object WHERE {condition}"));
        assert_eq!(error.code, 1235);
        assert!(
            error.message.contains("bytes for each chunk"),
            "{}",
            error.message
        );
    }
}
