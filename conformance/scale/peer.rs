//! The other end of all connections: this program, started again.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use qmp_driver::{Address, Socket};
use serde_json::Value;
use smol::Async;
use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use smol::stream::StreamExt;
use tempfile::TempDir;

use super::PLENTY;

/// Names the socket to listen on.
const SOCKET: &str = "QMP_SCALE_SOCKET";

const GREETING: &str = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";

/// A process that listens, until it is dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    process: Child,
    folder: TempDir,
}

impl Peer {
    /// Starts this program with its test `test`, which has to [`serve`].
    pub(crate) fn start(test: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("qmp").tempdir().unwrap();
        let socket = folder.path().join("qmp");
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", test]).env(SOCKET, &socket);
        let process = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let peer = Self { process, folder };
        let started = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(started.elapsed() < PLENTY, "{peer:?}");
            thread::sleep(Duration::from_millis(5));
        }
        peer
    }

    pub(crate) fn address(&self) -> Address {
        Address::unix(self.folder.path().join("qmp").as_os_str().as_encoded_bytes())
    }

    fn stream(&self) -> UnixStream {
        UnixStream::connect(self.folder.path().join("qmp")).unwrap()
    }

    /// A connection that nobody uses.
    pub(crate) fn connect(&self) -> Socket {
        self.stream().into()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves every client, in a process that was started for it; in any other, sees that one does.
pub(crate) fn the_other_end(test: &str) {
    if let Some(socket) = env::var_os(SOCKET) {
        serve(UnixListener::bind(socket).unwrap());
    }
    let peer = Peer::start(test);
    let mut stream = peer.stream();
    stream.set_read_timeout(Some(PLENTY)).unwrap();
    stream.write_all(b"{\"execute\": \"x\", \"arguments\": {\"number\": 5}, \"id\": 7}\n").unwrap();
    let expected = format!("{GREETING}{{\"return\": 5, \"id\": 7}}\r\n").into_bytes();
    let mut said = vec![0; expected.len()];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(said, expected);
}

fn serve(listener: UnixListener) -> ! {
    // A parent that dies without a word ends it, too.
    thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let listener = Async::new(listener).unwrap();
    smol::block_on(async {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            // Clients may leave as they like.
            smol::spawn(async { drop(echo(client).await) }).detach();
        }
    })
}

/// Greets, and answers every line with the number in it.
async fn echo(client: Async<UnixStream>) -> io::Result<()> {
    (&client).write_all(GREETING.as_bytes()).await?;
    let mut lines = BufReader::new(&client).lines();
    while let Some(line) = lines.next().await {
        let message: Value = serde_json::from_str(&line?)?;
        let number = match &message["arguments"]["number"] {
            Value::Null => "{}".to_owned(),
            number => number.to_string(),
        };
        let answer = format!("{{\"return\": {number}, \"id\": {}}}\r\n", message["id"]);
        (&client).write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
