//! A table of another archive, and the objects that it becomes. Pure.

use anyhow::Result;
use orrery_archive::table::{Column, SecondaryKey};
use serde_json::{Map, Value, json};

use super::objects::Object;
use crate::create::object_name;

/// Files that one Ingest may name.
const MOST_SOURCES: usize = 1000;

/// A table of another archive.
#[derive(Debug, Default)]
pub struct Imported {
    /// Its name.
    pub name: String,
    /// Fields of its files, in order.
    pub fields: Vec<Field>,
    /// Columns of its primary key.
    pub primary_key: Vec<String>,
    /// Other keys.
    pub keys: Vec<SecondaryKey>,
    /// Foreign keys of one column: it, the table and the column it names.
    pub references: Vec<(String, String, String)>,
    /// Character set of texts that name none, and its collation.
    pub charset: Option<(String, String)>,
    /// What it means.
    pub description: String,
    /// Whether files and their chunks come from Qserv.
    pub qserv: bool,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Where its rows are; none are loaded without.
    pub sources: Vec<Value>,
    /// How files are written.
    pub dialect: Value,
    /// Whether fields go to columns by their names in the files.
    pub named: bool,
}

/// A field of a table's files.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Where its values go.
    pub goes: Goes,
}

/// Where the values of a field go.
#[derive(Debug)]
pub enum Goes {
    /// Into a column.
    Column(Box<Column>),
    /// They are compared with the chunk that is found.
    Compared,
    /// Nowhere, because of this.
    LeftOut(String),
}

/// What a table is in its family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Owns its keys: key, longitude and latitude.
    Director(String, (String, String)),
    /// Follows the rows of a director: key, the director, and a position of its own.
    Child(String, String, Option<(String, String)>),
    /// Every worker holds it whole.
    Reference,
}

/// Names around a table.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Database.
    pub database: &'a str,
    /// Family of chunked tables.
    pub family: &'a str,
}

impl Imported {
    /// Its columns.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.fields.iter().filter_map(|field| match &field.goes {
            Goes::Column(column) => Some(column.as_ref()),
            _ => None,
        })
    }

    /// The table and the ingests into it.
    pub fn objects(&self, role: &Role, names: Names<'_>) -> Result<Vec<Object>> {
        let mut spec = Map::new();
        spec.insert("database".into(), json!(names.database));
        spec.insert("table".into(), json!(self.name));
        let positions = self.place_in(role, names, &mut spec);
        let key = spec.get("key").and_then(Value::as_str).map(str::to_owned);
        let columns: Vec<Column> = self
            .columns()
            .map(|column| self.fitting(column, key.as_deref(), &positions))
            .collect();
        spec.insert("columns".into(), json!(columns));
        let indexes = self.indexes(role, key.as_deref());
        if !indexes.is_empty() {
            spec.insert("indexes".into(), json!(indexes));
        }
        if let Some((charset, collation)) = &self.charset {
            spec.insert("charset".into(), json!(charset));
            spec.insert("collation".into(), json!(collation));
        }
        if !self.description.is_empty() {
            spec.insert("description".into(), json!(self.description));
        }
        let mut notes = self.notes.clone();
        for field in &self.fields {
            if let Goes::LeftOut(why) = &field.goes {
                notes.push(format!("Left out: {} {why}.", field.name));
            }
        }
        let mut objects = vec![Object::table(Value::Object(spec), notes)?];
        objects.extend(self.ingests(names)?);
        Ok(objects)
    }

    /// What the role adds to the spec; the position columns.
    fn place_in(
        &self,
        role: &Role,
        names: Names<'_>,
        spec: &mut Map<String, Value>,
    ) -> Vec<String> {
        let mut positions = Vec::new();
        let (key, position) = match role {
            Role::Reference => {
                if !self.primary_key.is_empty() {
                    spec.insert("primaryKey".into(), json!(self.primary_key));
                }
                return positions;
            }
            Role::Director(key, position) => {
                spec.insert("role".into(), json!("director"));
                (key, Some(position))
            }
            Role::Child(key, director, position) => {
                spec.insert("role".into(), json!("child"));
                spec.insert("director".into(), json!(director));
                (key, position.as_ref())
            }
        };
        spec.insert("family".into(), json!(names.family));
        spec.insert("key".into(), json!(key));
        if let Some((longitude, latitude)) = position {
            let position = json!({"longitude": longitude, "latitude": latitude});
            spec.insert("position".into(), position);
            positions = vec![longitude.clone(), latitude.clone()];
        }
        if self.qserv {
            spec.insert("qservCompat".into(), json!(true));
        }
        positions
    }

    /// The column as a key or a position must be.
    fn fitting(&self, column: &Column, key: Option<&str>, positions: &[String]) -> Column {
        let mut column = column.clone();
        let is = |name: &str| column.name.eq_ignore_ascii_case(name);
        if positions.iter().any(|position| is(position)) {
            column.sql_type = "DOUBLE".into();
        }
        let text = ["CHAR", "VARCHAR"]
            .iter()
            .any(|name| column.sql_type.starts_with(name));
        if key.is_some_and(is) && text {
            let default = self
                .charset
                .as_ref()
                .map_or("utf8mb4", |(charset, _)| charset);
            let charset = column.charset.as_deref().unwrap_or(default);
            column.collation = Some(format!("{charset}_bin"));
        }
        column
    }

    /// Keys that say more than the one that the role gives. The primary key of a child is one.
    fn indexes(&self, role: &Role, key: Option<&str>) -> Vec<SecondaryKey> {
        let mut indexes = self.keys.clone();
        if matches!(role, Role::Child(..)) && !self.primary_key.is_empty() {
            indexes.push(SecondaryKey {
                name: "own_key".into(),
                columns: self.primary_key.clone(),
            });
        }
        let kept = |name: &String| {
            let mut columns = self.columns();
            columns.any(|column| column.name.eq_ignore_ascii_case(name))
        };
        indexes.retain(|index| {
            let same = matches!(index.columns.as_slice(), [one] if key.is_some_and(|key| key.eq_ignore_ascii_case(one)));
            !same && index.columns.iter().all(kept)
        });
        indexes
    }

    fn ingests(&self, names: Names<'_>) -> Result<Vec<Object>> {
        let name = object_name(names.database, &self.name);
        let several = self.sources.len() > MOST_SOURCES;
        let mut objects = Vec::new();
        for (number, sources) in (1..).zip(self.sources.chunks(MOST_SOURCES)) {
            let mut spec = json!({
                "target": {"database": names.database, "table": self.name},
                "sources": sources,
                "dialect": self.dialect,
            });
            let left_out = |field: &Field| matches!(field.goes, Goes::LeftOut(_));
            let plain = self
                .fields
                .iter()
                .all(|field| matches!(field.goes, Goes::Column(_)));
            if !plain && (!self.named || self.fields.iter().any(left_out)) {
                let fields = self.fields.iter().map(|field| match field.goes {
                    Goes::LeftOut(_) => format!("-{}", field.name),
                    Goes::Column(_) | Goes::Compared => field.name.clone(),
                });
                spec["fields"] = fields.collect();
            }
            let name = if several {
                format!("{name}-{number}")
            } else {
                name.clone()
            };
            objects.push(Object::ingest(name, spec, Vec::new())?);
        }
        Ok(objects)
    }
}
