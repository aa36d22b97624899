//! The coverage of each file.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The files of one folder, by their path in it.
pub(super) struct Report {
    files: BTreeMap<String, File>,
}

struct File {
    source: Vec<String>,
    /// How often each line with code ran, by line number from 1.
    runs: BTreeMap<usize, u64>,
}

impl Report {
    /// Reads lcov's text format and the sources that it names below `folder`.
    pub(super) fn new(folder: &Path, lcov: &str) -> Result<Self> {
        let mut files: BTreeMap<String, File> = BTreeMap::new();
        let mut current = None;
        for line in lcov.lines() {
            if let Some(path) = line.strip_prefix("SF:") {
                current = match Path::new(path).strip_prefix(folder) {
                    Ok(name) => {
                        let name = name.display().to_string();
                        if !files.contains_key(&name) {
                            files.insert(name.clone(), File::read(Path::new(path))?);
                        }
                        files.get_mut(&name)
                    }
                    Err(_) => None,
                };
            } else if let (Some(file), Some(data)) = (&mut current, line.strip_prefix("DA:")) {
                file.add(data);
            }
        }
        Ok(Self { files })
    }

    /// Returns the lines that never ran, as `file:line: text`.
    pub(super) fn uncovered(&self) -> String {
        let mut text = String::new();
        for (name, file) in &self.files {
            for (number, _) in file.runs.iter().filter(|(_, runs)| **runs == 0) {
                let line = file.source.get(number - 1).map_or("", |line| line.trim());
                // Writing to a string cannot fail.
                let _ = writeln!(text, "qmp-proto/src/{name}:{number}: {line}");
            }
        }
        text
    }
}

impl File {
    /// The source up to its tests, which are at the bottom and are not measured.
    fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
        Ok(Self { source: lines.map(str::to_owned).collect(), runs: BTreeMap::new() })
    }

    /// Parses `LINE,RUNS`, possibly followed by more.
    fn add(&mut self, data: &str) {
        let mut numbers = data.split(',').map_while(|number| number.parse::<u64>().ok());
        let (Some(line), Some(runs)) = (numbers.next(), numbers.next()) else {
            return;
        };
        let Ok(line) = usize::try_from(line) else {
            return;
        };
        if line <= self.source.len() {
            *self.runs.entry(line).or_default() += runs;
        }
    }

    fn covered(&self) -> usize {
        self.runs.values().filter(|runs| **runs > 0).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut covered, mut all) = (0, 0);
        for (name, file) in &self.files {
            write_line(f, name, file.covered(), file.runs.len())?;
            covered += file.covered();
            all += file.runs.len();
        }
        write_line(f, "all", covered, all)
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, name: &str, covered: usize, all: usize) -> fmt::Result {
    // Line counts are far below what an f64 represents exactly.
    #[allow(clippy::cast_precision_loss)]
    let percent = if all == 0 { 100.0 } else { 100.0 * covered as f64 / all as f64 };
    writeln!(f, "{name:<40} {covered:>5} of {all:>5} lines {percent:>6.1} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_other_folders_and_of_test_modules_do_not_count() {
        let folder = std::env::temp_dir().join(format!("xtask-coverage-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.rs");
        fs::write(&file, "fn a() {\n    b();\n    c();\n}\n#[cfg(test)]\nmod tests {}\n").unwrap();
        let lcov = format!(
            "SF:/elsewhere/z.rs\nDA:1,0\nend_of_record\n\
             SF:{0}\nDA:1,1\nDA:2,0\nDA:3,0\nDA:6,0\nend_of_record\n\
             SF:{0}\nDA:3,7\nend_of_record\n",
            file.display()
        );
        let report = Report::new(&folder, &lcov).unwrap();
        assert_eq!(report.uncovered(), "qmp-proto/src/a.rs:2: b();\n");
        assert!(report.to_string().contains("2 of     3 lines   66.7 %"), "{report}");
        fs::remove_dir_all(folder).unwrap();
    }
}
