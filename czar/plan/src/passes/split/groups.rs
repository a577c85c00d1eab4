//! Statements with groups: each part groups its own rows, the merge groups the parts' groups.

use orrery_archive::catalog::TableKind;
use orrery_archive::table::UniqueKey;

use super::carry::Carrier;
use super::clauses::{partial_list, range_text};
use super::compose::Composer;
use super::quotients::SumTravel;
use super::simple;
use crate::error::{PlanError, refused};
use crate::passes::joins::{Equalities, key_column};
use crate::plan::template::Template;
use crate::plan::{Merge, ShadowMerge};
use crate::query::expr::{Aggregate, AggregateKind, ColumnId, Expr, Part};
use crate::query::functions::Yields;
use crate::query::select::{RowRange, Select};

/// Splits a grouped statement.
pub(super) fn split(
    select: &Select<'_>,
    composer: &Composer<'_, '_>,
    equalities: &Equalities,
) -> Result<(Template, Merge), PlanError> {
    let mut groups = Groups::new(select, equalities)?;
    let outputs: Vec<Expr> = select
        .items
        .iter()
        .map(|item| groups.lift(&item.expr))
        .collect::<Result<_, _>>()?;
    let having = select
        .having
        .as_ref()
        .map(|having| groups.lift(having))
        .transpose()?;
    let order = groups.order(&outputs)?;
    let (columns, merged) = groups.finish();
    let text = |expr: &Expr| expr.print(&select.scope);
    let shift = |expr: &Expr| shifted(expr, &merged.places);
    let outputs: Vec<Expr> = outputs.iter().map(shift).collect();
    let plain =
        having.is_none() && order.is_empty() && !select.distinct && select.range == RowRange::default();
    let simple = plain
        .then(|| simple::describe(&outputs, &columns, merged.keys, &merged.group_by, &select.scope))
        .flatten();
    let mut after = regrouping(&merged.group_by);
    if let Some(having) = &having {
        after.push_str(&format!(" HAVING {}", text(&shift(having))));
    }
    let order = order
        .iter()
        .map(|(expr, direction)| format!("{}{direction}", text(&shift(expr))));
    after.push_str(&clause(" ORDER BY ", order));
    after.push_str(&range_text(select.range));
    let list = partial_list(select, &columns);
    let tail = grouping(merged.keys);
    let distinct = if select.distinct { "DISTINCT " } else { "" };
    let outputs: Vec<String> = outputs.iter().map(text).collect();
    let merge = ShadowMerge {
        partial_columns: columns.len(),
        shadow_select: composer.shadow(&list, &format!("{tail} LIMIT 0")),
        before: format!("SELECT {distinct}{} FROM ", outputs.join(", ")),
        after,
        simple,
    };
    Ok((composer.template(&list, &tail), Merge::Shadow(merge)))
}

/// ` GROUP BY 1, 2, …` over the first columns.
fn grouping(keys: usize) -> String {
    clause(" GROUP BY ", (1..=keys).map(|place| place.to_string()))
}

/// ` GROUP BY p0, …`: the merge's own, over partial columns.
fn regrouping(columns: &[usize]) -> String {
    clause(" GROUP BY ", columns.iter().map(|number| format!("`p{number}`")))
}

/// A clause with a list; without the list there is no clause.
fn clause(words: &str, list: impl Iterator<Item = String>) -> String {
    let list: Vec<String> = list.collect();
    if list.is_empty() {
        String::new()
    } else {
        format!("{words}{}", list.join(", "))
    }
}

/// Renumbers partial columns: while lifting, keys count up from 0 and aggregates from [`FIRST_AGGREGATE`].
fn shifted(expr: &Expr, places: &Places) -> Expr {
    match expr {
        Expr::Partial(number) => Expr::Partial(places.place(*number)),
        other => {
            let shifted: Result<Expr, std::convert::Infallible> =
                other.map_children(&mut |child| Ok(shifted(child, places)));
            match shifted {
                Ok(expr) => expr,
            }
        }
    }
}

/// Number of the first aggregate while keys are still being found.
const FIRST_AGGREGATE: usize = 1 << 32;

/// Final numbers of partial columns.
pub(super) struct Places {
    keys: usize,
}

impl Places {
    fn place(&self, number: usize) -> usize {
        match number.checked_sub(FIRST_AGGREGATE) {
            Some(aggregate) => self.keys + aggregate,
            None => number,
        }
    }
}

/// The shape of the merge.
pub(super) struct Merged {
    /// Leading partial columns that each part groups by.
    pub keys: usize,
    /// Partial columns that the merge groups by.
    pub group_by: Vec<usize>,
    places: Places,
}

/// A column that parts group by.
struct Key {
    expr: Expr,
    carrier: Carrier,
    /// Whether it is one of the user's keys (or depends on them); arguments of DISTINCT are not.
    grouped: bool,
}

struct Groups<'a, 's> {
    select: &'s Select<'a>,
    equalities: &'s Equalities,
    keys: Vec<Key>,
    aggregates: Vec<Expr>,
}

impl<'a, 's> Groups<'a, 's> {
    fn new(select: &'s Select<'a>, equalities: &'s Equalities) -> Result<Self, PlanError> {
        let mut groups = Self {
            select,
            equalities,
            keys: Vec::new(),
            aggregates: Vec::new(),
        };
        for key in &select.group_by {
            groups.key(key, true, "GROUP BY")?;
        }
        Ok(groups)
    }

    /// Place of a key, added when it is new.
    fn key(&mut self, expr: &Expr, grouped: bool, what: &str) -> Result<usize, PlanError> {
        if let Some(known) = self.keys.iter().position(|key| key.expr == *expr) {
            if let Some(key) = self.keys.get_mut(known) {
                key.grouped |= grouped;
            }
            return Ok(known);
        }
        let carrier = Carrier::of(expr, &self.select.scope);
        carrier.pack(expr, what)?;
        self.keys.push(Key {
            expr: expr.clone(),
            carrier,
            grouped,
        });
        Ok(self.keys.len() - 1)
    }

    /// Place of a partial aggregate, added when it is new.
    fn partial(&mut self, expr: Expr) -> Expr {
        let known = self.aggregates.iter().position(|aggregate| *aggregate == expr);
        let place = known.unwrap_or_else(|| {
            self.aggregates.push(expr);
            self.aggregates.len() - 1
        });
        Expr::Partial(FIRST_AGGREGATE + place)
    }

    /// An expression over the partial columns that has the value of `expr` over the rows.
    fn lift(&mut self, expr: &Expr) -> Result<Expr, PlanError> {
        if let Expr::Call { name, arguments, .. } = expr
            && name == "UNIX_TIMESTAMP"
            && let [argument] = arguments.as_slice()
            && let Some((Carrier::Timestamp(_), seconds)) = self.travelled(argument)?
        {
            // Through local time an hour a year would be lost.
            return Ok(seconds);
        }
        match self.travelled(expr)? {
            Some((carrier, travelled)) => Ok(carrier.unpack(travelled)),
            None => match expr {
                Expr::Aggregate(aggregate) => self.lift_aggregate(aggregate),
                other => other.map_children(&mut |child| self.lift(child)),
            },
        }
    }

    /// What travels of a key, a column or an extreme value, if `expr` is one.
    fn travelled(&mut self, expr: &Expr) -> Result<Option<(Carrier, Expr)>, PlanError> {
        let known = self.keys.iter().position(|key| key.grouped && key.expr == *expr);
        if let Some((number, key)) = known.and_then(|number| Some((number, self.keys.get(number)?))) {
            return Ok(Some((key.carrier, Expr::Partial(number))));
        }
        match expr {
            Expr::Column(column) => self.travelled_column(*column).map(Some),
            Expr::Aggregate(aggregate) => match (aggregate.kind, aggregate.arguments.as_slice()) {
                (AggregateKind::Min | AggregateKind::Max, [argument]) => {
                    let carrier = Carrier::of(argument, &self.select.scope);
                    let packed = carrier.pack_extreme(argument, aggregate.kind.name())?;
                    let part = self.partial(whole(aggregate.kind, &[packed]));
                    Ok(Some((carrier, whole(aggregate.kind, &[part]))))
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// A column that is no key must have one value per group; it is then grouped by as well, which changes no group.
    fn travelled_column(&mut self, column: ColumnId) -> Result<(Carrier, Expr), PlanError> {
        if !self.depends_on_keys(column) {
            let scope = &self.select.scope;
            return Err(PlanError::NotGrouped {
                column: Expr::Column(column).print(scope).replace('`', ""),
            });
        }
        let expr = Expr::Column(column);
        let number = self.key(&expr, true, "GROUP BY")?;
        let carrier = self.keys.get(number).map_or(Carrier::Plain, |key| key.carrier);
        Ok((carrier, Expr::Partial(number)))
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
        // A unique key in GROUP BY fixes its whole row. Of an optional table only its own column will do: NULL means no row.
        let fixes = |part: ColumnId| self.key_columns().any(|key| key == part) || (inner && is_fixed(part));
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
                !accepted.primary_key.is_empty() && parts.into_iter().all(|part| part.is_some_and(fixes))
            }
            _ => false,
        }
    }

    fn key_columns(&self) -> impl Iterator<Item = ColumnId> {
        self.keys
            .iter()
            .filter(|key| key.grouped)
            .filter_map(|key| match key.expr {
                Expr::Column(column) => Some(column),
                _ => None,
            })
    }

    /// Aggregates but MIN and MAX.
    fn lift_aggregate(&mut self, aggregate: &Aggregate) -> Result<Expr, PlanError> {
        if aggregate.distinct {
            return self.lift_distinct(aggregate);
        }
        let arguments = aggregate.arguments.as_slice();
        Ok(match aggregate.kind {
            AggregateKind::Count => count_of(self.partial(whole(AggregateKind::Count, arguments))),
            AggregateKind::Sum => {
                let travel = self.sum_travel(arguments)?;
                let sum = self.partial(travel.pack(whole(AggregateKind::Sum, arguments)));
                travel.sum(whole(AggregateKind::Sum, &[sum]))
            }
            AggregateKind::Avg => {
                let travel = self.sum_travel(arguments)?;
                let sum = self.partial(travel.pack(whole(AggregateKind::Sum, arguments)));
                let count = self.partial(whole(AggregateKind::Count, arguments));
                travel.average(quotient(
                    whole(AggregateKind::Sum, &[sum]),
                    whole(AggregateKind::Sum, &[count]),
                ))
            }
            kind => {
                let part = self.partial(whole(kind, arguments));
                whole(kind, &[part])
            }
        })
    }

    fn sum_travel(&self, arguments: &[Expr]) -> Result<SumTravel, PlanError> {
        arguments.first().map_or(Ok(SumTravel::PLAIN), |argument| {
            SumTravel::of(argument, &self.select.scope)
        })
    }

    /// Aggregates over distinct values: parts group by the values too, the merge sees each value of a group and makes it distinct.
    fn lift_distinct(&mut self, aggregate: &Aggregate) -> Result<Expr, PlanError> {
        let mut arguments = Vec::new();
        for argument in &aggregate.arguments {
            let number = self.key(argument, false, "DISTINCT")?;
            let carrier = self.keys.get(number).map_or(Carrier::Plain, |key| key.carrier);
            if matches!(carrier, Carrier::Timestamp(_)) && aggregate.kind != AggregateKind::Count {
                return Err(refused(
                    "SUM and AVG of distinct TIMESTAMP values",
                    "convert them with UNIX_TIMESTAMP(x)",
                ));
            }
            arguments.push(Expr::Partial(number));
        }
        Ok(Expr::Aggregate(Box::new(Aggregate {
            kind: aggregate.kind,
            distinct: true,
            arguments,
        })))
    }

    /// ORDER BY over the partial columns.
    fn order(&mut self, outputs: &[Expr]) -> Result<Vec<(Expr, &'static str)>, PlanError> {
        let mut keys = Vec::new();
        for key in &self.select.order_by {
            let lifted = self.lift(&key.expr)?;
            if self.select.distinct && !outputs.contains(&lifted) {
                return Err(refused(
                    "SELECT DISTINCT … ORDER BY something that is not selected",
                    "add it to the select list",
                ));
            }
            keys.push((lifted, if key.descending { " DESC" } else { "" }));
        }
        Ok(keys)
    }

    /// The partial columns and the shape of the merge.
    fn finish(self) -> (Vec<Expr>, Merged) {
        let keys = self.keys.len();
        let grouped = self
            .keys
            .iter()
            .enumerate()
            .filter(|(_, key)| key.grouped)
            .map(|(number, _)| number);
        let merged = Merged {
            keys,
            group_by: if self.select.group_by.is_empty() {
                Vec::new()
            } else {
                grouped.collect()
            },
            places: Places { keys },
        };
        // Every key was packed once when it was found, so that packing cannot fail here.
        let packed = self
            .keys
            .iter()
            .filter_map(|key| key.carrier.pack(&key.expr, "GROUP BY").ok());
        let columns = packed.chain(self.aggregates).collect();
        (columns, merged)
    }
}

fn whole(kind: AggregateKind, arguments: &[Expr]) -> Expr {
    Expr::Aggregate(Box::new(Aggregate {
        kind,
        distinct: false,
        arguments: arguments.to_vec(),
    }))
}

/// COUNT from partial counts, as a BIGINT, 0 when there is none.
fn count_of(part: Expr) -> Expr {
    let parts = vec![
        Part::Text("CAST(COALESCE(SUM(".into()),
        Part::Expr(part),
        Part::Text("), 0) AS SIGNED)".into()),
    ];
    Expr::Form(parts, Yields::Exact)
}

/// AVG from sums: MariaDB's division gives DECIMAL the 4 more digits that its AVG gives.
fn quotient(sum: Expr, count: Expr) -> Expr {
    let parts = vec![
        Part::Text("(".into()),
        Part::Expr(sum),
        Part::Text(" / ".into()),
        Part::Expr(count),
        Part::Text(")".into()),
    ];
    Expr::Form(parts, Yields::Exact)
}
