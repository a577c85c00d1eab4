//! Columns and tables as MySQL and MariaDB write them. Pure.
//!
//! What an archive cannot declare (expressions as defaults, generated columns, types that are not
//! known here) is an error that says so, for whoever leaves the column out.

mod tokens;

use orrery_archive::sql_type::SqlType;
use orrery_archive::table::{Column, SecondaryKey};

use tokens::{Token, tokens};

/// Words that end a type.
const ATTRIBUTES: [&str; 22] = [
    "NOT",
    "NULL",
    "DEFAULT",
    "AUTO_INCREMENT",
    "COMMENT",
    "CHARACTER",
    "CHARSET",
    "COLLATE",
    "PRIMARY",
    "UNIQUE",
    "KEY",
    "ON",
    "GENERATED",
    "AS",
    "CHECK",
    "INVISIBLE",
    "STORED",
    "VIRTUAL",
    "PERSISTENT",
    "REFERENCES",
    "WITH",
    "COMPRESSED",
];

/// A CREATE TABLE statement.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CreateTable {
    /// Columns in order; why one cannot be declared.
    pub columns: Vec<(String, Result<Column, String>)>,
    /// Columns of the primary key.
    pub primary_key: Vec<String>,
    /// Other keys.
    pub keys: Vec<SecondaryKey>,
    /// Foreign keys of one column: it, the table and the column it names.
    pub references: Vec<(String, String, String)>,
    /// Default character set and collation.
    pub charset: Option<String>,
    /// Default collation.
    pub collation: Option<String>,
    /// Comment.
    pub comment: String,
}

/// A column from its name and what stands behind it, such as `BIGINT(20) NOT NULL`.
pub fn column(name: &str, declared: &str) -> Result<Column, String> {
    attributes(name, &tokens(declared)?)
}

/// The CREATE TABLE statement in `text`; `None` when it has none.
pub fn create_table(text: &str) -> Result<Option<CreateTable>, String> {
    let all = tokens(text)?;
    let is_create =
        |at: &[Token]| matches!(at, [a, b, ..] if a.is_word("CREATE") && b.is_word("TABLE"));
    let Some(start) = (0..all.len()).find(|start| is_create(all.get(*start..).unwrap_or(&[])))
    else {
        return Ok(None);
    };
    let rest = all.get(start..).unwrap_or(&[]);
    let Some(group) = rest
        .iter()
        .position(|token| matches!(token, Token::Group(_)))
    else {
        return Err("its CREATE TABLE has no list of columns".into());
    };
    let mut table = CreateTable::default();
    if let Some(Token::Group(body)) = rest.get(group) {
        let body = tokens(body)?;
        for item in body.split(|token| *token == Token::Comma) {
            table.item(item)?;
        }
    }
    table.options(rest.get(group + 1..).unwrap_or(&[]));
    Ok(Some(table))
}

/// The collation that MariaDB takes for a character set that names none.
pub fn default_collation(charset: &str) -> String {
    match charset {
        "latin1" => "latin1_swedish_ci".into(),
        "binary" => "binary".into(),
        other => format!("{other}_general_ci"),
    }
}

impl CreateTable {
    fn item(&mut self, item: &[Token]) -> Result<(), String> {
        match item {
            [Token::Name(name), rest @ ..] => {
                self.columns.push((name.clone(), attributes(name, rest)));
            }
            [first, rest @ ..] if first.is_word("PRIMARY") => {
                self.primary_key = names_in(rest)?;
            }
            [first, rest @ ..] if first.is_word("UNIQUE") || first.is_word("KEY") => {
                let name = rest.iter().find_map(|token| match token {
                    Token::Name(name) => Some(name.clone()),
                    _ => None,
                });
                self.keys.push(SecondaryKey {
                    name: name.ok_or("a key has no name")?,
                    columns: names_in(rest)?,
                });
            }
            _ => self.reference(item)?,
        }
        Ok(())
    }

    /// A foreign key; other constraints and keys say nothing of columns.
    fn reference(&mut self, item: &[Token]) -> Result<(), String> {
        let Some(at) = item.iter().position(|token| token.is_word("REFERENCES")) else {
            return Ok(());
        };
        let (own, other) = item.split_at(at);
        let table = other.iter().find_map(|token| match token {
            Token::Name(name) => Some(name.clone()),
            _ => None,
        });
        if let (Ok([own]), Ok([column]), Some(table)) = (
            <[String; 1]>::try_from(names_in(own)?),
            <[String; 1]>::try_from(names_in(other)?),
            table,
        ) {
            self.references.push((own, table, column));
        }
        Ok(())
    }

    fn options(&mut self, options: &[Token]) {
        let value = |word: &str| {
            let at = options.iter().position(|token| token.is_word(word))?;
            options.get(at + 1..)?.iter().find_map(Token::value)
        };
        self.charset = value("CHARSET");
        self.collation = value("COLLATE");
        self.comment = value("COMMENT").unwrap_or_default();
    }
}

/// The names in the first parentheses, without lengths of prefixes.
fn names_in(tokens_of_key: &[Token]) -> Result<Vec<String>, String> {
    let group = tokens_of_key.iter().find_map(|token| match token {
        Token::Group(body) => Some(body),
        _ => None,
    });
    let names = tokens(group.ok_or("a key has no columns")?)?;
    Ok(names
        .into_iter()
        .filter_map(|token| match token {
            Token::Name(name) => Some(name),
            _ => None,
        })
        .collect())
}

fn attributes(name: &str, declared: &[Token]) -> Result<Column, String> {
    let is_attribute = |token: &Token| ATTRIBUTES.iter().any(|word| token.is_word(word));
    let end = declared
        .iter()
        .position(is_attribute)
        .unwrap_or(declared.len());
    let (own, mut rest) = declared.split_at(end);
    let sql_type = type_text(own);
    SqlType::parse(&sql_type).map_err(|error| error.to_string())?;
    let mut column = Column::new(name, sql_type);
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        if word.is_word("NOT") {
            column.nullable = false;
            rest = rest.get(1..).unwrap_or(&[]);
        } else if word.is_word("DEFAULT") {
            (column.default, rest) = default(rest)?;
        } else if word.is_word("COMMENT") {
            let comment = rest.first().and_then(Token::value).unwrap_or_default();
            column.description = comment.chars().take(1024).collect();
        } else if word.is_word("SET") || word.is_word("CHARSET") {
            column.charset = rest.first().and_then(Token::value);
        } else if word.is_word("COLLATE") {
            column.collation = rest.first().and_then(Token::value);
        } else if word.is_word("AS") || word.is_word("GENERATED") {
            return Err("is computed from other columns".into());
        }
    }
    Ok(column)
}

fn type_text(own: &[Token]) -> String {
    let mut text = String::new();
    for token in own {
        match token {
            Token::Word(word) => {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(&word.to_ascii_uppercase());
            }
            Token::Group(body) => text.push_str(&format!("({body})")),
            _ => text.push('?'),
        }
    }
    text
}

/// A constant default, as text, and what follows it.
fn default(rest: &[Token]) -> Result<(Option<String>, &[Token]), String> {
    let refused = || Err("has a default that is no constant".to_owned());
    match rest {
        [word, rest @ ..] if word.is_word("NULL") => Ok((None, rest)),
        [Token::Text(text), rest @ ..] => Ok((Some(text.clone()), rest)),
        [Token::Other('-'), Token::Word(number), rest @ ..] if is_number(number) => {
            Ok((Some(format!("-{number}")), rest))
        }
        [Token::Word(number), rest @ ..] if is_number(number) => Ok((Some(number.clone()), rest)),
        _ => refused(),
    }
}

fn is_number(word: &str) -> bool {
    word.parse::<f64>().is_ok() && word.starts_with(|c: char| c.is_ascii_digit() || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_with_all_they_say() {
        let read = column(
            "a",
            " bigint(20) unsigned NOT NULL DEFAULT 7 COMMENT 'it''s, \\'so\\''",
        )
        .unwrap();
        assert_eq!(read.sql_type, "BIGINT(20) UNSIGNED");
        assert!(!read.nullable);
        assert_eq!(read.default.as_deref(), Some("7"));
        assert_eq!(read.description, "it's, 'so'");
        let read = column(
            "b",
            "enum('a,b','c)') CHARACTER SET latin1 COLLATE latin1_bin DEFAULT NULL",
        )
        .unwrap();
        assert_eq!(read.sql_type, "ENUM('a,b','c)')");
        assert_eq!(read.charset.as_deref(), Some("latin1"));
        assert_eq!(read.collation.as_deref(), Some("latin1_bin"));
        assert_eq!((read.nullable, read.default), (true, None));
        let read = column("c", "double NOT NULL DEFAULT -1.5e3").unwrap();
        assert_eq!(read.default.as_deref(), Some("-1.5e3"));
    }

    #[test]
    fn what_cannot_be_declared_says_why() {
        for (declared, why) in [
            ("datetime DEFAULT current_timestamp()", "no constant"),
            ("point NOT NULL", "POINT"),
            ("int(11) GENERATED ALWAYS AS (`a` + 1) VIRTUAL", "computed"),
        ] {
            let error = column("x", declared).unwrap_err();
            assert!(
                error.to_lowercase().contains(&why.to_lowercase()),
                "{error}"
            );
        }
    }

    #[test]
    fn a_statement_is_read_behind_comments_and_with_its_keys() {
        let text = "-- CREATE TABLE `no` (\n/*!40101 SET x = 1 */;\nCREATE TABLE `T` (\n  `id` int(11) NOT NULL,\n  \
            `o``x` varchar(3) DEFAULT 'a,\\')',\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `u` (`o``x`(2),`id`),\n  KEY `k` (`id`) USING BTREE,\n  \
            CONSTRAINT `f` FOREIGN KEY (`o``x`) REFERENCES `O` (`oid`) ON DELETE CASCADE,\n  CONSTRAINT `c` CHECK (`id` > 0)\n\
            ) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=latin1 COLLATE=latin1_bin COMMENT='of (all)';";
        let table = create_table(text).unwrap().unwrap();
        let names: Vec<&str> = table
            .columns
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["id", "o`x"]);
        assert_eq!(
            table.columns[1].1.as_ref().unwrap().default.as_deref(),
            Some("a,')")
        );
        assert_eq!(table.primary_key, ["id"]);
        assert_eq!(table.keys.len(), 2);
        assert_eq!(table.keys[0].columns, ["o`x", "id"]);
        assert_eq!(table.references, [("o`x".into(), "O".into(), "oid".into())]);
        assert_eq!(table.charset.as_deref(), Some("latin1"));
        assert_eq!(table.collation.as_deref(), Some("latin1_bin"));
        assert_eq!(table.comment, "of (all)");
        assert_eq!(create_table("CREATE VIEW `v` AS SELECT 1;"), Ok(None));
    }
}
