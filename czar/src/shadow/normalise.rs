//! Texts that differ only in what their metadata does not depend on.
//!
//! A literal on the right side of a comparison in WHERE decides which rows come, never what the
//! columns are: only its kind is kept. Wherever that is not plain to see, the text stays as it is,
//! which costs a cache entry and nothing else.

/// The statement with each number and each ASCII string that follows a comparison in WHERE replaced
/// by a mark of its kind. A statement with more than one SELECT, a comment, or strings that need
/// care is left as it is.
pub fn normalise(statement: &str) -> Vec<u8> {
    Normaliser::new(statement)
        .run()
        .unwrap_or_else(|| statement.as_bytes().to_vec())
}

struct Normaliser<'a> {
    rest: &'a [u8],
    out: Vec<u8>,
    in_where: bool,
    selects: usize,
    depth: usize,
    /// Depth and word before an IN list that is open.
    list: Option<usize>,
    /// Whether a literal here is the right side of a comparison.
    expects_value: bool,
}

impl<'a> Normaliser<'a> {
    fn new(statement: &'a str) -> Self {
        Self {
            rest: statement.as_bytes(),
            out: Vec::with_capacity(statement.len()),
            in_where: false,
            selects: 0,
            depth: 0,
            list: None,
            expects_value: false,
        }
    }

    fn run(mut self) -> Option<Vec<u8>> {
        while let Some(first) = self.rest.first().copied() {
            match first {
                b'\'' => self.string()?,
                b'"' | b'`' => self.quoted(first)?,
                b'#' | b'\\' => return None,
                b'0'..=b'9' | b'.' => self.number(),
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'@' | b'$' | 0x80.. => self.word()?,
                _ => self.symbol(first)?,
            }
        }
        (self.selects == 1).then_some(self.out)
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn keep(&mut self, count: usize) {
        let taken = self.take(count);
        self.out.extend_from_slice(taken);
    }

    fn string(&mut self) -> Option<()> {
        let end = self.rest.iter().skip(1).position(|byte| *byte == b'\'')? + 1;
        let text = self.rest.get(1..end)?;
        let doubled = self.rest.get(end + 1) == Some(&b'\'');
        if doubled || text.contains(&b'\\') || !text.is_ascii() {
            return None;
        }
        if self.expects_value {
            self.take(end + 1);
            // No statement has this byte outside a string, so the mark is never taken for user
            // text.
            self.out.extend_from_slice(b"\x01s");
        } else {
            self.keep(end + 1);
        }
        self.after_value();
        Some(())
    }

    fn quoted(&mut self, quote: u8) -> Option<()> {
        let end = self.rest.iter().skip(1).position(|byte| *byte == quote)? + 1;
        if self.rest.get(1..end)?.contains(&b'\\') {
            return None;
        }
        self.keep(end + 1);
        self.after_value();
        Some(())
    }

    fn number(&mut self) {
        let part_of = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'.' || *byte == b'_';
        let rest = self.rest;
        let length = rest
            .iter()
            .position(|byte| !part_of(byte))
            .unwrap_or(rest.len());
        let (text, _) = rest.split_at(length);
        let is_integer = text.iter().all(u8::is_ascii_digit);
        let is_decimal = text
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.');
        if self.expects_value && (is_integer || is_decimal) {
            self.take(length);
            self.out
                .extend_from_slice(if is_integer { b"\x01i" } else { b"\x01d" });
        } else {
            self.keep(length.max(1));
        }
        self.after_value();
    }

    /// After a value another one is expected only in a list, or after AND in BETWEEN (which `word`
    /// allows).
    fn after_value(&mut self) {
        self.expects_value = false;
    }

    fn word(&mut self) -> Option<()> {
        let part_of =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"_@$".contains(byte) || *byte >= 0x80;
        let length = self
            .rest
            .iter()
            .position(|byte| !part_of(byte))
            .unwrap_or(self.rest.len());
        let word = self.rest.get(..length)?.to_ascii_uppercase();
        self.keep(length);
        // `N'…'`, `X'…'`, `_utf8'…'`: the string belongs to the word.
        if self.rest.first() == Some(&b'\'') {
            return None;
        }
        self.expects_value = false;
        match word.as_slice() {
            b"SELECT" => self.selects += 1,
            b"WHERE" if self.depth == 0 => self.in_where = true,
            b"GROUP" | b"HAVING" | b"ORDER" | b"LIMIT" | b"UNION" | b"PROCEDURE" | b"INTO"
            | b"FOR" => {
                self.in_where = false;
            }
            b"BETWEEN" | b"AND" if self.in_where => self.expects_value = true,
            b"IN" if self.in_where => self.list = Some(self.depth),
            _ => {}
        }
        Some(())
    }

    fn symbol(&mut self, first: u8) -> Option<()> {
        let second = self.rest.get(1).copied();
        if (first == b'-' && second == Some(b'-')) || (first == b'/' && second == Some(b'*')) {
            return None;
        }
        if first == 1 {
            return None;
        }
        self.keep(1);
        match first {
            b'(' => {
                self.expects_value = self.in_where && self.list == Some(self.depth);
                self.depth += 1;
            }
            b')' => {
                self.depth = self.depth.checked_sub(1)?;
                if self.list == Some(self.depth) {
                    self.list = None;
                }
                self.expects_value = false;
            }
            b',' => {
                self.expects_value =
                    self.in_where && self.list.is_some_and(|depth| depth + 1 == self.depth);
            }
            b'=' | b'<' | b'>' => self.expects_value = self.in_where,
            _ if first.is_ascii_whitespace() => {}
            _ => self.expects_value = false,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        normalise(one) == normalise(other)
    }

    #[test]
    fn literals_compared_in_where_do_not_count() {
        assert!(same(
            "SELECT a FROM t WHERE id = 5",
            "SELECT a FROM t WHERE id = 77"
        ));
        assert!(same(
            "SELECT a FROM t WHERE id IN (1,2) AND x<3",
            "SELECT a FROM t WHERE id IN (8,9) AND x<4"
        ));
        assert!(same(
            "SELECT a FROM t WHERE x BETWEEN 1.5 AND 2",
            "SELECT a FROM t WHERE x BETWEEN 0.25 AND 3"
        ));
        assert!(same(
            "SELECT a FROM t WHERE s='x'",
            "SELECT a FROM t WHERE s='yy'"
        ));
    }

    #[test]
    fn whatever_may_decide_a_column_counts() {
        assert!(!same("SELECT 1 FROM t", "SELECT 2 FROM t"));
        assert!(!same(
            "SELECT a=1 FROM t WHERE id=5",
            "SELECT a=2 FROM t WHERE id=5"
        ));
        assert!(
            !same(
                "SELECT a FROM t WHERE id = 5",
                "SELECT a FROM t WHERE id = 5.5"
            ),
            "another kind of literal"
        );
        assert!(!same(
            "SELECT a FROM t WHERE id = 5",
            "SELECT a FROM t WHERE id = '5'"
        ));
        assert!(
            !same("SELECT a FROM t WHERE f(1)", "SELECT a FROM t WHERE f(2)"),
            "an argument of a function"
        );
        assert!(!same(
            "SELECT a FROM t WHERE id=1 LIMIT 1",
            "SELECT a FROM t WHERE id=1 LIMIT 2"
        ));
        assert!(!same(
            "SELECT a FROM t WHERE id=1+1",
            "SELECT a FROM t WHERE id=1+2"
        ));
        assert!(!same(
            "SELECT a FROM t WHERE s=X'41'",
            "SELECT a FROM t WHERE s=X'42'"
        ));
        assert!(!same(
            "SELECT a FROM t WHERE s='é'",
            "SELECT a FROM t WHERE s='è'"
        ));
        assert!(!same(
            "SELECT (SELECT b FROM u WHERE c=1) FROM t WHERE id=1",
            "SELECT (SELECT b FROM u WHERE c=2) FROM t WHERE id=1"
        ));
    }

    #[test]
    fn broken_text_is_left_alone() {
        for text in [
            "SELECT 'a",
            "SELECT a FROM t WHERE s='it''s'",
            "))",
            "SELECT a -- 1",
            "",
        ] {
            assert_eq!(normalise(text), text.as_bytes());
        }
    }
}
