//! `cargo xtask test`: runs every test on every QEMU.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tiers::TIERS;
use crate::{guest, process, python, qemu, workspace};

/// The variable with which tests find the list of QEMUs.
const QEMU_LIST: &str = "QMP_TEST_QEMU";

/// The variable with which tests find the Python clients.
const PYTHON_FILE: &str = "QMP_TEST_PYTHON";

/// The workspace of the third-party Rust clients.
pub(crate) const FOREIGN: &str = "qmp-mock/foreign/Cargo.toml";

/// The variable with which tests find the programs of the examples.
const EXAMPLES: &str = "QMP_TEST_EXAMPLES";

/// The variable with which tests find the list of guests.
const GUEST_LIST: &str = "QMP_TEST_GUEST";

pub(crate) fn run(args: &[String]) -> Result<()> {
    for version in qemu::install(&[])? {
        println!("QEMU {}: {}", version.name, version.bin.display());
    }
    let guests = guest::build()?;
    let python = python::install()?;
    let mut reports = Vec::new();
    for part in parts() {
        println!("\n== {}", part.name);
        let report = part.run(args)?;
        println!("== {}: {}", part.name, report.summary());
        reports.push((part.name, report));
    }
    println!();
    for (name, report) in &reports {
        println!("{name:<26} {}", report.summary());
    }
    for version in qemu::not_run()? {
        println!("not run: every test on QEMU {version}");
    }
    for (version, guest) in &guests {
        if let Err(why) = guest {
            println!("not run: every test with a guest of QEMU {version}: {why}");
        }
    }
    if let Err(why) = python {
        println!("not run: every test with the Python clients: {why}");
    }
    judge(&reports, !args.is_empty())
}

/// Packages and features whose tests run together.
struct Part {
    name: String,
    selection: Vec<&'static str>,
}

fn parts() -> Vec<Part> {
    let part = |name: &str, selection: &[&'static str]| Part {
        name: name.to_owned(),
        selection: selection.to_vec(),
    };
    let mut parts = vec![part("libraries", &["--workspace", "--exclude", "xtask"])];
    // The libraries' own run includes the last tier, which the other crates need.
    for tier in &TIERS[..TIERS.len() - 1] {
        let selection = [&["--package", "qmp-proto"], tier.args].concat();
        parts.push(part(&format!("qmp-proto, {} tier", tier.name), &selection));
    }
    let tracing = ["--package", "qmp-tokio", "--features", "tracing", "--test", "tracing"];
    parts.push(part("feature tracing", &tracing));
    let clients = ["--manifest-path", FOREIGN, "--locked"];
    parts.push(part("third-party clients", &clients));
    parts.push(part("xtask", &["--package", "xtask"]));
    parts
}

/// The results of a part.
#[derive(Default)]
struct Report {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// Whether cargo succeeded: a test program that crashes, for example, reports no count of
    /// failures.
    success: bool,
    time: Duration,
}

impl Part {
    /// Runs the tests, passes their output on and counts them.
    fn run(&self, args: &[String]) -> Result<Report> {
        let start = Instant::now();
        let mut command = workspace::cargo();
        command.args(["test", "--no-fail-fast"]).args(&self.selection).args(args);
        command.env(QEMU_LIST, qemu::list_file()).env(GUEST_LIST, guest::list_file());
        command.env(PYTHON_FILE, python::programs_file());
        if args.is_empty() && self.selection.contains(&"--workspace") {
            // Cargo builds them before it runs the first test.
            command.env(EXAMPLES, workspace::build_folder().join("debug/examples"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let shown = process::display(&command);
        let mut tests = command.spawn().with_context(|| format!("cannot start {shown}"))?;
        let mut report = Report::default();
        if let Some(output) = tests.stdout.take() {
            for line in BufReader::new(output).lines() {
                let line = line.with_context(|| format!("cannot read the output of {shown}"))?;
                println!("{line}");
                report.count(&line);
            }
        }
        report.success = tests.wait()?.success();
        report.time = start.elapsed();
        Ok(report)
    }
}

impl Report {
    /// Adds up a line such as `test result: ok. 17 passed; 0 failed; 1 ignored; ...`.
    fn count(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let counts = result.split_once(". ").map_or("", |(_verdict, counts)| counts);
        for (number, what) in counts.split("; ").filter_map(|item| item.split_once(' ')) {
            let number = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    fn ran(&self) -> u64 {
        self.passed + self.failed
    }

    fn summary(&self) -> String {
        let verdict = if self.success { "" } else { "FAILED, " };
        format!(
            "{verdict}{} passed, {} failed, {} ignored in {:.1} s",
            self.passed,
            self.failed,
            self.ignored,
            self.time.as_secs_f32()
        )
    }
}

/// A filter may leave a part without tests, but not all of them.
fn judge(reports: &[(String, Report)], filtered: bool) -> Result<()> {
    let names = |choice: &dyn Fn(&Report) -> bool| {
        let chosen = reports.iter().filter(|(_, report)| choice(report));
        chosen.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join("; ")
    };
    let failed = names(&|report| !report.success);
    if !failed.is_empty() {
        bail!("tests failed: {failed}");
    }
    let empty = names(&|report| report.ran() == 0);
    if reports.iter().all(|(_, report)| report.ran() == 0) || !filtered && !empty.is_empty() {
        bail!("not a single test ran: {empty}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(line: &str) -> Report {
        let mut report = Report { success: true, ..Report::default() };
        report.count(line);
        report
    }

    #[test]
    fn results_of_several_test_programs_add_up() {
        let mut sum = report("test result: ok. 17 passed; 0 failed; 1 ignored; 0 measured");
        sum.count("test some::name ... ok");
        sum.count("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured");
        assert_eq!((sum.passed, sum.failed, sum.ignored), (19, 3, 1));
    }

    #[test]
    fn a_part_without_tests_is_a_failure_unless_a_filter_asked_for_it() {
        let some = || ("some".to_owned(), report("test result: ok. 1 passed; 0 failed; 0 ignored"));
        let none = || ("none".to_owned(), report("test result: ok. 0 passed; 0 failed; 4 ignored"));
        assert!(judge(&[some(), some()], false).is_ok());
        assert!(judge(&[some(), none()], true).is_ok());
        let error = judge(&[some(), none()], false).unwrap_err().to_string();
        assert_eq!(error, "not a single test ran: none");
        assert!(judge(&[none(), none()], true).is_err());
    }

    #[test]
    fn a_part_that_cargo_calls_failed_is_named() {
        let mut died = report("test result: ok. 1 passed; 0 failed; 0 ignored");
        died.success = false;
        let error = judge(&[("died".to_owned(), died)], false).unwrap_err().to_string();
        assert_eq!(error, "tests failed: died");
    }
}
