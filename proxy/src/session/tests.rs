use orrery_plan::statement::{Statement, classify};
use orrery_wire::ServerError;

use super::charset::Collation;
use super::*;

fn session() -> Session {
    Session::new(
        "ann".to_owned(),
        Some("sky".to_owned()),
        Collation::default(),
    )
}

fn set(session: &mut Session, sql: &str) -> Result<(), ServerError> {
    let Ok(Statement::Set(assignments)) = classify(sql) else {
        panic!("{sql} is no SET");
    };
    session
        .set(&assignments)
        .map_err(|error| ServerError::from(&error))
}

#[test]
fn settings_that_change_answers_travel() {
    let mut session = session();
    set(
        &mut session,
        "SET time_zone = '+2:00', sql_mode = 'ONLY_FULL_GROUP_BY,no_zero_date'",
    )
    .unwrap();
    set(&mut session, "SET NAMES latin1").unwrap();
    let question = session.question();
    assert_eq!(question.time_zone, Some("+02:00"));
    assert_eq!(question.sql_mode, Some("ONLY_FULL_GROUP_BY,NO_ZERO_DATE"));
    assert_eq!(question.collation, Some("latin1_swedish_ci"));
    assert_eq!((question.user, question.database), ("ann", Some("sky")));
    session.reset();
    let question = session.question();
    assert_eq!(question.time_zone, Some("SYSTEM"));
    assert_eq!(question.user, "ann");
}

#[test]
fn a_named_time_zone_is_taken_whatever_its_letters() {
    let mut session = session();
    for (given, sent) in [
        ("Europe/Berlin", "Europe/Berlin"),
        ("america/ARGENTINA/la_rioja", "America/Argentina/La_Rioja"),
        ("etc/gmt+12", "Etc/GMT+12"),
        ("utc", "+00:00"),
    ] {
        set(&mut session, &format!("SET time_zone = '{given}'")).unwrap();
        assert_eq!(session.question().time_zone, Some(sent));
    }
}

#[test]
fn a_gather_is_asked_for_until_the_session_takes_it_back() {
    let mut session = session();
    assert!(!session.question().gather);
    set(&mut session, "SET orrery_plan = gather").unwrap();
    assert!(session.question().gather);
    assert_eq!(session.own_variables()["orrery_plan"].select, "gather");
    let error = set(&mut session, "SET orrery_plan = 'chunks'").unwrap_err();
    assert!(error.message.contains("orrery_plan"), "{error}");
    for back in ["SET orrery_plan = 'auto'", "SET orrery_plan = DEFAULT"] {
        set(&mut session, "SET @@orrery_plan = 'GATHER'").unwrap();
        set(&mut session, back).unwrap();
        assert!(!session.question().gather, "{back}");
    }
}

#[test]
fn what_drivers_send_on_connecting_is_taken() {
    let mut session = session();
    for sql in [
        "SET AUTOCOMMIT = 0",
        "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
        "set autocommit=1, session_track_schema=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')",
        "SET character_set_results = NULL",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET SESSION wait_timeout = 100",
        "SET @@session.tx_isolation = 'repeatable-read'",
        "SET SQL_SELECT_LIMIT=DEFAULT",
        "SET SQL_SAFE_UPDATES=1, SQL_SELECT_LIMIT=1000, MAX_JOIN_SIZE=1000000",
        "SET SQL_SELECT_LIMIT=18446744073709551615",
        "SET SESSION character_set_results = 'binary'",
        "SET sql_auto_is_null=0",
        "SET time_zone = 'UTC'",
        "SET character_set_client = utf8mb4",
    ] {
        set(&mut session, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    assert_eq!(session.wait_timeout(), Duration::from_secs(100));
    assert_eq!(session.status(), StatusFlags::SERVER_STATUS_AUTOCOMMIT);
    assert_eq!(session.question().collation, Some("utf8mb4_unicode_ci"));
    assert_eq!(
        session.own_variables()["max_statement_time"].select,
        "0.000000"
    );
    assert_eq!(
        session.own_variables()["tx_isolation"].show,
        "REPEATABLE-READ"
    );
}

/// Each line as a driver or tool sends it.
#[test]
fn settings_by_expressions_are_taken() {
    for (sql, mode) in [
        // sqlx
        (
            "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),time_zone='+00:00',\
             NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;",
            "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION,PIPES_AS_CONCAT",
        ),
        (
            "SET sql_mode=CONCAT(CONCAT(@@sql_mode,',STRICT_ALL_TABLES'),'')",
            "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION,STRICT_ALL_TABLES",
        ),
        (
            "SET SESSION sql_mode = REPLACE(REPLACE(@@sql_mode, 'STRICT_TRANS_TABLES,', ''), 'NO_AUTO_CREATE_USER,', '')",
            "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
        ),
        (
            "SET sql_mode = CONCAT_WS(',', 'NO_ZERO_DATE', 'NO_ZERO_IN_DATE')",
            "NO_ZERO_DATE,NO_ZERO_IN_DATE",
        ),
        (
            "SET @@session.sql_mode = @@global.sql_mode",
            "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION",
        ),
    ] {
        let mut session = session();
        set(&mut session, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(session.value_of("sql_mode").as_deref(), Some(mode), "{sql}");
        let sent = session.question().sql_mode.unwrap();
        assert!(
            !sent.contains("PIPES"),
            "servers read statements without it"
        );
    }
    // MariaDB Connector/J
    let mut session = session();
    let sql = "SET SESSION session_track_system_variables = CONCAT(@@global.session_track_system_variables, ',tx_isolation')";
    set(&mut session, sql).unwrap();
    let tracked = &session.own_variables()["session_track_system_variables"].select;
    assert!(
        tracked.starts_with("autocommit,") && tracked.ends_with(",time_zone,tx_isolation"),
        "{tracked}"
    );
}

#[test]
fn every_default_is_a_value_its_variable_takes() {
    for (name, ..) in variables::VARIABLES {
        assert!(variables::default_of(name).is_some(), "{name}");
    }
}

#[test]
fn status_flags_follow_transactions() {
    let in_transaction = |session: &Session| {
        session
            .status()
            .contains(StatusFlags::SERVER_STATUS_IN_TRANS)
    };
    let mut session = session();
    session.reads_tables();
    assert!(!in_transaction(&session), "autocommit");
    session.begin(Access::ReadOnly);
    assert!(in_transaction(&session));
    assert!(
        session
            .status()
            .contains(StatusFlags::SERVER_STATUS_IN_TRANS_READONLY)
    );
    session.end_transaction(true);
    assert!(in_transaction(&session), "AND CHAIN");
    session.end_transaction(false);
    assert!(!in_transaction(&session));
    set(&mut session, "SET autocommit = 0").unwrap();
    assert!(!in_transaction(&session));
    session.reads_tables();
    assert!(in_transaction(&session));
    set(&mut session, "SET autocommit = 1").unwrap();
    assert!(!in_transaction(&session));
}

#[test]
fn what_would_change_answers_is_refused_by_name() {
    let mut session = session();
    for (sql, code, says) in [
        ("SET sql_mode = 'ANSI_QUOTES'", 1235, "ANSI_QUOTES"),
        ("SET sql_mode = 'NONSENSE'", 1231, "NONSENSE"),
        (
            "SET group_concat_max_len = 10",
            1235,
            "group_concat_max_len",
        ),
        ("SET sql_select_limit = NULL", 1231, "sql_select_limit"),
        ("SET sql_select_limit = -1", 1231, "-1"),
        ("SET time_zone = 'Europe/Atlantis'", 1298, "Europe/Atlantis"),
        ("SET time_zone = '+15:00'", 1298, "+15:00"),
        ("SET NAMES ucs2", 1115, "ucs2"),
        ("SET NAMES latin1 COLLATE utf8mb4_bin", 1253, "utf8mb4_bin"),
        (
            "SET NAMES utf8mb4 COLLATE utf8mb4_klingon_ci",
            1273,
            "klingon",
        ),
        ("SET timestamp = 7", 1235, "timestamp"),
        ("SET sql_mode = 'ANSI_QUOTES'", 1235, "ANSI_QUOTES"),
        ("SET sql_mode = NULL", 1231, "NULL"),
        ("SET GLOBAL wait_timeout = 1", 1227, "SUPER"),
        ("SET @x = 1", 1235, "user variables"),
        ("SET PASSWORD = 'x'", 1235, "QueryUser"),
        ("SET autocommit = 2", 1231, "autocommit"),
        (
            "SET wait_timeout = (SELECT 1 FROM t)",
            1235,
            "SELECT 1 FROM t",
        ),
        ("SET wait_timeout = SLEEP(5)", 1235, "SLEEP"),
        ("SET character_set_results = latin1", 1235, "SET NAMES"),
    ] {
        let error = set(&mut session, sql).expect_err(sql);
        assert_eq!(error.code, code, "{sql}: {error}");
        assert!(error.message.contains(says), "{sql}: {error}");
    }
}

#[test]
fn a_set_takes_effect_as_a_whole_or_not_at_all() {
    let mut session = session();
    assert!(set(&mut session, "SET wait_timeout = 5, time_zone = 'nowhere'").is_err());
    assert_eq!(
        session.wait_timeout(),
        Duration::from_secs(DEFAULT_WAIT_TIMEOUT)
    );
}

#[test]
fn the_shorter_time_limit_counts() {
    let mut session = session();
    assert_eq!(session.max_time(None), None);
    assert_eq!(session.max_time(Some(5)), Some(Duration::from_secs(5)));
    set(&mut session, "SET max_statement_time = 0.25").unwrap();
    assert_eq!(session.max_time(Some(5)), Some(Duration::from_millis(250)));
    set(&mut session, "SET max_statement_time = 0").unwrap();
    assert_eq!(session.max_time(None), None);
}

#[test]
fn ids_of_collations_are_mariadbs() {
    for (id, name) in [
        (45, "utf8mb4_general_ci"),
        (224, "utf8mb4_unicode_ci"),
        (247, "utf8mb4_vietnamese_ci"),
        (192, "utf8mb3_unicode_ci"),
        (8, "latin1_swedish_ci"),
        (255, "utf8mb4_general_ci"),
        (0, "utf8mb4_general_ci"),
    ] {
        assert_eq!(Collation::of_id(id).unwrap().name, name);
    }
    for (id, of) in [
        (9, "latin2"),
        (51, "cp1251"),
        (7, "koi8r"),
        (28, "gbk"),
        (13, "sjis"),
        (35, "ucs2"),
    ] {
        assert_eq!(Collation::of_id(id), None, "{of}");
    }
    assert_eq!(
        Collation::by_name("UTF8_general_ci").unwrap().name,
        "utf8mb3_general_ci"
    );
}
