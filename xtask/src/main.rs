//! The project's chores. `cargo xtask help` lists them.

// For code shared with a library without `std`.
extern crate alloc;

mod audit;
mod bench;
mod ci;
mod coverage;
mod debian;
mod demo;
mod firmware;
mod folder;
mod fuzz;
mod guest;
mod house;
mod lock;
mod loom;
mod msrv;
mod mutants;
mod no_std;
mod outcome;
mod process;
mod publish;
mod python;
mod qemu;
mod server;
mod test;
mod tiers;
mod tool;
mod vocabulary;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// A chore of `cargo xtask`.
struct Chore {
    name: &'static str,
    args: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<()>,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "qemu",
        args: "[VERSION...]",
        about: "unpack several versions of QEMU side by side under target/qemu",
        run: qemu::run,
    },
    Chore {
        name: "guest",
        args: "",
        about: "create guests with the agents of these versions under target/guest",
        run: guest::run,
    },
    Chore {
        name: "python",
        args: "",
        about: "install the Python clients that test our servers, under target/python",
        run: python::run,
    },
    Chore {
        name: "test",
        args: "[ARGS...]",
        about: "run every test on every QEMU; ARGS go to cargo test",
        run: test::run,
    },
    Chore {
        name: "ci",
        args: "",
        about: "run every check of a change: style, lints, docs, features, tests",
        run: ci::run,
    },
    Chore {
        name: "loom",
        args: "[ARGS...]",
        about: "try every order in which threads can take the driver's locks",
        run: loom::run,
    },
    Chore {
        name: "no-std",
        args: "",
        about: "prove that no tier of qmp-proto needs std",
        run: no_std::run,
    },
    Chore {
        name: "firmware",
        args: "",
        about: "run the core on bare metal, in WebAssembly and on Linux without std; measure it",
        run: firmware::run,
    },
    Chore {
        name: "msrv",
        args: "",
        about: "compile the published crates with the minimum supported Rust version",
        run: msrv::run,
    },
    Chore {
        name: "house",
        args: "",
        about: "count the lines of code of each crate, and find files that import each other",
        run: house::run,
    },
    Chore {
        name: "audit",
        args: "",
        about: "check the dependencies' licences, sources and advisories",
        run: audit::run,
    },
    Chore {
        name: "publish",
        args: "",
        about: "check that the crates can be published: packages, minimal versions, other systems, semver",
        run: publish::run,
    },
    Chore {
        name: "bench",
        args: "[ARGS...]",
        about: "compare the library with its peers; --quick, --only NAME, --instructions",
        run: bench::run,
    },
    Chore {
        name: "coverage",
        args: "",
        about: "measure which lines of qmp-proto its tests cover",
        run: coverage::run,
    },
    Chore {
        name: "fuzz",
        args: "[TARGET...]",
        about: "search for inputs that break a law of qmp-proto; --seconds N, --in FOLDER",
        run: fuzz::run,
    },
    Chore {
        name: "mutants",
        args: "[ARGS...]",
        about: "find small bugs in qmp-proto that its tests do not detect; --shard K/N for a part",
        run: mutants::run,
    },
    Chore {
        name: "vocabulary",
        args: "[distil|--check]",
        about: "generate qmp-types from its facts; distil: extract the facts from QEMU's schema files",
        run: vocabulary::run,
    },
    Chore { name: "demo", args: "", about: "show the library with a real QEMU", run: demo::run },
    Chore { name: "help", args: "", about: "list the chores", run: help },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    let Some((name, rest)) = args.split_first() else {
        return help(&[]);
    };
    let name = match name.as_str() {
        "-h" | "--help" => "help",
        name => name,
    };
    match CHORES.iter().find(|chore| chore.name == name) {
        Some(chore) => (chore.run)(rest),
        None => bail!("unknown chore {name:?}; `cargo xtask help` lists all chores"),
    }
}

// Returns a `Result` only to fit the table.
#[allow(clippy::unnecessary_wraps)]
fn help(_: &[String]) -> Result<()> {
    println!("cargo xtask CHORE [ARGS...]\n");
    for chore in CHORES {
        let call = format!("{} {}", chore.name, chore.args);
        println!("  {call:<20} {}", chore.about);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chore_has_a_name_of_its_own() {
        for (index, chore) in CHORES.iter().enumerate() {
            assert!(CHORES[..index].iter().all(|earlier| earlier.name != chore.name));
        }
    }

    #[test]
    fn an_unknown_chore_is_refused_by_name() {
        let error = dispatch(&["polish".into()]).unwrap_err().to_string();
        assert!(error.contains("\"polish\""), "{error}");
        assert!(error.contains("cargo xtask help"), "{error}");
    }
}
