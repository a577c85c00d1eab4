//! Inputs to begin with.

use std::path::Path;

/// Statements of the planner's and the oracle's tests.
const STATEMENTS: [&str; 4] = [
    include_str!("../../../czar/plan/tests/plan/golden.sql"),
    include_str!("../../oracle/corpus.sql"),
    include_str!("../../oracle/gathered.sql"),
    include_str!("../../oracle/others.sql"),
];

/// What those lack: statements for the proxy alone, parameters, comments.
const MORE: &[&str] = &[
    "SET autocommit=1, @@session.sql_mode = concat(@@sql_mode, ',X'), LOCAL wait_timeout := 5",
    "SET NAMES 'utf8mb4' COLLATE utf8mb4_bin",
    "SET @`a b` := 1, GLOBAL x = DEFAULT",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
    "SHOW FULL COLUMNS FROM Object FROM sky LIKE 'r%'",
    "SHOW TABLE STATUS IN sky WHERE Name = 'Object'",
    "KILL HARD QUERY 5;",
    "EXPLAIN FORMAT=JSON SELECT ra FROM Object",
    "ANALYZE SELECT COUNT(*) FROM Source",
    "PREPARE s FROM 'SELECT \\'a\\' + ?'",
    "EXECUTE s USING @a, @b",
    "SUBMIT SELECT 1 FROM Object",
    "CALL qserv_result_delete(1)",
    "START TRANSACTION READ ONLY",
    "/*!40101 SET NAMES utf8 */; -- end",
    "SELECT /*!99999 hidden */ 1 /* a */ # b\n, 2 -- c\n FROM Object",
    "SELECT ra, ?, -?, 'it''s ?' FROM Object WHERE objectId = ? AND name = ? LIMIT ?, ?",
    "SELECT X'4D', 0x4D, b'101', 0b1, N'ä', _utf8mb4'x', .5, 1e-3, @a, @@session.x, @`b` FROM Filter",
    "SELECT objectId FROM Object WHERE objectId = 390030275138005",
    "DO SLEEP(0), 1",
    "VALUES (1), (2)",
];

/// A beginning, a part to repeat and an end.
const LONG: &[&str] = &[
    "SELECT ra FROM Object WHERE objectId IN (1\n,2\n)",
    "SELECT 1\n+1\n FROM Object",
    "SELECT \n(\n1",
    "SELECT \n-\n1 FROM Object",
    "SELECT \nNOT \n1 FROM Object",
    "SELECT TRIM(\nFROM \n)",
    "SELECT \nBINARY \nrun FROM Object",
    "SELECT run \nIN (1, 2) \nFROM Object",
    "SELECT run \nXOR run \nFROM Object",
    "SELECT day + \nINTERVAL \n1 DAY FROM Object",
    "SELECT ra FROM \n(\nObject",
    "SELECT 1 \nUNION ALL SELECT 1\n",
    "SELECT 1, 2 \nUNION SELECT 1, 2 \n",
    "SELECT 1 \nEXCEPT SELECT 1 \n",
    "SELECT 1 \nINTERSECT SELECT 1 \n",
    "SELECT * FROM Object \nJOIN Object o \n",
    "SELECT \nCASE WHEN 1 THEN \n1",
    "\n/* a */\nSELECT 1",
    "\n/*!40000 \nSELECT 1",
    "SELECT 'a'\n 'a'\n",
    "SELECT ra\n, ra\n FROM Object GROUP BY 1",
    "SELECT COUNT(*)\n, MAX(ra)\n FROM Object",
    "SET a = 1\n, a = 1\n",
    "SELECT ra FROM Object WHERE ra > 1\n AND objectId = 1\n",
    "SELECT ra FROM Object WHERE ra IN \n(SELECT ra FROM Object WHERE ra IN \n(1)",
    "\n(\nSELECT 1",
    "WITH a AS (SELECT 1)\n, b AS (SELECT 1)\n SELECT ra FROM Object",
];

/// For lexer and classes.
pub(crate) fn of_statements() -> Vec<Vec<u8>> {
    [of_plans(), texts(MORE)].concat()
}

/// For what repeats a part.
pub(crate) fn of_long() -> Vec<Vec<u8>> {
    texts(LONG)
}

fn texts(list: &[&str]) -> Vec<Vec<u8>> {
    list.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// For the planner, the statements of the corpora: what follows the kind, without what one server is asked instead.
pub(crate) fn of_plans() -> Vec<Vec<u8>> {
    let lines = STATEMENTS.iter().flat_map(|text| text.lines());
    let statement = |line: &str| {
        let (_, sql) = line.split_once(": ")?;
        let own = sql.split(" ### ").next()?;
        (!line.starts_with("--")).then(|| own.as_bytes().to_vec())
    };
    lines.filter_map(statement).collect()
}

/// What once failed: the files of a target's folder.
pub(crate) fn found(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("found")
        .join(target);
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| std::fs::read(file.path()).ok())
        .collect()
}
