//! Measures the cost of building a program with each library, and its size.

use std::fs;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use crate::options::Options;
use crate::process::{Output, run, size};

/// The smallest programs that use a library.
const PROGRAMS: [(&str, &str); 7] = [
    ("smallest-blocking", "qmp-blocking"),
    ("smallest-tokio", "qmp-tokio"),
    ("smallest-smol", "qmp-smol"),
    ("smallest-qapi", "qapi 0.15, blocking, with its types"),
    ("smallest-qapi-tokio", "qapi 0.15, tokio, with its types"),
    ("smallest-qmp", "qmp 0.1.1"),
    ("smallest-floor", "the standard library"),
];

#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) program: &'static str,
    pub(crate) what: &'static str,
    pub(crate) wall_ns: f64,
    pub(crate) cpu_ns: f64,
    /// The maximum memory of one of its processes.
    pub(crate) peak_bytes: f64,
    pub(crate) crates: usize,
    pub(crate) size: f64,
}

impl Build {
    pub(crate) fn json(&self) -> Value {
        json!({
            "program": self.program, "wall_ns": self.wall_ns, "cpu_ns": self.cpu_ns,
            "peak_bytes": self.peak_bytes, "crates": self.crates, "size": self.size,
        })
    }
}

/// Builds each into an empty folder, for release, with its dependencies already downloaded.
pub(crate) fn measure(options: &Options, results: &mut crate::results::Results) -> Result<()> {
    let folder = options.output.join("build");
    for (program, what) in PROGRAMS.into_iter().filter(|(name, _)| options.wants_client(name)) {
        eprintln!("build: {what}");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.current_dir(&options.sources).args(["build", "--profile", "smallest", "--locked"]);
        build.args(["--package", program]).env("CARGO_TARGET_DIR", &folder);
        let figures = run(&mut build, Output::Figures)?;
        let figure = |name| figures.get(name).copied().unwrap_or_default();
        let fingerprints = fs::read_dir(folder.join("smallest/.fingerprint"))?.count();
        results.builds.push(Build {
            program,
            what,
            wall_ns: figure("process_wall_ns"),
            cpu_ns: figure("process_cpu_ns"),
            peak_bytes: figure("process_bytes"),
            crates: fingerprints,
            size: size(&folder.join("smallest").join(program))?,
        });
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}
