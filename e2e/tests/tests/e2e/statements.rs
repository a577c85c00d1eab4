//! Wrong statements, wrong passwords and things that are no MySQL get a clear answer, and the
//! session or the next one continues.

use anyhow::{Result, bail};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error, Opts};
use orrery_e2e::{error_of, login, proxy, rows, session};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends `sql`, expects `code` and each of `words` in the message, and that the session still
/// works.
async fn refused(sql: &str, code: u16, words: &[&str]) -> Result<()> {
    let mut session = session().await?;
    let (found, message) = error_of(&mut session, sql).await?;
    assert_eq!(found, code, "{message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
    let alive: Vec<u8> = rows(&mut session, "SELECT 1").await?;
    assert_eq!(alive, [1]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn an_unknown_table_is_named() -> Result<()> {
    refused("SELECT * FROM sky.Planets", 1146, &["sky.Planets"]).await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn an_unknown_column_is_named() -> Result<()> {
    refused(
        "SELECT colour FROM sky.Object WHERE objectId = 1",
        1054,
        &["colour"],
    )
    .await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn writes_are_refused_and_the_declarative_way_is_named() -> Result<()> {
    refused("INSERT INTO sky.Filter VALUES (9)", 1235, &["Ingest"]).await?;
    refused("DELETE FROM sky.Object", 1235, &[]).await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn definitions_are_refused_and_the_declarative_way_is_named() -> Result<()> {
    refused("DROP TABLE sky.Object", 1235, &["ChunkedTable"]).await?;
    refused("CREATE TABLE sky.Mine (a INT)", 1235, &["ChunkedTable"]).await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_hundred_thousand_parentheses_get_an_error() -> Result<()> {
    let depth = 100_000;
    let sql = format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
    let mut session = session().await?;
    let (code, message) = error_of(&mut session, &sql).await?;
    assert!(
        [1064, 1105, 1235, 1436].contains(&code),
        "{code}: {message}"
    );
    let alive: Vec<u8> = rows(&mut session, "SELECT 1").await?;
    assert_eq!(alive, [1]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_statement_above_max_allowed_packet_gets_error_1153() -> Result<()> {
    let mut session = session().await?;
    let limit: Vec<usize> = rows(&mut session, "SELECT @@max_allowed_packet").await?;
    let sql = format!("SELECT '{}'", "x".repeat(limit[0]));
    let (code, _) = error_of(&mut session, &sql).await?;
    assert_eq!(code, 1153);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_wrong_password_is_denied() -> Result<()> {
    match Conn::new(Opts::from(login()?.pass(Some("wrong")))).await {
        Err(Error::Server(error)) => {
            assert_eq!(error.code, 1045, "{}", error.message);
            Ok(())
        }
        Err(other) => bail!("no answer of the server: {other}"),
        Ok(_) => bail!("let in with a wrong password"),
    }
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn random_bytes_end_their_connection_and_no_other() -> Result<()> {
    let mut other = session().await?;
    for noise in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xff; 4096],
        &[0; 64],
        &[0x03, 0, 0, 1, 0x85, 0xa2],
    ] {
        let mut stream = TcpStream::connect(proxy()?).await?;
        let _ = stream.write_all(noise).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        // A reset is as good an end as a close.
        let _ = stream.read_to_end(&mut answer).await;
        let alive: Vec<u8> = rows(&mut other, "SELECT 1").await?;
        assert_eq!(alive, [1]);
    }
    Ok(())
}

/// As drivers with server-side statements send it.
#[tokio::test]
#[ignore = "needs the demo"]
async fn a_spatial_restriction_is_prepared_with_its_numbers_as_parameters() -> Result<()> {
    let count = "SELECT COUNT(*) FROM sky.Object WHERE qserv_areaspec_circle";
    let mut session = session().await?;
    let right: Vec<u64> = rows(&mut session, &format!("{count}(1.0, 2.0, 5)")).await?;
    let prepared = format!("{count}(?, ?, ?)");
    let found: Vec<u64> = session.exec(prepared.as_str(), (1.0, 2.0, 5)).await?;
    assert_eq!(found, right);
    let found: Vec<u64> = session.exec(format!("{count}(1.0, 2.0, 5)"), ()).await?;
    assert_eq!(found, right);
    Ok(())
}
