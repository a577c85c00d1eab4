//! What a survey does with each column: the target's schema and the policies, compiled once.

use orrery_archive::catalog::{AcceptedTable, FamilyGrid};
use orrery_archive::ingest::{MisplacedChildPolicy, OrphanPolicy, PositionPolicy};
use orrery_archive::sql_type::SqlType;
use orrery_archive::table::Column;
use orrery_archive::table::UniqueKey;
use orrery_formats::Wanted;
use orrery_sky::Grid;
use orrery_worker_api::loader::{IndexLocation, Survey, SurveyTarget};

use super::hints::unknown_fields;
use crate::dialect::Dialect;
use crate::fault::Fault;
use crate::values::{self, Checker, shown};

/// What the target is in its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Rows own their keys.
    Director {
        /// Whether a key may stand once only.
        unique: bool,
    },
    /// Rows follow keys.
    Child,
    /// One piece.
    Reference,
}

/// How a row's own chunk is found.
#[derive(Debug)]
pub enum Cells {
    /// By position, when there are position columns.
    Sphere(Grid),
    /// By hash of the key into so many chunks.
    Hash(u32),
    /// Chunk 0.
    Whole,
}

/// How a key column's value becomes the text it has in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyText {
    /// Decimal digits or UTF-8.
    AsLoaded,
    /// latin1, brought to UTF-8.
    Latin1,
}

/// The key column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its place among the columns.
    pub column: usize,
    /// Its text.
    pub text: KeyText,
}

/// A survey, compiled.
#[derive(Debug)]
pub struct TablePlan {
    /// How files are written.
    pub dialect: Dialect,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// One per column.
    pub checkers: Vec<Checker>,
    /// Key column; none in a reference table.
    pub key: Option<Key>,
    /// Places of longitude and latitude among the columns.
    pub position: Option<(usize, usize)>,
    /// Role.
    pub role: Role,
    /// Chunks.
    pub cells: Cells,
    /// Where keys are looked up.
    pub index: IndexLocation,
    /// Position policy.
    pub positions: PositionPolicy,
    /// Orphan policy.
    pub orphans: OrphanPolicy,
    /// Misplaced child policy.
    pub misplaced: MisplacedChildPolicy,
}

impl TablePlan {
    /// Compiles `survey`.
    pub fn new(survey: &Survey) -> Result<Self, Fault> {
        let dialect = Dialect::new(&survey.dialect)?;
        let target = Target::of(&survey.target)?;
        let checkers = target
            .columns
            .iter()
            .map(|column| Checker::new(column, &dialect))
            .collect::<Result<_, _>>()
            .map_err(|error| Fault::BadFields(error.to_string()))?;
        Ok(Self {
            dialect,
            columns: target.columns,
            checkers,
            key: target.key,
            position: target.position,
            role: target.role,
            cells: target.cells,
            index: target.index,
            positions: survey.positions,
            orphans: survey.orphans,
            misplaced: survey.misplaced_children,
        })
    }

    /// Which field of a file feeds which column, by the survey's field names or a file's header.
    pub fn fields(&self, names: &[String]) -> Result<FieldMap, Fault> {
        let mut unknown = Vec::new();
        let mut claimed = ClaimedFields::default();
        let mut places: Vec<Option<usize>> = vec![None; self.columns.len()];
        for (field, name) in names.iter().enumerate() {
            if name.starts_with('-') {
                continue;
            }
            match self
                .columns
                .iter()
                .position(|column| column.name.eq_ignore_ascii_case(name))
            {
                None => match claimed.place(name).filter(|_| self.role != Role::Reference) {
                    None => unknown.push(name.as_str()),
                    Some(place) if place.is_none() => *place = Some(field),
                    Some(_) => return Err(twice(name)),
                },
                Some(column) => match places.get_mut(column) {
                    Some(place) if place.is_none() => *place = Some(field),
                    _ => return Err(twice(name)),
                },
            }
        }
        if !unknown.is_empty() {
            return Err(Fault::BadFields(unknown_fields(&unknown, names.len())));
        }
        let sources = places
            .into_iter()
            .enumerate()
            .map(|(column, place)| {
                place.map_or_else(|| self.default_of(column), |field| Ok(Source::Field(field)))
            })
            .collect::<Result<_, _>>()?;
        Ok(FieldMap {
            fields: names.len(),
            sources,
            claimed,
        })
    }

    /// The fields of files without a header: the columns.
    pub fn column_fields(&self) -> FieldMap {
        FieldMap {
            fields: self.columns.len(),
            sources: (0..self.columns.len()).map(Source::Field).collect(),
            claimed: ClaimedFields::default(),
        }
    }

    /// What is asked of each field of a file with types.
    pub fn wanted(&self, map: &FieldMap) -> Vec<Wanted> {
        let claimed = [map.claimed.chunk, map.claimed.sub_chunk];
        let wanted = |field| {
            let column = map
                .sources
                .iter()
                .position(|source| *source == Source::Field(field));
            match column.map(|column| self.checkers.get(column)) {
                Some(Some(checker)) if checker.takes_singles() => Wanted::Singles,
                None if !claimed.contains(&Some(field)) => Wanted::Nothing,
                _ => Wanted::Values,
            }
        };
        (0..map.fields).map(wanted).collect()
    }

    fn default_of(&self, column: usize) -> Result<Source, Fault> {
        let (Some(declared), Some(checker)) = (self.columns.get(column), self.checkers.get(column))
        else {
            return Err(Fault::Internal("field map"));
        };
        let mut text = Vec::new();
        let default = declared.default.as_deref();
        if default.is_none() && !declared.nullable {
            return Err(Fault::BadFields(format!(
                "the column `{}` is not among the fields, is NOT NULL and has no default",
                declared.name
            )));
        }
        checker
            .check(default.map(str::as_bytes), &mut text)
            .map_err(|bad| {
                Fault::BadFields(format!("the default of column `{}`: {bad}", declared.name))
            })?;
        Ok(Source::Default(text))
    }
}

fn twice(name: &str) -> Fault {
    Fault::BadFields(format!("the field {} stands twice", shown(name.as_bytes())))
}

/// The fields of files that were cut into chunks before, by whoever wrote them: they are compared
/// with the chunk that is found here, and stored in no column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimedFields {
    /// Of the chunk.
    pub chunk: Option<usize>,
    /// Of the sub-chunk.
    pub sub_chunk: Option<usize>,
}

impl ClaimedFields {
    /// The place of the field `name`; `None` when it names no chunk.
    fn place(&mut self, name: &str) -> Option<&mut Option<usize>> {
        match name.to_ascii_lowercase().as_str() {
            "chunkid" => Some(&mut self.chunk),
            "subchunkid" => Some(&mut self.sub_chunk),
            _ => None,
        }
    }
}

/// Where a column's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The field with this index.
    Field(usize),
    /// Always this, as loaded.
    Default(Vec<u8>),
}

/// How the fields of a file feed the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMap {
    /// Number of fields of every record.
    pub fields: usize,
    /// One per column.
    pub sources: Vec<Source>,
    /// Where a file says which chunk a row is in.
    pub claimed: ClaimedFields,
}

/// The parts of a survey's target that matter here.
struct Target {
    columns: Vec<Column>,
    key: Option<Key>,
    position: Option<(usize, usize)>,
    role: Role,
    cells: Cells,
    index: IndexLocation,
}

impl Target {
    fn of(target: &SurveyTarget) -> Result<Self, Fault> {
        match target {
            SurveyTarget::Director { table, grid, index } => {
                let unique = table.unique_key == UniqueKey::Enforced;
                let target = Self::chunked(table, grid, index, Role::Director { unique })?;
                if matches!(target.cells, Cells::Sphere(_)) && target.position.is_none() {
                    return Err(Fault::BadFields(
                        "a director on the sphere needs position columns".into(),
                    ));
                }
                Ok(target)
            }
            SurveyTarget::Child { table, grid, index } => {
                Self::chunked(table, grid, index, Role::Child)
            }
            SurveyTarget::Reference { table } => Ok(Self {
                columns: table.columns.clone(),
                key: None,
                position: None,
                role: Role::Reference,
                cells: Cells::Whole,
                index: IndexLocation::default(),
            }),
        }
    }

    fn chunked(
        table: &AcceptedTable,
        grid: &FamilyGrid,
        index: &IndexLocation,
        role: Role,
    ) -> Result<Self, Fault> {
        let position = match &table.position {
            None => None,
            Some(position) => Some((
                find(&table.columns, &position.longitude)?,
                find(&table.columns, &position.latitude)?,
            )),
        };
        Ok(Self {
            key: Some(key(table)?),
            position,
            columns: table.columns.clone(),
            role,
            cells: cells(grid)?,
            index: index.clone(),
        })
    }
}

fn cells(grid: &FamilyGrid) -> Result<Cells, Fault> {
    match grid {
        FamilyGrid::Sphere {
            stripes,
            sub_stripes,
            overlap,
            ..
        } => Grid::new(*stripes, *sub_stripes, *overlap)
            .map(Cells::Sphere)
            .map_err(|error| Fault::BadFields(error.to_string())),
        FamilyGrid::Hash { chunks } => Ok(Cells::Hash(*chunks)),
    }
}

fn key(table: &AcceptedTable) -> Result<Key, Fault> {
    let column = find(&table.columns, &table.key)?;
    let declared = table.columns.get(column);
    let sql_type = declared.and_then(|column| SqlType::parse(&column.sql_type).ok());
    let latin1 = declared.is_some_and(|column| column.charset.as_deref() == Some("latin1"));
    let text = if latin1 && sql_type.is_some_and(|sql_type| sql_type.is_text()) {
        KeyText::Latin1
    } else {
        KeyText::AsLoaded
    };
    Ok(Key { column, text })
}

fn find(columns: &[Column], name: &str) -> Result<usize, Fault> {
    columns
        .iter()
        .position(|column| column.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| Fault::BadFields(format!("the table has no column `{name}`")))
}

/// The index text of a key, given as the row holds it (escaped); `None` when it is not UTF-8 and so
/// cannot be asked for.
pub fn key_text(loaded: &[u8], text: KeyText) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(loaded.len());
    let mut bytes = loaded.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next() {
                Some(b't') => b'\t',
                Some(b'n') => b'\n',
                _ => b'\\',
            },
            other => *other,
        });
    }
    match text {
        KeyText::Latin1 => Some(values::latin1_to_utf8(&plain)),
        KeyText::AsLoaded => std::str::from_utf8(&plain).is_ok().then_some(plain),
    }
}
