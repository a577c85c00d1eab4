//! Our client side against a real MariaDB server.

use crate::support::{PASSWORD, Tls, options, path_str};
use orrery_kit::Mysqld;
use orrery_wire::client::{
    ClientConnection, ClientError, ClientOptions, Endpoint, Next, Pause, Response,
};
use orrery_wire::load_data::{FORMAT, NULL, escape};
use orrery_wire::value::{BinaryCells, Param, TextCells, TextToBinary};
use orrery_wire::{ColumnDef, Value};

/// One column of each type and values at their borders.
const TYPES: &str = "CREATE DATABASE d; CREATE TABLE d.t (
    i8 TINYINT, u8 TINYINT UNSIGNED, i16 SMALLINT, i24 MEDIUMINT, i32 INT, u32 INT(10) UNSIGNED ZEROFILL, i64 BIGINT,
    u64 BIGINT UNSIGNED, y YEAR, b BIT(10), dec1 DECIMAL(20,5), f FLOAT, d DOUBLE, dt DATE, dtm DATETIME(6), ts TIMESTAMP NULL,
    tm TIME(3), c CHAR(5), v VARCHAR(100), bin VARBINARY(10), bl LONGBLOB, tx TEXT, e ENUM('a','b'), s SET('x','y'));
  INSERT INTO d.t VALUES (-128,255,-32768,-8388608,-2147483648,7,-9223372036854775808,18446744073709551615,2155,b'1000000001',
    -12345.67891,1.5,-2.5e300,'2024-02-29','2024-02-29 23:59:58.000001','2024-02-29 12:00:00','-838:59:58.999','abc','täxt',
    x'00ff27',x'0001','long','b','x,y');
  INSERT INTO d.t (i8, dt, dtm, tm, d) VALUES (NULL, '0000-00-00', '2024-01-01', '00:00:00', 0.1);
  INSERT INTO d.t () VALUES ();";

fn server() -> Mysqld {
    let server = Mysqld::start_with(&["--max-allowed-packet=64M"]);
    server.sql(&format!(
        "CREATE USER ann IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO ann;"
    ));
    server
}

fn tcp(server: &Mysqld) -> Endpoint {
    Endpoint::Tcp(format!("127.0.0.1:{}", server.port()))
}

async fn connect(server: &Mysqld) -> ClientConnection {
    ClientConnection::connect(&tcp(server), &options("ann", PASSWORD))
        .await
        .unwrap()
}

async fn text(connection: &mut ClientConnection, sql: &str) -> String {
    let (_, rows) = connection.query_all(sql.as_bytes()).await.unwrap();
    let cell = TextCells::new(&rows[0])
        .next()
        .unwrap()
        .unwrap()
        .unwrap_or(b"NULL");
    String::from_utf8(cell.to_vec()).unwrap()
}

#[tokio::test]
async fn log_in_by_tcp_and_socket_and_change_of_user() {
    let server = server();
    server.sql(
        "CREATE USER bob IDENTIFIED BY 'b'; CREATE DATABASE sky; GRANT SELECT ON sky.* TO bob",
    );
    for endpoint in [tcp(&server), Endpoint::Unix(server.socket())] {
        let named = ClientOptions {
            attributes: vec![("program_name".to_owned(), "orrery-test".to_owned())],
            ..options("ann", PASSWORD)
        };
        let mut connection = ClientConnection::connect(&endpoint, &named).await.unwrap();
        assert!(
            connection.server_version().starts_with("10."),
            "{}",
            connection.server_version()
        );
        let id = text(&mut connection, "SELECT CONNECTION_ID()").await;
        assert_eq!(id, connection.connection_id().to_string());
        connection
            .change_user("bob", "b", Some("sky"))
            .await
            .unwrap();
        assert_eq!(
            text(
                &mut connection,
                "SELECT CONCAT(CURRENT_USER(), '/', DATABASE())"
            )
            .await,
            "bob@%/sky"
        );
        assert!(connection.change_user("ann", "wrong", None).await.is_err());
    }
    let refused = ClientConnection::connect(&tcp(&server), &options("ann", "wrong"))
        .await
        .err()
        .unwrap();
    assert_eq!(refused.server_error().unwrap().code, 1045);
}

#[tokio::test]
async fn a_connection_can_be_used_and_reset_and_moved() {
    let server = server();
    let mut connection = connect(&server).await;
    connection.ping().await.unwrap();
    connection.run(b"SET @x = 5").await.unwrap();
    connection.init_db("mysql").await.unwrap();
    assert_eq!(
        text(&mut connection, "SELECT CONCAT(@x, DATABASE())").await,
        "5mysql"
    );
    connection.reset().await.unwrap();
    assert_eq!(text(&mut connection, "SELECT @x").await, "NULL");
    let error = connection.init_db("nowhere").await.unwrap_err();
    assert_eq!(error.server_error().unwrap().code, 1049);
    assert!(connection.is_idle());
    connection.quit().await.unwrap();
}

#[tokio::test]
async fn one_text_is_one_statement() {
    let server = server();
    let mut connection = connect(&server).await;
    let error = connection.run(b"SELECT 1; SELECT 2").await.unwrap_err();
    assert_eq!(error.server_error().unwrap().code, 1064);
}

#[tokio::test]
async fn a_server_cannot_ask_for_a_file() {
    let server = server();
    server.sql(TYPES);
    let mut connection = connect(&server).await;
    let error = connection
        .run(b"LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE d.t")
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Server(_)), "{error:?}");
    connection.ping().await.unwrap();
}

#[tokio::test]
async fn rows_sent_for_a_load_arrive_byte_for_byte() {
    let server = server();
    server.sql("CREATE DATABASE d; CREATE TABLE d.l (n INT, v VARBINARY(20), w LONGBLOB)");
    let offered = ClientOptions {
        load_local: true,
        ..options("ann", PASSWORD)
    };
    let mut connection = ClientConnection::connect(&tcp(&server), &offered)
        .await
        .unwrap();
    // More than a packet takes.
    let large = vec![b'\t'; 17 << 20];
    let values = [
        Some(&b"a\tb\nc\\N\0\xff'"[..]),
        Some(b""),
        None,
        Some(b"NULL"),
    ];
    let mut rows = Vec::new();
    for (number, value) in values.iter().enumerate() {
        rows.extend_from_slice(format!("{number}\t").as_bytes());
        match value {
            Some(value) => escape(value, &mut rows),
            None => rows.extend_from_slice(NULL),
        }
        rows.push(b'\t');
        escape(if number == 0 { &large } else { b"" }, &mut rows);
        rows.push(b'\n');
    }
    let load = format!("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE d.l {FORMAT}");
    let ok = connection.load_local(load.as_bytes(), &rows).await.unwrap();
    assert_eq!((ok.affected_rows, ok.warnings), (4, 0));
    let stored = text(
        &mut connection,
        "SELECT GROUP_CONCAT(IFNULL(HEX(v), 'none') ORDER BY n) FROM d.l",
    )
    .await;
    assert_eq!(stored, "6109620A635C4E00FF27,,none,4E554C4C");
    assert_eq!(
        text(&mut connection, "SELECT LENGTH(w) FROM d.l WHERE n = 0").await,
        large.len().to_string()
    );

    let ok = connection.load_local(load.as_bytes(), b"x\ty\tz\n").await;
    assert!(ok.unwrap().warnings > 0);
    let missing = load.replace("d.l", "d.none");
    let error = connection.load_local(missing.as_bytes(), &rows).await;
    assert_eq!(error.unwrap_err().server_error().unwrap().code, 1146);
    let error = connection.load_local(b"SELECT 1", &rows).await;
    assert!(matches!(error, Err(ClientError::Wire(_))), "{error:?}");
}

#[tokio::test]
async fn several_results_of_a_call_are_read_in_order() {
    let server = server();
    server.sql("CREATE DATABASE d;\nDELIMITER //\nCREATE PROCEDURE d.p() BEGIN SELECT 1; SELECT 2, 3; END//");
    let mut connection = connect(&server).await;
    assert!(
        matches!(connection.query(b"CALL d.p()").await.unwrap(), Response::Rows(c) if c.len() == 1)
    );
    while let Next::Row(_) = connection.next_row().await.unwrap() {}
    assert!(matches!(connection.next_result().await.unwrap(), Response::Rows(c) if c.len() == 2));
    while let Next::Row(_) = connection.next_row().await.unwrap() {}
    assert!(matches!(
        connection.next_result().await.unwrap(),
        Response::Ok(_)
    ));
    assert!(connection.is_idle());
}

/// Rows of `SELECT * FROM d.t` by both protocols: columns, text rows, binary rows.
async fn both(
    connection: &mut ClientConnection,
) -> (Vec<ColumnDef>, Vec<bytes::Bytes>, Vec<bytes::Bytes>) {
    let (columns, text_rows) = connection.query_all(b"SELECT * FROM d.t").await.unwrap();
    let prepared = connection.prepare(b"SELECT * FROM d.t").await.unwrap();
    let Response::Rows(binary_columns) = connection.execute(&prepared, &[]).await.unwrap() else {
        panic!()
    };
    assert_eq!(columns, binary_columns);
    let mut binary_rows = Vec::new();
    while let Next::Row(row) = connection.next_row().await.unwrap() {
        binary_rows.push(row);
    }
    (columns, text_rows, binary_rows)
}

#[tokio::test]
async fn text_rows_convert_to_the_very_bytes_of_the_servers_binary_rows() {
    let server = server();
    server.sql(TYPES);
    for deprecate_eof in [true, false] {
        let options = ClientOptions {
            deprecate_eof,
            ..options("ann", PASSWORD)
        };
        let mut connection = ClientConnection::connect(&tcp(&server), &options)
            .await
            .unwrap();
        let (columns, text_rows, binary_rows) = both(&mut connection).await;
        assert_eq!((columns.len(), text_rows.len()), (24, 3));
        let converter = TextToBinary::new(&columns);
        for (text_row, binary_row) in text_rows.iter().zip(&binary_rows) {
            let mut converted = bytes::BytesMut::new();
            converter.convert(text_row, &mut converted).unwrap();
            let cells = |row: &[u8]| {
                BinaryCells::new(row, &columns)
                    .unwrap()
                    .map(Result::unwrap)
                    .collect::<Vec<_>>()
            };
            assert_eq!(cells(&converted), cells(binary_row));
            assert_eq!(&converted[..], &binary_row[..]);
        }
    }
}

#[tokio::test]
async fn definitions_carry_names_types_and_flags() {
    let server = server();
    server.sql(TYPES);
    let mut connection = connect(&server).await;
    let (columns, _) = connection
        .query_all(b"SELECT x.u32 AS n, 1+1 FROM d.t x")
        .await
        .unwrap();
    let [n, sum] = columns.as_slice() else {
        panic!()
    };
    assert_eq!(
        (&n.schema[..], &n.table[..], &n.org_table[..]),
        (&b"d"[..], &b"x"[..], &b"t"[..])
    );
    assert_eq!(
        (&n.name[..], &n.org_name[..], n.length),
        (&b"n"[..], &b"u32"[..], 10)
    );
    assert!(n.is_unsigned() && n.flags.contains(orrery_wire::ColumnFlags::ZEROFILL_FLAG));
    assert_eq!((&sum.name[..], &sum.org_table[..]), (&b"1+1"[..], &b""[..]));
}

#[tokio::test]
async fn parameters_of_every_type_reach_the_server() {
    let server = server();
    let mut connection = connect(&server).await;
    let cases = [
        (Value::NULL, "NULL"),
        (Value::Int(-5), "-5"),
        (Value::UInt(u64::MAX), "18446744073709551615"),
        (Value::Double(0.1), "0.1"),
        (Value::Bytes(b"a'b".to_vec()), "a'b"),
        (Value::Date(2024, 2, 29, 1, 2, 3, 0), "2024-02-29 01:02:03"),
        (Value::Time(true, 1, 2, 3, 4, 500_000), "-26:03:04.500000"),
    ];
    let prepared = connection.prepare(b"SELECT CAST(? AS CHAR)").await.unwrap();
    for (value, expected) in cases {
        let Response::Rows(columns) = connection
            .execute(&prepared, &[Param::from(value)])
            .await
            .unwrap()
        else {
            panic!()
        };
        let Next::Row(row) = connection.next_row().await.unwrap() else {
            panic!()
        };
        let got = BinaryCells::new(&row, &columns)
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        let got = match got {
            Value::NULL => "NULL".to_owned(),
            Value::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        };
        // MariaDB adds the fraction its types allow.
        assert!(
            got == expected || got.trim_end_matches('0').trim_end_matches('.') == expected,
            "{got} for {expected}"
        );
        connection.drain().await.unwrap();
    }
}

#[tokio::test]
async fn payloads_beyond_16_mib_pass_both_ways() {
    const FRAME: usize = 0xFF_FFFF;
    let server = server();
    let mut connection = connect(&server).await;
    for length in [FRAME - 4, FRAME, 20 << 20] {
        let (_, rows) = connection
            .query_all(format!("SELECT REPEAT('x', {length})").as_bytes())
            .await
            .unwrap();
        assert_eq!(
            TextCells::new(&rows[0])
                .next()
                .unwrap()
                .unwrap()
                .unwrap()
                .len(),
            length
        );
    }
    // Command byte and `SELECT LENGTH('')` come on top of the string: the middle one makes exactly
    // one full frame.
    for length in [FRAME - 20, FRAME - 18, FRAME, 20 << 20] {
        let sql = format!("SELECT LENGTH('{}')", "x".repeat(length));
        assert_eq!(text(&mut connection, &sql).await, length.to_string());
    }
}

#[tokio::test]
async fn results_above_the_clients_own_limit_are_an_error() {
    let server = server();
    let small = ClientOptions {
        max_allowed_packet: 1000,
        ..options("ann", PASSWORD)
    };
    let mut connection = ClientConnection::connect(&tcp(&server), &small)
        .await
        .unwrap();
    let error = connection
        .query_all(b"SELECT REPEAT('x', 2000)")
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        ClientError::Wire(orrery_wire::WireError::PacketTooLarge { limit: 1000 })
    ));
    assert!(!connection.is_idle());
}

#[tokio::test]
async fn a_kill_from_another_connection_ends_the_statement_only() {
    let server = server();
    let (mut running, mut other) = (connect(&server).await, connect(&server).await);
    let id = running.connection_id();
    let sleeping = tokio::spawn(async move {
        let outcome = running
            .query_all(b"SELECT 1 FROM (SELECT SLEEP(100)) s")
            .await;
        (running, outcome)
    });
    // The statement may not have begun when the first KILL arrives.
    while !sleeping.is_finished() {
        other
            .run(format!("KILL QUERY {id}").as_bytes())
            .await
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let (mut running, outcome) = sleeping.await.unwrap();
    assert!(
        matches!(outcome, Err(ClientError::Server(ref error)) if error.code == 1317),
        "{outcome:?}"
    );
    // A KILL that came late may hit the next statement instead; what counts is that the connection
    // answers.
    while running.ping().await.is_err() {
        assert!(running.is_idle());
    }
}

#[tokio::test]
async fn tls_is_used_when_asked_for() {
    let tls = Tls::new();
    let server = Mysqld::start_with(&[
        &format!("--ssl-cert={}", path_str(&tls.cert())),
        &format!("--ssl-key={}", path_str(&tls.dir.path().join("key.pem"))),
    ]);
    server.sql(&format!(
        "CREATE USER ann IDENTIFIED BY '{PASSWORD}' REQUIRE SSL"
    ));
    let encrypted = ClientOptions {
        tls: Some(tls.client.clone()),
        ..options("ann", PASSWORD)
    };
    let mut connection = ClientConnection::connect(&tcp(&server), &encrypted)
        .await
        .unwrap();
    let (_, rows) = connection
        .query_all(b"SHOW STATUS LIKE 'Ssl_version'")
        .await
        .unwrap();
    let version = TextCells::new(&rows[0])
        .nth(1)
        .unwrap()
        .unwrap()
        .unwrap()
        .to_vec();
    assert_eq!(String::from_utf8(version).unwrap(), "TLSv1.3");
    let (_, rows) = connection
        .query_all(b"SELECT REPEAT('x', 3000000)")
        .await
        .unwrap();
    assert!(rows[0].len() > 3_000_000);
    assert!(
        ClientConnection::connect(&tcp(&server), &options("ann", PASSWORD))
            .await
            .is_err()
    );
    let stranger = ClientOptions {
        tls: Some(Tls::new().client),
        ..options("ann", PASSWORD)
    };
    assert!(matches!(
        ClientConnection::connect(&tcp(&server), &stranger).await,
        Err(ClientError::Tls(_))
    ));
}

#[tokio::test]
async fn rows_visited_in_place_are_the_rows_read_one_by_one_up_to_the_error() {
    let server = server();
    let mut connection = connect(&server).await;
    let sql = "SELECT seq, REPEAT('x', seq % 999) FROM seq_1_to_20000 UNION ALL SELECT 0, REPEAT('y', 17000000) \
               UNION ALL SELECT seq, IF(seq < 300, 'z', (SELECT seq UNION SELECT 1)) FROM seq_2_to_900";
    let mut read = Vec::new();
    connection.query(b"USE mysql").await.unwrap();
    connection.query(sql.as_bytes()).await.unwrap();
    let failed = loop {
        match connection.next_row().await {
            Ok(Next::Row(row)) => read.push(row.to_vec()),
            Ok(Next::End(_)) => panic!("the statement fails"),
            Err(error) => break error.server_error().unwrap().code,
        }
    };
    assert_eq!((failed, read.len() > 20_001), (1242, true));
    let mut visited = Vec::new();
    connection.query(sql.as_bytes()).await.unwrap();
    let failed = loop {
        let pause = connection.visit_rows(|row| {
            visited.push(row.to_vec());
            true
        });
        match pause.unwrap() {
            Pause::NeedBytes => connection.more_rows().await.unwrap(),
            Pause::Left => match connection.next_row().await {
                Ok(Next::Row(row)) => visited.push(row.to_vec()),
                Ok(Next::End(_)) => panic!("the statement fails"),
                Err(error) => break error.server_error().unwrap().code,
            },
        }
    };
    assert_eq!(failed, 1242);
    assert!(
        visited == read,
        "{} rows read, {} visited",
        read.len(),
        visited.len()
    );
    assert!(connection.is_idle());
}
