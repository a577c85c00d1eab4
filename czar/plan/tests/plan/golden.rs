//! Plans against a real MariaDB: the answer of the merged parts equals the answer of one server
//! with all rows.

use crate::common::rows::{Archive, archive};
use crate::common::server::Server;
use mysql_async::consts::ColumnType;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row as ResultRow, Value};
use orrery_archive::catalog::{TableKey, TableKind};
use orrery_archive::names::{RowSet, chunk_table, physical_database, reference_table};
use orrery_archive::table::ddl;
use orrery_plan::{KeysByChunk, Merge, Plan, RowRange, ShadowMerge, Work, plan};

/// Stand-ins for the plugin's functions, good enough for boxes and circles away from the poles.
const SKY_FUNCTIONS: [&str; 2] = [
    "CREATE FUNCTION scisql_s2PtInBox(lon DOUBLE, lat DOUBLE, a DOUBLE, b DOUBLE, c DOUBLE, d DOUBLE) RETURNS INT DETERMINISTIC \
     RETURN lon BETWEEN a AND c AND lat BETWEEN b AND d",
    "CREATE FUNCTION scisql_s2PtInCircle(lon DOUBLE, lat DOUBLE, a DOUBLE, b DOUBLE, r DOUBLE) RETURNS INT DETERMINISTIC \
     RETURN ACOS(LEAST(1, SIN(RADIANS(lat))*SIN(RADIANS(b)) + COS(RADIANS(lat))*COS(RADIANS(b))*COS(RADIANS(lon-a)))) <= RADIANS(r)",
];

pub(super) async fn prepare_database(connection: &mut Conn, archive: &Archive) {
    connection
        .query_drop("CREATE DATABASE sky DEFAULT CHARACTER SET utf8mb4")
        .await
        .unwrap();
    connection.query_drop("USE sky").await.unwrap();
    connection
        .query_drop("SET time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES'")
        .await
        .unwrap();
    for function in SKY_FUNCTIONS {
        connection.query_drop(function).await.unwrap();
    }
    for (key, table) in &archive.catalog.tables {
        let shadow = ddl::shadow(&table.kind);
        connection
            .query_drop(format!("CREATE TABLE sky.`{}` {shadow}", key.table))
            .await
            .unwrap();
    }
}

/// One table with all rows.
pub(super) async fn load_whole(connection: &mut Conn, archive: &Archive) {
    for (name, rows) in &archive.rows {
        let table = &archive.catalog.tables[&TableKey::new("sky", *name)];
        let chunked = !matches!(table.kind, TableKind::Reference(_));
        for row in rows {
            let columns = if chunked {
                columns_of(&table.kind)
            } else {
                String::new()
            };
            let place = if chunked {
                format!(", {}, {}", row.chunk, row.sub_chunk)
            } else {
                String::new()
            };
            let sql = format!(
                "INSERT INTO sky.`{name}` {columns} VALUES ({}{place})",
                row.values
            );
            connection
                .query_drop(&sql)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }
}

fn columns_of(kind: &TableKind) -> String {
    match kind {
        TableKind::Director(table, _) | TableKind::Child(table, _) => {
            let fields: Vec<String> = ddl::chunked_fields(table)
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            format!("({})", fields.join(", "))
        }
        TableKind::Reference(_) => String::new(),
    }
}

/// Physical tables per chunk and segment, and empty shadow tables.
async fn load_chunks(connection: &mut Conn, archive: &Archive) {
    for (name, rows) in &archive.rows {
        let table = &archive.catalog.tables[&TableKey::new("sky", *name)];
        let database = physical_database("sky", table.incarnation);
        connection
            .query_drop(format!("CREATE DATABASE `{database}`"))
            .await
            .unwrap();
        for row in rows {
            let attempt = 100 + row.segment;
            let (physical, definition, place) = match &table.kind {
                TableKind::Reference(accepted) => (
                    reference_table(name, attempt),
                    ddl::reference(accepted),
                    String::new(),
                ),
                TableKind::Director(accepted, _) | TableKind::Child(accepted, _) => (
                    chunk_table(name, RowSet::Home, row.chunk, attempt),
                    ddl::home(accepted, matches!(table.kind, TableKind::Director(..))),
                    format!(", {}, {}", row.chunk, row.sub_chunk),
                ),
            };
            let create =
                format!("CREATE TABLE IF NOT EXISTS `{database}`.`{physical}` {definition}");
            connection.query_drop(create).await.unwrap();
            let columns = columns_of(&table.kind);
            let insert = format!(
                "INSERT INTO `{database}`.`{physical}` {columns} VALUES ({}{place})",
                row.values
            );
            connection.query_drop(insert).await.unwrap();
        }
    }
}

type Rows = Vec<Vec<Option<Vec<u8>>>>;

async fn rows(connection: &mut Conn, sql: &str) -> Result<Rows, String> {
    let rows: Vec<ResultRow> = connection
        .query(sql)
        .await
        .map_err(|error| format!("{sql}\n  {error}"))?;
    let cells = rows
        .into_iter()
        .map(|row| row.unwrap().into_iter().map(text).collect());
    Ok(cells.collect())
}

fn text(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(bytes),
        other => panic!("not a text result: {other:?}"),
    }
}

/// What the czar does, in the smallest form.
async fn execute(plan: Plan, archive: &Archive, connection: &mut Conn) -> Result<Rows, String> {
    let plan = match plan.lookup() {
        Some(lookup) => {
            let mut found = KeysByChunk::new();
            for key in &lookup.keys {
                for chunk in archive.index.get(key).into_iter().flatten() {
                    found.entry(*chunk).or_default().insert(key.clone());
                }
            }
            plan.with_index_result(found)
        }
        None => plan,
    };
    let renderer = plan.renderer(&archive.catalog).unwrap();
    match (&plan.work, renderer) {
        (Work::Static(rows), _) => {
            let bytes =
                |value: &Option<String>| value.as_ref().map(|value| value.clone().into_bytes());
            Ok(rows
                .iter()
                .map(|row| row.iter().map(bytes).collect())
                .collect())
        }
        (Work::Shadow, _) => rows(connection, &plan.metadata_sql).await,
        (Work::AnyWorker(_), Some(renderer)) => rows(connection, &renderer.whole()).await,
        (Work::Chunks(work), Some(renderer)) => {
            let mut parts = Rows::new();
            let units = renderer.parts(&work.selection).unwrap();
            let statements: Vec<String> = units
                .iter()
                .flat_map(|unit| renderer.statements(unit))
                .collect();
            for batch in statements.chunks(if work.batchable { 5 } else { 1 }) {
                let batch = match batch {
                    [one] => one.clone(),
                    several => {
                        format!("({}){}", several.join(") UNION ALL ("), work.joined_end)
                    }
                };
                parts.extend(rows(connection, &batch).await?);
            }
            match &work.merge {
                Merge::Concatenate(range) => Ok(cut(parts, *range)),
                Merge::Shadow(merge) => {
                    let merged = merge_parts(merge, &parts, connection).await?;
                    if let Some(simple) = &merge.simple {
                        crate::common::merge::compare(simple, &parts, &merged);
                    }
                    Ok(merged)
                }
            }
        }
        _ => unreachable!("a plan of chunks has a renderer"),
    }
}

/// For each column the number of decimals with which a DOUBLE is shown, if it is fixed: the czar
/// prints by the metadata.
async fn fixed_decimals(connection: &mut Conn, sql: &str) -> Result<Vec<Option<usize>>, String> {
    let result = connection
        .query_iter(sql)
        .await
        .map_err(|error| format!("{sql}\n  {error}"))?;
    let columns = result
        .columns()
        .map(|columns| columns.to_vec())
        .unwrap_or_default();
    result.drop_result().await.unwrap();
    let fixed = columns.iter().map(|column| {
        let is_double = column.column_type() == ColumnType::MYSQL_TYPE_DOUBLE;
        (is_double && column.decimals() < 31).then_some(usize::from(column.decimals()))
    });
    Ok(fixed.collect())
}

fn as_shown(rows: Rows, decimals: &[Option<usize>]) -> Rows {
    let show = |(cell, decimals): (Option<Vec<u8>>, &Option<usize>)| match (&cell, decimals) {
        (Some(text), Some(decimals)) => {
            let number: f64 = std::str::from_utf8(text).unwrap().parse().unwrap();
            let (shortest, rounded) = (number.to_string(), format!("{number:.decimals$}"));
            let given = shortest
                .split_once('.')
                .map_or(0, |(_, fraction)| fraction.len());
            let point = if given == 0 && *decimals > 0 { "." } else { "" };
            let zeros = "0".repeat(decimals.saturating_sub(given));
            let shown = if given > *decimals {
                rounded
            } else {
                shortest + point + &zeros
            };
            Some(shown.into_bytes())
        }
        _ => cell,
    };
    let rows = rows.into_iter();
    rows.map(|row| row.into_iter().zip(decimals).map(show).collect())
        .collect()
}

fn cut(parts: Rows, range: RowRange) -> Rows {
    let count = range.count.map_or(usize::MAX, |count| count as usize);
    parts
        .into_iter()
        .skip(range.offset as usize)
        .take(count)
        .collect()
}

async fn merge_parts(
    merge: &ShadowMerge,
    parts: &Rows,
    connection: &mut Conn,
) -> Result<Rows, String> {
    connection
        .query_drop("DROP TEMPORARY TABLE IF EXISTS sky.parts")
        .await
        .unwrap();
    rows(connection, &merge.create_sql("sky.parts")).await?;
    let holes = vec!["?"; merge.partial_columns + 1].join(", ");
    for (number, part) in parts.iter().enumerate() {
        let mut values = vec![Value::UInt(number as u64)];
        values.extend(
            part.iter()
                .map(|value| value.clone().map_or(Value::NULL, Value::Bytes)),
        );
        let insert = format!("INSERT INTO sky.parts VALUES ({holes})");
        let inserted = connection.exec_drop(insert, values).await;
        inserted.map_err(|error| {
            format!(
                "{}\n  row {}: {error}",
                merge.partial_over_shadow(),
                shown(part)
            )
        })?;
    }
    rows(connection, &merge.merge_sql("sky.parts")).await
}

/// How two answers are compared.
#[derive(Clone, Copy)]
pub(super) struct Comparison {
    pub(super) order: Order,
    /// Sums of doubles may differ by rounding.
    pub(super) rounded: bool,
}

/// Which rows must match.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Order {
    /// Row by row.
    Fixed,
    /// As sets of rows.
    Any,
    /// Only the number of rows: which ones is not defined.
    Count,
}

fn compare(
    sql: &str,
    mut expected: Rows,
    mut actual: Rows,
    order: Comparison,
) -> Result<(), String> {
    if expected.len() != actual.len() {
        return Err(format!(
            "{sql}\n  expected {} rows, actual {}",
            expected.len(),
            actual.len()
        ));
    }
    if order.order == Order::Count {
        return Ok(());
    }
    if order.order == Order::Any {
        expected.sort();
        actual.sort();
    }
    for (number, (expected, actual)) in expected.iter().zip(&actual).enumerate() {
        let values = expected.iter().zip(actual);
        let same = values.into_iter().all(|(expected, actual)| {
            same_value(expected.as_deref(), actual.as_deref(), order.rounded)
        });
        if expected.len() != actual.len() || !same {
            return Err(format!(
                "{sql}\n  row {number}: expected {}\n  actual {}",
                shown(expected),
                shown(actual)
            ));
        }
    }
    Ok(())
}

/// Equal text; where sums of doubles are allowed to differ by rounding, numbers with a point or
/// exponent may.
fn same_value(expected: Option<&[u8]>, actual: Option<&[u8]>, rounded: bool) -> bool {
    if expected == actual || !rounded {
        return expected == actual;
    }
    let number = |bytes: Option<&[u8]>| {
        let text = std::str::from_utf8(bytes?).ok()?;
        text.parse::<f64>()
            .ok()
            .filter(|_| text.contains(['.', 'e']))
    };
    match (number(expected), number(actual)) {
        (Some(expected), Some(actual)) => {
            (expected - actual).abs() <= 1e-12 * expected.abs().max(1.0)
        }
        _ => false,
    }
}

fn shown(row: &[Option<Vec<u8>>]) -> String {
    let values = row.iter().map(|value| {
        value
            .as_ref()
            .map_or("NULL".into(), |value| String::from_utf8_lossy(value))
    });
    values.collect::<Vec<_>>().join(" | ")
}

const QUERIES: &str = include_str!("golden.sql");

fn queries() -> Vec<(Comparison, &'static str, Option<&'static str>)> {
    let lines = QUERIES
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("--"));
    let parsed = lines.map(|line| {
        let (order, sql) = line.split_once(": ").unwrap();
        let rounded = order.ends_with('~');
        let order = match order.trim_end_matches('~') {
            "fixed" => Order::Fixed,
            "any" => Order::Any,
            "count" => Order::Count,
            other => panic!("{other}"),
        };
        let order = Comparison { order, rounded };
        match sql.split_once(" ### ") {
            Some((sql, oracle)) => (order, sql, Some(oracle)),
            None => (order, sql, None),
        }
    });
    parsed.collect()
}

/// An archive's rows in one server, and in another by chunks.
pub(super) struct Sides {
    pub(super) archive: Archive,
    pub(super) whole: Conn,
    pub(super) parts: Conn,
    _servers: [Server; 2],
}

impl Sides {
    pub(super) async fn start(objects: i64) -> Self {
        let archive = archive(objects);
        let servers = [Server::start(), Server::start()];
        let [whole, parts] = &servers;
        let (mut whole, mut parts) = (whole.connect().await, parts.connect().await);
        prepare_database(&mut whole, &archive).await;
        load_whole(&mut whole, &archive).await;
        prepare_database(&mut parts, &archive).await;
        load_chunks(&mut parts, &archive).await;
        Self {
            archive,
            whole,
            parts,
            _servers: servers,
        }
    }

    /// Compares the answer of a plan with that of one server.
    pub(super) async fn check(
        &mut self,
        sql: &str,
        oracle: Option<&str>,
        order: Comparison,
        plan: Plan,
    ) -> Result<(), String> {
        // The metadata text must be a statement that the shadow server can execute.
        let decimals = fixed_decimals(&mut self.parts, &plan.metadata_sql).await?;
        let expected = rows(&mut self.whole, oracle.unwrap_or(sql)).await?;
        let actual = execute(plan, &self.archive, &mut self.parts)
            .await
            .map_err(|error| format!("{sql}\n  {error}"))?;
        compare(sql, expected, as_shown(actual, &decimals), order)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_parts_equal_one_server() {
    let mut sides = Sides::start(240).await;
    let queries = queries();
    assert!(queries.len() >= 60, "{} queries", queries.len());
    let mut failures = Vec::new();
    for (order, sql, oracle) in queries {
        let plan = match plan(sql, &sides.archive.catalog, Some("sky")) {
            Ok(Plan {
                work: Work::Gather(gather),
                ..
            }) => {
                failures.push(format!("{sql}\n  gathered: {:?}", gather.reason));
                continue;
            }
            Ok(plan) => plan,
            Err(error) => {
                failures.push(format!("{sql}\n  {error}"));
                continue;
            }
        };
        failures.extend(sides.check(sql, oracle, order, plan).await.err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
