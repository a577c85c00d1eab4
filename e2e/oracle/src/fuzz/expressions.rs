//! Expressions of a wanted type over the columns in sight, most of them without parentheses.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::schema::{Column, Type};
use super::tree::{Expr, form, text};

/// Makes expressions.
pub struct Expressions<'r, 'c> {
    /// Where choices come from.
    pub random: &'r mut ChaCha8Rng,
    /// Columns in sight.
    pub columns: &'c [Column],
    /// Whether rows are folded, so that one server stores what it rounds, clipped.
    pub folds: bool,
}

/// Functions that give a DOUBLE with a fixed number of decimals.
const ROUNDING: &[&str] = &[
    "ROUND(#, 2)",
    "ROUND(#)",
    "FLOOR(#)",
    "CEIL(#)",
    "TRUNCATE(#, 1)",
];

const NUMERIC: &[&str] = &[
    "# + #", "# - #", "# * #", "# / #", "# DIV #", "# % #", "# MOD #", "-#", "# & #", "# | #",
    "# ^ #", "# << 1", "# >> 1", "~#",
];
const COMPARISONS: &[&str] = &[
    "# = #", "# <=> #", "# <> #", "# < #", "# <= #", "# > #", "# >= #", "# != #",
];
const TESTS: &[&str] = &[
    "# IS NULL",
    "# IS NOT NULL",
    "# BETWEEN # AND #",
    "# NOT BETWEEN # AND #",
    "# IN (#, #)",
    "# NOT IN (#, #, #)",
    "# IN (#)",
];
const LOGICAL: &[&str] = &[
    "# AND #",
    "# OR #",
    "# && #",
    "# || #",
    "# XOR #",
    "NOT #",
    "!#",
    "# IS TRUE",
    "# IS NOT FALSE",
    "# IS UNKNOWN",
    "# = #",
    "(#) OR (#)",
    "NOT (#)",
];

impl Expressions<'_, '_> {
    pub(super) fn one<'v>(&mut self, values: &[&'v str]) -> &'v str {
        values
            .get(self.random.random_range(0..values.len()))
            .copied()
            .unwrap_or("1")
    }

    /// True once in `of`.
    pub fn chance(&mut self, of: u32) -> bool {
        self.random.random_ratio(1, of)
    }

    /// A kind of value that expressions are often made of.
    pub fn any_type(&mut self) -> Type {
        const TYPES: [Type; 9] = [
            Type::Int,
            Type::Int,
            Type::Int,
            Type::Real,
            Type::Real,
            Type::Decimal,
            Type::Text,
            Type::Moment,
            Type::Span,
        ];
        let place = self.random.random_range(0..TYPES.len());
        TYPES.get(place).copied().unwrap_or(Type::Int)
    }

    /// A column of a type, if there is one.
    pub fn column(&mut self, kind: Type) -> Option<Expr> {
        let fitting: Vec<&Column> = self
            .columns
            .iter()
            .filter(|column| column.kind == kind)
            .collect();
        let place = self.random.random_range(0..fitting.len().max(1));
        fitting.get(place).map(|column| text(column.name.clone()))
    }

    fn literal(&mut self, kind: Type) -> Expr {
        text(match kind {
            Type::Int => self.one(&["0", "1", "2", "3", "7", "-1", "100", "NULL", "TRUE", "0x0A"]),
            Type::Real => self.one(&["0e0", "1e0", "2.5e0", "-1e3", "17.123456e0"]),
            Type::Decimal => self.one(&["0.5", "1.25", "-3.000", "1000.125"]),
            Type::Text | Type::Spelled => self.one(&[
                "'a'", "'star'", "''", "'odd'", "'1'", "'10 x'", "'b%'", "NULL",
            ]),
            Type::Moment => self.one(&[
                "DATE'2026-01-12'",
                "'2026-02-10'",
                "TIMESTAMP'2026-01-02 12:00:03.25'",
                "NULL",
                "DATE'2024-02-29'",
            ]),
            Type::Span => self.one(&["TIME'12:30:00'", "TIME'-00:00:01.5'", "'00:00:00.001'"]),
        })
    }

    /// A column or a literal.
    pub fn leaf(&mut self, kind: Type) -> Expr {
        let column = if self.chance(4) {
            None
        } else {
            self.column(kind)
        };
        column.unwrap_or_else(|| self.literal(kind))
    }

    fn fill(&mut self, pattern: &str, kind: Type, depth: usize) -> Expr {
        let operands: Vec<Expr> = (0..pattern.matches('#').count())
            .map(|_| self.value(kind, depth))
            .collect();
        form(pattern, operands)
    }

    fn numeric(&mut self) -> Type {
        match self.random.random_range(0..4) {
            0 => Type::Real,
            1 => Type::Decimal,
            _ => Type::Int,
        }
    }

    /// A value; `depth` operators deep at most.
    pub fn value(&mut self, kind: Type, depth: usize) -> Expr {
        if depth == 0 || self.chance(3) {
            return self.leaf(kind);
        }
        let below = depth - 1;
        if self.chance(10) {
            let pattern = self.one(&[
                "IF(#?, #, #)",
                "CASE WHEN #? THEN # ELSE # END",
                "COALESCE(#, #)",
                "NULLIF(#, #)",
                "IFNULL(#, #)",
                "GREATEST(#, #)",
                "LEAST(#, #)",
                "(#)",
            ]);
            return self.choice(pattern, kind, below);
        }
        match kind {
            Type::Int => self.int(below),
            Type::Real => self.real(below),
            Type::Decimal => self.decimal(below),
            Type::Text | Type::Spelled => self.text(below),
            Type::Moment => self.moment(below),
            Type::Span => {
                let pattern = self.one(&["ADDTIME(#, #)", "SUBTIME(#, #)", "TIMEDIFF(#, #)"]);
                self.fill(pattern, Type::Span, below)
            }
        }
    }

    /// A pattern whose `#?` is a condition.
    fn choice(&mut self, pattern: &str, kind: Type, depth: usize) -> Expr {
        let mut operands = Vec::new();
        for place in pattern.match_indices('#').map(|(place, _)| place) {
            let is_condition = pattern.get(place + 1..place + 2) == Some("?");
            operands.push(if is_condition {
                self.condition(depth)
            } else {
                self.value(kind, depth)
            });
        }
        form(&pattern.replace("#?", "#"), operands)
    }

    fn int(&mut self, depth: usize) -> Expr {
        match self.random.random_range(0..12) {
            0..5 => {
                let pattern = self.one(NUMERIC);
                self.fill(pattern, Type::Int, depth)
            }
            5 => {
                let pattern = self.one(&[
                    "LENGTH(#)",
                    "CHAR_LENGTH(#)",
                    "ASCII(#)",
                    "CRC32(#)",
                    "FIELD(#, 'a', 'b')",
                    "STRCMP(#, #)",
                    "LOCATE('a', #)",
                    "# + 0",
                ]);
                self.fill(pattern, Type::Text, depth)
            }
            6 => {
                let pattern = self.one(&[
                    "YEAR(#)",
                    "MONTH(#)",
                    "DAYOFWEEK(#)",
                    "TO_DAYS(#)",
                    "HOUR(#)",
                    "DATEDIFF(#, #)",
                    "EXTRACT(YEAR_MONTH FROM #)",
                    "TIMESTAMPDIFF(DAY, #, #)",
                    "MICROSECOND(#)",
                ]);
                self.fill(pattern, Type::Moment, depth)
            }
            7 => {
                let kind = self.numeric();
                let pattern = self.one(&["CAST(# AS SIGNED)", "SIGN(#)", "# DIV 3"]);
                self.fill(pattern, kind, depth)
            }
            8 => {
                let pattern = self.one(&[
                    "ABS(#)",
                    "MOD(#, #)",
                    "BIT_COUNT(#)",
                    "ISNULL(#)",
                    "INTERVAL(#, 0, 2, 5)",
                    "CAST(# AS UNSIGNED)",
                    "ROUND(#, -1)",
                    "TRUNCATE(#, 0)",
                ]);
                self.fill(pattern, Type::Int, depth)
            }
            9 => {
                let condition = self.condition(depth);
                form("(#)", [condition])
            }
            10 => self.fill("TIME_TO_SEC(#)", Type::Span, depth),
            _ => self.leaf(Type::Int),
        }
    }

    fn real(&mut self, depth: usize) -> Expr {
        let pattern = self.one(&[
            "# + #",
            "# - #",
            "# * #",
            "# / #",
            "-#",
            "ROUND(#, 2)",
            "ROUND(#)",
            "FLOOR(#)",
            "CEIL(#)",
            "TRUNCATE(#, 1)",
            "SQRT(ABS(#))",
            "ABS(#)",
            "# % 7",
            "LN(ABS(#) + 1)",
            "POW(#, 2)",
            "# / 7",
            "CAST(# AS DOUBLE)",
            "RADIANS(#)",
        ]);
        let kind = if self.chance(4) {
            self.numeric()
        } else {
            Type::Real
        };
        if self.folds && ROUNDING.contains(&pattern) {
            let bounded: Vec<Column> = self
                .columns
                .iter()
                .filter(|column| !column.is_huge())
                .cloned()
                .collect();
            let mut expressions = Expressions {
                random: self.random,
                columns: &bounded,
                folds: true,
            };
            return expressions.fill(pattern, kind, depth);
        }
        self.fill(pattern, kind, depth)
    }

    fn decimal(&mut self, depth: usize) -> Expr {
        let pattern = self.one(&[
            "# + #",
            "# - #",
            "# * #",
            "# / #",
            "# / 7",
            "-#",
            "ROUND(#, 1)",
            "TRUNCATE(#, 2)",
            "FLOOR(#)",
            "ABS(#)",
            "CAST(# AS DECIMAL(20,6))",
            "# % 3",
            "MOD(#, 1.5)",
        ]);
        let kind = if self.chance(3) {
            Type::Int
        } else {
            Type::Decimal
        };
        self.fill(pattern, kind, depth)
    }

    fn text(&mut self, depth: usize) -> Expr {
        match self.random.random_range(0..5) {
            0 => {
                let kind = self.any_type();
                let pattern = self.one(&[
                    "CAST(# AS CHAR)",
                    "HEX(#)",
                    "CONCAT(#, '-')",
                    "CAST(# AS BINARY)",
                ]);
                self.fill(pattern, kind, depth)
            }
            1 => {
                let pattern = self.one(&[
                    "DATE_FORMAT(#, '%Y-%m')",
                    "DATE_FORMAT(#, '%d.%H')",
                    "DAYNAME(#)",
                    "CAST(# AS CHAR)",
                ]);
                self.fill(pattern, Type::Moment, depth)
            }
            _ => {
                let pattern = self.one(&[
                    "CONCAT(#, #)",
                    "UPPER(#)",
                    "LOWER(#)",
                    "LEFT(#, 2)",
                    "SUBSTRING(#, 2)",
                    "REPLACE(#, 'a', 'b')",
                    "TRIM(#)",
                    "REVERSE(#)",
                    "LPAD(#, 4, '.')",
                    "# COLLATE utf8mb4_bin",
                    "BINARY #",
                    "MD5(#)",
                    "CONCAT_WS(',', #, #)",
                    "REPEAT(#, 2)",
                    "SUBSTRING_INDEX(#, 'a', 1)",
                ]);
                self.fill(pattern, Type::Text, depth)
            }
        }
    }

    fn moment(&mut self, depth: usize) -> Expr {
        let pattern = self.one(&[
            "# + INTERVAL 1 DAY",
            "# - INTERVAL 90 MINUTE",
            "DATE(#)",
            "LAST_DAY(#)",
            "DATE_ADD(#, INTERVAL 1 MONTH)",
            "CAST(# AS DATETIME(3))",
            "CAST(# AS DATE)",
            "TIMESTAMP(#)",
            "# + INTERVAL '1:30' MINUTE_SECOND",
        ]);
        self.fill(pattern, Type::Moment, depth)
    }

    /// A condition.
    pub fn condition(&mut self, depth: usize) -> Expr {
        let below = depth.saturating_sub(1);
        match self.random.random_range(0..12) {
            0..3 if depth > 0 => {
                let pattern = self.one(LOGICAL);
                let operands: Vec<Expr> = (0..pattern.matches('#').count())
                    .map(|_| self.condition(below))
                    .collect();
                form(pattern, operands)
            }
            3 => {
                let pattern = self.one(&[
                    "# LIKE 'a%'",
                    "# LIKE '%d'",
                    "# REGEXP '^[a-m]'",
                    "# NOT LIKE #",
                    "# SOUNDS LIKE #",
                    "# LIKE #",
                    "# RLIKE 'o'",
                ]);
                self.fill(pattern, Type::Text, below)
            }
            4 | 5 => {
                let kind = self.any_type();
                let pattern = self.one(TESTS);
                self.fill(pattern, kind, below)
            }
            6 => {
                let (left, right) = (self.any_type(), self.any_type());
                let operands = [self.value(left, below), self.value(right, below)];
                let pattern = self.one(COMPARISONS);
                form(pattern, operands)
            }
            7 if depth > 1 => {
                let pattern = self.one(&[
                    "(#, #) = (#, #)",
                    "(#, #) IN ((#, #), (#, #))",
                    "(#, #) < (#, #)",
                ]);
                self.fill(pattern, Type::Int, below)
            }
            8 => self.value(Type::Int, depth),
            _ => {
                let kind = self.any_type();
                let pattern = self.one(COMPARISONS);
                self.fill(pattern, kind, below)
            }
        }
    }
}
