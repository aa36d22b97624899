//! Runs the workloads, alternating between clients, and writes down what they cost.
//!
//! `cargo xtask bench` builds everything and calls this; what it prepares (QEMUs, a Python with
//! `qemu.qmp`, a Go program) it hands over in the options.

mod builds;
mod catalogue;
mod client;
mod machine;
mod measuring;
mod options;
mod plots;
mod process;
mod results;
mod server;
mod tables;
mod targets;

use std::fs;

use anyhow::{Context, Result, bail};

use measuring::measure;
use options::Options;
use results::Results;

/// What is not a workload, but a figure too.
const BUILD: &str = "build";

fn main() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut results = Results::new(&options);
    let workloads = catalogue::workloads(&options);
    let builds = options.wants(BUILD) && (!options.quick || options.only.is_some());
    if workloads.is_empty() && !builds {
        bail!("no workload and client is called {}", options.only.as_deref().unwrap_or_default());
    }
    for workload in &workloads {
        measure(workload, &options, &mut results)?;
        print!("{}", tables::one(workload, &results));
    }
    if builds {
        builds::measure(&options, &mut results)?;
        print!("{}", tables::builds(&results));
    }
    let verdicts = targets::judge(&results);
    print!("{}", targets::table(&verdicts));
    fs::create_dir_all(&options.output)?;
    write(&options, "results.json", &results.json(&verdicts))?;
    if options.is_complete() {
        let folder = options.docs.as_deref().unwrap_or(&options.output);
        fs::create_dir_all(folder)?;
        fs::write(folder.join("results.md"), tables::document(&workloads, &results, &verdicts))?;
        plots::draw_all(&workloads, &results, folder)?;
        println!("\nwritten: {}", folder.display());
    } else {
        plots::draw_all(&workloads, &results, &options.output)?;
    }
    println!("written: {}", options.output.display());
    results.fail_on_errors()
}

fn write(options: &Options, name: &str, text: &str) -> Result<()> {
    let file = options.output.join(name);
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}
