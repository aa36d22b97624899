//! A server that behaves like a guest agent.

use qmp_driver::{ErrorClass, Runtime};

use super::{both, client, pair_with, server};

pub async fn an_agent_is_synced_and_used<R: Runtime>() {
    let (mut commands, client) = pair_with(&server::<R>().agent(), client().agent()).await;
    let serving = async {
        while let Some(request) = commands.recv().await {
            match request.name() {
                "guest-ping" => request.return_empty(),
                "guest-shutdown" => {
                    request.leave_unanswered();
                    return commands.close().await;
                }
                _ => request.command_not_found(),
            }
        }
        panic!("the client has disconnected");
    };
    let asking = async {
        client.execute("guest-ping").await.unwrap();
        client.sync().await.unwrap();
        let unknown = client.execute("guest-nonsense").await.unwrap_err();
        assert_eq!(unknown.class(), Some(ErrorClass::CommandNotFound));
        client.execute("guest-shutdown").await.unwrap();
    };
    both(serving, asking).await;
}
