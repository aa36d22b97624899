//! Operations of several commands, run on the thread that waits.

use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use qmp_blocking::{BlockingStream, Client, Error, ErrorKind, Operation, qmp_driver};

use crate::peer::{PLENTY, id, pair};

/// Freezes, asks and thaws: also when it fails half way.
struct Freeze;

impl Operation for Freeze {
    type Output = u32;

    async fn run(self, client: &qmp_driver::Client) -> Result<u32, Error> {
        let thaw = client.defer(client.execute("thaw"));
        client.execute("freeze").await?;
        let answer = client.execute("query").await?.decode()?;
        thaw.await?;
        Ok(answer)
    }
}

/// A server that answers this to `query`; it reports the names of all commands, and leaves at `leave`.
fn serving(answer: &'static str) -> (Client, Receiver<String>) {
    let (sender, names) = mpsc::channel();
    let (socket, _) = pair(move |mut peer| {
        peer.greet();
        while let Some(command) = peer.try_receive() {
            let value: serde_json::Value = serde_json::from_str(&command).unwrap();
            let name = value["execute"].as_str().unwrap();
            sender.send(name.to_owned()).unwrap();
            match (name, answer) {
                ("query", "leave") => return,
                ("query", "silence") => {}
                ("query", answer) => {
                    peer.send(&format!("{{{answer}, \"id\": {}}}\r\n", id(&command)));
                }
                _ => peer.answer(&command, "{}"),
            }
        }
    });
    (qmp_blocking::builder().connect_over(socket, "peer").unwrap(), names)
}

const FAILURE: &str = "\"error\": {\"class\": \"GenericError\", \"desc\": \"No\"}";

#[test]
fn an_operation_runs_to_its_end() {
    let (client, names) = serving("\"return\": 7");
    assert_eq!(client.run(Freeze).unwrap(), 7);
    assert_eq!(names.try_iter().collect::<Vec<_>>(), ["freeze", "query", "thaw"]);
    client.execute("next").run().unwrap();
}

#[test]
fn what_a_failed_operation_has_to_undo_is_done_by_the_next_call() {
    let (client, names) = serving(FAILURE);
    let error = client.run(Freeze).unwrap_err();
    assert_eq!(error.command(), Some("query"), "{error}");
    client.execute("next").run().unwrap();
    // It was sent, and the server may still have to read it.
    let names = [(); 4].map(|()| names.recv_timeout(PLENTY).unwrap());
    assert!(names.contains(&"thaw".to_owned()), "{names:?}");
}

#[test]
fn what_a_failed_operation_has_to_undo_is_done_before_the_connection_ends() {
    let endings: [fn(Client); 2] = [drop, |client| client.close().unwrap()];
    for end in endings {
        let (client, names) = serving(FAILURE);
        client.run(Freeze).unwrap_err();
        end(client);
        assert_eq!(names.iter().collect::<Vec<_>>(), ["freeze", "query", "thaw"]);
    }
}

#[test]
fn an_operation_ends_with_its_connection() {
    let (client, names) = serving("leave");
    let begun = Instant::now();
    let error = client.run(Freeze).unwrap_err();
    assert!(error.is_disconnected(), "{error}");
    drop(client);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(names.iter().collect::<Vec<_>>(), ["freeze", "query"]);
}

/// Waits only so long.
struct Impatient(Duration);

impl Operation for Impatient {
    type Output = ();

    async fn run(self, client: &qmp_driver::Client) -> Result<(), Error> {
        client.timeout(self.0, client.execute("query")).await??;
        Ok(())
    }
}

#[test]
fn a_timeout_in_an_operation_passes_and_leaves_the_connection_usable() {
    let (client, _names) = serving("silence");
    let moment = Duration::from_millis(50);
    let begun = Instant::now();
    let error = client.run(Impatient(moment)).unwrap_err();
    assert!((moment..PLENTY).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    let ErrorKind::TimedOut { waited, .. } = error.kind() else { panic!("{error:?}") };
    assert!(*waited >= moment && error.is_timeout());
    client.execute("next").run().unwrap();

    let (client, _names) = serving("\"return\": {}");
    client.run(Impatient(PLENTY)).unwrap();
}

#[test]
fn an_operation_runs_on_a_stream_without_deadlines() {
    let (socket, _) = pair(|mut peer| {
        peer.greet();
        while let Some(command) = peer.try_receive() {
            peer.answer(&command, "7");
        }
    });
    let client =
        qmp_blocking::builder().connect_over(BlockingStream::new(socket), "blocking").unwrap();
    assert_eq!(client.run(Freeze).unwrap(), 7);
}
