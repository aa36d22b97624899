//! The guest agent, run on this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use qmp_blocking::{Client, ErrorClass};
use serde_json::{Value, json};

use crate::server::{Clients, PLENTY, Server, Suite, folder, keep_inside, wait_until};

conformance::on_every_qemu!(
    it_tells_its_version_and_commands,
    a_program_is_run_and_its_output_fetched,
    a_file_is_written_and_read_back,
    a_disabled_command_is_not_found,
    a_shutdown_is_not_answered,
);

fn value(agent: &Client, command: &str, arguments: &Value) -> Value {
    let reply = agent.execute(command).arguments(arguments).run().unwrap();
    reply.decode().unwrap()
}

fn it_tells_its_version_and_commands(suite: &Suite) {
    let said = suite.output("qemu-ga", &["--version"]);
    let version = said.trim().rsplit(' ').next().unwrap();
    let mut server = suite.agent(&[]);
    let agent = server.agent_client();
    assert!(agent.is_ready() && !agent.is_out_of_band());
    assert!(agent.greeting().is_none() && agent.version().is_none());
    let info = value(&agent, "guest-info", &Value::Null);
    assert_eq!(info["version"], version);
    let commands = info["supported_commands"].as_array().unwrap();
    let shutdown = commands.iter().find(|command| command["name"] == "guest-shutdown");
    assert_eq!(shutdown.unwrap()["success-response"], false);
    let sent: Vec<_> =
        (0..20).map(|id| agent.execute("guest-sync").argument("id", id).send().unwrap()).collect();
    for (id, sent) in sent.into_iter().enumerate().rev() {
        let answer: usize = sent.recv().unwrap().decode().unwrap();
        assert_eq!(answer, id);
    }
    let raw = agent.raw(r#"{"execute": "guest-ping", "id": "mine"}"#).run().unwrap();
    assert_eq!(raw, br#"{"return": {}, "id": "mine"}"#);
    agent.sync().unwrap();
    agent.execute("guest-ping").run().unwrap();
    agent.close().unwrap();
    server.agent_client().execute("guest-ping").run().unwrap();
}

fn a_program_is_run_and_its_output_fetched(suite: &Suite) {
    let mut server = suite.agent(&[]);
    let agent = server.agent_client();
    let script = "cat; echo oops >&2; exit 3";
    let exec = json!({
        "path": "/bin/sh",
        "arg": ["-c", script],
        "input-data": "aGVsbG8K",
        "capture-output": true,
    });
    let started = value(&agent, "guest-exec", &exec);
    let pid = json!({"pid": started["pid"]});
    let mut status = Value::Null;
    wait_until("the program ends", || {
        status = value(&agent, "guest-exec-status", &pid);
        status["exited"] == true
    });
    assert_eq!(status["exitcode"], 3);
    assert_eq!(status["out-data"], "aGVsbG8K");
    assert_eq!(status["err-data"], "b29wcwo=");
    let gone = agent.execute("guest-exec-status").arguments(&pid).run();
    assert_eq!(gone.unwrap_err().class(), Some(ErrorClass::GenericError));
}

fn a_file_is_written_and_read_back(suite: &Suite) {
    let mut server = suite.agent(&[]);
    let agent = server.agent_client();
    let file = server.folder().name("file");
    let open = json!({"path": file, "mode": "w+"});
    let handle = value(&agent, "guest-file-open", &open);
    let write = json!({"handle": handle, "buf-b64": "aGVsbG8K"});
    assert_eq!(value(&agent, "guest-file-write", &write)["count"], 6);
    value(&agent, "guest-file-flush", &json!({"handle": handle}));
    assert_eq!(fs::read(&file).unwrap(), b"hello\n");
    let seek = json!({"handle": handle, "offset": 0, "whence": 0});
    assert_eq!(value(&agent, "guest-file-seek", &seek)["position"], 0);
    let read = value(&agent, "guest-file-read", &json!({"handle": handle}));
    assert_eq!((&read["buf-b64"], &read["eof"]), (&json!("aGVsbG8K"), &json!(true)));

    // One answer of many megabytes.
    fs::write(&file, vec![0; 12 << 20]).unwrap();
    value(&agent, "guest-file-seek", &seek);
    let all = json!({"handle": handle, "count": 12 << 20});
    let read = value(&agent, "guest-file-read", &all);
    assert_eq!(read["count"], 12 << 20);
    assert_eq!(read["buf-b64"].as_str().unwrap().len(), 16 << 20);
    value(&agent, "guest-file-close", &json!({"handle": handle}));
    let closed = agent.execute("guest-file-close").argument("handle", &handle).run();
    assert_eq!(closed.unwrap_err().class(), Some(ErrorClass::GenericError));
}

fn a_disabled_command_is_not_found(suite: &Suite) {
    let mut server = suite.agent(&["guest-file-open"]);
    let agent = server.agent_client();
    let open = agent.execute("guest-file-open").argument("path", "/dev/null").run();
    assert_eq!(open.unwrap_err().class(), Some(ErrorClass::CommandNotFound));
    // It is answered when it fails, and only then.
    let error = agent.execute("guest-shutdown").run().unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::CommandNotFound), "{error}");
    for command in ["qmp_capabilities", "query-status"] {
        let error = agent.execute(command).run().unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::CommandNotFound), "{error}");
    }
    agent.execute("guest-ping").run().unwrap();
}

/// The programs that it runs are replaced, in a view of the file system of its own.
fn a_shutdown_is_not_answered(suite: &Suite) {
    let folder = folder();
    let stubs = folder.file("stubs");
    fs::create_dir(&stubs).unwrap();
    for stub in ["shutdown", "poweroff", "halt", "reboot"] {
        let script = format!("#!/bin/sh\necho \"$0 $*\" >> {}\n", folder.name("ran"));
        fs::write(stubs.join(stub), script).unwrap();
        fs::set_permissions(stubs.join(stub), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let hide = format!("mount --bind {} /sbin", stubs.display());
    let Some(unshare) = unshare(&hide) else {
        crate::server::notice(
            "not run: guest-shutdown: /sbin cannot be replaced for one program here",
        );
        return;
    };
    let mut command = unshare;
    command.arg(format!("{hide} && exec \"$@\"")).arg("sh");
    command.arg(suite.program("qemu-ga").get_program());
    keep_inside(&mut command, &folder);
    command.args(["-m", "unix-listen", "-p", &folder.name("qmp")]);
    let mut server = Server::start(command, folder);
    let agent = server.agent_client();

    // The next command's answer tells that this one will have none.
    let shutdown = agent.execute("guest-shutdown").argument("mode", "halt").send().unwrap();
    agent.execute("guest-ping").run().unwrap();
    let reply = shutdown.recv().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "{}");
    let ran = fs::read_to_string(server.path("ran")).unwrap();
    assert!(ran.contains("/sbin/"), "{ran}");

    // A deadline without an error is a success too.
    let moment = std::time::Duration::from_millis(200);
    agent.execute("guest-shutdown").timeout(moment).run().unwrap();
    agent.execute("guest-ping").timeout(PLENTY).run().unwrap();
    let error = agent.execute("guest-shutdown").argument("mode", "sideways").run().unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::GenericError), "{error}");
    assert!(Path::new("/sbin").exists());
    agent.execute("guest-ping").run().unwrap();
}

/// A command that runs a shell script where `/sbin` can be replaced, if that can be done.
fn unshare(hide: &str) -> Option<Command> {
    let real = |path: &str| fs::canonicalize(path).ok();
    if real("/sbin") == real("/bin") {
        return None;
    }
    let attempts: [&[&str]; 2] = [&["--mount"], &["--mount", "--map-root-user"]];
    attempts.into_iter().find_map(|arguments| {
        let unshare = || {
            let mut command = Command::new("unshare");
            command.args(arguments).args(["sh", "-c"]);
            command
        };
        let works = unshare().arg(hide).output().is_ok_and(|output| output.status.success());
        works.then(unshare)
    })
}
