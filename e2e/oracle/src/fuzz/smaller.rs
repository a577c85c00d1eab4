//! Smaller statements: the same with something left out, or with something smaller in it.

use super::tree::{Expr, From, Part, Select, Source, Statement, text};

impl Expr {
    /// Smaller expressions: operands, plain values, and the same with something smaller in it.
    fn smaller(&self) -> Vec<Self> {
        let mut found: Vec<Self> = self
            .0
            .iter()
            .filter_map(|part| match part {
                Part::Expr(expr) => Some(expr.clone()),
                _ => None,
            })
            .collect();
        if self.0.len() > 1 {
            found.extend([text("1"), text("NULL")]);
        }
        for (place, part) in self.0.iter().enumerate() {
            let smaller: Vec<Part> = match part {
                Part::Text(_) => Vec::new(),
                Part::Expr(expr) => expr.smaller().into_iter().map(Part::Expr).collect(),
                Part::Query(query) => query
                    .smaller()
                    .into_iter()
                    .map(|query| Part::Query(Box::new(query)))
                    .collect(),
            };
            found.extend(
                smaller
                    .into_iter()
                    .map(|part| Self(replaced(&self.0, place, part))),
            );
        }
        found
    }
}

impl Select {
    /// Smaller SELECTs with as many columns.
    fn smaller(&self) -> Vec<Self> {
        let mut found = Vec::new();
        for filter in smaller_option(self.filter.as_ref()) {
            found.push(Self {
                filter,
                ..self.clone()
            });
        }
        for having in smaller_option(self.having.as_ref()) {
            found.push(Self {
                having,
                ..self.clone()
            });
        }
        for group in smaller_list(&self.group, 0) {
            found.push(Self {
                group,
                ..self.clone()
            });
        }
        if self.distinct || self.rollup {
            found.push(Self {
                distinct: false,
                rollup: false,
                ..self.clone()
            });
        }
        for place in 0..self.from.len() {
            if self.from.len() > 1 {
                found.push(Self {
                    from: without(&self.from, place),
                    ..self.clone()
                });
            }
            for source in self
                .from
                .get(place)
                .map(Source::smaller)
                .unwrap_or_default()
            {
                found.push(Self {
                    from: replaced(&self.from, place, source),
                    ..self.clone()
                });
            }
        }
        for (place, item) in self.items.iter().enumerate() {
            for item in item.smaller() {
                found.push(Self {
                    items: replaced(&self.items, place, item),
                    ..self.clone()
                });
            }
        }
        found
    }
}

impl Source {
    fn smaller(&self) -> Vec<Self> {
        let mut found: Vec<Self> = smaller_option(self.on.as_ref())
            .into_iter()
            .map(|on| Self { on, ..self.clone() })
            .collect();
        if let From::Query(query) = &self.from {
            found.extend(query.smaller().into_iter().map(|query| Self {
                from: From::Query(Box::new(query)),
                ..self.clone()
            }));
        }
        found
    }
}

impl Statement {
    /// Smaller statements, the smallest first. Not all of them have a meaning.
    pub fn smaller(&self) -> Vec<Self> {
        let mut found = Vec::new();
        if let Some((name, query)) = &self.with {
            found.push(Self {
                with: None,
                ..self.clone()
            });
            found.extend(query.smaller().into_iter().map(|query| Self {
                with: Some((name.clone(), Box::new(query))),
                ..self.clone()
            }));
        }
        for (place, (_, select)) in self.more.iter().enumerate() {
            found.push(Self {
                more: without(&self.more, place),
                ..self.clone()
            });
            found.push(Self {
                first: select.clone(),
                more: Vec::new(),
                ..self.clone()
            });
        }
        if self.limit.is_some() {
            found.push(Self {
                limit: None,
                ..self.clone()
            });
        } else if self.total {
            found.push(Self {
                total: false,
                ..self.clone()
            });
        }
        for order in smaller_list(&self.order, 0) {
            found.push(Self {
                order,
                ..self.clone()
            });
        }
        found.extend((0..self.first.items.len()).filter_map(|place| self.without_column(place)));
        found.extend(self.first.smaller().into_iter().map(|first| Self {
            first,
            ..self.clone()
        }));
        for (place, (operator, select)) in self.more.iter().enumerate() {
            for select in select.smaller() {
                found.push(Self {
                    more: replaced(&self.more, place, (*operator, select)),
                    ..self.clone()
                });
            }
        }
        found
    }

    /// The statement without one column of every SELECT.
    fn without_column(&self, place: usize) -> Option<Self> {
        if self.first.items.len() < 2 {
            return None;
        }
        let mut smaller = self.clone();
        let selects = std::iter::once(&mut smaller.first)
            .chain(smaller.more.iter_mut().map(|(_, select)| select));
        for select in selects {
            if place < select.items.len() {
                select.items.remove(place);
            }
        }
        Some(smaller)
    }
}

fn replaced<T: Clone>(list: &[T], place: usize, value: T) -> Vec<T> {
    let mut list = list.to_vec();
    if let Some(slot) = list.get_mut(place) {
        *slot = value;
    }
    list
}

fn without<T: Clone>(list: &[T], place: usize) -> Vec<T> {
    let mut list = list.to_vec();
    list.remove(place);
    list
}

/// Lists with one entry less (down to `least`), and with one entry smaller.
fn smaller_list(list: &[Expr], least: usize) -> Vec<Vec<Expr>> {
    let fewer = (0..list.len())
        .filter(|_| list.len() > least)
        .map(|place| without(list, place));
    let smaller = list.iter().enumerate().flat_map(|(place, expr)| {
        let smaller = expr.smaller().into_iter();
        smaller.map(move |expr| replaced(list, place, expr))
    });
    fewer.chain(smaller).collect()
}

/// Nothing, and smaller ones.
fn smaller_option(expr: Option<&Expr>) -> Vec<Option<Expr>> {
    expr.map_or_else(Vec::new, |expr| {
        let smaller = expr.smaller().into_iter().map(Some);
        std::iter::once(None).chain(smaller).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::tree::form;

    fn statement() -> Statement {
        Statement {
            first: Select {
                items: vec![
                    form("# + #", [text("a"), form("ABS(#)", [text("b")])]),
                    text("c"),
                ],
                from: vec![Source {
                    join: "",
                    from: From::Table("t".into()),
                    alias: "t".into(),
                    on: None,
                }],
                filter: Some(text("a > 1")),
                ..Select::default()
            },
            total: true,
            limit: Some("3".into()),
            ..Statement::default()
        }
    }

    #[test]
    fn a_statement_prints_as_sql() {
        assert_eq!(
            statement().sql(),
            "SELECT a + ABS(b), c FROM t t WHERE a > 1 ORDER BY 1, 2 LIMIT 3"
        );
    }

    #[test]
    fn smaller_statements_have_less_of_something_and_keep_a_defined_order_under_limit() {
        let smaller: Vec<String> = statement().smaller().iter().map(Statement::sql).collect();
        for wanted in [
            "SELECT a + ABS(b), c FROM t t WHERE a > 1 ORDER BY 1, 2",
            "SELECT a + ABS(b), c FROM t t ORDER BY 1, 2 LIMIT 3",
            "SELECT ABS(b), c FROM t t WHERE a > 1 ORDER BY 1, 2 LIMIT 3",
            "SELECT a + b, c FROM t t WHERE a > 1 ORDER BY 1, 2 LIMIT 3",
            "SELECT c FROM t t WHERE a > 1 ORDER BY 1 LIMIT 3",
        ] {
            assert!(
                smaller.iter().any(|sql| sql == wanted),
                "{wanted}: {smaller:#?}"
            );
        }
        assert!(
            smaller
                .iter()
                .all(|sql| !sql.contains("LIMIT") || sql.contains("ORDER BY 1"))
        );
    }
}
