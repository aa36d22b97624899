//! The same bytes without a library.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

fn main() -> Result<(), Box<dyn Error>> {
    let socket = std::env::args().nth(2).ok_or("which socket?")?;
    let mut stream = UnixStream::connect(socket)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    for command in ["qmp_capabilities", "query-version"] {
        stream.write_all(format!("{{\"execute\":\"{command}\"}}").as_bytes())?;
        line.clear();
        reader.read_line(&mut line)?;
    }
    let major = line.split_once("\"major\": ").ok_or("this is no version")?.1;
    println!("QEMU {}", major.split(['}', ',']).next().unwrap_or_default());
    Ok(())
}
