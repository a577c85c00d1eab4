//! The columns that parts group by.

use orrery_archive::catalog::TableKind;
use orrery_archive::table::UniqueKey;

use crate::aggregate;
use crate::aggregate::carry::Carrier;
use crate::error::PlanError;
use crate::passes::joins::{Equalities, key_column};
use crate::query::expr::{ColumnId, Expr};
use crate::query::select::Select;

/// A column that parts group by.
pub(super) struct Key {
    pub expr: Expr,
    pub carrier: Carrier,
    /// Whether it is one of the user's keys (or depends on them); arguments of DISTINCT are not.
    pub grouped: bool,
}

/// All of them; the n-th travels as `Partial(n)`.
pub(super) struct Keys<'a, 's> {
    select: &'s Select<'a>,
    equalities: &'s Equalities,
    all: Vec<Key>,
}

impl<'a, 's> Keys<'a, 's> {
    /// The keys of a statement: those of GROUP BY, columns that depend on them, and arguments of
    /// DISTINCT.
    pub(super) fn of(
        select: &'s Select<'a>,
        equalities: &'s Equalities,
    ) -> Result<Self, PlanError> {
        let mut keys = Self {
            select,
            equalities,
            all: Vec::new(),
        };
        for key in &select.group_by {
            keys.add(key, true, "GROUP BY")?;
        }
        let items = select.items.iter().map(|item| &item.expr);
        let order = select.order_by.iter().map(|key| &key.expr);
        for expr in items.chain(&select.having).chain(order) {
            keys.add_needed(expr)?;
        }
        Ok(keys)
    }

    /// The keys in the order of their columns.
    pub(super) fn all(&self) -> &[Key] {
        &self.all
    }

    /// Whether the parts group by more than the statement does.
    pub(super) fn are_finer(&self) -> bool {
        let adds = self.select.group_by.is_empty() && !self.all.is_empty();
        adds || self.all.iter().any(|key| !key.grouped)
    }

    /// The user's key that an expression is, and its column. A literal means itself wherever it
    /// stands.
    pub(super) fn grouped(&self, expr: &Expr) -> Option<(usize, &Key)> {
        let found = self.any(expr).filter(|(_, key)| key.grouped);
        found.filter(|_| !matches!(expr, Expr::Literal(_)))
    }

    /// The key that an expression is, arguments of DISTINCT included.
    pub(super) fn any(&self, expr: &Expr) -> Option<(usize, &Key)> {
        self.all
            .iter()
            .enumerate()
            .find(|(_, key)| key.expr == *expr)
    }

    /// What the merge groups by; nothing without GROUP BY.
    pub(super) fn regrouped(&self) -> Vec<Expr> {
        if self.select.group_by.is_empty() {
            return Vec::new();
        }
        let keys = self.all.iter().enumerate().filter(|(_, key)| key.grouped);
        keys.map(|(number, key)| {
            let travelled = Expr::Partial(number);
            key.carrier.grouped(&travelled).unwrap_or(travelled)
        })
        .collect()
    }

    fn add(&mut self, expr: &Expr, grouped: bool, what: &str) -> Result<(), PlanError> {
        if let Some(key) = self.all.iter_mut().find(|key| key.expr == *expr) {
            key.grouped |= grouped;
            return Ok(());
        }
        let carrier = Carrier::of_key(expr, &self.select.scope, what)?;
        self.all.push(Key {
            expr: expr.clone(),
            carrier,
            grouped,
        });
        Ok(())
    }

    /// Adds what an expression needs in addition to aggregates.
    fn add_needed(&mut self, expr: &Expr) -> Result<(), PlanError> {
        if self.grouped(expr).is_some() {
            return Ok(());
        }
        match expr {
            Expr::Column(column) => self.add_column(*column),
            Expr::Aggregate(call) if aggregate::is_over_distinct(call) => call
                .arguments
                .iter()
                .try_for_each(|argument| self.add(argument, false, "DISTINCT")),
            Expr::Aggregate(_) => Ok(()),
            other => other
                .children()
                .into_iter()
                .try_for_each(|child| self.add_needed(child)),
        }
    }

    /// A column that is no key must have one value per group; it is then grouped by as well, which
    /// changes no group.
    fn add_column(&mut self, column: ColumnId) -> Result<(), PlanError> {
        if !self.depends_on_keys(column) {
            let scope = &self.select.scope;
            return Err(PlanError::NotGrouped {
                column: Expr::Column(column).print(scope).replace('`', ""),
            });
        }
        self.add(&Expr::Column(column), true, "GROUP BY")
    }

    fn depends_on_keys(&self, column: ColumnId) -> bool {
        let scope = &self.select.scope;
        let is_fixed = |column: ColumnId| {
            self.key_columns()
                .any(|key| self.equalities.are_equal(key, column))
        };
        let inner = scope
            .table_of(column)
            .is_some_and(|table| !table.role.is_optional());
        let exact = scope.type_of(column).is_some_and(|kind| kind.is_integer());
        if inner && exact && is_fixed(column) {
            return true;
        }
        // A unique key in GROUP BY fixes its whole row. Of an optional table only its own column
        // will do: NULL means no row.
        let fixes =
            |part: ColumnId| self.key_columns().any(|key| key == part) || (inner && is_fixed(part));
        match scope.table_of(column).map(|table| &table.table.kind) {
            Some(TableKind::Director(accepted, _)) => {
                accepted.unique_key == UniqueKey::Enforced
                    && key_column(column.table, scope).is_some_and(fixes)
            }
            Some(TableKind::Reference(accepted)) => {
                let parts = accepted
                    .primary_key
                    .iter()
                    .map(|name| scope.column_of(column.table, name));
                !accepted.primary_key.is_empty()
                    && parts.into_iter().all(|part| part.is_some_and(fixes))
            }
            _ => false,
        }
    }

    fn key_columns(&self) -> impl Iterator<Item = ColumnId> {
        self.all
            .iter()
            .filter(|key| key.grouped)
            .filter_map(|key| match key.expr {
                Expr::Column(column) => Some(column),
                _ => None,
            })
    }
}
