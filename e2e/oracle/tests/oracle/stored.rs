//! What MariaDB does to values that it stores on the way shows nowhere.

use orrery_oracle::client::{Answer, Session, ask_czar, ask_plain, set};
use orrery_oracle::data::SHAPE;
use orrery_oracle::fuzz::extreme::tables;
use orrery_oracle::site::Site;
use orrery_plan::Work;
use orrery_wire::Format;

use crate::pair::Pair;

/// Remainders that are zeros with a sign, in chunks, joined, merged, on any worker, gathered.
const SIGNED_ZEROS: &[&str] = &[
    "SELECT -3.000 % 3 AS m FROM Object",
    "SELECT -3.000 % 3 AS m FROM Object WHERE objectId = 390030275138001",
    "SELECT objectId, -3.000 % 3 AS m FROM Object ORDER BY objectId",
    "SELECT DISTINCT -3.000 % 3 AS m FROM Object",
    "SELECT MIN(-3.000 % 3) AS m FROM Object",
    "SELECT -3.000 % 3 AS m FROM Filter",
    "SELECT -3.000 % 3 AS m FROM Object WHERE tiny IN (SELECT filterId FROM Source)",
];

#[tokio::test(flavor = "multi_thread")]
async fn zero_has_no_sign_however_a_statement_is_computed() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    for format in [Format::Text, Format::Binary] {
        for sql in SIGNED_ZEROS {
            let answer = ask_czar(&mut czar, Session::ANN, format, sql)
                .await
                .unwrap()
                .unwrap();
            assert!(!answer.rows.is_empty(), "{sql}");
            let zero = "0.000".into();
            let last = answer.rows.iter().map(|row| row.last());
            assert!(last.into_iter().all(|value| value == Some(&zero)), "{sql}");
        }
    }
}

/// Expressions over one operand that give texts, dates and times.
const FORMS: &[&str] = &[
    "CAST(# AS CHAR)",
    "CAST(# AS BINARY)",
    "CAST(# AS TIME(2))",
    "CAST(# AS DATETIME(1))",
    "CONCAT(#, '-')",
    "CONCAT_WS(',', #, #)",
    "HEX(#)",
    "BIN(#)",
    "OCT(#)",
    "UPPER(#)",
    "LOWER(#)",
    "LEFT(#, 30)",
    "RIGHT(#, 40)",
    "MID(#, 1, 50)",
    "SUBSTRING(#, -40)",
    "SUBSTRING_INDEX(#, '.', 1)",
    "REPLACE(#, '0', 'xxx')",
    "TRIM(#)",
    "LTRIM(#)",
    "RTRIM(#)",
    "REVERSE(#)",
    "LPAD(#, 40, '.')",
    "RPAD(#, 40, '.')",
    "REPEAT(#, 3)",
    "QUOTE(#)",
    "INSERT(#, 1, 1, 'abcdef')",
    "ELT(1, #)",
    "EXPORT_SET(5, #, 'N')",
    "MAKE_SET(3, #, #)",
    "MD5(#)",
    "SHA1(#)",
    "SHA2(#, 512)",
    "TO_BASE64(#)",
    "UNHEX(#)",
    "SOUNDEX(#)",
    "FORMAT(#, 2)",
    "CONV(#, 10, 2)",
    "CHAR(#)",
    "REGEXP_REPLACE(#, '.', 'zz')",
    "REGEXP_SUBSTR(#, '.*')",
    "DATE_FORMAT(#, '%Y-%m-%d %f %W %M %p')",
    "DATE_FORMAT(#, '%f')",
    "TIME_FORMAT(#, '%T')",
    "TIME_FORMAT(#, '%H %f')",
    "IFNULL(#, 'x')",
    "COALESCE(#, 'abcdefghijk')",
    "IF(TRUE, #, 'a')",
    "CASE WHEN TRUE THEN # ELSE 'a' END",
    "NULLIF(#, 'q')",
    "GREATEST(#, 'a')",
    "LEAST(#, 'a')",
    "# COLLATE utf8mb4_bin",
    "ADDTIME(#, #)",
    "TIMEDIFF(#, #)",
    "SEC_TO_TIME(#)",
    "MAKETIME(1, 2, #)",
    "FROM_UNIXTIME(#)",
    "DATE_ADD(#, INTERVAL 1 MICROSECOND)",
    "# + INTERVAL 1 DAY",
    "STR_TO_DATE(#, '%Y-%m-%d %H:%i:%s.%f')",
    "TIMESTAMP(#)",
    "TIME(#)",
    "DATE(#)",
    "LAST_DAY(#)",
    "MAKEDATE(#, 3)",
    "FROM_DAYS(#)",
];
/// Operands, of each table.
const OPERANDS: [(&str, &[&str]); 2] = [
    (
        "Object",
        &[
            "objectId",
            "run",
            "tiny",
            "bits",
            "born",
            "padded",
            "(-1)",
            "TRUE",
            "0x0A",
            "ra",
            "mag",
            "flux",
            "fixed",
            "(-1e3)",
            "17.123456e0",
            "(fixed * flux)",
            "price",
            "(-3.000)",
            "(price / 7)",
            "(price % 3)",
            "kind",
            "flags",
            "name",
            "code",
            "note",
            "'a'",
            "seen",
            "day",
            "at",
            "TIMESTAMP'2026-01-02 12:00:03.25'",
        ],
    ),
    (
        "Extreme",
        &[
            "huge",
            "mask",
            "lone",
            "(~huge)",
            "big",
            "small",
            "FLOOR(big)",
            "ROUND(big, 2)",
            "(small * 1)",
            "wide",
            "whole",
            "(wide * 2)",
            "grade",
            "tags",
            "pad",
            "nopad",
            "raw",
            "moment",
            "zero",
            "span",
            "TIME'-00:00:01.5'",
        ],
    ),
];

/// Rows as text, in an order of their own.
fn sorted(answer: &Answer) -> Vec<String> {
    let mut rows: Vec<String> = answer.rows.iter().map(|row| format!("{row:?}")).collect();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_joined_has_the_same_text_in_a_union() {
    let site = Site::start(SHAPE, &tables(160).unwrap(), &[])
        .await
        .unwrap();
    let mut plain = site.connect_plain().await.unwrap();
    set(&mut plain, Session::ANN).await.unwrap();
    let (mut joined, mut changed) = (0, Vec::new());
    for (table, operands) in OPERANDS {
        for (form, operand) in FORMS
            .iter()
            .flat_map(|form| operands.iter().map(move |operand| (form, operand)))
        {
            let select = format!("SELECT {} FROM {table}", form.replace('#', operand));
            let plan = orrery_plan::plan(&select, &site.archive.catalog, Some("sky"));
            if !matches!(plan.map(|plan| plan.work), Ok(Work::Chunks(work)) if work.batchable) {
                continue;
            }
            let union = format!("({select}) UNION ALL ({select} WHERE objectId < 0)");
            let (alone, stored) = (
                ask_plain(&mut plain, Format::Text, &select).await.unwrap(),
                ask_plain(&mut plain, Format::Text, &union).await.unwrap(),
            );
            if let (Ok(alone), Ok(stored)) = (alone, stored) {
                joined += 1;
                if sorted(&alone) != sorted(&stored) {
                    changed.push(select);
                }
            }
        }
    }
    assert!(joined > 800, "{joined} expressions are joined");
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

/// DOUBLEs with a fixed number of decimals, over one operand.
const FIXED: &[&str] = &[
    "# / 7",
    "ROUND(#, 2) / 7",
    "ROUND(#, 1) / fixed",
    "fixed / ROUND(#, 2)",
    "FLOOR(#) / 7",
    "ROUND(#, 3) * fixed",
    "TRUNCATE(#, 4) / run",
];

#[tokio::test(flavor = "multi_thread")]
async fn distinct_doubles_have_the_bits_with_which_one_server_stores_them() {
    let Pair {
        site,
        mut czar,
        mut plain,
    } = Pair::start(tables(160), Session::ANN).await;
    let (mut in_chunks, mut wrong) = (0, Vec::new());
    for (form, operand) in FIXED
        .iter()
        .flat_map(|form| ["fixed", "ROUND(decl, 2)"].map(|operand| (form, operand)))
    {
        let value = form.replace('#', operand);
        for sql in [
            format!("SELECT DISTINCT day, {value} FROM Object"),
            format!("SELECT {value} FROM Object GROUP BY {value}"),
        ] {
            let plan = orrery_plan::plan(&sql, &site.archive.catalog, Some("sky"));
            if !matches!(plan.map(|plan| plan.work), Ok(Work::Chunks(_))) {
                continue;
            }
            in_chunks += 1;
            let given = ask_czar(&mut czar, Session::ANN, Format::Binary, &sql)
                .await
                .unwrap()
                .unwrap();
            let right = ask_plain(&mut plain, Format::Binary, &sql)
                .await
                .unwrap()
                .unwrap();
            if sorted(&given) != sorted(&right) {
                wrong.push(sql);
            }
        }
    }
    assert!(
        in_chunks > 20,
        "{in_chunks} statements are computed in the chunks"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
