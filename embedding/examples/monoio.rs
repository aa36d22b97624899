//! The core alone in monoio, a completion-based runtime: reads and writes are passed to the kernel
//! (io_uring, or epoll where it is not available) together with their buffers, and futures stay on
//! the thread that spawned them. Prints the status of each QEMU, and then its events until it
//! exits.
//!
//! ```text
//! cargo run -p embedding --example monoio -- /run/one.qmp /run/two.qmp
//! ```

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::error::Error;
use std::hash::{BuildHasher, Hasher};
use std::process::ExitCode;
use std::rc::Rc;

use monoio::buf::IoBufMut;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::UnixStream;
use qmp_proto::{Client, Escaped, Options, Received, Request, SendErrorKind};

/// The size of a read.
const ROOM: usize = 16 * 1024;

#[monoio::main(driver = "fusion")]
async fn main() -> ExitCode {
    let failed = Rc::new(Cell::new(false));
    let tasks: Vec<_> = std::env::args()
        .skip(1)
        .map(|path| {
            let failed = Rc::clone(&failed);
            monoio::spawn(async move {
                if let Err(error) = watch(&path).await {
                    eprintln!("monoio: {path}: {error}");
                    failed.set(true);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await;
    }
    if failed.get() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn watch(path: &str) -> Result<(), Box<dyn Error>> {
    let mut stream = UnixStream::connect(path).await?;
    let mut client: Client<&str> = Client::monitor(Options::monitor());
    // The kernel owns both during an operation, and then returns them.
    let (mut input, mut output) = (Vec::new(), Vec::new());
    loop {
        let unused = input.len();
        input.reserve(ROOM);
        let (count, filled) = stream.read(input.slice_mut(unused..)).await;
        input = filled.into_inner();
        if count? == 0 {
            return Ok(client.handle_end()?);
        }
        let used = handle(path, &mut client, &input, &mut output)?;
        input.drain(..used);
        if !output.is_empty() {
            let (written, sent) = stream.write_all(output).await;
            written?;
            output = sent;
            output.clear();
        }
    }
}

/// Handles all received messages, and returns how many bytes were consumed.
fn handle(
    path: &str,
    client: &mut Client<&'static str>,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<usize, Box<dyn Error>> {
    let mut used = 0;
    loop {
        let step = client.handle_input(&input[used..])?;
        used += step.used;
        match step.received {
            None => return Ok(used),
            Some(Received::Greeting(greeting)) => {
                println!("{path}: QEMU {}", greeting.version().unwrap_or_default());
                client.negotiate(output, RandomState::new().build_hasher().finish(), &[])?;
            }
            Some(Received::Ready) => {
                client.execute(output, Request::new("query-status"), "status").map_err(reason)?;
            }
            Some(Received::Reply(answer)) => match answer.outcome {
                Ok(reply) => println!("{path}: {}: {}", answer.token, reply.json()?),
                Err(failure) => println!("{path}: {}: {failure}", answer.token),
            },
            Some(Received::Event(event)) => println!("{path}: event {}", Escaped(event.name())),
            Some(other) => println!("{path}: {other:?}"),
        }
    }
}

fn reason<T>(refused: qmp_proto::SendError<T>) -> SendErrorKind {
    refused.reason
}
