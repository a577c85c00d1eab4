//! What an ingest is given and what it reports: sources, how they are written, policies, progress,
//! summary.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One file: either `url`, or `claim` and `path`; or objects of a bucket: `s3`.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "(has(self.url) ? 1 : 0) + (has(self.path) ? 1 : 0) + (has(self.s3) ? 1 : 0) == 1",
        "message": "a source has either url, or claim and path, or s3"
    },
    {"rule": "has(self.path) == has(self.claim)", "message": "path and claim go together"},
    {
        "rule": "!has(self.path) || !self.path.matches('(^|/)[.][.](/|$)')",
        "message": "a path stays inside its claim: no .. in it"
    }
]))]
pub struct IngestSource {
    /// `http://` or `https://` address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048), regex(pattern = "^https?://"))]
    pub url: Option<String>,
    /// Name of a PersistentVolumeClaim in this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub claim: Option<String>,
    /// Path of the file in the claim, or a pattern: `*` and `?` stand for characters but `/`, `**` for
    /// any. The files that fit are read in the order of their paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub path: Option<String>,
    /// Objects of an S3 bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Source>,
}

/// An object of an S3 bucket, or all whose keys fit a pattern.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct S3Source {
    /// Address of the service; Amazon's of the region when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048), regex(pattern = "^https?://"))]
    pub endpoint: Option<String>,
    /// Region that requests are signed for.
    #[serde(default = "default_region")]
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Za-z0-9-]+$"))]
    pub region: String,
    /// Whether the bucket stands in the path of addresses, else in their host.
    #[serde(default = "default_path_style")]
    pub path_style: bool,
    /// Bucket.
    #[schemars(length(min = 1, max = 255))]
    pub bucket: String,
    /// Key of the object, or a pattern: `*` and `?` stand for characters but `/`, `**` for any.
    /// The objects that fit are read in the order of their keys.
    #[schemars(length(min = 1, max = 1024))]
    pub key: String,
    /// Secret with `accessKeyId`, `secretAccessKey` and, if need be, `sessionToken`; without it
    /// requests are not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretName>,
}

/// A Secret of the ingest's namespace.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct SecretName {
    /// Its name.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")
    )]
    pub name: String,
}

fn default_region() -> String {
    "us-east-1".into()
}

fn default_path_style() -> bool {
    true
}

/// How files are written.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Dialect {
    /// What the files are. Files with types of their own (all but `text`) take nothing else of the
    /// dialect but `table`, `notFinite` and `compression`.
    pub format: FileFormat,
    /// Which table of a FITS or VOTable file with several: its name (`EXTNAME`; `name` or `ID`), or
    /// its number among the tables, from 1. Without it a file must have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub table: Option<String>,
    /// Field delimiter: one ASCII character, `\t` for a tab.
    #[schemars(length(min = 1, max = 2))]
    pub delimiter: String,
    /// Quote character; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1))]
    pub quote: Option<String>,
    /// Escape character; none when the string is empty.
    #[schemars(length(max = 1))]
    pub escape: String,
    /// Spellings of NULL: a field that equals one of them, before escapes are undone, is NULL; a
    /// quoted field does with its quotes alone. `""` makes empty fields NULL, `"\"\""` those in quotes.
    #[schemars(length(max = 16), inner(length(max = 16)))]
    pub nulls: Vec<String>,
    /// Whether the first record that is no comment names the fields.
    pub header: bool,
    /// Records after the header that are no rows, for example a line of units and a line of dashes.
    #[schemars(range(max = 1000))]
    pub skip_after_header: u32,
    /// A line that begins with this text is a comment, wherever it stands; no comments when empty.
    /// `#` reads ECSV files.
    #[schemars(length(max = 8))]
    pub comment: String,
    /// What an empty line is.
    pub blank_lines: BlankLines,
    /// Whether blanks around a field are left out; those within quotes are text.
    pub trim: bool,
    /// What `NaN`, `inf` and `infinity` are in FLOAT and DOUBLE columns.
    pub not_finite: NotFinite,
    /// Whether integer columns take `true` and `false` (`t`, `f`, `yes`, `no`, `y`, `n`; any case)
    /// as 1 and 0.
    pub booleans: bool,
    /// Character set of the text: `utf8mb4`, `latin1` or `binary`.
    #[schemars(length(max = 32))]
    pub charset: String,
    /// `auto` (by name and magic bytes), `none`, `gzip` or `zstd`.
    #[schemars(length(max = 8))]
    pub compression: String,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            format: FileFormat::default(),
            table: None,
            delimiter: ",".into(),
            quote: None,
            escape: "\\".into(),
            nulls: vec!["\\N".into()],
            header: false,
            skip_after_header: 0,
            comment: String::new(),
            blank_lines: BlankLines::default(),
            trim: false,
            not_finite: NotFinite::default(),
            booleans: false,
            charset: "utf8mb4".into(),
            compression: "auto".into(),
        }
    }
}

/// What files are.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FileFormat {
    /// Lines with fields: CSV, TSV, ECSV.
    #[default]
    Text,
    /// Apache Parquet.
    Parquet,
    /// FITS: a binary table.
    Fits,
    /// VOTable: a table as TABLEDATA, BINARY2 or BINARY.
    Votable,
}

/// What an empty line of a file is.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BlankLines {
    /// A record with one empty field, which most tables reject.
    #[default]
    Records,
    /// Nothing.
    Skip,
}

/// What becomes of a number that is not finite; columns hold finite numbers or NULL.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NotFinite {
    /// The row is rejected with the reason.
    #[default]
    Reject,
    /// It is stored as NULL.
    Null,
}

/// What happens to rows whose position is outside the sphere's coordinates.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PositionPolicy {
    /// The row is rejected with the reason.
    #[default]
    Reject,
    /// Longitudes are brought into [0, 360); anything else is still rejected.
    NormalizeLongitude,
}

/// What happens to child rows whose director row is unknown.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OrphanPolicy {
    /// Kept in the chunk of their own position and indexed as orphans; without position columns
    /// rejected.
    #[default]
    Keep,
    /// Rejected with the reason.
    Reject,
}

/// What happens to child rows whose director row lies in another chunk.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MisplacedChildPolicy {
    /// Rejected with the reason.
    #[default]
    Reject,
    /// Moved to the director row's chunk.
    Move,
}

/// Progress within a phase.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct IngestProgress {
    /// Percent of the phase, for example `42%`.
    #[schemars(length(max = 16))]
    pub percent: String,
    /// Decompressed bytes read.
    pub bytes_read: u64,
    /// Decompressed bytes in all, estimated until the survey has ended.
    pub bytes_total: u64,
    /// Rows read.
    pub rows_read: u64,
    /// Row copies committed on workers.
    pub rows_loaded: u64,
    /// Row copies to commit.
    pub rows_to_load: u64,
    /// Rows per second of the last interval.
    pub rows_per_second: u64,
}

/// What an ingest did.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct IngestSummary {
    /// Rows accepted.
    pub rows: u64,
    /// Extra copies of rows in overlaps.
    pub overlap_rows: u64,
    /// Rows rejected.
    pub rejects: u64,
    /// Of those, rows whose unique key was taken.
    pub duplicates: u64,
    /// Child rows kept without a director row.
    pub orphans: u64,
    /// Child rows moved to their director row's chunk.
    pub moved: u64,
    /// Chunks that got rows.
    pub chunks: u64,
    /// Bytes of the accepted rows as loaded.
    pub bytes: u64,
    /// Smallest and largest longitude and latitude, in degrees: lonMin, latMin, lonMax, latMax.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4))]
    pub bounds: Option<Vec<f64>>,
}

/// One rejected row.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct RejectSample {
    /// Source file.
    #[schemars(length(max = 2100))]
    pub file: String,
    /// Record number in the file, from 1.
    pub record: u64,
    /// Column, when one is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65))]
    pub column: Option<String>,
    /// Why.
    #[schemars(length(max = 1024))]
    pub reason: String,
}
