//! Property: no text makes the lexer, the classifier, the binder or the planner panic, whatever it
//! is: letters at random, tokens at random, statements with tokens left out, doubled and exchanged.

use crate::common::typical;
use orrery_plan::lex::tokens;
use orrery_plan::statement::{Literal, bind, classify, parameters};
use orrery_plan::{Keyed, KeyedPlan, Work, explain, plan};
use proptest::prelude::*;

/// Words and signs that mean something somewhere.
const SOUP: &[&str] = &[
    "SELECT",
    "DISTINCT",
    "FROM",
    "WHERE",
    "GROUP",
    "BY",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "UNION",
    "ALL",
    "WITH",
    "AS",
    "JOIN",
    "LEFT",
    "RIGHT",
    "NATURAL",
    "CROSS",
    "ON",
    "USING",
    "AND",
    "OR",
    "XOR",
    "NOT",
    "IN",
    "BETWEEN",
    "LIKE",
    "ESCAPE",
    "REGEXP",
    "IS",
    "NULL",
    "TRUE",
    "EXISTS",
    "ANY",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST",
    "CONVERT",
    "INTERVAL",
    "DAY",
    "EXTRACT",
    "POSITION",
    "TRIM",
    "SUBSTRING",
    "FOR",
    "BINARY",
    "COLLATE",
    "utf8mb4_bin",
    "DIV",
    "MOD",
    "SOUNDS",
    "ROW",
    "OVER",
    "PARTITION",
    "COUNT",
    "SUM",
    "AVG",
    "MIN",
    "IF",
    "NOW",
    "RAND",
    "DATE",
    "EXPLAIN",
    "SHOW",
    "SET",
    "USE",
    "KILL",
    "PREPARE",
    "EXECUTE",
    "BEGIN",
    "Object",
    "Source",
    "Filter",
    "o",
    "objectId",
    "ra",
    "decl",
    "run",
    "name",
    "kind",
    "sky",
    "`",
    "`a",
    "\"",
    "'",
    "'x'",
    "\"x\"",
    "(",
    ")",
    ",",
    ".",
    ";",
    "*",
    "+",
    "-",
    "/",
    "%",
    "=",
    "<",
    ">",
    "<=>",
    "<>",
    "!",
    "!=",
    "~",
    "^",
    "|",
    "&",
    "<<",
    ">>",
    "||",
    "&&",
    ":=",
    "?",
    "@",
    "@@x",
    "@v",
    "1",
    "0",
    "1.5",
    "1e3",
    ".5",
    "0x4D",
    "X'41'",
    "b'1'",
    "N'x'",
    "_utf8mb4",
    "/*",
    "*/",
    "/*!",
    "/*!50000",
    "-- ",
    "#",
    "\n",
    "\\",
    "\0",
    "ä",
    "\u{1F600}",
    "390030275138005",
    "qserv_areaspec_circle",
    "scisql_angSep",
];

const STATEMENTS: &str = include_str!("golden.sql");

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec((prop::sample::select(SOUP), any::<bool>()), 0..60).prop_map(|tokens| {
        let token = |(token, spaced): (&str, bool)| {
            if spaced {
                format!("{token} ")
            } else {
                token.to_owned()
            }
        };
        tokens.into_iter().map(token).collect()
    })
}

/// A statement of the golden tests, hurt.
fn hurt() -> impl Strategy<Value = String> {
    let statements: Vec<&str> = STATEMENTS
        .lines()
        .filter_map(|line| line.split_once(": ")?.1.split(" ### ").next())
        .collect();
    let wounds = prop::collection::vec(
        (
            any::<prop::sample::Index>(),
            0..4_u8,
            prop::sample::select(SOUP),
        ),
        1..5,
    );
    (prop::sample::select(statements), wounds).prop_map(|(statement, wounds)| {
        let mut words: Vec<String> = tokens(statement, 10_000)
            .unwrap()
            .into_iter()
            .map(|token| token.text.to_owned())
            .collect();
        for (place, wound, word) in wounds {
            if words.is_empty() {
                break;
            }
            let place = place.index(words.len());
            match wound {
                0 => drop(words.remove(place)),
                1 => words.insert(place, words[place].clone()),
                2 => word.clone_into(&mut words[place]),
                _ => words.swap(place, 0),
            }
        }
        words.join(" ")
    })
}

fn swallow(sql: &str) {
    let _ = classify(sql);
    let catalog = typical();
    if let Ok(places) = parameters(sql) {
        let values: Vec<Literal> = places.iter().map(|_| Literal::Text("7'".into())).collect();
        let _ = bind(sql, &values);
    }
    if let Ok(plan) = plan(sql, &catalog, Some("sky")) {
        let _ = explain(&plan);
        let plan = plan.without_lookup();
        if let (Work::Chunks(work), Ok(Some(renderer))) = (&plan.work, plan.renderer(&catalog)) {
            for part in renderer.parts(&work.selection).unwrap() {
                let _ = renderer.statements(&part);
            }
        }
    }
    if let Some(keyed) = Keyed::of(sql)
        && let Some(keyed_plan) = KeyedPlan::new(&keyed, &catalog, Some("sky"))
    {
        let _ = keyed_plan.with_key(keyed.key());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_letters_make_it_panic(sql in any::<String>()) {
        swallow(&sql);
        swallow(&format!("SELECT {sql}"));
    }

    #[test]
    fn no_soup_of_tokens_makes_it_panic(soup in soup()) {
        swallow(&soup);
        swallow(&format!("SELECT {soup}"));
        swallow(&format!("SELECT objectId FROM Object o WHERE {soup}"));
    }

    #[test]
    fn no_hurt_statement_makes_it_panic(sql in hurt()) {
        swallow(&sql);
    }
}
