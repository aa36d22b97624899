//! Programs that the agent runs in the guest.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use qmp_tokio::ErrorClass;
use serde_json::{Value, json};

use crate::guest::Guest;
use crate::server::PLENTY;

on_every_guest!(
    a_program_runs_and_its_output_comes_back,
    others_are_served_while_a_program_runs,
    megabytes_of_output_come_back,
);

async fn a_program_runs_and_its_output_comes_back(guest: Guest) {
    let script = "cat; echo $WORD; echo problem >&2; exit 7";
    let options = json!({
        "path": "/bin/sh",
        "arg": ["-c", script],
        "env": ["PATH=/bin", "WORD=from the environment"],
        "input-data": BASE64_STANDARD.encode("from the input\n"),
        "capture-output": true,
    });
    let started = guest.agent.execute("guest-exec").arguments(&options).await.unwrap();
    let started: Value = started.decode().unwrap();
    let program = guest.finish(started["pid"].as_u64().unwrap()).await;
    assert_eq!(program.exitcode, Some(7));
    assert_eq!(program.output(), "from the input\nfrom the environment\n");
    assert_eq!(program.errors(), "problem\n");

    let pid = guest.begin("kill -KILL $$").await;
    let program = guest.finish(pid).await;
    assert_eq!((program.exitcode, program.signal), (None, Some(9)));

    let missing = guest.agent.execute("guest-exec").argument("path", "/no/such/program");
    let missing = missing.await.unwrap_err();
    assert_eq!(missing.class(), Some(ErrorClass::GenericError), "{missing}");
    assert!(missing.to_string().contains("/no/such/program"), "{missing}");
}

async fn others_are_served_while_a_program_runs(guest: Guest) {
    let pid = guest.begin("while [ ! -e /run/enough ]; do sleep 0.1; done; echo enough").await;
    let answers: tokio::task::JoinSet<_> = (0..50_u64)
        .map(|id| {
            let sync = guest.agent.execute("guest-sync").argument("id", &id).timeout(PLENTY);
            async move { sync.await.unwrap().decode::<u64>().unwrap() == id }
        })
        .collect();
    assert_eq!(answers.join_all().await, [true; 50]);
    assert!(!guest.status(pid).await.unwrap().exited);
    guest.shell("touch /run/enough").await;
    assert_eq!(guest.finish(pid).await.output(), "enough\n");
    // The agent forgets a program once it has told of its end.
    let error = guest.status(pid).await.unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::GenericError), "{error}");
}

async fn megabytes_of_output_come_back(guest: Guest) {
    const LENGTH: usize = 4 << 20;
    let output = guest.shell(&format!("yes 0123456789abcde | head -c {LENGTH}")).await;
    assert_eq!(output.len(), LENGTH);
    assert!(output.lines().all(|line| line == "0123456789abcde"));
}
