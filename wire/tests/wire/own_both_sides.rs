//! Our client side against our server side: what no other server or client at hand can show.

use crate::support::{PASSWORD, Tls, options, serve};
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, Endpoint, Next, Response};
use orrery_wire::command::QueryAttribute;
use orrery_wire::server::ServerConfig;
use orrery_wire::value::{BinaryCells, Param, TextCells};
use orrery_wire::{Value, WireError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn connect(port: u16, options: &ClientOptions) -> Result<ClientConnection, ClientError> {
    ClientConnection::connect(&Endpoint::Tcp(format!("127.0.0.1:{port}")), options).await
}

async fn cell(connection: &mut ClientConnection, sql: &str) -> String {
    let (_, rows) = connection.query_all(sql.as_bytes()).await.unwrap();
    let cell = TextCells::new(&rows[0]).next().unwrap().unwrap().unwrap();
    String::from_utf8(cell.to_vec()).unwrap()
}

fn server_code(error: ClientError) -> u16 {
    match error {
        ClientError::Server(error) => error.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_stored_digest_lets_its_user_in_and_no_other() {
    let tls = Tls::new();
    let port = serve(ServerConfig {
        tls: Some(tls.server.clone()),
        ..ServerConfig::default()
    })
    .await;
    for encrypted in [false, true] {
        for user in ["ann", "nat", "sha"] {
            let with = |password| ClientOptions {
                tls: encrypted.then(|| tls.client.clone()),
                database: Some("sky".to_owned()),
                ..options(user, password)
            };
            let mut connection = connect(port, &with(PASSWORD)).await.unwrap();
            assert_eq!(cell(&mut connection, "whoami").await, format!("{user}/sky"));
            for wrong in ["", "correct horsf"] {
                assert_eq!(
                    server_code(connect(port, &with(wrong)).await.err().unwrap()),
                    1045
                );
            }
        }
        assert_eq!(
            server_code(
                connect(port, &options("bob", PASSWORD))
                    .await
                    .err()
                    .unwrap()
            ),
            1045
        );
    }
}

#[tokio::test]
async fn the_refusal_of_a_password_reads_as_in_mariadb() {
    let port = serve(ServerConfig::default()).await;
    let error = connect(port, &options("ann", "wrong")).await.err().unwrap();
    let error = error.server_error().unwrap().clone();
    assert_eq!(
        error.message,
        "Access denied for user 'ann'@'127.0.0.1' (using password: YES)"
    );
    assert_eq!(&error.sqlstate, b"28000");
}

#[tokio::test]
async fn change_user_really_authenticates() {
    let port = serve(ServerConfig::default()).await;
    let mut connection = connect(port, &options("ann", PASSWORD)).await.unwrap();
    connection
        .change_user("nat", PASSWORD, Some("pt11"))
        .await
        .unwrap();
    assert_eq!(cell(&mut connection, "whoami").await, "nat/pt11");
    connection.change_user("sha", PASSWORD, None).await.unwrap();
    assert_eq!(cell(&mut connection, "whoami").await, "sha/");
    let refused = connection
        .change_user("nat", "wrong", None)
        .await
        .unwrap_err();
    assert_eq!(server_code(refused), 1045);
    assert!(
        connection.ping().await.is_err(),
        "a refused change of user ends the connection"
    );
}

#[tokio::test]
async fn a_server_that_requires_tls_refuses_plain_clients() {
    let tls = Tls::new();
    let config = ServerConfig {
        tls: Some(tls.server.clone()),
        require_tls: true,
        ..ServerConfig::default()
    };
    let port = serve(config).await;
    assert_eq!(
        server_code(
            connect(port, &options("ann", PASSWORD))
                .await
                .err()
                .unwrap()
        ),
        3159
    );
    let encrypted = ClientOptions {
        tls: Some(tls.client.clone()),
        ..options("ann", PASSWORD)
    };
    let mut connection = connect(port, &encrypted).await.unwrap();
    assert!(cell(&mut connection, "session").await.contains("tls: true"));
}

#[tokio::test]
async fn a_client_that_wants_tls_never_goes_on_without() {
    let tls = Tls::new();
    let port = serve(ServerConfig::default()).await;
    let encrypted = ClientOptions {
        tls: Some(tls.client.clone()),
        ..options("ann", PASSWORD)
    };
    assert!(matches!(
        connect(port, &encrypted).await,
        Err(ClientError::NoTls)
    ));
}

#[tokio::test]
async fn results_read_alike_with_and_without_eof_packets() {
    let port = serve(ServerConfig::default()).await;
    for deprecate_eof in [true, false] {
        let options = ClientOptions {
            deprecate_eof,
            ..options("ann", PASSWORD)
        };
        let mut connection = connect(port, &options).await.unwrap();
        let (columns, rows) = connection.query_all(b"nulls").await.unwrap();
        assert_eq!(columns.len(), 2);
        let cells: Vec<_> = rows
            .iter()
            .flat_map(|row| TextCells::new(row).map(Result::unwrap))
            .collect();
        assert_eq!(cells, [Some(&b"1"[..]), None, None, Some(&b""[..])]);
        assert!(matches!(
            connection.query(b"warn").await.unwrap(),
            Response::Rows(_)
        ));
        assert!(
            matches!(connection.next_row().await.unwrap(), Next::End(end) if end.warnings == 3)
        );
        assert!(matches!(
            connection.query(b"two").await.unwrap(),
            Response::Rows(_)
        ));
        assert!(matches!(connection.next_row().await.unwrap(), Next::Row(_)));
        assert!(
            matches!(connection.next_row().await.unwrap(), Next::End(end) if end.more_results())
        );
        assert!(
            connection.query(b"nulls").await.is_err(),
            "a result is still outstanding"
        );
        assert!(matches!(
            connection.next_result().await.unwrap(),
            Response::Rows(_)
        ));
        connection.drain().await.unwrap();
        assert!(connection.is_idle());
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_rows_ends_the_result_and_keeps_the_connection() {
    let port = serve(ServerConfig::default()).await;
    let mut connection = connect(port, &options("ann", PASSWORD)).await.unwrap();
    assert!(matches!(
        connection.query(b"midway").await.unwrap(),
        Response::Rows(_)
    ));
    assert!(matches!(connection.next_row().await.unwrap(), Next::Row(_)));
    assert_eq!(server_code(connection.next_row().await.unwrap_err()), 4999);
    assert_eq!(cell(&mut connection, "whoami").await, "ann/");
}

#[tokio::test]
async fn payloads_beyond_16_mib_pass_both_ways() {
    const FRAME: usize = 0xFF_FFFF;
    let port = serve(ServerConfig {
        max_allowed_packet: 64 << 20,
        ..ServerConfig::default()
    })
    .await;
    let mut connection = connect(port, &options("ann", PASSWORD)).await.unwrap();
    // A cell of FRAME - 4 bytes makes a row of FRAME bytes (1 mark and 3 length bytes), which needs
    // an empty tail.
    for length in [FRAME - 4, FRAME, 20 << 20] {
        let (_, rows) = connection
            .query_all(format!("cell {length}").as_bytes())
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
    // The command byte and the two bytes of (no) query attributes come first.
    for length in [FRAME - 3, FRAME, 20 << 20] {
        let sql = format!("length {}", "x".repeat(length - 7));
        assert_eq!(cell(&mut connection, &sql).await, length.to_string());
    }
}

#[tokio::test]
async fn a_statement_above_max_allowed_packet_gets_1153_and_the_connection_ends() {
    let port = serve(ServerConfig {
        max_allowed_packet: 1 << 20,
        ..ServerConfig::default()
    })
    .await;
    for length in [(1 << 20) + 1, 40 << 20] {
        let mut connection = connect(port, &options("ann", PASSWORD)).await.unwrap();
        let error = connection.query(&vec![b'x'; length]).await.unwrap_err();
        let error = error.server_error().unwrap().clone();
        assert_eq!((error.code, &error.sqlstate), (1153, b"08S01"));
        assert!(connection.ping().await.is_err());
    }
}

#[tokio::test]
async fn parameters_of_every_type_arrive_as_sent() {
    let port = serve(ServerConfig::default()).await;
    let mut connection = connect(port, &options("ann", PASSWORD)).await.unwrap();
    let values = [
        Value::NULL,
        Value::Int(-1),
        Value::UInt(u64::MAX),
        Value::Float(0.1),
        Value::Double(-2.5e300),
        Value::Bytes(vec![0, 255, b'\'']),
        Value::Date(2024, 2, 29, 1, 2, 3, 4),
        Value::Time(true, 33, 1, 2, 3, 4),
        Value::NULL,
    ];
    let prepared = connection.prepare(b"? ? ? ? ? ? ? ? ?").await.unwrap();
    assert_eq!((prepared.params.len(), prepared.columns.len()), (9, 9));
    let params: Vec<Param> = values.iter().cloned().map(Param::from).collect();
    for _ in 0..2 {
        let Response::Rows(columns) = connection.execute(&prepared, &params).await.unwrap() else {
            panic!()
        };
        let Next::Row(row) = connection.next_row().await.unwrap() else {
            panic!()
        };
        let got: Vec<Value> = BinaryCells::new(&row, &columns)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(got, values);
        connection.drain().await.unwrap();
    }
    assert!(connection.execute(&prepared, &params[1..]).await.is_err());
    connection.close_statement(prepared).await.unwrap();
    connection.ping().await.unwrap();
}

#[tokio::test]
async fn query_attributes_travel_beside_the_statement() {
    let port = serve(ServerConfig::default()).await;
    let mut connection = connect(port, &options("ann", PASSWORD)).await.unwrap();
    let attributes = [
        QueryAttribute::text("who", "ann"),
        QueryAttribute::number("rows", 10),
    ];
    let Response::Rows(_) = connection
        .query_with_attributes(b"attributes", &attributes)
        .await
        .unwrap()
    else {
        panic!()
    };
    let Next::Row(row) = connection.next_row().await.unwrap() else {
        panic!()
    };
    let text = TextCells::new(&row)
        .next()
        .unwrap()
        .unwrap()
        .unwrap()
        .to_vec();
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "who=Bytes(\"ann\"),rows=UInt(10)"
    );
    connection.drain().await.unwrap();
    let port = serve(ServerConfig {
        query_attributes: false,
        ..ServerConfig::default()
    })
    .await;
    let mut plain = connect(port, &options("ann", PASSWORD)).await.unwrap();
    let refused = plain
        .query_with_attributes(b"attributes", &attributes)
        .await;
    assert!(matches!(refused, Err(ClientError::NoQueryAttributes)));
    assert_eq!(cell(&mut plain, "whoami").await, "ann/");
}

/// Writes bytes to the port, closes the write side and returns all the server says.
async fn shout(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    said
}

#[tokio::test]
async fn random_bytes_on_the_port_end_their_own_connection_only() {
    let port = serve(ServerConfig::default()).await;
    let samples: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: sky\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00\x00\x00\x01",
        b"\x05\x00\x00\x01hello",
        &[0xFF; 4096],
        b"\x20\x00\x00\x01\x8d\xa6\xff\x01\xff\xff\xff\xff\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ];
    for bytes in samples {
        let said = shout(port, bytes).await;
        assert_eq!(said.get(4), Some(&10), "the greeting comes first");
    }
    connect(port, &options("ann", PASSWORD))
        .await
        .unwrap()
        .ping()
        .await
        .unwrap();
}

#[tokio::test]
async fn nothing_larger_than_64_kib_is_accepted_before_log_in() {
    let port = serve(ServerConfig::default()).await;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(&[0xFF, 0xFF, 0xFF, 1]).await.unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    assert_eq!(
        said.get(4),
        Some(&10),
        "the greeting, then the connection is closed"
    );
}

#[tokio::test]
async fn a_dropped_answer_leaves_the_connection_marked_busy() {
    let port = serve(ServerConfig::default()).await;
    let mut connection = connect(port, &options("ann", PASSWORD)).await.unwrap();
    {
        let query = connection.query(b"whoami");
        tokio::pin!(query);
        tokio::select! { biased; _ = &mut query => panic!("cannot be ready at once"), () = std::future::ready(()) => {} }
    }
    assert!(!connection.is_idle());
    assert!(matches!(
        connection.query(b"whoami").await,
        Err(ClientError::NotReady(_))
    ));
}

#[tokio::test]
async fn a_client_can_be_turned_away_instead_of_greeted() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let error = orrery_wire::errors::too_many_connections();
        orrery_wire::server::refuse_connection(stream, &error)
            .await
            .unwrap();
    });
    assert_eq!(
        server_code(
            connect(port, &options("ann", PASSWORD))
                .await
                .err()
                .unwrap()
        ),
        1040
    );
}

#[tokio::test]
async fn the_end_of_an_idle_server_connection_is_noticed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let accounts = crate::support::accounts;
        let (mut connection, _) = orrery_wire::server::ServerConnection::handshake(
            stream,
            &ServerConfig::default(),
            1,
            "h",
            &accounts,
        )
        .await
        .unwrap();
        connection
            .writer()
            .write_ok(&orrery_wire::OkPacket::success())
            .await
            .unwrap();
        connection.close().await.unwrap();
    });
    let mut connection = connect(port, &options("ann", PASSWORD)).await.unwrap();
    assert!(matches!(connection.closed().await, WireError::Closed));
}
