//! Ten thousand connections, and what each costs.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

#[path = "../../../conformance/scale/mod.rs"]
mod scale;

use std::sync::{Mutex, PoisonError};

use scale::{Running, Tasks};

const PEER: &str = "the_other_end_greets_and_answers";

/// Memory is counted for the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn block_on(future: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap().block_on(future);
}

impl Tasks for qmp_tokio::Tokio {
    fn run(task: impl Future<Output = ()> + Send + 'static) -> Running {
        let task = tokio::spawn(task);
        Box::pin(async { task.await.unwrap() })
    }
}

#[test]
fn ten_thousand_idle_connections_take_little_memory() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    block_on(scale::ten_thousand_idle_connections::<qmp_tokio::Tokio>("tokio", PEER));
}

#[test]
fn a_thousand_busy_connections_get_their_own_answers() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    block_on(scale::a_thousand_busy_connections::<qmp_tokio::Tokio>("tokio", PEER));
}

/// In the process that is started as the other end, it serves until it is killed.
#[test]
fn the_other_end_greets_and_answers() {
    scale::the_other_end(PEER);
}
