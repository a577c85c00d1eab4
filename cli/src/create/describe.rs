//! What a file is, and what its header says.

use std::fs::File;
use std::io::{Cursor, Read, Seek};

use anyhow::{Result, bail};
use orrery_archive::ingest::{BlankLines, Dialect, FileFormat, NotFinite};
use orrery_formats::{Field, csv, fits, parquet, votable};

use super::source;

/// A file's header, and how its rows are read.
#[derive(Debug)]
pub struct Description {
    /// Fields in order.
    pub fields: Vec<Field>,
    /// How an Ingest reads it.
    pub dialect: Dialect,
    /// Whether the kinds of the fields are guesses from the first rows.
    pub guessed: bool,
}

/// Reads the header of `file`: of its table `table`, where it has several.
pub fn describe(mut file: File, table: Option<&str>) -> Result<Description> {
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    if magic == parquet::MAGIC {
        let fields = parquet::Table::open(file)?.fields().to_vec();
        no_tables(table)?;
        return Ok(typed(FileFormat::Parquet, None, fields));
    }
    let (bytes, complete) = source::head(&mut file)?;
    if bytes.starts_with(fits::MAGIC) {
        let fields = fits::Table::open(Box::new(Cursor::new(bytes)), table)?
            .fields()
            .to_vec();
        return Ok(typed(FileFormat::Fits, table, fields));
    }
    let first = String::from_utf8_lossy(bytes.get(..1024).unwrap_or(&bytes)).into_owned();
    if first.contains("<VOTABLE") {
        let fields = votable::Table::open(Box::new(Cursor::new(bytes)), table)?
            .fields()
            .to_vec();
        return Ok(typed(FileFormat::Votable, table, fields));
    }
    if bytes.contains(&0) {
        bail!("it is no CSV, TSV, ECSV, Parquet, FITS or VOTable in UTF-8");
    }
    no_tables(table)?;
    let head = csv::head(&String::from_utf8_lossy(&bytes), complete)?;
    Ok(text(head))
}

fn no_tables(table: Option<&str>) -> Result<()> {
    match table {
        None => Ok(()),
        Some(_) => bail!("it holds one table; --choose is for FITS and VOTable"),
    }
}

fn typed(format: FileFormat, table: Option<&str>, fields: Vec<Field>) -> Description {
    Description {
        fields,
        dialect: Dialect {
            format,
            table: table.map(str::to_owned),
            // Missing values are NaN in FITS and VOTable, and often in Parquet.
            not_finite: NotFinite::Null,
            ..Dialect::default()
        },
        guessed: false,
    }
}

fn text(head: csv::Head) -> Description {
    let mut nulls = head.nulls;
    if !nulls.iter().any(String::is_empty) {
        nulls.push(String::new());
    }
    // An empty line is no row of a table with more than one column.
    let blank_lines = if head.fields.len() > 1 {
        BlankLines::Skip
    } else {
        BlankLines::Records
    };
    let dialect = Dialect {
        blank_lines,
        trim: head.padded,
        delimiter: match head.delimiter {
            '\t' => "\\t".into(),
            other => other.to_string(),
        },
        quote: Some("\"".into()),
        escape: String::new(),
        nulls,
        header: true,
        skip_after_header: head.skip_after_header,
        comment: if head.comments {
            "#".into()
        } else {
            String::new()
        },
        not_finite: NotFinite::Null,
        booleans: head.booleans,
        ..Dialect::default()
    };
    Description {
        fields: head.fields,
        dialect,
        guessed: head.kinds == csv::KindsFrom::Rows,
    }
}
