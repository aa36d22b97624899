//! A minimal program with qmp-smol: queries the version.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let socket = std::env::args().nth(2).ok_or("which socket?")?;
    smol::block_on(async {
        let qemu = qmp_smol::connect(format!("unix:{socket}")).await?;
        let version: serde_json::Value = qemu.execute("query-version").await?.decode()?;
        println!("QEMU {}", version["qemu"]["major"]);
        Ok(())
    })
}
