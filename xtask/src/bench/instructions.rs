//! Counts the instructions of the core's hot paths, so that a slower one is detected without a
//! timer.
//!
//! The counts depend on the compiler and on the vector instructions that memchr finds, so the file
//! has a line for each path and each of those settings that was recorded.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::outcome::Outcome;
use crate::{process, workspace};

/// The accepted increase.
const TOLERANCE: f64 = 0.03;

/// Only instructions inside this function are counted.
const COUNTED: &str = "bench_core::paths::Paths::take";

type Counts = BTreeMap<String, f64>;

/// Counts, and compares with the recorded numbers.
pub(crate) fn check() -> Result<Outcome> {
    let setting = setting()?;
    let Some(recorded) = read(&setting)? else {
        let why = format!(
            "no counts are recorded for {setting}; run `cargo xtask bench --instructions --record`"
        );
        return Ok(Outcome::NotRun(why));
    };
    let counted = match count()? {
        Ok(counted) => counted,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    println!("{:<20} {:>12} {:>12}  change ({setting})", "path", "recorded", "now");
    let mut worse = Vec::new();
    for (path, now) in &counted {
        let Some(before) = recorded.get(path) else {
            bail!("{path} is not recorded; run `cargo xtask bench --instructions --record`");
        };
        let change = now / before - 1.0;
        println!("{path:<20} {before:>12.0} {now:>12.0}  {:+.1} %", 100.0 * change);
        if change > TOLERANCE {
            worse.push(format!("{path} takes {:.1} % more", 100.0 * change));
        }
    }
    if !worse.is_empty() {
        bail!(
            "{}; to accept the new counts, run `cargo xtask bench --instructions --record`",
            worse.join(", ")
        );
    }
    Ok(Outcome::Passed)
}

/// Counts, and records the numbers.
pub(super) fn record() -> Result<()> {
    let setting = setting()?;
    let counted = match count()? {
        Ok(counted) => counted,
        Err(why) => bail!("{why}"),
    };
    let text = fs::read_to_string(file()).unwrap_or_default();
    let others = text.lines().filter(|line| !line.starts_with(&format!("{setting}\t")));
    let mut lines: Vec<String> = others.map(str::to_owned).collect();
    lines.extend(counted.iter().map(|(path, count)| format!("{setting}\t{path}\t{count:.0}")));
    fs::write(file(), lines.join("\n") + "\n")?;
    println!("recorded in {}", file().display());
    Ok(())
}

fn file() -> PathBuf {
    workspace::root().join("benches/core/instructions.tsv")
}

/// The setting, such as `x86_64-unknown-linux-gnu avx2 rustc 1.95`.
fn setting() -> Result<String> {
    let release = workspace::rustc_says("release")?;
    let minor: Vec<&str> = release.split('.').take(2).collect();
    let host = workspace::rustc_says("host")?;
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let vectors = if cpu.split_whitespace().any(|flag| flag == "avx2") { "avx2 " } else { "" };
    Ok(format!("{host} {vectors}rustc {}", minor.join(".")))
}

fn read(setting: &str) -> Result<Option<Counts>> {
    let text = fs::read_to_string(file()).with_context(|| format!("{}", file().display()))?;
    let counts: Counts = text.lines().filter_map(|line| entry(line, setting)).collect();
    Ok((!counts.is_empty()).then_some(counts))
}

/// Returns the path and count of a line that is of this setting.
fn entry(line: &str, setting: &str) -> Option<(String, f64)> {
    let mut words = line.split('\t');
    let known = words.next()? == setting;
    let (path, count) = (words.next()?, words.next()?.parse().ok()?);
    known.then(|| (path.to_owned(), count))
}

/// Returns the instructions of one iteration of each path, or why they cannot be counted.
fn count() -> Result<Result<Counts, String>> {
    if process::find("valgrind").is_none() {
        let why =
            "valgrind is not installed; install it, for example with `apt-get install valgrind`";
        return Ok(Err(why.to_owned()));
    }
    let program = super::build(&["--package", "bench-core", "--bin", "paths"])?.join("paths");
    let mut counts = Counts::new();
    for path in process::read(&mut Command::new(&program))?.lines() {
        // One iteration gives an exact count; more of them average out occasional work.
        let times = if path.contains("207k") { 10 } else { 100 };
        counts.insert(path.to_owned(), run(&program, path, times)? / f64::from(times));
    }
    Ok(Ok(counts))
}

fn run(program: &Path, path: &str, times: u32) -> Result<f64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(format!("--toggle-collect={COUNTED}"));
    valgrind.arg(program).args([path, &times.to_string()]);
    let output = process::collect(&mut valgrind)?;
    let counted = output.stderr.lines().find_map(|line| line.split_once("Collected : "));
    let counted = counted.and_then(|(_, count)| count.trim().parse::<f64>().ok());
    match counted.filter(|count| output.success && *count > 0.0) {
        Some(count) => Ok(count),
        None => bail!("{} counted nothing:\n{}", process::display(&valgrind), output.stderr),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_the_setting_count() {
        let line = "x86_64 rustc 1.95\troute-event\t1216";
        assert_eq!(entry(line, "x86_64 rustc 1.95"), Some(("route-event".to_owned(), 1216.0)));
        assert_eq!(entry(line, "x86_64 rustc 1.9"), None);
        assert_eq!(entry("", "x86_64 rustc 1.95"), None);
    }
}
