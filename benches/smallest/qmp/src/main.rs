//! A minimal program with qmp: queries the version.

use std::error::Error;

use qmp::{Client, Endpoint};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let socket = std::env::args().nth(2).ok_or("which socket?")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let qemu = Client::connect(Endpoint::unix(socket)).await?;
        let version: Value = qemu.execute("query-version", None::<()>).await?;
        println!("QEMU {}", version["qemu"]["major"]);
        Ok(())
    })
}
