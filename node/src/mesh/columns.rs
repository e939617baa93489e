//! Lays cells out in columns.

use std::fmt::Write as _;

/// Between two columns.
const GAP: usize = 2;

/// Writes rows under their headings, each column as wide as its widest cell. Nothing is cut.
pub fn layout<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().filter_map(|row| row.get(column).map(|cell| cell.chars().count()));
        let heading = headings.get(column).map_or(0, |heading| heading.chars().count());
        cells.fold(heading, usize::max)
    });
    let mut text = String::new();
    line(&mut text, headings.iter().copied(), &widths);
    for row in rows {
        line(&mut text, row.iter().map(String::as_str), &widths);
    }
    text
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>, widths: &[usize]) {
    for (cell, width) in cells.zip(widths) {
        // A String takes any text; writing to it cannot fail.
        let _ = write!(text, "{cell:width$}{:GAP$}", "");
    }
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_with_text() {
        let rows = [["eth1".to_owned(), "a".to_owned()], ["e".to_owned(), String::new()]];

        assert_eq!(layout(["LINK", "NAME"], &rows), "LINK  NAME\neth1  a\ne\n");
        assert_eq!(layout(["LINK", "NAME"], &[]), "LINK  NAME\n");
    }
}
