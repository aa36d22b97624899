//! Replies that are read late.

use std::thread;
use std::time::Duration;

use super::serve;
use crate::Adapter;
use crate::subject::{Build, Execute, Subject};

/// The reply is in the socket, and the caller's thread is busy until long after the deadline.
pub async fn a_reply_that_arrived_before_the_deadline_counts<A: Adapter>() {
    const DEADLINE: Duration = Duration::from_millis(200);
    let (stream, server) = serve(|script| {
        script.greet();
        script.echo();
    });
    let qemu = A::builder().connect_over(stream, "prompt").await.unwrap();
    for number in 0..3_u32 {
        let command = qemu.execute("x").argument("number", &number).timeout(DEADLINE);
        let sent = vec![command.send().await.unwrap()];
        thread::sleep(DEADLINE * 2);
        let reply = qemu.answers(sent).await.pop().unwrap();
        assert_eq!(reply.unwrap().decode::<u32>().unwrap(), number);
    }
    drop(qemu);
    server.join().unwrap();
}
