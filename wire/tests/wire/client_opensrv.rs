//! Our client side against opensrv-mysql: a server that shares no code with ours nor with MariaDB.

use std::io;

use crate::support::options;
use async_trait::async_trait;
use opensrv_mysql::{
    AsyncMysqlIntermediary, AsyncMysqlShim, Column, ColumnFlags, ColumnType, ErrorKind, InitWriter,
    OkResponse, ParamParser, QueryResultWriter, StatementMetaWriter,
};
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, Endpoint, Next, Response};
use orrery_wire::value::{BinaryCells, Param, TextCells};
use orrery_wire::{Value, client};
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;

struct Backend;

fn column(name: &str, coltype: ColumnType) -> Column {
    Column {
        table: "t".to_owned(),
        column: name.to_owned(),
        coltype,
        colflags: ColumnFlags::empty(),
    }
}

#[async_trait]
impl<W: AsyncWrite + Send + Unpin> AsyncMysqlShim<W> for Backend {
    type Error = io::Error;

    async fn on_prepare<'a>(
        &'a mut self,
        _: &'a str,
        info: StatementMetaWriter<'a, W>,
    ) -> io::Result<()> {
        let param = column("?", ColumnType::MYSQL_TYPE_LONGLONG);
        info.reply(7, &[param], &[column("x", ColumnType::MYSQL_TYPE_LONGLONG)])
            .await
    }

    async fn on_execute<'a>(
        &'a mut self,
        _: u32,
        params: ParamParser<'a>,
        results: QueryResultWriter<'a, W>,
    ) -> io::Result<()> {
        let given: Vec<i64> = params.into_iter().map(|param| param.value.into()).collect();
        let columns = [column("x", ColumnType::MYSQL_TYPE_LONGLONG)];
        let mut rows = results.start(&columns).await?;
        rows.write_row([given[0] * 2]).await?;
        rows.finish().await
    }

    async fn on_close(&mut self, _: u32) {}

    async fn on_query<'a>(
        &'a mut self,
        sql: &'a str,
        results: QueryResultWriter<'a, W>,
    ) -> io::Result<()> {
        match sql {
            "rows" => {
                let columns = [
                    column("n", ColumnType::MYSQL_TYPE_LONG),
                    column("s", ColumnType::MYSQL_TYPE_VAR_STRING),
                ];
                let mut rows = results.start(&columns).await?;
                for number in 0..1000 {
                    rows.write_col(number)?;
                    rows.write_col((number % 2 == 0).then(|| format!("row {number}")))?;
                    rows.end_row().await?;
                }
                rows.finish().await
            }
            "fail" => {
                results
                    .error(ErrorKind::ER_NO_SUCH_TABLE, b"no such table")
                    .await
            }
            _ => {
                results
                    .completed(OkResponse {
                        affected_rows: 3,
                        ..OkResponse::default()
                    })
                    .await
            }
        }
    }

    async fn on_init<'a>(&'a mut self, _: &'a str, writer: InitWriter<'a, W>) -> io::Result<()> {
        writer.ok().await
    }
}

async fn connect(deprecate_eof: bool) -> ClientConnection {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, write) = stream.into_split();
        AsyncMysqlIntermediary::run_on(Backend, read, write).await
    });
    let options = ClientOptions {
        deprecate_eof,
        ..options("anyone", "anything")
    };
    ClientConnection::connect(&Endpoint::Tcp(address), &options)
        .await
        .unwrap()
}

#[tokio::test]
async fn queries_rows_and_errors() {
    for deprecate_eof in [true, false] {
        let mut connection = connect(deprecate_eof).await;
        let (columns, rows) = connection.query_all(b"rows").await.unwrap();
        assert_eq!((columns.len(), rows.len()), (2, 1000));
        let cells = |index: usize| {
            TextCells::new(&rows[index])
                .map(Result::unwrap)
                .collect::<Vec<_>>()
        };
        assert_eq!(cells(998), [Some(&b"998"[..]), Some(&b"row 998"[..])]);
        assert_eq!(cells(999), [Some(&b"999"[..]), None]);
        let error = connection.query(b"fail").await.unwrap_err();
        assert!(
            matches!(error, ClientError::Server(ref error) if error.code == 1146),
            "{error:?}"
        );
        let client::Response::Ok(ok) = connection.query(b"other").await.unwrap() else {
            panic!()
        };
        assert_eq!(ok.affected_rows, 3);
        connection.init_db("sky").await.unwrap();
        connection.ping().await.unwrap();
    }
}

#[tokio::test]
async fn prepared_statements() {
    for deprecate_eof in [true, false] {
        let mut connection = connect(deprecate_eof).await;
        let prepared = connection.prepare(b"double").await.unwrap();
        assert_eq!(
            (
                prepared.statement,
                prepared.params.len(),
                prepared.columns.len()
            ),
            (7, 1, 1)
        );
        let Response::Rows(columns) = connection
            .execute(&prepared, &[Param::from(Value::Int(21))])
            .await
            .unwrap()
        else {
            panic!()
        };
        let Next::Row(row) = connection.next_row().await.unwrap() else {
            panic!()
        };
        let cells: Vec<_> = BinaryCells::new(&row, &columns)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(cells, [Value::Int(42)]);
        assert!(matches!(connection.next_row().await.unwrap(), Next::End(_)));
        connection.close_statement(prepared).await.unwrap();
        connection.ping().await.unwrap();
    }
}
