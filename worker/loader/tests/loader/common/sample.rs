//! The real samples, where they are.

use std::path::{Path, PathBuf};

use orrery_loader::survey::Finished;
use orrery_worker_api::loader::{IndexLocation, Survey, SurveyTarget};
use serde_json::{Value, json};

use super::*;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// Folder of a sample, or `None`, said aloud.
fn sample(folder: &str) -> Option<PathBuf> {
    let path = Path::new(SAMPLES).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is not here", path.display());
    None
}

/// Columns as `tables.json` has them: name and type with attributes.
pub fn columns(table: &Value) -> Value {
    let column = |column: &Value| {
        let (name, declared) = (column[0].as_str().unwrap(), column[1].as_str().unwrap());
        let upper = declared.to_uppercase();
        let end = upper
            .find(" NOT NULL")
            .or(upper.find(" DEFAULT"))
            .unwrap_or(declared.len());
        let sql_type = &declared[..end];
        let text = upper.starts_with("CHAR") || upper.starts_with("VARCHAR");
        json!({
            "name": name, "type": sql_type, "nullable": !upper.contains("NOT NULL"),
            "charset": text.then_some("utf8mb4"), "collation": text.then_some("utf8mb4_bin"),
        })
    };
    table["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(column)
        .collect()
}

/// One sample.
pub struct Sample {
    pub place: Place,
    pub tables: Value,
    pub folder: PathBuf,
}

impl Sample {
    pub fn open(folder: &str) -> Option<Self> {
        let folder = sample(folder)?;
        let tables = std::fs::read_to_string(folder.join("tables.json")).unwrap();
        Some(Self {
            place: Place::new(),
            tables: serde_json::from_str(&tables).unwrap(),
            folder,
        })
    }

    pub fn survey(&self, name: &str, target: SurveyTarget) -> Survey {
        let file = ["tsv.gz", "csv.gz"]
            .map(|suffix| self.folder.join(format!("{name}.{suffix}")))
            .into_iter()
            .find(|path| path.is_file())
            .unwrap();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        std::fs::copy(&file, self.place.source_path(&name)).unwrap();
        let mut survey = survey_of(target, vec![source(&name)]);
        if name.contains(".tsv") {
            survey.dialect.delimiter = "\\t".into();
            survey.dialect.charset = "binary".into();
        }
        survey
    }

    pub fn director(&self, name: &str) -> Survey {
        let table = object(&json!({
            "columns": columns(&self.tables[name]), "position": {"longitude": "ra_PS", "latitude": "decl_PS"},
        }));
        self.survey(
            name,
            SurveyTarget::Director {
                table,
                grid: sphere(),
                index: no_index(),
            },
        )
    }

    pub fn child(&self, name: &str, index: IndexLocation) -> Survey {
        let table = child(&json!({
            "columns": columns(&self.tables[name]), "position": {"longitude": "raObject", "latitude": "declObject"},
        }));
        self.survey(
            name,
            SurveyTarget::Child {
                table,
                grid: sphere(),
                index,
            },
        )
    }

    pub fn reference(&self, name: &str) -> Survey {
        let table = reference(&columns(&self.tables[name]));
        self.survey(name, SurveyTarget::Reference { table })
    }

    pub async fn finish(&self, survey: Survey) -> Finished {
        self.place.survey(survey).await.unwrap().0
    }
}
