//! What tables are in their family, where the archive does not say it. Pure.

use orrery_archive::sql_type::SqlType;
use orrery_archive::table::Column;
use orrery_formats::{Field, Kind};

use super::tables::{Imported, Role};
use crate::create::guess;

/// Its key, and its longitude and latitude.
type Director = (String, (String, String));

/// The roles of `tables`, and what a person is to decide of each: a director has a key of one column
/// and a position, a child names the key of a director, by a foreign key or by the column's name.
pub fn guessed(tables: &[Imported]) -> Vec<(Role, String)> {
    let directors: Vec<Option<Director>> = tables.iter().map(director).collect();
    let role = |(table, own): (&Imported, &Option<Director>)| {
        if let Some((key, director)) = child(table, tables, &directors) {
            let says = format!(
                "Decide: rows follow those of {director} by {key}, because a foreign key or a name says so."
            );
            return (Role::Child(key, director, position(table)), says);
        }
        match own {
            Some((key, position)) => (
                Role::Director(key.clone(), position.clone()),
                "Decide: the table has a key and a position, so that its rows are spread over chunks.".into(),
            ),
            None => (
                Role::Reference,
                "Decide: no key of one column with a position in degrees was found, so that every worker holds the whole table.".into(),
            ),
        }
    };
    tables.iter().zip(&directors).map(role).collect()
}

fn director(table: &Imported) -> Option<Director> {
    let [key] = table.primary_key.as_slice() else {
        return None;
    };
    let column = table
        .columns()
        .find(|column| column.name.eq_ignore_ascii_case(key))?;
    let sql_type = SqlType::parse(&column.sql_type).ok()?;
    let fits = sql_type.is_integer()
        || ["CHAR", "VARCHAR"]
            .iter()
            .any(|name| column.sql_type.starts_with(name));
    fits.then_some(())?;
    Some((column.name.clone(), position(table)?))
}

/// The column that names a director's key, and the director.
fn child(
    table: &Imported,
    tables: &[Imported],
    directors: &[Option<Director>],
) -> Option<(String, String)> {
    let is = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let others = || {
        tables
            .iter()
            .zip(directors)
            .filter_map(|(other, director)| {
                let (key, _) = director.as_ref()?;
                (other.name != table.name).then_some((other, key))
            })
    };
    let by_reference = table.references.iter().find_map(|(own, other, column)| {
        others()
            .find(|(director, key)| is(&director.name, other) && is(key, column))
            .map(|(director, _)| (own.clone(), director.name.clone()))
    });
    by_reference.or_else(|| {
        others().find_map(|(director, key)| {
            // Both might be directors of one key; then neither follows the other.
            let own = matches!(table.primary_key.as_slice(), [one] if is(one, key));
            let column = table.columns().find(|column| is(&column.name, key))?;
            (!own).then(|| (column.name.clone(), director.name.clone()))
        })
    })
}

/// Longitude and latitude, by UCD and name.
pub fn position(table: &Imported) -> Option<(String, String)> {
    let columns: Vec<&Column> = table.columns().collect();
    let fields: Vec<Field> = columns.iter().map(|column| field(column)).collect();
    let (longitude, latitude) = guess(&fields).position?;
    let name = |index: usize| Some(columns.get(index)?.name.clone());
    Some((name(longitude)?, name(latitude)?))
}

fn field(column: &Column) -> Field {
    let number = ["DOUBLE", "FLOAT", "REAL", "DECIMAL"]
        .iter()
        .any(|name| column.sql_type.starts_with(name));
    let kind = if number {
        Kind::Double
    } else {
        Kind::Text { most: None }
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Field {
        unit: some(&column.unit),
        ucd: some(&column.ucd),
        ..Field::new(column.name.clone(), kind, column.nullable)
    }
}
