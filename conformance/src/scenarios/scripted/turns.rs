//! Commands that wait for their turn and are not polled.

use std::fs::File;
use std::future::poll_fn;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use qmp_driver::{Builder, Client, Execute, Runtime, Socket};

use super::{Script, serve};
use crate::scenarios::{Shared, join_all};
use crate::server::PLENTY;

/// A task of the user's that does not poll them, or has leaked them.
#[derive(Clone, Copy)]
enum Unpolled {
    Held,
    Forgotten,
}

/// In each of the lanes: of in-band commands with and without `oob`, out-of-band ones, and those with
/// a descriptor.
pub async fn a_queued_command_that_is_not_polled_holds_up_nobody<A: Shared>() {
    for unpolled in [Unpolled::Held, Unpolled::Forgotten] {
        let plain = |client: &Client| client.execute("x").argument("number", 1);
        hold_up::<A>(64, A::builder(), unpolled, plain).await;
        hold_up::<A>(7, A::builder().out_of_band(), unpolled, plain).await;
        let oob = |client: &Client| plain(client).out_of_band();
        hold_up::<A>(64, A::builder().out_of_band(), unpolled, oob).await;
        let with_file =
            |client: &Client| plain(client).descriptor(File::open("/dev/null").unwrap());
        hold_up::<A>(1, A::builder(), unpolled, with_file).await;
    }
}

/// Fills all slots, queues three more commands, stops polling the first two, and then answers. The
/// third must be sent.
async fn hold_up<A: Shared>(
    slots: usize,
    builder: Builder<A::Runtime>,
    unpolled: Unpolled,
    command: impl Fn(&Client) -> Execute,
) {
    let (answer, answering) = channel();
    let (stream, server) = serve(move |script| {
        script.greet();
        let held: Vec<_> = (0..slots).map(|_| script.receive().unwrap()).collect();
        answering.recv().unwrap();
        held.iter().for_each(|message| script.answer(message, "0"));
        script.echo();
    });
    let qemu = builder.connect_over(transport::<A>(stream), "slow").await.unwrap();
    let mut sent: Vec<_> = (0..slots).map(|_| command(&qemu)).collect();
    sent.iter_mut().for_each(poll_once);
    let mut queued: Vec<_> = (0..2).map(|_| command(&qemu)).collect();
    queued.iter_mut().for_each(poll_once);
    assert!(queued.iter().all(Execute::is_queued));
    let mut held = Vec::new();
    match unpolled {
        Unpolled::Held => held = queued,
        Unpolled::Forgotten => queued.into_iter().for_each(std::mem::forget),
    }
    answer.send(()).unwrap();
    for reply in join_all(sent).await {
        assert_eq!(reply.unwrap().decode::<u32>().unwrap(), 0);
    }
    for _ in 0..3 {
        join_all((0..slots * 2).map(|_| one(&qemu, command(&qemu)))).await;
    }
    // They were passed over, and are sent when they are polled.
    join_all(held.into_iter().map(|held| one(&qemu, held))).await;
    qemu.close().await.unwrap();
    server.join().unwrap();
}

/// The first handshake, and that of a connection which takes the place of the last.
pub async fn a_command_that_waits_for_a_handshake_unpolled_holds_up_nobody<A: Shared>() {
    let (client, greet) = greeted_later::<A>(A::builder());
    for_a_while_unpolled(&client, || greet.send(()).unwrap()).await;
    client.abort();
    let (same, greet) = greeted_later::<A>(A::builder().reconnecting(&client));
    for_a_while_unpolled(&same, || greet.send(()).unwrap()).await;
    assert!(client.is_ready());
}

/// An agent is synced again, and commands wait for that.
pub async fn a_command_that_waits_for_a_sync_unpolled_holds_up_nobody<A: Shared>() {
    let (answer, answering) = channel();
    let (stream, _) = serve(move |script| {
        sync(script);
        let again = script.receive().unwrap();
        answering.recv().unwrap();
        script.answer_sync(&again);
        script.echo();
    });
    let agent = A::builder().agent().connect_over(transport::<A>(stream), "agent").await.unwrap();
    let mut synced = Box::pin(agent.sync());
    poll_once(&mut synced);
    // Until the driver has sent it commands do not wait.
    while agent.is_ready() {
        agent.timeout(Duration::from_millis(1), std::future::pending::<()>()).await.unwrap_err();
    }
    for_a_while_unpolled(&agent, || answer.send(()).unwrap()).await;
    synced.await.unwrap();
}

async fn for_a_while_unpolled(client: &Client, go_on: impl FnOnce()) {
    let command = || client.execute("x").argument("number", 1);
    let (mut held, mut leaked) = (command(), command());
    poll_once(&mut held);
    poll_once(&mut leaked);
    assert!(held.is_queued() && leaked.is_queued());
    std::mem::forget(leaked);
    go_on();
    join_all((0..10).map(|_| one(client, command()))).await;
    one(client, held).await;
}

/// The user has leaked commands that were sent and that wait. Closing and aborting end the connection all
/// the same, and the server is told.
pub async fn leaked_commands_do_not_keep_a_connection_from_being_closed<A: Shared>() {
    for aborts in [false, true] {
        let (stream, server) = serve(|script| {
            script.greet();
            script.echo();
        });
        let qemu = A::builder().connect_over(transport::<A>(stream), "leaks").await.unwrap();
        for _ in 0..70 {
            let mut leaked = qemu.execute("x").argument("number", 1);
            poll_once(&mut leaked);
            std::mem::forget(leaked);
        }
        match aborts {
            true => qemu.abort(),
            false => qemu.close().await.unwrap(),
        }
        qemu.closed().await;
        server.join().unwrap();
    }
}

/// The order is that in which commands came, though most wait: unless their task does not come to take
/// a turn in time, which a busy machine can bring about.
pub async fn queued_commands_leave_in_the_order_they_came<A: Shared>() {
    const IN_TIME: Duration = Duration::from_millis(20);
    for _ in 0..50 {
        let (slowest, order) = order_of_many::<A>(300).await;
        assert_eq!(order.len(), 300);
        if slowest < IN_TIME {
            assert!(order.is_sorted(), "{order:?}");
            return;
        }
    }
    panic!("this machine is too busy to tell");
}

/// The longest time between two polls, and the numbers in the order in which they were received.
async fn order_of_many<A: Shared>(commands: u64) -> (Duration, Vec<u64>) {
    let (stream, server) = serve(|script| {
        script.greet();
        let mut order = Vec::new();
        while let Some(message) = script.receive() {
            order.push(message["arguments"]["number"].as_u64().unwrap());
            script.answer(&message, "0");
        }
        order
    });
    let qemu = A::builder().connect_over(transport::<A>(stream), "orderly").await.unwrap();
    let command = |number| one(&qemu, qemu.execute("x").argument("number", number));
    let mut all = Box::pin(join_all((0..commands).map(command)));
    let mut slowest = Duration::ZERO;
    let mut last = None;
    poll_fn(|cx| {
        let polled = all.as_mut().poll(cx);
        let now = Instant::now();
        slowest = slowest.max(last.replace(now).map_or(Duration::ZERO, |last| now - last));
        polled
    })
    .await;
    drop(all);
    drop(qemu);
    (slowest, server.join().unwrap())
}

fn greeted_later<A: Shared>(builder: Builder<A::Runtime>) -> (Client, Sender<()>) {
    let (greet, greeting) = channel();
    let (stream, _) = serve(move |script| {
        greeting.recv().unwrap();
        script.greet();
        script.echo();
    });
    let (client, driver) = builder.build_over(transport::<A>(stream), "late").unwrap();
    A::Runtime::default().spawn(driver);
    (client, greet)
}

fn sync(script: &mut Script) {
    let sync = script.receive().unwrap();
    script.answer_sync(&sync);
}

pub(super) fn transport<A: Shared>(stream: UnixStream) -> <A::Runtime as Runtime>::Transport {
    A::Runtime::default().transport(Socket::from(stream)).unwrap()
}

fn poll_once<F: Future + Unpin>(future: &mut F) {
    let polled = Pin::new(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
}

/// Awaits its answer, and fails instead of waiting for ever.
async fn one(client: &Client, command: Execute) {
    client.timeout(PLENTY, command).await.unwrap().unwrap();
}
