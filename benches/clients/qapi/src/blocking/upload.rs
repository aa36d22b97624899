//! Uploads a file to a guest.

use std::os::unix::net::UnixStream;

use bench_measure::{Clock, Failure, Report, Task};
use qapi::Qga;
use qapi::qga::{guest_file_close, guest_file_open, guest_file_write};

pub(crate) fn upload(task: &Task) -> Result<Report, Failure> {
    let (size, chunk) = (task.number("size")?, task.number("chunk")?);
    let stream = UnixStream::connect(&task.socket)?;
    let mut agent = Qga::from_stream(&stream);
    agent.guest_sync(7)?;
    let path = std::env::var("BENCH_FILE")?;
    let content = vec![b'x'; chunk];
    let clock = Clock::start();
    let handle = agent.execute(&guest_file_open { path, mode: Some("w".into()) })?;
    for _ in 0..size / chunk {
        let write = guest_file_write { handle, buf_b64: content.clone(), count: None };
        let written = agent.execute(&write)?;
        if written.count as usize != chunk {
            return Err(format!("{} bytes were written", written.count).into());
        }
    }
    agent.execute(&guest_file_close { handle })?;
    Ok(clock.stop(size >> 20))
}
