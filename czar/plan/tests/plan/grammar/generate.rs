//! Expressions over all operators, most of them without parentheses.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

const COLUMNS: [&str; 12] = [
    "run",
    "tiny",
    "mag",
    "flux",
    "price",
    "kind",
    "name",
    "code",
    "day",
    "at",
    "bits",
    "o.objectId",
];
const LITERALS: [&str; 14] = [
    "0",
    "1",
    "3",
    "-2",
    "1.5",
    "2e1",
    "'v%'",
    "'2'",
    "'star'",
    "0x03",
    "NULL",
    "TRUE",
    "DATE'2026-01-02'",
    "X'41'",
];
const COMPARISONS: [&str; 8] = ["=", "<=>", "<>", "!=", "<", "<=", ">", ">="];
const NUMERIC: [&str; 14] = [
    "|", "&", "<<", ">>", "+", "-", "*", "/", "%", "DIV", "MOD", "^", "^", "&",
];
const LOGICAL: [&str; 5] = ["AND", "&&", "OR", "||", "XOR"];
const TESTS: [&str; 8] = [
    "IS NULL",
    "IS NOT NULL",
    "IS TRUE",
    "IS NOT TRUE",
    "IS FALSE",
    "IS NOT FALSE",
    "IS UNKNOWN",
    "IS NOT UNKNOWN",
];
const UNITS: [&str; 4] = ["DAY", "MICROSECOND", "YEAR_MONTH", "DAY_HOUR"];

fn pick<'v>(random: &mut ChaCha8Rng, values: &[&'v str]) -> &'v str {
    values[random.random_range(0..values.len())]
}

/// An expression of a handful of operators.
pub fn expression(random: &mut ChaCha8Rng) -> String {
    let operators = random.random_range(1..6);
    flat(random, operators, 2)
}

/// `operators` operators in a row; operands nest at most `depth` levels.
fn flat(random: &mut ChaCha8Rng, operators: usize, depth: usize) -> String {
    let mut text = String::new();
    if random.random_ratio(1, 10) {
        text.push_str("NOT ");
    }
    if random.random_ratio(1, 25) {
        text += &format!("{} + ", interval(random, depth));
    }
    text += &operand(random, depth);
    for _ in 0..operators {
        text.push(' ');
        text += &operation(random, depth);
    }
    text
}

/// An operator with what follows it.
fn operation(random: &mut ChaCha8Rng, depth: usize) -> String {
    let next = |random: &mut ChaCha8Rng| operand(random, depth);
    let not = if random.random_ratio(1, 3) {
        "NOT "
    } else {
        ""
    };
    match random.random_range(0..100) {
        0..40 => format!("{} {}", pick(random, &NUMERIC), next(random)),
        40..55 => format!("{} {}", pick(random, &COMPARISONS), next(random)),
        55..65 => {
            let negated = if random.random_ratio(1, 4) {
                "NOT "
            } else {
                ""
            };
            format!("{} {negated}{}", pick(random, &LOGICAL), next(random))
        }
        65..71 => pick(random, &TESTS).to_owned(),
        71..77 => format!("{not}LIKE {}", next(random)),
        77 => format!("{not}LIKE {} ESCAPE '|'", next(random)),
        78..82 => {
            let word = pick(random, &["REGEXP", "RLIKE"]);
            format!("{not}{word} {}", next(random))
        }
        82 => format!("SOUNDS LIKE {}", next(random)),
        83..90 => between(random, not, depth),
        90..96 => {
            let items: Vec<String> = (0..random.random_range(1..4))
                .map(|_| next(random))
                .collect();
            format!("{not}IN ({})", items.join(", "))
        }
        96 => "COLLATE utf8mb4_bin".to_owned(),
        _ => format!("{} {}", pick(random, &["+", "-"]), interval(random, depth)),
    }
}

/// BETWEEN, with operators between its limits.
fn between(random: &mut ChaCha8Rng, not: &str, depth: usize) -> String {
    let low = operand(random, depth);
    let more = match random.random_range(0..6) {
        0 => format!(" {} {}", pick(random, &NUMERIC), operand(random, depth)),
        1 => format!(" LIKE {}", operand(random, depth)),
        2 => format!(" NOT LIKE {}", operand(random, depth)),
        _ => String::new(),
    };
    format!("{not}BETWEEN {low}{more} AND {}", operand(random, depth))
}

fn interval(random: &mut ChaCha8Rng, depth: usize) -> String {
    let value = match depth {
        0 => pick(random, &LITERALS).to_owned(),
        _ if random.random_ratio(1, 4) => flat(random, 1, 0),
        _ => operand(random, 0),
    };
    format!("INTERVAL {value} {}", pick(random, &UNITS))
}

fn operand(random: &mut ChaCha8Rng, depth: usize) -> String {
    let mut text = String::new();
    while random.random_ratio(1, 6) {
        text += pick(random, &["-", "~", "!", "+", "BINARY"]);
        text.push(' ');
    }
    text += &match random.random_range(0..100) {
        0..55 => pick(random, &COLUMNS).to_owned(),
        55..75 => pick(random, &LITERALS).to_owned(),
        _ if depth == 0 => pick(random, &COLUMNS).to_owned(),
        75..88 => format!("({})", part(random, depth)),
        88 => format!(
            "({}, run) = (1, {})",
            part(random, depth),
            part(random, depth)
        ),
        89 => format!(
            "ROW({}, 'a') IN ((1, 'a'), (run, code))",
            part(random, depth)
        ),
        90 => format!(
            "CASE WHEN {} THEN {} ELSE 1 END",
            part(random, depth),
            part(random, depth)
        ),
        91 => format!(
            "CASE {} WHEN 1 THEN {} END",
            part(random, depth),
            part(random, depth)
        ),
        92 => format!("CAST({} AS CHAR)", part(random, depth)),
        93 => format!("POSITION({} IN {})", numeric(random), part(random, depth)),
        94 => format!("EXTRACT(YEAR_MONTH FROM {})", part(random, depth)),
        95 => format!(
            "INTERVAL({}, 1, {})",
            part(random, depth),
            part(random, depth)
        ),
        96 => format!(
            "DATE_ADD({}, {})",
            part(random, depth),
            interval(random, depth - 1)
        ),
        97 => format!(
            "SUBSTRING({} FROM 1 FOR {})",
            part(random, depth),
            part(random, depth)
        ),
        _ => format!("IF({}, {}, 2)", part(random, depth), part(random, depth)),
    };
    if random.random_ratio(1, 25) {
        text += " COLLATE utf8mb4_general_ci";
    }
    text
}

fn part(random: &mut ChaCha8Rng, depth: usize) -> String {
    let operators = random.random_range(0..4);
    flat(random, operators, depth - 1)
}

/// Operators on numbers alone.
fn numeric(random: &mut ChaCha8Rng) -> String {
    format!(
        "{} {} {}",
        operand(random, 0),
        pick(random, &NUMERIC),
        operand(random, 0)
    )
}
