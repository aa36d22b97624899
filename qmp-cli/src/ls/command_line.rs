//! The sockets that a server's command line names.

use std::path::{Path, PathBuf};

/// What a command line says about a server.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Described {
    pub(super) name: Option<String>,
    pub(super) sockets: Vec<Socket>,
}

/// A socket at which a client can connect.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Socket {
    /// `monitor`, `hmp` or `agent`.
    pub(super) kind: &'static str,
    /// The address, as the tool takes it.
    pub(super) address: String,
}

/// Returns whether a program is QEMU or the storage daemon.
pub(super) fn is_server(program: &str) -> bool {
    let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("qemu-system-") || matches!(&*name, "qemu-kvm" | "kvm" | "qemu-storage-daemon")
}

/// Reads the arguments of a server in this working directory.
pub(super) fn read(arguments: &[String], directory: &Path) -> Described {
    let mut described = Described::default();
    let mut chardevs = Vec::new();
    let options = arguments.iter().zip(arguments.iter().skip(1));
    let options = options.filter_map(|(option, value)| {
        // Both spellings are accepted, and `--option=value` by the storage daemon.
        let option = option.strip_prefix("--").or_else(|| option.strip_prefix('-'))?;
        Some((option, value.as_str()))
    });
    let options: Vec<_> = options.collect();
    for (option, value) in &options {
        match *option {
            "name" => {
                let guest =
                    parts(value).find_map(|part| part.strip_prefix("guest=").map(str::to_owned));
                let first = parts(value).next().filter(|part| !part.contains('='));
                described.name = guest.or(first);
            }
            "chardev" => {
                if let (Some(id), Some(address)) = (member(value, "id"), address(value, directory))
                {
                    chardevs.push((id, address));
                }
            }
            _ => {}
        }
    }
    let socket_of =
        |id: &str| chardevs.iter().find(|(known, _)| known == id).map(|(_, it)| it.clone());
    for (option, value) in &options {
        let (kind, address) = match *option {
            "qmp" | "qmp-pretty" => ("monitor", short_address(value, directory, &socket_of)),
            "monitor" if arguments.first().is_some_and(|it| it.ends_with("storage-daemon")) => {
                ("monitor", member(value, "chardev").and_then(|id| socket_of(&id)))
            }
            "monitor" => ("hmp", short_address(value, directory, &socket_of)),
            "mon" => {
                let is_control = member(value, "mode").as_deref() == Some("control");
                let id = member(value, "chardev").or_else(|| parts(value).next());
                (if is_control { "monitor" } else { "hmp" }, id.and_then(|id| socket_of(&id)))
            }
            "object" if value.starts_with("monitor-qmp") => {
                ("monitor", member(value, "chardev").and_then(|id| socket_of(&id)))
            }
            "device" if value.contains("org.qemu.guest_agent.0") => {
                ("agent", member(value, "chardev").and_then(|id| socket_of(&id)))
            }
            _ => continue,
        };
        described.sockets.extend(address.map(|address| Socket { kind, address }));
    }
    described
}

/// The parts of an option, in which a comma is written twice.
fn parts(value: &str) -> impl Iterator<Item = String> + '_ {
    let joined = value.replace(",,", "\0");
    let parts: Vec<_> = joined.split(',').map(|part| part.replace('\0', ",")).collect();
    parts.into_iter()
}

fn member(value: &str, name: &str) -> Option<String> {
    parts(value).find_map(|part| Some(part.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

/// The address of `-chardev socket,…`, if a client can connect to it.
fn address(chardev: &str, directory: &Path) -> Option<String> {
    let is_socket = parts(chardev).next().is_some_and(|backend| backend == "socket");
    let listens =
        parts(chardev).any(|part| matches!(&*part, "server" | "server=on" | "server=yes"));
    if !is_socket || !listens {
        return None;
    }
    if let Some(path) = member(chardev, "path") {
        let is_abstract = parts(chardev).any(|part| matches!(&*part, "abstract" | "abstract=on"));
        return Some(match is_abstract {
            true => format!("abstract:{path}"),
            false => absolute(&path, directory),
        });
    }
    let port = member(chardev, "port")?;
    Some(format!("tcp:{}:{port}", member(chardev, "host").unwrap_or_else(|| "localhost".into())))
}

/// The address of `-qmp unix:PATH,server=on`, `-qmp tcp:HOST:PORT,server` or `-qmp chardev:ID`.
fn short_address(
    value: &str,
    directory: &Path,
    socket_of: &impl Fn(&str) -> Option<String>,
) -> Option<String> {
    if let Some(id) = value.strip_prefix("chardev:") {
        return socket_of(id);
    }
    let listens = parts(value).any(|part| matches!(&*part, "server" | "server=on" | "server=yes"));
    let place = parts(value).next().filter(|_| listens)?;
    match place.split_once(':')? {
        ("unix", path) => Some(absolute(path, directory)),
        ("tcp", _) => Some(place),
        _ => None,
    }
}

fn absolute(path: &str, directory: &Path) -> String {
    // Without doubled slashes.
    let path: PathBuf = directory.join(path).components().collect();
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(line: &str) -> (Option<String>, Vec<String>) {
        let arguments: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let described = read(&arguments, Path::new("/var"));
        let sockets = described.sockets.into_iter();
        (described.name, sockets.map(|it| format!("{} {}", it.kind, it.address)).collect())
    }

    #[test]
    fn sockets_are_read_from_every_spelling() {
        for (line, name, sockets) in [
            (
                "qemu-system-x86_64 -qmp unix:/run/a,server=on,wait=off -name vm1",
                Some("vm1"),
                &["monitor /run/a"][..],
            ),
            (
                "q -qmp unix:a,,b,server,nowait -name guest=vm2,debug-threads=on",
                Some("vm2"),
                &["monitor /var/a,b"],
            ),
            ("q --qmp tcp:localhost:4444,server=on", None, &["monitor tcp:localhost:4444"]),
            (
                "q -chardev socket,id=c,path=/m,server=on -mon chardev=c,mode=control",
                None,
                &["monitor /m"],
            ),
            ("q -chardev socket,id=c,path=/m,server=on -mon c", None, &["hmp /m"]),
            (
                "q -chardev socket,id=c,path=x,server=on,abstract=on -qmp chardev:c",
                None,
                &["monitor abstract:x"],
            ),
            (
                "q -chardev socket,path=/ga,server=on,id=g -device virtserialport,chardev=g,name=org.qemu.guest_agent.0",
                None,
                &["agent /ga"],
            ),
            ("q -chardev socket,id=c,fd=0 -qmp chardev:c", None, &[]),
            ("q -qmp stdio -monitor unix:/h,server", None, &["hmp /h"]),
            (
                "qemu-storage-daemon --chardev socket,id=c,path=/d,server=on --monitor chardev=c",
                None,
                &["monitor /d"],
            ),
            ("q -qmp unix:/connects-to-us", None, &[]),
        ] {
            let (found, of) = described(line);
            assert_eq!(
                (found.as_deref(), of.as_slice()),
                (name, sockets.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>().as_slice()),
                "{line}"
            );
        }
    }

    #[test]
    fn servers_are_known_by_their_programs() {
        for program in ["/usr/bin/qemu-system-x86_64", "qemu-kvm", "./qemu-storage-daemon"] {
            assert!(is_server(program));
        }
        assert!(!is_server("qemu-img") && !is_server("vim"));
    }
}
