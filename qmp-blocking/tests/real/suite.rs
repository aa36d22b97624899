//! The versions of QEMU to test with.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// Names the list when `cargo xtask test` runs the tests.
const LIST: &str = "QMP_TEST_QEMU";

/// Makes a module of each function, with a test for each version in it.
macro_rules! on_every_qemu {
    ($($subject:ident),+ $(,)?) => { $(
        mod $subject {
            use crate::suite::on;

            #[test]
            fn v5_2() {
                on("5.2", super::$subject);
            }

            #[test]
            fn v7_2() {
                on("7.2", super::$subject);
            }

            #[test]
            fn v10_0() {
                on("10.0", super::$subject);
            }

            #[test]
            fn v11_1() {
                on("11.1", super::$subject);
            }
        }
    )+ };
}

/// The programs of one version of QEMU.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    version: String,
    bin: PathBuf,
}

impl Suite {
    /// `7.2`, say.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn major(&self) -> u32 {
        let (major, _) = self.version.split_once('.').unwrap();
        major.parse().unwrap()
    }

    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a program to its end, and returns what it printed.
    pub(crate) fn output(&self, name: &str, arguments: &[&str]) -> String {
        let output = self.program(name).args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Runs a test on one version.
pub(crate) fn on(version: &str, test: fn(&Suite)) {
    let list = list();
    let text = fs::read_to_string(&list).unwrap_or_else(|error| {
        panic!("no QEMU for the tests: run `cargo xtask qemu` first ({}: {error})", list.display())
    });
    let found = text.lines().find_map(|line| {
        let (name, bin) = line.split_once('\t')?;
        (name == version).then_some(bin)
    });
    match found {
        Some(why) if why.starts_with("not run") => notice(&format!("QEMU {version}: {why}")),
        Some(bin) => {
            println!("QEMU {version} of {bin}");
            test(&Suite { version: version.to_owned(), bin: PathBuf::from(bin) });
        }
        None => panic!("QEMU {version} is not in {}: run `cargo xtask qemu` first", list.display()),
    }
}

/// Says something that must be seen though the test passes, which hides what it prints.
pub(crate) fn notice(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn list() -> PathBuf {
    match env::var_os(LIST) {
        Some(list) => PathBuf::from(list),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/qemu/versions"),
    }
}
