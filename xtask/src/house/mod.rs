//! `cargo xtask house`: counts the lines of code of each crate, and finds files that import each
//! other in a circle.

mod circles;
mod lines;
#[cfg(test)]
mod public;
mod sources;

use anyhow::Result;

use crate::workspace;
use circles::circles;
use lines::code_lines;
use sources::Sources;

/// The published crates.
const CRATES: [&str; 8] = [
    "qmp-proto",
    "qmp-sockets",
    "qmp-driver",
    "qmp-blocking",
    "qmp-tokio",
    "qmp-smol",
    "qmp-mock",
    "qmp-cli",
];

pub(crate) fn run(_: &[String]) -> Result<()> {
    let mut total = 0;
    let mut found = Vec::new();
    println!("lines of code, without blank lines, comments and tests:");
    for name in CRATES {
        let sources = Sources::read(&workspace::root().join(name))?;
        let lines: usize = sources.files.iter().map(|file| code_lines(&file.text)).sum();
        println!("{lines:>7}  {name}");
        total += lines;
        found.extend(circles(&sources)?.into_iter().map(|circle| (name, circle)));
    }
    println!("{total:>7}  in all");
    println!("\ncircles of files: {}", found.len());
    for (name, circle) in found {
        println!("  {name}:");
        for (from, to, names) in circle {
            println!("    {from} -> {to}: {}", names.join(", "));
        }
    }
    Ok(())
}
