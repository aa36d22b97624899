//! Tables for people.

use qmp_blocking::Escaped;

/// Writes rows under headings, in columns that are as wide as their longest entry.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|it| escaped(it))).collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headings[column].len()]).max().unwrap_or_default()
    });
    let mut text = line(&headings, &widths);
    for row in &rows {
        text += &line(&row.each_ref().map(String::as_str), &widths);
    }
    text
}

fn line(cells: &[&str], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, &width)| format!("{cell:width$}"));
    let line: Vec<_> = cells.collect();
    format!("{}\n", line.join("  ").trim_end())
}

fn escaped(text: &str) -> String {
    Escaped(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_nothing_is_obeyed() {
        let rows = [["1".to_owned(), "\u{1b}[2J".to_owned()], ["22222".to_owned(), String::new()]];
        assert_eq!(table(["PID", "NAME"], &rows), "PID    NAME\n1      \\u{1b}[2J\n22222\n");
    }
}
