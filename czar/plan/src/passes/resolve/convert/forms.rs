//! Constructs with words inside: CASE, CAST, EXTRACT, LIKE and so on.

use sqlparser::ast::{CaseWhen, CastKind, CeilFloorKind, DateTimeField, Expr as Parsed};

use super::{Converted, Converter, shortened};
use crate::error::{PlanError, refused};
use crate::query::expr::{Expr, Part};
use crate::query::functions::Returns;

impl Converter<'_, '_> {
    /// Constructs with words inside.
    pub(super) fn convert_form(&mut self, parsed: &Parsed) -> Converted {
        match parsed {
            Parsed::Cast {
                kind: CastKind::Cast,
                expr,
                data_type,
                format: None,
            }
            | Parsed::Convert {
                expr,
                data_type: Some(data_type),
                charset: None,
                ..
            } => self.cast(expr, &data_type.to_string()),
            Parsed::Convert {
                expr,
                charset: Some(charset),
                data_type: None,
                ..
            } => self.form(
                "CONVERT(",
                expr,
                &format!(" USING {charset})"),
                Returns::Text,
            ),
            Parsed::Collate { expr, collation } => {
                // A sign would take the operand alone.
                self.form(
                    "((",
                    expr,
                    &format!(") COLLATE {collation})"),
                    Returns::Text,
                )
            }
            Parsed::Extract { field, expr, .. } => self.form(
                &format!("EXTRACT({field} FROM "),
                expr,
                ")",
                Returns::Integer,
            ),
            _ => self.convert_words(parsed),
        }
    }

    /// Functions with words between their arguments, and what is refused.
    fn convert_words(&mut self, parsed: &Parsed) -> Converted {
        match parsed {
            Parsed::Interval(interval) => match (&interval.leading_field, &interval.last_field) {
                (Some(unit), None) if interval.leading_precision.is_none() => self.form(
                    "INTERVAL ",
                    &interval.value,
                    &format!(" {unit}"),
                    Returns::Interval,
                ),
                _ => Err(refused("this INTERVAL", "write INTERVAL expr unit")),
            },
            Parsed::Ceil {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => Ok(Expr::call("CEIL", vec![self.convert(expr)?])),
            Parsed::Floor {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => Ok(Expr::call("FLOOR", vec![self.convert(expr)?])),
            Parsed::Position { expr, r#in } => {
                let parts = [Some(("POSITION(", &**expr)), Some((" IN ", &**r#in))];
                self.sequence(&parts, ")", Returns::Integer)
            }
            Parsed::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => self.sequence(
                &[
                    Some(("SUBSTRING(", &**expr)),
                    substring_from.as_deref().map(|from| (", ", from)),
                    substring_for.as_deref().map(|length| (", ", length)),
                ],
                ")",
                Returns::Text,
            ),
            Parsed::Trim {
                expr,
                trim_where,
                trim_what,
                trim_characters: None,
            } => {
                let side = trim_where
                    .as_ref()
                    .map(|side| format!("{side} "))
                    .unwrap_or_default();
                let head = format!("TRIM({side}");
                match trim_what.as_deref() {
                    Some(what) => self.sequence(
                        &[Some((&head, what)), Some((" FROM ", expr))],
                        ")",
                        Returns::Text,
                    ),
                    None if side.is_empty() => self.form(&head, expr, ")", Returns::Text),
                    None => self.form(&format!("{head}FROM "), expr, ")", Returns::Text),
                }
            }
            Parsed::Function(function) => self.function(function),
            Parsed::Exists { .. }
            | Parsed::InSubquery { .. }
            | Parsed::Subquery(_)
            | Parsed::AnyOp { .. }
            | Parsed::AllOp { .. } => Err(refused(
                "subqueries over chunked tables",
                "write a join, or run the inner query first and put its result into IN (…)",
            )),
            Parsed::Tuple(values) => self.row(values),
            Parsed::MatchAgainst { .. } => Err(refused("MATCH … AGAINST", "use LIKE or REGEXP")),
            other => Err(refused(
                shortened(&other.to_string()),
                "write it with functions and operators that compute from columns",
            )),
        }
    }

    pub(super) fn form(
        &mut self,
        head: &str,
        expr: &Parsed,
        tail: &str,
        returns: Returns,
    ) -> Converted {
        let parts = vec![
            Part::Text(head.into()),
            Part::Expr(self.convert(expr)?),
            Part::Text(tail.into()),
        ];
        Ok(Expr::Form(parts, returns))
    }

    pub(super) fn sequence(
        &mut self,
        pieces: &[Option<(&str, &Parsed)>],
        tail: &str,
        returns: Returns,
    ) -> Converted {
        let mut parts = Vec::new();
        for (text, expr) in pieces.iter().flatten() {
            parts.push(Part::Text((*text).to_owned()));
            parts.push(Part::Expr(self.convert(expr)?));
        }
        parts.push(Part::Text(tail.into()));
        Ok(Expr::Form(parts, returns))
    }

    /// A row of values.
    fn row(&mut self, values: &[Parsed]) -> Converted {
        let heads = std::iter::once("ROW(").chain(std::iter::repeat(", "));
        let pieces: Vec<_> = heads.zip(values).map(Some).collect();
        self.sequence(&pieces, ")", Returns::Row)
    }

    pub(super) fn postfix(&mut self, expr: &Parsed, text: &str) -> Converted {
        self.form("(", expr, &format!("{text})"), Returns::Integer)
    }

    fn cast(&mut self, expr: &Parsed, data_type: &str) -> Converted {
        let upper = data_type.to_ascii_uppercase();
        if upper.starts_with("FLOAT") {
            return Err(refused("CAST AS FLOAT", "CAST AS DOUBLE"));
        }
        Ok(self.convert(expr)?.cast(upper))
    }

    pub(super) fn like(
        &mut self,
        operator: &str,
        expr: &Parsed,
        pattern: &Parsed,
        escape: Option<&Parsed>,
    ) -> Converted {
        let escape = escape.map(|escape| (" ESCAPE ", escape));
        self.sequence(
            &[Some(("(", expr)), Some((operator, pattern)), escape],
            ")",
            Returns::Integer,
        )
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&Parsed>,
        conditions: &[CaseWhen],
        otherwise: Option<&Parsed>,
    ) -> Converted {
        let boxed = |converter: &mut Self, expr: Option<&Parsed>| {
            let converted = expr.map(|expr| converter.convert(expr).map(Box::new));
            converted.transpose()
        };
        let operand = boxed(self, operand)?;
        let branches = conditions
            .iter()
            .map(|when| Ok((self.convert(&when.condition)?, self.convert(&when.result)?)))
            .collect::<Result<_, PlanError>>()?;
        Ok(Expr::Case {
            operand,
            branches,
            otherwise: boxed(self, otherwise)?,
        })
    }
}
