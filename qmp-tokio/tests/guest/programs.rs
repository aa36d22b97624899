//! Programs that the agent runs in the guest.

use qmp_tokio::ErrorClass;
use qmp_tokio::types::qga::{GuestExec, GuestSync};

use crate::guest::{Guest, text};
use crate::server::PLENTY;

on_every_guest!(
    a_program_runs_and_its_output_comes_back,
    others_are_served_while_a_program_runs,
    megabytes_of_output_come_back,
);

async fn a_program_runs_and_its_output_comes_back(guest: Guest) {
    let script = "cat; echo $WORD; echo problem >&2; exit 7";
    let exec = GuestExec::new("/bin/sh")
        .arg(["-c", script])
        .env(["PATH=/bin", "WORD=from the environment"])
        .input_data("from the input\n")
        .capture_output(true);
    let started = guest.agent.call(&exec).await.unwrap();
    let program = guest.finish(started.pid).await;
    assert_eq!(program.exitcode, Some(7));
    assert_eq!(text(program.out_data), "from the input\nfrom the environment\n");
    assert_eq!(text(program.err_data), "problem\n");

    let pid = guest.begin("kill -KILL $$").await;
    let program = guest.finish(pid).await;
    assert_eq!((program.exitcode, program.signal), (None, Some(9)));

    let missing = guest.agent.call(&GuestExec::new("/no/such/program")).await.unwrap_err();
    assert_eq!(missing.class(), Some(ErrorClass::GenericError), "{missing}");
    assert!(missing.to_string().contains("/no/such/program"), "{missing}");
}

async fn others_are_served_while_a_program_runs(guest: Guest) {
    let pid = guest.begin("while [ ! -e /run/enough ]; do sleep 0.1; done; echo enough").await;
    let answers: tokio::task::JoinSet<_> = (0..50)
        .map(|id| {
            let sync = guest.agent.call(&GuestSync::new(id)).timeout(PLENTY);
            async move { sync.await.unwrap() == id }
        })
        .collect();
    assert_eq!(answers.join_all().await, [true; 50]);
    assert!(!guest.status(pid).await.unwrap().exited);
    guest.shell("touch /run/enough").await;
    assert_eq!(text(guest.finish(pid).await.out_data), "enough\n");
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
