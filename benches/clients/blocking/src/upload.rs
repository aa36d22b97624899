//! Uploads a file to a guest.

use base64::prelude::*;
use bench_measure::{Clock, Failure, Report, Task};
use serde_json::Value;

pub(crate) fn upload(task: &Task) -> Result<Report, Failure> {
    let (size, chunk) = (task.number("size")?, task.number("chunk")?);
    let agent = qmp_blocking::connect_agent(format!("unix:{}", task.socket))?;
    let path = std::env::var("BENCH_FILE")?;
    let content = vec![b'x'; chunk];
    let clock = Clock::start();
    let open = agent.execute("guest-file-open").argument("path", &path).argument("mode", "w");
    let handle: i64 = open.run()?.decode()?;
    for _ in 0..size / chunk {
        let write = agent.execute("guest-file-write").argument("handle", handle);
        let written = write.argument("buf-b64", BASE64_STANDARD.encode(&content)).run()?;
        let written: Value = written.decode()?;
        if written["count"] != chunk {
            return Err(format!("not written: {written}").into());
        }
    }
    agent.execute("guest-file-close").argument("handle", handle).run()?;
    Ok(clock.stop(size >> 20))
}
