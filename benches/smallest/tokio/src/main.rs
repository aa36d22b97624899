//! A minimal program with qmp-tokio: queries the version.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let socket = std::env::args().nth(2).ok_or("which socket?")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let qemu = qmp_tokio::connect(format!("unix:{socket}")).await?;
        let version: serde_json::Value = qemu.execute("query-version").await?.decode()?;
        println!("QEMU {}", version["qemu"]["major"]);
        Ok(())
    })
}
