//! `Ingest`.

use serde_json::{Value, json};

use crate::case::{Case, Kind};

fn ingest() -> Kind {
    Kind::new(
        "Ingest",
        json!({"target": {"database": "sky", "table": "Object"}, "sources": [{"url": "https://example.org/object.csv.gz"}]}),
    )
}

pub fn ingests() -> Vec<Case> {
    let mut ingest = ingest();
    ingest.accepts(
        "tabs and quotes",
        json!({"spec": {"dialect": {"delimiter": "\\t", "quote": "\"", "escape": ""}}}),
    );
    ingest.accepts(
        "comments, units and missing values",
        json!({"spec": {"dialect": {
            "header": true, "skipAfterHeader": 2, "comment": "#", "nulls": ["", "null", "\\N"],
            "blankLines": "skip", "trim": true, "notFinite": "null", "booleans": true,
        }}}),
    );
    ingest.accepts(
        "a tab itself",
        json!({"spec": {"dialect": {"delimiter": "\t"}}}),
    );
    ingest.accepts(
        "files with types",
        json!({"spec": {"dialect": {"format": "parquet", "notFinite": "null", "compression": "none"}}}),
    );
    loaders(&mut ingest);
    dialects(&mut ingest);
    ingest.accepts(
        "the longest name",
        json!({"metadata": {"name": "i".repeat(56)}}),
    );
    ingest.refuses(
        "a name too long for what is made from it",
        json!({"metadata": {"name": "i".repeat(57)}}),
        &["<nil>: an Ingest's name has at most 56 characters: the name of its Job and a label are made from it"],
    );
    ingest.refuses(
        "no target",
        json!({"spec": {"target": null}}),
        &["spec.target: Required value"],
    );
    ingest.refuses(
        "an unknown policy",
        json!({"spec": {"orphans": "adopt"}}),
        &["spec.orphans: Unsupported value: \"adopt\": supported values: \"keep\", \"reject\""],
    );
    ingest.refuses(
        "fewer rejects than none",
        json!({"spec": {"maxRejects": -1}}),
        &["spec.maxRejects: Invalid value: -1: spec.maxRejects in body should be greater than or equal to 0"],
    );
    changes(&mut ingest);
    ingest.done()
}

fn loaders(ingest: &mut Kind) {
    ingest.accepts(
        "a loader with a volume of its own",
        json!({"spec": {"loader": {
            "resources": {"limits": {"cpu": "2", "memory": "1Gi"}}, "nodeSelector": {"disk": "nvme"},
            "tolerations": [{"key": "ingest", "operator": "Exists"}], "spool": {"size": "500Gi", "storageClass": "fast"},
        }}}),
    );
    ingest.refuses(
        "a spool of no size",
        json!({"spec": {"loader": {"spool": {"size": "much"}}}}),
        &["spec.loader.spool: size is a size, for example 500Gi"],
    );
    ingest.accepts_change(
        "another loader",
        json!({}),
        json!({"spec": {"loader": {"nodeSelector": {"disk": "nvme"}}}}),
    );
}

fn changes(ingest: &mut Kind) {
    let what = [
        "<nil>: an ingest's target, sources, dialect and fields never change: make another Ingest",
    ];
    ingest.refuses_change(
        "another target",
        json!({}),
        json!({"spec": {"target": {"table": "Other"}}}),
        &what,
    );
    ingest.refuses_change(
        "another file",
        json!({}),
        json!({"spec": {"sources": [{"url": "http://h/f"}]}}),
        &what,
    );
    ingest.refuses_change(
        "another dialect",
        json!({}),
        json!({"spec": {"dialect": {"header": true}}}),
        &what,
    );
    ingest.refuses_change(
        "fields of late",
        json!({}),
        json!({"spec": {"fields": ["a"]}}),
        &what,
    );
    let bad_rows = ["<nil>: an ingest's rules for bad rows never change: make another Ingest"];
    ingest.refuses_change(
        "more rejects",
        json!({}),
        json!({"spec": {"maxRejects": 5}}),
        &bad_rows,
    );
    ingest.refuses_change(
        "no orphans",
        json!({}),
        json!({"spec": {"orphans": "reject"}}),
        &bad_rows,
    );
    ingest.accepts_change(
        "rows taken back",
        json!({"phase": "Visible"}),
        json!({"spec": {"revoked": true}}),
    );
}

fn dialects(ingest: &mut Kind) {
    let mut refuses = |shows, dialect: Value, refusals: &[&str]| {
        ingest.refuses(shows, json!({"spec": {"dialect": dialect}}), refusals);
    };
    let delimiter =
        [r"spec: dialect.delimiter is one ASCII character that ends no line, or \t for a tab"];
    refuses("two delimiters", json!({"delimiter": "||"}), &delimiter);
    refuses(
        "a delimiter that ends lines",
        json!({"delimiter": "\n"}),
        &delimiter,
    );
    refuses(
        "a delimiter of two bytes",
        json!({"delimiter": "§"}),
        &delimiter,
    );
    refuses(
        "a quote of two bytes",
        json!({"quote": "»"}),
        &["spec: dialect.quote is one ASCII character that ends no line"],
    );
    refuses(
        "an escape that ends lines",
        json!({"escape": "\r"}),
        &["spec: dialect.escape is one ASCII character that ends no line, or empty"],
    );
    let differ = ["spec: dialect.delimiter, quote and escape must differ from each other"];
    refuses("a quote that delimits", json!({"quote": ","}), &differ);
    refuses("an escape that delimits", json!({"escape": ","}), &differ);
    refuses("a quote that escapes", json!({"quote": "\\"}), &differ);
    let comment = ["spec: dialect.comment is text of one line that does not begin with the quote"];
    refuses(
        "a comment of two lines",
        json!({"comment": "#\n"}),
        &comment,
    );
    refuses(
        "a comment that begins with the quote",
        json!({"comment": "\"#", "quote": "\""}),
        &comment,
    );
    refuses(
        "lines below no header",
        json!({"skipAfterHeader": 2}),
        &["spec: dialect.skipAfterHeader needs header: true"],
    );
    let alone = [
        "spec: with a dialect.format other than text, dialect takes notFinite and compression alone",
    ];
    for setting in [
        json!({"delimiter": ";"}),
        json!({"quote": "\""}),
        json!({"escape": ""}),
        json!({"nulls": [""]}),
        json!({"header": true}),
        json!({"comment": "#"}),
        json!({"blankLines": "skip"}),
        json!({"trim": true}),
        json!({"booleans": true}),
        json!({"charset": "latin1"}),
    ] {
        let mut dialect = setting;
        dialect["format"] = json!("fits");
        refuses("a setting of text for files with types", dialect, &alone);
    }
    refuses(
        "an unknown charset",
        json!({"charset": "ebcdic"}),
        &["spec: dialect.charset is utf8mb4, latin1 or binary"],
    );
    refuses(
        "an unknown compression",
        json!({"compression": "zip"}),
        &["spec: dialect.compression is auto, none, gzip or zstd"],
    );
}

pub fn sources() -> Vec<Case> {
    let mut ingest = ingest();
    let claim = |path: &str| json!({"claim": "files", "path": path});
    let longest = claim(&format!("{:x<1024}", "a/b..c/"));
    ingest.accepts(
        "a file of a claim",
        json!({"spec": {"sources": [claim("a/b.csv"), claim("..a/b../c..d")]}}),
    );
    ingest.accepts(
        "a thousand files with long names",
        json!({"spec": {"sources": vec![longest; 1000]}}),
    );
    ingest.accepts(
        "objects of buckets",
        json!({"spec": {"sources": [
            {"s3": {"bucket": "gaia", "key": "dr3/*.parquet"}},
            {"s3": {
                "endpoint": "http://minio:9000", "region": "eu-1", "pathStyle": false, "bucket": "b", "key": "a/b.csv",
                "secretRef": {"name": "minio-keys"},
            }},
        ]}}),
    );
    let mut refuses = |shows, sources: Value, refusals: &[&str]| {
        ingest.refuses(shows, json!({"spec": {"sources": sources}}), refusals);
    };
    refuses(
        "a bucket and a file",
        json!([{"url": "http://h/f", "s3": {"bucket": "b", "key": "a"}}]),
        &["spec.sources[0]: a source has either url, or claim and path, or s3"],
    );
    refuses(
        "no file",
        json!([]),
        &["spec.sources: Invalid value: 0: spec.sources in body should have at least 1 items"],
    );
    refuses(
        "too many files",
        json!(vec![claim("a"); 1001]),
        &["spec.sources: Too many: 1001: must have at most 1000 items"],
    );
    refuses(
        "a source of nothing",
        json!([{}]),
        &["spec.sources[0]: a source has either url, or claim and path, or s3"],
    );
    refuses(
        "a source of two places",
        json!([{"url": "http://h/f", "claim": "files", "path": "a"}]),
        &["spec.sources[0]: a source has either url, or claim and path, or s3"],
    );
    refuses(
        "a path without a claim",
        json!([{"path": "a"}]),
        &["spec.sources[0]: path and claim go together"],
    );
    refuses(
        "another protocol",
        json!([{"url": "ftp://h/f"}]),
        &[
            "spec.sources[0].url: Invalid value: \"ftp://h/f\": spec.sources[0].url in body should match '^https?://'",
        ],
    );
    for path in ["..", "../a", "a/..", "a/../b"] {
        refuses(
            "a path out of the claim",
            json!([claim(path)]),
            &["spec.sources[0]: a path stays inside its claim: no .. in it"],
        );
    }
    ingest.done()
}
