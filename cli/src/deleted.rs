//! `kubectl orrery table deleted|restore`: tables that were deleted and whose rows are kept.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::PostParams;
use kube::core::ObjectMeta;
use orrery_archive::catalog::{Catalog, Retired, TableKey, TableKind};
use orrery_archive::sql_type::SqlType;
use orrery_archive::table::{Column, DeletionPolicy, OnDeletion, default_deletion_grace};
use orrery_crds::kinds::{
    ChunkedTable, ChunkedTableSpec, ReferenceTable, ReferenceTableSpec, TableRole,
};

use crate::archive::Archive;
use crate::catalog;
use crate::output::{self, outln};
use crate::table::Table;
use crate::units;

/// Prints the deleted tables whose rows are kept.
pub async fn list(archive: &Archive) -> Result<()> {
    let catalog = catalog::read(archive).await?;
    output::write(format_args!("{}", rows(&catalog).text()))?;
    Ok(())
}

fn rows(catalog: &Catalog) -> Table {
    let mut shown = Table::with_header(["TABLE", "INCARNATION", "ROWS", "BYTES", "KEPT UNTIL"]);
    for retired in catalog.retired.values() {
        let segments = &retired.table.segments;
        shown.row([
            retired.key.to_string(),
            retired.table.incarnation.to_string(),
            units::count(segments.iter().map(|segment| segment.rows).sum()),
            units::bytes(segments.iter().map(|segment| segment.bytes).sum()),
            until(retired.until),
        ]);
    }
    shown
}

fn until(until: Option<u64>) -> String {
    let Some(until) = until else {
        return "-".into();
    };
    let time = i64::try_from(until).ok();
    let time = time.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("second {until}"), |time| time.to_string())
}

/// Makes a deleted table's object again, so that its rows come back.
pub async fn restore(archive: &Archive, table: &str) -> Result<()> {
    let key = catalog::table_key(table)?;
    let catalog = catalog::read(archive).await?;
    let object = object(&catalog, &key)?;
    let (client, namespace) = (archive.client.clone(), &archive.namespace);
    let parameters = PostParams {
        field_manager: Some("kubectl-orrery".into()),
        ..PostParams::default()
    };
    let (kind, name) = match object {
        Object::Chunked(object) => {
            let api: Api<ChunkedTable> = Api::namespaced(client, namespace);
            let made = api.create(&parameters, &object).await;
            ("ChunkedTable", made.map(|made| made.metadata.name))
        }
        Object::Reference(object) => {
            let api: Api<ReferenceTable> = Api::namespaced(client, namespace);
            let made = api.create(&parameters, &object).await;
            ("ReferenceTable", made.map(|made| made.metadata.name))
        }
    };
    let name = name.with_context(|| format!("making the object of {key}"))?;
    let name = name.unwrap_or_default();
    outln!("{kind} {name} is made again: {key} has its rows when it is Accepted")?;
    Ok(())
}

/// An object that declares a table.
#[derive(Debug)]
enum Object {
    Chunked(Box<ChunkedTable>),
    Reference(Box<ReferenceTable>),
}

/// The object of the deleted table of this name: of several the one that was deleted last.
fn object(catalog: &Catalog, key: &TableKey) -> Result<Object> {
    ensure!(
        !catalog.tables.contains_key(key),
        "the archive has a table {key}: delete it first"
    );
    let of_key = catalog
        .retired
        .values()
        .filter(|retired| retired.key == *key);
    let retired = of_key.max_by_key(|retired| (retired.since, retired.table.incarnation));
    let retired = retired.with_context(|| {
        format!("no rows of a deleted table {key} are kept: see kubectl orrery table deleted")
    })?;
    let name = retired.table.object.clone();
    ensure!(
        !name.is_empty(),
        "an earlier version deleted {key} and left no name: apply its YAML again"
    );
    let metadata = ObjectMeta {
        name: Some(name),
        ..ObjectMeta::default()
    };
    Ok(match &retired.table.kind {
        TableKind::Reference(_) => Object::Reference(Box::new(ReferenceTable {
            metadata,
            spec: reference(retired)?,
            status: None,
        })),
        TableKind::Director(..) | TableKind::Child(..) => Object::Chunked(Box::new(ChunkedTable {
            metadata,
            spec: chunked(retired)?,
            status: None,
        })),
    })
}

fn chunked(retired: &Retired) -> Result<ChunkedTableSpec> {
    let kind = &retired.table.kind;
    let table = kind.chunked().context("a reference table has no chunks")?;
    let (role, director) = match kind {
        TableKind::Child(_, director) => (TableRole::Child, Some(director.clone())),
        _ => (TableRole::Director, None),
    };
    let (deletion_policy, deletion_grace_seconds) = policy(retired.table.on_deletion);
    Ok(ChunkedTableSpec {
        database: retired.key.database.clone(),
        table: retired.key.table.clone(),
        family: table.family.clone(),
        role,
        key: Some(table.key.clone()),
        director,
        position: table.position.clone(),
        columns: columns(&table.columns, &table.charset, &table.collation),
        indexes: table.indexes.clone(),
        unique_key: table.unique_key,
        charset: table.charset.clone(),
        collation: table.collation.clone(),
        description: String::new(),
        scan_rating: table.scan_rating,
        qserv_compat: table.qserv_compat,
        deletion_policy,
        deletion_grace_seconds,
    })
}

fn reference(retired: &Retired) -> Result<ReferenceTableSpec> {
    let table = retired.table.kind.reference();
    let table = table.context("a table in chunks is no reference table")?;
    let (deletion_policy, deletion_grace_seconds) = policy(retired.table.on_deletion);
    Ok(ReferenceTableSpec {
        database: retired.key.database.clone(),
        table: retired.key.table.clone(),
        columns: columns(&table.columns, &table.charset, &table.collation),
        primary_key: table.primary_key.clone(),
        indexes: table.indexes.clone(),
        charset: table.charset.clone(),
        collation: table.collation.clone(),
        description: String::new(),
        deletion_policy,
        deletion_grace_seconds,
    })
}

/// As a person declares them: the catalog repeats the table's charset and collation at each column
/// of text, and says those that every JSON column has.
fn columns(accepted: &[Column], charset: &str, collation: &str) -> Vec<Column> {
    let mut columns = accepted.to_vec();
    for column in &mut columns {
        let is_default = column.charset.as_deref() == Some(charset)
            && column.collation.as_deref() == Some(collation);
        if is_default || column.sql_type == SqlType::Json.to_string() {
            (column.charset, column.collation) = (None, None);
        }
    }
    columns
}

fn policy(on_deletion: OnDeletion) -> (DeletionPolicy, u64) {
    match on_deletion {
        OnDeletion::Retain => (DeletionPolicy::Retain, default_deletion_grace()),
        OnDeletion::Delete { grace_seconds } => (DeletionPolicy::Delete, grace_seconds),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use orrery_archive::testing::{self, segment};
    use orrery_crds::accept;
    use serde_json::json;

    use super::*;

    fn deleted(table: orrery_archive::catalog::Table, name: &str, since: u64) -> Retired {
        Retired {
            key: TableKey::new("sky", name),
            table,
            since,
            until: (since > 3).then_some(1_800_000_000),
            director: None,
        }
    }

    fn catalog(retired: Vec<Retired>) -> Catalog {
        let retired = retired.into_iter();
        Catalog {
            retired: retired
                .map(|retired| (retired.table.incarnation, retired))
                .collect(),
            ..Catalog::default()
        }
    }

    #[test]
    fn deleted_tables_are_listed_with_the_time_until_which_they_are_kept() {
        let catalog = catalog(vec![
            deleted(
                testing::child(7, [segment(1, [1]), segment(2, [1])]),
                "Source",
                3,
            ),
            deleted(testing::reference(9, [segment(3, [])]), "Filter", 4),
        ]);
        let expected = "TABLE       INCARNATION  ROWS  BYTES  KEPT UNTIL\n\
                        sky.Source  7            2     2 B    -\n\
                        sky.Filter  9            1     1 B    2027-01-15T08:00:00Z\n";
        assert_eq!(rows(&catalog).text(), expected);
    }

    /// Otherwise the operator would take it for another table, and it would begin empty.
    #[test]
    fn an_object_that_is_made_again_declares_the_very_schema_that_was_accepted() {
        let spec: ChunkedTableSpec = serde_json::from_value(json!({
            "database": "sky", "table": "Source", "family": "f", "role": "child", "director": "Object", "key": "ID",
            "position": {"longitude": "ra", "latitude": "decl"}, "scanRating": 7, "qservCompat": true,
            "columns": [
                {"name": "id", "type": "BIGINT", "nullable": false}, {"name": "ra", "type": "DOUBLE"},
                {"name": "decl", "type": "DOUBLE"}, {"name": "a", "type": "VARCHAR(9)"}, {"name": "j", "type": "JSON"},
                {"name": "b", "type": "CHAR(2)", "charset": "ascii", "collation": "ascii_bin", "default": "x"},
            ],
            "indexes": [{"name": "k", "columns": ["a"]}],
        }))
        .unwrap();
        let mut table = testing::child(7, []);
        table.kind = TableKind::Child(accept::chunked(&spec).unwrap(), "Object".into());
        table.on_deletion = OnDeletion::Delete { grace_seconds: 5 };
        let Object::Chunked(made) = object(
            &catalog(vec![deleted(table.clone(), "Source", 3)]),
            &TableKey::new("sky", "Source"),
        )
        .unwrap() else {
            panic!("no chunked table");
        };
        assert_eq!(
            accept::chunked(&made.spec).unwrap(),
            *table.kind.chunked().unwrap()
        );
        assert_eq!(made.spec.columns, spec.columns, "as it was declared");
        assert_eq!(made.spec.director, spec.director);
        assert_eq!(made.metadata.name.as_deref(), Some("table"));
        let policy = (made.spec.deletion_policy, made.spec.deletion_grace_seconds);
        assert_eq!(policy, (DeletionPolicy::Delete, 5));
    }

    #[test]
    fn the_table_that_was_deleted_last_comes_back_and_none_replaces_another() {
        let key = TableKey::new("sky", "Source");
        let mut catalog = catalog(vec![
            deleted(testing::reference(7, []), "Source", 6),
            deleted(testing::child(9, []), "Source", 5),
        ]);
        assert!(matches!(
            object(&catalog, &key).unwrap(),
            Object::Reference(_)
        ));
        let missing = object(&catalog, &TableKey::new("sky", "Object")).unwrap_err();
        assert!(
            missing
                .to_string()
                .contains("no rows of a deleted table sky.Object")
        );
        catalog.tables = BTreeMap::from([(key.clone(), testing::child(11, []))]);
        let taken = object(&catalog, &key).unwrap_err();
        assert!(taken.to_string().contains("delete it first"), "{taken}");
    }
}
