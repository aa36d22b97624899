//! Starts the servers of a suite.

use std::fs;
use std::process::Command;

use super::{Folder, PLENTY, Server, Suite, folder, notice};
use crate::subject::Build;

/// Options for a small QEMU: no machine, no guest.
pub const LIGHT: &str = "-nodefaults -display none -S -accel tcg -M none -m 16";

impl Suite {
    /// Starts QEMU without a machine, with one monitor listening on the socket `qmp`.
    pub fn qemu(&self) -> Server {
        self.qemu_with(&["-qmp", "unix:{}/qmp,server=on,wait=off"])
    }

    /// Starts QEMU without a machine inside a folder, which `{}` stands for in its arguments.
    pub fn qemu_with(&self, arguments: &[&str]) -> Server {
        self.qemu_in(folder(), arguments)
    }

    /// The same, in an existing folder.
    pub fn qemu_in(&self, folder: Folder, arguments: &[&str]) -> Server {
        let inside = folder.name("");
        self.start("qemu-system-x86_64", folder, |command| {
            command.args(LIGHT.split(' '));
            command.args(arguments.iter().map(|argument| argument.replace("{}", &inside)));
        })
    }

    /// Starts the storage daemon with its monitor listening on the socket `qmp`, and connects to
    /// it.
    ///
    /// An old one sometimes hangs or disconnects when a client connects while it starts (GLib warns
    /// about a destroyed source); then another is started.
    pub async fn storage_daemon<B: Build>(&self, build: impl Fn() -> B) -> (Server, B::Client) {
        loop {
            let folder = folder();
            let socket = format!("socket,id=c,path={},server=on,wait=off", folder.name("qmp"));
            let mut server = self.start("qemu-storage-daemon", folder, |command| {
                command.args(["--chardev", &socket, "--monitor", "chardev=c"]);
            });
            // It does not need a second client to wake up.
            server.is_sleepy = false;
            match server.try_connect(&build, PLENTY / 6).await {
                Err(error) if self.is_old() => notice(&format!("another is started: {error}")),
                connected => return (server, connected.unwrap()),
            }
        }
    }

    /// Starts a guest agent on this machine, listening on the socket `qmp`. It cannot shut the
    /// machine down, and these commands are also disabled.
    pub fn agent(&self, disabled: &[&str]) -> Server {
        let folder = folder();
        // The full path, because the system lists sockets by these names, and clients search there.
        let path = folder.name("qmp");
        self.agent_in(folder, "unix-listen", &path, disabled)
    }

    /// The same, listening elsewhere.
    pub fn agent_at(&self, method: &str, path: &str) -> Server {
        self.agent_in(folder(), method, path, &[])
    }

    fn agent_in(&self, folder: Folder, method: &str, path: &str, disabled: &[&str]) -> Server {
        let mut command = self.program("qemu-ga");
        keep_inside(&mut command, &folder);
        const SHUTDOWN: [&str; 3] = ["guest-shutdown", "guest-suspend-disk", "guest-suspend-ram"];
        let disabled = [&SHUTDOWN, disabled];
        command.args(["-m", method, "-p", path, "-b", &disabled.concat().join(",")]);
        Server::start(command, folder)
    }

    /// Returns any of its servers, to which arguments can be added.
    pub fn start(
        &self,
        name: &str,
        folder: Folder,
        arguments: impl FnOnce(&mut Command),
    ) -> Server {
        let mut command = self.program(name);
        arguments(&mut command);
        let mut server = Server::start(command, folder);
        server.is_old = self.is_old();
        server.is_sleepy = self.major() == 5;
        server
    }
}

/// Makes a guest agent keep its files in the folder and ignore this machine's configuration.
pub fn keep_inside(agent: &mut Command, folder: &Folder) {
    let (state, configuration) = (folder.file("state"), folder.file("configuration"));
    fs::create_dir(&state).unwrap();
    fs::write(&configuration, "").unwrap();
    agent.env("QGA_CONF", configuration);
    agent.arg("-t").arg(state).arg("-f").arg(folder.file("pid"));
}
