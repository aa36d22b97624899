//! The crate `qapi` on tokio, on one thread or with `multi=1` on several.

mod events;
mod many;
mod one;
mod upload;

use std::sync::Arc;

use bench_measure::{Failure, Report, Task};
use qapi::futures::{QapiEvents, QapiService, QapiStream, QmpStreamTokio};
use qapi::qmp::query_version;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::net::UnixStream;
use tokio::runtime::Builder;

type Service = QapiService<QmpStreamTokio<WriteHalf<UnixStream>>>;
type Events = QapiEvents<QmpStreamTokio<ReadHalf<UnixStream>>>;
type Both = QapiStream<QmpStreamTokio<ReadHalf<UnixStream>>, QmpStreamTokio<WriteHalf<UnixStream>>>;

fn main() -> Result<(), Failure> {
    let task = Task::from_arguments()?;
    let mut builder = match task.has("multi") {
        true => Builder::new_multi_thread(),
        false => Builder::new_current_thread(),
    };
    builder.enable_all().build()?.block_on(run(Arc::new(task)))?.print();
    Ok(())
}

async fn run(task: Arc<Task>) -> Result<Report, Failure> {
    match task.workload.as_str() {
        "round-trip" => one::round_trip(&task).await,
        "in-flight" => one::in_flight(&task).await,
        "schema-value" => one::schema_value(&task).await,
        "schema-owned" => one::schema_owned(&task).await,
        "string" => one::string(&task).await,
        "connect" => one::connect_again(&task).await,
        "agent" => one::agent(&task).await,
        "events-typed" => events::typed(&task).await,
        "idle" => many::idle(&task).await,
        "busy" => many::busy(&task).await,
        "upload" => upload::upload(&task).await,
        _ => Err(task.unknown()),
    }
}

async fn open(task: &Task) -> Result<Both, Failure> {
    Ok(QmpStreamTokio::open_uds(&task.socket).await?.negotiate().await?)
}

/// With a task that reads.
async fn connect(task: &Task) -> Result<Service, Failure> {
    Ok(open(task).await?.spawn_tokio().0)
}

async fn repeat(qemu: &Service, count: usize) -> Result<(), Failure> {
    for _ in 0..count {
        if qemu.execute(query_version {}).await?.qemu.major < 2 {
            return Err("this is no version of QEMU".into());
        }
    }
    Ok(())
}
