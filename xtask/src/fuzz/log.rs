//! The output of a libFuzzer run.

use std::fmt;
use std::path::PathBuf;

/// The figures of one run.
#[derive(Debug, Default)]
pub(super) struct Log {
    target: String,
    executions: u64,
    seconds: u64,
    /// Branches taken, at the start and at the end.
    edges: (u64, u64),
    /// Branches, distinguished by how often they were taken.
    features: u64,
    /// The number of inputs that were kept.
    pub(super) corpus: usize,
    pub(super) finding: Option<Finding>,
}

/// An input that breaks a law.
#[derive(Debug, Default)]
pub(super) struct Finding {
    pub(super) input: PathBuf,
    said: String,
    /// The command that reproduces it.
    pub(super) again: String,
}

impl Log {
    pub(super) fn read(target: &str, success: bool, text: &str) -> Self {
        let mut log = Self { target: target.to_owned(), ..Self::default() };
        for line in text.lines() {
            if let Some(count) = number_after(line, "stat::number_of_executed_units:") {
                log.executions = count;
            }
            if let Some(seconds) = line.strip_prefix("Done ") {
                log.seconds = number_after(seconds, "runs in").unwrap_or(0);
            }
            if let (true, Some(edges)) = (line.starts_with('#'), number_after(line, "cov:")) {
                if line.contains("INITED") {
                    log.edges.0 = edges;
                }
                log.edges.1 = edges;
                log.features = number_after(line, "ft:").unwrap_or(log.features);
            }
        }
        if !success {
            let written = "Test unit written to ";
            let input = text.lines().find_map(|line| Some(line.split_once(written)?.1));
            log.finding = Some(Finding {
                input: input.unwrap_or_default().into(),
                said: said(text),
                again: String::new(),
            });
        }
        log
    }
}

/// Returns the panic, or otherwise the end of the output.
fn said(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let panic = lines.iter().position(|line| line.contains(" panicked at "));
    let from = panic.unwrap_or_else(|| lines.len().saturating_sub(4));
    lines[from..].iter().take(4).map(|line| shortened(line)).collect::<Vec<_>>().join("\n")
}

fn shortened(line: &str) -> String {
    line.chars().take(400).collect()
}

fn number_after(line: &str, word: &str) -> Option<u64> {
    let after = line.split_once(word)?.1.trim_start();
    let digits = after.find(|char: char| !char.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, executions, seconds, edges, features, corpus, finding } = self;
        if let Some(Finding { input, said, again }) = finding {
            let input = input.display();
            return write!(f, "{target}: FOUND {input}\n{said}\nagain: {again}");
        }
        write!(
            f,
            "{target:<14} {executions:>11} inputs in {seconds:>5} s, {:>5} edges (at first {:>5}), \
             {features:>6} features, {corpus:>5} inputs kept",
            edges.1, edges.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "INFO: seed corpus: files: 3\n\
        #4\tINITED cov: 9 ft: 10 corp: 3/5b exec/s: 0 rss: 27Mb\n\
        #656\tNEW    cov: 12 ft: 15 corp: 4/9b lim: 8 exec/s: 0 rss: 27Mb\n\
        #700\tDONE   cov: 12 ft: 15 corp: 4/9b lim: 8 exec/s: 0 rss: 27Mb\n\
        Done 700 runs in 21 second(s)\n\
        stat::number_of_executed_units: 700\n";

    #[test]
    fn figures_are_read() {
        let log = Log::read("x", true, RUN);
        assert_eq!((log.executions, log.seconds, log.edges, log.features), (700, 21, (9, 12), 15));
        assert!(log.finding.is_none());
    }

    #[test]
    fn a_finding_is_shown_with_what_it_said() {
        let text = "#4\tINITED cov: 9 ft: 10\nthread '<unnamed>' (1) panicked at src/x.rs:1:2:\n\
            no progress\nartifact_prefix='a/'; Test unit written to a/crash-01\n";
        let mut log = Log::read("x", false, text);
        log.finding.as_mut().unwrap().again = "x a/crash-01".into();
        let shown = log.to_string();
        assert!(shown.starts_with("x: FOUND a/crash-01\n"), "{shown}");
        assert!(shown.contains("no progress") && shown.ends_with("again: x a/crash-01"), "{shown}");
    }
}
