//! Rights to single tables: each statement gets the error, or shows the tables, that one plain
//! MariaDB gives an account with the same grants, whichever way the statement is answered.

use std::collections::{BTreeMap, BTreeSet};

use orrery_czar_protocol::Question;
use orrery_oracle::client::{Outcome, Session, ask_czar, ask_plain, ask_question, set};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_wire::Format;
use orrery_wire::client::{ClientConnection, ClientOptions, Endpoint};

/// Reads Object, and every table whose name begins with `Fil`.
const TOM: Session = Session {
    user: "tom",
    ..Session::ANN
};

/// Statements that read a table of others, one for each way of a statement.
const DENIED: &[&str] = &[
    // From chunks: streamed, merged, by key, by area, of no chunk.
    "SELECT mjd FROM Source",
    "SELECT sourceId FROM sky.Source LIMIT 1",
    "SELECT COUNT(*), MAX(mjd) FROM Source GROUP BY objectId",
    "SELECT * FROM Source WHERE objectId = 390030275138003",
    "SELECT * FROM Source WHERE sourceId IN (1, 2, 3)",
    "SELECT 1 FROM Source WHERE 1 = 0",
    "SELECT COUNT(*) FROM Object o JOIN Source s USING (objectId)",
    "SELECT o.objectId FROM Object o LEFT JOIN Source s ON s.objectId = o.objectId",
    "SELECT objectId FROM Object WHERE objectId IN (SELECT objectId FROM Source)",
    "SELECT objectId FROM Object o WHERE EXISTS (SELECT 1 FROM Source s WHERE s.objectId = o.objectId)",
    "SELECT n FROM (SELECT COUNT(*) AS n FROM Source) AS d",
    "WITH s AS (SELECT mjd FROM Source) SELECT COUNT(*) FROM s",
    "SELECT objectId FROM Object UNION SELECT objectId FROM Source",
    // Gathered.
    "SELECT GROUP_CONCAT(mjd) FROM Source",
    "SELECT 1, (SELECT MAX(mjd) FROM Source) FROM Filter",
    "SELECT mjd, ROW_NUMBER() OVER (ORDER BY mjd) FROM Source",
    "SELECT COUNT(*) FROM Object a, Source b WHERE a.objectId < b.objectId",
    // Names that are not there: they are not told apart from those that are.
    "SELECT nothing FROM Source",
    "SELECT nothing FROM Source GROUP BY mjd",
    "SELECT 1 FROM Nothing",
    // Lists.
    "DESCRIBE Source",
    "SHOW COLUMNS FROM Source",
    "SHOW FULL COLUMNS FROM sky.Source",
    "SHOW INDEX FROM Source",
    "SHOW CREATE TABLE Source",
];

/// Statements that only Orrery knows.
const DENIED_OF_OURS: &[&str] = &[
    "EXPLAIN SELECT mjd FROM Source",
    "EXPLAIN ANALYZE SELECT mjd FROM Source",
    "EXPLAIN SELECT GROUP_CONCAT(mjd) FROM Source",
    "SELECT mjd FROM Source WHERE qserv_areaspec_box(0, 0, 1, 1)",
    "SELECT nothing FROM Source WHERE qserv_areaspec_box(0, 0, 1, 1)",
    "SELECT mjd FROM Source WHERE qserv_areaspec_box(0, 0, mjd, 1)",
];

/// Statements whose answers are those of the plain server.
const ALLOWED: &[&str] = &[
    "SELECT COUNT(*) FROM Object",
    "SELECT COUNT(*) FROM Filter",
    "SELECT COUNT(*) FROM Object o JOIN Filter f ON f.filterName = 'u'",
    "SHOW TABLES",
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'sky' ORDER BY 1",
    "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = 'sky' ORDER BY 1",
    "SELECT table_name, privilege_type FROM information_schema.table_privileges ORDER BY 1, 2",
    "SHOW COLUMNS FROM Object LIKE 'ra'",
];

async fn plain(site: &Site) -> ClientConnection {
    site.plain
        .run_all([
            "CREATE USER tom@localhost",
            "GRANT SELECT ON sky.Object TO tom@localhost",
            "GRANT SELECT ON sky.Filter TO tom@localhost",
        ])
        .await
        .unwrap();
    let options = ClientOptions {
        user: "tom".to_owned(),
        ..ClientOptions::default()
    };
    let endpoint = Endpoint::Unix(site.plain.socket());
    let mut plain = ClientConnection::connect(&endpoint, &options)
        .await
        .unwrap();
    set(&mut plain, TOM).await.unwrap();
    plain
}

async fn site() -> Site {
    let mut site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let tables = ["Object", "Fil*", "Later"].map(str::to_owned);
    let mut tom = site.users.users["bob"].clone();
    tom.tables = BTreeMap::from([("sky".to_owned(), BTreeSet::from(tables))]);
    site.users.version += 1;
    site.users.users.insert("tom".to_owned(), tom);
    site.stack
        .publish(&site.archive.catalog, &site.users)
        .unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    while ask(&mut czar, Format::Text, "SELECT COUNT(*) FROM Filter")
        .await
        .is_err()
    {}
    site
}

async fn ask(czar: &mut ClientConnection, format: Format, sql: &str) -> Outcome {
    ask_czar(czar, TOM, format, sql).await.unwrap()
}

/// Number, SQLSTATE and text of an error.
fn error(outcome: &Outcome) -> String {
    match outcome {
        Ok(_) => "an answer".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_were_not_granted_are_error_1142_on_every_way() {
    let site = site().await;
    let mut plain = plain(&site).await;
    let mut czar = site.connect_czar().await.unwrap();
    let mut wrong = Vec::new();
    for format in [Format::Text, Format::Binary] {
        for sql in DENIED {
            let right = error(&ask_plain(&mut plain, format, sql).await.unwrap());
            assert!(right.contains("1142"), "{sql}: {right}");
            let given = error(&ask(&mut czar, format, sql).await);
            if given != right {
                wrong.push(format!("{format:?} {sql}: {given} instead of {right}"));
            }
        }
        for sql in DENIED_OF_OURS {
            let given = ask(&mut czar, format, sql).await;
            if given.as_ref().err().map(|error| error.code) != Some(1142) {
                wrong.push(format!("{format:?} {sql}: {}", error(&given)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for sql in [
        "SELECT mjd FROM Source WHERE sourceId = ?",
        "SELECT nothing FROM Source WHERE sourceId = ?",
    ] {
        let prepare = Question {
            prepare: true,
            ..TOM.question()
        };
        let outcome = ask_question(&mut czar, prepare, sql).await.unwrap();
        assert_eq!(outcome.unwrap_err().code, 1142, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_were_granted_are_read_and_listed_and_no_others() {
    let site = site().await;
    let mut plain = plain(&site).await;
    let mut czar = site.connect_czar().await.unwrap();
    for format in [Format::Text, Format::Binary] {
        for sql in ALLOWED {
            let right = ask_plain(&mut plain, format, sql).await.unwrap().unwrap();
            let given = ask(&mut czar, format, sql).await;
            let given = given.unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert_eq!(given.rows, right.rows, "{sql}");
            assert!(!given.rows.is_empty(), "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_to_tables_change_without_a_restart() {
    let site = site().await;
    let mut czar = site.connect_czar().await.unwrap();
    let (object, source) = (
        "SELECT COUNT(ra) FROM Object",
        "SELECT COUNT(mjd) FROM Source",
    );
    assert!(ask(&mut czar, Format::Text, object).await.is_ok());
    let mut users = site.users.clone();
    users.version += 1;
    let tom = users.users.get_mut("tom").unwrap();
    tom.tables = BTreeMap::from([("sky".to_owned(), BTreeSet::from(["So*".to_owned()]))]);
    site.stack.publish(&site.archive.catalog, &users).unwrap();
    // The new right may come a moment before the old one goes.
    while ask(&mut czar, Format::Text, source).await.is_err() {}
    while ask(&mut czar, Format::Text, object).await.is_ok() {}
    let denied = ask(&mut czar, Format::Text, object).await.unwrap_err();
    assert_eq!(denied.code, 1142, "{denied}");
    // Without any table the default database is denied as well.
    users.version += 1;
    users.users.get_mut("tom").unwrap().tables.clear();
    site.stack.publish(&site.archive.catalog, &users).unwrap();
    while ask(&mut czar, Format::Text, source).await.is_ok() {}
    let denied = ask(&mut czar, Format::Text, source).await.unwrap_err();
    assert_eq!(denied.code, 1044, "{denied}");
}
