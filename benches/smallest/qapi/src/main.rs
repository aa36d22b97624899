//! A minimal program with qapi: queries the version.

use std::error::Error;
use std::os::unix::net::UnixStream;

use qapi::Qmp;
use qapi::qmp::query_version;

fn main() -> Result<(), Box<dyn Error>> {
    let socket = std::env::args().nth(2).ok_or("which socket?")?;
    let stream = UnixStream::connect(socket)?;
    let mut qemu = Qmp::from_stream(&stream);
    qemu.handshake()?;
    println!("QEMU {}", qemu.execute(&query_version {})?.qemu.major);
    Ok(())
}
