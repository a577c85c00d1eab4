//! Function calls: which may run on workers, and which fold rows.

use sqlparser::ast::{
    DuplicateTreatment, Expr as Parsed, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, ObjectNamePart, OrderByExpr, OrderBySort,
};

use super::{Converted, Converter, Place, literal, shortened};
use crate::aggregate;
use crate::error::{PlanError, ResolveError, refused};
use crate::query::expr::{Aggregate, Expr, Function as AggregateFunction, Part};
use crate::query::functions::{self, Returns, Scalar};
use crate::text::statement::quoting::write_text;

impl Converter<'_, '_> {
    /// A call of any function.
    pub(super) fn function(&mut self, function: &Function) -> Converted {
        let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
            return Err(refused(
                shortened(&function.to_string()),
                "call functions by their names alone",
            ));
        };
        let name = name.value.to_ascii_uppercase();
        if function.over.is_some() {
            return Err(refused(
                "window functions over chunked tables",
                "use GROUP BY, or compute it in the client",
            ));
        }
        if function.filter.is_some()
            || !function.within_group.is_empty()
            || function.uses_odbc_syntax
        {
            return Err(refused(shortened(&function.to_string()), "call it plainly"));
        }
        let (distinct, arguments, clauses) = match &function.args {
            FunctionArguments::None => (false, [].as_slice(), [].as_slice()),
            FunctionArguments::List(list) => (
                list.duplicate_treatment == Some(DuplicateTreatment::Distinct),
                list.args.as_slice(),
                list.clauses.as_slice(),
            ),
            FunctionArguments::Subquery(_) => {
                return Err(refused(
                    shortened(&function.to_string()),
                    functions::hint(&name),
                ));
            }
        };
        if let Some(known) = aggregate::function(&name) {
            return self.aggregate(known, distinct, arguments, clauses);
        }
        if !clauses.is_empty() {
            return Err(refused(
                shortened(&function.to_string()),
                functions::hint(&name),
            ));
        }
        if (name == "DATABASE" || name == "SCHEMA") && arguments.is_empty() {
            return Ok(Expr::Literal(
                self.scope
                    .database()
                    .map_or_else(|| "NULL".to_owned(), quoted),
            ));
        }
        self.scalar(name, arguments)
    }

    fn scalar(&mut self, name: String, arguments: &[FunctionArg]) -> Converted {
        if matches!(name.as_str(), "TIMESTAMPDIFF" | "TIMESTAMPADD") {
            return self.with_unit(&name, arguments);
        }
        match functions::scalar(&name, arguments.len()) {
            Some(Scalar::Pure) => {}
            Some(Scalar::Clock) => self.notes.uses_now = true,
            Some(Scalar::Random) if arguments.is_empty() => {
                self.notes.randoms += 1;
                return Ok(Expr::Random {
                    name,
                    call: self.notes.randoms,
                });
            }
            _ => return Err(refused(format!("function {name}"), functions::hint(&name))),
        }
        let name = if name.starts_with("SCISQL_") {
            sky_name(&name)
        } else {
            name
        };
        Ok(Expr::call(&name, self.arguments(arguments)?))
    }

    /// Functions whose first argument is a unit of time.
    fn with_unit(&mut self, name: &str, arguments: &[FunctionArg]) -> Converted {
        let [
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Parsed::Identifier(unit))),
            rest @ ..,
        ] = arguments
        else {
            return Err(refused(name, "write its unit first"));
        };
        let mut parts = vec![Part::Text(format!("{name}({}", unit.value))];
        for argument in self.arguments(rest)? {
            parts.push(Part::Text(", ".into()));
            parts.push(Part::Expr(argument));
        }
        parts.push(Part::Text(")".into()));
        let returns = match name {
            "TIMESTAMPDIFF" => Returns::Integer,
            _ => Returns::Named,
        };
        Ok(Expr::Form(parts, returns))
    }

    fn arguments(&mut self, arguments: &[FunctionArg]) -> Result<Vec<Expr>, PlanError> {
        let converted = arguments.iter().map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => self.convert(expr),
            other => Err(refused(
                shortened(&other.to_string()),
                "pass plain expressions",
            )),
        });
        converted.collect()
    }

    fn aggregate(
        &mut self,
        function: &'static AggregateFunction,
        distinct: bool,
        arguments: &[FunctionArg],
        clauses: &[FunctionArgumentClause],
    ) -> Converted {
        if matches!(self.place, Place::Filter | Place::GroupBy(_)) {
            return Err(ResolveError::GroupFunction.into());
        }
        let is_star = matches!(arguments, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
        let outer = std::mem::replace(&mut self.in_aggregate, true);
        let arguments = if is_star {
            Ok(Vec::new())
        } else {
            self.arguments(arguments)
        };
        let rest = self.clauses(function, clauses);
        self.in_aggregate = outer;
        let call = Aggregate {
            function,
            distinct,
            arguments: arguments?,
            rest: rest?,
        };
        let fits = match (function.name, call.arguments.len()) {
            ("COUNT", 0) => is_star,
            ("COUNT", _) if distinct => true,
            ("GROUP_CONCAT", number) => number > 0,
            ("JSON_OBJECTAGG", number) => number == 2,
            (_, number) => number == 1,
        };
        let call = Expr::Aggregate(Box::new(call));
        let nested = call.children().into_iter().any(Expr::has_aggregate);
        if nested || !fits {
            return Err(ResolveError::GroupFunction.into());
        }
        Ok(call)
    }

    /// ORDER BY and SEPARATOR of a list.
    fn clauses(
        &mut self,
        function: &AggregateFunction,
        clauses: &[FunctionArgumentClause],
    ) -> Result<Vec<Part>, PlanError> {
        let mut parts = Vec::new();
        for clause in clauses {
            match (function.name, clause) {
                ("GROUP_CONCAT" | "JSON_ARRAYAGG", FunctionArgumentClause::OrderBy(keys)) => {
                    self.push_order(keys, &mut parts)?;
                }
                ("GROUP_CONCAT", FunctionArgumentClause::Separator(text)) => {
                    let text = literal(&text.value)?.print(self.scope);
                    if !text.starts_with(['\'', '"']) {
                        return Err(refused("this SEPARATOR", "write a string"));
                    }
                    parts.push(Part::Text(format!(" SEPARATOR {text}")));
                }
                _ => {
                    return Err(refused(
                        format!("this clause of {}", function.name),
                        "leave it out",
                    ));
                }
            }
        }
        Ok(parts)
    }

    fn push_order(&mut self, keys: &[OrderByExpr], parts: &mut Vec<Part>) -> Result<(), PlanError> {
        for (number, key) in keys.iter().enumerate() {
            let expr = self.convert(&key.expr)?;
            let is_plain = key.options.nulls_first.is_none()
                && !matches!(key.options.sort, Some(OrderBySort::Using(_)));
            // A number would be a position.
            if expr.is_constant() || !is_plain {
                return Err(refused("this ORDER BY in an aggregate", "order by columns"));
            }
            let joint = if number > 0 { ", " } else { " ORDER BY " };
            parts.extend([Part::Text(joint.to_owned()), Part::Expr(expr)]);
            if matches!(key.options.sort, Some(OrderBySort::Desc)) {
                parts.push(Part::Text(" DESC".to_owned()));
            }
        }
        Ok(())
    }
}

/// The plugin's functions as they are registered.
fn sky_name(upper: &str) -> String {
    const NAMES: &[&str] = &[
        "scisql_angSep",
        "scisql_s2PtInBox",
        "scisql_s2PtInCircle",
        "scisql_s2PtInEllipse",
        "scisql_s2PtInCPoly",
        "scisql_s2CPolyToBin",
        "scisql_s2HtmId",
        "scisql_s2HtmLevel",
        "scisql_s2CPolyHtmRanges",
        "scisql_s2CircleHtmRanges",
    ];
    let known = NAMES.iter().find(|name| name.eq_ignore_ascii_case(upper));
    known.map_or_else(|| upper.to_ascii_lowercase(), |name| (*name).to_owned())
}

fn quoted(text: &str) -> String {
    let mut literal = String::new();
    write_text(text, &mut literal);
    literal
}
