//! Statements over queries that are grouped by the key, so that each chunk computes its part of them.

use super::groups::without_quotients;
use super::schema::{Column, Type};
use super::statements::Statements;
use super::tree::{Expr, From, Select, Source, Statement, form, text};

/// A query and what of its columns is known.
pub(super) struct Keyed {
    /// The query; its columns are `c1`, `c2` …, the key first.
    pub query: Statement,
    /// How many columns rows are told apart by.
    keys: usize,
}

impl Statements {
    /// A query grouped by the key, or of distinct rows with it.
    pub(super) fn keyed(&mut self) -> Keyed {
        let sources = self.sources(1);
        let filter = self.filter(&sources);
        let alias = sources.from.first().map(|source| source.alias.clone());
        let key = text(format!("{}.objectId", alias.unwrap_or_default()));
        // MariaDB clips a sum of a group to 65 digits (docs/sql.md#where-mariadb-contradicts-itself).
        let columns: Vec<Column> = sources
            .columns
            .iter()
            .filter(|column| column.kind != Type::Spelled && !column.is_long())
            .cloned()
            .collect();
        let mut group = vec![key];
        if self.below(3) == 0 {
            let mut expressions = self.expressions(&columns);
            let kind = expressions.any_type();
            group.extend(expressions.column(kind));
        }
        let keys = group.len();
        let distinct = self.below(6) == 0;
        let mut items = group.clone();
        let mut having = None;
        if distinct {
            group.clear();
        } else {
            for _ in 0..=self.below(2) {
                items.push(without_quotients(self.folded(&columns)));
            }
            having = (self.below(5) == 0).then(|| text("COUNT(*) > 1"));
        }
        let query = Statement {
            first: Select {
                distinct,
                items,
                from: sources.from,
                filter,
                group,
                having,
                ..Select::default()
            },
            named: true,
            ..Statement::default()
        };
        Keyed { query, keys }
    }

    /// A statement over such a query, which stands in FROM as `from`.
    pub(super) fn over_keyed(&mut self, keyed: &Keyed, from: &From) -> Statement {
        let width = keyed.query.first.items.len();
        let all: Vec<Expr> = (1..=width).map(|at| text(format!("d.c{at}"))).collect();
        let derived = |join, on| Source {
            join,
            from: from.clone(),
            alias: "d".to_owned(),
            on,
        };
        let object = |join, on| Source {
            join,
            from: From::Table("Object".to_owned()),
            alias: "o9".to_owned(),
            on,
        };
        let on = || Some(text("o9.objectId = d.c1"));
        let joined = self.below(6);
        let sources = match joined {
            0 => vec![object("", None), derived(" JOIN ", on())],
            1 => vec![derived("", None), object(" JOIN ", on())],
            2 => vec![object("", None), derived(" LEFT JOIN ", on())],
            _ => vec![derived("", None)],
        };
        let last = keyed.query.first.items.last().map(Expr::sql);
        let last = last.unwrap_or_default();
        // MariaDB takes them for NULL until they are stored
        // (docs/sql.md#where-mariadb-contradicts-itself).
        let is_spread = last.contains("STDDEV(") || last.contains("VARIANCE(");
        let filter = match self.below(6) {
            0 => Some(text("d.c1 % 3 = 1")),
            1 => Some(text("d.c1 > 390030275138080")),
            2 if !is_spread => Some(text(format!("d.c{width} IS NOT NULL"))),
            3 => Some(text("d.c1 IN (390030275138005, 390030275138006, 7)")),
            _ => None,
        };
        let (items, group) = self.over_columns(keyed, all);
        let is_joined = joined < 3 && group.is_empty() && self.below(2) == 0;
        let of_object = is_joined.then(|| text("COUNT(o9.run)"));
        let is_folded = items.iter().any(|item| item.sql().contains('('));
        Statement {
            first: Select {
                items: items
                    .into_iter()
                    .chain(of_object.filter(|_| is_folded))
                    .collect(),
                from: sources,
                filter,
                group,
                ..Select::default()
            },
            ..Statement::default()
        }
    }

    /// A select list over the columns of a query, and a GROUP BY. Groups and distinct values are those
    /// of its keys: sums of doubles may differ in their last bits.
    fn over_columns(&mut self, keyed: &Keyed, all: Vec<Expr>) -> (Vec<Expr>, Vec<Expr>) {
        let folded = |last: Expr, key: Expr| {
            [
                text("COUNT(*)"),
                form("MAX(#)", [last.clone()]),
                form("MIN(#)", [last]),
                form("COUNT(DISTINCT #)", [key]),
            ]
        };
        let last_key = all.get(keyed.keys - 1).cloned();
        let (Some(last), Some(key)) = (all.last().cloned(), last_key) else {
            return (all, Vec::new());
        };
        match self.below(4) {
            0 => (folded(last, key).into(), Vec::new()),
            1 => {
                let items = std::iter::once(key.clone()).chain(folded(last, text("d.c1")));
                (items.collect(), vec![key])
            }
            2 => {
                let fifth = text("d.c1 % 5");
                let items = std::iter::once(fifth.clone()).chain(folded(last, key));
                (items.collect(), vec![fifth])
            }
            _ => (all, Vec::new()),
        }
    }
}
