//! Names: which column or item of the select list they mean, by MariaDB's rules for each clause.

use sqlparser::ast::Ident;

use super::{Converted, Converter, Group, Place};
use crate::error::{PlanError, ResolveError, refused};
use crate::query::expr::Expr;
use crate::query::functions;
use crate::query::scope::same_name;
use crate::query::select::Item;

impl Converter<'_, '_> {
    pub(super) fn name(&mut self, name: &Ident) -> Converted {
        if name.quote_style.is_none() {
            let upper = name.value.to_ascii_uppercase();
            if name.value.starts_with("@@") {
                return Err(refused(
                    name.value.clone(),
                    "select it in a statement without tables and write its value here",
                ));
            }
            if functions::is_clock_word(&upper) {
                self.notes.uses_now = true;
                return Ok(Expr::call(&upper, Vec::new()));
            }
        }
        let name = name.value.as_str();
        let found = match self.place {
            Place::Items | Place::Filter => None,
            Place::GroupBy(items) | Place::OrderBy(items) => match self.scope.column(name)? {
                Some(_) => None,
                None => item_by_alias(items, name)?.map(|item| item.expr.clone()),
            },
            Place::Having(items, _) if self.in_aggregate => match self.scope.column(name)? {
                Some(_) => None,
                None => item_by_alias(items, name)?.map(|item| item.expr.clone()),
            },
            Place::Having(items, groups) => self.grouped_or_item(items, groups, name)?,
        };
        if let Some(expr) = found {
            return Ok(expr);
        }
        let column = self.scope.column(name)?;
        column.map(Expr::Column).ok_or_else(|| self.unknown(name))
    }

    /// What a name in HAVING means, if it is no column that is neither selected nor grouped by.
    fn grouped_or_item(
        &self,
        items: &[Item],
        groups: &[Group],
        name: &str,
    ) -> Result<Option<Expr>, PlanError> {
        let item = item_by_alias(items, name)?;
        let is_column = |group: &Expr| match group {
            Expr::Column(column) => self
                .scope
                .table_of(*column)
                .is_some_and(|table| same_name(table.column_name(column.column), name)),
            _ => false,
        };
        let is_named = |group: &&Group| {
            let alias = group.alias.as_deref();
            is_column(&group.expr) || alias.is_some_and(|alias| same_name(alias, name))
        };
        let group = groups.iter().find(is_named).map(|group| &group.expr);
        Ok(group.or(item.map(|item| &item.expr)).cloned())
    }

    fn unknown(&self, name: &str) -> PlanError {
        ResolveError::NoColumn {
            column: name.to_owned(),
            clause: match self.place {
                Place::Items => "field list",
                Place::Filter => "where clause",
                Place::GroupBy(_) => "group statement",
                Place::Having(..) => "having clause",
                Place::OrderBy(_) => "order clause",
            },
        }
        .into()
    }

    pub(super) fn qualified(&mut self, names: &[Ident]) -> Converted {
        let (database, table, column) = match names {
            [table, column] => (None, table, column),
            [database, table, column] => (Some(database.value.as_str()), table, column),
            _ => return Err(self.unknown(&join_names(names))),
        };
        let found = self.scope.table(database, &table.value).ok();
        let column = found.and_then(|table| self.scope.column_of(table, &column.value));
        column
            .map(Expr::Column)
            .ok_or_else(|| self.unknown(&join_names(names)))
    }
}

/// The item with this alias, or this column's name. An expression is taken before columns, the first
/// of several; two different columns are ambiguous.
pub(crate) fn item_by_alias<'i>(
    items: &'i [Item],
    name: &str,
) -> Result<Option<&'i Item>, PlanError> {
    let mut found: Option<&Item> = None;
    for item in items.iter().filter(|item| item.is_named(name)) {
        if !matches!(item.expr, Expr::Column(_)) {
            return Ok(Some(item));
        }
        if found.is_some_and(|found| found.expr != item.expr) {
            return Err(ResolveError::Ambiguous {
                column: name.to_owned(),
            }
            .into());
        }
        found = Some(item);
    }
    Ok(found)
}

fn join_names(names: &[Ident]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
    names.join(".")
}
