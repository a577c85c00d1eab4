//! Statements as trees, so that they can be printed and made smaller.

/// An expression: text with expressions and queries in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr(pub Vec<Part>);

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// As written.
    Text(String),
    /// An operand.
    Expr(Expr),
    /// A subquery; its parentheses are text.
    Query(Box<Statement>),
}

/// A table of FROM.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// What stands between it and those before: ` JOIN `, `, `; nothing before the first.
    pub join: &'static str,
    /// Its name, or a query.
    pub from: From,
    /// Its alias.
    pub alias: String,
    /// Condition of ON.
    pub on: Option<Expr>,
}

/// Where a source's rows come from.
#[derive(Clone, Debug, PartialEq)]
pub enum From {
    /// A table or a name of WITH.
    Table(String),
    /// A derived table.
    Query(Box<Statement>),
}

/// One SELECT.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Select {
    /// DISTINCT.
    pub distinct: bool,
    /// Select list.
    pub items: Vec<Expr>,
    /// FROM.
    pub from: Vec<Source>,
    /// WHERE.
    pub filter: Option<Expr>,
    /// GROUP BY.
    pub group: Vec<Expr>,
    /// WITH ROLLUP.
    pub rollup: bool,
    /// HAVING.
    pub having: Option<Expr>,
}

/// A whole statement, or a subquery.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    /// Name and query of WITH.
    pub with: Option<(String, Box<Statement>)>,
    /// First SELECT.
    pub first: Select,
    /// UNION and its like, with what follows.
    pub more: Vec<(&'static str, Select)>,
    /// ORDER BY, with ASC and DESC in the text.
    pub order: Vec<Expr>,
    /// Whether every column of the select list follows in ORDER BY, so that the order is defined.
    pub total: bool,
    /// LIMIT; only together with `total`, or else it is not defined which rows come.
    pub limit: Option<String>,
    /// Whether columns get the names `c1`, `c2` …, as those of derived tables need.
    pub named: bool,
}

/// An expression without operands.
pub fn text(text: impl Into<String>) -> Expr {
    Expr(vec![Part::Text(text.into())])
}

/// An expression of a pattern: each `#` is the next operand.
pub fn form(pattern: &str, operands: impl IntoIterator<Item = Expr>) -> Expr {
    let mut operands = operands.into_iter();
    let mut parts = Vec::new();
    for (number, piece) in pattern.split('#').enumerate() {
        if number > 0 {
            parts.extend(operands.next().map(Part::Expr));
        }
        if !piece.is_empty() {
            parts.push(Part::Text(piece.to_owned()));
        }
    }
    Expr(parts)
}

impl Expr {
    /// The expression's text.
    pub fn sql(&self) -> String {
        let mut out = String::new();
        self.print(&mut out);
        out
    }

    fn print(&self, out: &mut String) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Expr(expr) => expr.print(out),
                Part::Query(query) => query.print(out),
            }
        }
    }
}

fn print_list(list: &[Expr], out: &mut String) {
    for (number, expr) in list.iter().enumerate() {
        out.push_str(if number > 0 { ", " } else { "" });
        expr.print(out);
    }
}

impl Select {
    fn print(&self, named: bool, out: &mut String) {
        out.push_str(if self.distinct {
            "SELECT DISTINCT "
        } else {
            "SELECT "
        });
        for (number, item) in self.items.iter().enumerate() {
            out.push_str(if number > 0 { ", " } else { "" });
            item.print(out);
            if named {
                out.push_str(&format!(" AS c{}", number + 1));
            }
        }
        for (number, source) in self.from.iter().enumerate() {
            out.push_str(if number > 0 { source.join } else { " FROM " });
            match &source.from {
                From::Table(name) => out.push_str(name),
                From::Query(query) => {
                    out.push('(');
                    query.print(out);
                    out.push(')');
                }
            }
            out.push(' ');
            out.push_str(&source.alias);
            if let Some(on) = source.on.as_ref().filter(|_| number > 0) {
                out.push_str(" ON ");
                on.print(out);
            }
        }
        if let Some(filter) = &self.filter {
            out.push_str(" WHERE ");
            filter.print(out);
        }
        if !self.group.is_empty() {
            out.push_str(" GROUP BY ");
            print_list(&self.group, out);
            out.push_str(if self.rollup { " WITH ROLLUP" } else { "" });
        }
        if let Some(having) = &self.having {
            out.push_str(" HAVING ");
            having.print(out);
        }
    }
}

impl Statement {
    /// The statement's text.
    pub fn sql(&self) -> String {
        let mut out = String::new();
        self.print(&mut out);
        out
    }

    fn print(&self, out: &mut String) {
        if let Some((name, query)) = &self.with {
            out.push_str(&format!("WITH {name} AS ("));
            query.print(out);
            out.push_str(") ");
        }
        self.first.print(self.named, out);
        for (operator, select) in &self.more {
            out.push_str(operator);
            select.print(false, out);
        }
        if !self.order.is_empty() || self.total {
            out.push_str(" ORDER BY ");
            let columns = if self.total {
                self.first.items.len()
            } else {
                0
            };
            let ties = (1..=columns).map(|column| text(column.to_string()));
            let order: Vec<Expr> = self.order.iter().cloned().chain(ties).collect();
            print_list(&order, out);
        }
        if let Some(limit) = &self.limit {
            out.push_str(" LIMIT ");
            out.push_str(limit);
        }
    }
}
