//! One connection to an agent.

use bench_measure::{Clock, Failure, Report, Task};

use crate::wire::{Lines, Wire};

async fn connect<W: Wire>(task: &Task) -> Result<Lines<W>, Failure> {
    let mut agent = Lines::<W>::connect(&task.socket).await?;
    let sync = b"{\"execute\":\"guest-sync\",\"arguments\":{\"id\":7},\"id\":0}\n";
    agent.ask(sync, 1).await?;
    Ok(agent)
}

pub(crate) async fn round_trip<W: Wire>(task: &Task) -> Result<Report, Failure> {
    let mut agent = connect::<W>(task).await?;
    let command = b"{\"execute\":\"guest-ping\",\"id\":0}\n";
    let (warm_up, count) = (task.warm_up()?, task.count()?);
    W::spawn(async move {
        for _ in 0..warm_up {
            agent.ask(command, 1).await?;
        }
        let clock = Clock::start();
        for _ in 0..count {
            agent.ask(command, 1).await?;
        }
        Ok(clock.stop(count))
    })
    .await
}

/// The file's content is prepared, too.
pub(crate) async fn upload<W: Wire>(task: &Task) -> Result<Report, Failure> {
    let (size, chunk) = (task.number("size")?, task.number("chunk")?);
    let mut agent = connect::<W>(task).await?;
    let path = std::env::var("BENCH_FILE")?;
    let open = format!(
        "{{\"execute\":\"guest-file-open\",\"arguments\":{{\"path\":\"{path}\",\"mode\":\"w\"}},\"id\":0}}\n"
    );
    // "xxx" in base64.
    let content = "eHh4".repeat(chunk / 3);
    let clock = Clock::start();
    let answer = agent.ask_text(open.as_bytes()).await?;
    let handle: String = answer.chars().skip_while(|it| !it.is_ascii_digit()).collect();
    let handle = handle.split_once(|it: char| !it.is_ascii_digit()).map_or("", |(it, _)| it);
    let write = format!(
        "{{\"execute\":\"guest-file-write\",\"arguments\":{{\"handle\":{handle},\"buf-b64\":\"{content}\"}},\"id\":0}}\n"
    );
    for _ in 0..size / chunk {
        agent.ask(write.as_bytes(), 1).await?;
    }
    let close = format!(
        "{{\"execute\":\"guest-file-close\",\"arguments\":{{\"handle\":{handle}}},\"id\":0}}\n"
    );
    agent.ask(close.as_bytes(), 1).await?;
    Ok(clock.stop(size >> 20))
}
