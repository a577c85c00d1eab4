//! Statements without groups: rows as they are, ordered, or distinct.

use orrery_archive::sql_type::SqlType;

use super::clauses::{clause, part_limit, partial_list, range_text};
use super::compose::Composer;
use super::parts::{Column, Exchange, Parts, Purpose};
use super::stored;
use crate::aggregate::carry::Carrier;
use crate::error::{PlanError, refused};
use crate::plan::{Merge, ShadowMerge};
use crate::query::expr::Expr;
use crate::query::infer::type_of;
use crate::query::scope::Scope;
use crate::query::select::Select;
use crate::query::value::{Nature, Number, Shown};

/// Rows of the chunks, in any order.
pub(super) fn split_plain(select: &Select<'_>, composer: &Composer<'_, '_>) -> Parts {
    let items = select
        .items
        .iter()
        .map(|item| item.expr.print(&select.scope));
    let list = items.collect::<Vec<_>>().join(", ");
    let limit = part_limit(select.range);
    Parts {
        template: composer.template(&list, &limit),
        merge: Merge::Concatenate(select.range),
        exchange: Exchange::default(),
        joined_end: limit,
    }
}

/// Rows that are ordered or made distinct at the merge. Each part orders and limits its own rows
/// first when there is a LIMIT.
pub(super) fn split_ordered(
    select: &Select<'_>,
    composer: &Composer<'_, '_>,
) -> Result<Parts, PlanError> {
    stored::check_rows(select)?;
    let mut columns = Columns::of_items(select)?;
    let keys: Vec<(usize, &str)> = select
        .order_by
        .iter()
        .map(|key| {
            let direction = if key.descending { " DESC" } else { "" };
            Ok((columns.order_column(&key.expr, select)?, direction))
        })
        .collect::<Result<_, PlanError>>()?;
    let by_place = keys
        .iter()
        .map(|(column, direction)| format!("{}{direction}", column + 1));
    let by_name = keys
        .iter()
        .map(|(column, direction)| format!("`p{column}`{direction}"));
    let distinct = if select.distinct { "DISTINCT " } else { "" };
    let list = format!(
        "{distinct}{}",
        partial_list(
            &select.scope,
            columns.partial.iter().map(|column| &column.expr)
        )
    );
    let limit = part_limit(select.range);
    let tail = if limit.is_empty() {
        String::new()
    } else {
        format!("{}{limit}", clause(" ORDER BY ", by_place))
    };
    let places = keys.iter().map(|(column, _)| *column);
    let joined_end = if !select.distinct && columns.keep_order(places, &select.scope) {
        tail.clone()
    } else {
        String::new()
    };
    let outputs: Vec<String> = columns
        .outputs
        .iter()
        .map(|output| output.print(&select.scope))
        .collect();
    let merge = ShadowMerge {
        partial_columns: columns.partial.len(),
        shadow_select: composer.shadow(&list, " LIMIT 0"),
        before: format!("SELECT {distinct}{} FROM ", outputs.join(", ")),
        after: format!(
            "{}{}",
            clause(" ORDER BY ", by_name),
            range_text(select.range)
        ),
        simple: None,
    };
    Ok(Parts {
        template: composer.template(&list, &tail),
        merge: Merge::Shadow(merge),
        exchange: Exchange {
            columns: columns.partial,
            merged: columns.outputs,
        },
        joined_end,
    })
}

/// Partial columns: the items, then hidden ones to order by.
struct Columns {
    partial: Vec<Column>,
    /// Output columns over the partial ones.
    outputs: Vec<Expr>,
}

impl Columns {
    fn of_items(select: &Select<'_>) -> Result<Self, PlanError> {
        let mut columns = Self {
            partial: Vec::new(),
            outputs: Vec::new(),
        };
        for item in &select.items {
            let travelled = Expr::Partial(columns.partial.len());
            let is_column = matches!(item.expr, Expr::Column(_));
            // A column that is only shown: its text is what the client gets. Distinct ones are
            // compared as well.
            let only_shown = is_column && !select.distinct;
            let carrier = if only_shown {
                Carrier::of_shown_column(&item.expr, &select.scope)
            } else {
                carrier(&item.expr, select, "ORDER BY or DISTINCT")?
            };
            columns.partial.push(Column {
                expr: carrier.pack(item.expr.clone()),
                purpose: if only_shown {
                    Purpose::Shown
                } else {
                    Purpose::Order
                },
            });
            columns.outputs.push(carrier.unpack(travelled).value);
        }
        Ok(columns)
    }

    /// Whether UNION ALL keeps the order of these columns: of numbers and dates, not of ENUM and SET,
    /// which become texts.
    fn keep_order(&self, places: impl IntoIterator<Item = usize>, scope: &Scope<'_>) -> bool {
        let keeps = |expr: &Expr| {
            let kind = type_of(expr, scope);
            match (kind.nature, expr) {
                (Nature::Number, _) => {
                    !matches!(kind.number, Number::Double(shown) if shown != Shown::All)
                }
                (_, Expr::Column(column)) => matches!(
                    scope.type_of(*column),
                    Some(SqlType::Date | SqlType::DateTime(_) | SqlType::Time(_))
                ),
                _ => false,
            }
        };
        let mut places = places.into_iter();
        places.all(|place| {
            self.partial
                .get(place)
                .is_some_and(|column| keeps(&column.expr))
        })
    }

    /// The partial column to order by.
    fn order_column(&mut self, key: &Expr, select: &Select<'_>) -> Result<usize, PlanError> {
        let packed = carrier(key, select, "ORDER BY")?.pack(key.clone());
        if let Some(known) = self.partial.iter().position(|column| column.expr == packed) {
            // It is ordered by as well.
            self.partial
                .iter_mut()
                .skip(known)
                .take(1)
                .for_each(|column| column.purpose = Purpose::Order);
            return Ok(known);
        }
        if select.distinct {
            return Err(refused(
                "SELECT DISTINCT … ORDER BY something that is not selected",
                "add it to the select list: which of several rows decides the order is not defined",
            ));
        }
        self.partial.push(Column {
            expr: packed,
            purpose: Purpose::Order,
        });
        Ok(self.partial.len() - 1)
    }
}

fn carrier(expr: &Expr, select: &Select<'_>, what: &str) -> Result<Carrier, PlanError> {
    if select.distinct {
        Carrier::of_distinct_row(expr, &select.scope, what)
    } else {
        Carrier::of_ordered(expr, &select.scope, what)
    }
}
