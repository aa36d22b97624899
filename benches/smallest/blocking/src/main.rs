//! A minimal program with qmp-blocking: queries the version.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let socket = std::env::args().nth(2).ok_or("which socket?")?;
    let qemu = qmp_blocking::connect(format!("unix:{socket}"))?;
    let version: serde_json::Value = qemu.execute("query-version").run()?.decode()?;
    println!("QEMU {}", version["qemu"]["major"]);
    Ok(())
}
