//! Values that only the proxy knows, put into rows that a czar's shadow server made.
//!
//! `SELECT @@wait_timeout, CONNECTION_ID()` is answered by a server whose own session is not the
//! client's. It still knows names, types and lengths; so the statement is sent as it is and the
//! cells that the proxy knows better are replaced. Only items that *are* such a variable or call
//! can be replaced; one inside a larger expression is refused, never answered with another
//! session's value.

use std::collections::BTreeMap;

use bytes::BytesMut;
use orrery_plan::lex::{self, Kind, Token};
use orrery_plan::statement::MAX_TOKENS;
use orrery_wire::server::{ResponseWriter, WriteRowError};
use orrery_wire::value::{TextCells, TextToBinary, put_text_cell};
use orrery_wire::{ColumnDef, Format, ServerError, WireError, errors};

use crate::session::Shown;

/// What the proxy knows better.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Variables that every session has alike: a shadow server's own value is wrong but harmless
    /// inside an expression.
    pub fixed: BTreeMap<&'static str, Shown>,
    /// Variables and functions of this session.
    pub own: BTreeMap<&'static str, Shown>,
    /// Functions without arguments, upper case: of this session.
    pub functions: BTreeMap<&'static str, String>,
}

/// What to change in the rows of one result.
#[derive(Clone, Debug, Default)]
pub enum Overlay {
    /// Nothing: rows pass undecoded.
    #[default]
    None,
    /// Cells by place; rows arrive as text and leave in this format.
    Cells(BTreeMap<usize, String>, Format),
    /// SHOW VARIABLES: the value beside each of these names.
    Variables(BTreeMap<&'static str, Shown>, Format),
}

impl Overlay {
    /// For a SELECT without tables.
    pub fn of_select(sql: &str, known: &Known, format: Format) -> Result<Self, ServerError> {
        // What cannot be cut into tokens or is no plain list of items has been refused before, or
        // is left to the czar.
        let Ok(tokens) = lex::tokens(sql, MAX_TOKENS) else {
            return Ok(Self::None);
        };
        let mut cells = BTreeMap::new();
        for (place, item) in items(&tokens).into_iter().enumerate() {
            if let Some(value) = known.value_of(without_alias(item)) {
                cells.insert(place, value);
            } else {
                known.refuse_inside(item)?;
            }
        }
        Ok(if cells.is_empty() {
            Self::None
        } else {
            Self::Cells(cells, format)
        })
    }

    /// For SHOW VARIABLES.
    pub fn of_show_variables(known: &Known, format: Format) -> Self {
        let mut values = known.fixed.clone();
        values.extend(known.own.clone());
        Self::Variables(values, format)
    }

    /// Whether rows pass as they are.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Writes a row, changed where it is to be.
    pub async fn write(
        &self,
        row: &[u8],
        columns: &[ColumnDef],
        writer: &mut ResponseWriter,
    ) -> Result<(), WireError> {
        let (changed, format) = match self {
            Self::None => return writer.write_row_raw(row).await,
            Self::Cells(cells, format) => {
                let change = |place, _: &[Option<&[u8]>]| cells.get(&place).map(String::as_str);
                (rewrite(row, change)?, *format)
            }
            Self::Variables(values, format) => {
                let change = |place, cells: &[Option<&[u8]>]| {
                    let name = cells
                        .first()
                        .copied()
                        .flatten()
                        .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase());
                    let shown = name.and_then(|name| values.get(name.as_str()));
                    shown
                        .filter(|_| place == 1)
                        .map(|shown| shown.show.as_str())
                };
                (rewrite(row, change)?, *format)
            }
        };
        if format == Format::Text {
            return writer.write_row_raw(&changed).await;
        }
        match writer
            .write_text_row_as_binary(&changed, &TextToBinary::new(columns))
            .await
        {
            Ok(()) => Ok(()),
            Err(WriteRowError::Wire(error)) => Err(error),
            Err(WriteRowError::Value(error)) => {
                tracing::warn!(%error, "row not converted");
                Err(WireError::Malformed("row of variables"))
            }
        }
    }
}

fn rewrite<'v>(
    row: &[u8],
    change: impl Fn(usize, &[Option<&[u8]>]) -> Option<&'v str>,
) -> Result<BytesMut, WireError> {
    let cells: Vec<Option<&[u8]>> = TextCells::new(row)
        .collect::<Result<_, _>>()
        .map_err(|_| WireError::Malformed("text row"))?;
    let mut changed = BytesMut::with_capacity(row.len() + 32);
    for (place, cell) in cells.iter().enumerate() {
        match change(place, &cells) {
            Some(value) => put_text_cell(&mut changed, Some(value.as_bytes())),
            None => put_text_cell(&mut changed, *cell),
        }
    }
    Ok(changed)
}

impl Known {
    /// The value of an item that is nothing but a variable or a call.
    fn value_of(&self, item: &[Token<'_>]) -> Option<String> {
        match item {
            [variable] if variable.kind == Kind::Variable => {
                let name = session_variable(variable)?;
                let shown = self
                    .own
                    .get(name.as_str())
                    .or_else(|| self.fixed.get(name.as_str()));
                shown.map(|shown| shown.select.clone())
            }
            [word] if word.is_word("CURRENT_USER") => self.functions.get("CURRENT_USER").cloned(),
            [call, open, close] if open.is_symbol("(") && close.is_symbol(")") => {
                self.function(call)
            }
            _ => None,
        }
    }

    fn function(&self, call: &Token<'_>) -> Option<String> {
        if !matches!(call.kind, Kind::Word | Kind::QuotedName) {
            return None;
        }
        let name = call.text.trim_matches('`').to_ascii_uppercase();
        self.functions.get(name.as_str()).cloned()
    }

    /// Refuses an expression whose value would be another session's.
    fn refuse_inside(&self, item: &[Token<'_>]) -> Result<(), ServerError> {
        for (at, token) in item.iter().enumerate() {
            let called = item.get(at + 1).is_some_and(|next| next.is_symbol("("));
            let foreign = match token.kind {
                Kind::Variable => {
                    session_variable(token).is_some_and(|name| self.own.contains_key(name.as_str()))
                }
                Kind::Word | Kind::QuotedName => called && self.function(token).is_some(),
                _ => false,
            };
            if foreign {
                let message = format!(
                    "This version of Orrery doesn't yet support '{}' inside an expression; select it as a column of its own",
                    token.text
                );
                return Err(errors::NOT_SUPPORTED.error(message));
            }
        }
        Ok(())
    }
}

/// Lower-case name of a system variable asked for in the session's scope.
fn session_variable(token: &Token<'_>) -> Option<String> {
    let name = token
        .text
        .strip_prefix("@@")?
        .replace('`', "")
        .to_ascii_lowercase();
    if name.starts_with("global.") {
        return None;
    }
    let bare = name
        .strip_prefix("session.")
        .or_else(|| name.strip_prefix("local."));
    Some(bare.unwrap_or(&name).to_owned())
}

/// The items of the first select list.
fn items<'t, 's>(tokens: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    const ENDS: [&str; 12] = [
        "FROM",
        "WHERE",
        "GROUP",
        "HAVING",
        "ORDER",
        "LIMIT",
        "INTO",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "FOR",
        "PROCEDURE",
    ];
    let Some((first, rest)) = tokens.split_first() else {
        return Vec::new();
    };
    if !first.is_word("SELECT") {
        return vec![tokens];
    }
    let mut depth = 0_usize;
    let (mut found, mut start) = (Vec::new(), 0);
    for (at, token) in rest.iter().enumerate() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is_symbol(",") {
            found.extend(rest.get(start..at));
            start = at + 1;
        } else if depth == 0 && ENDS.iter().any(|end| token.is_word(end)) {
            found.extend(rest.get(start..at));
            // Whatever follows is looked at as one item, so that nothing in it escapes the check.
            found.extend(rest.get(at..));
            return found;
        }
    }
    found.extend(rest.get(start..));
    found
}

/// An item without `[AS] alias`.
fn without_alias<'t, 's>(item: &'t [Token<'s>]) -> &'t [Token<'s>] {
    let is_name =
        |token: &Token<'_>| matches!(token.kind, Kind::Word | Kind::QuotedName | Kind::Text);
    match item {
        [rest @ .., keyword, alias] if keyword.is_word("AS") && is_name(alias) => rest,
        [rest @ .., alias] if !rest.is_empty() && is_name(alias) => rest,
        _ => item,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let shown = |text: &str| Shown {
            select: text.to_owned(),
            show: text.to_owned(),
        };
        Known {
            fixed: BTreeMap::from([("version", shown("V"))]),
            own: BTreeMap::from([("wait_timeout", shown("5"))]),
            functions: BTreeMap::from([
                ("CONNECTION_ID", "77".to_owned()),
                ("CURRENT_USER", "ann@%".to_owned()),
            ]),
        }
    }

    fn cells(sql: &str) -> Vec<(usize, String)> {
        match Overlay::of_select(sql, &known(), Format::Text).unwrap() {
            Overlay::Cells(cells, _) => cells.into_iter().collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn items_that_are_variables_or_calls_are_replaced_by_place() {
        assert_eq!(cells("SELECT @@wait_timeout"), [(0, "5".to_owned())]);
        assert_eq!(
            cells("select 1, @@session.wait_timeout as w, connection_id() LIMIT 1"),
            [(1, "5".to_owned()), (2, "77".to_owned())]
        );
        assert_eq!(
            cells("SELECT `Connection_Id`() AS i, '('"),
            [(0, "77".to_owned())]
        );
        assert_eq!(
            cells("SELECT CURRENT_USER, @@version v"),
            [(0, "ann@%".to_owned()), (1, "V".to_owned())]
        );
    }

    #[test]
    fn what_the_proxy_does_not_know_better_is_left_alone() {
        for sql in [
            "SELECT 1",
            "SELECT @@sql_mode",
            "SELECT CONCAT(@@version, 'x')",
            "SELECT @@global.wait_timeout",
            "VALUES (1)",
        ] {
            assert!(cells(sql).is_empty(), "{sql}");
        }
    }

    #[test]
    fn another_sessions_value_never_hides_in_an_expression() {
        for sql in [
            "SELECT CONCAT(CONNECTION_ID(), 'x')",
            "SELECT 1 + @@wait_timeout",
            "SELECT 1 WHERE CONNECTION_ID() = 5",
            "SELECT 1 UNION SELECT CONNECTION_ID()",
            "SELECT (SELECT CONNECTION_ID())",
            "SELECT 1 + `connection_id`()",
            "DO CONNECTION_ID()",
        ] {
            let error = Overlay::of_select(sql, &known(), Format::Text).expect_err(sql);
            assert_eq!(error.code, 1235);
        }
    }

    #[test]
    fn cells_change_and_the_rest_of_the_row_does_not() {
        let mut row = BytesMut::new();
        orrery_wire::value::encode_text_row(&mut row, [Some(&b"a"[..]), None, Some(&b"c"[..])]);
        let changed = rewrite(&row, |place, _| (place == 2).then_some("new")).unwrap();
        let cells: Vec<_> = TextCells::new(&changed).map(Result::unwrap).collect();
        assert_eq!(cells, [Some(&b"a"[..]), None, Some(&b"new"[..])]);
    }
}
