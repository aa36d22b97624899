//! Other streams than unix sockets.

use std::time::Duration;

use qmp_tokio::{Client, ErrorKind, Listener, SocketTransport, StreamTransport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peer::{GREETING, PLENTY, answer_to};

async fn serve(stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    writer.write_all(GREETING.as_bytes()).await.unwrap();
    let mut unread = Vec::new();
    loop {
        let mut chunk = [0; 7];
        let count = reader.read(&mut chunk).await.unwrap_or(0);
        if count == 0 {
            return;
        }
        unread.extend_from_slice(&chunk[..count]);
        while let Some(end) = unread.iter().position(|&byte| byte == b'}') {
            let Ok(text) = std::str::from_utf8(&unread[..=end]) else {
                return;
            };
            let answer = answer_to(text, "{}");
            unread.drain(..=end);
            if writer.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn use_it(client: Client) {
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let client = client.clone();
        set.spawn(async move {
            for _ in 0..5 {
                client.execute("x").timeout(PLENTY).await.unwrap();
            }
        });
    }
    assert_eq!(set.join_all().await.len(), 200);
    client.close().await.unwrap();
}

#[tokio::test]
async fn any_stream_will_do() {
    let (ours, theirs) = tokio::io::duplex(13);
    let server = tokio::spawn(serve(theirs));
    let client =
        qmp_tokio::builder().connect_over(StreamTransport::new(ours), "duplex").await.unwrap();
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let file = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
        let error = client.execute("add-fd").descriptor(file).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::DescriptorsUnsupported), "{error:?}");
    }
    use_it(client).await;
    server.await.unwrap();
}

#[tokio::test]
async fn sockets_of_tokio_are_taken_over() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { serve(listener.accept().await.unwrap().0).await });
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let transport = SocketTransport::try_from(stream).unwrap();
    use_it(qmp_tokio::builder().connect_over(transport, "tcp").await.unwrap()).await;
    server.await.unwrap();

    let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
    let server = tokio::spawn(serve(theirs));
    let transport = SocketTransport::try_from(ours).unwrap();
    use_it(qmp_tokio::builder().connect_over(transport, "unix").await.unwrap()).await;
    server.await.unwrap();
}

#[tokio::test]
async fn a_server_can_connect_to_us() {
    let folder = tempfile::tempdir().unwrap();
    for address in [folder.path().join("s").display().to_string(), "tcp:127.0.0.1:0".to_owned()] {
        let listener = Listener::bind(address).await.unwrap();
        let builder = || qmp_tokio::builder().connect_timeout(Duration::from_millis(50));
        let error = builder().accept(&listener).await.unwrap_err();
        assert!(error.is_timeout() && error.to_string().contains("nobody connected"), "{error}");
        let address = listener.local_address().clone();
        let server = tokio::task::spawn_blocking(move || {
            // Somebody looks whether anybody listens.
            drop(qmp_tokio::qmp_sockets::connect(&address, None).unwrap());
            qmp_tokio::qmp_sockets::connect(&address, None).unwrap()
        });
        let accepting = qmp_tokio::builder().accept(&listener);
        let serving = async {
            let socket = server.await.unwrap();
            socket.set_nonblocking(true).unwrap();
            let descriptor = std::os::fd::OwnedFd::from(socket);
            let stream = tokio::net::UnixStream::from_std(descriptor.into()).unwrap();
            serve(stream).await;
        };
        let using = async { use_it(accepting.await.unwrap()).await };
        tokio::join!(serving, using);
    }
}

#[tokio::test]
async fn a_failed_connect_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error = qmp_tokio::connect(folder.path().join("none")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error:?}");
    assert!(
        error.to_string().contains("no such file") || error.to_string().contains("No such file"),
        "{error}"
    );
    let error = qmp_tokio::connect("foo:bar").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Address(_)), "{error:?}");
}
