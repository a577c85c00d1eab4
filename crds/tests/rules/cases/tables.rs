//! `ChunkedTable` and `ReferenceTable`.

use serde_json::{Value, json};

use crate::case::{Case, Kind};

const RESERVED: &str = "spec: this database name is reserved: names of MariaDB's own databases, and those that begin with orrery_";

fn column(name: &str, sql_type: &str) -> Value {
    json!({"name": name, "type": sql_type})
}

fn columns(more: &[Value]) -> Value {
    let own = [
        column("objectId", "BIGINT"),
        column("ra", "DOUBLE"),
        column("decl", "DOUBLE"),
    ];
    own.iter().chain(more).cloned().collect()
}

fn director() -> Kind {
    Kind::new(
        "ChunkedTable",
        json!({
            "database": "sky", "table": "Object", "family": "main", "role": "director", "key": "objectId",
            "position": {"longitude": "ra", "latitude": "decl"}, "columns": columns(&[]),
        }),
    )
}

pub fn chunked() -> Vec<Case> {
    let mut table = director();
    table.accepts(
        "columns named in another case",
        json!({"spec": {"key": "OBJECTID", "position": {"longitude": "RA"}}}),
    );
    table.accepts(
        "a child",
        json!({"spec": {"role": "child", "table": "Source", "director": "Object", "position": null}}),
    );
    table.accepts(
        "longest names",
        json!({"spec": {"database": "d".repeat(50), "table": "t".repeat(32)}}),
    );
    table.accepts(
        "names that only look reserved",
        json!({"spec": {"database": "mysql2", "table": "FullOverlap2x"}}),
    );
    table.accepts(
        "a thousand columns with long names and words",
        json!({"spec": {"columns": thousand(1000)}}),
    );
    names(&mut table);
    keys(&mut table);
    table.refuses(
        "no columns",
        json!({"spec": {"columns": [], "position": null}}),
        &[
            "spec: a director needs a key that is one of its columns",
            "spec.columns: Invalid value: 0: spec.columns in body should have at least 1 items",
        ],
    );
    table.refuses(
        "more than a thousand columns",
        json!({"spec": {"columns": thousand(1001)}}),
        &["spec.columns: Too many: 1001: must have at most 1000 items"],
    );
    for name in ["chunkId", "CHUNKID", "subChunkId", "SubchunkID"] {
        table.refuses(
            "a column with a reserved name",
            json!({"spec": {"columns": columns(&[column(name, "INT")])}}),
            &["spec: the column names chunkId and subChunkId are reserved, whatever the case"],
        );
    }
    table.refuses(
        "a column without a type",
        json!({"spec": {"columns": columns(&[json!({"name": "x"})])}}),
        &["spec.columns[3].type: Required value"],
    );
    table.done()
}

fn names(table: &mut Kind) {
    let own_name = ["spec: a chunked table's name does not end in _<digits> or FullOverlap"];
    for name in [
        "Object_7",
        "Object_1234",
        "ObjectFullOverlap",
        "objectfulloverlap",
    ] {
        table.refuses(
            "the name of a physical table",
            json!({"spec": {"table": name}}),
            &own_name,
        );
    }
    table.refuses(
        "a table name of 33 characters",
        json!({"spec": {"table": "t".repeat(33)}}),
        &["spec.table: Too long: may not be more than 32 bytes"],
    );
    table.refuses(
        "a database name of 51 characters",
        json!({"spec": {"database": "d".repeat(51)}}),
        &["spec.database: Too long: may not be more than 50 bytes"],
    );
    for name in ["1st", "a-b", "a b", "ä", "_a"] {
        let refusal = format!(
            "spec.table: Invalid value: \"{name}\": spec.table in body should match '^[A-Za-z][A-Za-z0-9_]*$'"
        );
        table.refuses(
            "letters that are none",
            json!({"spec": {"table": name}}),
            &[&refusal],
        );
    }
    for name in [
        "mysql",
        "MySQL",
        "information_schema",
        "performance_schema",
        "sys",
        "orrery_index",
        "Orrery_x",
    ] {
        table.refuses(
            "a database of the server or ours",
            json!({"spec": {"database": name}}),
            &[RESERVED],
        );
    }
}

fn keys(table: &mut Kind) {
    let director = ["spec: a director needs a key that is one of its columns"];
    table.refuses(
        "a director without a key",
        json!({"spec": {"key": null}}),
        &director,
    );
    table.refuses(
        "a director whose key is no column",
        json!({"spec": {"key": "id"}}),
        &director,
    );
    table.refuses(
        "a director with a director",
        json!({"spec": {"director": "Object"}}),
        &["spec: a director has no director"],
    );
    let child = [
        "spec: a child needs its director, and a key that is one of its columns and names the director row",
    ];
    table.refuses(
        "a child without a director",
        json!({"spec": {"role": "child"}}),
        &child,
    );
    table.refuses(
        "a child without a key",
        json!({"spec": {"role": "child", "director": "Object", "key": null}}),
        &child,
    );
    table.refuses(
        "a child whose key is no column",
        json!({"spec": {"role": "child", "director": "Object", "key": "id"}}),
        &child,
    );
    let position = ["spec: position.longitude and position.latitude must be columns of the table"];
    table.refuses(
        "a longitude that is no column",
        json!({"spec": {"position": {"longitude": "raa"}}}),
        &position,
    );
    table.refuses(
        "a latitude that is no column",
        json!({"spec": {"position": {"latitude": "dec"}}}),
        &position,
    );
    table.refuses(
        "an unknown role",
        json!({"spec": {"role": "aunt"}}),
        &["spec.role: Unsupported value: \"aunt\": supported values: \"director\", \"child\""],
    );
    table.refuses(
        "a scan rating of nothing",
        json!({"spec": {"scanRating": 0}}),
        &["spec.scanRating: Invalid value: 0: spec.scanRating in body should be greater than or equal to 1"],
    );
}

/// Columns as wide as they come: an object of this size must stay within the rules' costs.
fn thousand(count: usize) -> Value {
    let filler = (3..count).map(|i| {
        let name = format!("{:x<64}", format!("c{i}"));
        json!({"name": name, "type": format!("ENUM('{}')", "e".repeat(100)), "description": "d".repeat(500)})
    });
    columns(&filler.collect::<Vec<_>>())
}

pub fn chunked_changes() -> Vec<Case> {
    let mut table = director();
    let accepted = || json!({"incarnation": 7});
    table.accepts_change(
        "what is no part of physical tables",
        accepted(),
        json!({"spec": {"description": "Stars", "scanRating": 2, "deletionPolicy": "Delete"}}),
    );
    table.accepts_change(
        "another schema while the table is not accepted",
        json!({}),
        json!({"spec": {"columns": columns(&[column("flux", "FLOAT")]), "qservCompat": true}}),
    );
    let name = ["<nil>: a table's database, name, family and role never change"];
    table.refuses_change(
        "another database",
        json!({}),
        json!({"spec": {"database": "other"}}),
        &name,
    );
    table.refuses_change(
        "another name",
        json!({}),
        json!({"spec": {"table": "Other"}}),
        &name,
    );
    table.refuses_change(
        "another family",
        json!({}),
        json!({"spec": {"family": "other"}}),
        &name,
    );
    table.refuses_change(
        "another role",
        json!({}),
        json!({"spec": {"role": "child", "director": "O"}}),
        &name,
    );
    schema_changes(&mut table);
    table.done()
}

fn schema_changes(table: &mut Kind) {
    let accepted = || json!({"incarnation": 7});
    table.refuses_change(
        "a column more",
        accepted(),
        json!({"spec": {"columns": columns(&[column("flux", "FLOAT")])}}),
        &["<nil>: columns of an accepted table never change: make a new table and ingest into it"],
    );
    let key = [
        "<nil>: key, director, position and uniqueKey of an accepted table never change: make a new table and ingest into it",
    ];
    table.refuses_change(
        "another key",
        accepted(),
        json!({"spec": {"key": "ra"}}),
        &key,
    );
    table.refuses_change(
        "no position any more",
        accepted(),
        json!({"spec": {"position": null}}),
        &key,
    );
    table.refuses_change(
        "keys may repeat",
        accepted(),
        json!({"spec": {"uniqueKey": "mayRepeat"}}),
        &key,
    );
    let rest = [
        "<nil>: indexes, charset, collation and qservCompat of an accepted table never change: make a new table and ingest into it",
    ];
    table.refuses_change(
        "an index",
        accepted(),
        json!({"spec": {"indexes": [{"name": "i", "columns": ["ra"]}]}}),
        &rest,
    );
    table.refuses_change(
        "another collation",
        accepted(),
        json!({"spec": {"collation": "utf8mb4_bin"}}),
        &rest,
    );
    table.refuses_change(
        "the reserved columns visible",
        accepted(),
        json!({"spec": {"qservCompat": true}}),
        &rest,
    );
}

pub fn references() -> Vec<Case> {
    let mut table = Kind::new(
        "ReferenceTable",
        json!({"database": "sky", "table": "Filter", "columns": [column("id", "INT"), column("name", "CHAR(1)")], "primaryKey": ["ID"]}),
    );
    table.accepts("no key", json!({"spec": {"primaryKey": null}}));
    table.accepts(
        "a name only chunked tables may not have",
        json!({"spec": {"table": "t".repeat(50)}}),
    );
    table.refuses(
        "a name of 51 characters",
        json!({"spec": {"table": "t".repeat(51)}}),
        &["spec.table: Too long: may not be more than 50 bytes"],
    );
    table.refuses(
        "a reserved database",
        json!({"spec": {"database": "orrery_control"}}),
        &[RESERVED],
    );
    table.refuses(
        "a key that is no column",
        json!({"spec": {"primaryKey": ["id", "nam"]}}),
        &["spec: every column of primaryKey must be a column of the table"],
    );
    table.refuses_change(
        "another name",
        json!({}),
        json!({"spec": {"table": "Other"}}),
        &["<nil>: a table's database and name never change"],
    );
    let accepted = || json!({"incarnation": 9});
    table.refuses_change(
        "a column less",
        accepted(),
        json!({"spec": {"columns": [column("id", "INT")]}}),
        &["<nil>: columns of an accepted table never change: make a new table and ingest into it"],
    );
    table.refuses_change(
        "no key any more",
        accepted(),
        json!({"spec": {"primaryKey": null}}),
        &["<nil>: primaryKey, indexes, charset and collation of an accepted table never change: make a new table and ingest into it"],
    );
    table.accepts_change(
        "other words",
        accepted(),
        json!({"spec": {"description": "Bands"}}),
    );
    table.done()
}
