//! Statements of several queries, and windows.

use super::schema::{Column, Type};
use super::statements::Statements;
use super::tree::{Expr, From, Part, Select, Source, Statement, form, text};

impl Statements {
    pub(super) fn set_operation(&mut self) -> Statement {
        let mut statement = self.rows();
        statement.order = Vec::new();
        let width = statement.first.items.len();
        let operator = match self.below(6) {
            0 | 1 => " UNION ALL ",
            2 | 3 => " UNION ",
            4 => " INTERSECT ",
            _ => " EXCEPT ",
        };
        let sources = self.sources(2);
        let filter = self.filter(&sources);
        let mut items = self.items(&sources.columns, width);
        items.truncate(width);
        let more = Select {
            items,
            from: sources.from,
            filter,
            ..Select::default()
        };
        statement.more.push((operator, more));
        statement
    }

    /// A statement over a query's columns `c1`, `c2` …
    fn over(&mut self, inner: &Statement, from: From) -> Statement {
        let columns: Vec<Column> = (1..=inner.first.items.len())
            .map(|number| Column {
                name: format!("d.c{number}"),
                kind: Type::Int,
            })
            .collect();
        let items = if self.below(2) == 0 {
            vec![
                text("COUNT(*)"),
                form("MAX(#)", [text("d.c1")]),
                form("COUNT(DISTINCT #)", [text("d.c1")]),
            ]
        } else {
            columns
                .iter()
                .map(|column| text(column.name.clone()))
                .collect()
        };
        Statement {
            first: Select {
                items,
                from: vec![Source {
                    join: "",
                    from,
                    alias: "d".to_owned(),
                    on: None,
                }],
                ..Select::default()
            },
            ..Statement::default()
        }
    }

    fn inner(&mut self) -> Statement {
        let mut inner = if self.below(2) == 0 {
            self.rows()
        } else {
            self.groups()
        };
        inner.first.rollup = false;
        inner.order = Vec::new();
        inner.named = true;
        inner
    }

    pub(super) fn over_derived(&mut self) -> Statement {
        if self.below(3) > 0 {
            let keyed = self.keyed();
            let from = From::Query(Box::new(keyed.query.clone()));
            return self.over_keyed(&keyed, &from);
        }
        let inner = self.inner();
        self.over(&inner, From::Query(Box::new(inner.clone())))
    }

    pub(super) fn over_with(&mut self) -> Statement {
        if self.below(3) > 0 {
            let keyed = self.keyed();
            let mut statement = self.over_keyed(&keyed, &From::Table("w".to_owned()));
            statement.with = Some(("w".to_owned(), Box::new(keyed.query)));
            return statement;
        }
        let inner = self.inner();
        let mut statement = self.over(&inner, From::Table("w".to_owned()));
        statement.with = Some(("w".to_owned(), Box::new(inner)));
        statement
    }

    pub(super) fn with_subquery(&mut self) -> Statement {
        let mut statement = self.rows();
        let outer = statement
            .first
            .from
            .first()
            .map(|source| source.alias.clone())
            .unwrap_or_default();
        let sources = self.sources(2);
        let inner_alias = sources
            .from
            .first()
            .map(|source| source.alias.clone())
            .unwrap_or_default();
        let filter = self.filter(&sources);
        let mut inner = Statement {
            first: Select {
                items: vec![text(format!("{inner_alias}.objectId"))],
                from: sources.from,
                filter,
                ..Select::default()
            },
            ..Statement::default()
        };
        let head = match self.below(4) {
            0 => format!("{outer}.objectId IN ("),
            1 => format!("{outer}.objectId NOT IN ("),
            2 => {
                let correlated = text(format!("{outer}.objectId = {inner_alias}.objectId"));
                inner.first.filter = Some(match inner.first.filter.take() {
                    Some(filter) => form("# AND (#)", [correlated, filter]),
                    None => correlated,
                });
                "EXISTS (".to_owned()
            }
            _ => {
                inner.first.items = vec![text(format!("COUNT({inner_alias}.objectId)"))];
                format!("{outer}.objectId % 7 < (")
            }
        };
        let condition = Expr(vec![
            Part::Text(head),
            Part::Query(Box::new(inner)),
            Part::Text(")".to_owned()),
        ]);
        statement.first.filter = Some(match statement.first.filter.take() {
            Some(filter) => form("# AND (#)", [condition, filter]),
            None => condition,
        });
        statement
    }

    pub(super) fn windows(&mut self) -> Statement {
        let mut statement = self.rows();
        statement.first.distinct = false;
        let columns = statement
            .first
            .from
            .first()
            .map(|source| source.alias.clone())
            .unwrap_or_default();
        let key = format!("{columns}.objectId");
        let window = match self.below(4) {
            0 => format!("RANK() OVER (ORDER BY {key})"),
            1 => format!("COUNT(*) OVER (PARTITION BY {key})"),
            2 => format!("SUM({key} % 5) OVER (PARTITION BY {key} % 3)"),
            _ => format!("DENSE_RANK() OVER (PARTITION BY {key} % 2 ORDER BY {key} DESC)"),
        };
        statement.first.items.push(text(window));
        statement
    }
}
