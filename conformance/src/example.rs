//! Example programs, for tests that run them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The variable that names the folder of the examples if they are built already, as by `cargo test`
/// for whole packages.
const FOLDER: &str = "QMP_TEST_EXAMPLES";

/// Returns the path of an example's program. Builds it first, once per process, unless the variable
/// `QMP_TEST_EXAMPLES` names a folder that contains it.
pub fn example(package: &str, name: &str) -> PathBuf {
    static BUILT: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    if let Some(folder) = std::env::var_os(FOLDER) {
        let program = PathBuf::from(folder).join(name);
        assert!(program.is_file(), "{FOLDER} has no {name}");
        return program;
    }
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_default();
    built.entry(format!("{package}/{name}")).or_insert_with(|| build(package, name)).clone()
}

fn build(package: &str, name: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", package, "--example", name]);
    // Some build scripts would take the variables that cargo sets for tests as a change.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&*name);
        }
    }
    let built = build.stdin(Stdio::null()).status();
    assert!(built.unwrap().success(), "the example {name} of {package} does not build");
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().and_then(|folder| folder.parent()).unwrap();
    folder.join("examples").join(name)
}
