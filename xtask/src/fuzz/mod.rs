//! `cargo xtask fuzz`: runs libFuzzer on the laws of qmp-proto.
//!
//! A nightly compiler is not needed: the counters that libFuzzer reads are inserted by an LLVM pass
//! that every compiler has.

mod log;
mod program;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{fs, thread};

use anyhow::{Context, Result, bail};

use crate::{lock, process, workspace};
use log::Log;
use program::Program;

/// The number of targets that run at a time.
const LANES: usize = 2;

/// The options with which LLVM inserts counters of branches and comparisons.
const COUNTERS: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebuginfo=line-tables-only",
];

pub(crate) fn run(args: &[String]) -> Result<()> {
    let wish = Wish::read(args, &targets()?)?;
    let _lock = lock::lock(&wish.folder)?;
    let programs = build(&wish)?;
    let dictionary = workspace::root().join("fuzz/qmp.dict");
    let waiting = Mutex::new(programs.iter());
    let next = || waiting.lock().ok().and_then(|mut waiting| waiting.next());
    let (waiting_for, seconds) = (wish.targets.len().div_ceil(LANES), wish.seconds);
    println!("fuzz: {} targets, about {} s", wish.targets.len(), waiting_for as u64 * seconds);
    let logs: Vec<Result<Log>> = thread::scope(|scope| {
        let lane = || {
            let mut logs = Vec::new();
            while let Some(program) = next() {
                let log = program.run(seconds, &dictionary);
                if let Ok(log) = &log {
                    println!("{log}");
                }
                logs.push(log);
            }
            logs
        };
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap_or_default()).collect()
    });
    let logs = logs.into_iter().collect::<Result<Vec<_>>>()?;
    match logs.iter().filter(|log| log.finding.is_some()).count() {
        0 => Ok(()),
        count => bail!("{count} targets found an input that breaks their law"),
    }
}

/// The arguments of the chore.
#[derive(Debug)]
struct Wish {
    targets: Vec<String>,
    seconds: u64,
    folder: PathBuf,
}

impl Wish {
    fn read(args: &[String], all: &[String]) -> Result<Self> {
        let mut wish = Self { targets: Vec::new(), seconds: 60, folder: workspace::target("fuzz") };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
            match &arg[..] {
                "--seconds" => {
                    let seconds = value()?;
                    wish.seconds = seconds
                        .parse()
                        .with_context(|| format!("{seconds:?} is not a number of seconds"))?;
                }
                "--in" => wish.folder = std::path::absolute(value()?)?,
                name if all.iter().any(|target| target == name) => {
                    wish.targets.push(name.to_owned());
                }
                name => bail!("no target is called {name:?}; there are {}", all.join(", ")),
            }
        }
        if wish.targets.is_empty() {
            wish.targets = all.to_vec();
        }
        Ok(wish)
    }
}

/// Returns the names of the targets.
fn targets() -> Result<Vec<String>> {
    let folder = workspace::root().join("fuzz/targets");
    let files =
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for file in files {
        let path = file?.path();
        names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Builds the targets, and writes their seeds.
fn build(wish: &Wish) -> Result<Vec<Program>> {
    check_compiler()?;
    let host = workspace::rustc_says("host")?;
    let manifest = workspace::root().join("fuzz/Cargo.toml");
    let output = wish.folder.join("build");
    let cargo = |command: &str| {
        let mut cargo = workspace::cargo();
        cargo.args([command, "--locked", "--manifest-path"]).arg(&manifest);
        cargo.arg("--target-dir").arg(&output);
        cargo
    };
    let seeds = wish.folder.join("seeds");
    let mut write = cargo("run");
    // This does not contain libFuzzer itself.
    write.args(["--no-default-features", "--example", "seeds", "--"]).arg(&seeds);
    process::run(&mut write)?;
    let mut build = cargo("build");
    // With an explicit target, build scripts are compiled without counters.
    build.args(["--release", "--bins", "--target", &host]);
    process::run(build.env("CARGO_ENCODED_RUSTFLAGS", COUNTERS.join("\x1F")))?;
    let programs = output.join(host).join("release");
    let program = |name: &String| Program::new(name, &programs, &wish.folder);
    wish.targets.iter().map(program).collect()
}

/// libFuzzer is distributed as C++ source.
fn check_compiler() -> Result<()> {
    let chosen = std::env::var_os("CXX");
    let found = match &chosen {
        Some(compiler) => {
            Path::new(compiler).is_file() || compiler.to_str().and_then(process::find).is_some()
        }
        None => process::find("c++").is_some(),
    };
    if !found {
        bail!(
            "libFuzzer needs a C++ compiler; install one, for example with `apt-get install g++`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Wish> {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Wish::read(&args, &targets().unwrap())
    }

    #[test]
    fn all_targets_are_meant_unless_some_are_named() {
        let wish = read(&["--seconds", "7"]).unwrap();
        assert_eq!((wish.targets, wish.seconds), (targets().unwrap(), 7));
        let wish = read(&["split", "--in", "/somewhere"]).unwrap();
        assert_eq!((wish.targets, wish.folder), (vec!["split".to_owned()], "/somewhere".into()));
    }

    #[test]
    fn what_is_not_known_is_named() {
        let error = read(&["splat"]).unwrap_err().to_string();
        assert!(error.contains("\"splat\"") && error.contains("split"), "{error}");
        assert!(read(&["--seconds"]).is_err() && read(&["--seconds", "x"]).is_err());
    }
}
