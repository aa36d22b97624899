//! Servers of a suite, started.

use std::fs;
use std::process::Command;

use super::{Folder, PLENTY, Server, Suite, folder, notice};
use crate::subject::Build;

/// What makes QEMU light: no machine, no guest.
pub const LIGHT: &str = "-nodefaults -display none -S -accel tcg -M none -m 16";

impl Suite {
    /// QEMU without a machine, one monitor listening on the socket `qmp`.
    pub fn qemu(&self) -> Server {
        self.qemu_with(&["-qmp", "unix:{}/qmp,server=on,wait=off"])
    }

    /// QEMU without a machine. It runs inside a folder, which `{}` stands for in its arguments.
    pub fn qemu_with(&self, arguments: &[&str]) -> Server {
        self.qemu_in(folder(), arguments)
    }

    /// The same, in a folder that is there.
    pub fn qemu_in(&self, folder: Folder, arguments: &[&str]) -> Server {
        let inside = folder.name("");
        self.start("qemu-system-x86_64", folder, |command| {
            command.args(LIGHT.split(' '));
            command.args(arguments.iter().map(|argument| argument.replace("{}", &inside)));
        })
    }

    /// The storage daemon, its monitor listening on the socket `qmp`, and a client of it.
    ///
    /// Now and then an old one hangs for ever, or hangs up, when somebody connects while it starts
    /// (GLib speaks of a destroyed source): then another is started.
    pub async fn storage_daemon<B: Build>(&self, build: impl Fn() -> B) -> (Server, B::Client) {
        loop {
            let folder = folder();
            let socket = format!("socket,id=c,path={},server=on,wait=off", folder.name("qmp"));
            let mut server = self.start("qemu-storage-daemon", folder, |command| {
                command.args(["--chardev", &socket, "--monitor", "chardev=c"]);
            });
            // Nobody wakes it.
            server.is_sleepy = false;
            match server.try_connect(&build, PLENTY / 6).await {
                Err(error) if self.is_old() => notice(&format!("another is started: {error}")),
                connected => return (server, connected.unwrap()),
            }
        }
    }

    /// A guest agent on this machine, listening on the socket `qmp`. It cannot shut the machine down,
    /// and these commands are disabled, too.
    pub fn agent(&self, disabled: &[&str]) -> Server {
        let folder = folder();
        // Whole, for the system lists sockets by these names, and clients look there.
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

    /// Any of its servers, with arguments that are to be added.
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

/// Makes a guest agent keep its files in the folder, and ignore this machine's configuration.
pub fn keep_inside(agent: &mut Command, folder: &Folder) {
    let (state, configuration) = (folder.file("state"), folder.file("configuration"));
    fs::create_dir(&state).unwrap();
    fs::write(&configuration, "").unwrap();
    agent.env("QGA_CONF", configuration);
    agent.arg("-t").arg(state).arg("-f").arg(folder.file("pid"));
}
