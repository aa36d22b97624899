//! What the shell says before its first prompt.

use std::time::Duration;

use futures_lite::future::block_on;
use qmp_smol::Client;
use serde::Deserialize;

use crate::exit::Failure;
use crate::shell::link::Link;

/// How long the server may take to say what it is.
const PATIENCE: Duration = Duration::from_millis(500);

/// Returns the name, the version and the state of the server.
///
/// # Errors
///
/// Returns an error if the connection is lost.
pub(crate) fn of(link: &Link) -> Result<String, Failure> {
    let connection = link.connection()?;
    let client = connection.client;
    if link.is_agent() {
        #[derive(Deserialize)]
        struct Info {
            version: String,
        }
        let version = ask::<Info>(&client, "guest-info").map(|info| format!(" {}", info.version));
        return Ok(format!(
            "guest agent{}; :help lists the commands of the shell",
            version.unwrap_or_default()
        ));
    }
    let mut text = match client.version() {
        Some(version) => format!("QEMU {version}"),
        None => "a monitor".to_owned(),
    };
    if let Some(greeting) = client.greeting().filter(|it| !it.package().is_empty()) {
        text.push_str(&format!(" ({})", greeting.package()));
    }
    #[derive(Deserialize)]
    struct Machine {
        arch: String,
    }
    #[derive(Deserialize)]
    struct Status {
        status: String,
    }
    if let Some(machine) = ask::<Machine>(&client, "query-target") {
        text.push_str(&format!(", {}", machine.arch));
    }
    if let Some(status) = ask::<Status>(&client, "query-status") {
        text.push_str(&format!(", {}", status.status));
    }
    text.push_str(match connection.is_private {
        true => "; on a private monitor: the socket is free for others",
        false if link.is_launched() => "",
        false => "; on the shared monitor: others wait for the socket",
    });
    text.push_str("; :help lists the commands of the shell");
    Ok(text)
}

/// Returns nothing if the server does not know the command or is slow.
fn ask<T: for<'de> Deserialize<'de>>(client: &Client, command: &str) -> Option<T> {
    block_on(client.execute(command).timeout(PATIENCE)).ok()?.decode().ok()
}
