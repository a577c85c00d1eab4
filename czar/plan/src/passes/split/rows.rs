//! Statements without groups: rows as they are, ordered, or distinct.

use super::carry::Carrier;
use super::clauses::{part_limit, partial_list, range_text};
use super::compose::Composer;
use crate::error::{PlanError, refused};
use crate::plan::template::Template;
use crate::plan::{Merge, ShadowMerge};
use crate::query::expr::Expr;
use crate::query::select::Select;

/// Rows of the chunks, in any order.
pub(super) fn split_plain(select: &Select<'_>, composer: &Composer<'_, '_>) -> (Template, Merge) {
    let mut list = String::new();
    for (number, item) in select.items.iter().enumerate() {
        list.push_str(if number > 0 { ", " } else { "" });
        item.expr.push(&select.scope, &mut list);
    }
    let template = composer.template(&list, &part_limit(select.range));
    (template, Merge::Concatenate(select.range))
}

/// Rows that are ordered or made distinct at the merge. Each part orders and limits its own rows first when there is a LIMIT.
pub(super) fn split_ordered(
    select: &Select<'_>,
    composer: &Composer<'_, '_>,
) -> Result<(Template, Merge), PlanError> {
    let mut parts = Parts::of_items(select)?;
    let keys: Vec<usize> = select
        .order_by
        .iter()
        .map(|key| parts.order_column(&key.expr, select))
        .collect::<Result<_, _>>()?;
    let order: Vec<String> = keys
        .iter()
        .zip(&select.order_by)
        .map(|(column, key)| format!("{}{}", column + 1, if key.descending { " DESC" } else { "" }))
        .collect();
    let merge_order: Vec<String> = keys
        .iter()
        .zip(&select.order_by)
        .map(|(column, key)| format!("`p{column}`{}", if key.descending { " DESC" } else { "" }))
        .collect();
    let distinct = if select.distinct { "DISTINCT " } else { "" };
    let list = format!("{distinct}{}", partial_list(select, &parts.columns));
    let limit = part_limit(select.range);
    let tail = if limit.is_empty() {
        String::new()
    } else {
        format!("{}{limit}", order_text(&order))
    };
    let outputs: Vec<String> = parts
        .outputs
        .iter()
        .map(|output| output.print(&select.scope))
        .collect();
    let merge = ShadowMerge {
        partial_columns: parts.columns.len(),
        shadow_select: composer.shadow(&list, " LIMIT 0"),
        before: format!("SELECT {distinct}{} FROM ", outputs.join(", ")),
        after: format!("{}{}", order_text(&merge_order), range_text(select.range)),
        simple: None,
    };
    Ok((composer.template(&list, &tail), Merge::Shadow(merge)))
}

fn order_text(keys: &[String]) -> String {
    if keys.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {}", keys.join(", "))
    }
}

/// Partial columns: the items, then hidden ones to order by.
struct Parts {
    columns: Vec<Expr>,
    /// Output columns over the partial ones.
    outputs: Vec<Expr>,
}

impl Parts {
    fn of_items(select: &Select<'_>) -> Result<Self, PlanError> {
        let mut parts = Self {
            columns: Vec::new(),
            outputs: Vec::new(),
        };
        for item in &select.items {
            let is_column = matches!(item.expr, Expr::Column(_));
            let carrier = match Carrier::of(&item.expr, &select.scope) {
                // A column that is only shown: its text is what the client gets. Distinct ones are compared as well.
                Carrier::Unsure | Carrier::Timestamp(_) if !select.distinct && is_column => Carrier::Plain,
                carrier => carrier,
            };
            let number = parts.columns.len();
            parts
                .columns
                .push(carrier.pack(&item.expr, "ORDER BY or DISTINCT")?);
            parts.outputs.push(carrier.unpack(Expr::Partial(number)));
        }
        Ok(parts)
    }

    /// The partial column to order by.
    fn order_column(&mut self, key: &Expr, select: &Select<'_>) -> Result<usize, PlanError> {
        let packed = Carrier::of(key, &select.scope).pack(key, "ORDER BY")?;
        let alike = self.columns.iter().filter(|column| **column == packed).count();
        if alike > 1 && packed.is_random() {
            return Err(refused(
                "ORDER BY one of several random columns",
                "select one of them",
            ));
        }
        if let Some(known) = self.columns.iter().position(|column| *column == packed) {
            return Ok(known);
        }
        if select.distinct {
            return Err(refused(
                "SELECT DISTINCT … ORDER BY something that is not selected",
                "add it to the select list: which of several rows decides the order is not defined",
            ));
        }
        self.columns.push(packed);
        Ok(self.columns.len() - 1)
    }
}
