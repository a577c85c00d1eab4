//! The real samples in `../shared/data`, where they are.

mod common;

use std::path::{Path, PathBuf};

use common::*;
use orrery_crds::loader::{Survey, SurveyTarget};
use orrery_loader::survey::Finished;
use serde_json::{Value, json};

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
fn columns(table: &Value) -> Value {
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
    table["columns"].as_array().unwrap().iter().map(column).collect()
}

struct Sample {
    place: Place,
    tables: Value,
    folder: PathBuf,
}

impl Sample {
    fn open(folder: &str) -> Option<Self> {
        let folder = sample(folder)?;
        let tables = std::fs::read_to_string(folder.join("tables.json")).unwrap();
        Some(Self {
            place: Place::new(),
            tables: serde_json::from_str(&tables).unwrap(),
            folder,
        })
    }

    fn survey(&self, name: &str, target: SurveyTarget) -> Survey {
        let file = ["tsv.gz", "csv.gz"]
            .map(|suffix| self.folder.join(format!("{name}.{suffix}")))
            .into_iter()
            .find(|path| path.is_file())
            .unwrap();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        std::os::unix::fs::symlink(&file, self.place.source_path(&name)).unwrap();
        let mut survey = survey_of(target, vec![source(&name)]);
        if name.contains(".tsv") {
            survey.dialect.delimiter = "\\t".into();
            survey.dialect.charset = "binary".into();
        }
        survey
    }

    fn director(&self, name: &str) -> Survey {
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

    fn child(&self, name: &str) -> Survey {
        let table = child(&json!({
            "columns": columns(&self.tables[name]), "position": {"longitude": "raObject", "latitude": "declObject"},
        }));
        self.survey(
            name,
            SurveyTarget::Child {
                table,
                grid: sphere(),
                index: no_index(),
            },
        )
    }

    fn reference(&self, name: &str) -> Survey {
        let table = reference(&columns(&self.tables[name]));
        self.survey(name, SurveyTarget::Reference { table })
    }

    async fn finish(&self, survey: Survey) -> Finished {
        self.place.survey(survey).await.unwrap().0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pt12_object_lands_in_exactly_its_thirteen_chunks() {
    let Some(sample) = Sample::open("pt12") else {
        return;
    };
    let finished = sample.finish(sample.director("Object")).await;
    let homes: Vec<u32> = finished
        .surveyed
        .chunks
        .iter()
        .filter(|(_, rows)| rows.rows > 0)
        .map(|(chunk, _)| *chunk)
        .collect();
    assert_eq!(
        homes,
        [
            6630, 6631, 6800, 6801, 6968, 6970, 6971, 7138, 7140, 7308, 7310, 7478, 7648
        ]
    );
    assert_eq!((finished.summary.rows, finished.summary.rejects), (88, 0));
    assert_eq!(finished.surveyed.index_chunks.values().sum::<u64>(), 88);
}

#[tokio::test(flavor = "multi_thread")]
async fn pt12_tables_have_the_rows_they_should_have_and_no_rejects() {
    let Some(sample) = Sample::open("pt12") else {
        return;
    };
    for (name, rows) in [
        ("RefSrcMatch", 3344),
        ("SimRefObject", 3314),
        ("Science_Ccd_Exposure", 3304),
        ("Filter", 9),
        ("LeapSeconds", 38),
    ] {
        let finished = sample.finish(sample.reference(name)).await;
        assert_eq!(
            (finished.summary.rows, finished.summary.rejects),
            (rows, 0),
            "{name}"
        );
    }
    let finished = sample.finish(sample.child("Source")).await;
    assert_eq!((finished.summary.rows, finished.summary.rejects), (3339, 0));
    assert_eq!(finished.summary.orphans, 3339, "no director is published here");
}

#[tokio::test(flavor = "multi_thread")]
async fn pt11_loads_whole() {
    let Some(sample) = Sample::open("pt11") else {
        return;
    };
    let finished = sample.finish(sample.director("Object")).await;
    assert_eq!((finished.summary.rows, finished.summary.rejects), (1000, 0));
    let finished = sample.finish(sample.child("Source")).await;
    assert_eq!((finished.summary.rows, finished.summary.rejects), (4583, 0));
}
