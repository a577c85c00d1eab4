//! Headers as archives write them, from the file to objects that are accepted.

use std::fs::File;
use std::path::Path;

use orrery_crds::accept;
use orrery_crds::kinds::{ChunkedTableSpec, IngestSpec};
use serde_json::Value;

use super::manifest::{Manifest, Table, table_name};
use super::{Names, describe, manifest};

fn created(sample: &str) -> Manifest {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(sample);
    let description = describe(File::open(&path).unwrap(), None).unwrap();
    let names = Names {
        database: "sky".into(),
        table: table_name(sample),
        family: "sky".into(),
        from: path.display().to_string(),
    };
    manifest(&description, &names).unwrap()
}

/// The director table and the ingest in the YAML, which is what a user applies.
fn director(sample: &str) -> (ChunkedTableSpec, IngestSpec) {
    let yaml = created(sample).yaml;
    let objects: Vec<Value> = yaml
        .split("---\n")
        .map(|object| serde_saphyr::from_str(object).unwrap())
        .collect();
    assert_eq!(objects[0]["kind"], "ChunkedTable", "{yaml}");
    let spec: ChunkedTableSpec = serde_json::from_value(objects[0]["spec"].clone()).unwrap();
    accept::chunked(&spec).unwrap();
    let ingest = serde_json::from_value(objects[1]["spec"].clone()).unwrap();
    (spec, ingest)
}

/// Name, type and nullability of the columns.
fn columns(spec: &ChunkedTableSpec) -> Vec<String> {
    let null = |nullable| if nullable { "" } else { " NOT NULL" };
    let columns = spec.columns.iter();
    columns
        .map(|column| {
            format!(
                "{} {}{}",
                column.name,
                column.sql_type,
                null(column.nullable)
            )
        })
        .collect()
}

fn key_and_position(spec: &ChunkedTableSpec) -> [&str; 3] {
    let position = spec.position.as_ref().unwrap();
    [
        spec.key.as_deref().unwrap(),
        &position.longitude,
        &position.latitude,
    ]
}

#[test]
fn gaia_ecsv_gives_its_types_units_and_ucds() {
    let (spec, ingest) = director("gaia.ecsv");
    assert_eq!(key_and_position(&spec), ["source_id", "ra", "dec"]);
    assert_eq!(
        columns(&spec),
        [
            "solution_id BIGINT",
            "DESIGNATION VARCHAR(64)",
            "source_id BIGINT NOT NULL",
            "ref_epoch DOUBLE",
            "ra DOUBLE NOT NULL",
            "ra_error FLOAT",
            "dec DOUBLE NOT NULL",
            "parallax DOUBLE",
            "astrometric_params_solved SMALLINT",
            "phot_g_mean_mag FLOAT",
            "has_xp_continuous TINYINT",
        ]
    );
    let ra = &spec.columns[4];
    assert_eq!(
        [ra.unit.as_str(), &ra.ucd, &ra.description],
        ["deg", "pos.eq.ra;meta.main", "Right ascension"]
    );
    let dialect = ingest.dialect;
    assert_eq!(
        (dialect.comment.as_str(), dialect.delimiter.as_str()),
        ("#", ",")
    );
    assert!(dialect.header && dialect.booleans && dialect.nulls.contains(&String::new()));
}

#[test]
fn the_same_table_as_votable_gives_the_same_columns() {
    let (ecsv, _) = director("gaia.ecsv");
    let (votable, ingest) = director("gaia.vot");
    assert_eq!(key_and_position(&votable), key_and_position(&ecsv));
    let names = |spec: &ChunkedTableSpec| {
        spec.columns
            .iter()
            .map(|column| (column.name.clone(), column.unit.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&votable), names(&ecsv));
    assert_eq!(
        serde_json::to_value(ingest.dialect).unwrap()["format"],
        "votable"
    );
}

#[test]
fn sdss_csv_gives_guesses_that_say_so() {
    let (spec, ingest) = director("sdss.csv");
    assert_eq!(key_and_position(&spec), ["objID", "ra", "dec"]);
    assert_eq!(
        columns(&spec),
        [
            "objID BIGINT NOT NULL",
            "ra DOUBLE NOT NULL",
            "dec DOUBLE NOT NULL",
            "type BIGINT",
            "u DOUBLE",
            "clean BIGINT",
            "mjd BIGINT",
            "name VARCHAR(16)",
        ]
    );
    assert_eq!(ingest.dialect.comment, "#");
    assert!(ingest.dialect.nulls.contains(&"null".to_owned()));
    assert!(
        created("sdss.csv")
            .yaml
            .contains("# Decide: types and lengths are guesses")
    );
}

#[test]
fn a_line_of_units_and_one_of_dashes_are_no_rows() {
    let (spec, ingest) = director("vizier.tsv");
    assert_eq!(ingest.dialect.skip_after_header, 2);
    assert_eq!(ingest.dialect.delimiter, "\\t");
    assert_eq!(spec.columns[1].unit, "deg");
    assert_eq!(spec.columns[1].sql_type, "DOUBLE");
}

#[test]
fn hats_parquet_leaves_lists_out_and_says_so() {
    let (spec, ingest) = director("hats.parquet");
    assert_eq!(
        key_and_position(&spec),
        ["objectId", "coord_ra", "coord_dec"]
    );
    assert!(
        !spec
            .columns
            .iter()
            .any(|column| column.name == "lightcurve")
    );
    assert!(columns(&spec).contains(&"Npix BIGINT UNSIGNED".to_owned()));
    assert!(columns(&spec).contains(&"visitTime DATETIME(6)".to_owned()));
    assert_eq!(ingest.fields[0], "_healpix_29");
    assert!(ingest.fields.contains(&"-lightcurve".to_owned()));
    assert!(
        created("hats.parquet")
            .yaml
            .contains("# Left out: lightcurve holds a list")
    );
}

#[test]
fn without_key_and_position_it_is_a_reference_table() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("filters.csv");
    std::fs::write(&path, "name,wavelength,since\nr,620.5,2020-01-01\n").unwrap();
    let description = describe(File::open(&path).unwrap(), None).unwrap();
    let names = Names {
        database: "sky".into(),
        table: "Filter".into(),
        family: "sky".into(),
        from: "https://example.org/filters.csv?token=secret".into(),
    };
    let manifest = manifest(&description, &names).unwrap();
    let Table::Reference(spec) = &manifest.table else {
        panic!("{}", manifest.yaml);
    };
    accept::reference(spec).unwrap();
    assert_eq!(spec.columns[2].sql_type, "DATE");
    assert!(!spec.description.contains("secret"));
    assert!(manifest.yaml.contains("kind: ReferenceTable"));
}

#[test]
fn tables_are_named_as_files_where_a_table_may_be() {
    for (file, name) in [
        ("/data/gaia-dr3.csv.gz", "gaia_dr"),
        ("https://h/a/Object.parquet?x=1", "Object"),
        ("123.csv", "Catalogue"),
        ("Npix=7.parquet", "Npix"),
    ] {
        assert_eq!(table_name(file), name);
    }
}
