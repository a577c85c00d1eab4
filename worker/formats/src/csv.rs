//! Text with a header: the names in it and the kinds of its values, from the header of ECSV or
//! guessed from the first rows. For whoever declares a table; rows of text are read elsewhere.

use crate::{Field, FormatError, Kind, ecsv};

/// What the first lines of a file say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Fields in order.
    pub fields: Vec<Field>,
    /// Character between fields.
    pub delimiter: char,
    /// Whether lines that begin with `#` are comments.
    pub comments: bool,
    /// Lines below the header that are no rows.
    pub skip_after_header: u32,
    /// Spellings of missing values that were found.
    pub nulls: Vec<String>,
    /// Whether words for true and false were found.
    pub booleans: bool,
    /// Whether blanks stand around values.
    pub padded: bool,
    /// Where the kinds are from.
    pub kinds: KindsFrom,
}

/// Where the kinds of fields are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindsFrom {
    /// The header of ECSV says them.
    Header,
    /// They are guesses from the first rows.
    Rows,
}

const NULLS: [&str; 8] = ["", "null", "NULL", "\\N", "N/A", "NA", "None", "--"];

/// Reads the first part of a file. The last line of it may be incomplete and is not looked at
/// when others are there.
pub fn head(text: &str, complete: bool) -> Result<Head, FormatError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines: Vec<&str> = text.lines().collect();
    if !complete && lines.len() > 2 {
        lines.pop();
    }
    let comments = lines.first().is_some_and(|line| line.starts_with('#'));
    let header_of = lines
        .iter()
        .filter_map(|line| line.strip_prefix('#'))
        .collect::<Vec<_>>();
    let ecsv = ecsv::Header::read(&header_of)?;
    let mut rows = lines
        .iter()
        .filter(|line| !comments || !line.starts_with('#'));
    let header = rows
        .next()
        .ok_or_else(|| FormatError::Refused("has no line that could be a header".into()))?;
    let delimiter = match &ecsv {
        Some(ecsv) => ecsv.delimiter,
        None => delimiter_of(header),
    };
    let names = split(header, delimiter);
    let mut rows: Vec<Vec<String>> = rows
        .filter(|line| !line.trim().is_empty())
        .map(|line| split(line, delimiter))
        .collect();
    let units = take_units(&mut rows);
    let mut head = Head {
        fields: Vec::new(),
        delimiter,
        comments,
        skip_after_header: if units.is_some() { 2 } else { 0 },
        nulls: Vec::new(),
        booleans: false,
        padded: false,
        kinds: if ecsv.is_some() {
            KindsFrom::Header
        } else {
            KindsFrom::Rows
        },
    };
    if ecsv.is_some() {
        // Of ECSV a value without text is missing, and between blanks it has quotes.
        head.nulls = vec![String::new(), "\"\"".to_owned()];
    }
    head.padded = rows.iter().flatten().any(|value| value != value.trim());
    for (index, name) in names.iter().enumerate() {
        let mut field = head.field(name.trim(), index, &rows);
        field.unit = units
            .as_ref()
            .and_then(|units| units.get(index))
            .map(|unit| unit.trim().to_owned());
        if let Some(ecsv) = &ecsv {
            field = ecsv.field(field)?;
        }
        head.booleans |= field.kind == Kind::Boolean;
        head.fields.push(field);
    }
    Ok(head)
}

/// The character that makes the most fields of a header.
fn delimiter_of(header: &str) -> char {
    [',', '\t', ';', '|']
        .into_iter()
        .max_by_key(|delimiter| (split(header, *delimiter).len(), *delimiter == ','))
        .unwrap_or(',')
}

impl Head {
    /// A field by the values that rows have at its place.
    fn field(&mut self, name: &str, index: usize, rows: &[Vec<String>]) -> Field {
        let values: Vec<&str> = rows
            .iter()
            .filter_map(|row| row.get(index))
            .map(|value| value.trim())
            .collect();
        let guess = self.guess(&values);
        Field::new(name, guess, true)
    }

    /// The kind of a column with these values.
    fn guess(&mut self, values: &[&str]) -> Kind {
        let mut present = Vec::new();
        for value in values {
            match NULLS.iter().find(|null| *null == value) {
                Some(null) if !self.nulls.iter().any(|found| found == null) => {
                    self.nulls.push((*null).to_owned());
                }
                Some(_) => {}
                None => present.push(*value),
            }
        }
        let all = |test: &dyn Fn(&str) -> bool| {
            !present.is_empty() && present.iter().all(|value| test(value))
        };
        if all(&|value| value.parse::<i64>().is_ok()) {
            return Kind::Integer {
                bytes: 8,
                signed: true,
            };
        }
        if all(&|value| value.parse::<u64>().is_ok()) {
            return Kind::Integer {
                bytes: 8,
                signed: false,
            };
        }
        if all(&|value| value.parse::<f64>().is_ok()) {
            return Kind::Double;
        }
        if all(&|value| {
            ["true", "false"]
                .iter()
                .any(|word| word.eq_ignore_ascii_case(value))
        }) {
            return Kind::Boolean;
        }
        if all(&is_date) {
            return Kind::Date;
        }
        if all(&|value| {
            value.get(..10).is_some_and(is_date)
                && matches!(value.as_bytes().get(10), Some(b' ' | b'T'))
        }) {
            return Kind::Timestamp(6);
        }
        let longest = present.iter().map(|value| value.len()).max();
        Kind::Text {
            most: longest.map(|longest| (2 * longest).next_power_of_two().max(16) as u32),
        }
    }
}

fn is_date(value: &str) -> bool {
    value.len() == 10
        && value.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// Takes a line of units and a line of dashes off, where they stand below the header.
fn take_units(rows: &mut Vec<Vec<String>>) -> Option<Vec<String>> {
    let dashes = rows.get(1)?;
    let all = dashes
        .iter()
        .all(|cell| !cell.is_empty() && cell.bytes().all(|byte| byte == b'-'));
    if !all {
        return None;
    }
    rows.remove(1);
    Some(rows.remove(0))
}

/// The number of fields that a line has with this delimiter.
pub fn fields(line: &str, delimiter: char) -> usize {
    split(line, delimiter).len()
}

/// The fields of a line; quotes may stand around one.
fn split(line: &str, delimiter: char) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        if character == '"' {
            quoted = !quoted;
        } else if character == delimiter && !quoted {
            fields.push(String::new());
        } else if let Some(last) = fields.last_mut() {
            last.push(character);
        }
    }
    fields
}
