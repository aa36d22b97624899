//! Extracts the two programs that the README compares, so that a test can compile and run them.

use std::path::Path;
use std::{env, fs};

/// A line of each program, and the name of its file.
const PROGRAMS: [(&str, &str); 2] =
    [("qmp_blocking::types::{BlockdevAdd", "ours.rs"), ("use qapi::qmp::{", "qapi.rs")];

fn main() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    println!("cargo::rerun-if-changed={}", readme.display());
    println!("cargo::rerun-if-changed=build.rs");
    let text = fs::read_to_string(&readme).expect("the README is readable");
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let blocks: Vec<&str> = text.split("```").skip(1).step_by(2).collect();
    for (line, file) in PROGRAMS {
        let mut found = blocks.iter().filter(|block| block.contains(line));
        let (Some(block), None) = (found.next(), found.next()) else {
            panic!("expected one program with `{line}` in the README");
        };
        let (_, program) = block.split_once('\n').expect("a block begins with its language");
        // The test runs them, with a socket of its own.
        let program = program.replace("fn main()", "pub(super) fn main()");
        let program = program.replace("\"unix:/run/vm.qmp\"", "crate::address().as_str()");
        let program = program.replace("\"/run/vm.qmp\"", "crate::socket()");
        assert!(!program.contains("/run/vm.qmp"), "another socket in {file}");
        fs::write(Path::new(&folder).join(file), program).expect("OUT_DIR is writable");
    }
}
