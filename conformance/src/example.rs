//! Examples of the adapters, as programs for tests.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Builds an example, and returns the program.
pub fn example(package: &str, name: &str) -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", package, "--example", name]);
    // What cargo tells tests, some build scripts would take for a change.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&*name);
        }
    }
    let built = build.stdin(Stdio::null()).status();
    assert!(built.unwrap().success(), "the example {name} does not build");
    let program = std::env::current_exe().unwrap();
    program.parent().unwrap().parent().unwrap().join("examples").join(name)
}
