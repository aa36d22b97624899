//! Runs the workloads, alternating between clients, and records their cost.
//!
//! `cargo xtask bench` builds everything and calls this program; it passes what it has prepared
//! (QEMUs, a Python with `qemu.qmp`, a Go program) in the options.

mod agreement;
mod builds;
mod catalogue;
mod client;
mod cores;
mod machine;
mod measuring;
mod options;
mod plots;
mod process;
mod results;
mod server;
mod spread;
mod tables;
mod targets;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use cores::{Available, Cores};
use measuring::measure;
use options::Options;
use results::Results;

/// Figures that are not workloads.
const BUILD: &str = "build";

fn main() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    if let Some(other) = &options.compare {
        let folder = options.docs.as_deref().unwrap_or(&options.output);
        let said = agreement::compare(&folder.join("results.json"), other)?;
        fs::write(folder.join("agreement.md"), format!("# Two runs\n\n{said}"))?;
        print!("{said}");
        return Ok(());
    }
    let mut results = Results::new(&options);
    let workloads = catalogue::workloads(&options);
    let builds = options.wants(BUILD) && (!options.quick || options.only.is_some());
    if workloads.is_empty() && !builds {
        bail!("no workload and client is called {}", options.only.as_deref().unwrap_or_default());
    }
    let cores = Available::look()?;
    for workload in &workloads {
        cores.give(workload.cores)?;
        measure(workload, &options, &mut results)?;
        print!("{}", tables::one(workload, &results));
    }
    cores.give(Cores::All)?;
    if builds {
        builds::measure(&options, &mut results)?;
        print!("{}", tables::builds(&results));
    }
    let verdicts = targets::judge(&results);
    print!("{}", targets::table(&verdicts));
    let folder = match &options.docs {
        Some(docs) if options.is_complete() => docs,
        _ => &options.output,
    };
    fs::create_dir_all(folder)?;
    write(&folder.join("results.json"), &results.json(&verdicts))?;
    write(&folder.join("results.md"), &tables::document(&workloads, &results, &verdicts))?;
    plots::draw_all(&workloads, &results, folder)?;
    println!("\nwritten: {}", folder.display());
    results.fail_on_errors()
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
