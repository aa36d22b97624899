//! The least one can do with qmp-blocking and its types: ask for the version.

use std::error::Error;

use qmp_blocking::types::QueryVersion;

fn main() -> Result<(), Box<dyn Error>> {
    let socket = std::env::args().nth(2).ok_or("which socket?")?;
    let qemu = qmp_blocking::connect(format!("unix:{socket}"))?;
    println!("QEMU {}", qemu.call(&QueryVersion::new()).run()?.qemu.major);
    Ok(())
}
