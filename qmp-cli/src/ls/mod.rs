//! `qmp ls`: the servers of this machine and their sockets.

mod command_line;

use std::fs;
use std::path::Path;

use qmp_sockets::Occupants;
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::show::{self, table::table};
use command_line::{Socket, is_server, read};

/// A server, and one of its sockets.
struct Entry {
    pid: u32,
    name: String,
    program: String,
    socket: Option<Socket>,
    /// Who is connected; `None` if that cannot be known.
    clients: Option<Vec<String>>,
}

/// Prints the running servers.
///
/// # Errors
///
/// Returns an error if this system does not tell, or if the output cannot be written.
pub(crate) fn run(as_json: bool) -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        return Err(Failure::usage("ls reads /proc, which only Linux has"));
    }
    let entries = entries();
    if as_json {
        let values: Vec<_> = entries.iter().map(Entry::json).collect();
        return show::write(format!("{}\n", Value::from(values)).as_bytes());
    }
    let rows: Vec<_> = entries.iter().map(Entry::row).collect();
    let headings = ["PID", "NAME", "PROGRAM", "KIND", "SOCKET", "CLIENTS"];
    show::write(table(headings, &rows).as_bytes())
}

fn entries() -> Vec<Entry> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<u32> =
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids.into_iter().filter_map(of_process).flatten().collect()
}

/// The sockets of a process, or one entry without a socket; `None` if it is no server.
fn of_process(pid: u32) -> Option<Vec<Entry>> {
    let folder = Path::new("/proc").join(pid.to_string());
    let line = fs::read(folder.join("cmdline")).ok()?;
    let arguments =
        line.split(|byte| *byte == 0).map(|it| String::from_utf8_lossy(it).into_owned());
    let arguments: Vec<_> = arguments.collect();
    let arguments = without_loader(&arguments);
    let program = arguments.first().filter(|program| is_server(program))?;
    let program = Path::new(program).file_name()?.to_string_lossy().into_owned();
    // Another user's process does not tell; its relative paths are then shown as they are.
    let directory = fs::read_link(folder.join("cwd")).unwrap_or_default();
    let described = read(arguments, &directory);
    let name = described.name.unwrap_or_default();
    let entry = |socket: Option<Socket>| {
        let clients = socket.as_ref().and_then(|socket| clients(&socket.address));
        Entry { pid, name: name.clone(), program: program.clone(), socket, clients }
    };
    Some(match described.sockets.is_empty() {
        true => vec![entry(None)],
        false => described.sockets.into_iter().map(|socket| entry(Some(socket))).collect(),
    })
}

/// A program that was started with a loader of its own stands behind the loader and its options.
fn without_loader(arguments: &[String]) -> &[String] {
    let loader = arguments.first().and_then(|first| Path::new(first).file_name());
    let is_loader = loader.is_some_and(|name| name.to_string_lossy().starts_with("ld-"));
    let program = arguments.iter().position(|argument| is_loader && is_server(argument));
    arguments.get(program.unwrap_or_default()..).unwrap_or_default()
}

fn clients(address: &str) -> Option<Vec<String>> {
    let occupants = Occupants::at(&address.parse().ok()?)?;
    let mut clients: Vec<_> = occupants.clients.iter().map(ToString::to_string).collect();
    if occupants.unknown > 0 {
        clients.push(format!("{} unknown", occupants.unknown));
    }
    Some(clients)
}

impl Entry {
    fn row(&self) -> [String; 6] {
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let (kind, address) = match &self.socket {
            Some(socket) => (socket.kind, socket.address.as_str()),
            None => ("-", "-"),
        };
        let clients = match &self.clients {
            Some(clients) => or_dash(&clients.join(", ")),
            None if self.socket.is_some() => "?".to_owned(),
            None => "-".to_owned(),
        };
        let (name, program) = (or_dash(&self.name), self.program.clone());
        [self.pid.to_string(), name, program, kind.to_owned(), address.to_owned(), clients]
    }

    fn json(&self) -> Value {
        json!({
            "pid": self.pid,
            "name": self.name,
            "program": self.program,
            "kind": self.socket.as_ref().map(|it| it.kind),
            "socket": self.socket.as_ref().map(|it| &it.address),
            "clients": self.clients,
        })
    }
}
