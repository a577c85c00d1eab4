//! Near neighbours, over chunk borders, at the poles and where longitudes begin: computed in the
//! chunks, and what one plain server computes.

use orrery_dev::archive::{Declaration, TableData};
use orrery_dev::rows::Row;
use orrery_oracle::client::{Session, ask_czar, ask_plain, ask_question};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::{Order, Query};
use orrery_wire::Format;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::pair::Pair;

/// Corners of chunks and of sub-chunks, places within them, both poles, and a ring around one.
const CENTRES: &[(f64, f64)] = &[
    (0.0, 0.0),
    (0.0, 10.0),
    (30.0, -10.0),
    (33.3, 5.5),
    (15.0, 1.0),
    (359.99, 40.0),
    (120.0, 59.99),
    (200.0, 89.99),
    (20.0, 89.97),
    (110.0, -89.98),
    (300.0, -90.0),
];

/// Rows around each centre, of each table.
const ROWS: usize = 14;

fn table(name: &str, role: &str, extra: &[Value], segments: Vec<Vec<Row>>) -> TableData {
    let mut columns = vec![
        json!({ "name": "id", "type": "BIGINT", "nullable": false }),
        json!({ "name": "ra", "type": "DOUBLE", "nullable": false }),
        json!({ "name": "decl", "type": "DOUBLE", "nullable": false }),
    ];
    columns.extend(extra.iter().cloned());
    let mut spec = json!({
        "database": "sky", "table": name, "family": "sky", "role": role, "key": "id",
        "columns": columns,
        "position": { "longitude": "ra", "latitude": "decl" },
    });
    if role == "child" {
        spec["director"] = json!("Star");
    }
    TableData {
        declaration: Declaration::Chunked(serde_json::from_value(spec).unwrap()),
        segments,
    }
}

/// A place at most 0.07 degrees away, more or less.
fn around(random: &mut ChaCha8Rng, (ra, decl): (f64, f64)) -> (f64, f64) {
    let mut decl = decl + random.random_range(-0.05..0.05_f64);
    let mut ra = ra + random.random_range(-0.05..0.05_f64) / decl.to_radians().cos().max(1e-3);
    if decl.abs() > 90.0 {
        decl = decl.signum() * 180.0 - decl;
        ra += 180.0;
    }
    (ra.rem_euclid(360.0), decl)
}

fn tables() -> Vec<TableData> {
    let mut random = ChaCha8Rng::seed_from_u64(15);
    let text = |value: &dyn ToString| Some(value.to_string().into_bytes());
    let (mut stars, mut matches, mut visits) = ([vec![], vec![]], [vec![]], [vec![]]);
    for (number, centre) in CENTRES.iter().enumerate() {
        for row in 0..ROWS {
            let id = 1000 * number + row;
            let (ra, decl) = around(&mut random, *centre);
            let kind = (row % 3 > 0).then(|| ["a", "b"][row % 2].as_bytes().to_vec());
            let place = |id: usize, (ra, decl): (f64, f64)| vec![text(&id), text(&ra), text(&decl)];
            let mut star = place(id, (ra, decl));
            star.extend([
                kind,
                text(&(row * 7)),
                text(&(row as f64 / 7.0)),
                text(&"x"),
            ]);
            stars[row % 2].push(star);
            for _ in 0..row % 3 {
                let mut visit = place(id, (ra, decl));
                visit.push(text(&random.random_range(0..9)));
                visits[0].push(visit);
            }
            let mut other = place(id + 7, around(&mut random, *centre));
            other.push(text(&(row % 5)));
            matches[0].push(other);
        }
    }
    let star = [
        json!({ "name": "kind", "type": "ENUM('b','a')", "nullable": true }),
        json!({ "name": "padded", "type": "INT(6) ZEROFILL", "nullable": true }),
        json!({ "name": "mag", "type": "FLOAT", "nullable": true }),
        json!({ "name": "note", "type": "TEXT", "nullable": true }),
    ];
    let number = [json!({ "name": "n", "type": "TINYINT", "nullable": false })];
    vec![
        table("Star", "director", &star, stars.to_vec()),
        table("Other", "director", &number, matches.to_vec()),
        table("Visit", "child", &number, visits.to_vec()),
    ]
}

/// Statements after `fixed: ` or `any: `.
const STATEMENTS: &[&str] = &[
    "any: SELECT COUNT(*) FROM Star a, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.05",
    "fixed: SELECT a.id, b.id FROM Star a, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.05 AND a.id < b.id ORDER BY a.id, b.id",
    "any: SELECT a.id, b.* FROM Star a, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) <= 0.03 AND a.id <> b.id",
    "any: SELECT a.*, b.* FROM Star a JOIN Star b ON 0.02 > scisql_angSep(b.ra, b.decl, a.ra, a.decl) AND a.kind = b.kind",
    "any: SELECT a.id, COUNT(*), MIN(b.mag), MAX(b.kind), SUM(b.padded) FROM Star a, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.01 GROUP BY a.id",
    "any: SELECT b.kind, COUNT(*), COUNT(DISTINCT a.id), AVG(b.padded) FROM Star a, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) BETWEEN 0.001 AND 0.03 GROUP BY b.kind",
    "any: SELECT COUNT(*) FROM Star a, Other o WHERE scisql_angSep(a.ra, a.decl, o.ra, o.decl) < 0.05",
    "any: SELECT o.id, a.id, a.note, scisql_angSep(o.ra, o.decl, a.ra, a.decl) FROM Other o JOIN Star a ON scisql_angSep(o.ra, o.decl, a.ra, a.decl) < 0.02 WHERE o.n > 1",
    "any: SELECT DISTINCT o.n, a.kind FROM Other o JOIN Star a ON scisql_angSep(o.ra, o.decl, a.ra, a.decl) < 0.04 WHERE a.padded > 20",
    "any: SELECT a.id, COUNT(*) FROM Star a, Star b, Other o WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.04 AND scisql_angSep(a.ra, a.decl, o.ra, o.decl) < 0.03 GROUP BY a.id",
    "any: SELECT COUNT(*) FROM Star a, Star b, Star c WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.02 AND scisql_angSep(b.ra, b.decl, c.ra, c.decl) < 0.02",
    "any: SELECT v.n, COUNT(*) FROM Visit v JOIN Star a ON v.id = a.id, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.03 AND b.id > a.id GROUP BY v.n",
    "any: SELECT a.id, b.id, v.n FROM Star a LEFT JOIN Visit v ON v.id = a.id JOIN Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.015",
    "any: SELECT b.id FROM Star a, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.05 AND a.id = 3001",
    "any: SELECT a.id FROM Star a, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.05 AND b.id IN (1, 1003, 7005, 10013)",
    "any: SELECT a.id, b.id FROM Star a, Star b WHERE scisql_s2PtInBox(a.ra, a.decl, 0, 5, 40, 10.01) = 1 AND scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.05",
    "any: SELECT a.id, b.id FROM Star a, Star b WHERE a.decl < 0 AND b.decl >= 0 AND scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.05",
    "any: SELECT a.id, b.id, b.chunkId, b.subChunkId FROM Star a, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.05 AND a.chunkId <> b.chunkId",
    "any: SELECT COUNT(*) FROM Star a, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0",
    "any: SELECT COUNT(*) FROM Star a, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) <= 0.0000001",
    "any: SELECT COUNT(*), a.kind FROM Star a, Star b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.05 AND a.padded + b.padded > 40 GROUP BY a.kind HAVING COUNT(*) > 3",
];

#[tokio::test(flavor = "multi_thread")]
async fn near_neighbours_are_those_of_one_server_wherever_they_lie() {
    let Pair {
        site: _site,
        mut czar,
        mut plain,
    } = Pair::start(Ok(tables()), Session::STRICT).await;
    let mut wrong = Vec::new();
    let mut rows = 0;
    for statement in STATEMENTS {
        let (order, sql) = statement.split_once(": ").unwrap();
        let query = Query {
            order: if order == "fixed" {
                Order::Fixed
            } else {
                Order::Any
            },
            approximate: false,
            loose_flags: true,
            sql: sql.to_owned(),
            plain: sql.to_owned(),
        };
        let explained = format!("EXPLAIN {sql}");
        let plan = ask_czar(&mut czar, Session::STRICT, Format::Text, &explained);
        let plan = format!("{:?}", plan.await.unwrap().unwrap().rows);
        assert!(!plan.contains("gather"), "{sql}: {plan}");
        for format in [Format::Text, Format::Binary] {
            let right = ask_plain(&mut plain, format, sql).await.unwrap();
            rows += right.as_ref().unwrap().rows.len();
            let given = ask_czar(&mut czar, Session::STRICT, format, sql);
            let given = given.await.unwrap();
            wrong.extend(difference(&query, &given, &right).map(|what| format!("{sql}: {what}")));
        }
        let gathered = orrery_czar_protocol::Question {
            gather: true,
            ..Session::STRICT.question()
        };
        let given = ask_question(&mut czar, gathered, sql).await.unwrap();
        let right = ask_plain(&mut plain, Format::Text, sql).await.unwrap();
        wrong
            .extend(difference(&query, &given, &right).map(|what| format!("gather {sql}: {what}")));
    }
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
    assert!(rows > 2000, "{rows}");
}
