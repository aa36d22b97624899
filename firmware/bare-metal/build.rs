//! Passes the target's memory layout to the linker.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let layout = PathBuf::from("memory").join(format!("{arch}.x"));
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::copy(&layout, out.join("memory.x"))?;
    println!("cargo::rerun-if-changed={}", layout.display());
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    Ok(())
}
