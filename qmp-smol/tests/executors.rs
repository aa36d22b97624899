//! Where a driver can run, and over what streams.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

use std::os::unix::net::UnixStream;
use std::time::Duration;

use qmp_smol::{Client, CloseReason, ErrorKind, Listener, SocketTransport, StreamTransport};
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use smol::{Executor, future};

const GREETING: &[u8] = b"{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";

/// Answers every command with `{}`, and ends when the client leaves.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let (mut reader, mut writer) = split(stream);
    writer.write_all(GREETING).await.unwrap();
    let mut unread = String::new();
    loop {
        let mut chunk = [0; 7];
        let Ok(count @ 1..) = reader.read(&mut chunk).await else {
            return;
        };
        unread.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
        while let Some(end) = unread.find('}') {
            let message: serde_json::Value = serde_json::from_str(&unread[..=end]).unwrap();
            let answer = format!("{{\"return\": {{}}, \"id\": {}}}\r\n", message["id"]);
            unread.drain(..=end);
            if writer.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn use_it(client: Client) {
    for _ in 0..200 {
        let y = client.execute("y").timeout(Duration::from_secs(30));
        let (x, y) = future::zip(client.execute("x"), y).await;
        assert!(x.is_ok() && y.is_ok());
    }
    let error = client.event().timeout(Duration::from_millis(20)).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    client.close().await.unwrap();
    assert!(matches!(client.closed().await, CloseReason::ByUs));
}

#[test]
fn no_executor_is_needed() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    smol::block_on(async {
        let transport = SocketTransport::new(ours).unwrap();
        let (client, driver) = qmp_smol::builder().build_over(transport, "peer").unwrap();
        let server = serve(smol::Async::new(theirs).unwrap());
        let all = future::zip(future::zip(driver, server), use_it(client));
        let ((reason, ()), ()) = all.await;
        assert!(matches!(reason, CloseReason::ByUs));
    });
}

#[test]
fn any_executor_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let executor = Executor::new();
    let listener = smol::net::unix::UnixListener::bind(&path).unwrap();
    executor.spawn(async move { serve(listener.accept().await.unwrap().0).await }).detach();
    smol::block_on(executor.run(async {
        let (client, driver) = qmp_smol::builder().connect_unspawned(path).await.unwrap();
        let driver = executor.spawn(driver);
        client.ready().await.unwrap();
        use_it(client).await;
        assert!(matches!(driver.await, CloseReason::ByUs));
    }));
}

#[test]
fn any_stream_will_do() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    async_std::task::block_on(async {
        // One of async-std's, to stand for all.
        ours.set_nonblocking(true).unwrap();
        let stream = async_std::os::unix::net::UnixStream::from(ours);
        async_std::task::spawn(serve(smol::Async::new(theirs).unwrap()));
        let transport = StreamTransport::new(stream);
        let client = qmp_smol::builder().connect_over(transport, "peer").await.unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        let error = client.execute("add-fd").descriptor(file).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::DescriptorsUnsupported), "{error:?}");
        use_it(client).await;
    });
}

/// An executor of the program's own may not run while a client is used.
#[test]
fn a_deadline_passes_though_the_executor_of_the_driver_does_not_run() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = smol::spawn(serve(smol::Async::new(theirs).unwrap()));
    let executor = Executor::new();
    let transport = SocketTransport::new(ours).unwrap();
    let (client, driver) = qmp_smol::builder().build_over(transport, "peer").unwrap();
    let driver = executor.spawn(driver);
    smol::block_on(executor.run(client.ready())).unwrap();
    let moment = Duration::from_millis(100);
    let started = std::time::Instant::now();
    let late = smol::block_on(client.execute("x").timeout(moment)).unwrap_err();
    assert!(matches!(late.kind(), ErrorKind::NoReply { .. }), "{late:#?}");
    assert!(late.to_string().contains("is not polled"), "{late}");
    assert!(smol::block_on(client.event().timeout(moment)).unwrap_err().is_timeout());
    assert!(started.elapsed() >= moment * 2);
    smol::block_on(executor.run(async {
        client.execute("x").await.unwrap();
        client.close().await.unwrap();
        driver.await;
    }));
    smol::block_on(server);
}

/// A thread that does everything is busy while the answer comes.
#[test]
fn what_arrived_in_time_counts_on_an_executor_that_is_busy() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = smol::spawn(serve(smol::Async::new(theirs).unwrap()));
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(async {
        let transport = SocketTransport::new(ours).unwrap();
        let (client, driver) = qmp_smol::builder().build_over(transport, "peer").unwrap();
        let driver = executor.spawn(driver);
        client.ready().await.unwrap();
        let command = client.execute("x").timeout(Duration::from_millis(100));
        let busy = async { std::thread::sleep(Duration::from_millis(300)) };
        let (answered, ()) = future::zip(command, busy).await;
        answered.unwrap();
        client.close().await.unwrap();
        driver.await;
    }));
    smol::block_on(server);
}

/// Though another handle keeps the socket open.
#[test]
fn the_last_client_and_an_abort_shut_the_socket_down() {
    for abort in [false, true] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let clone = ours.try_clone().unwrap();
        smol::block_on(async {
            let server = smol::spawn(serve(smol::Async::new(theirs).unwrap()));
            let transport = SocketTransport::new(ours).unwrap();
            let client = qmp_smol::builder().connect_over(transport, "peer").await.unwrap();
            client.execute("x").await.unwrap();
            if abort {
                client.abort();
            }
            drop(client);
            server.await;
        });
        drop(clone);
    }
}

#[test]
fn a_server_can_connect_to_us() {
    smol::block_on(async {
        let listener = Listener::bind("tcp:127.0.0.1:0").await.unwrap();
        let builder = || qmp_smol::builder().connect_timeout(Duration::from_millis(50));
        let error = builder().accept(&listener).await.unwrap_err();
        assert!(error.is_timeout() && error.to_string().contains("nobody connected"), "{error}");
        let address = listener.local_address().to_string();
        let address = address.trim_start_matches("tcp:").to_owned();
        let server = smol::spawn(async move {
            // Somebody looks whether anybody listens.
            drop(smol::net::TcpStream::connect(&address).await.unwrap());
            let stream = smol::net::TcpStream::connect(&address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            serve(stream).await;
        });
        use_it(qmp_smol::builder().accept(&listener).await.unwrap()).await;
        server.await;
    });
}

#[test]
fn a_failed_connect_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error = smol::block_on(qmp_smol::connect(folder.path().join("none"))).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error:?}");
    assert!(error.to_string().contains("-qmp"), "{error}");
}
