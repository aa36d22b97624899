//! An agent has less than 4096 bytes of commands unanswered, or one command.

use std::time::Duration;

use super::serve;
use crate::Adapter;
use crate::server::PLENTY;
use crate::subject::{Build, Execute, Subject};

/// The agent, which answers when nothing more comes, checks that.
pub async fn commands_of_an_agent_keep_within_its_window<A: Adapter>() {
    const LENGTHS: [usize; 10] = [10, 1000, 3000, 2000, 1500, 4100, 50, 3900, 2500, 100];
    let (stream, server) = serve(|script| {
        let sync = script.receive().unwrap();
        script.answer_sync(&sync);
        let mut received = 0;
        let mut most = 0;
        while let Some(first) = script.receive() {
            let mut unanswered = vec![first];
            while let Some(next) = script.receive_within(Duration::from_millis(5)) {
                unanswered.push(next);
            }
            let length: usize = unanswered.iter().map(|message| message.to_string().len()).sum();
            assert!(length < 4096 || unanswered.len() == 1, "{length} bytes");
            received += unanswered.len();
            most = most.max(unanswered.len());
            unanswered.iter().for_each(|message| script.answer(message, "{}"));
        }
        (received, most)
    });
    let agent = A::builder().agent().connect_over(stream, "agent").await.unwrap();
    let mut sent = Vec::new();
    for round in 0..3 {
        for length in LENGTHS {
            let write = agent.execute("guest-file-write");
            let write = write.argument("buf-b64", &"A".repeat(length + round));
            sent.push(write.timeout(PLENTY).send().await.unwrap());
        }
    }
    for answer in agent.answers(sent).await {
        answer.unwrap();
    }
    drop(agent);
    let (received, most) = server.join().unwrap();
    assert_eq!(received, 3 * LENGTHS.len());
    assert!(most > 1, "short ones are sent together");
}
