//! What every asynchronous server must do: with a client of ours, and with whatever else may
//! connect. Both ends are in this process. The adapters' tests run it, each on its runtimes.

mod accepting;
mod agent;
mod commands;
mod descriptors;
mod ends;
mod events;
mod hostile;
mod raw;

use std::future::poll_fn;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use qmp_driver::server::{self, Commands};
use qmp_driver::{Client, Runtime, Socket};

pub(crate) use accepting::*;
pub(crate) use agent::*;
pub(crate) use commands::*;
pub(crate) use descriptors::*;
pub(crate) use ends::*;
pub(crate) use events::*;
pub(crate) use hostile::*;

/// More than anything takes, on a machine that is busy with something else.
const PLENTY: Duration = Duration::from_secs(60);

/// Makes a module with a test for each scenario, on runtime `$runtime`, by the function
/// `$block_on`.
macro_rules! serve_on {
    ($name:ident, $runtime:ty, $block_on:expr) => {
        mod $name {
            use crate::serving::serve_on;

            serve_on!(@ $runtime, $block_on,
                commands_come_in_order_and_are_answered
                answers_come_from_many_tasks_in_any_order
                an_answer_that_cannot_be_sent_is_an_error_at_both_ends
                the_next_command_is_not_read_before_the_answer
                an_out_of_band_command_passes_those_that_wait
                what_cannot_be_understood_is_answered_beneath
                an_event_is_there_before_the_answer
                nobody_gets_events_who_has_not_negotiated
                events_are_sent_as_they_were_given
                an_event_that_cannot_be_sent_is_an_error
                closing_writes_what_was_said
                dropping_the_commands_answers_all_of_them
                a_half_closed_client_gets_its_answers
                a_client_that_leaves_is_obeyed
                aborting_ends_it_at_once
                dropping_the_driver_ends_it
                a_waiting_task_may_go_and_others_come
                a_client_that_never_reads_is_not_read_from
                a_flood_of_events_ends_a_client_that_does_not_read
                a_long_answer_is_no_flood
                an_endless_message_is_refused_and_not_kept
                a_bomb_of_brackets_is_refused
                nonsense_without_end_is_bounded
                garbage_may_end_the_connection
                a_client_that_closes_in_the_middle_is_gone
                a_client_that_does_not_take_its_leave_is_given_up
                each_command_gets_its_own_file
                a_file_goes_to_the_command_that_takes_it
                of_several_files_the_first_is_given
                an_agent_is_synced_and_used
                clients_are_served_one_after_another
                many_clients_are_served_at_once
                the_server_may_be_the_one_who_connects
            );
        }
    };
    (@ $runtime:ty, $block_on:expr, $($scenario:ident)+) => { $(
        #[test]
        fn $scenario() {
            let _watchdog = crate::serving::Watchdog::new(stringify!($scenario));
            $block_on(crate::serving::$scenario::<$runtime>());
        }
    )+ };
}
pub(crate) use serve_on;

/// Ends the tests if one of them hangs: there is no deadline common to all runtimes.
pub(crate) struct Watchdog(#[allow(dead_code)] Sender<()>);

impl Watchdog {
    pub(crate) fn new(name: &'static str) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            if receiver.recv_timeout(PLENTY) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{name} hangs");
                std::process::exit(1);
            }
        });
        Self(sender)
    }
}

/// A runtime's listener, listening.
pub(crate) trait Bind {
    fn bind(path: &std::path::Path) -> Self;
}

fn server<R: Runtime>() -> server::Builder<R> {
    server::Builder::default()
}

fn client<R: Runtime>() -> qmp_driver::Builder<R> {
    qmp_driver::Builder::default()
}

fn transport<R: Runtime>(socket: UnixStream) -> R::Transport {
    R::transport(Socket::from(socket)).unwrap()
}

/// A server, and the bare socket of its client.
fn serve<R: Runtime>(server: &server::Builder<R>) -> (Commands, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (server.over(transport::<R>(ours), "client").unwrap(), theirs)
}

/// A server and a client of ours that is ready.
async fn pair<R: Runtime>() -> (Commands, Client) {
    pair_with(&server::<R>(), client()).await
}

async fn pair_with<R: Runtime>(
    server: &server::Builder<R>,
    client: qmp_driver::Builder<R>,
) -> (Commands, Client) {
    let (commands, socket) = serve(server);
    (commands, client.over(transport::<R>(socket), "server").await.unwrap())
}

async fn sleep<R: Runtime>(time: Duration) {
    R::unblock(move || thread::sleep(time)).await;
}

/// Polls both together, and gives back what both come to.
async fn both<A: IntoFuture, B: IntoFuture>(one: A, other: B) -> (A::Output, B::Output) {
    let (mut one, mut other) = (pin!(one.into_future()), pin!(other.into_future()));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        poll_into(&mut first, one.as_mut(), cx);
        poll_into(&mut second, other.as_mut(), cx);
        if first.is_some() && second.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (first.unwrap(), second.unwrap())
}

/// Polls all together until all are done.
async fn all<F: Future<Output = ()>>(futures: impl IntoIterator<Item = F>) {
    let mut futures: Vec<_> = futures.into_iter().map(|it| (Box::pin(it), None)).collect();
    poll_fn(|cx| {
        for (future, done) in &mut futures {
            poll_into(done, future.as_mut(), cx);
        }
        let all = futures.iter().all(|(_, done)| done.is_some());
        if all { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn poll_into<F: Future>(done: &mut Option<F::Output>, future: Pin<&mut F>, cx: &mut Context<'_>) {
    if done.is_none() {
        if let Poll::Ready(output) = future.poll(cx) {
            *done = Some(output);
        }
    }
}
