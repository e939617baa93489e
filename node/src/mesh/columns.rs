//! Lays cells out in columns.

use std::iter;

use unicode_width::UnicodeWidthStr as _;

/// Between two columns.
const GAP: usize = 2;

/// Writes rows under their headings, each column as wide as its widest cell. Nothing is cut.
pub fn layout<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().filter_map(|row| row.get(column).map(|cell| cell.width()));
        let heading = headings.get(column).map_or(0, |heading| heading.width());
        cells.fold(heading, usize::max)
    });
    let mut text = String::new();
    line(&mut text, headings.iter().copied(), &widths);
    for row in rows {
        line(&mut text, row.iter().map(String::as_str), &widths);
    }
    text
}

/// How wide a terminal is at least.
const WIDTH: usize = 80;

/// Writes a text in lines that fit a terminal, each after an indent. A word that is too long stands alone.
pub fn paragraph(text: &str, indent: &str) -> String {
    let mut lines = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let wide = word.width();
        if used > 0 && used + 1 + wide <= WIDTH {
            lines.push(' ');
            used += 1 + wide;
        } else {
            if used > 0 {
                lines.push('\n');
            }
            lines.push_str(indent);
            used = indent.width() + wide;
        }
        lines.push_str(word);
    }
    lines.push('\n');
    lines
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>, widths: &[usize]) {
    for (cell, width) in cells.zip(widths) {
        text.push_str(cell);
        text.extend(iter::repeat_n(' ', width.saturating_sub(cell.width()) + GAP));
    }
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraph_breaks_between_words_and_never_within_one() {
        let long = "x".repeat(90);

        assert_eq!(paragraph("a b", "  "), "  a b\n");
        assert_eq!(paragraph(&format!("a {long} b"), ""), format!("a\n{long}\nb\n"));
        let words = paragraph(&"word ".repeat(40), "  ");
        assert!(words.lines().all(|line| line.chars().count() <= 80), "{words}");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_with_text() {
        let rows = [["eth1".to_owned(), "a".to_owned()], ["e".to_owned(), String::new()]];

        assert_eq!(layout(["LINK", "NAME"], &rows), "LINK  NAME\neth1  a\ne\n");
        assert_eq!(layout(["LINK", "NAME"], &[]), "LINK  NAME\n");
        let wide = [["屋上".to_owned(), "a".to_owned()], ["abcd".to_owned(), "b".to_owned()]];
        assert_eq!(layout(["L", "N"], &wide), "L     N\n屋上  a\nabcd  b\n");
    }
}
