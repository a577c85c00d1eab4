//! Surveys of small files: what is accepted, placed, counted and rejected.

use crate::common::*;
use orrery_archive::catalog::hash_chunk;
use orrery_archive::ingest::{OrphanPolicy, PositionPolicy};
use orrery_archive::names::RowSet;
use orrery_loader::config::Limits;
use orrery_loader::job::Loader;
use orrery_loader::survey::{dropped_path, index_path};
use orrery_sky::Grid;
use orrery_worker_api::agent::SourceFile;
use orrery_worker_api::loader::{Survey, SurveyTarget};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_director_is_placed_by_position_with_its_overlap_and_index() {
    let place = Place::new();
    let file = place.file("a.csv", "1,10.5,20.5,a\n2,0,0,b\\,c\n");
    let (finished, directory) = place
        .survey(director(object(&json!({})), vec![file]))
        .await
        .unwrap();
    let grid = Grid::new(85, 12, 0.01667).unwrap();
    let home = [
        grid.locate(10.5, 20.5).unwrap(),
        grid.locate(0.0, 0.0).unwrap(),
    ];
    let rows = spooled(&finished, &directory);
    let homes: Vec<_> = rows
        .iter()
        .filter(|row| row.0 == RowSet::Home)
        .cloned()
        .collect();
    assert_eq!(
        homes
            .iter()
            .map(|row| row.3.as_str())
            .collect::<std::collections::BTreeSet<_>>(),
        [
            format!(
                "1\t10.5\t20.5\ta\t{}\t{}\n",
                home[0].chunk, home[0].sub_chunk
            )
            .as_str(),
            format!("2\t0\t0\tb,c\t{}\t{}\n", home[1].chunk, home[1].sub_chunk).as_str(),
        ]
        .into()
    );
    // Golden: (0, 0) has one copy in this grid, in the next chunk, as it is at home
    // (docs/design/sky.md#overlap).
    let copies: Vec<_> = rows
        .iter()
        .filter(|row| row.0 == RowSet::Overlap)
        .map(|row| (row.1, row.3.as_str()))
        .collect();
    assert_eq!(copies, [(7308, "2\t0\t0\tb,c\t7140\t345\n")]);
    assert_eq!(
        (
            finished.summary.rows,
            finished.summary.overlap_rows,
            finished.summary.chunks
        ),
        (2, 1, 2)
    );
    assert_eq!(finished.summary.bounds, Some(vec![0.0, 0.0, 10.5, 20.5]));
    for (key, cell) in ["1", "2"].iter().zip(home) {
        let index =
            std::fs::read_to_string(index_path(&directory, hash_chunk(key.as_bytes(), 4))).unwrap();
        let row = format!("{key}\t{}\t{}\t0\n", cell.chunk, cell.sub_chunk);
        assert!(index.contains(&row), "{index:?} has {row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reject_names_file_record_column_and_reason() {
    let place = Place::new();
    let text = "1,1,1,a\n2,1,1\n3,1,1,a,b\nx,1,1,a\n5,1,95,a\n6,-1,1,a\n7,\\N,1,a\n8,nan,1,a\n\\N,1,1,a\n10,1,1,aaaaaaaaaaaaaaaaaaaaa\n";
    let file = place.file("bad.csv", text);
    let mut survey = director(object(&json!({})), vec![file]);
    survey.max_rejects = 9;
    let (finished, directory) = place.survey(survey.clone()).await.unwrap();
    assert_eq!((finished.summary.rows, finished.summary.rejects), (1, 9));
    let name = place.source_path("bad.csv").display().to_string();
    let expected = [
        "2\t\ttoo few fields: 3, the table's fields are 4",
        "3\t\ttoo many fields: 5, the table's fields are 4",
        "4\tobjectId\t`x` is not an integer",
        "5\tdecl\tlatitude 95 is outside -90 to 90",
        "6\tra\tlongitude -1 is outside 0 to 360",
        "7\tra\ta row without a position has no chunk",
        "8\tra\t`nan` cannot be stored: columns hold finite numbers or NULL; dialect.notFinite: null stores NULL",
        "9\tobjectId\tNULL in a column that is NOT NULL",
        "10\tname\t`aaaaaaaaaaaaaaaaaaaaa` has 21 characters, the column holds 20",
    ]
    .map(|line| format!("{name}\t{line}\n"))
    .concat();
    assert_eq!(rejects(&directory), expected);
    assert_eq!(finished.samples[1].record, 3);
    assert_eq!(finished.samples[2].column.as_deref(), Some("objectId"));
    survey.max_rejects = 8;
    let fault = place.survey(survey).await.unwrap_err();
    assert_eq!(fault.reason(), "TooManyRejects");
    assert!(!fault.retry());
    let message = fault.to_string();
    assert!(
        message.contains("bad.csv record 2: too few fields"),
        "{message}"
    );
}

/// docs/design/ingest.md#positions: a longitude outside [0, 360] is rejected, or normalised by
/// policy; the chunk is computed from the value as stored.
#[tokio::test(flavor = "multi_thread")]
async fn normalised_longitudes_are_stored_normalised() {
    let place = Place::new();
    let file = place.file(
        "a.csv",
        "1,-0.5,1,a\n2,725.25,1,b\n3,360,1,c\n4,-1e-20,1,d\n5,1,91,e\n",
    );
    let mut survey = director(object(&json!({})), vec![file]);
    survey.positions = PositionPolicy::NormalizeLongitude;
    survey.max_rejects = 1;
    let (finished, directory) = place.survey(survey).await.unwrap();
    let mut homes: Vec<String> = spooled(&finished, &directory)
        .into_iter()
        .filter(|row| row.0 == RowSet::Home)
        .map(|row| row.3.split('\t').take(3).collect::<Vec<_>>().join(","))
        .collect();
    homes.sort();
    assert_eq!(homes, ["1,359.5,1", "2,5.25,1", "3,360,1", "4,0,1"]);
    assert!(rejects(&directory).contains("\t5\tdecl\tlatitude 91"));
}

/// Enforced uniqueness rejects the second row with the place of the first
/// (docs/design/ingest.md#unique-keys).
/// The list of a survey that failed, as its loader gives it.
async fn kept(place: &Place, survey: &Survey) -> String {
    let tools = place.tools(strangers(), limits());
    let loader = Loader::open(tools, &place.spool()).unwrap();
    loader.survey(survey.clone()).unwrap();
    while loader.status().error.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(loader.status().error.unwrap().reason, "TooManyRejects");
    loader.rejects().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_survey_rejected_can_be_read_with_what_ended_it() {
    let place = Place::new();
    let bad = place.file("bad.csv", "1,1,1,a\nx,1,1,a\n3,1,95,a\n");
    let name = place.source_path("bad.csv").display().to_string();
    let survey = director(object(&json!({})), vec![bad]);
    let lines = kept(&place, &survey).await;
    assert!(
        lines.starts_with(&format!("{name}\t2\tobjectId\t")),
        "{lines}"
    );
    assert!(lines.contains(&format!("{name}\t3\tdecl\t")), "{lines}");

    let place = Place::new();
    let twice = place.file("twice.csv", "1,1,1,a\n1,0,0,b\n");
    let lines = kept(&place, &director(object(&json!({})), vec![twice])).await;
    let second = "\t2\tobjectId\tthe key 1 stands already in";
    assert!(lines.contains(second), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_row_with_a_key_is_rejected_with_the_place_of_the_first() {
    let place = Place::new();
    let first = place.file("a.csv", "1,1,1,a\n2,0,0,b\n+1,2,2,c\n");
    let second = place.file("b.csv", "02,3,3,d\n3,1,1,e\n");
    let mut survey = director(object(&json!({})), vec![first, second]);
    survey.max_rejects = 2;
    let (finished, directory) = place.survey(survey.clone()).await.unwrap();
    assert_eq!(
        (
            finished.summary.rows,
            finished.summary.duplicates,
            finished.summary.rejects
        ),
        (3, 2, 2)
    );
    let (a, b) = (place.source_path("a.csv"), place.source_path("b.csv"));
    assert_eq!(
        rejects(&directory),
        format!(
            "{a}\t3\tobjectId\tthe key 1 stands already in {a}, record 1\n{b}\t1\tobjectId\tthe key 2 stands already in {a}, record 2\n",
            a = a.display(),
            b = b.display()
        )
    );
    assert_eq!(
        finished.summary.bounds,
        Some(vec![0.0, 0.0, 1.0, 1.0]),
        "dropped rows have no part in it"
    );
    let dropped: Vec<(u32, u64)> =
        orrery_loader::disk::read_json(&dropped_path(&directory)).unwrap();
    assert_eq!(dropped, [(0, 3), (1, 1)]);
    survey.max_rejects = 1;
    assert_eq!(
        place.survey(survey).await.unwrap_err().reason(),
        "TooManyRejects"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_may_repeat_where_the_table_says_so() {
    let place = Place::new();
    let file = place.file("a.csv", "1,1,1,a\n1,1,1,b\n1,50,50,c\n");
    let survey = director(object(&json!({"uniqueKey": "mayRepeat"})), vec![file]);
    let (finished, _) = place.survey(survey).await.unwrap();
    assert_eq!((finished.summary.rows, finished.summary.rejects), (3, 0));
    assert_eq!(
        finished.surveyed.index_chunks.values().sum::<u64>(),
        2,
        "one entry per cell"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_maps_names_to_columns_and_defaults_fill_the_rest() {
    let place = Place::new();
    let columns = json!([
        {"name": "objectId", "type": "BIGINT", "nullable": false},
        {"name": "ra", "type": "DOUBLE", "nullable": false},
        {"name": "decl", "type": "DOUBLE", "nullable": false},
        {"name": "flags", "type": "INT", "nullable": false, "default": "7"},
        {"name": "note", "type": "VARCHAR(9)", "charset": "utf8mb4"},
    ]);
    let table = object(&json!({ "columns": columns }));
    let file = place.file("a.csv", "\u{feff}DECL,-skipped,objectid,ra\n1,zzz,5,2\n");
    let mut survey = director(table, vec![file]);
    survey.dialect.header = true;
    let (finished, directory) = place.survey(survey.clone()).await.unwrap();
    let rows = spooled(&finished, &directory);
    assert!(rows[0].3.starts_with("5\t2\t1\t7\t\\N\t"), "{rows:?}");
    assert_eq!(rows[0].2, 2, "the header is record 1");

    survey.sources = vec![place.file("b.csv", "objectId,ra,decl,magg,colour\n")];
    let fault = place.survey(survey.clone()).await.unwrap_err();
    assert_eq!(fault.reason(), "BadFields");
    let message = fault.to_string();
    assert!(
        message.contains("b.csv") && message.contains("`magg`, `colour`"),
        "{message}"
    );

    survey.sources = vec![place.file("c.csv", "objectId,ra\n")];
    let message = place.survey(survey).await.unwrap_err().to_string();
    assert!(
        message.contains("`decl` is not among the fields"),
        "{message}"
    );
}

/// A changed source fails the file (docs/design/ingest.md#sources).
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_since_the_last_survey_is_named_with_what_differs() {
    let place = Place::new();
    let file = place.file("a.csv", "1,1,1,a\n");
    let mut survey = director(object(&json!({})), vec![file]);
    let (finished, _) = place.survey(survey.clone()).await.unwrap();
    survey.expected_files = Some(finished.surveyed.files.clone());
    place.survey(survey.clone()).await.unwrap();
    let path = place.source_path("a.csv");
    let expect = |patch: fn(&mut SourceFile)| {
        let mut survey = survey.clone();
        survey
            .expected_files
            .as_mut()
            .unwrap()
            .iter_mut()
            .for_each(patch);
        survey
    };
    for (changed, what) in [
        (expect(|file| file.size = 9), "its size was 9 and is 8"),
        (
            expect(|file| file.version = "x".into()),
            "its version was x and is ",
        ),
        (
            expect(|file| file.sha256 = "00".into()),
            "its SHA-256 was 00 and is ",
        ),
        (
            expect(|file| file.parts = vec![(0, 4), (4, 8)]),
            "its number of parts was 2 and is 1",
        ),
    ] {
        let fault = place.survey(changed).await.unwrap_err();
        assert_eq!(fault.reason(), "SourceChanged");
        assert!(
            fault
                .to_string()
                .starts_with(&format!("{} changed: {what}", path.display())),
            "{fault}"
        );
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        place.survey(survey).await.unwrap_err().reason(),
        "SourceMissing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_result_does_not_depend_on_threads_or_timing() {
    let place = Place::new();
    let mut text = String::new();
    for i in 0..40_000 {
        let (lon, lat) = (f64::from(i) * 0.008, f64::from(i % 170) - 85.0);
        text += &format!("{},{lon},{lat},row {i}\n", i % 39_990);
    }
    let (one, two) = text.split_at(text.len() / 2);
    let sources = vec![place.file("a.csv", one), place.file("b.csv", two)];
    let mut survey = director(object(&json!({})), sources);
    survey.max_rejects = 20;
    let mut results = Vec::new();
    for (threads, files) in [(1, 1), (3, 2)] {
        let limits = Limits {
            threads,
            files,
            part_bytes: 200_000,
            ..limits()
        };
        let (finished, directory) = place.survey_with(survey.clone(), limits).await.unwrap();
        assert!(finished.surveyed.files[0].parts.len() > 2, "several parts");
        let mut content: Vec<(String, Vec<u8>)> = std::fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().to_string_lossy().into_owned(),
                    std::fs::read(entry.path()).unwrap(),
                )
            })
            .collect();
        content.sort();
        results.push(content);
    }
    assert!(results[0] == results[1], "the spools differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_family_places_by_key() {
    let place = Place::new();
    let file = place.file("a.csv", "1,\\N,\\N,a\n22,\\N,\\N,b\n");
    let target = SurveyTarget::Director {
        table: object(&json!({"position": null})),
        grid: orrery_archive::catalog::FamilyGrid::Hash { chunks: 7 },
        index: no_index(),
    };
    let (finished, _) = place.survey(survey_of(target, vec![file])).await.unwrap();
    let chunks: Vec<u32> = finished.surveyed.chunks.keys().copied().collect();
    let mut expected = vec![hash_chunk(b"1", 7), hash_chunk(b"22", 7)];
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(chunks, expected);
}

/// docs/design/ingest.md#children, with an empty index: every key is unknown.
#[tokio::test(flavor = "multi_thread")]
async fn children_without_a_director_row_are_orphans_or_rejected() {
    let place = Place::new();
    let text = "1,100,1,1\n2,100,1,1\n3,\\N,2,2\n4,200,\\N,\\N\n5,\\N,\\N,\\N\n6,300,400,1\n";
    let mut survey = survey_of(
        SurveyTarget::Child {
            table: child(&json!({})),
            grid: sphere(),
            index: no_index(),
        },
        vec![place.file("a.csv", text)],
    );
    survey.max_rejects = 5;
    let (finished, directory) = place.survey(survey.clone()).await.unwrap();
    assert_eq!(
        (
            finished.summary.rows,
            finished.summary.orphans,
            finished.summary.rejects
        ),
        (3, 2, 3)
    );
    assert_eq!(finished.summary.overlap_rows, 0, "children have no copies");
    let list = rejects(&directory);
    assert!(
        list.contains("\t4\tobjectId\tno director row has this key, and the row has no position\n"),
        "{list}"
    );
    assert!(
        list.contains("\t5\tobjectId\ta row with neither a key nor a position has no chunk\n"),
        "{list}"
    );
    assert!(
        list.contains("\t6\tra\tlongitude 400 is outside 0 to 360\n"),
        "{list}"
    );
    let index = std::fs::read_to_string(index_path(&directory, hash_chunk(b"100", 4))).unwrap();
    assert!(
        index.starts_with("100\t") && index.ends_with("\t1\n") && index.lines().count() == 1,
        "{index}"
    );
    survey.orphans = OrphanPolicy::Reject;
    let (finished, directory) = place.survey(survey).await.unwrap();
    assert_eq!((finished.summary.rows, finished.summary.orphans), (1, 0));
    assert!(rejects(&directory).contains("\t1\tobjectId\tno director row has this key\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_table_is_one_piece_without_chunk_columns() {
    let place = Place::new();
    let columns = json!([{"name": "id", "type": "TINYINT", "nullable": false}, {"name": "n", "type": "CHAR(3)", "charset": "utf8mb4"}]);
    let target = SurveyTarget::Reference {
        table: reference(&columns),
    };
    let (finished, directory) = place
        .survey(survey_of(
            target,
            vec![place.file("f.csv", "0,u\n-99,\\N\n")],
        ))
        .await
        .unwrap();
    let rows: Vec<String> = spooled(&finished, &directory)
        .into_iter()
        .map(|row| row.3)
        .collect();
    assert_eq!(rows, ["0\tu\n", "-99\t\\N\n"]);
    assert_eq!(
        finished.surveyed.chunks.keys().copied().collect::<Vec<_>>(),
        [0]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_gives_no_rows() {
    let place = Place::new();
    let (finished, directory) = place
        .survey(director(object(&json!({})), vec![place.file("a.csv", "")]))
        .await
        .unwrap();
    assert_eq!(finished.summary.rows, 0);
    assert!(finished.surveyed.chunks.is_empty() && spooled(&finished, &directory).is_empty());
    assert!(finished.surveyed.files[0].parts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_a_file_claims_are_compared_and_never_trusted() {
    let place = Place::new();
    // The golden cell of (0, 0) in this grid, and what else a file may say.
    let text = "1,0,0,a,7140,345\n2,0,0,b,7140,346\n3,0,0,c,7141,345\n4,0,0,d,\\N,345\n\
                5,0,0,e,x,345\n6,359.9999,0.0005,f,7308,425\n";
    let mut survey = director(object(&json!({})), vec![place.file("chunk_7140.txt", text)]);
    survey.fields = ["objectId", "ra", "decl", "name", "chunkId", "SUBCHUNKID"]
        .map(str::to_owned)
        .to_vec();
    survey.max_rejects = 9;
    let (finished, directory) = place.survey(survey.clone()).await.unwrap();
    let mut rows: Vec<u64> = spooled(&finished, &directory)
        .into_iter()
        .filter(|row| row.0 == RowSet::Home)
        .map(|row| row.2)
        .collect();
    rows.sort_unstable();
    assert_eq!(rows, [1, 6]);
    let rejects = rejects(&directory);
    for reason in [
        "\t2\t\tits file says chunk 7140, sub-chunk 346, and it is in chunk 7140, sub-chunk 345",
        "\t3\t\tits file says chunk 7141, sub-chunk 345, and it is in chunk 7140",
        "\t4\t\tthe field chunkId holds NULL, which is no chunk",
        "\t5\t\tthe field chunkId holds `x`, which is no chunk",
    ] {
        assert!(rejects.contains(reason), "{reason}: {rejects}");
    }
    survey.fields[5] = "chunkid".into();
    let fault = place.survey(survey).await.unwrap_err();
    assert!(fault.to_string().contains("stands twice"), "{fault}");
}
