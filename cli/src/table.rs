//! Columns of text, aligned. Pure.

/// Rows of cells; the last column is not padded.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Without a header.
    pub fn plain() -> Self {
        Self { rows: Vec::new() }
    }

    /// With a header.
    pub fn with_header<const N: usize>(header: [&str; N]) -> Self {
        Self {
            rows: vec![header.map(str::to_owned).to_vec()],
        }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// All rows, each ended by a line feed.
    pub fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(&format!("{cell:<width$}  "));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_line_up_and_lines_have_no_blanks_at_the_end() {
        let mut table = Table::with_header(["A", "LONG"]);
        table.row(["wide cell".into(), String::new()]);
        table.row(["é".into(), "x".into()]);
        assert_eq!(table.text(), "A          LONG\nwide cell\né          x\n");
    }
}
