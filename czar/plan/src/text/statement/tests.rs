use super::*;

fn class(sql: &str) -> Statement {
    classify(sql).unwrap()
}

#[test]
fn reading_statements_are_told_by_their_from() {
    assert_eq!(class("select * from Object"), Statement::Select);
    assert_eq!(
        class("(SELECT 1 FROM sky.Object o, `pt12`.Source) ;"),
        Statement::Select
    );
    assert_eq!(
        class("SELECT * FROM information_schema.tables"),
        Statement::Select
    );
    assert_eq!(
        class("SELECT EXTRACT(YEAR FROM '2026-01-01')"),
        Statement::SelectWithoutTable
    );
    assert_eq!(
        class("SELECT TRIM(LEADING 'a' FROM (SELECT b FROM t))"),
        Statement::Select
    );
    assert_eq!(class("SELECT 1 FROM DUAL"), Statement::SelectWithoutTable);
    assert_eq!(
        class("SELECT @@session.wait_timeout, @@`sql_mode`, @a"),
        Statement::SelectWithoutTable
    );
}

#[test]
fn a_keyword_in_a_string_or_comment_decides_nothing() {
    assert_eq!(
        class("SELECT ' from t ' /* from t */"),
        Statement::SelectWithoutTable
    );
    assert_eq!(
        class("/* DROP */ SELECT 1 FROM t -- INSERT"),
        Statement::Select
    );
    assert_eq!(
        class("/*!40101 SET NAMES utf8 */;"),
        class("SET NAMES utf8")
    );
    assert_eq!(class(" ; "), Statement::Empty);
    assert_eq!(class("/* nothing */"), Statement::Empty);
}

#[test]
fn one_statement_at_a_time() {
    assert_eq!(
        classify("SELECT 1; DROP TABLE t"),
        Err(StatementError::Several {
            near: "DROP TABLE t".into()
        })
    );
    assert!(classify("SELECT ';' ;").is_ok());
}

#[test]
fn refused_kinds_name_their_verb() {
    for (sql, expected) in [
        (
            "insert into t values (1)",
            Statement::Write {
                verb: "INSERT".into(),
            },
        ),
        (
            "LOAD DATA INFILE 'x' INTO TABLE t",
            Statement::Write {
                verb: "LOAD".into(),
            },
        ),
        (
            "drop table t",
            Statement::Ddl {
                verb: "DROP".into(),
            },
        ),
        (
            "ANALYZE TABLE t",
            Statement::Ddl {
                verb: "ANALYZE".into(),
            },
        ),
        (
            "GRANT SELECT ON *.* TO u",
            Statement::Administration {
                verb: "GRANT".into(),
            },
        ),
        (
            "HELP 'x'",
            Statement::Other {
                verb: "HELP".into(),
            },
        ),
    ] {
        assert_eq!(class(sql), expected, "{sql}");
    }
}

#[test]
fn show_forms() {
    let columns = Show::Columns {
        database: Some("sky".into()),
        table: "Object".into(),
    };
    for (sql, expected) in [
        ("SHOW DATABASES LIKE 's%'", Show::Databases),
        (
            "show full tables from `sky` like 'O%'",
            Show::Tables {
                database: Some("sky".into()),
            },
        ),
        ("SHOW TABLE STATUS", Show::Tables { database: None }),
        ("SHOW FULL COLUMNS FROM Object FROM sky", columns.clone()),
        ("SHOW KEYS IN sky.Object", columns),
        (
            "SHOW CREATE TABLE Object",
            Show::CreateTable {
                database: None,
                table: "Object".into(),
            },
        ),
        ("SHOW FULL PROCESSLIST", Show::Processlist { full: true }),
        ("SHOW SESSION VARIABLES LIKE 'x'", Show::Variables),
        ("SHOW COUNT(*) WARNINGS", Show::Warnings),
        ("SHOW ENGINES", Show::Other("ENGINES".into())),
        (
            "SHOW FUNCTION STATUS LIKE 'x'",
            Show::Other("FUNCTION STATUS LIKE".into()),
        ),
    ] {
        assert_eq!(class(sql), Statement::Show(expected), "{sql}");
    }
}

#[test]
fn explain_of_a_statement_and_of_a_table() {
    let explain = |inner: &str, options: &[&str]| Statement::Explain {
        inner: inner.into(),
        options: options.iter().map(|&option| option.into()).collect(),
    };
    assert_eq!(class("EXPLAIN SELECT 1"), explain("SELECT 1", &[]));
    assert_eq!(
        class("explain format=json select 1;"),
        explain("select 1", &["FORMAT=JSON"])
    );
    assert_eq!(
        class("ANALYZE FORMAT=JSON SELECT 1"),
        explain("SELECT 1", &["ANALYZE", "FORMAT=JSON"])
    );
    let describe = Statement::Describe {
        database: Some("sky".into()),
        table: "Object".into(),
    };
    assert_eq!(class("DESC sky.Object ra"), describe);
}

#[test]
fn set_statements() {
    let session = |name: &str, value: &str| Assignment {
        target: Target::Session(name.into()),
        value: value.into(),
    };
    assert_eq!(
        class(
            "SET autocommit=1, @@session.sql_mode = concat(@@sql_mode, ',X'), LOCAL wait_timeout := 5"
        ),
        Statement::Set(vec![
            session("autocommit", "1"),
            session("sql_mode", "concat(@@sql_mode, ',X')"),
            session("wait_timeout", "5"),
        ])
    );
    let one = |target: Target, value: &str| {
        Statement::Set(vec![Assignment {
            target,
            value: value.into(),
        }])
    };
    let names = Target::Names {
        collation: Some("utf8mb4_bin".into()),
    };
    assert_eq!(
        class("SET NAMES 'utf8mb4' COLLATE utf8mb4_bin"),
        one(names, "utf8mb4")
    );
    assert_eq!(
        class("SET CHARACTER SET latin1"),
        one(Target::CharacterSet, "latin1")
    );
    assert_eq!(
        class("SET @`a b` := 1"),
        one(Target::User("a b".into()), "1")
    );
    assert_eq!(
        class("SET GLOBAL x = 1"),
        one(Target::Global("x".into()), "1")
    );
    assert_eq!(
        class("SET @@global.x = 1"),
        one(Target::Global("x".into()), "1")
    );
    assert_eq!(
        class("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY"),
        one(
            Target::Transaction,
            "SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY"
        )
    );
    for broken in [
        "SET",
        "SET a",
        "SET a =",
        "SET a = 1,",
        "SET NAMES",
        "SET 5 = 1",
    ] {
        assert!(classify(broken).is_err(), "{broken}");
    }
}

#[test]
fn session_verbs() {
    let kill = |query_only, id| Statement::Kill { query_only, id };
    assert_eq!(class("KILL 5"), kill(false, 5));
    assert_eq!(class("kill hard query 5;"), kill(true, 5));
    assert_eq!(class("USE `my db`"), Statement::Use("my db".into()));
    assert_eq!(
        class("START TRANSACTION READ ONLY"),
        Statement::Transaction(Transaction::Begin)
    );
    assert_eq!(
        class("START SLAVE"),
        Statement::Administration {
            verb: "START".into()
        }
    );
    assert_eq!(
        class("ROLLBACK TO s"),
        Statement::Transaction(Transaction::Savepoint)
    );
    assert_eq!(
        class("UNLOCK TABLES"),
        Statement::Transaction(Transaction::Unlock)
    );
    assert_eq!(
        class("LOCK TABLES t READ"),
        Statement::Write {
            verb: "LOCK".into()
        }
    );
    assert_eq!(class("CANCEL 12"), Statement::Cancel { id: 12 });
    assert_eq!(
        class("SUBMIT SELECT 1"),
        Statement::Submit {
            inner: "SELECT 1".into()
        }
    );
    assert_eq!(
        class("CALL Qserv_Result_Delete(1)"),
        Statement::Call {
            procedure: "qserv_result_delete".into()
        }
    );
    assert!(classify("KILL USER u").is_err());
}

#[test]
fn prepared_statements_as_text() {
    assert_eq!(
        class(r"PREPARE s FROM 'SELECT \'a\' + ?'"),
        Statement::Prepare {
            name: "s".into(),
            text: Some("SELECT 'a' + ?".into())
        }
    );
    assert_eq!(
        class("EXECUTE s USING @a"),
        Statement::Execute {
            name: "s".into(),
            using: true
        }
    );
    assert_eq!(
        class("DROP PREPARE s"),
        Statement::Deallocate { name: "s".into() }
    );
}
