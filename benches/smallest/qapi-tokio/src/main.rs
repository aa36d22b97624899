//! A minimal program with qapi on tokio: queries the version.

use std::error::Error;

use qapi::futures::QmpStreamTokio;
use qapi::qmp::query_version;

fn main() -> Result<(), Box<dyn Error>> {
    let socket = std::env::args().nth(2).ok_or("which socket?")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut qemu = QmpStreamTokio::open_uds(socket).await?.negotiate().await?;
        println!("QEMU {}", qemu.execute(query_version {}).await?.qemu.major);
        Ok(())
    })
}
