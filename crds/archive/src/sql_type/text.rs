//! Types as text, as MariaDB writes them; it parses back to the same type.

use std::fmt;

use super::{NumberFlags, SqlType};

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer {
                width,
                display,
                flags,
            } => {
                f.write_str(width.name())?;
                if let Some(display) = display {
                    write!(f, "({display})")?;
                }
                write_flags(f, *flags)
            }
            Self::Decimal {
                precision,
                scale,
                flags,
            } => {
                write!(f, "DECIMAL({precision},{scale})")?;
                write_flags(f, *flags)
            }
            Self::Float { digits, flags } => write_approximate(f, "FLOAT", *digits, *flags),
            Self::Double { digits, flags } => write_approximate(f, "DOUBLE", *digits, *flags),
            Self::Bit(n) => write!(f, "BIT({n})"),
            Self::Date => f.write_str("DATE"),
            Self::DateTime(0) => f.write_str("DATETIME"),
            Self::DateTime(n) => write!(f, "DATETIME({n})"),
            Self::Timestamp(0) => f.write_str("TIMESTAMP"),
            Self::Timestamp(n) => write!(f, "TIMESTAMP({n})"),
            Self::Time(0) => f.write_str("TIME"),
            Self::Time(n) => write!(f, "TIME({n})"),
            Self::Year => f.write_str("YEAR"),
            Self::Char(n) => write!(f, "CHAR({n})"),
            Self::VarChar(n) => write!(f, "VARCHAR({n})"),
            Self::Binary(n) => write!(f, "BINARY({n})"),
            Self::VarBinary(n) => write!(f, "VARBINARY({n})"),
            Self::Text(size) => write!(f, "{}TEXT", size.prefix()),
            Self::Blob(size) => write!(f, "{}BLOB", size.prefix()),
            Self::Enum(members) => write_members(f, "ENUM", members),
            Self::Set(members) => write_members(f, "SET", members),
            Self::Json => f.write_str("JSON"),
        }
    }
}

fn write_flags(f: &mut fmt::Formatter<'_>, flags: NumberFlags) -> fmt::Result {
    if flags.unsigned {
        f.write_str(" UNSIGNED")?;
    }
    if flags.zerofill {
        f.write_str(" ZEROFILL")?;
    }
    Ok(())
}

fn write_approximate(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    digits: Option<(u32, u32)>,
    flags: NumberFlags,
) -> fmt::Result {
    f.write_str(name)?;
    if let Some((m, d)) = digits {
        write!(f, "({m},{d})")?;
    }
    write_flags(f, flags)
}

fn write_members(f: &mut fmt::Formatter<'_>, name: &str, members: &[String]) -> fmt::Result {
    write!(f, "{name}(")?;
    for (i, member) in members.iter().enumerate() {
        if i > 0 {
            f.write_str(",")?;
        }
        write!(f, "'{}'", member.replace('\\', "\\\\").replace('\'', "''"))?;
    }
    f.write_str(")")
}
