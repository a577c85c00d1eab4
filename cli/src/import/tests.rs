//! Folders as other archives leave them, from files to objects that are accepted.

mod addresses;
mod server;

use std::path::Path;

use orrery_kit::Mysqld;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::Cli;
use clap::Parser as _;

/// The objects that the command prints of `path`, as YAML.
async fn printed(kind: &str, path: impl AsRef<Path>, more: &[&str]) -> Result<Vec<Value>> {
    let path = path.as_ref().display().to_string();
    let words = ["kubectl-orrery", "import", kind, &path];
    let cli = Cli::try_parse_from(words.iter().chain(more).copied()).unwrap();
    let crate::Command::Import(import) = cli.command else {
        panic!("{words:?} is another command");
    };
    let yaml = yaml(*import).await?;
    let documents = yaml.split("---\n");
    Ok(documents
        .map(|document| {
            serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{error}: {document}"))
        })
        .collect())
}

/// The spec of an object.
fn spec<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects
        .iter()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    &found.unwrap_or_else(|| panic!("no {kind} {name}: {objects:#?}"))["spec"]
}

fn write(root: &TempDir, name: &str, content: impl AsRef<[u8]>) {
    let path = root.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A catalogue of two chunks, a child and a table for all workers.
fn qserv() -> TempDir {
    let root = TempDir::new().unwrap();
    let both = json!([{"directory": "part/Object", "chunks": [9, 6630], "overlaps": [9]}]);
    let child = json!([{"directory": "part/Source", "chunks": [6630]}]);
    let files = json!([{"directory": "", "files": ["Filter.csv"]}]);
    let metadata = json!({
        "version": 12, "database": "database.json", "charset_name": "latin1",
        "tables": [
            {"schema": "Object.json", "indexes": [], "data": both},
            {"schema": "Source.json", "indexes": [], "data": child},
            {"schema": "Filter.json", "indexes": [], "data": files},
        ],
    });
    write(&root, "metadata.json", metadata.to_string());
    let database = json!({"database": "pt", "num_stripes": 85, "num_sub_stripes": 12, "overlap": 0.01667, "auth_key": ""});
    write(&root, "database.json", database.to_string());
    let chunks = [
        json!({"name": "chunkId", "type": "int(11) NOT NULL"}),
        json!({"name": "subChunkId", "type": "int(11) NOT NULL"}),
    ];
    let table = |name: &str, director: &str, columns: &[(&str, &str)]| {
        let mut schema: Vec<Value> = columns
            .iter()
            .map(|(name, own)| json!({"name": name, "type": own}))
            .collect();
        schema.extend(chunks.clone());
        json!({
            "database": "pt", "table": name, "is_partitioned": 1, "director_table": director, "director_key": "objectId",
            "longitude_key": "ra", "latitude_key": "decl", "schema": schema,
        })
    };
    let position = [("ra", " double NOT NULL"), ("decl", "double DEFAULT NULL")];
    let own = [
        &[("objectId", " bigint(20) NOT NULL")][..],
        &position,
        &[("name", "varchar(9)")],
    ]
    .concat();
    write(&root, "Object.json", table("Object", "", &own).to_string());
    let own = [
        &[
            ("sourceId", "bigint(20) NOT NULL"),
            ("objectId", "bigint(20)"),
        ][..],
        &position,
    ]
    .concat();
    write(
        &root,
        "Source.json",
        table("Source", "Object", &own).to_string(),
    );
    let filter = json!({"database": "pt", "table": "Filter", "is_partitioned": 0, "schema": [
        {"name": "id", "type": "tinyint(4) NOT NULL"}, {"name": "name", "type": "char(3) NOT NULL"}]});
    write(&root, "Filter.json", filter.to_string());
    write(&root, "part/Object/chunk_9.txt", "");
    write(
        &root,
        "part/Object/chunk_6630.txt",
        "1,0.5,0.5,\"a\",6630,0\n",
    );
    write(
        &root,
        "part/Object/chunk_9_overlap.txt",
        "1,0.5,0.5,\"a\",9,0\n",
    );
    write(
        &root,
        "part/Source/chunk_6630.txt",
        "1\t1\t0.5\t0.5\t6630\t0\n",
    );
    write(&root, "Filter.csv", "1,r\n");
    root
}

#[tokio::test]
async fn a_qserv_catalogue_keeps_its_grid_and_has_its_chunks_compared() {
    let root = qserv();
    let objects = printed("qserv", root.path(), &["--claim", "qserv", "--at", "pt11/"])
        .await
        .unwrap();
    assert_eq!(objects.len(), 7);
    let scheme = &spec(&objects, "ChunkFamily", "sky")["scheme"];
    assert_eq!(
        scheme,
        &json!({"kind": "sphere", "stripes": 85, "subStripes": 12, "overlap": 0.01667})
    );
    let object = spec(&objects, "ChunkedTable", "pt-object");
    assert_eq!(
        [
            &object["role"],
            &object["key"],
            &object["charset"],
            &object["qservCompat"]
        ],
        [
            &json!("director"),
            &json!("objectId"),
            &json!("latin1"),
            &json!(true)
        ]
    );
    assert_eq!(object["columns"].as_array().unwrap().len(), 4);
    let source = spec(&objects, "ChunkedTable", "pt-source");
    assert_eq!(
        [&source["role"], &source["director"]],
        [&json!("child"), &json!("Object")]
    );
    let ingest = spec(&objects, "Ingest", "pt-object");
    let paths = |ingest: &Value| {
        let sources = ingest["sources"].as_array().unwrap().clone();
        sources
            .iter()
            .map(|source| source["path"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // No pattern that a file of overlaps fits.
    assert_eq!(
        paths(ingest),
        [
            "pt11/part/Object/chunk_?.txt",
            "pt11/part/Object/chunk_????.txt"
        ]
    );
    assert_eq!(
        ingest["fields"],
        json!(["objectId", "ra", "decl", "name", "chunkId", "subChunkId"])
    );
    assert_eq!(
        ingest["dialect"],
        json!({"delimiter": ",", "charset": "latin1", "quote": "\""})
    );
    assert_eq!(
        spec(&objects, "Ingest", "pt-source")["dialect"]["delimiter"],
        "\\t"
    );
    assert_eq!(
        paths(spec(&objects, "Ingest", "pt-filter")),
        ["pt11/Filter.csv"]
    );
    spec(&objects, "ReferenceTable", "pt-filter");
}

#[tokio::test]
async fn a_qserv_catalogue_that_contradicts_itself_is_refused() {
    type Change = fn(&TempDir);
    let changes: [(Change, &str); 4] = [
        (
            |root| std::fs::remove_file(root.path().join("part/Object/chunk_9.txt")).unwrap(),
            "other chunks",
        ),
        (
            |root| write(root, "part/Object/chunk_10.txt", ""),
            "other chunks",
        ),
        (
            |root| write(root, "part/Source/chunk_6630.txt", "1,2\n"),
            "other fields",
        ),
        (
            |root| std::fs::remove_file(root.path().join("Filter.csv")).unwrap(),
            "Filter.csv is not in",
        ),
    ];
    for (change, why) in changes {
        let root = qserv();
        change(&root);
        let error = format!(
            "{:#}",
            printed("qserv", root.path(), &[]).await.unwrap_err()
        );
        assert!(error.contains(why), "{error}");
    }
}

/// What the server writes for `mysqldump --tab`.
fn dumped(root: &TempDir, mysqld: &Mysqld, table: &str) {
    let created = mysqld.sql(&format!("SHOW CREATE TABLE d.{table}"));
    let (_, statement) = created.split_once('\t').unwrap();
    let statement = statement.replace("\\n", "\n");
    write(
        root,
        &format!("{table}.sql"),
        format!("/*!40101 SET NAMES utf8 */;\n{statement};\n"),
    );
    let outside = mysqld.pipe_dir().join(table);
    mysqld.sql(&format!(
        "SELECT * INTO OUTFILE '{}' CHARACTER SET binary FROM d.{table}",
        outside.display()
    ));
    std::fs::copy(outside, root.path().join(format!("{table}.txt"))).unwrap();
}

fn mysqldump() -> TempDir {
    let root = TempDir::new().unwrap();
    let mysqld = Mysqld::start();
    mysqld.sql(
        "CREATE DATABASE d; USE d;
         CREATE TABLE Object (objectId BIGINT UNSIGNED NOT NULL PRIMARY KEY, ra FLOAT NOT NULL COMMENT 'it''s J2000',
           `dec` DOUBLE NOT NULL, name VARCHAR(20) CHARACTER SET latin1 DEFAULT 'a,b', place POINT, KEY byName (name)) DEFAULT CHARSET=utf8mb4 COMMENT='all';
         CREATE TABLE Source (id INT NOT NULL PRIMARY KEY, object BIGINT UNSIGNED,
           CONSTRAINT f FOREIGN KEY (object) REFERENCES Object (objectId)) DEFAULT CHARSET=utf8mb4;
         CREATE TABLE Filter (name CHAR(3) NOT NULL, since DATETIME DEFAULT '2020-01-01 00:00:00', PRIMARY KEY (name, since)) DEFAULT CHARSET=latin1;
         INSERT INTO Object VALUES (1, 0.5, 0.5, 'x\\ty', NULL); INSERT INTO Source VALUES (7, 1); INSERT INTO Filter VALUES ('r', '2021-01-01');",
    );
    for table in ["Object", "Source", "Filter"] {
        dumped(&root, &mysqld, table);
    }
    root
}

#[tokio::test]
async fn a_dump_by_tables_gives_what_its_statements_say() {
    let root = mysqldump();
    let objects = printed("mysqldump", root.path(), &["--database", "old"])
        .await
        .unwrap();
    let object = spec(&objects, "ChunkedTable", "old-object");
    assert_eq!(
        [&object["role"], &object["key"]],
        [&json!("director"), &json!("objectId")]
    );
    assert_eq!(
        object["position"],
        json!({"longitude": "ra", "latitude": "dec"})
    );
    assert_eq!(
        object["columns"][1],
        json!({"name": "ra", "type": "DOUBLE", "nullable": false, "description": "it's J2000"})
    );
    assert_eq!(object["columns"][3]["charset"], "latin1");
    assert_eq!(object["columns"][3]["default"], "a,b");
    assert_eq!(
        object["indexes"],
        json!([{"name": "byName", "columns": ["name"]}])
    );
    assert_eq!(object["description"], "all");
    let ingest = spec(&objects, "Ingest", "old-object");
    assert_eq!(
        ingest["fields"],
        json!(["objectId", "ra", "dec", "name", "-place"])
    );
    assert_eq!(
        ingest["sources"],
        json!([{"claim": "files", "path": "Object.txt"}])
    );
    assert_eq!(
        ingest["dialect"],
        json!({"delimiter": "\\t", "charset": "binary"})
    );
    let source = spec(&objects, "ChunkedTable", "old-source");
    assert_eq!(
        [&source["role"], &source["director"], &source["key"]],
        [&json!("child"), &json!("Object"), &json!("object")]
    );
    assert_eq!(source["indexes"][0]["columns"], json!(["id"]));
    let filter = spec(&objects, "ReferenceTable", "old-filter");
    assert_eq!(filter["primaryKey"], json!(["name", "since"]));
    assert_eq!(filter["charset"], "latin1");
}

fn hats() -> TempDir {
    let root = TempDir::new().unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hats.parquet");
    let properties = "# HATS\nobs_collection = dr 3 small\ndataproduct_type = object\nhats_col_ra = coord_ra\nhats_col_dec = coord_dec\nhats_nrows = 3\n";
    write(&root, "hats.properties", properties);
    write(&root, "dataset/_metadata", "x");
    write(
        &root,
        "dataset/Norder=1/Dir=0/Npix=17.parquet",
        std::fs::read(sample).unwrap(),
    );
    root
}

#[tokio::test]
async fn a_hats_catalogue_is_one_table_of_all_its_pixels() {
    let root = hats();
    let more = [
        "--bucket",
        "lsdb",
        "--endpoint",
        "https://minio",
        "--secret",
        "keys",
        "--at",
        "/dr3",
    ];
    let objects = printed("hats", root.path(), &more).await.unwrap();
    let table = spec(&objects, "ChunkedTable", "sky-dr-3-small");
    assert_eq!(
        table["position"],
        json!({"longitude": "coord_ra", "latitude": "coord_dec"})
    );
    let ingest = spec(&objects, "Ingest", "sky-dr-3-small");
    let source = json!({"s3": {"bucket": "lsdb", "endpoint": "https://minio", "key": "dr3/dataset/Norder=*/**.parquet", "secretRef": {"name": "keys"}}});
    assert_eq!(ingest["sources"], json!([source]));
    assert_eq!(ingest["dialect"]["format"], "parquet");
    assert!(
        ingest["fields"]
            .as_array()
            .unwrap()
            .contains(&json!("-lightcurve"))
    );
    write(&root, "hats.properties", "dataproduct_type = margin\n");
    let error = printed("hats", root.path(), &[]).await.unwrap_err();
    assert!(format!("{error:#}").contains("copies of rows"), "{error:#}");
}

fn felis() -> TempDir {
    let root = TempDir::new().unwrap();
    let yaml = r##"
name: dp1
"@id": "#dp1"
tables:
  - name: Object
    "@id": "#Object"
    description: One row per object.
    primaryKey: "#Object.objectId"
    columns:
      - {name: objectId, "@id": "#Object.objectId", datatype: long, description: Unique id., "mysql:datatype": BIGINT, "ivoa:ucd": meta.id;meta.main}
      - {name: coord_ra, "@id": "#Object.coord_ra", datatype: double, "ivoa:unit": deg, "ivoa:ucd": pos.eq.ra;meta.main, nullable: false}
      - {name: coord_dec, "@id": "#Object.coord_dec", datatype: double, "fits:tunit": deg, "ivoa:ucd": pos.eq.dec;meta.main}
      - {name: note, "@id": "#Object.note", datatype: string, length: 16}
  - name: Source
    "@id": "#Source"
    primaryKey: ["#Source.sourceId"]
    columns:
      - {name: sourceId, "@id": "#Source.sourceId", datatype: long}
      - {name: parent, "@id": "#Source.parent", datatype: long}
      - {name: seen, "@id": "#Source.seen", datatype: timestamp}
    constraints:
      - {name: fk, "@id": "#fk", "@type": ForeignKey, columns: ["#Source.parent"], referencedColumns: ["#Object.objectId"]}
    indexes:
      - {name: bySeen, "@id": "#bySeen", columns: ["#Source.seen"]}
"##;
    write(&root, "dp1.yaml", yaml);
    write(
        &root,
        "data/Object/a.csv",
        "objectId,coord_ra,coord_dec,note\n1,0.5,0.5,a\n",
    );
    write(&root, "data/Object/b.csv.gz", "x");
    root
}

#[tokio::test]
async fn felis_gives_types_meanings_and_relations() {
    let root = felis();
    let data = root.path().join("data").display().to_string();
    let objects = printed("felis", &root.path().join("dp1.yaml"), &["--data", &data])
        .await
        .unwrap();
    let object = spec(&objects, "ChunkedTable", "dp1-object");
    let ra = json!({"name": "coord_ra", "type": "DOUBLE", "nullable": false, "unit": "deg", "ucd": "pos.eq.ra;meta.main"});
    assert_eq!(object["columns"][1], ra);
    assert_eq!(object["columns"][2]["unit"], "deg");
    assert_eq!(object["columns"][3]["type"], "VARCHAR(16)");
    assert_eq!(object["columns"][0]["nullable"], false);
    let source = spec(&objects, "ChunkedTable", "dp1-source");
    assert_eq!(
        [&source["director"], &source["key"]],
        [&json!("Object"), &json!("parent")]
    );
    assert_eq!(source["columns"][2]["type"], "DATETIME(6)");
    let ingest = spec(&objects, "Ingest", "dp1-object");
    assert_eq!(ingest["sources"].as_array().unwrap().len(), 2);
    assert_eq!(ingest["dialect"]["header"], true);
    assert!(
        !objects
            .iter()
            .any(|object| object["metadata"]["name"] == "dp1-source" && object["kind"] == "Ingest")
    );
    let alone = printed("felis", root.path(), &["--existing"])
        .await
        .unwrap();
    assert!(
        alone
            .iter()
            .all(|object| object["kind"] != "ChunkFamily" && object["kind"] != "Ingest")
    );
}
