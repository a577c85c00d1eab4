//! The demo's answers are those that the sample sky's rows give, computed here from the rows
//! themselves.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use orrery_e2e::sky::{self, place, separation};
use orrery_e2e::{Archive, rows, session};
use orrery_sample_sky::Table;

/// Cone of the demo: longitude, latitude, radius, in degrees.
const CONE: (f64, f64, f64) = (1.0, 2.0, 0.05);

/// Size and seed of the sky that the demo ingested, from the address of its files.
async fn demo_sky() -> Result<(u64, u64)> {
    let ingest = Archive::demo()
        .await?
        .kind("Ingest")
        .get("sky-object")
        .await?;
    let url = ingest.data["spec"]["sources"][0]["url"]
        .as_str()
        .context("no url")?;
    let mut parts = url.split('/').skip_while(|part| *part != "v1").skip(1);
    let mut number = || {
        parts
            .next()
            .context("a short url")?
            .parse::<u64>()
            .context("no number")
    };
    Ok((number()?, number()?))
}

fn number(field: Option<&str>) -> Option<f64> {
    field.and_then(|text| text.parse().ok())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn counts_are_the_numbers_of_rows() -> Result<()> {
    let (objects, seed) = demo_sky().await?;
    let mut session = session().await?;
    for table in Table::ALL {
        let mut expected = 0_u64;
        sky::rows(objects, seed, table, |_| expected += 1)?;
        let found: Vec<u64> =
            rows(&mut session, &format!("SELECT COUNT(*) FROM sky.{table}")).await?;
        assert_eq!(found, [expected], "{table}");
        // The same rows counted by the workers, one by one.
        let counted: Vec<u64> = rows(
            &mut session,
            &format!(
                "SELECT COUNT(*) FROM sky.{table} WHERE {} IS NOT NULL",
                key(table)
            ),
        )
        .await?;
        assert_eq!(counted, [expected], "{table}");
        // What tools read.
        let told: Vec<(u64, u64)> = rows(
            &mut session,
            &format!(
                "SELECT table_rows, data_length FROM information_schema.tables \
                 WHERE table_schema = 'sky' AND table_name = '{table}'"
            ),
        )
        .await?;
        assert!(
            matches!(told.as_slice(), [(rows, bytes)] if *rows == expected && *bytes > expected),
            "{table}: {told:?} for {expected} rows"
        );
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn every_server_knows_time_zones_by_name() -> Result<()> {
    let mut session = session().await?;
    let local = "CONVERT_TZ('2026-07-01 12:00:00', 'UTC', 'Europe/Berlin')";
    for from in ["", " FROM sky.Object", " FROM sky.Filter"] {
        let sql = format!("SELECT COUNT(*) = SUM({local} = '2026-07-01 14:00:00'){from}");
        let found: Vec<Option<u8>> = rows(&mut session, &sql).await?;
        assert_eq!(found, [Some(1)], "{sql}");
    }
    for set in [
        "SET time_zone = 'Europe/Berlin'",
        "SET time_zone = 'SYSTEM'",
    ] {
        rows::<u8>(&mut session, set).await?;
        let count: Vec<u64> = rows(&mut session, "SELECT COUNT(*) FROM sky.Filter").await?;
        assert_eq!(count.len(), 1, "{set}");
    }
    Ok(())
}

fn key(table: Table) -> &'static str {
    match table {
        Table::Object => "objectId",
        Table::Source => "sourceId",
        Table::Filter => "filterId",
    }
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_cone_holds_the_objects_within_its_radius() -> Result<()> {
    let (objects, seed) = demo_sky().await?;
    let (id, ra, decl) = (
        place(Table::Object, "objectId")?,
        place(Table::Object, "ra")?,
        place(Table::Object, "decl")?,
    );
    let (lon, lat, radius) = CONE;
    let mut expected = Vec::new();
    sky::rows(objects, seed, Table::Object, |row| {
        let position = number(row[ra]).zip(number(row[decl]));
        if position.is_some_and(|(ra, decl)| separation(lon, lat, ra, decl) <= radius) {
            expected.extend(row[id].map(str::to_owned));
        }
    })?;
    expected.sort_by_key(|id| id.parse::<i64>().unwrap_or_default());
    let mut session = session().await?;
    for condition in [
        format!("qserv_areaspec_circle({lon}, {lat}, {radius})"),
        format!("scisql_s2PtInCircle(ra, decl, {lon}, {lat}, {radius}) = 1"),
        format!("scisql_angSep(ra, decl, {lon}, {lat}) <= {radius}"),
    ] {
        let sql = format!(
            "SELECT CAST(objectId AS CHAR) FROM sky.Object WHERE {condition} ORDER BY objectId"
        );
        let found: Vec<String> = rows(&mut session, &sql).await?;
        assert_eq!(found, expected, "{condition}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn an_object_is_found_by_its_id_field_by_field() -> Result<()> {
    let (objects, seed) = demo_sky().await?;
    let wanted = [1, objects / 2, objects].map(|id| id.to_string());
    let columns = orrery_sample_sky::columns(Table::Object);
    let doubles: Vec<usize> = (0..columns.len())
        .filter(|at| matches!(columns[*at].sql_type, "DOUBLE" | "BIGINT"))
        .collect();
    let mut expected = BTreeMap::new();
    let id = place(Table::Object, "objectId")?;
    sky::rows(objects, seed, Table::Object, |row| {
        if let Some(key) = row[id].filter(|key| wanted.iter().any(|wanted| wanted == key)) {
            let values: Vec<Option<f64>> = doubles.iter().map(|at| number(row[*at])).collect();
            expected.insert(key.to_owned(), values);
        }
    })?;
    assert_eq!(expected.len(), wanted.len());
    let list: Vec<&str> = doubles.iter().map(|at| columns[*at].name).collect();
    let mut session = session().await?;
    for (key, values) in expected {
        let sql = format!(
            "SELECT {} FROM sky.Object WHERE objectId = {key}",
            list.join(", ")
        );
        let found: Vec<mysql_async::Row> = rows(&mut session, &sql).await?;
        assert_eq!(found.len(), 1, "{key}");
        let fields: Vec<Option<f64>> = (0..list.len())
            .map(|at| found[0].get::<Option<f64>, _>(at).flatten())
            .collect();
        assert_eq!(fields, values, "{key}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_histogram_has_the_rows_of_each_bin() -> Result<()> {
    let (objects, seed) = demo_sky().await?;
    let mag = place(Table::Object, "rMag")?;
    let mut expected = BTreeMap::<i64, u64>::new();
    sky::rows(objects, seed, Table::Object, |row| {
        if let Some(value) = number(row[mag]) {
            *expected.entry(value.floor() as i64).or_default() += 1;
        }
    })?;
    let sql = "SELECT CAST(FLOOR(rMag) AS SIGNED) AS magnitude, COUNT(*) AS objects FROM sky.Object \
               WHERE rMag IS NOT NULL GROUP BY magnitude ORDER BY magnitude";
    let found: Vec<(i64, u64)> = rows(&mut session().await?, sql).await?;
    assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_join_pairs_each_source_with_its_object_and_filter() -> Result<()> {
    let (objects, seed) = demo_sky().await?;
    let (id, ra, decl) = (
        place(Table::Object, "objectId")?,
        place(Table::Object, "ra")?,
        place(Table::Object, "decl")?,
    );
    let inside = |ra: f64, decl: f64| (1.0..=1.2).contains(&ra) && (2.0..=2.2).contains(&decl);
    let mut in_box = BTreeSet::new();
    sky::rows(objects, seed, Table::Object, |row| {
        let position = number(row[ra]).zip(number(row[decl]));
        if position.is_some_and(|(ra, decl)| inside(ra, decl)) {
            in_box.insert(row[id].map(str::to_owned));
        }
    })?;
    let mut bands = BTreeMap::new();
    let (band, name) = (
        place(Table::Filter, "filterId")?,
        place(Table::Filter, "name")?,
    );
    sky::rows(objects, seed, Table::Filter, |row| {
        bands.insert(
            row[band].map(str::to_owned),
            row[name].unwrap_or_default().to_owned(),
        );
    })?;
    let (object, filter) = (
        place(Table::Source, "objectId")?,
        place(Table::Source, "filterId")?,
    );
    let mut expected = BTreeMap::<String, u64>::new();
    sky::rows(objects, seed, Table::Source, |row| {
        if in_box.contains(&row[object].map(str::to_owned)) {
            let band = bands
                .get(&row[filter].map(str::to_owned))
                .cloned()
                .unwrap_or_default();
            *expected.entry(band).or_default() += 1;
        }
    })?;
    let sql = "SELECT f.name, COUNT(*) FROM sky.Object o \
               JOIN sky.Source s ON s.objectId = o.objectId JOIN sky.Filter f ON f.filterId = s.filterId \
               WHERE o.ra BETWEEN 1.0 AND 1.2 AND o.decl BETWEEN 2.0 AND 2.2 GROUP BY f.name ORDER BY f.name";
    let found: Vec<(String, u64)> = rows(&mut session().await?, sql).await?;
    assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    Ok(())
}
