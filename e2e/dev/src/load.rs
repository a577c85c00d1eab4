//! Puts physical tables into servers.

use std::collections::BTreeSet;

use anyhow::Context;
use orrery_archive::table::ddl::quote_identifier;

use crate::archive::PhysicalTable;
use crate::mysqld::Mysqld;

/// Makes and fills tables. Rows go through files that the server reads itself, so that bad values
/// are errors.
pub async fn load<'t>(
    server: &Mysqld,
    tables: impl IntoIterator<Item = &'t PhysicalTable>,
) -> anyhow::Result<()> {
    let folder = server.pipe_dir().join("load");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("rows");
    let mut root = server.root().await?;
    root.run(b"SET NAMES utf8mb4").await?;
    let mut databases = BTreeSet::new();
    for table in tables {
        if databases.insert(&table.database) {
            let statement = format!(
                "CREATE DATABASE IF NOT EXISTS {}",
                quote_identifier(&table.database)
            );
            root.run(statement.as_bytes()).await?;
        }
        let name = format!(
            "{}.{}",
            quote_identifier(&table.database),
            quote_identifier(&table.table)
        );
        let create = format!("CREATE TABLE {name} {}", table.definition);
        root.run(create.as_bytes())
            .await
            .with_context(|| create.clone())?;
        std::fs::write(&file, &table.rows)?;
        let fields: Vec<String> = table
            .fields
            .iter()
            .map(|field| quote_identifier(field))
            .collect();
        let statement = format!(
            "LOAD DATA INFILE '{}' INTO TABLE {name} CHARACTER SET utf8mb4 ({})",
            file.display(),
            fields.join(",")
        );
        root.run(statement.as_bytes())
            .await
            .with_context(|| format!("load {name}"))?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
