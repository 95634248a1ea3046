//! Tables of figures, as Markdown that reads well as it is.

use std::fmt;

/// A table with a line of headings.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<T: Into<String>>(headings: impl IntoIterator<Item = T>) -> Self {
        Self { rows: vec![headings.into_iter().map(Into::into).collect()] }
    }

    pub(crate) fn add<T: Into<String>>(&mut self, row: impl IntoIterator<Item = T>) {
        self.rows.push(row.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        let width = |column: usize| {
            self.rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or_default().max(3)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            write!(f, "|")?;
            for (column, &width) in widths.iter().enumerate() {
                write!(f, " {:<width$} |", cell(row, column))?;
            }
            writeln!(f)?;
            if index == 0 {
                write!(f, "|")?;
                widths.iter().try_for_each(|width| write!(f, " {} |", "-".repeat(*width)))?;
                writeln!(f)?;
            }
        }
        Ok(())
    }
}
