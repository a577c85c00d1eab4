//! What sqlx is asked to do.

use std::time::Duration;

use sqlx::mysql::{MySqlConnection, MySqlPool};
use sqlx::types::BigDecimal;
use sqlx::types::time::{Date, PrimitiveDateTime, Time};
use sqlx::{Connection as _, Row as _};

type Failure = Box<dyn std::error::Error>;

const LONG: &str = "SELECT COUNT(*) FROM Source a JOIN Source b USING (objectId) JOIN Source c USING (objectId) \
    JOIN Source d USING (objectId) JOIN Source e USING (objectId) JOIN Source f USING (objectId) \
    JOIN Source g USING (objectId) JOIN Source h USING (objectId) \
    WHERE a.psfFlux * b.psfFlux + c.psfFlux * d.psfFlux > RAND()";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let port = std::env::var("ORRERY_PORT")?;
    let url = format!("mysql://admin:admin@127.0.0.1:{port}/sky");
    let mut connection = MySqlConnection::connect(&url).await?;
    println!("connect");
    query(&mut connection).await?;
    println!("query");
    prepare(&mut connection).await?;
    println!("prepare");
    types(&mut connection).await?;
    println!("types");
    cancel(&mut connection, &url).await?;
    println!("cancel");
    connection.close().await?;
    let pool = MySqlPool::connect(&url).await?;
    let one: i64 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await?;
    assert_eq!(one, 1);
    println!("reconnect");
    Ok(())
}

async fn query(connection: &mut MySqlConnection) -> Result<(), Failure> {
    let row = sqlx::raw_sql("SELECT COUNT(*) FROM Object")
        .fetch_one(connection)
        .await?;
    assert_eq!(row.try_get::<i64, _>(0)?, 2000);
    Ok(())
}

async fn prepare(connection: &mut MySqlConnection) -> Result<(), Failure> {
    let sql = "SELECT COUNT(*) FROM Object WHERE (? IS NULL OR objectId < ?) AND objectId < ?";
    let counted = sqlx::query_scalar(sql).bind(None::<i64>).bind(2).bind(5);
    let count: i64 = counted.fetch_one(&mut *connection).await?;
    assert_eq!(count, 4);
    // The second time the driver executes what it has prepared.
    for limit in [7_usize, 3] {
        let limited = sqlx::query("SELECT objectId FROM Object LIMIT ?").bind(limit as u64);
        assert_eq!(limited.fetch_all(&mut *connection).await?.len(), limit);
    }
    Ok(())
}

async fn types(connection: &mut MySqlConnection) -> Result<(), Failure> {
    let day = Date::from_ordinal_date(2024, 31 + 29)?;
    let moment = PrimitiveDateTime::new(day, Time::from_hms_micro(1, 2, 3, 456_000)?);
    let price: BigDecimal = "-1.50".parse()?;
    let row = sqlx::query("SELECT ?, ?, ?, ?, ?, CAST(? AS DATETIME(6)), CAST(? AS DECIMAL(6,2))")
        .bind(-5)
        .bind(9_007_199_254_740_993_i64)
        .bind("é'\\")
        .bind(0.1)
        .bind(None::<i32>)
        .bind(moment)
        .bind(price.clone())
        .fetch_one(connection)
        .await?;
    assert_eq!(row.try_get::<i64, _>(0)?, -5);
    assert_eq!(row.try_get::<i64, _>(1)?, 9_007_199_254_740_993);
    assert_eq!(row.try_get::<String, _>(2)?, "é'\\");
    assert_eq!(row.try_get::<f64, _>(3)?, 0.1);
    assert_eq!(row.try_get::<Option<i32>, _>(4)?, None);
    assert_eq!(row.try_get::<PrimitiveDateTime, _>(5)?, moment);
    assert_eq!(row.try_get::<BigDecimal, _>(6)?, price);
    Ok(())
}

/// A second connection kills the statement of the first, which serves the next one.
async fn cancel(connection: &mut MySqlConnection, url: &str) -> Result<(), Failure> {
    let id: u64 = sqlx::query_scalar("SELECT CONNECTION_ID()")
        .fetch_one(&mut *connection)
        .await?;
    let kill = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut other = MySqlConnection::connect(url).await?;
        sqlx::raw_sql(&format!("KILL QUERY {id}"))
            .execute(&mut other)
            .await?;
        other.close().await
    };
    let (killed, ended) = tokio::join!(sqlx::query(LONG).fetch_one(&mut *connection), kill);
    ended?;
    let error = killed.err().ok_or("was not killed")?.to_string();
    assert!(error.contains("interrupted"), "{error}");
    let two: i64 = sqlx::query_scalar("SELECT 2").fetch_one(connection).await?;
    assert_eq!(two, 2);
    Ok(())
}
