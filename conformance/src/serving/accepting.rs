//! Listeners.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use qmp_driver::Runtime;
use qmp_driver::server::{ClientConnection, CloseReason};

use super::{both, client, server};

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("qmp").tempdir().unwrap()
}

async fn answer_all(mut commands: ClientConnection) -> CloseReason {
    while let Some(request) = commands.recv().await {
        request.return_empty();
    }
    commands.closed().await
}

pub async fn clients_are_served_one_after_another<R: Runtime>(bind: impl Fn(&Path) -> R::Listener) {
    let folder = folder();
    let path = folder.path().join("qmp");
    let listener = bind(&path);
    let server = server::<R>();
    let serving = async {
        for _ in 0..2 {
            let hangup = answer_all(server.accept(&listener).await.unwrap()).await;
            assert!(matches!(hangup, CloseReason::ByClient), "{hangup}");
        }
    };
    let asking = async {
        let first = client::<R>().connect(&path).await.unwrap();
        first.execute("stop").await.unwrap();
        let hasty = client::<R>().handshake_timeout(Duration::from_millis(100));
        assert!(hasty.connect(&path).await.unwrap_err().is_timeout());
        first.execute("cont").await.unwrap();
        first.close().await.unwrap();
    };
    // The client that disconnects at once is gone before its turn.
    both(serving, asking).await;
}

pub async fn many_clients_are_served_at_once<R: Runtime>(bind: impl Fn(&Path) -> R::Listener) {
    let folder = folder();
    let path = folder.path().join("qmp");
    let listener = bind(&path);
    let left = Arc::new(AtomicUsize::new(0));
    let serving = async {
        for _ in 0..8 {
            let commands = server::<R>().accept(&listener).await.unwrap();
            let left = Arc::clone(&left);
            R::default().spawn(async move {
                answer_all(commands).await;
                left.fetch_add(1, Ordering::Release);
            });
        }
        while left.load(Ordering::Acquire) < 8 {
            super::sleep::<R>(Duration::from_millis(2)).await;
        }
    };
    let asking = async {
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(client::<R>().connect(&path).await.unwrap());
        }
        for client in clients.iter().rev() {
            client.execute("stop").await.unwrap();
        }
        for client in clients {
            client.close().await.unwrap();
        }
    };
    both(serving, asking).await;
}

pub async fn the_server_can_connect_to_the_client<R: Runtime>(bind: impl Fn(&Path) -> R::Listener) {
    let folder = folder();
    let path = folder.path().join("qmp");
    let listener = bind(&path);
    let serving = async {
        let commands = server::<R>().connect(&path).await.unwrap();
        answer_all(commands).await
    };
    let asking = async {
        let client = client::<R>().accept(&listener).await.unwrap();
        client.execute("stop").await.unwrap();
        client.close().await.unwrap();
    };
    both(serving, asking).await;
    let nobody = server::<R>().connect(&folder.path().join("none")).await.unwrap_err();
    assert!(nobody.to_string().contains("none"), "{nobody}");
}
