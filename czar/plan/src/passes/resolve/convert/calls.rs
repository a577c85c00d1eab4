//! Function calls: which may run on workers, and which fold rows.

use sqlparser::ast::{
    DuplicateTreatment, Expr as Parsed, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    ObjectNamePart,
};

use super::{Converted, Converter, Place, shortened};
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
        let (distinct, arguments) = match &function.args {
            FunctionArguments::None => (false, [].as_slice()),
            FunctionArguments::List(list) if list.clauses.is_empty() => (
                list.duplicate_treatment == Some(DuplicateTreatment::Distinct),
                list.args.as_slice(),
            ),
            _ => {
                return Err(refused(
                    shortened(&function.to_string()),
                    functions::hint(&name),
                ));
            }
        };
        if let Some(known) = aggregate::function(&name) {
            return self.aggregate(known, distinct, arguments);
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
    ) -> Converted {
        if matches!(self.place, Place::Filter | Place::GroupBy(_)) {
            return Err(ResolveError::GroupFunction.into());
        }
        let is_star = matches!(arguments, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
        let arguments = if is_star {
            Vec::new()
        } else {
            let outer = std::mem::replace(&mut self.in_aggregate, true);
            let arguments = self.arguments(arguments);
            self.in_aggregate = outer;
            arguments?
        };
        let nested = arguments.iter().any(Expr::has_aggregate);
        let count = function.name == "COUNT";
        let fits = if is_star {
            count
        } else {
            arguments.len() == 1 || (count && distinct && !arguments.is_empty())
        };
        if nested || !fits {
            return Err(ResolveError::GroupFunction.into());
        }
        Ok(Expr::Aggregate(Box::new(Aggregate {
            function,
            distinct,
            arguments,
        })))
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
