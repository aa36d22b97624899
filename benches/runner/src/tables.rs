//! Results as Markdown that is readable as plain text.

use std::fmt::Write as _;

use crate::catalogue::{Column, Unit, Workload};
use crate::client::Client;
use crate::plots;
use crate::results::Results;
use crate::targets::{self, Verdict};

/// Writes everything of a complete run.
pub(crate) fn document(workloads: &[Workload], results: &Results, verdicts: &[Verdict]) -> String {
    let mut text = String::from(
        "<!-- Written by `cargo xtask bench`; ../performance.md explains it. -->\n\n# Results\n\n",
    );
    for (name, what) in &results.machine {
        let _ = writeln!(text, "- {name}: {what}");
    }
    let _ = writeln!(
        text,
        "- rounds: {}; each figure is their median, ± half of what they span",
        results.rounds
    );
    for workload in workloads {
        text += &one(workload, results);
        for plot in plots::names(workload) {
            let _ = writeln!(text, "\n![{}]({plot}.svg)", workload.heading());
        }
    }
    text + &builds(results) + &targets::table(verdicts)
}

/// One workload.
pub(crate) fn one(workload: &Workload, results: &Results) -> String {
    let mut text = format!("\n## {}\n\n`--only {}`\n\n", workload.heading(), workload.name);
    match &workload.points[..] {
        [_] => single(&mut text, workload, results),
        _ => series(&mut text, workload, results),
    }
    text
}

/// One row per client.
fn single(text: &mut String, workload: &Workload, results: &Results) {
    let mut rows = Vec::new();
    let mut heading = vec!["client".to_owned(), "what".to_owned()];
    heading.extend(workload.columns.iter().map(|column| column.heading.to_owned()));
    heading.insert(3, "±".to_owned());
    heading.extend(["× floor".into(), "× ours".into()]);
    rows.push(heading);
    for name in &workload.clients {
        let Some(client) = Client::named(name) else { continue };
        let mut row = vec![(*name).to_owned(), client.what.to_owned()];
        if let Some(why) = results.not_run(workload.name, 0, name) {
            row.push(format!("not run: {why}"));
            row.resize(rows[0].len(), String::new());
            rows.push(row);
            continue;
        }
        for column in workload.columns {
            row.push(cell(results.median(workload.name, 0, name, column.figure), column));
        }
        let first = workload.columns[0].figure;
        let spread = results.spread(workload.name, 0, name, first);
        row.insert(3, spread.map_or_else(String::new, |spread| spread.percent()));
        let against = |other: Option<&str>| {
            let other = other.filter(|other| other != name)?;
            results.ratio((workload.name, 0), name, other, first)
        };
        let factor = |ratio: Option<f64>| ratio.map_or(String::new(), |it| format!("{it:.2}"));
        row.push(factor(against(Some(client.floor))));
        row.push(factor(against(client.ours)));
        rows.push(row);
    }
    table(text, &rows);
}

/// One row per size, one column per client.
fn series(text: &mut String, workload: &Workload, results: &Results) {
    for column in workload.columns {
        let _ = writeln!(text, "{}:\n", column.heading);
        let mut rows = vec![vec![workload.points[0].numbers[0].0.to_owned()]];
        rows[0].extend(workload.clients.iter().map(|client| (*client).to_owned()));
        for (index, point) in workload.points.iter().enumerate() {
            let mut row = vec![point.at.to_string()];
            row.extend(workload.clients.iter().map(|client| {
                match results.not_run(workload.name, index, client) {
                    Some(_) => "not run".to_owned(),
                    None => {
                        cell(results.median(workload.name, index, client, column.figure), column)
                    }
                }
            }));
            rows.push(row);
        }
        table(text, &rows);
        text.push('\n');
    }
}

/// The cost of building.
pub(crate) fn builds(results: &Results) -> String {
    let mut text = String::new();
    if results.builds.is_empty() {
        return text;
    }
    text += "\n## The smallest program built from nothing, for release\n\n`--only build`\n\n";
    let mut rows = vec![
        ["program", "on", "wall", "CPU", "peak memory", "crates", "size"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for build in &results.builds {
        rows.push(vec![
            build.program.to_owned(),
            build.what.to_owned(),
            unit(build.wall_ns, Unit::Nanoseconds),
            unit(build.cpu_ns, Unit::Nanoseconds),
            unit(build.peak_bytes, Unit::Bytes),
            build.crates.to_string(),
            unit(build.size, Unit::Bytes),
        ]);
    }
    table(&mut text, &rows);
    text
}

/// Rows with columns of equal width; the first is the heading.
pub(crate) fn table(text: &mut String, rows: &[Vec<String>]) {
    let columns = rows[0].len();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for (index, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "| {cell:<width$} ");
        }
        text.push_str("|\n");
        if index == 0 {
            let lines = widths.iter().map(|width| "-".repeat(width + 2));
            let _ = writeln!(text, "|{}|", lines.collect::<Vec<_>>().join("|"));
        }
    }
}

fn cell(figure: Option<f64>, column: &Column) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| unit(figure, column.unit))
}

/// Formats a figure with three digits and its unit.
pub(crate) fn unit(figure: f64, unit: Unit) -> String {
    let (figure, name) = match unit {
        Unit::Nanoseconds if figure < 1e3 => (figure, " ns"),
        Unit::Nanoseconds if figure < 1e6 => (figure / 1e3, " µs"),
        Unit::Nanoseconds if figure < 1e9 => (figure / 1e6, " ms"),
        Unit::Nanoseconds => (figure / 1e9, " s"),
        Unit::Bytes if figure < 1e3 => (figure, " B"),
        Unit::Bytes if figure < 1e6 => (figure / 1e3, " kB"),
        Unit::Bytes => (figure / 1e6, " MB"),
        Unit::Number => (figure, ""),
    };
    match figure.abs() {
        whole if whole.fract() == 0.0 || whole >= 100.0 => format!("{figure:.0}{name}"),
        ten if ten >= 10.0 => format!("{figure:.1}{name}"),
        _ => format!("{figure:.2}{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        assert_eq!(unit(12_345.0, Unit::Nanoseconds), "12.3 µs");
        assert_eq!(unit(2e9, Unit::Nanoseconds), "2 s");
        assert_eq!(unit(1_234_567.0, Unit::Bytes), "1.23 MB");
        assert_eq!(unit(34.0, Unit::Number), "34");
    }
}
