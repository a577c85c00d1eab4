//! What is known of the type of a value: how a text result shows it, and what it is as a number.
//!
//! Keeps true: what is said here is what MariaDB says (`DESCRIBE` of a table made from the
//! expression); where that is not known exactly, it is unknown, never guessed.

/// Digits after the point that a quotient has more than its dividend, and AVG more than its
/// argument (`div_precision_increment`).
pub(crate) const MORE_DIGITS: u32 = 4;
/// Digits of MariaDB's longest DECIMAL.
pub(crate) const LONGEST: u32 = 65;
/// Most digits after the point of a DECIMAL.
pub(crate) const LONGEST_FRACTION: u32 = 38;
/// Digits before the point that a sum has more than its terms: 10^12 rows.
pub(crate) const SUMMED: u32 = 12;
/// DECIMALs are computed in groups of this many digits.
const GROUP: u32 = 9;
/// Digits of the longest number that is computed with, in whole groups on both sides of the point:
/// more than a table holds.
const LONGEST_COMPUTED: u32 = 81;

/// Digits of an integer or a DECIMAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digits {
    /// Most digits before the point.
    pub whole: u32,
    /// Digits after the point that are shown, and count in comparisons.
    pub shown: u32,
    /// Most digits after the point that the value has: a quotient is computed with more than are
    /// shown.
    pub held: u32,
    /// Fewest digits after the point that it is computed with: where it is one of several values,
    /// the row decides.
    pub least: u32,
}

/// How many digits after the point the text of a DOUBLE shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// As many as it takes to tell the value.
    All,
    /// So many, and the value has no more: it was rounded to them.
    Rounded(u32),
    /// So many, and the value has more.
    Cut(u32),
    /// Not known.
    Unknown,
}

/// What a value is where a number is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// An integer or a DECIMAL.
    Exact(Digits),
    /// A DOUBLE.
    Double(Shown),
    /// One or the other.
    Unknown,
}

/// What a value is in a result set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// A number.
    Number,
    /// A string.
    Text,
    /// Of a type whose text is exact: dates, times, ENUM, SET, YEAR, ZEROFILL.
    Named,
    /// FLOAT without fixed digits: its text shows six of them.
    Float,
    /// A TIMESTAMP column with so many fraction digits: its text is local time, of which an hour a
    /// year exists twice.
    Timestamp(u32),
    /// A BIT column: a string of bits, a number in MIN and MAX.
    Bit,
    /// Of a type that is not known, or that no text carries.
    Unsure,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    pub nature: Nature,
    /// What it is where a number is wanted.
    pub number: Number,
}

impl Digits {
    /// Digits that are all shown.
    pub(crate) const fn plain(whole: u32, fraction: u32) -> Self {
        Self {
            whole,
            shown: fraction,
            held: fraction,
            least: fraction,
        }
    }

    /// Whether the value has more digits than it shows.
    pub(crate) fn are_hidden(self) -> bool {
        self.held > self.shown
    }

    /// Whether a table holds every such number with the digits that are shown. One that is longer
    /// is cut to the greatest DECIMAL by whatever stores it, a temporary table too, without an
    /// error.
    pub(crate) fn can_be_stored(self) -> bool {
        self.whole + self.shown <= LONGEST
    }

    /// Whether every such number is computed with all digits that are shown.
    pub(crate) fn can_be_computed(self) -> bool {
        groups(self.whole) + groups(self.shown) <= LONGEST_COMPUTED
    }

    /// Of the sum over many rows.
    pub(crate) fn summed(self) -> Self {
        Self {
            whole: self.whole + SUMMED,
            ..self
        }
    }

    /// Of the quotient by a divisor.
    pub(crate) fn divided_by(self, divisor: Self) -> Self {
        Self {
            whole: self.whole + divisor.held,
            shown: (self.shown + MORE_DIGITS).min(LONGEST_FRACTION),
            held: digits_of_quotient(self.held, divisor.held),
            least: digits_of_quotient(self.least, divisor.least),
        }
    }

    /// Whether a quotient of the number shows the same last digit, with however many digits the
    /// number is computed: what is computed is cut, and rounded to what is shown when it is longer.
    pub(crate) fn has_sure_quotients(self) -> bool {
        let most = digits_of_quotient(self.held, 0);
        let least = digits_of_quotient(self.least, 0);
        least == most || least > (self.shown + MORE_DIGITS).min(LONGEST_FRACTION)
    }

    fn times(self, other: Self) -> Self {
        Self {
            whole: self.whole + other.whole,
            shown: (self.shown + other.shown).min(LONGEST_FRACTION),
            held: self.held + other.held,
            least: self.least + other.least,
        }
    }

    /// Of one of two values.
    fn either(self, other: Self) -> Self {
        Self {
            whole: self.whole.max(other.whole),
            shown: self.shown.max(other.shown),
            held: self.held.max(other.held),
            least: self.least.max(other.least),
        }
    }
}

/// Digits after the point that a quotient is computed with.
fn digits_of_quotient(dividend: u32, divisor: u32) -> u32 {
    let padding = groups(dividend) - dividend + groups(divisor) - divisor;
    let more = MORE_DIGITS.saturating_sub(padding);
    groups(groups(dividend) + groups(divisor) + more)
}

/// Digits in whole groups.
fn groups(digits: u32) -> u32 {
    digits.div_ceil(GROUP) * GROUP
}

impl Shown {
    /// Digits after the point; `None` when they are not fixed, or not known.
    pub(crate) fn fixed(self) -> Option<u32> {
        match self {
            Self::Rounded(digits) | Self::Cut(digits) => Some(digits),
            Self::All | Self::Unknown => None,
        }
    }

    /// Of a value that is computed from two. `rounded` tells whether it has no more digits than
    /// they.
    fn computed(self, other: Self, rounded: bool) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Rounded(one), Self::Rounded(two)) if rounded => Self::Rounded(one.max(two)),
            (one, two) => match (one.fixed(), two.fixed()) {
                (Some(one), Some(two)) => Self::Cut(one.max(two)),
                _ => Self::Unknown,
            },
        }
    }

    /// With more digits, as a quotient has them.
    pub(crate) fn with_more(self, digits: u32) -> Self {
        self.fixed().map_or(self, |shown| Self::Cut(shown + digits))
    }
}

impl Number {
    /// An integer of 64 bits.
    pub(crate) const INTEGER: Self = Self::Exact(Digits::plain(20, 0));

    /// How its text would show it as a DOUBLE.
    pub(crate) fn as_double(self) -> Shown {
        match self {
            Self::Exact(digits) if digits.are_hidden() => Shown::Cut(digits.shown),
            Self::Exact(digits) => Shown::Rounded(digits.shown),
            Self::Double(shown) => shown,
            Self::Unknown => Shown::Unknown,
        }
    }

    /// Of an operation on two numbers: exact when both are, else a DOUBLE. `rounded` tells whether
    /// a DOUBLE has no more digits than its operands.
    fn of_two(
        self,
        other: Self,
        exact: impl FnOnce(Digits, Digits) -> Digits,
        rounded: impl FnOnce(Shown, Shown) -> bool,
    ) -> Self {
        match (self, other) {
            (Self::Exact(one), Self::Exact(two)) => Self::Exact(exact(one, two)),
            (Self::Double(_), _) | (_, Self::Double(_)) => {
                let (one, two) = (self.as_double(), other.as_double());
                Self::Double(one.computed(two, rounded(one, two)))
            }
            _ => Self::Unknown,
        }
    }

    /// Of a sum or a difference.
    pub(crate) fn plus(self, other: Self) -> Self {
        let exact = |one: Digits, two: Digits| Digits {
            whole: one.whole.max(two.whole) + 1,
            ..one.either(two)
        };
        self.of_two(other, exact, are_whole)
    }

    /// Of a product.
    pub(crate) fn times(self, other: Self) -> Self {
        self.of_two(other, Digits::times, are_whole)
    }

    /// Of a remainder.
    pub(crate) fn remainder(self, other: Self) -> Self {
        self.of_two(other, Digits::either, are_whole)
    }

    /// Of a quotient.
    pub(crate) fn divided_by(self, other: Self) -> Self {
        match self.of_two(other, Digits::divided_by, |_, _| false) {
            Self::Double(shown) => Self::Double(shown.with_more(MORE_DIGITS)),
            quotient => quotient,
        }
    }

    /// Of one of two numbers.
    fn either(self, other: Self) -> Self {
        let exact = |one: Digits, two: Digits| Digits {
            least: one.least.min(two.least),
            ..one.either(two)
        };
        self.of_two(other, exact, |_, _| true)
    }

    /// Of the number rounded to so many digits after the point.
    pub(crate) fn rounded_to(self, digits: u32) -> Self {
        match self {
            Self::Exact(known) => {
                // What MariaDB reserves for a number that is too long has fewer digits before the
                // point, and so has what it reserves for the rounded one.
                let whole = if known.can_be_stored() {
                    known.whole + 1
                } else {
                    LONGEST + 1
                };
                Self::Exact(Digits::plain(whole, digits.min(LONGEST_FRACTION)))
            }
            Self::Double(_) if digits > 30 => Self::Double(Shown::All),
            Self::Double(_) => Self::Double(Shown::Rounded(digits)),
            Self::Unknown => Self::Unknown,
        }
    }
}

/// Whether DOUBLEs are whole numbers, as what is added, subtracted or multiplied from them is then.
fn are_whole(one: Shown, two: Shown) -> bool {
    (one, two) == (Shown::Rounded(0), Shown::Rounded(0))
}

impl Type {
    /// An integer of 64 bits.
    pub(crate) const INTEGER: Self = Self::number(Number::INTEGER);
    /// A DOUBLE whose text shows it all.
    pub(crate) const DOUBLE: Self = Self::number(Number::Double(Shown::All));
    /// The result of a function that gives a string.
    pub(crate) const TEXT: Self = Self {
        nature: Nature::Text,
        number: Number::Double(Shown::Unknown),
    };
    /// Of a type whose text is exact; as a number it is not known.
    pub(crate) const NAMED: Self = Self {
        nature: Nature::Named,
        number: Number::Unknown,
    };
    /// NULL.
    pub(crate) const NULL: Self = Self {
        nature: Nature::Named,
        number: Number::Double(Shown::Rounded(0)),
    };

    /// A number.
    pub(crate) const fn number(number: Number) -> Self {
        Self {
            nature: Nature::Number,
            number,
        }
    }

    /// A date or a time with so many fraction digits.
    pub(crate) const fn temporal(fraction: u32) -> Self {
        Self {
            nature: Nature::Named,
            number: Number::Exact(Digits::plain(14, fraction)),
        }
    }

    /// Of a value that is one of several, converted to their common type. Operands that are NULL
    /// count for nothing.
    pub(crate) fn common(operands: impl IntoIterator<Item = Self>) -> Self {
        let mut operands = operands
            .into_iter()
            .filter(|operand| *operand != Self::NULL);
        let Some(first) = operands.next() else {
            return Self::NULL;
        };
        operands.fold(first.as_chosen(), |known, operand| {
            known.or(operand.as_chosen())
        })
    }

    /// The value as a result of a choice: FLOAT, TIMESTAMP and BIT lose their nature there.
    fn as_chosen(self) -> Self {
        let nature = match self.nature {
            Nature::Float | Nature::Timestamp(_) | Nature::Bit => Nature::Unsure,
            nature => nature,
        };
        Self { nature, ..self }
    }

    fn or(self, other: Self) -> Self {
        match (self.nature, other.nature) {
            (Nature::Number, Nature::Number) => Self::number(self.number.either(other.number)),
            (Nature::Unsure, Nature::Number | Nature::Unsure)
            | (Nature::Number, Nature::Unsure) => Self {
                nature: Nature::Unsure,
                number: self.number.either(other.number),
            },
            (Nature::Unsure, _) | (_, Nature::Unsure) => Self {
                nature: Nature::Unsure,
                number: Number::Unknown,
            },
            (Nature::Text, _) | (_, Nature::Text) => Self::TEXT,
            (Nature::Named, Nature::Named) if self == other => self,
            _ => Self::NAMED,
        }
    }
}
