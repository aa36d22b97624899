//! Creates a disk image with a job of QEMU or the storage daemon, and follows the job until it
//! ends.
//!
//! ```text
//! cargo run -p qmp-blocking --example job -- unix:/run/vm.qmp /tmp/disk.raw 1073741824
//! ```

use std::process::ExitCode;
use std::time::Duration;

use qmp_blocking::Error;
use qmp_blocking::types::events::JobStatusChange;
use qmp_blocking::types::{
    BlockdevCreate, BlockdevCreateOptions, BlockdevCreateOptionsFile, JobDismiss, JobStatus,
    QueryJobs,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, file, size] = arguments.as_slice() else {
        eprintln!("usage: job ADDRESS FILE SIZE");
        return ExitCode::from(2);
    };
    let Ok(size) = size.parse() else {
        eprintln!("job: {size} is not a number of bytes");
        return ExitCode::from(2);
    };
    match create(address, file, size) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(error)) => {
            eprintln!("job: {error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("job: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the error that the job ended with, if it did.
fn create(address: &str, file: &str, size: u64) -> Result<Option<String>, Error> {
    let qemu = qmp_blocking::connect(address)?;
    // The job may end before the command is answered, so subscribe first: no event is missed.
    let mut changes = qemu.events().named("JOB_STATUS_CHANGE").member("id", "create").subscribe();
    let options = BlockdevCreateOptions::File(BlockdevCreateOptionsFile::new(file, size));
    qemu.call(&BlockdevCreate::new("create", options)).run()?;
    loop {
        let change: JobStatusChange =
            changes.event().timeout(Duration::from_secs(60)).run()?.decode()?;
        println!("{}", change.status);
        if change.status == JobStatus::Concluded {
            break;
        }
    }
    let jobs = qemu.call(&QueryJobs::new()).run()?;
    qemu.call(&JobDismiss::new("create")).run()?;
    Ok(jobs.into_iter().find(|job| job.id == "create").and_then(|job| job.error))
}
