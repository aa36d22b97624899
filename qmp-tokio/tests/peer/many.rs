//! Many commands of many tasks.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use qmp_tokio::Client;

use crate::peer::{answer_to, connect, connect_with};

async fn numbers_come_back(client: Client, tasks: usize, each: usize) {
    let mut set = JoinSet::new();
    for task in 0..tasks {
        let client = client.clone();
        set.spawn(async move {
            for round in 0..each {
                let number = task * each + round;
                let reply = client.execute("echo").argument("number", number).await.unwrap();
                assert_eq!(reply.decode::<usize>().unwrap(), number);
            }
        });
    }
    while let Some(done) = set.join_next().await {
        done.unwrap();
    }
    assert_eq!(client.in_flight(), 0);
}

#[tokio::test]
async fn tasks_of_one_thread_get_their_own_answers() {
    numbers_come_back(connect(|peer| peer.echo()).await, 500, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_of_several_threads_get_their_own_answers() {
    numbers_come_back(connect(|peer| peer.echo()).await, 500, 40).await;
}

/// Others go on meanwhile in the slots of those that were answered.
#[tokio::test]
async fn answers_that_come_again_and_late_reach_nobody() {
    let client = connect(|mut peer| {
        let mut answered = std::collections::VecDeque::<String>::new();
        while let Some(message) = peer.receive() {
            for late in &answered {
                peer.answer(late, "\"late\"");
            }
            let value: serde_json::Value = serde_json::from_str(&message).unwrap();
            peer.answer(&message, &value["arguments"]["number"].to_string());
            answered.push_back(message);
            if answered.len() > 64 {
                answered.pop_front();
            }
        }
    });
    numbers_come_back(client.await, 100, 10).await;
}

#[tokio::test]
async fn no_more_than_64_are_in_flight_and_turns_are_fair() {
    let client = connect(|mut peer| {
        for round in 0..5 {
            let mut messages = Vec::new();
            while messages.len() < 64 {
                messages.push(peer.receive().unwrap());
            }
            for (at, message) in messages.iter().enumerate() {
                let number = round * 64 + at;
                assert!(message.contains(&format!("\"number\":{number}}}")), "{number}: {message}");
            }
            // All are waiting that can: nothing more comes before something is answered.
            let stream = peer.stream().try_clone().unwrap();
            stream.set_nonblocking(true).unwrap();
            assert!((&stream).read_one().is_none());
            stream.set_nonblocking(false).unwrap();
            for message in messages {
                peer.answer(&message, "{}");
            }
        }
    })
    .await;
    let order = Arc::new(AtomicUsize::new(0));
    let mut set = JoinSet::new();
    for number in 0..320_usize {
        let (client, order) = (client.clone(), Arc::clone(&order));
        set.spawn(async move {
            client.execute("x").argument("number", number).await.unwrap();
            assert_eq!(order.fetch_add(1, Ordering::Relaxed), number);
        });
    }
    while let Some(done) = set.join_next().await {
        done.unwrap();
    }
}

trait ReadOne {
    fn read_one(self) -> Option<u8>;
}

impl<R: std::io::Read> ReadOne for R {
    fn read_one(mut self) -> Option<u8> {
        let mut byte = [0];
        self.read(&mut byte).ok().filter(|count| *count > 0).map(|_| byte[0])
    }
}

#[tokio::test]
async fn out_of_band_commands_pass_those_that_wait() {
    let client = connect_with(qmp_tokio::builder().out_of_band(), |mut peer| {
        let in_band: Vec<_> = (0..7).map(|_| peer.receive().unwrap()).collect();
        let yank = peer.receive().unwrap();
        assert!(yank.contains("exec-oob"), "{yank}");
        peer.answer(&yank, "{}");
        for message in in_band {
            peer.answer(&message, "{}");
        }
        peer.echo();
    })
    .await;
    assert!(client.is_out_of_band());
    let mut set = JoinSet::new();
    for number in 0..20 {
        let command = client.execute("x").argument("number", number);
        set.spawn(async move { command.await.unwrap() });
    }
    while client.in_flight() < 7 {
        tokio::task::yield_now().await;
    }
    client.execute("yank").out_of_band().await.unwrap();
    assert_eq!(set.join_all().await.len(), 20);
}

#[tokio::test]
async fn descriptors_take_turns_and_others_pass_them() {
    let client = connect(|mut peer| {
        let first = peer.receive().unwrap();
        assert!(first.contains("add-fd"), "{first}");
        let plain = peer.receive().unwrap();
        assert!(plain.contains("plain"), "{plain}");
        peer.answer(&first, "1");
        peer.answer(&plain, "{}");
        for number in 2..=3 {
            let next = peer.receive().unwrap();
            assert!(next.contains("add-fd"), "{next}");
            peer.answer(&next, &number.to_string());
        }
    })
    .await;
    let file = || std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let add = || async {
        let reply = client.execute("add-fd").descriptor(file()).await.unwrap();
        reply.decode::<u32>().unwrap()
    };
    let plain = client.execute("plain");
    let (one, two, three, _) = tokio::join!(add(), add(), add(), plain);
    assert_eq!((one, two, three), (1, 2, 3));
}

#[tokio::test]
async fn those_who_were_answered_together_send_in_one_write() {
    let client = connect(|mut peer| {
        for _ in 0..10 {
            let mut messages = Vec::new();
            while messages.len() < 16 {
                messages.extend(peer.receive_at_once());
            }
            let answers: String = messages.iter().map(|message| answer_to(message, "{}")).collect();
            peer.send(&answers);
        }
        // The first round came one by one; the others at once.
        for _ in 0..20 {
            let messages = peer.receive_at_once();
            assert_eq!(messages.len(), 16);
            let answers: String = messages.iter().map(|message| answer_to(message, "{}")).collect();
            peer.send(&answers);
        }
    })
    .await;
    let mut set = JoinSet::new();
    for _ in 0..16 {
        let client = client.clone();
        set.spawn(async move {
            for _ in 0..30 {
                client.execute("x").await.unwrap();
            }
        });
    }
    set.join_all().await;
}

#[tokio::test]
async fn a_large_command_and_its_answer_pass() {
    let client = connect(|mut peer| {
        while let Some(message) = peer.receive() {
            let value: serde_json::Value = serde_json::from_str(&message).unwrap();
            peer.answer(&message, &value["arguments"]["text"].to_string());
        }
    })
    .await;
    let text = "x".repeat(3 << 20);
    let large = async || {
        let reply = client.execute("echo").argument("text", &text).await.unwrap();
        assert_eq!(reply.decode::<String>().unwrap(), text);
    };
    tokio::join!(large(), large());
}
