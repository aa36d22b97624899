//! The versions of QEMU to test with.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// The variable that names the list when `cargo xtask test` runs the tests.
const LIST: &str = "QMP_TEST_QEMU";

/// The programs of one version of QEMU.
#[derive(Clone, Debug)]
pub struct Suite {
    version: String,
    bin: PathBuf,
}

/// Runs a test on one version.
pub fn on(version: &str, test: impl FnOnce(&Suite)) {
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

/// Prints a message even if the test passes, although output of passing tests is captured.
pub fn notice(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn list() -> PathBuf {
    match env::var_os(LIST) {
        Some(list) => PathBuf::from(list),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/qemu/versions"),
    }
}

impl Suite {
    /// The version, such as `7.2`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The first number of the version.
    pub fn major(&self) -> u32 {
        let (major, _) = self.version.split_once('.').unwrap();
        major.parse().unwrap()
    }

    /// Whether a client that connects during the start may be served by two threads of the server
    /// at once, which lose bytes to each other. True before QEMU 10.
    pub fn is_old(&self) -> bool {
        self.major() < 10
    }

    /// Whether slow tests run; they run only on the newest version.
    pub fn is_newest(&self) -> bool {
        self.version == "11.1"
    }

    /// Returns the path of one of its programs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Returns one of its programs, with empty input.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.path(name));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a program to its end, and returns its output.
    pub fn output(&self, name: &str, arguments: &[&str]) -> String {
        let output = self.program(name).args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}
