//! Uploads a file to a guest.

use bench_measure::{Clock, Failure, Report, Task};
use qapi::futures::QgaStreamTokio;
use qapi::qga::{guest_file_close, guest_file_open, guest_file_write};

pub(crate) async fn upload(task: &Task) -> Result<Report, Failure> {
    let (size, chunk) = (task.number("size")?, task.number("chunk")?);
    let (agent, _reader) = QgaStreamTokio::open_uds(&task.socket).await?.spawn_tokio();
    agent.guest_sync(7).await?;
    let path = std::env::var("BENCH_FILE")?;
    let content = vec![b'x'; chunk];
    let clock = Clock::start();
    let handle = agent.execute(guest_file_open { path, mode: Some("w".into()) }).await?;
    for _ in 0..size / chunk {
        let write = guest_file_write { handle, buf_b64: content.clone(), count: None };
        let written = agent.execute(write).await?;
        if written.count as usize != chunk {
            return Err(format!("{} bytes were written", written.count).into());
        }
    }
    agent.execute(guest_file_close { handle }).await?;
    Ok(clock.stop(size >> 20))
}
