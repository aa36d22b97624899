//! A flood of events, received by the task that polls the reader.

use bench_measure::{Clock, Failure, Report, Tally, Task};
use bench_qapi::{Flood, count};
use futures::{FutureExt, StreamExt, pin_mut, select_biased};

use crate::{Events, Service, open};

pub(crate) async fn typed(task: &Task) -> Result<Report, Failure> {
    let sent = task.count()?;
    let (qemu, events) = open(task).await?.into_parts();
    tokio::spawn(async move { read(qemu, events, sent).await }).await?
}

async fn read(qemu: Service, events: Events, sent: usize) -> Result<Report, Failure> {
    let mut tally = Tally::default();
    let clock = Clock::start();
    let flood = qemu.execute(Flood { count: sent }).fuse();
    let events = StreamExt::fuse(events);
    pin_mut!(flood, events);
    loop {
        let event = select_biased! {
            event = events.next() => event,
            answer = flood => {
                answer?;
                continue;
            }
        };
        if count(&mut tally, &event.ok_or("the connection has ended")??)? {
            return tally.finish(clock, sent);
        }
    }
}
