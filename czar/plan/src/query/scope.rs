//! The tables of a FROM clause and the names their columns answer to.

use orrery_archive::catalog::{AcceptedTable, Catalog, Table, TableKey};
use orrery_archive::names::{CHUNK_COLUMN, SUB_CHUNK_COLUMN};
use orrery_archive::sql_type::{NumberFlags, SqlType};
use orrery_archive::table::Column;
use orrery_archive::table::ddl::quote_identifier;

use super::expr::{ColumnId, ColumnNames};
use crate::error::ResolveError;

/// What a table of the FROM clause is to the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableRole {
    /// Chunked and inner: a chunk without rows of it gives nothing.
    Chunked,
    /// Chunked and inner, near the home rows of another table: read with the copies in its overlap.
    Neighbour,
    /// Chunked, at the optional side of an outer join: a chunk without rows of it still counts.
    ChunkedOptional,
    /// Whole on every worker, inner.
    Reference,
    /// Whole on every worker, at the optional side of an outer join.
    ReferenceOptional,
    /// Chunked, in a subquery: its rows of the chunk are all there are for a row outside.
    Nested,
    /// Whole on every worker, in a subquery or a derived table.
    NestedReference,
    /// Chunked, in a derived table of which each chunk computes its part: a chunk without rows of it
    /// gives nothing.
    Derived,
}

impl TableRole {
    /// Whether each chunk has its own physical tables of it.
    pub fn is_chunked(self) -> bool {
        matches!(
            self,
            Self::Chunked | Self::Neighbour | Self::ChunkedOptional | Self::Nested | Self::Derived
        )
    }

    /// Whether a chunk that lacks home rows of it gives nothing.
    pub(crate) fn is_home(self) -> bool {
        matches!(self, Self::Chunked | Self::Derived)
    }

    /// Whether it stands in a subquery or a derived table.
    pub fn is_nested(self) -> bool {
        matches!(self, Self::Nested | Self::NestedReference | Self::Derived)
    }

    /// Whether a statement reads all its segments at once, in one derived table, rather than one of
    /// them.
    pub(crate) fn is_read_whole(self) -> bool {
        self.is_optional() || self.is_nested()
    }

    /// Whether it stands at the optional side of an outer join.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::ChunkedOptional | Self::ReferenceOptional)
    }
}

/// A table of the FROM clause.
#[derive(Clone)]
pub(crate) struct ScopeTable<'a> {
    pub key: &'a TableKey,
    pub alias: String,
    pub table: &'a Table,
    pub role: TableRole,
    /// Whether it is a query in FROM; `key` and `table` say what it is to the statement around it.
    pub is_query: bool,
}

impl<'a> ScopeTable<'a> {
    /// Columns the user declared.
    pub(crate) fn declared(&self) -> &'a [Column] {
        self.table.kind.columns()
    }

    /// The schema, when the table is chunked.
    pub(crate) fn chunked(&self) -> Option<&'a AcceptedTable> {
        self.table.kind.chunked()
    }

    /// The director whose key this table follows: itself, or its parent.
    pub(crate) fn director(&self) -> Option<TableKey> {
        self.table.kind.director_key(self.key)
    }

    /// Place of a column, whatever its case. chunkId and subChunkId follow the declared ones of what is
    /// stored in chunks.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        let declared = self.declared();
        let found = declared
            .iter()
            .position(|column| same_name(&column.name, name));
        found.or_else(|| {
            self.chunked().filter(|_| !self.is_query)?;
            let own = [CHUNK_COLUMN, SUB_CHUNK_COLUMN]
                .iter()
                .position(|own| same_name(own, name));
            own.map(|own| declared.len() + own)
        })
    }

    /// Number of columns that `*` shows.
    pub(crate) fn visible(&self) -> usize {
        let own = self
            .chunked()
            .filter(|table| table.qserv_compat)
            .map_or(0, |_| 2);
        self.declared().len() + own
    }

    /// Name of the column at a place.
    pub(crate) fn column_name(&self, at: usize) -> &'a str {
        let declared = self.declared();
        match declared.get(at) {
            Some(column) => &column.name,
            None if at == declared.len() => CHUNK_COLUMN,
            None => SUB_CHUNK_COLUMN,
        }
    }

    /// Type of the column at a place.
    pub(crate) fn column_type(&self, at: usize) -> Option<SqlType> {
        match self.declared().get(at) {
            Some(column) => SqlType::parse(&column.sql_type).ok(),
            None => Some(SqlType::Integer {
                width: orrery_archive::sql_type::IntegerWidth::Int,
                display: None,
                flags: NumberFlags {
                    unsigned: true,
                    zerofill: false,
                },
            }),
        }
    }
}

/// Column names are compared without regard to case.
pub(crate) fn same_name(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || left.to_lowercase() == right.to_lowercase()
}

/// A column that USING made one of two.
#[derive(Clone)]
pub(crate) struct Merged {
    pub name: String,
    /// The column that stands for both.
    pub column: ColumnId,
    /// Tables whose column of this name is hidden.
    pub hidden: Vec<usize>,
}

/// All tables of a FROM clause.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    pub tables: Vec<ScopeTable<'a>>,
    pub merged: Vec<Merged>,
    database: Option<&'a str>,
    /// Place of the first table of the clause; those before it are known by number alone.
    first: usize,
    /// Names that mean nothing here may mean something around a subquery.
    outer: Option<Box<Scope<'a>>>,
}

impl<'a> Scope<'a> {
    /// A scope without tables, with the session's default database.
    pub(crate) fn new(database: Option<&'a str>) -> Self {
        Self {
            tables: Vec::new(),
            merged: Vec::new(),
            database,
            first: 0,
            outer: None,
        }
    }

    /// The scope of a subquery: `before` are the tables around it and those of other subqueries.
    pub(crate) fn nested(outer: &Self, before: Vec<ScopeTable<'a>>) -> Self {
        Self {
            first: before.len(),
            tables: before,
            merged: Vec::new(),
            database: outer.database,
            outer: Some(Box::new(outer.clone())),
        }
    }

    /// Places of the clause's own tables.
    pub(crate) fn own(&self) -> std::ops::Range<usize> {
        self.first..self.tables.len()
    }

    /// The catalog's table of this name.
    pub(crate) fn find_table(
        catalog: &'a Catalog,
        database: Option<&str>,
        table: &str,
    ) -> Result<(&'a TableKey, &'a Table), ResolveError> {
        let database = database.ok_or(ResolveError::NoDatabase)?;
        let key = TableKey::new(database, table);
        if catalog.unread.tables.contains_key(&key) {
            return Err(ResolveError::NewerTable { table: key });
        }
        let entry = catalog.tables.get_key_value(&key);
        entry.ok_or(ResolveError::NoTable { table: key })
    }

    /// Adds a table under its alias.
    pub(crate) fn add(&mut self, table: ScopeTable<'a>) -> Result<usize, ResolveError> {
        let mut own = self.tables.iter().skip(self.first);
        let taken = own.any(|other| other.alias == table.alias);
        if taken {
            return Err(ResolveError::DuplicateAlias { alias: table.alias });
        }
        self.tables.push(table);
        Ok(self.tables.len() - 1)
    }

    /// The table that `alias` or `database.alias` names.
    pub(crate) fn table(&self, database: Option<&str>, alias: &str) -> Result<usize, ResolveError> {
        let is_named = |at: &usize| {
            self.tables.get(*at).is_some_and(|table| {
                let in_database = database.is_none_or(|database| table.key.database == database);
                table.alias == alias && in_database
            })
        };
        match (self.own().find(is_named), &self.outer) {
            (Some(found), _) => Ok(found),
            (None, Some(outer)) => outer.table(database, alias),
            (None, None) => Err(ResolveError::UnknownTable {
                alias: alias.to_owned(),
            }),
        }
    }

    /// The column of this name in one table.
    pub(crate) fn column_of(&self, table: usize, name: &str) -> Option<ColumnId> {
        let column = self.tables.get(table)?.column(name)?;
        Some(ColumnId { table, column })
    }

    /// The column that an unqualified name means: `Ok(None)` when there is none.
    pub(crate) fn column(&self, name: &str) -> Result<Option<ColumnId>, ResolveError> {
        let merged = self
            .merged
            .iter()
            .find(|merged| same_name(&merged.name, name));
        let hidden = merged
            .map(|merged| merged.hidden.as_slice())
            .unwrap_or_default();
        let mut found = merged.map(|merged| merged.column);
        for table in self.own().filter(|table| !hidden.contains(table)) {
            let Some(column) = self.column_of(table, name) else {
                continue;
            };
            if found.is_some_and(|found| found != column) {
                return Err(ResolveError::Ambiguous {
                    column: name.to_owned(),
                });
            }
            found = Some(column);
        }
        match (found, &self.outer) {
            (None, Some(outer)) => outer.column(name),
            (found, _) => Ok(found),
        }
    }

    /// Columns that `*` shows, in order: merged ones first, in the first table's order, then each
    /// table's. `None` when several USING of different columns make the order too hard to
    /// determine.
    pub(crate) fn star(&self) -> Option<Vec<ColumnId>> {
        if self
            .merged
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if one.hidden != other.hidden))
        {
            return None;
        }
        let mut columns: Vec<ColumnId> = self.merged.iter().map(|merged| merged.column).collect();
        columns.sort();
        for (number, table) in self.tables.iter().enumerate().skip(self.first) {
            let shown = (0..table.visible()).map(|column| ColumnId {
                table: number,
                column,
            });
            columns.extend(shown.filter(|column| {
                let name = table.column_name(column.column);
                !self
                    .merged
                    .iter()
                    .any(|merged| same_name(&merged.name, name))
            }));
        }
        Some(columns)
    }

    /// The tables that are stored, in order.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &ScopeTable<'a>> {
        self.tables.iter().filter(|table| !table.is_query)
    }

    /// Place of a table among those that are stored.
    pub(crate) fn place_among_stored(&self, table: usize) -> usize {
        let before = self.tables.iter().take(table);
        before.filter(|table| !table.is_query).count()
    }

    /// The table of a column.
    pub(crate) fn table_of(&self, column: ColumnId) -> Option<&ScopeTable<'a>> {
        self.tables.get(column.table)
    }

    /// Type of a column.
    pub(crate) fn type_of(&self, column: ColumnId) -> Option<SqlType> {
        self.table_of(column)?.column_type(column.column)
    }

    /// The session's default database.
    pub(crate) fn database(&self) -> Option<&'a str> {
        self.database
    }
}

impl ColumnNames for Scope<'_> {
    fn push_table(&self, table: usize, text: &mut String) {
        if let Some(table) = self.tables.get(table) {
            text.push_str(&quote_identifier(&table.key.database));
            text.push('.');
            text.push_str(&quote_identifier(&table.key.table));
        }
    }

    fn push_column(&self, column: ColumnId, text: &mut String) {
        if let Some(table) = self.table_of(column) {
            text.push_str(&quote_identifier(&table.alias));
            text.push('.');
            text.push_str(&quote_identifier(table.column_name(column.column)));
        }
    }
}
