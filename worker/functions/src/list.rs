//! The list of exported functions and the SQL that installs them.

use std::fmt::Write as _;

/// File name of the plugin in mysqld's plugin directory.
const LIBRARY: &str = "liborrery_functions.so";

/// One exported SQL function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// Name in SQL, and of the library's symbol.
    pub name: &'static str,
    /// SQL type of the result, as `CREATE FUNCTION` spells it.
    pub returns: &'static str,
    /// Whether it works on groups.
    pub aggregate: bool,
}

const fn scalar(name: &'static str, returns: &'static str) -> Function {
    Function {
        name,
        returns,
        aggregate: false,
    }
}

const fn aggregate(name: &'static str) -> Function {
    Function {
        name,
        returns: "REAL",
        aggregate: true,
    }
}

/// Every function of the plugin, by name.
pub const FUNCTIONS: &[Function] = &[
    scalar("orrery_cell", "INTEGER"),
    scalar("scisql_abMagToDn", "REAL"),
    scalar("scisql_abMagToDnSigma", "REAL"),
    scalar("scisql_abMagToFlux", "REAL"),
    scalar("scisql_abMagToFluxSigma", "REAL"),
    scalar("scisql_abMagToNanojansky", "REAL"),
    scalar("scisql_abMagToNanojanskySigma", "REAL"),
    scalar("scisql_angSep", "REAL"),
    scalar("scisql_dnToAbMag", "REAL"),
    scalar("scisql_dnToAbMagSigma", "REAL"),
    scalar("scisql_dnToFlux", "REAL"),
    scalar("scisql_dnToFluxSigma", "REAL"),
    scalar("scisql_extractInt64", "INTEGER"),
    scalar("scisql_fluxToAbMag", "REAL"),
    scalar("scisql_fluxToAbMagSigma", "REAL"),
    scalar("scisql_fluxToDn", "REAL"),
    scalar("scisql_fluxToDnSigma", "REAL"),
    scalar("scisql_getVersion", "STRING"),
    aggregate("scisql_median"),
    scalar("scisql_nanojanskyToAbMag", "REAL"),
    scalar("scisql_nanojanskyToAbMagSigma", "REAL"),
    aggregate("scisql_percentile"),
    scalar("scisql_raiseError", "INTEGER"),
    scalar("scisql_s2CPolyToBin", "STRING"),
    scalar("scisql_s2HtmId", "INTEGER"),
    scalar("scisql_s2HtmLevel", "INTEGER"),
    scalar("scisql_s2PtInBox", "INTEGER"),
    scalar("scisql_s2PtInCPoly", "INTEGER"),
    scalar("scisql_s2PtInCircle", "INTEGER"),
    scalar("scisql_s2PtInEllipse", "INTEGER"),
];

/// The statements that install every function, one a line. Running them again changes nothing.
pub fn install_sql() -> String {
    FUNCTIONS.iter().fold(String::new(), |mut sql, function| {
        let aggregate = if function.aggregate { "AGGREGATE " } else { "" };
        let Function { name, returns, .. } = function;
        // Writing to a String cannot fail.
        let _ = writeln!(
            sql,
            "CREATE OR REPLACE {aggregate}FUNCTION {name} RETURNS {returns} SONAME '{LIBRARY}';"
        );
        sql
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_sql_installs_exactly_the_listed_functions() {
        let file = include_str!("../functions.sql");
        assert_eq!(
            file,
            install_sql(),
            "functions.sql must be:\n{}",
            install_sql()
        );
    }

    #[test]
    fn functions_are_listed_once_and_by_name() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
